"""One group of a VLAN: who wants it on which port, by report or by an operator's word.

A group is known while it has a member, a static entry or a tombstone: the mark that its last member
has gone, which keeps its data from being taken for an unregistered group's (SM-69). Static entries
are apart from memberships: no report touches them and no port that goes down takes them along.

A port whose join was refused for want of room is *spared*: while the group is registered by others
the port gets it as if it were not, so that a refusal never cuts anybody off (SM-68).

The group has one deadline, the nearest of all timers in it. Its memberships know theirs only
roughly (`Membership.due`): a refresh moves a timer and nothing else.
"""

from typing import TYPE_CHECKING

from snoop.proto import lastword, shares
from snoop.proto.effects import Effect, Event, GroupChanged
from snoop.proto.membership import Membership
from snoop.proto.port import Port
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after
from snoop.proto.views import FilterMode, GroupView, PortMembership
from snoop.wire.address import Address, text

if TYPE_CHECKING:
    from snoop.proto.queries import Check
    from snoop.proto.vlan import Vlan

_NOBODY: frozenset[Address] = frozenset()


class Static:
    """Static entries of one port: for any source, and for sources; each since when."""

    __slots__ = ("any_since", "sources")

    def __init__(self) -> None:
        """Start with none."""
        self.any_since: Instant | None = None
        self.sources: dict[Address, Instant] = {}


class Group:
    """State of one (VLAN, group)."""

    __slots__ = (
        "address",
        "armed",
        "ask_at",
        "asked_all_at",
        "checks",
        "doubted_until",
        "is_ssm",
        "members",
        "mourner",
        "spared",
        "spared_until",
        "statics",
        "tombstone_until",
        "vlan",
    )

    def __init__(self, vlan: "Vlan", address: Address) -> None:
        """Start unknown: whoever makes a group gives it a member or a static entry."""
        self.vlan = vlan
        self.address = address
        self.is_ssm = address in vlan.switch.ssm
        self.members: dict[int, Membership] = {}
        self.statics: dict[int, Static] | None = None
        self.checks: dict[int, Check] | None = None
        self.tombstone_until: Instant = STOPPED
        self.mourner: shares.Stake | None = None  # whose the tombstone is
        self.spared: Ports = 0
        self.spared_until: Instant = STOPPED
        self.doubted_until: Instant = STOPPED  # last end of a timer that a question has lowered
        self.ask_at: Instant = STOPPED  # when to put that question ourselves
        self.asked_all_at: Instant = STOPPED  # when all of its ports were asked last (`queries`)
        self.armed: Instant = STOPPED

    @property
    def ports(self) -> Ports:
        """Return the ports that hold the group, static ones included."""
        ports = 0
        for port in self.members:
            ports |= 1 << port
        for port in self.statics or ():
            ports |= 1 << port
        return ports

    @property
    def is_held(self) -> bool:
        """True while there is a member or a static entry."""
        return bool(self.members) or bool(self.statics)

    # -- members -------------------------------------------------------------------------------

    def join(self, port: Port, member: Membership) -> None:
        """Take a new membership in."""
        self.members[port.id] = member
        self.spared &= ~port.bit
        port.member_count += 1
        stake = shares.stake_of(self.vlan, port)
        stake.members += 1
        member.cost = shares.MEMBERSHIP
        stake.charge(member.cost)
        self.unbury()

    def account(self, port: Port, member: Membership) -> None:
        """Bring what the port is charged for in line with what the membership has become."""
        hosts = member.hosts
        count = 0 if hosts is None else len(hosts)
        cost = shares.MEMBERSHIP + shares.SOURCE * len(member.sources)
        if hosts is not None:
            cost += shares.HOST_SOURCE * hosts.source_count
            if count > 1:
                cost += shares.HOST * (count - 1)
        if cost != member.cost:
            shares.stake_of(self.vlan, port).charge(cost - member.cost)
            member.cost = cost
        if count != member.host_count:
            port.host_count += count - member.host_count
            member.host_count = count

    def part(self, port: Port, now: Instant, *, bury: bool = True) -> None:
        """Take a membership out; the last one leaves a tombstone if `bury`."""
        member = self.members.pop(port.id)
        port.member_count -= 1
        port.host_count -= member.host_count
        stake = shares.stake_of(self.vlan, port)
        stake.members -= 1
        if self.checks is not None:
            check = self.checks.pop(port.id, None)
            if check is not None:
                self.vlan.switch.deadlines.disarm(check)
        if bury and not self.is_held:
            self.tombstone_until = after(now, self.vlan.timings.gmi)
            self.mourner = stake
            stake.tombstones[self.address] = None
            stake.charge(shares.TOMBSTONE - member.cost)
            self.vlan.switch.deadlines.arm(self, self.tombstone_until)
            return
        stake.charge(-member.cost)
        if not self.is_held:
            self.vlan.forget(self)

    def unbury(self) -> None:
        """Take the tombstone away: the group is wanted again, or forgotten."""
        stake = self.mourner
        self.tombstone_until = STOPPED
        if stake is not None:
            self.mourner = None
            del stake.tombstones[self.address]
            stake.charge(-shares.TOMBSTONE)

    def spare(self, ports: Ports, until: Instant) -> bool:
        """Have ports that were refused get the group till then; tell whether that is new."""
        self.spared_until = max(self.spared_until, until)
        self.vlan.switch.deadlines.arm(self, self.spared_until)
        fresh = ports & ~self.spared
        self.spared |= ports
        return bool(fresh)

    def settle(self, member: Membership, now: Instant) -> None:
        """Have the group fire in time for a membership that changed, with a word before its end."""
        early = Instant(member.due - lastword.lead(self.vlan))
        self.vlan.switch.deadlines.arm(self, early if early > now else member.due)

    def doubt(self, deadline: Instant, now: Instant, *, ask: bool) -> None:
        """Note that timers were lowered to `deadline`; `ask`: by another (`lastword`)."""
        self.doubted_until = max(self.doubted_until, deadline)
        if ask and not self.ask_at:
            self.ask_at = max(lastword.first_question(self.vlan, now), Instant(now + 1))
            self.vlan.switch.deadlines.arm(self, self.ask_at)

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Expire what is due in any membership, and the tombstone."""
        switch = self.vlan.switch
        keep_blocked = not switch.params.lite_exclude_filter
        lead = lastword.lead(self.vlan)
        changed = False
        nearest = NEVER
        for port_id, member in list(self.members.items()):
            port = switch.ports[port_id]
            if member.hosts is not None and member.hosts.purge(now):
                self.account(port, member)
            if member.due <= now:
                exclude, listed = member.exclude, member.sources
                member.expire(now, keep_blocked=keep_blocked)
                if member.is_empty:
                    self.part(port, now)
                    effects.append(self._event("expire", port_id))
                    changed = True
                    continue
                self.account(port, member)
                changed = changed or member.differs(exclude, listed)
            nearest = min(nearest, self._next_word(port_id, member, lead, now, effects))
        if STOPPED < self.ask_at <= now:
            self._ask(now, effects)
        nearest = min(nearest, self.ask_at or NEVER)
        if STOPPED < self.spared_until <= now:
            changed = changed or bool(self.spared)
            self.spared, self.spared_until = 0, STOPPED
        elif self.spared_until:
            nearest = min(nearest, self.spared_until)
        if STOPPED < self.tombstone_until <= now:
            self.vlan.forget(self)
            nearest = NEVER
            changed = True
        elif self.tombstone_until:
            nearest = min(nearest, self.tombstone_until)
        if changed:
            effects.append(GroupChanged(self.vlan.vid, self.address))
        return nearest if nearest < NEVER else STOPPED

    def _next_word(
        self, port: int, member: Membership, lead: Duration, now: Instant, effects: list[Effect]
    ) -> Instant:
        """Remind the port of a membership that is about to end; return when to look again."""
        if member.due - lead <= now:
            member.settle()  # known roughly: most were refreshed since
        due = member.due
        if due - lead > now:
            return Instant(due - lead)
        if now >= self.doubted_until:
            lastword.remind(self.vlan, port, now, effects)
        half = Instant(due - lead // 2)
        return half if half > now else due

    def _ask(self, now: Instant, effects: list[Effect]) -> None:
        """Confirm what a question of another is about to end, and again if there is time."""
        own = self.vlan.params.timings.last_member_query_interval
        if now < self.doubted_until:
            lastword.confirm(self, now, effects)
        again = after(now, own)
        self.ask_at = again if again <= self.doubted_until - own else STOPPED

    # -- static entries ------------------------------------------------------------------------

    def add_static(self, port: int, source: Address | None, now: Instant) -> None:
        """Add a static entry; `source` None for any source. No effect if it is there."""
        if self.statics is None:
            self.statics = {}
            self.vlan.static_groups += 1
        static = self.statics.setdefault(port, Static())
        if source is not None:
            static.sources.setdefault(source, now)
        elif static.any_since is None:
            static.any_since = now
        self.unbury()

    def remove_static(self, port: int, source: Address | None) -> None:
        """Undo `add_static`; KeyError if there is no such entry. Leaves no tombstone."""
        if self.statics is None:
            raise KeyError((self.address, source, port))
        static = self.statics[port]
        if source is not None:
            del static.sources[source]
        elif static.any_since is None:
            raise KeyError((self.address, source, port))
        else:
            static.any_since = None
        if static.any_since is None and not static.sources:
            self.drop_static(port)

    def drop_static(self, port: int) -> None:
        """Drop all static entries of a port that goes away."""
        if self.statics is not None and self.statics.pop(port, None) is not None:
            if not self.statics:
                self.statics = None
                self.vlan.static_groups -= 1
            if not self.is_held and not self.tombstone_until:
                self.vlan.forget(self)

    # -- what others see -----------------------------------------------------------------------

    def view(self) -> GroupView:
        """Return what forwarding depends on."""
        statics = self.statics or {}
        members = []
        for port in sorted(self.members.keys() | statics.keys()):
            member = self.members.get(port)
            static = statics.get(port)
            exclude, forwarding, blocked = member.shape() if member else (False, _NOBODY, _NOBODY)
            members.append(
                PortMembership(
                    port=port,
                    filter_mode=FilterMode.EXCLUDE if exclude else FilterMode.INCLUDE,
                    forwarding=forwarding,
                    blocked=blocked,
                    static_any=static is not None and static.any_since is not None,
                    static_sources=_NOBODY if static is None else frozenset(static.sources),
                )
            )
        spared = self.spared & self.vlan.switch.flooded
        return GroupView(self.vlan.vid, self.address, tuple(members), spared)

    def _event(self, kind: str, port: int) -> Event:
        return Event(kind, self.vlan.vid, port, {"group": text(self.address)})
