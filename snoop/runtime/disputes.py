"""Addresses claimed at a second port, told once and again only after a while (F-12).

The fast path decides (native `fp_move.h`) and counts; here the addresses and both ports become
events. A thief can claim any number of addresses any number of times: looks, entries and memory
are bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from snoop.proto.units import SECOND, Duration, Instant
from snoop.table.seen import FdbEntry

LOOK = Duration(SECOND)
QUIET = Duration(60 * SECOND)
MOST = 64
TOLD_MAX = 1024


class Fdb(Protocol):
    """The part of the fast path that knows of disputes."""

    @property
    def fdb_disputes(self) -> int: ...
    def fdb_disputed(self, within_ns: int, *, most: int) -> Sequence[FdbEntry]: ...


class Disputes:
    """What has been told of which address."""

    def __init__(self, fdb: Fdb) -> None:
        self._fdb = fdb
        self._seen = 0
        self._looked: Instant | None = None
        self._told: dict[tuple[int, bytes, int], Instant] = {}

    def look(self, now: Instant) -> list[FdbEntry]:
        """The disputes that nobody was told of in the last minute."""
        grown = self._fdb.fdb_disputes
        if grown == self._seen or (self._looked is not None and now - self._looked < LOOK):
            return []
        self._looked = now
        self._told = {key: at for key, at in self._told.items() if now - at < QUIET}
        news = []
        for entry in self._fdb.fdb_disputed(2 * LOOK, most=MOST):
            if entry.rival is None:
                continue
            self._seen = grown  # Not before something was there to be told.
            key = (entry.vlan, entry.mac, entry.rival)
            if key not in self._told and len(self._told) < TOLD_MAX:
                self._told[key] = now
                news.append(entry)
        return news
