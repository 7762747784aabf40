"""VLANs as rows: which ports are in each, which each port is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from snoop.config import resolve
from snoop.control.rows import Wanted, family
from snoop.control.tagged import Tagging, Vlan, VlanFamily, VlanPort
from snoop.proto import vlans as vids
from snoop.proto.views import QuerierRow, Role
from snoop.proto.vlans import PortVlans
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port
from snoop.wire.address import Family

Named = tuple[str, PortVlans]
"""A port by its name, and its VLANs."""


_ranges = lru_cache(1024)(vids.ranges)  # asked of every port, whenever one is shown


def of(plane: Plane, port: Port) -> PortVlans | None:
    """The VLANs of a port; None: the switch does not filter."""
    return resolve.port_vlans(plane.config.switch, port.table)


def tagging(port: PortVlans | None) -> Tagging | None:
    """The VLANs of a port for `show ports`; None where the switch does not filter."""
    if port is None:
        return None
    return Tagging(pvid=port.pvid or None, tagged=_ranges(port.tagged))


def inhabited(ports: Iterable[PortVlans]) -> list[int]:
    """The VLANs that have a port."""
    every = 0
    for port in ports:
        every |= port.tagged | (1 << port.pvid if port.pvid else 0)
    return list(PortVlans(0, every).vids())


def vlan(
    vid: int,
    ports: Iterable[Named],
    queriers: Iterable[QuerierRow],
    groups: Mapping[tuple[int, Family], int],
    pruning: Mapping[Family, bool],
    wanted: Wanted,
    called: Mapping[int, str],
) -> Vlan:
    """One row of `show vlans`; `queriers` are those of this VLAN, if it has any."""
    roles = {row.family: row.role for row in queriers}
    return Vlan(
        vid=vid,
        name=called.get(vid),
        ports=[
            VlanPort(port=name, tagged=vid != vlans.pvid, pvid=vid == vlans.pvid)
            for name, vlans in ports
            if vlans.has(vid)
        ],
        families=[
            VlanFamily(
                family=family(each),
                role=roles.get(each, Role.NONE).value,
                pruning=pruning[each],
                groups=groups.get((vid, each), 0),
            )
            for each in Family
            if wanted.family in (None, each)
        ],
    )
