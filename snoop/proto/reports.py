"""Reports and leaves: from a message on a port to memberships.

Every record passes the same gates in the same order: is it about a group that has state (SNOOP-15,
SM-46), may this port join it, is there room, what do older hosts on the port make of it (spec 3.4).
Then the membership takes it through its table, the tracked hosts follow, and what the table wants
asked is asked or, on a fast-leave port, settled at once (SM-64).
"""

from typing import Final

from snoop.proto import shares
from snoop.proto.effects import EventKind, Turn
from snoop.proto.group import Group
from snoop.proto.hosts import Reporter, reporter_address, reporter_mac
from snoop.proto.instance import Instance
from snoop.proto.membership import GROUP_ONLY, NOTHING, Ask, Membership
from snoop.proto.params import FastLeave
from snoop.proto.port import Port
from snoop.proto.units import STOPPED, after, seconds
from snoop.proto.views import Departure, Refusal
from snoop.proto.witnesses import Heard
from snoop.wire.address import IPV4, Address, is_never_learned, mac_text, text
from snoop.wire.messages import BLOCK, IS_EX, TO_EX, TO_IN, Record, RecordType

Sources = tuple[Address, ...]

_COUNTERS: Final = {
    RecordType.IS_IN: "record_is_in",
    RecordType.IS_EX: "record_is_ex",
    RecordType.TO_IN: "record_to_in",
    RecordType.TO_EX: "record_to_ex",
    RecordType.ALLOW: "record_allow",
    RecordType.BLOCK: "record_block",
}
_OFF: Final = FastLeave.OFF  # asked by its class it costs 0.1 µs
_REPEATED_WITHIN: Final = seconds(2)  # hosts wait up to a second between repeats (RFC 9776 8.11)
_LINK_LOCAL: Final = b"\x00" * 10 + b"\xff\xff\xe0\x00\x00"  # 224.0.0.0/24, SNOOP-15


class HostMessage:
    """One message of one host: what all its records have in common.

    `generation` is that of the message; a leave is of the second. What it wants done is added to
    `turn`.
    """

    __slots__ = (
        "_filter",
        "_generation",
        "_heard",
        "_instance",
        "_own",
        "_port",
        "_scope",
        "_turn",
        "_until",
        "_who",
    )

    def __init__(
        self,
        instance: Instance,
        port: Port,
        turn: Turn,
        *,
        heard: Heard,
        who: Reporter,
        generation: int,
    ) -> None:
        """Prepare to take the records of `heard`, which calls itself `who` this time."""
        self._heard = heard
        self._instance = instance
        self._scope = instance.scope
        self._port = port
        is_ipv4 = instance.scope.family is IPV4
        self._own = port.params if is_ipv4 else port.mld
        self._filter = port.filter if is_ipv4 else port.filter6
        self._turn = turn
        self._who = port.shared(who)
        self._generation = generation
        if generation == 1:
            instance.slow_hosts.hear_v1_report(turn.now)
        self._until = after(turn.now, instance.slow_hosts.membership_interval(turn.now))

    def take(self, record: Record) -> bool:
        """Take one record; False if the port's filter refuses it."""
        kind, address, sources = record
        port = self._port
        counts = port.counts
        counts[_COUNTERS[kind]] += 1
        if address[:15] == _LINK_LOCAL or (address[0] and is_never_learned(address)):
            counts["link_local_group"] += 1
            return True
        joins_all = kind is IS_EX or kind is TO_EX
        leaves = kind is BLOCK or (kind is TO_IN and not sources)
        if not (self._filter.is_open or leaves or self._filter.permits(address)):
            counts["group_filtered"] += 1
            self._refuse(Refusal.FILTER, EventKind.FILTER, "group not permitted", address)
            return False
        if leaves:
            self._heard.left = True
            port.witnesses.leave(self._scope.vid, address, self._who)
        group = self._instance.groups.get(address)
        is_ssm = self._scope.is_ssm(address) if group is None else group.is_ssm
        if is_ssm and (joins_all or self._generation < 3):  # SM-46
            counts["ssm_ignored"] += 1
            reason = "any-source request in the SSM range ignored"
            if leaves:
                self._warn(EventKind.WARNING, reason, address)
            else:
                self._refuse(Refusal.SSM, EventKind.WARNING, reason, address)
            if joins_all and self._generation < 3 and group is not None:
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

        A host that hears such a query, a stranger's maybe, cannot name its sources.
        """
        member = group.members.get(self._port.id)
        if member is not None and self._instance.slow_hosts.are_made_older(self._turn.now):
            member.keep(self._until)

    # The three things a record can do ------------------------------------------------------------

    def _join(self, record: Record) -> None:
        """Make a membership from its first record."""
        port, turn = self._port, self._turn
        kind, address, sources = record
        limit = self._own.max_groups
        if limit and port.holdings.members_of(self._scope.family) >= limit:  # SM-68
            port.counts["port_limit"] += 1
            reason = f"max_groups of the port, {limit}, reached"
            self._refuse(Refusal.PORT_LIMIT, EventKind.LIMIT, reason, address)
            return
        limit = self._scope.params.port_max_groups
        if limit and self._scope.holdings.members_of(port.holdings) >= limit:
            port.counts["port_limit"] += 1
            reason = f"port_max_groups of the VLAN, {limit}, reached"
            self._refuse(Refusal.PORT_LIMIT, EventKind.LIMIT, reason, address)
            return
        if not self._has_room(address):
            self._instance.groups.refuse(port, address, turn)
            return
        group = self._instance.groups.open(address, turn.now)
        member = Membership(self._who, turn.now)
        group.join(port, member)
        port.witnesses.admit(self._scope.vid, address, self._who)
        self._apply(group, member, kind, sources)
        self._tell(EventKind.JOIN, group, member)
        self._scope.group_changed(address, turn)

    def _has_room(self, address: Address) -> bool:
        """Tell whether the port may have one more membership; say so and count if not (SM-68)."""
        counts = self._port.counts
        stake = self._scope.stake(self._port)
        if stake.make_room(shares.MEMBERSHIP, self._turn) < shares.MEMBERSHIP:
            counts["state_limit"] += 1
            reason = "max_state reached: join refused"
            self._refuse(Refusal.STATE_LIMIT, EventKind.LIMIT, reason, address)
        elif address not in self._instance.groups and not stake.admits_group(self._turn):
            counts["table_full"] += 1
            reason = "max_groups of the switch reached"
            self._refuse(Refusal.TABLE_FULL, EventKind.TABLE_FULL, reason, address)
        else:
            return True
        stake.release()
        return False

    def _refresh(self, group: Group, member: Membership, kind: RecordType) -> None:
        """Take IS_EX{} or TO_EX{} for EXCLUDE of nothing: only timers move."""
        if member.refresh(self._who, self._until):
            group.settle(member, self._turn.now)
        if self._generation < 3:
            self._older_host(member)
        if self._own.explicit_tracking:
            self._track(group, member, kind, ())

    def _change(self, group: Group, member: Membership, kind: RecordType, sources: Sources) -> None:
        """Take a record for a membership that exists."""
        if member.v1_until or member.v2_until:
            mode = member.compatibility(self._turn.now)
            ignored = (mode < 3 and kind is BLOCK) or (  # SM-42
                mode == 1 and kind is TO_IN  # SM-43
            )
            if ignored:
                self._port.counts["compat_ignored"] += 1
                return
            if mode < 3 and kind is TO_EX:  # SM-42
                sources = ()
        member.heard_from(self._who)
        exclude, listed = member.exclude, member.sources
        leaves = kind is BLOCK or (kind is TO_IN and not sources)
        empties = leaves and (kind is TO_IN or _blocks_all(member, sources))
        is_news = leaves and not self._leaves_again(group, member, kind, sources)
        ask = self._apply(group, member, kind, sources)
        port = self._port
        if empties and self._own.fast_leave is not _OFF and self._leaves_at_once(member):
            port.counts["fast_leave"] += 1
            group.depart(port, member, Departure.FAST_LEAVE, self._turn)
            group.part(port, self._turn.now)
            self._tell(EventKind.LEAVE, group, member, reason="fast_leave")
            self._scope.group_changed(group.address, self._turn)
            return
        if empties or (leaves and not member.tracks(self._who)):
            port.witnesses.say_leaving(self._scope.vid, group.address, self._who, self._until)
        if ask:
            self._instance.last_member.start(group, port.id, member, ask, self._turn)
        if is_news:
            self._tell(EventKind.LEAVE, group, member)
        if member.differs(exclude, listed):
            if not leaves:
                self._tell(EventKind.JOIN, group, member)
            self._scope.group_changed(group.address, self._turn)

    # Parts of them -------------------------------------------------------------------------------

    def _apply(self, group: Group, member: Membership, kind: RecordType, sources: Sources) -> Ask:
        """Move timers and tracked hosts; return what is to be asked."""
        params = self._scope.params
        if kind is IS_EX or kind is TO_EX:
            if self._generation < 3:
                self._older_host(member)
            if params.lite_exclude_filter:  # SM-48
                sources = ()
        before = member.sources
        ask = member.apply(kind, sources, self._until)
        if member.sources is not before:
            ask = self._bound_sources(group, member, ask, len(before))
            group.account(self._port, member)
        if self._own.explicit_tracking:
            self._track(group, member, kind, sources)
        member.settle()
        group.settle(member, self._turn.now)
        return ask

    def _bound_sources(self, group: Group, member: Membership, ask: Ask, before: int) -> Ask:
        """Hold the sources to their limits (SM-68); return what is still to be asked."""
        most = self._scope.params.max_sources
        count = len(member.sources)
        if count > most:
            ask = self._degrade(member, ask)
            self._port.counts["source_limit"] += 1
            reason = f"max_sources, {most}, reached: any source wanted"
            self._refuse(Refusal.SOURCE_LIMIT, EventKind.LIMIT, reason, group.address)
        elif count > before:
            wanted = (count - before) * shares.SOURCE
            stake = self._scope.stake(self._port)
            if stake.make_room(wanted, self._turn) < wanted:
                ask = self._degrade(member, ask)
                self._port.counts["state_limit"] += 1
                reason = "max_state reached: any source wanted"
                self._refuse(Refusal.SOURCE_LIMIT, EventKind.LIMIT, reason, group.address)
        return ask

    def _degrade(self, member: Membership, ask: Ask) -> Ask:
        """Give up the sources of an entry that has too many; return what is still to be asked."""
        member.degrade(self._until)
        return GROUP_ONLY if ask.group else NOTHING

    def _older_host(self, member: Membership) -> None:
        """Remember an older host, for as long as it may be there (SM-47)."""
        if not self._scope.params.compat_disable:
            present_until = after(self._turn.now, self._scope.timings.ovhpi)
            member.hear_older(self._generation, present_until)

    def _track(self, group: Group, member: Membership, kind: RecordType, sources: Sources) -> None:
        """Follow what the host itself wants (SM-64)."""
        port = self._port
        vacancy = port.holdings.vacancy
        hosts = member.track(self._turn.now, self._until)
        count, listed = len(hosts), hosts.source_count
        is_another = bool(count) and not hosts.lists(self._who)
        room = self._scope.stake(port).room() if is_another or sources else 0
        beside = shares.HOST if is_another else 0  # the first is in the membership
        heard = hosts.hear(
            self._who,
            kind,
            sources,
            now=self._turn.now,
            until=self._until,
            max_sources=self._scope.params.max_sources,
            room=min(vacancy, room // shares.HOST) if count else vacancy,
            source_room=max(0, (room - beside) // shares.HOST_SOURCE),
        )
        if len(hosts) != count or hosts.source_count != listed:
            group.account(port, member)
        if not heard:
            limit = "max_state" if port.holdings.vacancy > 0 else "max_hosts"
            port.counts["host_limit"] += 1
            reason = f"{limit} reached: host not tracked"
            self._refuse(Refusal.HOST_LIMIT, EventKind.LIMIT, reason, group.address)
        if self._generation < 3:  # SM-65: others may have heard this and kept quiet
            hosts.doubt(self._until)

    def _leaves_at_once(self, member: Membership) -> bool:
        """Tell whether a leave acts without asking anybody (SM-64, SM-65), whoever the querier."""
        match self._own.fast_leave:
            case FastLeave.OFF:
                return False
            case FastLeave.ON:
                return True
            case FastLeave.TRACKED:
                hosts = member.hosts
                return (
                    hosts is not None
                    and member.compatibility(self._turn.now) == 3
                    and hosts.is_complete(self._turn.now)
                    and hosts.is_empty(self._turn.now)
                )

    def _leaves_again(
        self, group: Group, member: Membership, kind: RecordType, sources: Sources
    ) -> bool:
        """Tell whether the host repeats a leave, as hosts do RV times, and wants no more since."""
        hosts = member.hosts
        if kind is BLOCK and hosts is not None and hosts.lists(self._who):
            return not hosts.wants_any(self._who, sources)
        leaver = self._port.witnesses.leaver(self._scope.vid, group.address)
        if leaver is None:
            return False
        who, until = leaver
        if who != self._who or self._until - until > _REPEATED_WITHIN:
            return False
        if hosts is not None:
            return not hosts.lists(who)
        return max(member.group_timer, *member.sources.values(), STOPPED) <= until

    def _tell(self, kind: EventKind, group: Group, member: Membership, **more: object) -> None:
        self._scope.tell(
            kind,
            self._port.id,
            self._turn,
            group=text(group.address),
            reporter=text(reporter_address(self._who)),
            mac=mac_text(reporter_mac(self._who)),
            filter_mode=member.filter_mode,
            sources=[text(source) for source in member.sources],
            **more,
        )

    def _refuse(self, why: Refusal, kind: EventKind, reason: str, address: Address) -> None:
        """Remember whose join was refused, or not taken as it was said, and say so."""
        self._port.witnesses.refuse(self._scope.vid, address, why, self._who, self._turn.now)
        self._warn(kind, reason, address)

    def _warn(self, kind: EventKind, reason: str, address: Address) -> None:
        self._scope.warn(
            kind,
            self._port.id,
            reason,
            self._turn,
            group=text(address),
            reporter=text(reporter_address(self._who)),
            mac=mac_text(reporter_mac(self._who)),
        )


def _blocks_all(member: Membership, blocked: Sources) -> bool:
    """Tell whether BLOCK(blocked) leaves nothing of an INCLUDE list (SM-64)."""
    return not member.exclude and not (member.sources.keys() - set(blocked))
