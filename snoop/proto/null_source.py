"""Who asks from 0.0.0.0: bridges and boxes that snoop and were never given an address (Q-19, N-3).

Nobody is elected by that (Q-5), yet somebody asks: while no querier with an address is known the
port is a router port, and the VLAN prunes. It lasts as long as a querier's would, and one response
interval more: two bridges that hear each other's 0.0.0.0 both yield, and ask again together just
when a querier would have been given up. What has made the port a router port is a record of
`mrouter` like any other; here is only what was said.
"""

from dataclasses import dataclass, replace

from snoop.proto import adopting
from snoop.proto.dumping import require_general, require_instants
from snoop.proto.effects import Turn
from snoop.proto.loading import Load
from snoop.proto.mrouter import Mrouters
from snoop.proto.params import NullSource
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.units import Duration, Instant, after
from snoop.wire.address import UNSPECIFIED
from snoop.wire.messages import Query


@dataclass(frozen=True, slots=True)
class Asker:
    """What came from 0.0.0.0 last; `since` when that port has asked. Survives as it is."""

    port: int
    since: Instant
    until: Instant
    query: Query


class Askers:
    """Those of one instance."""

    __slots__ = ("_last", "_mrouters", "_scope")

    def __init__(self, scope: Scope, mrouters: Mrouters) -> None:
        """Start with none."""
        self._scope = scope
        self._mrouters = mrouters
        self._last: Asker | None = None

    def hear(self, query: Query, port: Port, turn: Turn, *, outdone: bool) -> None:
        """Take a General Query from 0.0.0.0; `outdone`: somebody with an address asks."""
        params = self._scope.params
        policy = params.mrouter_on_null_source
        if policy is NullSource.NO or (policy is NullSource.FALLBACK and outdone):
            return
        own, heard = params.timings, adopting.adopted(params, query)
        lifetime = Duration(max(own.oqpi, heard.oqpi) + own.query_response_interval)
        known = None if outdone else self.last
        since = turn.now if known is None or known.port != port.id else known.since
        before, self._last = self._last, Asker(port.id, since, after(turn.now, lifetime), query)
        self._mrouters.hear_query(port, UNSPECIFIED, lifetime, turn)
        if not self.are_on(port):  # refused
            self._last = before

    def dismiss(self, turn: Turn) -> None:
        """Somebody with an address asks; only on request are these routers beside it."""
        self._last = None
        if self._scope.params.mrouter_on_null_source is not NullSource.YES:
            self._mrouters.forget_askers(turn)

    def are_on(self, port: Port) -> bool:
        """Tell whether who asks from 0.0.0.0 has made `port` a router port."""
        return bool(self._mrouters.askers & port.bit)

    @property
    def last(self) -> Asker | None:
        """Who asked last, None if that is over."""
        last = self._last
        return last if last is not None and self._mrouters.askers >> last.port & 1 else None

    def dump(self) -> Asker | None:
        """What survives."""
        return self._last

    def load(self, state: Asker | None, into: Load) -> None:
        """Take up what was dumped."""
        if state is not None:
            require_instants(state.until)
            into.require_past(state.since)
            require_general(state.query, self._scope.family)
            self._last = replace(state, port=into.place(state.port))
