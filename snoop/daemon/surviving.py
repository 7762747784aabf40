"""What of a switch survives its process, as one value: `take` it here, `take_up` in another.

    data = saved.pack(take(name, settings, plane, counters))
    state = opened(data, name)                  # BadState: not one of this switch, here and now
    take_up(state, settings)                    # before the plane is made
    plane = Plane(…, state=state.plane)         # plane.refused: it is none after all
    counters.take_up(state.cleared)

Where it is from is part of it: the same numbers mean something else after another boot, and in
another network namespace the same names are other interfaces.
"""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from snoop.config.settings import CommandsState, Settings
from snoop.control.statistics import ClearedState, Counters
from snoop.proto.dumping import BadState
from snoop.proto.units import Instant
from snoop.runtime import clock, saved
from snoop.runtime.plane import Plane
from snoop.runtime.surviving import PlaneState

_log = logging.getLogger("snoop.state")

_SO_NETNS_COOKIE: Final = 71  # Linux 5.14
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE: Final = Path("/proc/self/ns/net")


class SwitchState(NamedTuple):
    """All that survives a process. `ended`: it ended because it was told to."""

    switch: str
    boot: str
    namespace: int
    taken: Instant
    ended: bool
    plane: PlaneState
    commands: CommandsState
    cleared: ClearedState


def take(
    name: str, settings: Settings, plane: Plane, counters: Counters, *, ended: bool = False
) -> SwitchState:
    """All that survives of the switch `name`, as it is now: nothing changes it any more."""
    return gather(name, settings, plane, counters, ended=ended)()


def gather(
    name: str, settings: Settings, plane: Plane, counters: Counters, *, ended: bool = False
) -> Callable[[], SwitchState]:
    """What takes it, at once or in a copy of this process that is made now."""
    taken, of_plane = clock.now(), plane.gather()
    return lambda: SwitchState(
        switch=name,
        boot=boot(),
        namespace=namespace(),
        taken=taken,
        ended=ended,
        plane=of_plane(),
        commands=settings.dump(),
        cleared=counters.dump(),
    )


def opened(data: bytes, name: str) -> SwitchState:
    """The state that was packed; BadState for one of another switch, place or boot."""
    state = saved.unpack(data, SwitchState)
    if state.boot != boot():
        raise BadState("of before this machine was started")
    if state.namespace != namespace():
        raise BadState("of another network namespace")
    if state.switch != name:
        raise BadState(f'of the switch "{state.switch}", this is "{name}"')
    if not 0 < state.taken <= clock.now():
        raise BadState("taken later than now")
    return state


def take_up(state: SwitchState, settings: Settings) -> None:
    """Have what commands said hold again, as far as the file allows it still."""
    for said in settings.take_up(state.commands):
        _log.warning("left out, since it does not go with the file any more: %s", said)


@cache
def boot() -> str:
    """Which start of this machine this is: CLOCK_MONOTONIC is of one."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@cache
def namespace() -> int:
    """A number that no other network namespace of this boot has, or, before Linux 5.14, has now."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            cookie = sock.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    except OSError:
        return _NAMESPACE.stat().st_ino
    return int.from_bytes(cookie, sys.byteorder)
