"""Which tests prove which numbered test idea.

The ideas and their sentences are the table of `tests/README.md`.  A test names the ideas it proves
in its docstring: "Idea 31: ...", "Ideas 21 and 22", "spec 47-59".  `python tests/unit/spec_ids.py`
writes the tests into the table, the sentences stay; `test_readme_table.py` holds the table to them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
README = TESTS / "README.md"
TITLE = "The numbered test ideas"
IDEAS = frozenset(range(1, 141))

_NUMBER = r"\d+(?!\d|\.\d)(?:\s*-\s*\d+)?"
_CITED = re.compile(
    rf"\b(?:ideas?|spec)\s+({_NUMBER}(?:(?:,\s*(?:and\s+)?|\s+and\s+){_NUMBER})*)", re.I
)
_ROW = re.compile(r"^\| (\d+)(?:-(\d+))? \| (.+) \|$")


def cited(docstring: str) -> frozenset[int]:
    """The ideas a docstring names; a section number (3.2) is none."""
    found: set[int] = set()
    for match in _CITED.finditer(" ".join(docstring.split())):
        for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", match[1]):
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found) & IDEAS


def proofs() -> Iterator[tuple[str, frozenset[int]]]:
    """Every test of the tree as `file.py::name` with the ideas it names.

    A class of tests (Hypothesis machines) counts under the name pytest collects it by.
    """
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        where = path.relative_to(TESTS)
        documented = {
            node.name: ast.get_docstring(node) or ""
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        for name, docstring in documented.items():
            if name.startswith("test_"):
                yield f"{where}::{name}", cited(docstring)
        for node in tree.body:  # TestMachine = Machine.TestCase
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
                target, machine = node.targets[0], node.value.value
                if isinstance(target, ast.Name) and target.id.startswith("Test"):
                    docstring = documented.get(getattr(machine, "id", ""), "")
                    yield f"{where}::{target.id}", cited(docstring)


def section(title: str) -> dict[int, str]:
    """The rows `| number | text |` of one section; a row `122-132` counts for each number."""
    text = README.read_text()
    start = text.index(f"## {title}\n")
    end = text.find("\n## ", start + 1)
    rows = (_ROW.match(line) for line in text[start : end if end > 0 else None].splitlines())
    return {
        number: row[3]
        for row in rows
        if row
        for number in range(int(row[1]), int(row[2] or row[1]) + 1)
    }


def sentences() -> dict[int, str]:
    """What each idea says."""
    return {idea: text.split(" | ")[0] for idea, text in section(TITLE).items()}


def table() -> str:
    """The table of the README as the docstrings would have it now."""
    proved: dict[int, list[str]] = {}
    for name, ideas in proofs():
        for idea in ideas:
            proved.setdefault(idea, []).append(f"`{name}`")
    rows = [
        f"| {idea} | {sentence} | {'<br>'.join(proved.get(idea, ['–']))} |"
        for idea, sentence in sorted(sentences().items())
    ]
    return "\n".join(["| idea | what holds | tests |", "| --- | --- | --- |", *rows])


def write() -> None:
    """Put the table into the README."""
    text = README.read_text()
    start = text.index("| idea |", text.index(f"## {TITLE}\n"))
    README.write_text(text[:start] + table() + text[text.index("\n\n", start) :])


if __name__ == "__main__":
    write()
