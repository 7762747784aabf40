"""Hypothesis drives engine and model through the same life and compares them after every step.

Fewer and longer histories than the differential test, on three ports, with link flaps, late
wake-ups, elections and restarts in between; a failure shrinks to the shortest history that shows
it.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from unit.against import AgainstModel, histories
from unit.model import SECOND
from unit.pair import HIGHER, LOWER, Pair

SOURCES = [bytes((192, 0, 2, n)) for n in range(1, 5)]
GROUPS = [bytes((239, 1, 2, 3)), bytes((239, 1, 2, 4)), bytes((232, 1, 1, 1))]

groups = st.sampled_from(GROUPS)
hosts = st.integers(0, 2)
source_sets = st.lists(st.sampled_from(SOURCES), unique=True, max_size=4)
routers = st.sampled_from([LOWER, HIGHER])
records = st.tuples(st.integers(1, 6), groups, source_sets)
lapses = st.one_of(
    st.sampled_from([0.5, 1, 2, 10, 125, 255, 260, 270]).map(lambda s: round(s * SECOND)),
    st.integers(0, 280 * SECOND),
)


class EngineAgainstModel(AgainstModel):
    """Ideas 71 and 37: SM-1 to SM-66, TM-30 to TM-36, Q-4."""

    @initialize(
        querier=st.booleans(),
        fast=st.sampled_from([frozenset(), frozenset({2})]),
        mld=st.booleans(),
    )
    def start(self, querier: bool, fast: frozenset[int], mld: bool) -> None:
        sources = [*SOURCES, bytes((198, 51, 100, 1))]
        self.pair = Pair(querier=querier, ports=3, sources=sources, fast_leave_ports=fast, mld=mld)

    @rule(port=hosts, said=st.lists(records, min_size=1, max_size=4))
    def v3_report(self, port: int, said: list) -> None:
        self.pair.v3_report(port, said)

    @rule(port=hosts, group=groups)
    def v2_report(self, port: int, group: bytes) -> None:
        self.pair.v2_report(port, group)

    @rule(port=hosts, group=groups)
    def v1_report(self, port: int, group: bytes) -> None:
        self.pair.v1_report(port, group)

    @rule(port=hosts, group=groups)
    def leave(self, port: int, group: bytes) -> None:
        self.pair.leave(port, group)

    @rule(router=routers, qrv=st.integers(0, 7), qqic=st.sampled_from([0, 20, 60, 125]))
    def general_query(self, router: bytes, qrv: int, qqic: int) -> None:
        self.pair.general_query(router, qrv, qqic)

    @rule(router=routers)
    def v2_general_query(self, router: bytes) -> None:
        self.pair.v2_general_query(router)

    @rule(router=routers, group=groups, sources=source_sets, code=st.integers(1, 127))
    def specific_query(self, router: bytes, group: bytes, sources: list, code: int) -> None:
        self.pair.specific_query(router, group, sources, code, suppress=False)

    @rule(router=routers, group=groups, sources=source_sets)
    def suppressed_query(self, router: bytes, group: bytes, sources: list) -> None:
        self.pair.specific_query(router, group, sources, 10, suppress=True)

    @rule(router=routers, group=groups, code=st.integers(1, 255))
    def v2_specific_query(self, router: bytes, group: bytes, code: int) -> None:
        self.pair.v2_specific_query(router, group, code)

    @rule(lapse=lapses)
    def time_passes(self, lapse: int) -> None:
        self.pair.elapse(lapse)

    @rule(lapse=lapses)
    def engine_wakes_late(self, lapse: int) -> None:
        self.pair.sleep_through(lapse)

    @rule(lapse=lapses, port=hosts, said=st.lists(records, min_size=1, max_size=2))
    def report_finds_the_engine_late(self, lapse: int, port: int, said: list) -> None:
        self.pair.stall(lapse)
        self.pair.v3_report(port, said)

    @rule(lapse=lapses, router=routers, group=groups, sources=source_sets)
    def query_finds_the_engine_late(
        self, lapse: int, router: bytes, group: bytes, sources: list
    ) -> None:
        self.pair.stall(lapse)
        self.pair.specific_query(router, group, sources, 10, suppress=False)

    @rule(port=st.integers(1, 2))
    def link_flaps(self, port: int) -> None:
        self.pair.flap(port)


TestEngineAgainstModel = EngineAgainstModel.TestCase
TestEngineAgainstModel.settings = histories(250, 40)
