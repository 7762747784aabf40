"""A container's interface on a switch: made whole, or nothing is left of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from snoop.containers import pairs, switches
from snoop.containers.switches import NoSwitch, Switch, Unmet
from snoop.links.pairs import End


class NotJoined(Exception):
    """Why not, for whoever started the container. `later`: it may go well another time."""

    def __init__(self, text: str, *, later: bool = False) -> None:
        super().__init__(text)
        self.later = later


def attach(
    switch: Switch,
    outer: str,
    inner: End,
    *,
    options: Mapping[str, object],
    mtu: int | None = None,
    description: str = "",
) -> None:
    """Make a pair, its end `outer` in the switch's namespace and a port with these options of
    `[[port]]`, up; the other end as `inner` says, down. NotJoined, and nothing is left.
    """
    given = {**options, "description": said} if (said := switches.label(description)) else options
    try:
        pairs.make(End(outer, switch.namespace), inner, mtu=mtu)
    except FileExistsError as error:
        raise NotJoined(f"an interface {inner.name} or {outer} is there already") from error
    except OSError as error:
        raise NotJoined(f"cannot make {inner.name}: {error.strerror}") from error
    try:
        pairs.ipv6(switch.namespace, outer, on=False)
        pairs.set_up(switch.namespace, outer)
        switch.port_add(outer, given)
    except BaseException as error:
        with contextlib.suppress(OSError):
            pairs.remove(switch.namespace, outer)
        if isinstance(error, NoSwitch | Unmet | OSError):
            raise NotJoined(str(error), later=isinstance(error, NoSwitch)) from error
        raise


def detach(switch: str, outer: str, socket: str | None = None) -> bool:
    """Delete a container's end at the switch of that name, and so both; False where it, or the
    switch, is there no more.
    """
    try:
        with switches.found(switch, socket) as running:
            return pairs.remove(running.namespace, outer)
    except NoSwitch:
        return False
