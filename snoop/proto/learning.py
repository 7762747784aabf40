"""Reports and leaves: from a message on a port to memberships.

Every record passes the same gates in the same order: is it about a group that has state (SNOOP-15,
SM-46), may this port join it, is there room, what do older hosts on the port make of it (spec 3.4).
Then the membership takes it through its table, the tracked hosts follow, and what the table wants
asked is asked or, on a fast-leave port, settled at once (SM-64).
"""

from typing import Final

from snoop.proto import queries
from snoop.proto.effects import Effect, Event, GroupChanged
from snoop.proto.group import Group
from snoop.proto.hosts import Hosts, Reporter
from snoop.proto.membership import Ask, Membership
from snoop.proto.params import FastLeave
from snoop.proto.port import Port
from snoop.proto.units import Instant, after
from snoop.proto.vlan import Vlan
from snoop.wire.address import Address, text
from snoop.wire.messages import Leave, Record, RecordType, Report

_RECORD_COUNTERS: Final = {
    RecordType.IS_IN: "record_is_in",
    RecordType.IS_EX: "record_is_ex",
    RecordType.TO_IN: "record_to_in",
    RecordType.TO_EX: "record_to_ex",
    RecordType.ALLOW: "record_allow",
    RecordType.BLOCK: "record_block",
}
_LINK_LOCAL: Final = b"\x00" * 10 + b"\xff\xff\xe0\x00\x00"  # 224.0.0.0/24


def hear_report(
    vlan: Vlan, port: Port, who: Reporter, report: Report, now: Instant, effects: list[Effect]
) -> bool:
    """Learn from a report; False if the port may join none of what it asks for."""
    refused = 0
    version = report.version
    for record in report.records:
        if not _hear(vlan, port, who, record, version, now, effects):
            refused += 1
    return refused == 0 or refused < len(report.records)


def hear_leave(
    vlan: Vlan, port: Port, who: Reporter, leave: Leave, now: Instant, effects: list[Effect]
) -> None:
    """Learn from a v2 leave: TO_IN{} (SM-41)."""
    if vlan.switch.params.version == 1:  # a v1 querier knows no leave
        port.counts["compat_ignored"] += 1
        return
    _hear(vlan, port, who, Record(RecordType.TO_IN, leave.group, ()), 2, now, effects)


def _hear(
    vlan: Vlan,
    port: Port,
    who: Reporter,
    record: Record,
    version: int,
    now: Instant,
    effects: list[Effect],
) -> bool:
    """Take one record; False if it is refused by the port's filter."""
    kind, address, sources = record
    counts = port.counts
    counts[_RECORD_COUNTERS[kind]] += 1
    if address[:15] == _LINK_LOCAL:  # SNOOP-15
        counts["link_local_group"] += 1
        return True
    leaves = kind is RecordType.BLOCK or (kind is RecordType.TO_IN and not sources)
    if not (leaves or port.filter.is_open or port.filter.permits(address)):
        counts["group_filtered"] += 1
        vlan.switch.warn(
            "filter", vlan.vid, port.id, "group not permitted", now, effects, group=text(address)
        )
        return False
    group = vlan.groups.get(address)
    is_ssm = address in vlan.switch.ssm if group is None else group.is_ssm
    if is_ssm and (version < 3 or kind is RecordType.IS_EX or kind is RecordType.TO_EX):  # SM-46
        counts["ssm_ignored"] += 1
        return True
    member = None if group is None else group.members.get(port.id)
    if group is None or member is None:
        joins_all = kind is RecordType.IS_EX or kind is RecordType.TO_EX
        if joins_all or (sources and not leaves):  # spec 3.2: no entry is INCLUDE of nothing
            _join(vlan, port, who, record, version, now, effects)
        return True
    if version == 3 and (member.v1_until or member.v2_until):
        mode = member.compatibility(now)
        if mode < 3 and kind is RecordType.BLOCK:  # SM-42
            counts["compat_ignored"] += 1
            return True
        if mode < 3 and kind is RecordType.TO_EX:
            sources = ()
        if mode == 1 and kind is RecordType.TO_IN:  # SM-43
            counts["compat_ignored"] += 1
            return True
    elif version == 2 and kind is RecordType.TO_IN and member.v1_until > now:  # SM-43
        counts["compat_ignored"] += 1
        return True
    _change(group, port, member, who, kind, sources, version, now, effects)
    return True


def _join(
    vlan: Vlan,
    port: Port,
    who: Reporter,
    record: Record,
    version: int,
    now: Instant,
    effects: list[Effect],
) -> None:
    """Make a membership from its first record."""
    params = vlan.switch.params
    limit = port.params.max_groups
    if limit and port.member_count >= limit:  # SM-68
        port.counts["port_limit"] += 1
        reason = f"max_groups of the port, {limit}, reached"
        vlan.switch.warn("limit", vlan.vid, port.id, reason, now, effects, group=text(record.group))
        return
    if record.group not in vlan.groups and not vlan.has_room(effects):
        port.counts["table_full"] += 1
        reason = f"max_groups, {params.max_groups}, reached"
        vlan.switch.warn(
            "table_full", vlan.vid, port.id, reason, now, effects, group=text(record.group)
        )
        return
    group = vlan.open(record.group)
    member = Membership(port.shared(who), now)
    group.join(port, member)
    _apply(group, port, member, who, record.type, record.sources, version, now, effects)
    fields = _fields(group.address, who, member)
    effects.append(Event("join", vlan.vid, port.id, fields))
    effects.append(GroupChanged(vlan.vid, group.address))


def _change(
    group: Group,
    port: Port,
    member: Membership,
    who: Reporter,
    kind: RecordType,
    sources: tuple[Address, ...],
    version: int,
    now: Instant,
    effects: list[Effect],
) -> None:
    """Take a record for a membership that exists."""
    if member.reporter != who:
        member.reporter = port.shared(who)
    joins_all = kind is RecordType.IS_EX or kind is RecordType.TO_EX
    if joins_all and member.exclude and not sources and not member.sources:
        # By far the most frequent record: it moves the group timer and nothing else.
        _apply(group, port, member, who, kind, sources, version, now, effects)
        return
    vid = group.vlan.vid
    before = member.shape()
    leaves = kind is RecordType.BLOCK or (kind is RecordType.TO_IN and not sources)
    empties = leaves and (kind is RecordType.TO_IN or _blocks_all(member, sources))
    ask = _apply(group, port, member, who, kind, sources, version, now, effects)
    if empties and _leaves_at_once(port, member, now):
        port.counts["fast_leave"] += 1
        group.part(port, now)
        fields = {**_fields(group.address, who, member), "reason": "fast_leave"}
        effects.append(Event("leave", vid, port.id, fields))
        effects.append(GroupChanged(vid, group.address))
        return
    if ask:
        ask = _still_open(port, member, ask, now)
        queries.start(group, port.id, member, ask, now, effects)
    if leaves:
        effects.append(Event("leave", vid, port.id, _fields(group.address, who, member)))
    if member.shape() != before:
        if not leaves:
            effects.append(Event("join", vid, port.id, _fields(group.address, who, member)))
        effects.append(GroupChanged(vid, group.address))


def _apply(
    group: Group,
    port: Port,
    member: Membership,
    who: Reporter,
    kind: RecordType,
    sources: tuple[Address, ...],
    version: int,
    now: Instant,
    effects: list[Effect],
) -> Ask:
    """Move membership, compatibility timers and tracked hosts; return what is to be asked."""
    vlan = group.vlan
    params = vlan.switch.params
    timings = vlan.timings
    until = after(now, timings.gmi)
    if kind is RecordType.IS_EX or kind is RecordType.TO_EX:
        if version < 3 and not params.compat_disable:  # SM-40, SM-47
            if version == 1:
                member.v1_until = after(now, timings.ovhpi)
            else:
                member.v2_until = after(now, timings.ovhpi)
        if params.lite_exclude_filter:  # SM-48
            sources = ()
    ask = member.apply(kind, sources, until)
    if len(member.sources) > params.max_sources:  # SM-68
        member.degrade(until)
        ask = Ask(ask.group, ())
        port.counts["source_limit"] += 1
        reason = f"max_sources, {params.max_sources}, reached: any source wanted"
        vlan.switch.warn(
            "limit", vlan.vid, port.id, reason, now, effects, group=text(group.address)
        )
    if port.params.explicit_tracking:
        _track(port, member, who, kind, sources, version, now, until, params.max_sources)
    elif member.hosts is not None:
        port.host_count -= len(member.hosts.known)
        member.hosts = None
    if member.exclude and not member.sources:
        if member.due > until:
            member.due = until  # timers that move back are found out when this fires
            group.settle(member)
    else:
        member.settle()
        group.settle(member)
    return ask


def _track(
    port: Port,
    member: Membership,
    who: Reporter,
    kind: RecordType,
    sources: tuple[Address, ...],
    version: int,
    now: Instant,
    until: Instant,
    max_sources: int,
) -> None:
    hosts = member.hosts
    if hosts is None:
        hosts = member.hosts = Hosts()
        if member.created != now:  # tracking was switched on later: there may be others
            hosts.unknown_until = until
    known = len(hosts.known)
    heard = hosts.hear(
        member.reporter,
        kind,
        sources,
        now=now,
        until=until,
        max_sources=max_sources,
        room=port.vacancy,
    )
    port.host_count += len(hosts.known) - known
    if not heard:
        port.counts["host_limit"] += 1
    if version < 3:  # SM-65: others may have heard this and kept quiet
        hosts.unknown_until = until


def _blocks_all(member: Membership, blocked: tuple[Address, ...]) -> bool:
    """Tell whether BLOCK(blocked) leaves nothing of an INCLUDE list (SM-64)."""
    return not member.exclude and not (member.sources.keys() - set(blocked))


def _leaves_at_once(port: Port, member: Membership, now: Instant) -> bool:
    """SM-64, SM-65: whether a leave acts without asking anybody."""
    match port.params.fast_leave:
        case FastLeave.OFF:
            return False
        case FastLeave.ON:
            return True
        case FastLeave.TRACKED:
            hosts = member.hosts
            return (
                hosts is not None
                and member.compatibility(now) == 3
                and hosts.is_complete(now)
                and hosts.is_empty(now)
            )


def _still_open(port: Port, member: Membership, ask: Ask, now: Instant) -> Ask:
    """Leave out what a tracked host is known to want still: its answer is known, too."""
    hosts = member.hosts
    if port.params.fast_leave is not FastLeave.TRACKED or hosts is None:
        return ask
    return Ask(
        ask.group and not hosts.anyone_wants_all(now),
        tuple(source for source in ask.sources if not hosts.anyone_wants(source, now)),
    )


def _fields(address: Address, who: Reporter, member: Membership) -> dict[str, object]:
    return {
        "group": text(address),
        "reporter": text(who[6:]),
        "filter_mode": member.filter_mode.value,
        "sources": [text(source) for source in member.sources],
    }
