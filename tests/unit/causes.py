"""The table of causes in `snoop/TROUBLESHOOTING.md`, as tests read it: `…` stands for anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[2] / "snoop" / "TROUBLESHOOTING.md"
HEAD = ["cause", "what is wrong", "`snoop check` says", "`snoop explain` says", "the line to type"]
SILENT = "–"


@dataclass(frozen=True)
class Row:
    cause: str
    trouble: str
    check: str
    explain: str
    line: str

    def is_said_by(
        self, *, severity: str, subject: str, finding: str, do: str, cause: str, **_: object
    ) -> bool:
        """Does a finding say what the row says?"""
        said = f"{severity}: {subject}: {finding}"
        return (
            cause == self.cause
            and _pattern(self.check).fullmatch(said) is not None
            and _pattern(self.line).search(do.replace("`", "")) is not None
        )

    def is_explained_by(self, because: str) -> bool:
        """Does a reason or a note of `explain` say what the row says?"""
        return _pattern(self.explain).search(because.replace("`", "")) is not None


def _pattern(cell: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in cell.replace("`", "").split("…")))


@cache
def rows() -> dict[str, Row]:
    """The rows, by what is wrong."""
    lines = [_cells(line) for line in PAGE.read_text().splitlines() if line.startswith("|")]
    first = lines.index(HEAD) + 2
    found = {}
    for cells in lines[first:]:
        if len(cells) != len(HEAD):
            break
        assert cells[1] not in found, cells[1]
        found[cells[1]] = Row(cells[0].strip("`"), *cells[1:])
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
