"""A switch that filters, for tests of it: P1 and P2 are access ports of VLAN 10, P3 of 20; R is a
trunk of both.
"""

from __future__ import annotations

from snoop.proto.effects import Transmit
from snoop.proto.params import SSM_RANGES6, Params, QuerierMode
from snoop.proto.vlans import access, trunk
from snoop.wire import control
from snoop.wire.address import Family, parse
from snoop.wire.messages import Query
from unit.device import P1, P2, P3, R, ports_of
from unit.frames import TO_EX
from unit.proto_lab import OWN, Lab, hello, query, record, v3

OWNER = {"querier": QuerierMode.ON, "querier_address": parse(OWN)}
MLD = Params(family=Family.IPV6, version=2, querier_address=bytes(16), ssm_ranges=SSM_RANGES6)
PORTS = {
    R: {"vlans": trunk([10, 20])},
    P1: {"vlans": access(10)},
    P2: {"vlans": access(10)},
    P3: {"vlans": access(20)},
}


def lab(port: dict[int, dict[str, object]] | None = None, **params: object) -> Lab:
    own = {number: PORTS[number] | (port or {}).get(number, {}) for number in PORTS}
    return Lab(port=own, vlan_filtering=True, **params)


def asking(**params: object) -> Lab:
    """We ask, in both VLANs, and prune."""
    its = lab(**OWNER, **params)
    its.at(40)
    its.clear()
    return its


def following(**params: object) -> Lab:
    """A querier on the trunk asks in both VLANs."""
    its = lab(**params)
    for vid in (10, 20):
        its.hear(R, query(vid=vid))
    its.at(10)
    its.clear()
    return its


def asked_in(its: Lab) -> dict[int, frozenset[int]]:
    """Where queries have gone to, by VLAN."""
    found: dict[int, frozenset[int]] = {}
    for _, effect in its.effects:
        if not isinstance(effect, Transmit) or effect.came_from is not None:
            continue
        if isinstance(control.parse(effect.frame).message, Query):
            found[effect.vid] = found.get(effect.vid, frozenset()) | ports_of(effect.ports)
    return found


def hello_in(vid: int) -> bytes:
    bare = hello()
    return bare[:12] + b"\x81\x00" + vid.to_bytes(2) + bare[12:]


def group(number: int) -> str:
    return f"239.10.{number >> 8}.{number & 255}"


def fill(its: Lab, port: int, *vlans: int, many: int = 1000) -> None:
    for vid in vlans:
        for start in range(0, many, 100):
            records = [record(TO_EX, group(n)) for n in range(start, start + 100)]
            its.hear(port, v3(*records, vid=vid))
