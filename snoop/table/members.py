"""Who is in which VLAN, and who has it without a tag: what filtering goes by (VLAN-3, VLAN-5).

A function of what each port is said to be in; the engine's instances do not matter here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from snoop.proto.units import Ports
from snoop.proto.vlans import PortVlans

VLAN_DEFAULT = 0xFFFF
"""The `vid` of the row that holds for VLANs without one of their own."""

ALL_PORTS: Ports = (1 << 256) - 1
"""Every port id there can be; the fast path masks it with the ports that are up."""


@dataclass(frozen=True, slots=True)
class Members:
    """The ports of a VLAN, and those of them that its frames leave by without a tag."""

    vid: int
    ports: Ports
    untagged: Ports = 0


EVERYBODY = (Members(VLAN_DEFAULT, ALL_PORTS),)
"""Of a switch that does not filter: all ports in every VLAN, and no tag changes."""


def compile_members(ports: Mapping[int, PortVlans]) -> list[Members]:
    """The members of every VLAN that a port is in; in all others is nobody, VLAN 0 among them."""
    members: dict[int, Ports] = {}
    untagged: dict[int, Ports] = {}
    alike: dict[int, Ports] = {}  # trunks of one list: thousands of VLANs are gone through once
    for port, vlans in ports.items():
        if vlans.pvid:
            untagged[vlans.pvid] = untagged.get(vlans.pvid, 0) | 1 << port
        alike[vlans.tagged] = alike.get(vlans.tagged, 0) | 1 << port
    for tagged, mask in alike.items():
        for vid in PortVlans(0, tagged).vids():
            members[vid] = members.get(vid, 0) | mask
    rows = [Members(VLAN_DEFAULT, 0)]
    for vid in sorted(members.keys() | untagged.keys()):
        bare = untagged.get(vid, 0)
        rows.append(Members(vid, members.get(vid, 0) | bare, bare))
    return rows
