"""Hypothesis moves ports between VLANs and compares the engine with a model of each VLAN (VLAN-1).

What is said in one VLAN, and who asks there, changes nothing in the other; what a port leaves
behind is gone at once, and what it hears where it is not a member never was.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from unit.against import AgainstModel, histories
from unit.proto.test_stateful_engine import (
    GROUPS,
    SOURCES,
    groups,
    lapses,
    records,
    routers,
    source_sets,
)
from unit.vlan_pair import PLACES, VIDS, VlanPair

vids = st.sampled_from(VIDS)
ports = st.integers(0, 3)
movable = st.integers(1, 3)
places = st.sampled_from(sorted(PLACES))


class EngineAgainstModels(AgainstModel):
    """VLAN-1, VLAN-3 and what a move is decided to be."""

    @initialize(querier=st.booleans(), mld=st.booleans(), first=st.lists(places, max_size=3))
    def start(self, querier: bool, mld: bool, first: list[str]) -> None:
        sources = [*SOURCES, bytes((198, 51, 100, 1))]
        self.pair = VlanPair(querier=querier, ports=4, sources=sources, mld=mld)
        for port, place in enumerate(first, 1):
            self.pair.move(port, place)

    @rule(port=ports, vid=vids, said=st.lists(records, min_size=1, max_size=3))
    def v3_report(self, port: int, vid: int, said: list) -> None:
        self.pair.v3_report(port, vid, said)

    @rule(port=ports, vid=vids, said=st.lists(records, min_size=1, max_size=3))
    def report_that_was_queued(self, port: int, vid: int, said: list) -> None:
        self.pair.v3_report(port, vid, said, queued=True)

    @rule(port=ports, vid=vids, group=groups)
    def v2_report(self, port: int, vid: int, group: bytes) -> None:
        self.pair.v2_report(port, vid, group)

    @rule(port=ports, vid=vids, group=groups)
    def leave(self, port: int, vid: int, group: bytes) -> None:
        self.pair.leave(port, vid, group)

    @rule(vid=vids, router=routers)
    def general_query(self, vid: int, router: bytes) -> None:
        self.pair.general_query(vid, router)

    @rule(vid=vids, router=routers, group=groups, sources=source_sets, code=st.integers(1, 127))
    def specific_query(
        self, vid: int, router: bytes, group: bytes, sources: list, code: int
    ) -> None:
        self.pair.specific_query(vid, router, group, sources, code)

    @rule(lapse=lapses)
    def time_passes(self, lapse: int) -> None:
        self.pair.elapse(lapse)

    @rule(port=movable, place=places)
    def port_moves(self, port: int, place: str) -> None:
        self.pair.move(port, place)

    @rule(port=movable, vid=vids, first=places, then=places)
    def port_moves_after_a_join(self, port: int, vid: int, first: str, then: str) -> None:
        self.pair.v3_report(port, vid, [(4, GROUPS[0], ())])
        self.pair.move(port, first)
        self.pair.move(port, then)

    @rule(port=movable)
    def link_flaps(self, port: int) -> None:
        self.pair.flap(port)


TestEngineAgainstModels = EngineAgainstModels.TestCase
TestEngineAgainstModels.settings = histories(60, 30)
