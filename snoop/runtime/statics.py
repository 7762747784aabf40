"""The static entries of the file: which of them the engine has, and which it is to have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set

from snoop.proto.effects import By, Effect
from snoop.proto.engine import Engine
from snoop.proto.groups import Full
from snoop.proto.statics import StaticEntry
from snoop.proto.units import Instant


class FileStatics:
    """Those that the engine has; those of `snoop mdb add` are not its business."""

    def __init__(self) -> None:
        self._held: set[StaticEntry] = set()

    def become(
        self,
        engine: Engine,
        wanted: Set[StaticEntry],
        *,
        now: Instant,
        full: Callable[[int, str], None],
    ) -> Iterator[Effect]:
        """Have these and no others. One that has no room is told of, and tried again when things
        change.
        """
        for entry in self._held - wanted:
            try:
                effects = engine.static_del(entry, now=now, by=By.FILE)
            except KeyError:  # the state of another process named it, and had it nowhere
                continue
            yield from effects
        yield from engine.advance(now)
        for entry in wanted - self._held:
            try:
                effects = engine.static_add(entry, now=now, by=By.FILE)
            except Full as error:  # by those of `snoop mdb add`: the file itself was checked
                full(entry.port, str(error))
                wanted = wanted - {entry}
                continue
            yield from effects
        self._held = set(wanted)

    @property
    def held(self) -> frozenset[StaticEntry]:
        """Those that the engine has."""
        return frozenset(self._held)

    def take_up(self, held: Set[StaticEntry]) -> None:
        """An engine that was loaded has these."""
        self._held = set(held)

    def forget(self, port: int) -> None:
        """A port is gone, and the engine has forgotten its entries: the next of that number gets
        its own.
        """
        self._held = {entry for entry in self._held if entry.port != port}
