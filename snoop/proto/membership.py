"""What one port wants of one group: the router state machine of RFC 9776 6.4, per port (SM-60).

State: a filter mode, a group timer (EXCLUDE only) and a timer per listed source. A source is in one
of the sets the tables speak of by its timer: running is A (INCLUDE) or X (EXCLUDE), `STOPPED` is Y.
A membership without anything to say, INCLUDE of nothing, does not exist; whoever holds it drops it.

`apply` takes one record through the table and returns what the table wants asked ("send Q"), which
only a querier does (SM-66), in `last_member`. `sources` is replaced and never changed in place: a
reader may keep the old one to compare with.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from snoop.proto import shares
from snoop.proto.dumping import require, require_addresses, require_instants
from snoop.proto.hosts import Hosts, HostsState, Reporter
from snoop.proto.units import NEVER, STOPPED, Instant
from snoop.proto.views import EXCLUDE, INCLUDE, FilterMode
from snoop.wire.address import Address, Family
from snoop.wire.messages import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN, RecordType

NO_SOURCES: Final[Mapping[Address, Instant]] = {}  # shared by all that list nothing


class Ask(NamedTuple):
    """The queries a table row asks for: Q(G) if `group`, Q(G, sources) if there are any."""

    group: bool
    sources: tuple[Address, ...]

    def __bool__(self) -> bool:
        """Tell whether there is anything to ask: an empty list is not sent."""
        return self.group or bool(self.sources)


NOTHING: Final = Ask(False, ())
GROUP_ONLY: Final = Ask(True, ())


class MembershipState(NamedTuple):
    """A membership that survives; what it costs follows from it."""

    port: int
    exclude: bool
    group_timer: Instant
    sources: dict[Address, Instant]
    v1_until: Instant
    v2_until: Instant
    created: Instant
    reporter: Reporter
    due: Instant
    hosts: HostsState | None


class Membership:
    """State of one (VLAN, group, port), spec 3.1.

    `v1_until` and `v2_until` are the older host present timers by generation (SM-40, SM-45), `due`
    is no later than the next timer of the membership, `reporter` the MAC and address of who
    reported last. `cost` and `host_count` are what the port is charged for it (`recount`).
    """

    __slots__ = (
        "cost",
        "created",
        "due",
        "exclude",
        "group_timer",
        "host_count",
        "hosts",
        "reporter",
        "sources",
        "v1_until",
        "v2_until",
    )

    def __init__(self, reporter: Reporter, now: Instant) -> None:
        """Start as INCLUDE of nothing."""
        self.exclude = False
        self.group_timer: Instant = STOPPED
        self.sources: Mapping[Address, Instant] = NO_SOURCES
        self.v1_until: Instant = STOPPED
        self.v2_until: Instant = STOPPED
        self.created = now
        self.reporter = reporter
        self.due: Instant = NEVER
        self.hosts: Hosts | None = None
        self.cost = 0
        self.host_count = 0

    @property
    def is_empty(self) -> bool:
        """True for INCLUDE of nothing: no membership."""
        return not self.exclude and not self.sources

    @property
    def filter_mode(self) -> FilterMode:
        """The filter mode by its name."""
        return EXCLUDE if self.exclude else INCLUDE

    def compatibility(self, now: Instant) -> int:
        """The generation of the compatibility mode (spec 3.4)."""
        if self.v1_until > now:
            return 1
        return 2 if self.v2_until > now else 3

    @property
    def end(self) -> Instant:
        """When nothing is left of it unless it is reported: its last timer."""
        return max(self.group_timer, *self.sources.values(), STOPPED)

    def running(self) -> tuple[Address, ...]:
        """The sources whose timers run: A of INCLUDE, X of EXCLUDE."""
        return tuple([source for source, timer in self.sources.items() if timer])

    def blocked(self) -> tuple[Address, ...]:
        """Y: listed sources that are not forwarded."""
        return tuple(source for source, timer in self.sources.items() if not timer)

    def apply(self, kind: RecordType, listed: Iterable[Address], until: Instant) -> Ask:
        """Take one record through the tables of RFC 9776 6.4.1 and 6.4.2.

        `listed` is the record's source list, `until` is now + GMI.
        """
        if self.exclude:
            return self._apply_exclude(kind, listed, until)
        return self._apply_include(kind, listed, until)

    def _apply_include(self, kind: RecordType, listed: Iterable[Address], until: Instant) -> Ask:
        old = self.sources
        if kind is IS_IN or kind is ALLOW:  # SM-1, SM-5: INCLUDE(A+B)
            if listed:
                self.sources = {**old, **dict.fromkeys(listed, until)}
            return NOTHING
        if kind is IS_EX or kind is TO_EX:  # SM-2, SM-7: EXCLUDE(A*B, B-A)
            self.exclude = True
            self.group_timer = until
            self.sources = {source: old.get(source, STOPPED) for source in listed} or NO_SOURCES
            if kind is IS_EX or not old:  # SM-27: only state changes are asked about
                return NOTHING
            return Ask(False, tuple([source for source in self.sources if source in old]))
        if kind is BLOCK:  # SM-6: INCLUDE(A), Q(G, A*B)
            return Ask(False, tuple([s for s in dict.fromkeys(listed) if s in old]))
        if kind is TO_IN:  # SM-8: INCLUDE(A+B), Q(G, A-B)
            fresh = dict.fromkeys(listed, until)
            if fresh:
                self.sources = {**old, **fresh}
            return Ask(False, tuple([source for source in old if source not in fresh]))
        raise AssertionError(kind)

    def _apply_exclude(self, kind: RecordType, listed: Iterable[Address], until: Instant) -> Ask:
        old = self.sources
        timer = self.group_timer
        if kind is IS_IN or kind is ALLOW:  # SM-3, SM-9: EXCLUDE(X+A, Y-A)
            if listed:
                self.sources = {**old, **dict.fromkeys(listed, until)}
            return NOTHING
        if kind is IS_EX:  # SM-4: EXCLUDE(A-Y, Y*A), A-X-Y = GMI
            self.sources = {source: old.get(source, until) for source in listed} or NO_SOURCES
            self.group_timer = until
            return NOTHING
        if kind is TO_EX:  # SM-11: the same, A-X-Y = the old group timer, Q(G, A-Y)
            self.sources = {source: old.get(source, timer) for source in listed} or NO_SOURCES
            self.group_timer = until
            return Ask(False, self.running())
        if kind is BLOCK:  # SM-10: EXCLUDE(X+(A-Y), Y), A-X-Y = group timer, Q(G, A-Y)
            fresh = {source: old.get(source, timer) for source in listed}
            if fresh:
                self.sources = {**old, **fresh}
            return Ask(False, tuple([source for source, left in fresh.items() if left]))
        if kind is TO_IN:  # SM-12: EXCLUDE(X+A, Y-A), Q(G, X-A), Q(G)
            if not (listed or old):
                return GROUP_ONLY
            fresh = dict.fromkeys(listed, until)
            if fresh:
                self.sources = {**old, **fresh}
            return Ask(True, tuple([s for s, left in old.items() if left and s not in fresh]))
        raise AssertionError(kind)

    def degrade(self, until: Instant) -> None:
        """Give the source list up and want everything: nothing wanted is lost (SM-68)."""
        self.exclude = True
        self.sources = NO_SOURCES
        self.group_timer = max(self.group_timer, until)

    def lower_group(self, deadline: Instant) -> bool:
        """Lower the group timer, never raise it (SM-20); tell whether it was above."""
        if self.exclude and self.group_timer > deadline:
            self.group_timer = deadline
            self.due = min(self.due, deadline)
            return True
        return False

    def lower_sources(self, listed: Iterable[Address], deadline: Instant) -> list[Address]:
        """Lower running timers of `listed` that are above `deadline` (SM-21) and return those."""
        old = self.sources
        lowered = [source for source in listed if old.get(source, STOPPED) > deadline]
        if lowered:
            self.sources = {**old, **dict.fromkeys(lowered, deadline)}
            self.due = min(self.due, deadline)
        return lowered

    def keep(self, until: Instant) -> None:
        """Refresh whatever runs; `due` may be early."""
        if any(self.sources.values()):
            self.sources = {s: max(t, until) if t else t for s, t in self.sources.items()}

    def put_off(self, floor: Instant) -> None:
        """Let no running timer end before `floor`; `due` may be early."""
        self.group_timer = max(self.group_timer, floor) if self.exclude else self.group_timer
        if any(STOPPED < timer < floor for timer in self.sources.values()):
            self.sources = {s: max(t, floor) if t else t for s, t in self.sources.items()}

    def expire(self, now: Instant, *, keep_blocked: bool = True) -> None:
        """Do what the timers that have run out by `now` say (spec 3.1).

        `keep_blocked` False: a source of EXCLUDE whose timer ends is forgotten, not blocked
        (SM-48).
        """
        over = [source for source, timer in self.sources.items() if STOPPED < timer <= now]
        if over:
            if self.exclude and keep_blocked:
                self.sources = {**self.sources, **dict.fromkeys(over, STOPPED)}
            else:
                gone = set(over)
                self.sources = {s: t for s, t in self.sources.items() if s not in gone}
        if self.exclude and self.group_timer <= now:
            # What is still wanted by name stays; what was blocked needs no mark any more.
            self.exclude = False
            self.group_timer = STOPPED
            self.sources = {s: t for s, t in self.sources.items() if t}
        self.settle()

    def settle(self) -> None:
        """Recompute `due` after a change."""
        due = self.group_timer if self.exclude else NEVER
        for timer in self.sources.values():
            if STOPPED < timer < due:
                due = timer
        self.due = due

    # What is known beside the table --------------------------------------------------------------

    def refresh(self, who: Reporter, until: Instant) -> bool:
        """Take IS_EX{} or TO_EX{} for EXCLUDE of nothing; tell whether it may end earlier now.

        By far the most frequent record; the same as what `apply` would do (SM-4, SM-11).
        """
        self.reporter = who
        self.group_timer = until
        if until < self.due:
            self.due = until
            return True
        return False

    def heard_from(self, who: Reporter) -> None:
        """Remember who reported last."""
        self.reporter = who

    def hear_older(self, generation: int, until: Instant) -> None:
        """Start the timer that keeps the port in compatibility mode (SM-40, SM-45, SM-47)."""
        if generation == 1:
            self.v1_until = until
        else:
            self.v2_until = until

    def track(self, now: Instant, until: Instant) -> Hosts:
        """The hosts, tracked from now on if they were not."""
        if self.hosts is None:
            self.hosts = Hosts()
            if self.created != now:  # switched on later: there may be others
                self.hosts.doubt(until)
        return self.hosts

    def tracks(self, who: Reporter) -> bool:
        """Tell whether a host is known to want it; True where nothing is known of hosts."""
        return self.hosts is None or self.hosts.lists(who)

    def untrack(self) -> None:
        """Forget the hosts: explicit tracking was switched off."""
        self.hosts = None

    def recount(self) -> tuple[int, int]:
        """Follow what it has become with `cost`, in bytes, and `host_count`; return the rises."""
        hosts = self.hosts
        count = 0
        cost = shares.MEMBERSHIP + shares.SOURCE * len(self.sources)
        if hosts is not None:
            count = len(hosts)
            cost += shares.HOST_SOURCE * hosts.source_count
            if count > 1:
                cost += shares.HOST * (count - 1)
        rises = cost - self.cost, count - self.host_count
        self.cost, self.host_count = cost, count
        return rises

    # What survives -------------------------------------------------------------------------------

    def dump(self, port: int) -> MembershipState:
        """What survives of the membership of `port`."""
        return MembershipState(
            port=port,
            exclude=self.exclude,
            group_timer=self.group_timer,
            sources=dict(self.sources),
            v1_until=self.v1_until,
            v2_until=self.v2_until,
            created=self.created,
            reporter=self.reporter,
            due=self.due,
            hosts=None if self.hosts is None else self.hosts.dump(),
        )

    @classmethod
    def load(
        cls, state: MembershipState, shared: Callable[[Reporter], Reporter], of: Family
    ) -> "Membership":
        """The membership that was dumped; `shared` has one object for equal names."""
        require(len(state.reporter) == 22, "not a reporter's name")
        require_instants(
            state.group_timer, state.v1_until, state.v2_until, state.created, state.due
        )
        member = cls(shared(state.reporter), state.created)
        member.exclude, member.group_timer = state.exclude, state.group_timer
        member.v1_until, member.v2_until = state.v1_until, state.v2_until
        if state.sources:
            require_addresses(of, state.sources)
            require_instants(*state.sources.values())
            member.sources = state.sources
        require(not member.is_empty, "a membership that wants nothing")
        timers = (member.group_timer,) if member.exclude else member.sources.values()
        require(all(timers), "a membership without an end")
        member.settle()
        member.due = min(state.due, member.due)
        if state.hosts is not None:
            member.hosts = Hosts.load(state.hosts, shared, of)
        return member

    # What follows from it ------------------------------------------------------------------------

    def differs(self, exclude: bool, sources: Mapping[Address, Instant]) -> bool:
        """Tell whether forwarding differs from what it was in that state; timers do not count."""
        if exclude != self.exclude:
            return True
        if sources is self.sources:
            return False
        if not exclude:
            return sources.keys() != self.sources.keys()
        return sources.keys() != self.sources.keys() or any(
            bool(timer) != bool(self.sources[source]) for source, timer in sources.items()
        )

    def shape(self) -> tuple[bool, frozenset[Address], frozenset[Address]]:
        """All that forwarding depends on: mode, running sources, blocked sources."""
        if not self.sources:
            return self.exclude, _NONE, _NONE
        return self.exclude, frozenset(self.running()), frozenset(self.blocked())


_NONE: Final[frozenset[Address]] = frozenset()
