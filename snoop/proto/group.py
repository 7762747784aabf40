"""One group of an instance: who wants it on which port.

A group is known while it has a member, a static entry or a tombstone: the mark that its last member
has gone, which keeps its data from being taken for an unregistered group's (SM-69).

A port whose join was refused for want of room is *spared*: while the group is registered by others
the port gets it as if it were not, so that a refusal never cuts anybody off (SM-68).

A group has one deadline, the nearest of all timers in it. Its memberships know theirs only roughly
(`Membership.due`): a refresh moves a timer and nothing else.
"""

from collections.abc import Set
from typing import NamedTuple, Protocol

from snoop.proto import departing
from snoop.proto.dumping import Dump, Timer, require, require_instants, timer_of
from snoop.proto.effects import By, EventKind, Turn
from snoop.proto.last_word import LastWord
from snoop.proto.loading import Load
from snoop.proto.membership import Membership, MembershipState
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.shares import Stake
from snoop.proto.statics import Statics, StaticState
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after, port_ids
from snoop.proto.views import Departure, FilterMode, GroupView, PortMembership
from snoop.wire.address import IPV4, Address, text

_NOBODY: frozenset[Address] = frozenset()


class Home(Protocol):
    """Where a group is known: what all groups of an instance share."""

    scope: Scope
    last_word: LastWord

    def forget(self, group: "Group") -> None:
        """Drop a group that nothing is left of."""
        ...


class GroupState(NamedTuple):
    """A group that survives; whose the tombstone is stands in the stakes (`shares`)."""

    address: Address
    timer: Timer
    members: tuple[MembershipState, ...]
    statics: tuple[StaticState, ...]
    tombstone_until: Instant
    spared: tuple[int, ...]
    spared_until: Instant
    doubted_until: Instant
    ask_at: Instant


class Group:
    """State of one (VLAN, group). What belongs to all of them it has from `home`."""

    __slots__ = (
        "address",
        "armed",
        "armed_as",
        "ask_at",
        "doubted_until",
        "home",
        "is_ssm",
        "members",
        "mourner",
        "spared",
        "spared_until",
        "statics",
        "tombstone_until",
    )

    def __init__(self, home: Home, address: Address) -> None:
        """Start unknown: whoever makes a group gives it a member or a static entry."""
        self.home = home
        self.address = address
        self.is_ssm = home.scope.is_ssm(address)
        self.members: dict[int, Membership] = {}
        self.statics: Statics | None = None
        self.tombstone_until: Instant = STOPPED
        self.mourner: Stake | None = None  # whose the tombstone is
        self.spared: Ports = 0
        self.spared_until: Instant = STOPPED
        self.doubted_until: Instant = STOPPED  # last end of a timer that a question has lowered
        self.ask_at: Instant = STOPPED  # when to put that question ourselves
        self.armed: Instant = STOPPED
        self.armed_as = 0

    @property
    def ports(self) -> Ports:
        """The ports that hold the group, static ones included."""
        ports = 0
        for port in self.holders():
            ports |= 1 << port
        return ports

    def holders(self) -> Set[int]:
        """The ids of the ports that hold the group."""
        members = self.members.keys()
        return members if self.statics is None else members | self.statics.ports()

    @property
    def is_held(self) -> bool:
        """True while there is a member or a static entry."""
        return bool(self.members) or bool(self.statics)

    # Members -------------------------------------------------------------------------------------

    def join(self, port: Port, member: Membership) -> None:
        """Take a new membership in."""
        self.members[port.id] = member
        self.spared &= ~port.bit
        self.home.scope.stake(port).count_member(1)
        self.account(port, member)
        self.unbury()

    def account(self, port: Port, member: Membership) -> None:
        """Bring what the port is charged for in line with what the membership has become."""
        cost, hosts = member.recount()
        if cost or hosts:
            self.home.scope.stake(port).charge(cost, hosts=hosts)

    def part(self, port: Port, now: Instant, *, bury: bool = True) -> None:
        """Take a membership out; the last one leaves a tombstone if `bury`."""
        member = self.members.pop(port.id)
        scope = self.home.scope
        stake = scope.stake(port)
        stake.count_member(-1)
        buried = bury and not self.is_held
        if buried:
            self.tombstone_until = after(now, scope.timings.gmi)
            self.mourner = stake
            stake.bury(self)
            scope.arm(self, self.tombstone_until)
        stake.charge(-member.cost, hosts=-member.host_count)
        if not buried and not self.is_held:
            self.home.forget(self)

    def depart(
        self,
        port: Port,
        member: Membership,
        how: Departure,
        turn: Turn,
        *,
        end: Instant | None = None,
    ) -> dict[str, object]:
        """Note down whose membership it is that ends; return what the event says of the host."""
        at = turn.now if end is None else end
        scope = self.home.scope
        return departing.depart(scope, port, self.address, member, how, end=at, now=turn.now)

    def drop_member(self, port: int, turn: Turn, *, bury: bool, reason: str) -> bool:
        """Drop what one port has, at once; tell whether that was anything."""
        spared = bool(self.spared >> port & 1)
        if spared:
            self.spared &= ~(1 << port)
        held = port in self.members
        if held:
            self._drop(port, turn, bury=bury, reason=reason)
        if held or spared:
            self.home.scope.group_changed(self.address, turn)
        return held or spared

    def drop_members(self, turn: Turn, *, bury: bool, reason: str) -> None:
        """Drop what all ports have, at once, and the tombstone too unless `bury`."""
        held = list(self.members)
        for port in held:
            self._drop(port, turn, bury=bury, reason=reason)
        buried = not bury and self.tombstone_until != STOPPED
        if buried:
            self.home.forget(self)
        if held or buried:
            self.home.scope.group_changed(self.address, turn)

    def _drop(self, port: int, turn: Turn, *, bury: bool, reason: str) -> None:
        scope = self.home.scope
        its = scope.context.ports[port]
        said = self.depart(its, self.members[port], departing.dropped(reason), turn)
        self.part(its, turn.now, bury=bury)
        scope.tell(EventKind.LEAVE, port, turn, group=text(self.address), reason=reason, **said)

    def unbury(self) -> None:
        """Take the tombstone away: the group is wanted again, or forgotten."""
        stake = self.mourner
        self.tombstone_until = STOPPED
        if stake is not None:
            self.mourner = None
            stake.unbury(self)

    def evict(self, turn: Turn) -> None:
        """Give up the tombstone, because somebody needs the room."""
        self.home.forget(self)
        self.home.scope.context.counts["tombstone_evicted"] += 1
        self.home.scope.group_changed(self.address, turn)

    def spare(self, ports: Ports, until: Instant) -> bool:
        """Have ports that were refused get the group till then; tell whether that is new."""
        self.spared_until = max(self.spared_until, until)
        self.home.scope.arm(self, self.spared_until)
        fresh = ports & ~self.spared
        self.spared |= ports
        return bool(fresh)

    def settle(self, member: Membership, now: Instant) -> None:
        """Have the group fire in time for a membership that changed, with a word before its end."""
        early = Instant(member.due - self.home.last_word.lead)
        self.home.scope.arm(self, early if early > now else member.due)

    def doubt(self, deadline: Instant, now: Instant, *, ask: bool) -> None:
        """Note that timers were lowered to `deadline`; `ask`: by another (`last_word`)."""
        self.doubted_until = max(self.doubted_until, deadline)
        if ask and not self.ask_at:
            self.ask_at = max(self.home.last_word.first_question(now), Instant(now + 1))
            self.home.scope.arm(self, self.ask_at)

    def fire(self, turn: Turn) -> Instant:
        """Expire what is due in any membership, and the tombstone."""
        scope = self.home.scope
        context = scope.context
        keep_blocked = not scope.params.lite_exclude_filter
        lead = self.home.last_word.lead
        changed = False
        nearest = NEVER
        for port_id, member in list(self.members.items()):
            port = context.ports[port_id]
            if member.due <= turn.now:
                exclude, listed, end = member.exclude, member.sources, member.end
                member.expire(turn.now, keep_blocked=keep_blocked)
                if member.is_empty:
                    self._expire(port, member, end, turn)
                    changed = True
                    continue
                self.account(port, member)
                changed = changed or member.differs(exclude, listed)
            if member.hosts is not None and member.hosts.purge(turn.now):
                self.account(port, member)
            nearest = min(nearest, self._next_word(port_id, member, lead, turn))
        if STOPPED < self.ask_at <= turn.now:
            self._ask(turn)
        nearest = min(nearest, self.ask_at or NEVER)
        if STOPPED < self.spared_until <= turn.now:
            changed = changed or bool(self.spared)
            self.spared, self.spared_until = 0, STOPPED
        elif self.spared_until:
            nearest = min(nearest, self.spared_until)
        if STOPPED < self.tombstone_until <= turn.now:
            self.home.forget(self)
            nearest = NEVER
            changed = True
        elif self.tombstone_until:
            nearest = min(nearest, self.tombstone_until)
        if changed:
            scope.group_changed(self.address, turn)
        return nearest if nearest < NEVER else STOPPED

    def _expire(self, port: Port, member: Membership, end: Instant, turn: Turn) -> None:
        said = self.depart(port, member, Departure.EXPIRED, turn, end=end)
        self.part(port, turn.now)
        self.home.scope.tell(EventKind.EXPIRE, port.id, turn, group=text(self.address), **said)

    def _next_word(self, port: int, member: Membership, lead: Duration, turn: Turn) -> Instant:
        """Remind the port of a membership that is about to end; return when to look again."""
        if member.due - lead <= turn.now:
            member.settle()  # known roughly: most were refreshed since
        due = member.due
        if due - lead > turn.now:
            return Instant(due - lead)
        if turn.now >= self.doubted_until:
            self.home.last_word.remind(port, self.address, turn)
        half = Instant(due - lead // 2)
        return half if half > turn.now else due

    def _ask(self, turn: Turn) -> None:
        """Confirm what a question of another is about to end, and again if there is time."""
        own = self.home.scope.params.timings.last_member_query_interval
        if turn.now < self.doubted_until:
            self.home.last_word.confirm(self.address, self.members, turn)
        again = after(turn.now, own)
        self.ask_at = again if again <= self.doubted_until - own else STOPPED

    # Static entries ------------------------------------------------------------------------------

    def add_static(self, port: int, source: Address | None, by: By, turn: Turn) -> None:
        """Add a static entry; `source` None for any source. No effect if it is there."""
        if self.statics is None:
            self.statics = Statics()
            self.home.scope.holdings.static_groups += 1
        if self.statics.add(port, source, turn.now):
            self._tell_static("added", port, source, by, turn)
        self.unbury()

    def remove_static(self, port: int, source: Address | None, by: By, turn: Turn) -> None:
        """Undo `add_static`; KeyError if there is no such entry. Leaves no tombstone."""
        if self.statics is None:
            raise KeyError((self.address, source, port))
        self.statics.remove(port, source)
        self._tell_static("removed", port, source, by, turn)
        self._settle_statics()

    def drop_static(self, port: int, by: By, turn: Turn) -> bool:
        """Drop all static entries of a port that goes away; tell whether there were any."""
        dropped = [] if self.statics is None else self.statics.drop(port)
        for source in dropped:
            self._tell_static("removed", port, source, by, turn)
        if dropped:
            self._settle_statics()
        return bool(dropped)

    def _tell_static(
        self, change: str, port: int, source: Address | None, by: By, turn: Turn
    ) -> None:
        """`source` null: of any source (SAY-20)."""
        self.home.scope.tell(
            EventKind.STATIC,
            port,
            turn,
            change=change,
            group=text(self.address),
            source=None if source is None else text(source),
            by=by,
        )

    def _settle_statics(self) -> None:
        if self.statics:
            return
        self.statics = None
        self.home.scope.holdings.static_groups -= 1
        if not self.is_held and not self.tombstone_until:
            self.home.forget(self)

    # What survives -------------------------------------------------------------------------------

    def dump(self, out: Dump) -> GroupState:
        """What survives."""
        return GroupState(
            address=self.address,
            timer=timer_of(self),
            members=tuple([member.dump(port) for port, member in self.members.items()]),
            statics=() if self.statics is None else self.statics.dump(),
            tombstone_until=self.tombstone_until,
            spared=(*port_ids(self.spared),),
            spared_until=self.spared_until,
            doubted_until=self.doubted_until,
            ask_at=self.ask_at,
        )

    def load(self, state: GroupState, into: Load) -> None:
        """Take up what was dumped; the tombstone comes with the stakes."""
        scope = self.home.scope
        ends = state.tombstone_until, state.spared_until, state.ask_at
        require_instants(*ends, state.doubted_until)
        for each in state.members:
            port = into.port(each.port)
            require(port.id not in self.members, "two memberships of a port in one group")
            member = Membership.load(each, port.shared, scope.family)
            into.require_past(member.created)
            self.members[port.id] = member
            stake = scope.stake(port)
            stake.count_member(1)
            self.account(port, member)
        if state.statics:
            self.statics = Statics.load(state.statics, into.port_id, scope.family)
            scope.holdings.static_groups += 1
        self.tombstone_until = state.tombstone_until
        self.spared, self.spared_until = into.mask(state.spared), state.spared_until
        self.doubted_until, self.ask_at = state.doubted_until, state.ask_at
        dues = [member.due for member in self.members.values()]
        needed = min((at for at in (*dues, *ends) if at), default=STOPPED)
        into.timer(self, state.timer, needed)

    def bury_again(self, stake: Stake) -> None:
        """Have the tombstone be of that stake, as it was."""
        require(self.tombstone_until != STOPPED and not self.is_held, "a tombstone of the living")
        require(self.mourner is None, "a tombstone of two ports")
        self.mourner = stake
        stake.bury(self)

    # What others see -----------------------------------------------------------------------------

    def view(self) -> GroupView:
        """What forwarding depends on."""
        members = []
        for port in sorted(self.holders()):
            member = self.members.get(port)
            static = None if self.statics is None else self.statics.on(port)
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
        spared = self.spared
        if spared:
            context = self.home.scope.context
            spared &= context.flooded if self.home.scope.family is IPV4 else context.flooded6
        return GroupView(self.home.scope.vid, self.address, tuple(members), spared)
