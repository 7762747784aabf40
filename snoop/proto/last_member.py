"""Last member queries: asking the others on a port whether anybody still wants what one gave up.

A `Check` is what is still to be asked about one membership: the group, sources, or both, each with
its own number of repeats left and its own next time (SM-23, SM-24). What comes up at the same time
goes out together (SM-25). The timers themselves are in the membership, lowered when the question is
first asked; a check only sends. It outlives our being the querier (Q-8), and has nothing more to do
once its membership is gone.

A host may leave and join a thousand times a second, and every port that holds the group may have to
hear what is asked. So a port is asked about a group once a last member query interval and a few
times besides, and so are all of its ports together: what comes up after that waits for its turn.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from snoop.proto import queries
from snoop.proto.dumping import Timer, require, require_addresses, require_instants, timer_of
from snoop.proto.effects import Turn
from snoop.proto.group import Group
from snoop.proto.groups import Groups
from snoop.proto.loading import Load
from snoop.proto.membership import Ask, Membership
from snoop.proto.mrouter import Mrouters
from snoop.proto.querier import Querier
from snoop.proto.scope import Scope
from snoop.proto.slow_hosts import SlowHosts
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after
from snoop.wire.address import Address

_HASTY_MAX: Final = 4
_GONE: Final = Membership(bytes(22), STOPPED)  # what a check is about whose membership is no more


class RepeatsState(NamedTuple):
    """How often a question is still to be sent, and when next."""

    left: int
    at: Instant


class CheckState(NamedTuple):
    """A check that survives; one of a membership that is gone only waits to be dropped."""

    port: int
    is_current: bool
    timer: Timer
    group: RepeatsState | None
    sources: dict[Address, RepeatsState]
    asked_at: Instant
    hasty: int


class CaseState(NamedTuple):
    """The checks of a group that survive; `is_current` unless it was forgotten since."""

    group: Address
    is_current: bool
    asked_all_at: Instant
    checks: tuple[CheckState, ...]


class LastMember:
    """What is being asked in one instance."""

    __slots__ = ("_cases", "_querier", "mrouters", "scope", "slow_hosts")

    def __init__(
        self, scope: Scope, querier: Querier, mrouters: Mrouters, slow_hosts: SlowHosts
    ) -> None:
        """Start with nothing to ask."""
        self.scope = scope
        self.mrouters = mrouters
        self.slow_hosts = slow_hosts
        self._querier = querier
        self._cases: dict[Group, _Case] = {}

    def start(self, group: Group, port: int, member: Membership, ask: Ask, turn: Turn) -> None:
        """Do what a table row's "send Q" says, if this switch is the one to do it (SM-66, Q-9)."""
        scope = self.scope
        if not ask or not self._querier.is_querier or scope.params.generation == 1:
            return
        case = self._cases.get(group)
        if case is None:
            case = self._cases[group] = _Case(self, group)
        case.check(port, member).begin(ask, turn)
        group.doubt(
            after(turn.now, self.slow_hosts.last_member_time(turn.now)), turn.now, ask=False
        )
        group.settle(member, turn.now)

    def drop(self, group: Group) -> None:
        """Forget a group that nothing more is to be asked about."""
        del self._cases[group]

    def stop(self) -> None:
        """Ask nothing any more: the instance ends."""
        for case in self._cases.values():
            case.stop()
        self._cases.clear()

    def dump(self, groups: Groups) -> tuple[CaseState, ...]:
        """What survives."""
        return tuple(case.dump(groups) for case in self._cases.values())

    def load(self, states: tuple[CaseState, ...], groups: Groups, into: Load) -> None:
        """Take up what was dumped."""
        for state in states:
            known = groups.get(state.group)
            require(known is not None or not state.is_current, "a check of no group")
            group = known if known is not None and state.is_current else Group(groups, state.group)
            require(group not in self._cases, "checks of a group twice")
            case = self._cases[group] = _Case(self, group)
            case.load(state, into)


class _Case:
    """The checks of one group, and when all of its ports were asked last."""

    __slots__ = ("_checks", "asked_all_at", "group", "home")

    def __init__(self, home: LastMember, group: Group) -> None:
        self.home = home
        self.group = group
        self.asked_all_at: Instant = STOPPED
        self._checks: dict[int, Check] = {}

    def check(self, port: int, member: Membership) -> "Check":
        """The check of a membership, made if there is none."""
        check = self._checks.get(port)
        if check is None or check.member is not member:
            if check is not None:
                self.home.scope.disarm(check)
            check = self._checks[port] = Check(self, port, member)
        return check

    def drop(self, port: int) -> None:
        del self._checks[port]
        if not self._checks:
            self.home.drop(self.group)

    def stop(self) -> None:
        for check in self._checks.values():
            self.home.scope.disarm(check)
        self._checks.clear()

    def dump(self, groups: Groups) -> CaseState:
        return CaseState(
            group=self.group.address,
            is_current=groups.get(self.group.address) is self.group,
            asked_all_at=self.asked_all_at,
            checks=tuple(check.dump() for check in self._checks.values()),
        )

    def load(self, state: CaseState, into: Load) -> None:
        require_addresses(self.home.scope.family, (state.group,))
        require_instants(state.asked_all_at)
        require(bool(state.checks), "a group that nothing is asked about")
        self.asked_all_at = state.asked_all_at
        for each in state.checks:
            port = into.place(each.port)
            require(port not in self._checks, "two checks of a port")
            member = self.group.members.get(port) if each.is_current else _GONE
            require(member is not None, "a check of no membership")
            assert member is not None
            check = self._checks[port] = Check(self, port, member)
            check.load(each, into)


@dataclass(slots=True)
class _Repeats:
    """How often a question is still to be sent, and when next."""

    left: int
    at: Instant


class Check:
    """The questions pending about one group on one port."""

    __slots__ = (
        "_asked_at",
        "_case",
        "_group_repeats",
        "_hasty",
        "_port",
        "_scope",
        "_source_repeats",
        "armed",
        "armed_as",
        "member",
    )

    def __init__(self, case: _Case, port: int, member: Membership) -> None:
        """Start with nothing to ask."""
        self.member = member
        self._case = case
        self._scope = case.home.scope
        self._port = port
        self._group_repeats: _Repeats | None = None
        self._source_repeats: dict[Address, _Repeats] = {}
        self._asked_at: Instant = STOPPED
        self._hasty = 0  # questions out of turn, since the port was last left alone
        self.armed: Instant = STOPPED
        self.armed_as = 0

    def begin(self, ask: Ask, turn: Turn) -> None:
        """Ask, now or when it is the port's turn."""
        if self._take(ask, turn.now):
            again = self._send_due(turn)
            if again:
                self._scope.arm(self, again)
            else:
                self._scope.disarm(self)
        elif not self.armed:
            self._case.drop(self._port)

    def fire(self, turn: Turn) -> Instant:
        """Send what is due; return when to send again."""
        if self._case.group.members.get(self._port) is not self.member:
            self._case.drop(self._port)
            return STOPPED
        return self._send_due(turn)

    def dump(self) -> CheckState:
        """What survives."""
        repeats = self._group_repeats
        return CheckState(
            port=self._port,
            is_current=self._case.group.members.get(self._port) is self.member,
            timer=timer_of(self),
            group=None if repeats is None else RepeatsState(repeats.left, repeats.at),
            sources={s: RepeatsState(r.left, r.at) for s, r in self._source_repeats.items()},
            asked_at=self._asked_at,
            hasty=self._hasty,
        )

    def load(self, state: CheckState, into: Load) -> None:
        """Take up what was dumped."""
        repeats = [*state.sources.values()] + ([] if state.group is None else [state.group])
        require(all(0 < each.left < 256 and each.at > 0 for each in repeats), "no such repeats")
        require_instants(state.asked_at, state.hasty, *(each.at for each in repeats))
        require_addresses(self._scope.family, state.sources)
        self._group_repeats = None if state.group is None else _Repeats(*state.group)
        self._source_repeats = {s: _Repeats(*each) for s, each in state.sources.items()}
        self._asked_at, self._hasty = state.asked_at, state.hasty
        into.timer(self, state.timer, min((each.at for each in repeats), default=NEVER))

    def _take(self, ask: Ask, now: Instant) -> bool:
        """Lower timers and note what to ask; tell whether that is anything new.

        What is being asked already, its timer no higher than LMQT, is not asked anew: a host says
        everything RV times.
        """
        member, timings = self.member, self._scope.timings
        at = self._when(now)
        # The last of fewer questions than two may come late; then there is time to answer it.
        deadline = max(self._lowered(now), after(at, timings.last_member_query_interval))
        fresh = False
        if ask.group:
            lowered = member.lower_group(deadline)
            if lowered or self._group_repeats is None:
                self._group_repeats = _Repeats(timings.lmqc, at)
                fresh = True
        if self._scope.params.generation == 3:
            for source in member.lower_sources(ask.sources, deadline):
                self._source_repeats[source] = _Repeats(timings.lmqc, at)
                fresh = True
        return fresh

    def _send_due(self, turn: Turn) -> Instant:
        now = turn.now
        member = self.member
        if self._scope.params.generation < 3:  # it was 3 when this was asked first
            self._source_repeats.clear()
        high = self._lowered(now)
        with_group = self._send_group(high, turn)
        refreshed: list[Address] = []
        lowered: list[Address] = []
        for source, repeats in list(self._source_repeats.items()):
            timer = member.sources.get(source, STOPPED)
            if not timer:  # deleted or blocked meanwhile: nobody to ask about
                del self._source_repeats[source]
                continue
            if repeats.at > now:
                continue
            (refreshed if timer > high else lowered).append(source)
            repeats.left -= 1
            repeats.at = after(now, self._interval)
            if not repeats.left:
                del self._source_repeats[source]
        if refreshed and not with_group:  # SM-24: Q(G) makes this one superfluous
            self._send_sources(refreshed, True, turn)
        if lowered:
            self._send_sources(lowered, False, turn)
        return self._next(now)

    def _send_group(self, high: Instant, turn: Turn) -> bool:
        repeats = self._group_repeats
        if repeats is None or repeats.at > turn.now:
            return False
        can_suppress = self._scope.params.generation == 3
        suppress = self.member.group_timer > high
        if not self.member.exclude or (suppress and not can_suppress):
            # No group timer any more; or somebody answered, and v2 has no flag to say so.
            self._group_repeats = None
            return False
        repeats.left -= 1
        repeats.at = after(turn.now, self._interval)
        if not repeats.left:
            self._group_repeats = None
        if self._case.asked_all_at == turn.now:  # for another port, and heard by this one
            self._asked_at = turn.now
        else:
            self._send((), suppress, turn)
        return True

    def _send_sources(self, sources: list[Address], suppress: bool, turn: Turn) -> None:
        most = queries.sources_max(self._scope)
        for start in range(0, len(sources), most):
            self._send(tuple(sources[start : start + most]), suppress, turn)

    def _send(self, sources: tuple[Address, ...], suppress: bool, turn: Turn) -> None:
        ports = self._ports()
        self._asked_at = turn.now
        if not sources and ports != 1 << self._port:
            self._case.asked_all_at = turn.now
        queries.specific(self._scope, ports, self._case.group.address, sources, suppress, turn)

    @property
    def _interval(self) -> Duration:
        return self._scope.timings.last_member_query_interval

    def _lowered(self, now: Instant) -> Instant:
        """What a timer is lowered to by a question that goes out now (TM-10)."""
        return after(now, self._case.home.slow_hosts.last_member_time(now))

    def _when(self, now: Instant) -> Instant:
        """When to ask: now, or an interval after the port was asked last."""
        asked = max(self._asked_at, self._case.asked_all_at)
        at = STOPPED if asked == STOPPED else after(asked, self._interval)
        if at <= now:
            self._hasty = 0
        elif self._hasty >= _HASTY_MAX:
            return at
        else:
            self._hasty += 1
        return now

    def _ports(self) -> Ports:
        """Q-12: another router that hears this lowers its own timers, so let it hear everybody."""
        mrouters = self._case.home.mrouters.ports
        if not mrouters & self._scope.up:
            return 1 << self._port
        return self._case.group.ports | mrouters

    def _next(self, now: Instant) -> Instant:
        nearest = NEVER
        if self._source_repeats:
            nearest = min(repeats.at for repeats in self._source_repeats.values())
        if self._group_repeats is not None:
            nearest = min(nearest, self._group_repeats.at)
        if nearest < NEVER:
            return nearest
        over = after(self._asked_at, self._interval)
        if self._asked_at and over > now:  # to remember that it was asked
            return over
        self._case.drop(self._port)
        return STOPPED
