"""Who asks in one VLAN: election, our own General Queries, what is adopted from another querier.

Three roles. *Querier*: we ask. *Non-querier*: we know who asks (`other`), be we configured to ask
or not; their values are in force (TM-30). *None*: nobody is known. Which of them are possible
depends on `querier`: OFF never asks, ON asks from the start, AUTO after a silent other querier
present interval and one response interval more, which is a router's (Q-20).

Anybody may claim to be a querier, so what that gives him is little (Q-18): an address is elected on
one port, its values are bounded (`adopting`), and what they would end is asked about (`last_word`).
"""

from typing import NamedTuple

from snoop.proto import adopting, queries
from snoop.proto.dumping import Timer, require, timer_of
from snoop.proto.effects import EventKind, Turn
from snoop.proto.elected import Elected, outranks
from snoop.proto.loading import Load
from snoop.proto.mrouter import Mrouters
from snoop.proto.null_source import Asker, Askers
from snoop.proto.params import MrouterMode, NullSource, QuerierMode
from snoop.proto.port import Port
from snoop.proto.remarks import Remarks
from snoop.proto.schedule import Schedule, ScheduleState
from snoop.proto.scope import Hook, Scope
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after, left
from snoop.proto.views import QuerierRow, Role
from snoop.wire.address import ANY, UNSPECIFIED, Address, Family, text
from snoop.wire.messages import Generation, Query


class QuerierState(NamedTuple):
    """Role and timers as they survive; the timings in force follow from whose they are."""

    timer: Timer
    is_querier: bool
    started: bool
    since: Instant
    takeover_at: Instant
    schedule: ScheduleState
    other: Elected | None
    asker: Asker | None


class Querier:
    """Role and timers of one instance."""

    __slots__ = (
        "_askers",
        "_changed",
        "_mrouters",
        "_other",
        "_schedule",
        "_scope",
        "_since",
        "_started",
        "_takeover_at",
        "armed",
        "armed_as",
        "is_querier",
    )

    def __init__(self, scope: Scope, mrouters: Mrouters, changed: Hook) -> None:
        """Start with no role; `start` begins the work. `changed` is told of who is there."""
        self._scope = scope
        self._mrouters = mrouters
        self._changed = changed
        self.armed: Instant = STOPPED
        self.armed_as = 0
        self._askers = Askers(scope, mrouters)
        self._schedule = Schedule(scope)
        self._reset()

    def _reset(self) -> None:
        self.is_querier = False
        self._scope.adopt(self._scope.params.timings)
        self._other: Elected | None = None
        self._since: Instant = STOPPED
        self._started = False
        self._schedule.stop()
        self._takeover_at = NEVER

    @property
    def is_known(self) -> bool:
        """True when there is a querier, we or another."""
        return self.is_querier or self._other is not None

    @property
    def is_started(self) -> bool:
        """True once there was a port to send on."""
        return self._started

    @property
    def follows(self) -> bool:
        """True when another is the elected querier."""
        return self._other is not None

    @property
    def has_address(self) -> bool:
        """True when the querier has an address, so that 0.0.0.0 is nobody (Q-19)."""
        own = self._scope.params.own_address
        return self._other is not None or (self.is_querier and own != UNSPECIFIED)

    @property
    def heard(self) -> Query | None:
        """The last General Query of who asks, None while that is nobody, or we."""
        if self._other is not None:
            return self._other.query
        asker = self._asker
        return None if asker is None else asker.query

    @property
    def _asker(self) -> Asker | None:
        """Who asks from 0.0.0.0, None if nobody does or somebody better asks."""
        return None if self.has_address else self._askers.last

    # What happens to us --------------------------------------------------------------------------

    def start(self, turn: Turn) -> None:
        """Begin to work: there is a port to send on. No effect if that was so before."""
        if not self._started:
            self._start(turn)

    def port_up(self, port: Port, turn: Turn) -> bool:
        """Have the hosts behind a new port say what they want (Q-14); False if they are not asked.

        In another's place nobody asks over IPv6: a query from `::` is heard by none (MLD-4).
        """
        if not self._started:
            self._start(turn)
        elif self.is_querier:
            queries.general(self._scope, port.bit, turn)
        elif self._other is not None and not self._mrouters.ports & port.bit:
            if self._scope.family is Family.IPV6:
                return False
            queries.remind(self._scope, port.bit, ANY, self._other.query, turn)
        return True

    def has_asked(self, port: Port) -> bool:
        """Tell whether our last General Query to all ports went to a port since that came up."""
        return self._schedule.has_asked(port)

    def forget(self, port: int) -> None:
        """Forget that a port was asked: it goes away."""
        self._schedule.forget(port)

    def _ask_all(self, turn: Turn) -> None:
        queries.general(self._scope, self._schedule.ask(turn.now), turn)

    def configure(self, turn: Turn) -> None:
        """Follow changed settings; what is known of another querier stays known."""
        params = self._scope.params
        if self._other is not None:
            self._adopt(self._other.query)
        else:
            self._scope.adopt(params.timings)
        match params.querier:
            case QuerierMode.OFF:
                self._takeover_at = NEVER
                if self.is_querier:
                    self._step_down(turn)
            case QuerierMode.ON if self._started and not self.is_known:
                self._become_querier(turn, startup=True)
            case QuerierMode.AUTO if self._started and not self.is_known:
                self._takeover_at = min(self._takeover_at, after(turn.now, self._patience()))
        if self.is_querier:
            self._schedule.hasten(turn.now)
        if self.has_address or params.mrouter_on_null_source is NullSource.NO:
            self._askers.dismiss(turn)
        other = self._other
        if other is not None:
            port = self._scope.context.ports.get(other.port)
            if port is not None and port.of(self._scope.family).querier_guard:
                self._lose_other(turn)
        self._changed(turn)
        self._arm()

    def stop(self) -> None:
        """Forget everything: snooping was switched off (VLAN-8). The caller says what changed."""
        self._scope.disarm(self)
        self._reset()

    def hear_general(self, query: Query, src: Address, port: Port, turn: Turn) -> None:
        """Take a valid General Query with an address: the only thing that elects (Q-4, G-3)."""
        params = self._scope.params
        own = params.own_address
        remarks = Remarks(self._scope, query, src, port, turn)
        if src == own and params.querier is not QuerierMode.OFF:
            port.counts["query_own_address"] += 1
            remarks.say("query from our own address")
            return
        remarks.version(is_querier=self.is_querier)
        if not self._would_win(src):
            port.counts["query_not_elected"] += 1
            return
        other = self._other
        if other is not None and other.is_elsewhere(src, port, self._scope, turn.now):
            port.counts["query_other_port"] += 1
            remarks.say("query from the querier's address on another port")
            return
        self._follow(query, src, port, remarks, turn)

    def hear_null(self, query: Query, port: Port, turn: Turn) -> None:
        """Take a General Query from 0.0.0.0, which elects nobody (Q-5, Q-19)."""
        self._askers.hear(query, port, turn, outdone=self.has_address)

    def may_lower(self, src: Address, port: Port) -> bool:
        """Tell whether a specific query from `src` on `port` may lower timers (Q-18).

        The querier's may, on the port it was elected on, and that of an address that would win.
        """
        params = self._scope.params
        if port.of(self._scope.family).mrouter is MrouterMode.NEVER:
            return False
        if src == UNSPECIFIED:
            return not self.has_address and self._askers.are_on(port)
        if src == params.own_address and params.querier is not QuerierMode.OFF:
            return False
        other = self._other
        if other is not None and src == other.address:
            return port.id == other.port
        return self._would_win(src)

    def hear_specific(self, query: Query, src: Address, port: Port) -> None:
        """Take a specific query: it elects nobody, but its values hold if it is the querier's."""
        other = self._other
        if other is None or (src, port.id) != (other.address, other.port):  # TM-32
            return
        if query.generation is Generation.SOURCES:  # TM-30
            general = other.query.max_response_ns
            other.query = query._replace(group=ANY, sources=(), max_response_ns=general)
            self._adopt(other.query)

    def fire(self, turn: Turn) -> Instant:
        """Send the next query, take over from a silent querier, or start to prune."""
        if self._other is not None and self._other.until <= turn.now:
            self._lose_other(turn)
        if self._takeover_at <= turn.now:
            self._become_querier(turn, startup=True)
        if self._schedule.due <= turn.now:
            self._ask_all(turn)
            self._schedule.sent(turn.now)
        self._changed(turn)
        return self._deadline()

    # Roles ---------------------------------------------------------------------------------------

    def _start(self, turn: Turn) -> None:
        self._started = True
        match self._scope.params.querier:
            case QuerierMode.ON if not self.is_known:
                self._become_querier(turn, startup=True)
            case QuerierMode.AUTO if not self.is_known:
                self._takeover_at = after(turn.now, self._patience())
            case _:
                pass  # a VLAN may begin with another's query
        self._arm()

    def _become_querier(self, turn: Turn, *, startup: bool) -> None:
        params = self._scope.params
        self.is_querier = True
        self._takeover_at = NEVER
        self._scope.adopt(params.timings)  # TM-30, TM-36: the querier's own values
        self._since = turn.now
        self._tell(Role.QUERIER, params.own_address, None, turn)
        if params.own_address != UNSPECIFIED:
            self._askers.dismiss(turn)
        else:
            reason = "our queries come from 0.0.0.0: give the querier an address"
            self._scope.tell(EventKind.WARNING, None, turn, reason=reason)
        self._ask_all(turn)
        self._schedule.begin(turn.now, startup=startup)
        self._changed(turn)

    def _step_down(self, turn: Turn) -> None:
        self.is_querier = False
        self._schedule.stop()
        self._since = turn.now
        if self._other is None:
            self._tell(Role.NONE, None, None, turn)

    def _would_win(self, src: Address) -> bool:
        """Tell whether a General Query from `src` would make it the querier, or keep it so (Q-4).

        AUTO, while it does not ask, leaves it to anybody; ON yields to lower addresses only.
        """
        params = self._scope.params
        own = params.own_address
        contends = self.is_querier or params.querier is QuerierMode.ON
        if contends and own != UNSPECIFIED and outranks(own, src):
            return False
        return self._other is None or not outranks(self._other.address, src)

    def _follow(self, query: Query, src: Address, port: Port, remarks: Remarks, turn: Turn) -> None:
        other = self._other
        self._adopt(query)
        if other is None or other.address != src:
            displaced = self._scope.params.querier is QuerierMode.ON
            other = self._other = Elected(src, port.id, turn.now, turn.now, STOPPED, query)
            if self.is_querier:
                self._step_down(turn)
            self._tell(Role.NON_QUERIER, src, port.id, turn, displaced=displaced)
            remarks.values()
            if displaced:
                remarks.displacement()
            self._askers.dismiss(turn)
        other.port = port.id
        other.heard = turn.now
        other.query = query
        self._takeover_at = NEVER
        other.until = after(turn.now, self._patience())
        self._changed(turn)
        self._arm()

    def _lose_other(self, turn: Turn) -> None:
        self._other = None
        self._scope.emptied()
        self._scope.adopt(self._scope.params.timings)  # TM-36
        if self._scope.params.querier is QuerierMode.OFF:
            self._tell(Role.NONE, None, None, turn)
        else:
            self._become_querier(turn, startup=False)  # and ask at once

    def _patience(self) -> Duration:
        """How long a querier may be silent before we take over, or forget it (N-5)."""
        oqpi = self._scope.timings.oqpi
        if self._scope.params.querier is not QuerierMode.AUTO:
            return oqpi
        return Duration(oqpi + self._scope.params.timings.query_response_interval)

    def _adopt(self, query: Query) -> None:
        """Put the elected querier's values in force for timers started from now on (TM-33)."""
        params = self._scope.params
        if adopting.is_clamped(params, query):
            self._scope.context.counts["qqi_clamped"] += 1
        timings = adopting.adopted(params, query)
        if timings != self._scope.timings:
            self._scope.adopt(timings)

    # Our queries ---------------------------------------------------------------------------------

    def ask(
        self, ports: Ports, group: Address, turn: Turn, *, within: Duration | None = None
    ) -> None:
        """Send a query now: outside the schedule, cutting nobody.

        `group` ANY makes it a General Query, to be answered `within` that.
        """
        if not self.is_querier:
            if self._scope.family is Family.IPV6 and group == ANY:
                ports &= ~self._mrouters.ports  # who is elected might yield to it (MLD-4)
            like = None if self._other is None else self._other.query
            queries.remind(self._scope, ports, group, like, turn, within=within)
        elif group == ANY:
            queries.general(self._scope, ports, turn, within=within)
        else:
            queries.specific(self._scope, ports, group, (), True, turn)

    # What survives -------------------------------------------------------------------------------

    def dump(self) -> QuerierState:
        """What survives."""
        return QuerierState(
            timer=timer_of(self),
            is_querier=self.is_querier,
            started=self._started,
            since=self._since,
            takeover_at=self._takeover_at,
            schedule=self._schedule.dump(),
            other=None if self._other is None else self._other.dump(),
            asker=self._askers.dump(),
        )

    def load(self, state: QuerierState, into: Load) -> None:
        """Take up what was dumped."""
        other = state.other
        require(not (state.is_querier and other), "two queriers elected")
        require(state.is_querier == (state.schedule.due < NEVER), "queries of who is no querier")
        into.require_past(state.since)
        self.is_querier, self._started = state.is_querier, state.started
        self._since, self._takeover_at = state.since, state.takeover_at
        self._schedule.load(state.schedule, into)
        self._askers.load(state.asker, into)
        if other is not None:
            self._other = other.load(self._scope, into)
            self._scope.adopt(adopting.adopted(self._scope.params, other.query))
        require(0 < state.takeover_at <= NEVER, "no time to take over")
        into.timer(self, state.timer, self._deadline())

    # Deadlines, events, rows ---------------------------------------------------------------------

    def _deadline(self) -> Instant:
        nearest = min(self._schedule.due, self._takeover_at)
        if self._other is not None:
            nearest = min(nearest, self._other.until)
        return nearest if nearest < NEVER else STOPPED

    def _arm(self) -> None:
        self._scope.arm(self, self._deadline())

    def _tell(
        self,
        role: Role,
        address: Address | None,
        port: int | None,
        turn: Turn,
        *,
        displaced: bool = False,
    ) -> None:
        """`displaced`: a querier that was set to ask has to yield."""
        said = None if address is None else text(address)
        self._scope.tell(
            EventKind.QUERIER, port, turn, role=role, address=said, displaced=displaced
        )

    def row(self, now: Instant) -> QuerierRow:
        """The running state (Q-17)."""
        params = self._scope.params
        address: Address | None = None
        other: Elected | Asker | None = None
        if self.is_querier:
            role, address, since = Role.QUERIER, params.own_address, self._since
        elif self._other is not None:
            other = self._other
            role, address, since = Role.NON_QUERIER, other.address, other.since
        else:  # who asks from 0.0.0.0 is shown, and elected by nobody
            other = self._asker
            role, since = Role.NONE, STOPPED
            if other is not None:
                address, since = UNSPECIFIED, other.since
        return QuerierRow(
            vid=self._scope.vid,
            family=self._scope.family,
            role=role,
            address=address,
            port=None if other is None else other.port,
            version=params.version if other is None else other.query.version,
            timer=None if other is None else left(other.until, now),
            query_interval=self._scope.timings.query_interval,
            query_response_interval=self._scope.timings.query_response_interval,
            robustness=self._scope.timings.robustness,
            uptime=Duration(now - since) if since != STOPPED else None,
            last_member_query_interval=self._scope.timings.last_member_query_interval,
            group_membership_interval=self._scope.timings.gmi,
        )
