"""Who asks from 0.0.0.0: bridges and boxes that snoop and were never given an address (Q-19, N-3).

Nobody is elected by that (Q-5), yet somebody asks: while no querier with an address is known the
port is a router port, and the VLAN prunes. It lasts as long as a querier's would, and one response
interval more: two bridges that hear each other's 0.0.0.0 both yield, and ask again together just
when a querier would have been given up. What has made the port a router port is a record of
`mrouter` like any other; here is only what was said.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snoop.proto import adopting
from snoop.proto.effects import Effect
from snoop.proto.params import NullSource
from snoop.proto.port import Port
from snoop.proto.units import Duration, Instant, after
from snoop.wire.address import UNSPECIFIED
from snoop.wire.messages import Query

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan


@dataclass(frozen=True, slots=True)
class Asker:
    """What came from 0.0.0.0 last; `since` when that port has asked."""

    port: int
    since: Instant
    until: Instant
    query: Query


class Askers:
    """Those of one VLAN."""

    __slots__ = ("_last", "_vlan")

    def __init__(self, vlan: "Vlan") -> None:
        """Start with none."""
        self._vlan = vlan
        self._last: Asker | None = None

    def hear(self, query: Query, port: Port, now: Instant, effects: list[Effect]) -> None:
        """Take a General Query from 0.0.0.0."""
        vlan = self._vlan
        policy = vlan.params.mrouter_on_null_source
        outdone = vlan.querier.has_address
        if policy is NullSource.NO or (policy is NullSource.FALLBACK and outdone):
            return
        own, heard = vlan.params.timings, adopting.adopted(vlan.params, query)
        lifetime = Duration(max(own.oqpi, heard.oqpi) + own.query_response_interval)
        known = self.in_force
        since = now if known is None or known.port != port.id else known.since
        before, self._last = self._last, Asker(port.id, since, after(now, lifetime), query)
        vlan.mrouters.hear_query(port, UNSPECIFIED, lifetime, now=now, effects=effects)
        if not vlan.mrouters.askers & port.bit:  # refused
            self._last = before

    def dismiss(self, now: Instant, effects: list[Effect]) -> None:
        """Somebody with an address asks; only on request are these routers beside it."""
        self._last = None
        if self._vlan.params.mrouter_on_null_source is not NullSource.YES:
            self._vlan.mrouters.forget_askers(now, effects)

    def may_lower(self, port: Port) -> bool:
        """Tell whether a specific query from 0.0.0.0 on `port` is of who asks in this VLAN."""
        return not self._vlan.querier.has_address and bool(self._vlan.mrouters.askers & port.bit)

    @property
    def in_force(self) -> Asker | None:
        """Return who asked last, None if that is over or somebody better asks."""
        last = self._last
        vlan = self._vlan
        if last is None or vlan.querier.has_address or not vlan.mrouters.askers >> last.port & 1:
            return None
        return last
