"""The multicast database as the fast path wants it: port sets, and what changed since last time.

`compile_group` and `compile_vlan` fold what the engine knows (views) into rows; they are pure
functions of their arguments.  `Mdb` remembers what was last published and hands out the
difference, so a publish costs what changed, not what exists.  Nothing here packs bytes
(`image.py`) and nothing decides a frame (`fp_decide` does).

Router ports are not folded into group rows: the fast path adds the VLAN's router ports at lookup,
so a router port that comes or goes is one row, not one per group (SNOOP-28).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from snoop.proto.params import Params, PortParams, Unregistered
from snoop.proto.units import Ports
from snoop.proto.views import FilterMode, GroupView, VlanView
from snoop.table.members import ALL_PORTS, Members
from snoop.wire.address import ANY, Address, Family, Prefix


class Row(NamedTuple):
    """Where (group, source) goes in a VLAN, router ports excepted; `source` ANY: all others.

    A named tuple for the cost, like `Delta`: joins wait for these.
    """

    vid: int
    group: Address
    source: Address
    ports: Ports


@dataclass(frozen=True, slots=True)
class VlanRow:
    """What holds for every group of one family in one VLAN.

    `active` False: nothing is pruned, every multicast frame goes to every port (Q-15, VLAN-8).
    `bridged`, of IPv6 only: its messages are no concern of ours either (SNOOP-34).
    `ahead`: joins are served before they are decided (SM-70).
    `mrouters`: the router ports, added to every registered group and, if
    `unregistered_mrouters`, to `unregistered`, the ports for a group without rows.
    `vid` VLAN_DEFAULT: for every VLAN without a row of its own.
    """

    vid: int
    family: Family
    active: bool
    mrouters: Ports
    unregistered: Ports
    unregistered_mrouters: bool = True
    bridged: bool = False
    ahead: bool = False


class Delta(NamedTuple):
    """The difference between two publishes.

    Deletes name what goes: (vid, group, source), (vid, family), the VLAN whose members are those
    of VLAN_DEFAULT again.  `floods` and `flood_deletes` are
    prefixes whose groups go to every port of every VLAN, whatever the rows say (SNOOP-42).
    """

    upserts: tuple[Row, ...] = ()
    deletes: tuple[tuple[int, Address, Address], ...] = ()
    vlans: tuple[VlanRow, ...] = ()
    vlan_deletes: tuple[tuple[int, Family], ...] = ()
    members: tuple[Members, ...] = ()
    member_deletes: tuple[int, ...] = ()
    floods: tuple[Prefix, ...] = ()
    flood_deletes: tuple[Prefix, ...] = ()

    def __bool__(self) -> bool:
        """True if publishing this would change anything."""
        return any(self)


def compile_group(view: GroupView | None) -> dict[Address, Ports]:
    """Fold the members of one group into port sets by source; {} for an unregistered group.

    A registered group always has its ANY row, be it empty (a tombstone, SM-69: registered, router
    ports only, SNOOP-33).  A source whose set equals the ANY row's has no row of its own.
    """
    if view is None:
        return {}
    anyone = view.spared
    wanted: dict[Address, Ports] = {}  # ports that want a source whatever their ANY says
    refused: dict[Address, Ports] = {}  # ports of the ANY row that do not want this source
    for member in view.members:
        bit = 1 << member.port
        if member.filter_mode is FilterMode.EXCLUDE or member.static_any:
            anyone |= bit
        if member.filter_mode is FilterMode.EXCLUDE and not member.static_any:
            for source in member.blocked:
                refused[source] = refused.get(source, 0) | bit
        if member.filter_mode is FilterMode.INCLUDE:
            for source in member.forwarding:
                wanted[source] = wanted.get(source, 0) | bit
        for source in member.static_sources:
            wanted[source] = wanted.get(source, 0) | bit
    rows = {ANY: anyone}
    for source in wanted.keys() | refused.keys():
        ports = (anyone & ~refused.get(source, 0)) | wanted.get(source, 0)
        if ports != anyone:
            rows[source] = ports
    return rows


def compile_vlan(view: VlanView, params: Params, ports: Mapping[int, PortParams]) -> VlanRow:
    """Fold the policy for unregistered groups and the router ports of one VLAN into its row.

    `flood`: every port; `mrouters`: router ports (SNOOP-32); `drop`: no port, not even router
    ports -- a deviation from SNOOP-32 that the operator asks for by name.  A port's own
    `flood_unregistered`, where set, has the last word for that port under every policy; False
    takes nothing from a router port (RFC 4541 2.1.2(3)), since router ports are added at lookup.
    """
    floods = view.floods or params.unregistered is Unregistered.FLOOD
    unregistered = ALL_PORTS if floods else 0
    for port, params_of_port in ports.items():
        own = params_of_port.of(view.family)
        if own.flood_unregistered is True:
            unregistered |= 1 << port
        elif own.flood_unregistered is False:
            unregistered &= ~(1 << port)
    return VlanRow(
        vid=view.vid,
        family=view.family,
        active=view.active,
        mrouters=view.mrouters,
        unregistered=unregistered,
        unregistered_mrouters=params.unregistered is not Unregistered.DROP,
        bridged=view.bridged,
        ahead=view.ahead,
    )


class Mdb:
    """The rows as last taken for publishing, and the changes since.  One writer, no locks.

    `set_*` stage a change and cost what is passed in; `staged` and `published` cost what was
    staged. Setting something to what is published already unstages it, so a flap within one batch
    of frames publishes nothing; a publish that fails loses nothing.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[int, Address], dict[Address, Ports]] = {}
        self._staged_groups: dict[tuple[int, Address], dict[Address, Ports]] = {}
        self._vlans: dict[tuple[int, Family], VlanRow] = {}
        self._staged_vlans: dict[tuple[int, Family], VlanRow | None] = {}
        self._members: dict[int, Members] = {}
        self._staged_members: dict[int, Members | None] = {}
        self._floods: frozenset[Prefix] = frozenset()
        self._staged_floods: frozenset[Prefix] = frozenset()
        self._rows = 0

    @property
    def rows(self) -> int:
        """Group rows published (staged changes not counted)."""
        return self._rows

    def set_group(self, vid: int, group: Address, rows: Mapping[Address, Ports]) -> None:
        """Stage the rows of one group as `compile_group` returns them; {} removes the group."""
        key = (vid, group)
        if self._groups.get(key, {}) == rows:
            self._staged_groups.pop(key, None)
        else:
            self._staged_groups[key] = dict(rows)

    def set_vlan(self, row: VlanRow) -> None:
        """Stage the row of one VLAN and family."""
        self._stage_vlan((row.vid, row.family), row)

    def remove_vlan(self, vid: int, family: Family) -> None:
        """Stage the removal of a VLAN's row: the fast path then floods it."""
        self._stage_vlan((vid, family), None)

    def _stage_vlan(self, key: tuple[int, Family], row: VlanRow | None) -> None:
        if self._vlans.get(key) == row:
            self._staged_vlans.pop(key, None)
        else:
            self._staged_vlans[key] = row

    def set_members(self, rows: Iterable[Members]) -> None:
        """Stage who is in which VLAN, all of it; VLANs not named have the default's members."""
        wanted = {row.vid: row for row in rows}
        self._staged_members = {
            vid: wanted.get(vid)
            for vid in self._members.keys() | wanted.keys()
            if self._members.get(vid) != wanted.get(vid)
        }

    def set_floods(self, prefixes: Iterable[Prefix]) -> None:
        """Stage the whole list of prefixes whose groups always go everywhere (SNOOP-42)."""
        self._staged_floods = frozenset(prefixes)

    def groups(self) -> Iterable[tuple[int, Address]]:
        """Every (vid, group) that is published or about to be."""
        return self._groups.keys() | self._staged_groups.keys()

    def staged(self) -> Delta:
        """What is to be published, until `published` says that it was."""
        upserts: list[Row] = []
        deletes: list[tuple[int, Address, Address]] = []
        for (vid, group), rows in self._staged_groups.items():
            before = self._groups.get((vid, group), {})
            for source, ports in rows.items():
                if before.get(source) != ports:
                    upserts.append(Row(vid, group, source, ports))
            deletes.extend((vid, group, source) for source in before if source not in rows)
        vlans, members = self._staged_vlans, self._staged_members
        if not vlans and not members and self._staged_floods is self._floods:
            return Delta(tuple(upserts), tuple(deletes))
        return Delta(
            tuple(upserts),
            tuple(deletes),
            tuple(row for row in vlans.values() if row is not None),
            tuple(key for key, row in vlans.items() if row is None),
            tuple(row for row in members.values() if row is not None),
            tuple(vid for vid, row in members.items() if row is None),
            tuple(self._staged_floods - self._floods),
            tuple(self._floods - self._staged_floods),
        )

    def published(self) -> None:
        """Count what is staged as published: the fast path has taken it."""
        for key, rows in self._staged_groups.items():
            self._rows += len(rows) - len(self._groups.get(key, {}))
            if rows:
                self._groups[key] = rows
            else:
                del self._groups[key]
        for vlan, row in self._staged_vlans.items():
            if row is None:
                del self._vlans[vlan]
            else:
                self._vlans[vlan] = row
        for vid, members in self._staged_members.items():
            if members is None:
                del self._members[vid]
            else:
                self._members[vid] = members
        self._floods = self._staged_floods
        self._staged_groups.clear()
        self._staged_vlans.clear()
        self._staged_members.clear()
