"""Who asks in one VLAN: election, our own General Queries, what is adopted from another querier.

Three roles. *Querier*: we ask. *Non-querier*: we know who asks (`other`), be we configured to ask
or not; their values are in force (TM-30). *None*: nobody is known. Which of them are possible
depends on `querier`: OFF never asks, ON asks from the start, AUTO after a silent other querier
present interval.

The querier also decides whether the VLAN prunes (Q-15): only once somebody asks, and has done so
for the time that hosts may take to answer.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from snoop.proto import asking
from snoop.proto.effects import Effect, Event, VlanChanged
from snoop.proto.params import NoQuerier, QuerierMode
from snoop.proto.port import Port
from snoop.proto.units import (
    NEVER,
    SECOND,
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
    """The elected querier that is not us, and what its last General Query said."""

    address: Address
    port: int
    since: Instant
    until: Instant
    query: Query


class Querier:
    """Role and timers of one VLAN and family."""

    __slots__ = (
        "_active_at",
        "_next_general",
        "_other",
        "_since",
        "_started",
        "_startup_left",
        "_takeover_at",
        "_vlan",
        "active",
        "armed",
        "is_querier",
    )

    def __init__(self, vlan: "Vlan") -> None:
        """Start with no role; `start` begins the work."""
        self._vlan = vlan
        self.armed: Instant = STOPPED
        self.active = False
        self._reset()
        self.active = self._prunes_always()

    def _reset(self) -> None:
        self.is_querier = False
        self._vlan.timings = self._vlan.params.timings
        self._other: _Other | None = None
        self._since: Instant = STOPPED
        self._started = False
        self._startup_left = 0
        self._next_general = NEVER
        self._takeover_at = NEVER
        self._active_at = NEVER

    @property
    def is_known(self) -> bool:
        """True when somebody asks here, we or another (Q-15)."""
        return self.is_querier or self._other is not None

    @property
    def is_other_known(self) -> bool:
        """True while somebody else's queries are remembered."""
        return self._other is not None

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
                self._takeover_at = min(self._takeover_at, after(now, self._vlan.timings.oqpi))
        if self.is_querier:
            self._next_general = min(self._next_general, after(now, self._interval()))
        self._settle_active(now, effects)
        self._arm()

    def stop(self) -> None:
        """Forget everything: snooping was switched off (VLAN-8). The caller says what changed."""
        self._vlan.switch.deadlines.disarm(self)
        self._reset()
        self.active = False

    def hear_general(
        self, query: Query, src: Address, port: Port, now: Instant, effects: list[Effect]
    ) -> None:
        """Take a valid General Query: the only thing that elects (Q-4, G-3)."""
        params = self._vlan.params
        if src == UNSPECIFIED:  # the lowest number, and never elected
            return
        own = params.querier_address
        if src == own and params.querier is not QuerierMode.OFF:
            port.counts["query_own_address"] += 1
            self._warn("query from our own address", src, port, now, effects)
            return
        self._check_version(query, src, port, now, effects)
        # AUTO, while it does not ask, leaves it to anybody; ON yields to lower addresses only.
        contends = self.is_querier or params.querier is QuerierMode.ON
        is_higher = (contends and UNSPECIFIED != own < src) or (
            self._other is not None and self._other.address < src
        )
        if is_higher:
            port.counts["query_not_elected"] += 1
            return
        self._follow(query, src, port, now, effects)

    def hear_specific(self, query: Query, src: Address) -> None:
        """Take a specific query: it elects nobody, but its values hold if it is the querier's."""
        other = self._other
        if other is not None and src == other.address and query.version == 3:  # TM-30, TM-32
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
        self._settle_active(now, effects)
        return self._deadline()

    # -- roles ---------------------------------------------------------------------------------

    def _start(self, now: Instant, effects: list[Effect]) -> None:
        self._started = True
        match self._vlan.params.querier:
            case QuerierMode.ON if not self.is_known:
                self._become_querier(now, effects, startup=True)
            case QuerierMode.AUTO if not self.is_known:
                self._takeover_at = after(now, self._vlan.timings.oqpi)
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
        if self._active_at == NEVER:
            self._active_at = after(now, self._vlan.timings.query_response_interval)
        self._tell("querier", params.querier_address, None, effects)
        if params.querier_address == UNSPECIFIED:
            fields = {"reason": "our queries come from 0.0.0.0: give the querier an address"}
            effects.append(Event("warning", self._vlan.vid, None, fields))
        asking.general(self._vlan, self._vlan.switch.up, effects)
        self._schedule(now)
        self._settle_active(now, effects)

    def _step_down(self, now: Instant, effects: list[Effect]) -> None:
        self.is_querier = False
        self._next_general = NEVER
        self._since = now
        if self._other is None:
            self._active_at = NEVER
            self._tell("none", None, None, effects)

    def _follow(
        self, query: Query, src: Address, port: Port, now: Instant, effects: list[Effect]
    ) -> None:
        known = self.is_known
        other = self._other
        if other is None or other.address != src:
            other = self._other = _Other(src, port.id, now, STOPPED, query)
            if self.is_querier:
                self._step_down(now, effects)
            self._tell("non-querier", src, port.id, effects)
            self._compare(query, src, port, now, effects)
        other.port = port.id
        other.query = query
        self._takeover_at = NEVER
        self._adopt(query)
        other.until = after(now, self._vlan.timings.oqpi)
        if not known:
            self._active_at = after(now, Duration(query.max_response_ns))
            self._settle_active(now, effects)
        self._arm()

    def _lose_other(self, now: Instant, effects: list[Effect]) -> None:
        self._other = None
        self._vlan.emptied()
        self._vlan.timings = self._vlan.params.timings  # TM-36
        if self._vlan.params.querier is QuerierMode.OFF:
            self._active_at = NEVER
            self._tell("none", None, None, effects)
        else:
            self._become_querier(now, effects, startup=False)  # and ask at once

    def _adopt(self, query: Query) -> None:
        """Put the elected querier's values in force for timers started from now on (TM-30..37)."""
        params = self._vlan.params
        interval = Duration(query.qqi_s * SECOND) or params.query_interval  # W-15, TM-31
        if query.qqi_s and interval > params.qqi_ceiling:  # TM-37
            interval = params.qqi_ceiling
            self._vlan.switch.counts["qqi_clamped"] += 1
        own = params.timings
        response = max(own.query_response_interval, Duration(query.max_response_ns))  # TM-34
        adopted = replace(
            own,
            robustness=query.qrv or params.robustness,
            query_interval=interval,
            query_response_interval=response,
        )
        if adopted != self._vlan.timings:
            self._vlan.timings = adopted

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

    # -- Q-15 ----------------------------------------------------------------------------------

    def _prunes_always(self) -> bool:
        params = self._vlan.params
        return params.enabled and params.no_querier is NoQuerier.PRUNE

    def _settle_active(self, now: Instant, effects: list[Effect]) -> None:
        active = self._prunes_always() or (self.is_known and self._active_at <= now)
        if active != self.active:
            self.active = active
            effects.append(VlanChanged(self._vlan.vid, Family.IPV4))

    # -- deadlines, events, rows ---------------------------------------------------------------

    def _deadline(self) -> Instant:
        nearest = min(self._next_general, self._takeover_at)
        if self._other is not None:
            nearest = min(nearest, self._other.until)
        if not self.active:
            nearest = min(nearest, self._active_at)
        return nearest if nearest < NEVER else STOPPED

    def _arm(self) -> None:
        self._vlan.switch.deadlines.arm(self, self._deadline())

    def _tell(
        self, role: str, address: Address | None, port: int | None, effects: list[Effect]
    ) -> None:
        fields: dict[str, object] = {
            "role": role,
            "address": None if address is None else text(address),
        }
        effects.append(Event("querier", self._vlan.vid, port, fields))

    def _warn(
        self, reason: str, src: Address, port: Port, now: Instant, effects: list[Effect]
    ) -> None:
        vlan = self._vlan
        vlan.switch.warn("warning", vlan.vid, port.id, reason, now, effects, address=text(src))

    def _check_version(
        self, query: Query, src: Address, port: Port, now: Instant, effects: list[Effect]
    ) -> None:
        """Q-10: say so when the versions of the VLAN's queriers differ."""
        version = self._vlan.params.version
        if query.version < version:
            port.counts["query_older_version"] += 1
            self._warn(f"querier of version {query.version}", src, port, now, effects)
        elif query.version > version and self.is_querier:
            reason = f"querier of version {query.version}, ours is set to {version}"
            self._warn(reason, src, port, now, effects)

    def _compare(
        self, query: Query, src: Address, port: Port, now: Instant, effects: list[Effect]
    ) -> None:
        """TM-20: values that differ from ours should have been the same on the whole link."""
        params = self._vlan.params
        interval_s = params.effective_query_interval // SECOND
        differs = (query.qrv and query.qrv != params.robustness) or (
            query.qqi_s and query.qqi_s != interval_s
        )
        if differs:
            reason = f"querier has robustness {query.qrv} and query interval {query.qqi_s} s"
            self._warn(reason, src, port, now, effects)

    def row(self, now: Instant) -> QuerierRow:
        """Return the running state (Q-17)."""
        params = self._vlan.params
        other = self._other
        if self.is_querier:
            role, address, since = "querier", params.querier_address, self._since
        elif other is not None:
            role, address, since = "non-querier", other.address, other.since
        else:
            role, address, since = "none", None, STOPPED
        return QuerierRow(
            vid=self._vlan.vid,
            family=Family.IPV4,
            role=role,
            address=address,
            port=None if other is None or self.is_querier else other.port,
            version=params.version if other is None else other.query.version,
            timer=None if other is None else left(other.until, now),
            query_interval=self._vlan.timings.query_interval,
            query_response_interval=self._vlan.timings.query_response_interval,
            robustness=self._vlan.timings.robustness,
            uptime=Duration(now - since) if role != "none" else None,
            last_member_query_interval=self._vlan.timings.last_member_query_interval,
            group_membership_interval=self._vlan.timings.gmi,
        )
