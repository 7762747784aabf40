"""What to know about somebody else's queries, said once in a while (spec 1.10 note b)."""

from snoop.proto.effects import EventKind, Turn
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.units import SECOND, to_seconds
from snoop.wire.address import Address, text
from snoop.wire.messages import Query


class Remarks:
    """About one query, with where it came from."""

    __slots__ = ("_port", "_query", "_scope", "_src", "_turn")

    def __init__(self, scope: Scope, query: Query, src: Address, port: Port, turn: Turn) -> None:
        """Remarks are among what `turn` wants done."""
        self._scope = scope
        self._query = query
        self._src = src
        self._port = port
        self._turn = turn

    def say(self, reason: str) -> None:
        """Say it, unless it was said of this port just now."""
        address = text(self._src)
        self._scope.warn(EventKind.WARNING, self._port.id, reason, self._turn, address=address)

    def version(self, *, is_querier: bool) -> None:
        """Q-10: the versions of the VLAN's queriers differ."""
        query, version = self._query, self._scope.params.version
        if query.version < version:
            self._port.counts["query_older_version"] += 1
            self.say(f"querier of version {query.version}")
        elif query.version > version and is_querier:
            self.say(f"querier of version {query.version}, ours is set to {version}")

    def values(self) -> None:
        """TM-20: values that differ from ours should have been the same on the whole link."""
        query, params = self._query, self._scope.params
        interval_s = params.effective_query_interval // SECOND
        differs = (query.qrv and query.qrv != params.robustness) or (
            query.qqi_s and query.qqi_s != interval_s
        )
        if differs:
            self.say(f"querier has robustness {query.qrv} and query interval {query.qqi_s} s")

    def displacement(self) -> None:
        """Q-18: ours was set to ask, and another does; whose values hold."""
        timings = self._scope.timings
        self.say(
            "our querier gave way to this one, whose values hold: query interval "
            f"{to_seconds(timings.query_interval):g} s, response interval "
            f"{to_seconds(timings.query_response_interval):g} s, robustness {timings.robustness}"
        )
