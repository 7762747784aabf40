"""Which rules there are (`snoop/RULES.md`) and where they are cited.

A rule is a row of that page; a citation is its id in a comment, a docstring or a text of ours:
"SM-12", "SNOOP-1, 3, 4", "SM-20..22", "W-20 to W-28".  `python tests/unit/rules.py SM-12` lists the
places, without an id all of them; `test_rules.py` holds the page to them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "snoop/RULES.md"

# Who cites: the product, its tests, the lab.
PRODUCT = ("snoop/**/*.py", "native/src/*.[ch]", "native/include/*.h")
TESTS = ("tests/**/*.py", "tests/vectors/*.txt", "native/tests/*.[ch]", "native/fuzz/*.[ch]")
LAB = ("netns-lab/**/*.py", "snoop/lab/*.py")
PROSE = ("*.md", "snoop/**/*.md", "native/*.md", "netns-lab/*.md", "tests/*.md")

_THEMES = "SNOOP|LOOP|VLAN|MLD|NET|SAY|BM|L2|SM|TM|[BDFGJNQVW]"
_ID = re.compile(rf"(?<![\w-])({_THEMES})-(\d+)(?![\w-])")
# What may follow an id: "..22", " to SM-12", ", 3", "/6".  A bare number counts only where nothing
# but the end of a list can follow it: "1, 3)" and not "1, 3 s".
_END = r"(?=\.\.|/|,\s|\sand\s|\sto\s|[);:\"]|\.(?!\d)|$)"
_NEXT = re.compile(rf"(\.\.|/|,\s|\sand\s|\sto\s)(?:({_THEMES})-)?(\d+)(?:(?<=/\d)\b|{_END})")
_SECTION = re.compile(r"\bspec (\d+\.\d+)\b", re.IGNORECASE)
_ROW = re.compile(r"^\| ([A-Z0-9]+-\d+) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: `source` is where the rule is from, `kept` how it is kept."""

    id: str
    text: str
    source: str
    kept: str


def lines() -> list[str]:
    """Every line of a table of the page that should be a row."""
    heads = ("| id |", "| --- |")
    return [
        line
        for line in PAGE.read_text().splitlines()
        if line.startswith("|") and not line.startswith(heads)
    ]


def rules() -> list[Rule]:
    """Every row of the page, in order."""
    found = []
    for row in _ROW.finditer(PAGE.read_text()):
        text, source, kept = (cell.strip() for cell in f"{row[2]} ".rsplit("|", 2))
        found.append(Rule(row[1], text, source, kept))
    return found


def cited(text: str, known: Iterable[str] = ()) -> set[str]:
    """The ids a text cites.  A range cites its ends and those of `known` that lie between."""
    found = set()
    for first in _ID.finditer(text):
        theme, last, end = first[1], int(first[2]), first.end()
        found.add(f"{theme}-{last}")
        while (more := _NEXT.match(text, end)) and more[2] in (None, theme):
            number, end = int(more[3]), more.end()
            between = range(last + 1, number) if more[1] in ("..", " to ") else ()
            found.update({f"{theme}-{one}" for one in between}.intersection(known))
            found.add(f"{theme}-{number}")
            last = number
    return found


def sections(text: str) -> set[str]:
    """The sections a text cites: "spec 3.4"."""
    return set(_SECTION.findall(text))


def files(*patterns: str) -> Iterator[Path]:
    """The files that `patterns` name; this page and its tools apart, and the lab if not named."""
    apart = {PAGE, Path(__file__), Path(__file__).with_name("test_rules.py")}
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path not in apart and (pattern in LAB or path.parent != ROOT / "snoop/lab"):
                yield path


def places(*patterns: str) -> dict[str, list[str]]:
    """Where each cited id is cited, as `file:line`."""
    known = {rule.id for rule in rules()}
    found: dict[str, list[str]] = {}
    for path in files(*patterns):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            for one in cited(line, known):
                found.setdefault(one, []).append(f"{path.relative_to(ROOT)}:{number}")
    return found


if __name__ == "__main__":
    where = places(*PRODUCT, *TESTS, *LAB, *PROSE)
    for name in sys.argv[1:] or [rule.id for rule in rules()]:
        print(f"{name}:", *where.get(name, ["nowhere"]), sep="\n  ")
