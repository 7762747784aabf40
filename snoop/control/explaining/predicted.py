"""What the engine would refuse of a report, were it to come in now: filters, SSM ranges, limits.

Said by the rules that `proto.reports` goes by (SM-46, SM-68), from what is held at this moment.
"""

from __future__ import annotations

from snoop.control.explaining import hints
from snoop.proto import shares
from snoop.proto.filters import PrefixList
from snoop.runtime.plane import Plane
from snoop.runtime.ports import Port
from snoop.wire import address
from snoop.wire.address import Address
from snoop.wire.messages import Record, RecordType, Report

_JOINS = (RecordType.IS_EX, RecordType.TO_EX)
_ADDS = (RecordType.IS_IN, RecordType.TO_IN, RecordType.ALLOW)
_RECORDS_MAX = 8  # that are told of


def refusals(plane: Plane, port: Port, vid: int, report: Report) -> list[str]:
    """Say what of a report is not taken as it says, and by which key."""
    room = _Room(plane, port, vid)
    said: list[str] = []
    for record in report.records:
        joins = record.type in _JOINS or (record.type in _ADDS and record.sources)
        why = joins and (_rule(plane, port, report.version, record) or room.lacks(record))
        if why and len(said) < _RECORDS_MAX:
            said.append(f"its join of {address.text(record.group)} {why}")
    return said


def _rule(plane: Plane, port: Port, version: int, record: Record) -> str | None:
    """Why a join is refused, whatever is held."""
    group = record.group
    if address.is_link_local_group(group):
        return "is not kept: 224.0.0.0/24 goes to every port anyway"
    if key := hints.barred(port.table, group):
        return f"is refused: {key}"
    if (record.type in _JOINS or version < 3) and group in PrefixList(plane.params.ssm_ranges):
        return "is refused: [igmp] ssm_ranges"
    return None


class _Room:
    """What a port and its VLAN may hold besides; each join that is taken takes of it."""

    def __init__(self, plane: Plane, port: Port, vid: int) -> None:
        """Look at what they hold."""
        self._engine, self._port, self._vid = plane.engine, port, vid
        self._params = dict(plane.params.vlans).get(vid, plane.params)
        vlans, ports = plane.engine.group_counts()
        self._groups, self._members = vlans.get(vid, 0), ports.get(port.id, 0)
        self._bytes = (port.table.max_state << 20) - plane.engine.port_state_bytes(port.id)
        self._opened: set[Address] = set()

    def lacks(self, record: Record) -> str | None:
        """Say which limit refuses a record, or has it taken for more."""
        kind, group, sources = record
        table, most = self._port.table, self._params.max_groups
        view = self._engine.group_view(self._vid, group)
        members = [] if view is None else [one for one in view.members if one.port == self._port.id]
        if not members and group not in self._opened:
            if table.max_groups and self._members >= table.max_groups:
                return f"is refused: [[port]] max_groups = {table.max_groups} is reached"
            if self._bytes < shares.MEMBERSHIP:
                return f"is refused: [[port]] max_state = {table.max_state} is reached"
            if view is None and self._groups >= most:
                return f"is refused: [igmp] max_groups = {most} is reached"
            self._opened.add(group)
            self._members += 1
            self._groups += view is None
            self._bytes -= shares.MEMBERSHIP
        held = {source for one in members for source in one.forwarding | one.blocked}
        if len(set(sources) if kind in _JOINS else held | set(sources)) > self._params.max_sources:
            return f"is taken for any source: [igmp] max_sources = {self._params.max_sources}"
        return None
