"""Keeping the host's stack off a port, unless somebody else uses its interface too.

A master, an address and interfaces that sit on it come and go while it is a port; the fast path
follows in place, and no frame is lost by it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from snoop.config import effective
from snoop.config.schema import SwitchTable
from snoop.config.schema_port import PortTable
from snoop.links.interfaces import Link


class GuestTable(Protocol):
    """What sits on an interface: `neighbours.Neighbours`, or what a test puts in its place."""

    def guests(self, ifindex: int) -> Collection[str]: ...


class Isolation:
    """Answers for one port at a time."""

    def __init__(self, switch: SwitchTable, neighbours: GuestTable) -> None:
        self.switch = switch
        self._neighbours = neighbours

    def wanted(self, table: PortTable, link: Link) -> bool:
        """Is the host's stack to be kept off this port, as things are?"""
        return effective.isolate(table, self.switch) and self._obstacle(link) is None

    def notice(self, table: PortTable, link: Link, why_not: str | None) -> str | None:
        """Why it is not, if it was asked to be; `why_not`: the kernel's reason, or None."""
        if not effective.isolate(table, self.switch):
            return None
        if why_not is not None:
            why_not = f"the host's stack is not kept off it: {why_not}"
        return self._obstacle(link) or why_not

    def guests(self, link: Link | None) -> list[str]:
        """The interfaces that sit on the port's: macvlan, VLAN and the like."""
        return [] if link is None else sorted(self._neighbours.guests(link.ifindex))

    def _obstacle(self, link: Link) -> str | None:
        """What stands against it, and what to do."""
        if link.master:
            return (
                "has a master, so its host stack also sees every frame; "
                f"`ip link set {link.name} nomaster` takes it out of there"
            )
        if any(not text.startswith("fe80:") for text in link.addresses):
            return (
                "carries an address, so the host's stack is not kept off it; "
                f"`ip address flush dev {link.name}` removes it, or set isolate = false"
            )
        if guests := self.guests(link):
            return (
                f"other interfaces sit on it ({', '.join(guests)}), so the host's stack is "
                "not kept off it; take them away or set isolate = false"
            )
        return None
