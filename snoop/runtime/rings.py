"""Receive rings that stopped, programs that somebody took away, and the reopening of their ports at
a bounded rate.

The kernel stops filling a ring for good when it meets a frame with an offload that a virtio header
cannot say (UFO, SCTP), which any tap can send (F-8). And what a port's program serves is not in its
ring: where somebody detaches the program it is lost. `look` asks the fast path about every port and
has those opened again; about programs a thread asks, and what it finds is for the next look. Only
the port that it happened to pays for it: the control thread opens at most `TURN` a look, those
first that wait longest, and who comes again soon waits longer each time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from snoop.links.asking import Asking
from snoop.proto.units import SECOND, Instant
from snoop.runtime.port import Port
from snoop.runtime.ports import Ports

LOOK_SECONDS = 0.25
TURN = 2
PAUSE = SECOND
PAUSE_MAX = 8 * SECOND
FORGOTTEN = 30 * SECOND  # quiet for so long: the next one is a first one again


class Rings(Protocol):
    """The part of the fast path that knows of rings."""

    def port_stuck(self, port: int) -> bool: ...
    def program(self, port: int) -> int: ...
    def program_lost(self, fd: int) -> bool: ...


Program = tuple[int, int, int]
"""Of a port: its number, its interface, a descriptor."""


@dataclass(slots=True)
class _Last:
    """When a port's rings were last reopened, and how long it waits after that."""

    at: Instant
    pause: int


class RingWatch:
    """The looks at the rings of all ports."""

    def __init__(self, rings: Rings, ports: Ports, asking: Asking | None = None) -> None:
        self._rings = rings
        self._ports = ports
        self._asking = asking or Asking()
        self._asks = False
        self._lost: set[tuple[int, int]] = set()
        self._last: dict[int, _Last] = {}

    def look(self, now: Instant) -> list[tuple[Port, str]]:
        """Open again what stopped and is due; the ports concerned, each with what had happened.
        They may have failed to open.
        """
        self._last = {i: last for i, last in self._last.items() if now - last.at < FORGOTTEN}
        self._ask()
        stuck = [(port, self._wrong(port)) for port in self._ports if port.opened]
        due = [(port, why) for port, why in stuck if why and now >= self._due(port.id)]
        due.sort(key=lambda each: self._due(each[0].id))
        for port, _ in due[:TURN]:
            last = self._last.get(port.id)
            pause = PAUSE if last is None else min(2 * last.pause, PAUSE_MAX)
            self._last[port.id] = _Last(now, pause)
            self._lost = {each for each in self._lost if each[0] != port.id}
            self._ports.opener.reopen(port)
        return due[:TURN]

    def _wrong(self, port: Port) -> str:
        if self._rings.port_stuck(port.id):
            return "a frame with an offload that the kernel cannot describe"
        if port.link is not None and (port.id, port.link.ifindex) in self._lost:
            return "somebody took its program off the interface"
        return ""

    def _ask(self) -> None:
        """Which programs were taken away, unless that is still being asked."""
        if self._asks:
            return
        programs: list[Program] = []
        for port in self._ports:
            with contextlib.suppress(OSError):  # no descriptor is free: the next look has one
                fd = -1 if port.link is None else self._rings.program(port.id)
                if port.link is not None and fd >= 0:
                    programs.append((port.id, port.link.ifindex, fd))
        if programs:
            self._asks = True
            self._asking.ask(partial(self._find, programs), self._found)

    def _find(self, programs: Collection[Program]) -> set[tuple[int, int]]:
        return {(port, at) for port, at, fd in programs if self._rings.program_lost(fd)}

    def _found(self, lost: set[tuple[int, int]]) -> None:
        self._asks, self._lost = False, lost

    def _due(self, port: int) -> Instant:
        last = self._last.get(port)
        return Instant(0) if last is None else Instant(last.at + last.pause)
