"""What is wrong with a configuration: each problem a line of its own, with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SAID = 8
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w-]+)\s*(?:\.\s*([\w-]+)\s*)?\]")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?(?:\s*\.\s*[\"']?([\w-]+)[\"']?)?\s*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """`index` counts the tables of one name from 0; `key` None: the table itself; "mld.querier": a
    key of a table in it. `meant` is the key, or the table, that is missing by it.
    """

    text: str
    table: str = ""
    index: int | None = None
    key: str | None = None
    meant: str | None = None


class Unknown:
    """What the mistakes of single keys leave open: there a default stands in, of which nothing
    follows.
    """

    def __init__(self, mistakes: Iterable[Problem] = ()) -> None:
        """Learn what is not known by them."""
        self._places: set[tuple[str, int | None, str | None]] = set()
        for one in mistakes:
            whole = one.meant is not None and one.key is None and one.index is None
            table, key = (one.meant, None) if whole else (one.table, one.meant or one.key)
            self._places.add((table or "", one.index, key))

    def has(self, table: str, index: int | None, key: str) -> bool:
        """Tell whether what a key says is not known."""
        return any(
            (table, index, part) in self._places for part in (None, key.split(".", 1)[0], key)
        )

    def any(self, table: str, key: str) -> bool:
        """The same of one of the tables of a name, of which there may be more."""
        return any(name == table and part in (None, key) for name, _, part in self._places)


class ConfigError(Exception):
    """For the operator, all of it at once: which keys, which values, what is allowed."""

    def __init__(self, *problems: str, found: tuple[Problem, ...] = ()) -> None:
        """Say them; `found` are the places of those of a document, in the same order."""
        super().__init__(*problems)
        self.problems = problems
        self.found = found

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
    table, index, inner = "", None, None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table, inner = header[2], header[3]
            if header[1] == "[[" and inner is None:
                seen[table] = seen.get(table, -1) + 1
            index = seen.get(table)
            places.setdefault((table, index, inner), number)
        elif line.lstrip().startswith("["):
            table = ""
        elif key := _KEY.match(line):
            parts = [part for part in (inner, *key.groups()) if part is not None]
            for many in range(len(parts), 0, -1):  # the outer where only one of them is looked for
                places.setdefault((table, index, ".".join(parts[:many])), number)
    return [_line(places, problem) for problem in problems]


def _line(places: dict[tuple[str, int | None, str | None], int], problem: Problem) -> int | None:
    """Its own, or that of the table written on one line that it is in."""
    place = (problem.table, problem.index)
    if problem.key is None:
        return places.get((*place, None))
    return places.get((*place, problem.key)) or places.get((*place, problem.key.split(".", 1)[0]))
