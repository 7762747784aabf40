"""Whether an instance prunes: only while somebody is there who keeps memberships alive (Q-15).

Somebody is a querier, we or another; who asks from 0.0.0.0 while nobody better does (Q-19); a PIM
neighbour (N-4). When the first of them appears it floods on for as long as hosts may take to
answer. The newcomer may be one whom no host hears, and most hosts may have been forgotten while
nobody asked, so the switch puts the question too, from 0.0.0.0 (as `last_word` does). Over IPv6
hosts hear every query that elects (`receiving`), so there it is put only if nobody has been elected
(Q-20), or is given so long to answer that pruning begins before.
"""

from typing import NamedTuple

from snoop.proto import queries
from snoop.proto.dumping import Timer, require, require_instants, timer_of
from snoop.proto.effects import Turn
from snoop.proto.loading import Load
from snoop.proto.mrouter import Mrouters
from snoop.proto.params import NoQuerier, Params
from snoop.proto.querier import Querier
from snoop.proto.scope import Scope
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, after
from snoop.wire.address import ANY, Family


class PresenceState(NamedTuple):
    """Whether an instance prunes, or from when on, as it survives."""

    timer: Timer
    active: bool
    active_at: Instant
    floods_until: Instant = STOPPED


class Presence:
    """Who is there in one instance, as far as pruning depends on it."""

    __slots__ = (
        "_active_at",
        "_floods_until",
        "_mrouters",
        "_querier",
        "_scope",
        "active",
        "armed",
        "armed_as",
    )

    def __init__(self, scope: Scope, querier: Querier, mrouters: Mrouters) -> None:
        """Start with nobody."""
        self._scope = scope
        self._querier = querier
        self._mrouters = mrouters
        self._active_at: Instant = NEVER
        self._floods_until: Instant = STOPPED
        self.armed: Instant = STOPPED
        self.armed_as = 0
        self.active = prunes_always(self._scope.params)

    @property
    def others(self) -> bool:
        """True while somebody else than we is there."""
        mrouters = self._mrouters
        return self._querier.follows or bool(mrouters.askers) or mrouters.has_pim

    @property
    def floods(self) -> bool:
        """True while what is not registered goes everywhere."""
        return self._floods_until != STOPPED

    def flood_unregistered(self, turn: Turn) -> None:
        """Have what is not registered go everywhere for a response interval (Q-14)."""
        if not self.floods:
            self._scope.vlan_changed(turn)
        self._floods_until = after(turn.now, self._scope.timings.query_response_interval)
        self._scope.arm(self, self._floods_until)

    def settle(self, turn: Turn) -> None:
        """Follow a change of who is there."""
        present = self._querier.is_querier or self.others
        if not present:
            self._active_at = NEVER
        elif self._active_at == NEVER:
            self._active_at = after(turn.now, self._scope.timings.query_response_interval)
            if not self._querier.is_querier:
                self._ask_everybody(turn)
        active = prunes_always(self._scope.params) or (present and self._active_at <= turn.now)
        if active != self.active:
            self.active = active
            self._scope.vlan_changed(turn)
        if not active and self._active_at < NEVER:
            self._scope.arm(self, self._active_at)

    def stop(self) -> None:
        """Forget everybody: snooping was switched off (VLAN-8). The caller says what changed."""
        self._scope.disarm(self)
        self._active_at = NEVER
        self._floods_until = STOPPED
        self.active = False

    def fire(self, turn: Turn) -> Instant:
        """Start to prune."""
        if STOPPED < self._floods_until <= turn.now:
            self._floods_until = STOPPED
            self._scope.vlan_changed(turn)
        self.settle(turn)
        return self._deadline()

    def _deadline(self) -> Instant:
        begins = NEVER if self.active else self._active_at
        nearest = min(begins, self._floods_until or NEVER)
        return nearest if nearest < NEVER else STOPPED

    def dump(self) -> PresenceState:
        """What survives."""
        return PresenceState(timer_of(self), self.active, self._active_at, self._floods_until)

    def load(self, state: PresenceState, into: Load) -> None:
        """Take up what was dumped."""
        require_instants(state.active_at, state.floods_until)
        require(state.active_at > 0, "a presence since the first instant")
        self.active, self._active_at = state.active, state.active_at
        self._floods_until = state.floods_until
        into.timer(self, state.timer, self._deadline())

    def _ask_everybody(self, turn: Turn) -> None:
        """Ask on all ports but router ports, because pruning is to begin (Q-15)."""
        heard = self._querier.heard
        longest = self._scope.timings.query_response_interval
        is_heard = heard is not None and heard.max_response_ns <= longest
        if self._scope.family is Family.IPV6 and is_heard:
            return
        ports = self._scope.up & ~self._mrouters.ports
        response = Duration(self._scope.params.timings.query_response_interval // 2)
        queries.remind(self._scope, ports, ANY, heard, turn, response=response)


def prunes_always(params: Params) -> bool:
    """Tell whether it prunes with nobody there, too."""
    return params.enabled and params.no_querier is NoQuerier.PRUNE
