"""Rows about VLANs: those of `show vlans`, and which of them a port is in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from snoop.proto import vlans

Vid = Annotated[int, Meta(ge=0, le=4095)]
"""Checked where a document is taken apart: sets of VLANs have a bit each."""


class Tagging(Struct, frozen=True, kw_only=True, gc=False):
    """The VLANs of a port: `pvid`, in and out without a tag (None: none), and `tagged` ranges."""

    pvid: Vid | None
    tagged: list[str]


class VlanPort(Struct, frozen=True, kw_only=True, gc=False):
    """A port of a VLAN: whether it leaves there with a tag, and whether what has none is of it."""

    port: str
    tagged: bool
    pvid: bool


class VlanFamily(Struct, frozen=True, kw_only=True, gc=False):
    """What one family does in a VLAN; `groups`: those with members or static entries."""

    family: str
    role: str
    pruning: bool
    groups: int


class Vlan(Struct, frozen=True, kw_only=True):
    """A VLAN; `ports` are empty where the switch does not filter: all are in it."""

    vid: Vid
    name: str | None
    ports: list[VlanPort]
    families: list[VlanFamily]


def vids(own: Tagging) -> int:
    """The VLANs of a port as a set, bit `1 << vid` each."""
    found = 1 << own.pvid if own.pvid else 0
    for one in own.tagged:
        first, _, last = one.partition("-")
        end = min(int(last or first), vlans.VID_MAX)
        found |= (1 << end + 1) - (1 << min(int(first), end))
    return found


def spelled(found: int, most: int = 4) -> str:
    """The VLANs of a set: 10, 20-29; a few, and how many more ids and ranges there are."""
    ranges = vlans.ranges(found)
    more = f" and {len(ranges) - most} more" if ranges[most:] else ""
    return ", ".join(ranges[:most]) + more
