"""What has happened of late: events as the lines that monitors print, in rings of a bounded size.

A port has a ring of its own, so that one that floods pushes out what it did itself. What is no
port's has others: what the switch asked, since a leave makes it ask; what befell tagged VLANs,
since anybody may open them; and what is left, which operators did or the switch itself. All are
bounded together in bytes as well: a ring that has less than its share loses nothing to the others.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import NamedTuple

from snoop.proto.dumping import require
from snoop.proto.effects import EventKind
from snoop.runtime.fanout import LINE_BYTES

PORT_MAX = 256
SWITCH_MAX = 1024
BYTES_MAX = 4 << 20
RINGS_MAX = 512  # ports that are gone for good are forgotten, longest silent first

Place = str | tuple[bool, bool]
"""A port's name; else whether it was a query, and whether it was in a tagged VLAN (four rings)."""


class RingState(NamedTuple):
    """A ring that survives: a port's by its name, else what it is of; lines by their numbers."""

    port: str | None
    query: bool
    tagged: bool
    lines: tuple[tuple[int, bytes], ...]


class _Ring:
    __slots__ = ("lines", "most", "weight")

    def __init__(self, most: int) -> None:
        # Plain tuples of a number and bytes: the garbage collector need not look at them.
        self.lines: deque[tuple[int, bytes]] = deque()
        self.most = most
        self.weight = 0

    @property
    def newest(self) -> int:
        return self.lines[-1][0] if self.lines else 0


class History:
    """The lines of what happened, in their order."""

    def __init__(self) -> None:
        self._rings: dict[Place, _Ring] = {}
        self._number = 0
        self._weight = 0

    def append(self, kind: EventKind, vlan: int, port: str | None, line: bytes) -> None:
        """Keep a line, and give up the oldest ones there is no more room for."""
        place = port if port is not None else (kind is EventKind.QUERY, vlan != 0)
        ring = self._rings.get(place) or self._open(place)
        self._number += 1
        lines = ring.lines
        lines.append((self._number, line))
        weight = len(line)
        if len(lines) > ring.most:
            weight -= len(lines.popleft()[1])
        else:
            weight += LINE_BYTES
        ring.weight += weight
        self._weight += weight
        while self._weight > BYTES_MAX:
            over = ring.weight > BYTES_MAX // len(self._rings)
            self._give_up(ring if over else max(self._rings.values(), key=lambda one: one.weight))

    @property
    def count(self) -> int:
        """How many lines there are."""
        return sum(len(ring.lines) for ring in self._rings.values())

    def knows(self, port: str) -> bool:
        """Is there a past of this port?"""
        return port in self._rings

    def lines(self) -> list[bytes]:
        """All that is kept, oldest first."""
        return [line for _, line in sorted(chain(*(ring.lines for ring in self._rings.values())))]

    def dump(self) -> tuple[RingState, ...]:
        """What survives."""
        return tuple(
            RingState(place, False, False, tuple(ring.lines))
            if isinstance(place, str)
            else RingState(None, *place, tuple(ring.lines))
            for place, ring in self._rings.items()
        )

    def load(self, states: tuple[RingState, ...]) -> None:
        """Take up what was dumped, where nothing has happened yet."""
        for port, query, tagged, lines in states:
            ring = self._open((query, tagged) if port is None else port)
            ring.lines.extend(lines[-ring.most :])
            ring.weight = sum(len(line) + LINE_BYTES for _, line in ring.lines)
            self._weight += ring.weight
            self._number = max(self._number, ring.newest)

    @staticmethod
    def require_sense(states: tuple[RingState, ...]) -> None:
        """BadState for what no history can be."""
        places = {(port, query, tagged) for port, query, tagged, _ in states}
        require(len(places) == len(states) <= RINGS_MAX, "too many pasts, or one of them twice")
        weight = 0
        for state in states:
            numbers = [number for number, _ in state.lines]
            require(numbers == sorted(set(numbers)) and min(numbers, default=1) > 0, "no past")
            weight += sum(len(line) + LINE_BYTES for _, line in state.lines)
        require(weight <= BYTES_MAX, "a past that is too long")

    def _open(self, place: Place) -> _Ring:
        if len(self._rings) >= RINGS_MAX:
            silent = min(self._rings, key=lambda each: self._rings[each].newest)
            self._weight -= self._rings.pop(silent).weight
        ring = self._rings[place] = _Ring(PORT_MAX if isinstance(place, str) else SWITCH_MAX)
        return ring

    def _give_up(self, ring: _Ring) -> None:
        _, line = ring.lines.popleft()
        weight = len(line) + LINE_BYTES
        ring.weight -= weight
        self._weight -= weight
