"""What a switch does at its start with the state of the one before it, and what it leaves itself.

A state that is of use is gone on from, and said in one line; one that is not is named in one line,
and nothing of it holds, nor of one that is older than all that it remembers. Who is told to end by
a service manager may be started again at once (`systemctl restart`), so he leaves his state, which
holds for a minute; any other end forgets, as a bridge does.

After a crash something may have been said that nobody heard, so everybody is asked at once, where
the switch prunes, and to answer soon: who joined in the last moment is not served before. Over
IPv6 nobody asks in another querier's place (MLD-4): there a host that joined in the moment of the
crash is heard when it says so once more, or when it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from typing import Final

from snoop.config import resolve
from snoop.config.schema import Config
from snoop.daemon import surviving
from snoop.daemon.surviving import SwitchState
from snoop.proto.dumping import BadState
from snoop.proto.effects import EventKind
from snoop.proto.units import SECOND, Duration
from snoop.proto.views import Role
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.snapshot import Snapshot
from snoop.wire.address import Family

_log = logging.getLogger("snoop.state")

ENDED_HOLDS: Final = 60 * SECOND
_TURN: Final = 50  # instances asked at once
_TURN_SECONDS: Final = 0.25
_SOON: Final = 1 * SECOND
_EACH: Final = SECOND // 2000  # so that many memberships are not answered for all at once


def found(snapshot: Snapshot, config: Config) -> SwitchState | None:
    """What the switch of this configuration can go on from, if there is something."""
    snapshot.sweep()
    try:
        data = snapshot.read()
        if data is None:
            return None
        state = surviving.opened(data, config.switch.name)
    except BadState as error:
        _refuse(snapshot, str(error))
        return None
    age = clock.now() - state.taken
    if state.ended and age > ENDED_HOLDS:
        _refuse(snapshot, f"the switch was ended {age // SECOND} s ago")
        return None
    if age > ENDED_HOLDS and age > (holds := _holds(config)):
        _refuse(snapshot, f"{age // SECOND} s old, and nothing is remembered for {holds // SECOND}")
        return None
    return state


def _holds(config: Config) -> int:
    """The longest that a host or an address is remembered unheard, in nanoseconds. Values that are
    adopted from another querier at most double our own (Q-18).
    """
    igmp = resolve.params(config, port_id=lambda _: None, switch_mac=resolve.NO_MAC)
    every = [igmp, *(params for _, params in igmp.vlans)]
    if igmp.mld is not None:
        every += [igmp.mld, *(params for _, params in igmp.mld.vlans)]
    members = max(2 * params.timings.gmi for params in every)
    return max(members, round(config.switch.fdb_ageing * SECOND))


def _refuse(snapshot: Snapshot, why: str) -> None:
    _log.warning("begun anew: the state in %s is of no use: %s", snapshot.path, why)
    snapshot.remove()


def said(state: SwitchState, plane: Plane, snapshot: Snapshot) -> bool:
    """What has become of it; False: the plane has begun anew."""
    if plane.refused is not None:
        _refuse(snapshot, str(plane.refused))
        return False
    age = (clock.now() - state.taken) / SECOND
    members = sum(plane.engine.port_groups(port.id) for port in plane.ports)
    _log.warning(
        "going on after %s: the state is %.1f s old, %d memberships",
        "an end" if state.ended else "a crash", age, members,
    )  # fmt: skip
    after = "end" if state.ended else "crash"
    fields: dict[str, object] = {"after": after, "age": round(age, 3), "memberships": members}
    plane.say(EventKind.RESUMED, fields)
    return True


class Asking:
    """Everybody is asked, some VLANs at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, plane: Plane) -> None:
        self._loop = loop
        self._plane = plane
        self._left = deque(plane.engine.instances())
        members = sum(plane.engine.port_groups(port.id) for port in plane.ports)
        self._within = Duration(max(_SOON, members * _EACH))
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Now, and again until all have been."""
        engine, now = self._plane.engine, clock.now()
        follows = {
            (row.vid, row.family)
            for row in engine.queriers(now)
            if row.family is Family.IPV6 and row.role is Role.NON_QUERIER
        }
        for _ in range(min(_TURN, len(self._left))):
            vid, family = self._left.popleft()
            if (vid, family) in follows or not engine.vlan_view(vid, family).active:
                continue
            with contextlib.suppress(KeyError):  # it has ended meanwhile
                effects = engine.query(
                    vid=vid, group=None, port=None, now=now, family=family, within=self._within
                )
                self._plane.do(effects)
        if self._left:
            self._timer = self._loop.call_later(_TURN_SECONDS, self.ask)

    def end(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()


def is_managed() -> bool:
    """Will a service manager say what comes after an end?"""
    return bool(os.environ.get("NOTIFY_SOCKET"))
