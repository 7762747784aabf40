"""VLANs as IEEE 802.1Q models them (ieee802-dot1q-bridge), with RFC 9166's references to instances.

One bridge with one component. A VLAN has the ports that its frames leave by, and those of them that
they leave by without a tag.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from snoop.control import documents
from snoop.control.tagged import Vlan

Node = dict[str, Any]
MODULE = "ietf-igmp-mld-snooping"
PROTOCOL = {"ipv4": "igmp", "ipv6": "mld"}
_DOT1Q = "ieee802-dot1q-bridge"


def bridges(
    switch: str,
    queriers: list[documents.Querier],
    ports: list[documents.Port],
    vlans: documents.Vlans,
) -> Node:
    """The tree beside `ietf-routing:routing`."""
    instances: dict[int, dict[str, str]] = defaultdict(dict)
    for row in queriers:
        kind = PROTOCOL[row.family]
        instances[row.vlan][f"{MODULE}:{kind}-snooping-instance"] = f"{kind}-vlan{row.vlan}"
    component: Node = {
        "name": switch,
        "type": f"{_DOT1Q}:c-vlan-component",
        "bridge-vlan": {
            "vlan": [_vlan(row) | instances.get(row.vid, {}) for row in vlans.vlans],
        },
    }
    mac = min((port.mac for port in ports if port.mac), default="00:00:00:00:00:00")
    bridge: Node = {
        "name": switch,
        "address": mac.replace(":", "-").upper(),
        "bridge-type": f"{_DOT1Q}:customer-vlan-bridge",
        "component": [component],
    }
    return {f"{_DOT1Q}:bridges": {"bridge": [bridge]}}


def _vlan(row: Vlan) -> Node:
    made: Node = {"vid": row.vid}
    if row.name is not None:
        made["name"] = row.name[:32]  # of the model
    bare = [one.port for one in row.ports if not one.tagged]
    if bare:
        made["untagged-ports"] = bare
    made["egress-ports"] = [one.port for one in row.ports]
    return made
