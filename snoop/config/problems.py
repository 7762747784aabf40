"""What is wrong with a configuration: each problem a line of its own, with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SAID = 8
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w-]+)\s*\]")


@dataclass(frozen=True, slots=True)
class Problem:
    """`index` counts the tables of one name from 0; `key` None: the table itself."""

    text: str
    table: str = ""
    index: int | None = None
    key: str | None = None


class ConfigError(Exception):
    """For the operator, all of it at once: which keys, which values, what is allowed."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        """One line, for a log and a client."""
        more = len(self.problems) - _SAID
        return "; ".join(self.problems[:_SAID]) + (f"; and {more} more" if more > 0 else "")


def lines_of(text: str, problems: Iterable[Problem]) -> list[int | None]:
    """The line of the file, from 1, where each is; None for what is not to be found for sure."""
    if '"""' in text or "'''" in text:  # whose lines look like any other
        return [None for _ in problems]
    places: dict[tuple[str, int | None, str | None], int] = {}
    seen: dict[str, int] = {}
    table, index = "", None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table, index = header[2], None
            if header[1] == "[[":
                index = seen[table] = seen.get(table, -1) + 1
            places.setdefault((table, index, None), number)
        elif line.lstrip().startswith("["):
            table = ""
        elif key := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            places.setdefault((table, index, key[1]), number)
    return [places.get((problem.table, problem.index, problem.key)) for problem in problems]
