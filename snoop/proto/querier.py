"""Who asks in one VLAN: election, our own General Queries, what is adopted from another querier.

Three roles. *Querier*: we ask. *Non-querier*: we know who asks (`other`), be we configured to ask
or not; their values are in force (TM-30). *None*: nobody is known. Which of them are possible
depends on `querier`: OFF never asks, ON asks from the start, AUTO after a silent other querier
present interval and one response interval more, which is a router's (Q-20).

Anybody may claim to be a querier, so what that gives him is little (Q-18): an address is elected on
one port, its values are bounded (`adopting`), and what they would end is asked about (`lastword`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from snoop.proto import adopting, asking
from snoop.proto.effects import Effect, Event
from snoop.proto.nullsource import Asker, Askers
from snoop.proto.params import MrouterMode, NullSource, QuerierMode
from snoop.proto.port import Port
from snoop.proto.remarks import Remarks
from snoop.proto.units import (
    NEVER,
    STOPPED,
    Duration,
    Instant,
    Ports,
    after,
    left,
)
from snoop.proto.views import QuerierRow
from snoop.wire.address import ANY, UNSPECIFIED, Address, Family, text
from snoop.wire.messages import Query

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan


@dataclass(slots=True)
class _Other:
    """The elected querier that is not us, and what its last General Query said and when."""

    address: Address
    port: int
    since: Instant
    heard: Instant
    until: Instant
    query: Query


class Querier:
    """Role and timers of one VLAN and family."""

    __slots__ = (
        "_next_general",
        "_other",
        "_since",
        "_started",
        "_startup_left",
        "_takeover_at",
        "_vlan",
        "armed",
        "askers",
        "is_querier",
    )

    def __init__(self, vlan: "Vlan") -> None:
        """Start with no role; `start` begins the work."""
        self._vlan = vlan
        self.armed: Instant = STOPPED
        self.askers = Askers(vlan)
        self._reset()

    def _reset(self) -> None:
        self.is_querier = False
        self._vlan.timings = self._vlan.params.timings
        self._other: _Other | None = None
        self._since: Instant = STOPPED
        self._started = False
        self._startup_left = 0
        self._next_general = NEVER
        self._takeover_at = NEVER

    @property
    def is_known(self) -> bool:
        """True when there is a querier, we or another."""
        return self.is_querier or self._other is not None

    @property
    def follows(self) -> bool:
        """True when another is the elected querier."""
        return self._other is not None

    @property
    def has_address(self) -> bool:
        """True when the querier has an address, so that 0.0.0.0 is nobody (Q-19)."""
        own = self._vlan.params.querier_address
        return self._other is not None or (self.is_querier and own != UNSPECIFIED)

    @property
    def heard(self) -> Query | None:
        """Return the last General Query of who asks, None while that is nobody, or we."""
        if self._other is not None:
            return self._other.query
        asker = self.askers.in_force
        return None if asker is None else asker.query

    # -- what happens to us --------------------------------------------------------------------

    def start(self, now: Instant, effects: list[Effect]) -> None:
        """Begin to work: there is a port to send on. No effect if that was so before."""
        if not self._started:
            self._start(now, effects)

    def port_up(self, port: Port, now: Instant, effects: list[Effect]) -> None:
        """Have the hosts behind a new port say what they want (Q-14)."""
        if not self._started:
            self._start(now, effects)
        elif self.is_querier:
            asking.general(self._vlan, port.bit, effects)
        elif self._other is not None and not self._vlan.mrouters.ports & port.bit:
            asking.remind(self._vlan, port.bit, ANY, self._other.query, effects)

    def configure(self, now: Instant, effects: list[Effect]) -> None:
        """Follow changed settings; what is known of another querier stays known."""
        params = self._vlan.params
        if self._other is not None:
            self._adopt(self._other.query)
        else:
            self._vlan.timings = params.timings
        match params.querier:
            case QuerierMode.OFF:
                self._takeover_at = NEVER
                if self.is_querier:
                    self._step_down(now, effects)
            case QuerierMode.ON if self._started and not self.is_known:
                self._become_querier(now, effects, startup=True)
            case QuerierMode.AUTO if self._started and not self.is_known:
                self._takeover_at = min(self._takeover_at, after(now, self._patience()))
        if self.is_querier:
            self._next_general = min(self._next_general, after(now, self._interval()))
        if self.has_address or params.mrouter_on_null_source is NullSource.NO:
            self.askers.dismiss(now, effects)
        other = self._other
        if other is not None:
            port = self._vlan.switch.ports.get(other.port)
            if port is not None and port.params.querier_guard:
                self._lose_other(now, effects)
        self._vlan.presence.settle(now, effects)
        self._arm()

    def stop(self) -> None:
        """Forget everything: snooping was switched off (VLAN-8). The caller says what changed."""
        self._vlan.switch.deadlines.disarm(self)
        self._reset()
        self._vlan.presence.stop()

    def hear_general(
        self, query: Query, src: Address, port: Port, now: Instant, effects: list[Effect]
    ) -> None:
        """Take a valid General Query with an address: the only thing that elects (Q-4, G-3)."""
        params = self._vlan.params
        own = params.querier_address
        remarks = Remarks(self._vlan, query, src, port, now=now, effects=effects)
        if src == own and params.querier is not QuerierMode.OFF:
            port.counts["query_own_address"] += 1
            remarks.say("query from our own address")
            return
        remarks.version(is_querier=self.is_querier)
        if not self._would_win(src):
            port.counts["query_not_elected"] += 1
            return
        if self._is_elsewhere(src, port, now):
            port.counts["query_other_port"] += 1
            remarks.say("query from the querier's address on another port")
            return
        self._follow(query, src, port, remarks, now, effects)

    def may_lower(self, src: Address, port: Port) -> bool:
        """Tell whether a specific query from `src` on `port` may lower timers (Q-18).

        The querier's may, on the port it was elected on, and that of an address that would win.
        """
        params = self._vlan.params
        if port.params.mrouter is MrouterMode.NEVER:
            return False
        if src == UNSPECIFIED:
            return self.askers.may_lower(port)
        if src == params.querier_address and params.querier is not QuerierMode.OFF:
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
        if query.version == 3:  # TM-30
            general = other.query.max_response_ns
            other.query = replace(query, group=ANY, sources=(), max_response_ns=general)
            self._adopt(other.query)

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Send the next query, take over from a silent querier, or start to prune."""
        if self._other is not None and self._other.until <= now:
            self._lose_other(now, effects)
        if self._takeover_at <= now:
            self._become_querier(now, effects, startup=True)
        if self._next_general <= now:
            asking.general(self._vlan, self._vlan.switch.up, effects)
            late = now - self._next_general >= self._interval()  # we were stopped: do not catch up
            self._schedule(now if late else self._next_general)
        self._vlan.presence.settle(now, effects)
        return self._deadline()

    # -- roles ---------------------------------------------------------------------------------

    def _start(self, now: Instant, effects: list[Effect]) -> None:
        self._started = True
        match self._vlan.params.querier:
            case QuerierMode.ON if not self.is_known:
                self._become_querier(now, effects, startup=True)
            case QuerierMode.AUTO if not self.is_known:
                self._takeover_at = after(now, self._patience())
            case _:
                pass  # a VLAN may begin with another's query
        self._arm()

    def _become_querier(self, now: Instant, effects: list[Effect], *, startup: bool) -> None:
        params = self._vlan.params
        self.is_querier = True
        self._takeover_at = NEVER
        self._vlan.timings = params.timings  # TM-30, TM-36: the querier's own values
        self._since = now
        self._startup_left = params.effective_startup_query_count - 1 if startup else 0
        self._tell("querier", params.querier_address, None, effects)
        if params.querier_address != UNSPECIFIED:
            self.askers.dismiss(now, effects)
        else:
            fields = {"reason": "our queries come from 0.0.0.0: give the querier an address"}
            effects.append(Event("warning", self._vlan.vid, None, fields))
        asking.general(self._vlan, self._vlan.switch.up, effects)
        self._schedule(now)
        self._vlan.presence.settle(now, effects)

    def _step_down(self, now: Instant, effects: list[Effect]) -> None:
        self.is_querier = False
        self._next_general = NEVER
        self._since = now
        if self._other is None:
            self._tell("none", None, None, effects)

    def _would_win(self, src: Address) -> bool:
        """Tell whether a General Query from `src` would make it the querier, or keep it so (Q-4).

        AUTO, while it does not ask, leaves it to anybody; ON yields to lower addresses only.
        """
        params = self._vlan.params
        own = params.querier_address
        contends = self.is_querier or params.querier is QuerierMode.ON
        if contends and UNSPECIFIED != own < src:
            return False
        return self._other is None or src <= self._other.address

    def _is_elsewhere(self, src: Address, port: Port, now: Instant) -> bool:
        """Tell whether somebody uses the querier's address on another port than the querier's.

        A router that moves is silent on its old port, whose link may be down as well.
        """
        other = self._other
        if other is None or src != other.address or port.id == other.port:
            return False
        old = self._vlan.switch.ports.get(other.port)
        if old is None or not old.up:
            return False
        return now - other.heard < self._vlan.timings.query_interval * 3 // 4

    def _follow(
        self,
        query: Query,
        src: Address,
        port: Port,
        remarks: Remarks,
        now: Instant,
        effects: list[Effect],
    ) -> None:
        other = self._other
        self._adopt(query)
        if other is None or other.address != src:
            displaced = self._vlan.params.querier is QuerierMode.ON
            other = self._other = _Other(src, port.id, now, now, STOPPED, query)
            if self.is_querier:
                self._step_down(now, effects)
            self._tell("non-querier", src, port.id, effects, displaced=displaced)
            remarks.values()
            if displaced:
                remarks.displacement()
            self.askers.dismiss(now, effects)
        other.port = port.id
        other.heard = now
        other.query = query
        self._takeover_at = NEVER
        other.until = after(now, self._patience())
        self._vlan.presence.settle(now, effects)
        self._arm()

    def _lose_other(self, now: Instant, effects: list[Effect]) -> None:
        self._other = None
        self._vlan.emptied()
        self._vlan.timings = self._vlan.params.timings  # TM-36
        if self._vlan.params.querier is QuerierMode.OFF:
            self._tell("none", None, None, effects)
        else:
            self._become_querier(now, effects, startup=False)  # and ask at once

    def _patience(self) -> Duration:
        """Return how long a querier may be silent before we take over, or forget it (N-5)."""
        oqpi = self._vlan.timings.oqpi
        if self._vlan.params.querier is not QuerierMode.AUTO:
            return oqpi
        return Duration(oqpi + self._vlan.params.timings.query_response_interval)

    def _adopt(self, query: Query) -> None:
        """Put the elected querier's values in force for timers started from now on (TM-33)."""
        params = self._vlan.params
        if adopting.is_clamped(params, query):
            self._vlan.switch.counts["qqi_clamped"] += 1
        timings = adopting.adopted(params, query)
        if timings != self._vlan.timings:
            self._vlan.timings = timings

    # -- our queries ---------------------------------------------------------------------------

    def ask(self, ports: Ports, group: Address, effects: list[Effect]) -> None:
        """Send a query now because an operator wants it: outside the schedule, cutting nobody.

        `group` ANY makes it a General Query.
        """
        if not self.is_querier:
            like = None if self._other is None else self._other.query
            asking.remind(self._vlan, ports, group, like, effects)
        elif group == ANY:
            asking.general(self._vlan, ports, effects)
        else:
            asking.specific(self._vlan, ports, group, (), True, effects)

    def _interval(self) -> Duration:
        params = self._vlan.params
        if self._startup_left > 0:
            return params.effective_startup_query_interval
        return params.query_interval

    def _schedule(self, last: Instant) -> None:
        """Q-1: the startup queries, then one every query interval."""
        self._next_general = after(last, self._interval())
        self._startup_left = max(0, self._startup_left - 1)

    # -- deadlines, events, rows ---------------------------------------------------------------

    def _deadline(self) -> Instant:
        nearest = min(self._next_general, self._takeover_at)
        if self._other is not None:
            nearest = min(nearest, self._other.until)
        return nearest if nearest < NEVER else STOPPED

    def _arm(self) -> None:
        self._vlan.switch.deadlines.arm(self, self._deadline())

    def _tell(
        self,
        role: str,
        address: Address | None,
        port: int | None,
        effects: list[Effect],
        *,
        displaced: bool = False,
    ) -> None:
        """`displaced`: a querier that was set to ask has to yield."""
        fields: dict[str, object] = {
            "role": role,
            "address": None if address is None else text(address),
            "displaced": displaced,
        }
        effects.append(Event("querier", self._vlan.vid, port, fields))

    def row(self, now: Instant) -> QuerierRow:
        """Return the running state (Q-17)."""
        params = self._vlan.params
        address: Address | None = None
        other: _Other | Asker | None = None
        if self.is_querier:
            role, address, since = "querier", params.querier_address, self._since
        elif self._other is not None:
            other = self._other
            role, address, since = "non-querier", other.address, other.since
        else:  # who asks from 0.0.0.0 is shown, and elected by nobody
            other = self.askers.in_force
            role, since = "none", STOPPED
            if other is not None:
                address, since = UNSPECIFIED, other.since
        return QuerierRow(
            vid=self._vlan.vid,
            family=Family.IPV4,
            role=role,
            address=address,
            port=None if other is None else other.port,
            version=params.version if other is None else other.query.version,
            timer=None if other is None else left(other.until, now),
            query_interval=self._vlan.timings.query_interval,
            query_response_interval=self._vlan.timings.query_response_interval,
            robustness=self._vlan.timings.robustness,
            uptime=Duration(now - since) if since != STOPPED else None,
            last_member_query_interval=self._vlan.timings.last_member_query_interval,
            group_membership_interval=self._vlan.timings.gmi,
        )
