"""Whether a VLAN prunes: only while somebody is there who keeps memberships alive (Q-15, Q-20).

Somebody is a querier, we or another; who asks from 0.0.0.0 while nobody better does (Q-19); a PIM
neighbour (N-4). When the first of them appears the VLAN floods on for as long as hosts may take to
answer. The newcomer may be one whom no host hears, and most hosts may have been forgotten while
nobody asked, so the switch puts the question too, from 0.0.0.0 (`lastword`).
"""

from typing import TYPE_CHECKING

from snoop.proto import lastword
from snoop.proto.effects import Effect, VlanChanged
from snoop.proto.params import NoQuerier
from snoop.proto.units import NEVER, STOPPED, Instant, after
from snoop.wire.address import Family

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan


class Presence:
    """Who is there in one VLAN and family, as far as pruning depends on it."""

    __slots__ = ("_active_at", "_vlan", "active", "armed", "reminded")

    def __init__(self, vlan: "Vlan") -> None:
        """Start with nobody."""
        self._vlan = vlan
        self._active_at: Instant = NEVER
        self.armed: Instant = STOPPED
        self.active = self._prunes_always()
        self.reminded: dict[int, Instant] = {}  # port: when `lastword` asked all of it last

    @property
    def others(self) -> bool:
        """True while somebody else than we is there."""
        mrouters = self._vlan.mrouters
        return self._vlan.querier.follows or bool(mrouters.askers) or mrouters.has_pim

    def settle(self, now: Instant, effects: list[Effect]) -> None:
        """Follow a change of who is there."""
        vlan = self._vlan
        present = vlan.querier.is_querier or self.others
        if not present:
            self._active_at = NEVER
        elif self._active_at == NEVER:
            self._active_at = after(now, vlan.timings.query_response_interval)
            if not vlan.querier.is_querier:
                lastword.ask_everybody(vlan, effects)
        active = self._prunes_always() or (present and self._active_at <= now)
        if active != self.active:
            self.active = active
            effects.append(VlanChanged(vlan.vid, Family.IPV4))
        if not active and self._active_at < NEVER:
            vlan.switch.deadlines.arm(self, self._active_at)

    def stop(self) -> None:
        """Forget everybody: snooping was switched off (VLAN-8). The caller says what changed."""
        self._vlan.switch.deadlines.disarm(self)
        self._active_at = NEVER
        self.active = False
        self.reminded.clear()

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Start to prune."""
        self.settle(now, effects)
        return self._active_at if not self.active and self._active_at < NEVER else STOPPED

    def _prunes_always(self) -> bool:
        params = self._vlan.params
        return params.enabled and params.no_querier is NoQuerier.PRUNE
