"""What of a table is counted, where its numbers are asked for and not its rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from snoop.control import documents
from snoop.table.seen import Stream

# By document: the name of its rows, then what is told apart among them.
_NAMES: Mapping[str, str] = {"mdb": "entries", "hosts": "joins", "streams": "streams"}
_APART: Mapping[str, Mapping[str, Callable[[Any], Hashable]]] = {
    "mdb": {
        "groups": lambda row: (row.vlan, row.group),
        "ports": lambda row: row.port,
    },
    "hosts": {
        "hosts": lambda row: (row.port, row.mac, row.address),
        "groups": lambda row: (row.vlan, row.group),
        "ports": lambda row: row.port,
    },
    "streams": {
        "groups": lambda row: (row.vlan, row.group),
        "sources": lambda row: row.source,
        "ports": lambda row: row.port,
    },
}
COUNTED = tuple(_NAMES)


class Tally:
    """The numbers of one document, counted as its rows come."""

    def __init__(self, what: str) -> None:
        self._name = _NAMES[what]
        self._rows = 0
        self._apart = [(name, key, set[Hashable]()) for name, key in _APART[what].items()]

    def add(self, rows: Iterable[documents.Entry | documents.Host | Stream]) -> None:
        for row in rows:
            self._rows += 1
            for _, key, seen in self._apart:
                seen.add(key(row))

    def document(self) -> documents.Count:
        return documents.Count(
            count={self._name: self._rows} | {name: len(seen) for name, _, seen in self._apart}
        )
