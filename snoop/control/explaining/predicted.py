"""What the engine would refuse of a report, were it to come in now: filters, SSM ranges, limits.

Said by the rules that `proto.reports` goes by (SM-46, SM-68), from what is held at this moment.
"""

from __future__ import annotations

from snoop.control.explaining import hints
from snoop.control.explaining.case import Case
from snoop.proto import shares
from snoop.proto.filters import PrefixList
from snoop.wire import address
from snoop.wire.address import Address
from snoop.wire.messages import Generation, Record, RecordType, Report

_JOINS = (RecordType.IS_EX, RecordType.TO_EX)
_ADDS = (RecordType.IS_IN, RecordType.TO_IN, RecordType.ALLOW)
_RECORDS_MAX = 8  # that are told of


def refusals(case: Case, report: Report) -> list[str]:
    """Say what of a report is not taken as it says, and by which key."""
    room = _Room(case)
    said: list[str] = []
    for record in report.records:
        joins = record.type in _JOINS or (record.type in _ADDS and record.sources)
        why = joins and (_rule(case, report, record) or room.lacks(record))
        if why and len(said) < _RECORDS_MAX:
            said.append(f"its join of {address.text(record.group)} {why}")
    return said


def _rule(case: Case, report: Report, record: Record) -> str | None:
    """Why a join is refused, whatever is held."""
    group = record.group
    if address.is_link_local_group(group):
        return "is not kept: 224.0.0.0/24 goes to every port anyway"
    if address.is_never_learned(group):
        return "is not kept: no group of that scope, nor ff02::1, is"
    if key := hints.barred(case.ingress.table, group):
        return f"is refused: {key}"
    any_source = record.type in _JOINS or report.generation < Generation.SOURCES
    if any_source and group in PrefixList(case.params.ssm_ranges):
        return "is refused: [igmp] ssm_ranges"
    return None


class _Room:
    """What a port and its VLAN may hold besides; each join that is taken takes of it."""

    def __init__(self, case: Case) -> None:
        """Look at what they hold."""
        engine = self._engine = case.plane.engine
        port = self._port = case.ingress
        self._vid, self._params, self._own = case.vid, case.params, case.own(port)
        instances, ports = engine.group_counts()
        self._groups = instances.get((case.vid, case.family), 0)
        self._members = ports.get((port.id, case.family), 0)
        self._bytes = (port.table.max_state << 20) - engine.port_state_bytes(port.id)
        self._opened: set[Address] = set()

    def lacks(self, record: Record) -> str | None:
        """Say which limit refuses a record, or has it taken for more."""
        kind, group, sources = record
        table, own, most = self._port.table, self._own, self._params.max_groups
        view = self._engine.group_view(self._vid, group)
        members = [] if view is None else [one for one in view.members if one.port == self._port.id]
        if not members and group not in self._opened:
            if own.max_groups and self._members >= own.max_groups:
                return f"is refused: [[port]] max_groups = {own.max_groups} is reached"
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
