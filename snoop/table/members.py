"""Who is in which VLAN, and who has it without a tag: what filtering goes by (VLAN-3, VLAN-5).

A function of what each port is said to be in; the engine's instances do not matter here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from snoop.proto.units import Ports
from snoop.proto.vlans import VID_MAX, PortVlans

VLAN_DEFAULT = 0xFFFF
"""The `vid` of the row that holds for VLANs without one of their own."""

ALL_PORTS: Ports = (1 << 256) - 1
"""Every port id there can be; the fast path masks it with the ports that are up."""


class Members(NamedTuple):
    """The ports of a VLAN, and those of them that its frames leave by without a tag.

    A named tuple for the cost: a switch may have 4 094 of them.
    """

    vid: int
    ports: Ports
    untagged: Ports = 0


EVERYBODY = (Members(VLAN_DEFAULT, ALL_PORTS),)
"""Of a switch that does not filter: all ports in every VLAN, and no tag changes."""


def compile_members(ports: Mapping[int, PortVlans]) -> list[Members]:
    """The members of every VLAN that a port is in; in all others is nobody, VLAN 0 among them."""
    untagged: dict[int, Ports] = {}
    alike: dict[int, Ports] = {}  # trunks of one list
    for port, vlans in ports.items():
        if vlans.pvid:
            untagged[vlans.pvid] = untagged.get(vlans.pvid, 0) | 1 << port
        alike[vlans.tagged] = alike.get(vlans.tagged, 0) | 1 << port
    tagged: dict[tuple[str, ...], Ports] = {}  # VLANs that the same trunks have
    # Bit by bit in integers of 4 094 it would take seconds, where all trunks differ.
    columns = zip(*(f"{each:0{VID_MAX + 1}b}"[::-1] for each in alike), strict=True)
    rows = [Members(VLAN_DEFAULT, 0)]
    for vid, has in enumerate(columns):
        if has not in tagged:
            tagged[has] = sum(m for m, one in zip(alike.values(), has, strict=True) if one == "1")
        bare = untagged.get(vid, 0)
        if members := tagged[has] | bare:
            rows.append(Members(vid, members, bare))
    return rows
