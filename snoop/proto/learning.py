"""Reports and leaves: from a message on a port to memberships.

Every record passes the same gates in the same order: is it about a group that has state (SNOOP-15,
SM-46), may this port join it, is there room, what do older hosts on the port make of it (spec 3.4).
Then the membership takes it through its table, the tracked hosts follow, and what the table wants
asked is asked or, on a fast-leave port, settled at once (SM-64).
"""

from typing import Final

from snoop.proto import queries, shares
from snoop.proto.effects import Effect, Event, GroupChanged
from snoop.proto.group import Group
from snoop.proto.hosts import Hosts, Reporter, reporter_address
from snoop.proto.membership import NOTHING, Ask, Membership
from snoop.proto.params import FastLeave
from snoop.proto.port import Port
from snoop.proto.units import Instant, after
from snoop.proto.vlan import Vlan
from snoop.wire.address import Address, text
from snoop.wire.messages import Record, RecordType

Sources = tuple[Address, ...]

_COUNTERS: Final = {
    RecordType.IS_IN: "record_is_in",
    RecordType.IS_EX: "record_is_ex",
    RecordType.TO_IN: "record_to_in",
    RecordType.TO_EX: "record_to_ex",
    RecordType.ALLOW: "record_allow",
    RecordType.BLOCK: "record_block",
}
_LINK_LOCAL: Final = b"\x00" * 10 + b"\xff\xff\xe0\x00\x00"  # 224.0.0.0/24


class Hearing:
    """One message of one host: what all its records have in common.

    `version` is that of the message; a leave is version 2. Effects are appended to `effects`.
    """

    __slots__ = ("_effects", "_now", "_port", "_until", "_version", "_vlan", "_who")

    def __init__(
        self,
        vlan: Vlan,
        port: Port,
        *,
        who: Reporter,
        version: int,
        now: Instant,
        effects: list[Effect],
    ) -> None:
        """Prepare to take the records."""
        self._vlan = vlan
        self._port = port
        self._who = port.shared(who)
        self._version = version
        self._now = now
        if version == 1:
            vlan.slow_hosts.hear_v1_report(now)
        self._until = after(now, vlan.slow_hosts.membership_interval(now))
        self._effects = effects

    def take(self, record: Record) -> bool:
        """Take one record; False if the port's filter refuses it."""
        kind, address, sources = record
        port = self._port
        counts = port.counts
        counts[_COUNTERS[kind]] += 1
        if address[:15] == _LINK_LOCAL:  # SNOOP-15
            counts["link_local_group"] += 1
            return True
        joins_all = kind is RecordType.IS_EX or kind is RecordType.TO_EX
        leaves = kind is RecordType.BLOCK or (kind is RecordType.TO_IN and not sources)
        if not (port.filter.is_open or leaves or port.filter.permits(address)):
            counts["group_filtered"] += 1
            self._warn("filter", "group not permitted", address)
            return False
        group = self._vlan.groups.get(address)
        is_ssm = address in self._vlan.switch.ssm if group is None else group.is_ssm
        if is_ssm and (joins_all or self._version < 3):  # SM-46
            counts["ssm_ignored"] += 1
            self._warn("warning", "any-source request in the SSM range ignored", address)
            if joins_all and self._version < 3 and group is not None:
                self._keep(group)
            return True
        member = None if group is None else group.members.get(port.id)
        if group is None or member is None:
            # No entry is INCLUDE of nothing: only what adds to that makes one (spec 3.2).
            if joins_all or (sources and not leaves):
                self._join(record)
        elif joins_all and not sources and member.exclude and not member.sources:
            self._refresh(group, member, kind)
        else:
            self._change(group, member, kind, sources)
        return True

    def _keep(self, group: Group) -> None:
        """Take an older report for a sign of life, if an older query has made it one (Q-18).

        A version 3 host that hears such a query, a stranger's maybe, cannot name its sources.
        """
        member = group.members.get(self._port.id)
        if member is not None and self._vlan.slow_hosts.are_made_older(self._now):
            member.keep(self._until)

    # -- the three things a record can do ------------------------------------------------------

    def _join(self, record: Record) -> None:
        """Make a membership from its first record."""
        vlan, port = self._vlan, self._port
        kind, address, sources = record
        limit = port.params.max_groups
        if limit and port.member_count >= limit:  # SM-68
            port.counts["port_limit"] += 1
            self._warn("limit", f"max_groups of the port, {limit}, reached", address)
            return
        if not self._has_room(address):
            vlan.refuse(port, address, self._now, self._effects)
            return
        group = vlan.open(address, self._now)
        member = Membership(self._who, self._now)
        group.join(port, member)
        self._apply(group, member, kind, sources)
        self._tell("join", group, member)
        self._effects.append(GroupChanged(vlan.vid, address))

    def _has_room(self, address: Address) -> bool:
        """Tell whether the port may have one more membership; say so and count if not (SM-68)."""
        vlan, counts = self._vlan, self._port.counts
        stake = shares.stake_of(vlan, self._port)
        if stake.make_room(shares.MEMBERSHIP, self._effects) < shares.MEMBERSHIP:
            counts["state_limit"] += 1
            self._warn("limit", "max_state reached: join refused", address)
        elif address not in vlan.groups and not stake.admits_group(self._effects):
            counts["table_full"] += 1
            self._warn("table_full", "max_groups of the switch reached", address)
        else:
            return True
        shares.release(stake)
        return False

    def _refresh(self, group: Group, member: Membership, kind: RecordType) -> None:
        """Take IS_EX{} or TO_EX{} for EXCLUDE of nothing: only timers move.

        By far the most frequent record, and the same as what `_change` would do (SM-4, SM-11).
        """
        member.reporter = self._who
        member.group_timer = self._until
        if self._until < member.due:
            member.due = self._until
            group.settle(member, self._now)
        if self._version < 3:
            self._older_host(member)
        if self._port.params.explicit_tracking:
            self._track(group, member, kind, ())

    def _change(self, group: Group, member: Membership, kind: RecordType, sources: Sources) -> None:
        """Take a record for a membership that exists."""
        if member.v1_until or member.v2_until:
            mode = member.compatibility(self._now)
            ignored = (mode < 3 and kind is RecordType.BLOCK) or (  # SM-42
                mode == 1 and kind is RecordType.TO_IN  # SM-43
            )
            if ignored:
                self._port.counts["compat_ignored"] += 1
                return
            if mode < 3 and kind is RecordType.TO_EX:  # SM-42
                sources = ()
        member.reporter = self._who
        exclude, listed = member.exclude, member.sources
        leaves = kind is RecordType.BLOCK or (kind is RecordType.TO_IN and not sources)
        empties = leaves and (kind is RecordType.TO_IN or _blocks_all(member, sources))
        ask = self._apply(group, member, kind, sources)
        if empties and self._leaves_at_once(member):
            self._port.counts["fast_leave"] += 1
            group.part(self._port, self._now)
            self._tell("leave", group, member, reason="fast_leave")
            self._effects.append(GroupChanged(self._vlan.vid, group.address))
            return
        if ask:
            ask = self._still_open(member, ask)
            queries.start(group, self._port.id, member, ask, self._now, self._effects)
        if leaves:
            self._tell("leave", group, member)
        if member.differs(exclude, listed):
            if not leaves:
                self._tell("join", group, member)
            self._effects.append(GroupChanged(self._vlan.vid, group.address))

    # -- parts of them -------------------------------------------------------------------------

    def _apply(self, group: Group, member: Membership, kind: RecordType, sources: Sources) -> Ask:
        """Move timers and tracked hosts; return what is to be asked."""
        params = self._vlan.params
        if kind is RecordType.IS_EX or kind is RecordType.TO_EX:
            if self._version < 3:
                self._older_host(member)
            if params.lite_exclude_filter:  # SM-48
                sources = ()
        before = len(member.sources)
        ask = member.apply(kind, sources, self._until)
        if len(member.sources) > params.max_sources:  # SM-68
            ask = self._degrade(member, ask)
            self._port.counts["source_limit"] += 1
            reason = f"max_sources, {params.max_sources}, reached: any source wanted"
            self._warn("limit", reason, group.address)
        elif len(member.sources) > before:
            wanted = (len(member.sources) - before) * shares.SOURCE
            stake = shares.stake_of(self._vlan, self._port)
            if stake.make_room(wanted, self._effects) < wanted:
                ask = self._degrade(member, ask)
                self._port.counts["state_limit"] += 1
                self._warn("limit", "max_state reached: any source wanted", group.address)
        group.account(self._port, member)
        if self._port.params.explicit_tracking:
            self._track(group, member, kind, sources)
        member.settle()
        group.settle(member, self._now)
        return ask

    def _degrade(self, member: Membership, ask: Ask) -> Ask:
        """Give up the sources of an entry that has too many; return what is still to be asked."""
        member.degrade(self._until)
        return Ask(True, ()) if ask.group else NOTHING

    def _older_host(self, member: Membership) -> None:
        """Start the timer that keeps the port in compatibility mode (SM-40, SM-47)."""
        if self._vlan.params.compat_disable:
            return
        present_until = Instant(self._now + self._vlan.timings.ovhpi)
        if self._version == 1:
            member.v1_until = present_until
        else:
            member.v2_until = present_until

    def _track(self, group: Group, member: Membership, kind: RecordType, sources: Sources) -> None:
        """Follow what the host itself wants (SM-64)."""
        port = self._port
        hosts = member.hosts
        if hosts is None:
            hosts = member.hosts = Hosts()
            if member.created != self._now:  # switched on later: there may be others
                hosts.unknown_until = self._until
        room = shares.stake_of(self._vlan, port).room()
        heard = hosts.hear(
            self._who,
            kind,
            sources,
            now=self._now,
            until=self._until,
            max_sources=self._vlan.params.max_sources,
            room=min(port.vacancy, room // shares.HOST) if len(hosts) else port.vacancy,
            source_room=max(0, room // shares.HOST_SOURCE),
        )
        group.account(port, member)
        if not heard:
            limit = "max_state" if port.vacancy > 0 else "max_hosts"
            port.counts["host_limit"] += 1
            self._warn("limit", f"{limit} reached: host not tracked", group.address)
        if self._version < 3:  # SM-65: others may have heard this and kept quiet
            hosts.unknown_until = self._until

    def _leaves_at_once(self, member: Membership) -> bool:
        """Tell whether a leave acts without asking anybody (SM-64, SM-65), whoever the querier."""
        match self._port.params.fast_leave:
            case FastLeave.OFF:
                return False
            case FastLeave.ON:
                return True
            case FastLeave.TRACKED:
                hosts = member.hosts
                return (
                    hosts is not None
                    and member.compatibility(self._now) == 3
                    and hosts.is_complete(self._now)
                    and hosts.is_empty(self._now)
                )

    def _still_open(self, member: Membership, ask: Ask) -> Ask:
        """Leave out what a tracked host is known to want still: its answer is known, too.

        Not while there are older hosts, which may be gone without a word (SM-65).
        """
        hosts = member.hosts
        if self._port.params.fast_leave is not FastLeave.TRACKED or hosts is None:
            return ask
        if member.compatibility(self._now) < 3:
            return ask
        return Ask(
            ask.group and not hosts.anyone_wants_all(self._now),
            tuple(s for s in ask.sources if not hosts.anyone_wants(s, self._now)),
        )

    def _tell(self, kind: str, group: Group, member: Membership, **more: object) -> None:
        fields: dict[str, object] = {
            "group": text(group.address),
            "reporter": text(reporter_address(self._who)),
            "filter_mode": member.filter_mode.value,
            "sources": [text(source) for source in member.sources],
            **more,
        }
        self._effects.append(Event(kind, self._vlan.vid, self._port.id, fields))

    def _warn(self, kind: str, reason: str, address: Address) -> None:
        vlan = self._vlan
        vlan.switch.warn(
            kind,
            vlan.vid,
            self._port.id,
            reason,
            self._now,
            self._effects,
            group=text(address),
            reporter=text(reporter_address(self._who)),
        )


def _blocks_all(member: Membership, blocked: Sources) -> bool:
    """Tell whether BLOCK(blocked) leaves nothing of an INCLUDE list (SM-64)."""
    return not member.exclude and not (member.sources.keys() - set(blocked))
