"""Which tests prove which numbered test idea of the specification (its section 6).

A test names the ideas it proves in its docstring: "Idea 31: ...", "Ideas 21 and 22",
"spec 47-59".  `python tests/unit/spec_ids.py` prints the table of `tests/README.md` from those
docstrings; `test_readme_table.py` holds the table to them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
README = TESTS / "README.md"
IDEAS = frozenset([*range(1, 122), *range(133, 141)])
"""What the table must account for; 122-132 are all MLD's."""

_MLD = frozenset({14, 86})  # of those above: no test of an IPv4 switch can prove them

_NUMBER = r"\d+(?!\d|\.\d)(?:\s*-\s*\d+)?"
_CITED = re.compile(
    rf"\b(?:ideas?|spec)\s+({_NUMBER}(?:(?:,\s*(?:and\s+)?|\s+and\s+){_NUMBER})*)", re.I
)
_ROW = re.compile(r"^\| (\d+) \| (.+) \|$")


def cited(docstring: str) -> frozenset[int]:
    """The ideas a docstring names; a section number (3.2) is none."""
    found: set[int] = set()
    for match in _CITED.finditer(" ".join(docstring.split())):
        for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", match[1]):
            found.update(range(int(first), int(last or first) + 1))
    return (frozenset(found) & IDEAS) - _MLD


def proofs() -> Iterator[tuple[str, frozenset[int]]]:
    """Every test of the tree as `file.py::name` with the ideas it names.

    A class of tests (Hypothesis machines) counts under the name pytest collects it by.
    """
    for path in sorted(TESTS.glob("*/test_*.py")):
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
    """The rows `| number | text |` of one section of the README."""
    text = README.read_text()
    start = text.index(f"## {title}\n")
    end = text.find("\n## ", start + 1)
    rows = (_ROW.match(line) for line in text[start : end if end > 0 else None].splitlines())
    return {int(row[1]): row[2] for row in rows if row}


def table() -> str:
    """The table of the README as the docstrings would have it now."""
    proved: dict[int, list[str]] = {}
    for name, ideas in proofs():
        for idea in ideas:
            proved.setdefault(idea, []).append(f"`{name}`")
    rows = [f"| {idea} | {'<br>'.join(proved[idea])} |" for idea in sorted(proved)]
    return "\n".join(["| idea | tests |", "| --- | --- |", *rows])


if __name__ == "__main__":
    print(table())
