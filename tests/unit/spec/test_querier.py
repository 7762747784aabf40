"""Our own queries and the election: test ideas 74-87 (spec 6)."""

from typing import Any

import pytest

from snoop.wire.address import text
from unit import frames
from unit.device import P1, P2, P3, Entry, R
from unit.dut import ALL, OWN, Dut, non_querier, own_querier
from unit.frames import BLOCK, RQ, S1, TO_EX, TO_IN, G, leave, v2_report, v3_report

SECOND = 1_000_000_000
LOWER, HIGHER = "10.0.0.9", "10.0.0.255"
R2 = P3


def asking(**params: object) -> Dut:
    return Dut(**{"querier": "on", "querier_address": OWN, **params})


def assert_takes_over_at(dut: Dut, when: float) -> None:
    dut.just_before(when)
    assert dut.role() == "non-querier"
    dut.at(when)
    assert dut.role() == "querier"


def general_times(dut: Dut, port: int = P1) -> list[float]:
    """When General Queries left by one port: each port is asked as it comes up (Q-14)."""
    return [t.at for t in dut.general_queries() if port in t.ports]


def test_startup_queries_then_one_every_interval() -> None:
    """Idea 74: Q-1, TM-6, TM-7; Q-13: on every port."""
    dut = asking()
    dut.at(300)
    for port in ALL:
        assert general_times(dut, port) == [0.0, 31.25, 156.25, 281.25]


def test_startup_count_is_the_robustness_variable() -> None:
    """Idea 74: TM-7."""
    dut = asking(robustness=3)
    dut.at(200)
    assert general_times(dut) == [0.0, 31.25, 62.5, 187.5]


def test_general_query_is_the_golden_one() -> None:
    """Idea 75: Q-2, W-1, W-2, spec 1.11."""
    dut = asking()
    frame = dut.general_queries()[0].frame
    assert frame[14 + 24 : 14 + 24 + 12].hex() == "1164ec1e00000000027d0000"
    sent = dut.general_queries()[0].sent
    assert sent.ether.dst == "01:00:5e:00:00:01"
    assert sent.ip.dst == "224.0.0.1"
    assert sent.ip.src == OWN
    assert (sent.ip.ttl, sent.ip.tos, sent.ip.ihl) == (1, 0xC0, 6)
    assert frame[14 + 20 : 14 + 24] == b"\x94\x04\x00\x00"


def test_general_query_carries_the_configured_values() -> None:
    """Idea 75: W-13, W-15: 200 s is code 0x89, 12.8 s is 0x80; RV 9 is sent as 0."""
    dut = asking(robustness=3, query_interval=200.0, query_response_interval=12.8)
    sent = dut.general_queries()[0].sent
    assert (sent.qrv, sent.qqic, sent.code, sent.suppress) == (3, 0x89, 0x80, False)
    many = asking(robustness=9)
    assert many.general_queries()[0].sent.qrv == 0


def test_older_versions_ask_in_their_own_form() -> None:
    """Idea 76: Q-2, Q-3: 8 bytes, linear code, or none."""
    v2 = asking(version=2, query_response_interval=20.0)
    assert v2.general_queries()[0].sent.igmp[:2].hex() == "11c8"
    assert len(v2.general_queries()[0].sent.igmp) == 8
    v1 = asking(version=1)
    assert v1.general_queries()[0].sent.igmp.hex() == "1100eeff00000000"


def test_v1_querier_ignores_leaves() -> None:
    """Idea 76: Q-2."""
    dut = own_querier(version=1)
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.at(5)
    assert dut.specific_queries() == []
    assert dut.entry(P1) == Entry("exclude", 265.0, {})


def test_v2_querier_checks_a_leave_with_a_v2_query() -> None:
    """Idea 76: Q-2: the golden v2 Group-Specific Query."""
    dut = own_querier(version=2)
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    assert dut.specific_queries()[0].sent.igmp.hex() == "110afdf0ef010203"
    dut.at(2)
    assert dut.entry(P1) is None


def test_election_lower_wins_and_silence_gives_it_back() -> None:
    """Idea 77: Q-4, TM-5."""
    dut = asking()
    dut.at(40)
    dut.hear(P1, frames.v3_query(src=HIGHER))
    assert dut.role() == "querier"
    dut.at(50)
    dut.hear(R, frames.v3_query(src=LOWER))
    assert dut.role() == "non-querier"
    assert (text(dut.querier().address), dut.querier().port) == (LOWER, R)
    assert dut.querier().timer == 255 * SECOND
    dut.just_before(305)
    assert general_times(dut) == [0.0, 31.25]
    assert_takes_over_at(dut, 305)
    assert general_times(dut) == [0.0, 31.25, 305.0]
    dut.at(430)
    assert general_times(dut)[-1] == 430.0


def test_each_query_of_the_elected_one_restarts_the_wait() -> None:
    """Idea 77: OQPI is restarted."""
    dut = asking()
    dut.hear(R, frames.v3_query(src=LOWER))
    dut.at(125)
    dut.hear(R, frames.v3_query(src=LOWER))
    assert_takes_over_at(dut, 380)


def test_two_other_queriers_the_lower_is_the_elected_one() -> None:
    """Idea 77: Q-4 between two strangers, as a switch that does not ask."""
    dut = Dut()
    dut.hear(R, frames.v3_query(src=LOWER))
    dut.hear(P1, frames.v3_query(src=HIGHER))
    assert text(dut.querier().address) == LOWER
    dut.hear(P1, frames.v3_query(src=RQ))
    assert text(dut.querier().address) == RQ
    dut.hear(R, frames.v3_query(src=LOWER))
    assert text(dut.querier().address) == RQ
    assert dut.role() == "non-querier"


@pytest.mark.parametrize("sources", [[], [S1]])
def test_specific_query_from_a_lower_address_elects_nobody(sources: list[str]) -> None:
    """Idea 78: G-3; B-7; SNOOP-21: yet it is a router."""
    dut = asking()
    dut.hear(R, frames.v3_query(G, sources, src=LOWER))
    assert dut.role() == "querier"
    dut.at(40)
    assert general_times(dut) == [0.0, 31.25]
    assert set(dut.mrouters()) == {R}


def test_without_an_address_anybody_with_one_beats_us() -> None:
    """Idea 80: Q-6."""
    dut = asking(querier_address="0.0.0.0")
    assert dut.general_queries()[0].sent.ip.src == "0.0.0.0"
    dut.hear(P1, frames.v3_query(src="0.0.0.0"))
    assert dut.role() == "querier"
    dut.hear(R, frames.v3_query(src=LOWER))
    assert dut.role() == "non-querier"
    dut.at(200)
    assert general_times(dut) == [0.0]


def test_lost_election_does_not_stop_a_check_under_way() -> None:
    """Idea 81: Q-8; B-7."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.at(0.5)
    dut.hear(R, frames.v3_query(src=LOWER))
    assert dut.role() == "non-querier"
    dut.at(3)
    assert [t.at for t in dut.specific_queries()] == [0.0, 1.0]
    assert dut.entry(P1) is None


def test_values_of_the_elected_querier_are_adopted_for_new_timers() -> None:
    """Idea 82: TM-30 to TM-36, the example of TM-35."""
    dut = Dut()
    dut.hear(P1, v2_report())
    dut.at(1)
    dut.hear(R, frames.v3_query(qrv=3, qqic=60, code=100))
    assert dut.querier().timer == 185 * SECOND
    assert dut.entry(P1) == Entry("exclude", 269.0, {})
    dut.hear(P2, v2_report())
    assert dut.entry(P2) == Entry("exclude", 200.0, {})
    dut.at(190.9)
    assert dut.compatibility(P2) == "igmpv2"
    dut.at(191)
    assert dut.compatibility(P2) == "igmpv3", "OVHPI 190 s"
    dut.hear(P3, v2_report())
    assert dut.entry(P3) == Entry("exclude", 270.0, {}), "OQPI ended at 186 s: our values again"
    assert dut.role() == "none"
    assert dut.querier().robustness == 2


def test_adopted_robustness_counts_in_lmqt() -> None:
    """Idea 82: TM-35: LMQT 3 s."""
    dut = Dut()
    dut.hear(P1, v2_report())
    dut.hear(R, frames.v3_query(qrv=3, qqic=60))
    dut.hear(R, frames.v3_query(G, qrv=3, qqic=60))
    assert dut.entry(P1) == Entry("exclude", 3.0, {})


def test_longer_response_interval_lengthens_gmi_and_a_shorter_one_does_not() -> None:
    """Idea 82: TM-34."""
    dut = Dut()
    dut.hear(R, frames.v3_query(code=0x8F))  # 24.8 s
    dut.hear(P1, v2_report())
    assert dut.entry(P1) == Entry("exclude", 299.6, {})
    dut.hear(R, frames.v3_query(code=50))
    dut.hear(P1, v2_report())
    assert dut.entry(P1) == Entry("exclude", 270.0, {})


def test_only_the_elected_querier_is_adopted() -> None:
    """Idea 82: TM-32, and v1/v2 queries carry nothing (TM-31)."""
    dut = Dut()
    dut.hear(R, frames.v3_query(src=RQ, qrv=3, qqic=60))
    dut.hear(P1, frames.v3_query(src=HIGHER, qrv=7, qqic=10))
    assert (dut.querier().robustness, dut.querier().query_interval) == (3, 60 * SECOND)
    dut.hear(R, frames.v2_query(src=RQ))
    assert (dut.querier().robustness, dut.querier().query_interval) == (2, 125 * SECOND)


def test_hostile_query_interval_is_clamped() -> None:
    """Idea 83: TM-37, Q-18: nothing lasts longer than twice what it would by our own values."""
    for hostile in (
        frames.v3_query(qqic=0xFF),
        frames.v3_query(qrv=7, qqic=0xFF, code=0xFF),
        frames.v3_query(qrv=7),
        frames.v3_query(code=0xFF),
        frames.v2_query(code=0xFF),
        frames.v1_query(),
    ):
        dut = Dut()
        dut.hear(R, hostile)
        row = dut.querier()
        assert row.query_interval <= 250 * SECOND
        assert row.query_response_interval <= row.query_interval
        assert row.timer <= 2 * 255 * SECOND
        dut.hear(P1, v2_report())
        assert dut.entry(P1).timer <= 2 * 270.0
        dut.at(2 * 255)
        assert dut.role() == "none"
        assert dut.mrouters() == {}


def test_query_interval_of_an_operators_ceiling_is_adopted() -> None:
    """Idea 83: TM-37: `qqi_ceiling` raised."""
    dut = Dut(qqi_ceiling=3600 * SECOND)
    dut.hear(R, frames.v3_query(qqic=0xFF))
    assert dut.querier().query_interval == 3600 * SECOND
    dut.hear(P1, v2_report())
    assert dut.entry(P1) == Entry("exclude", 2 * 3600 + 20.0, {})


def test_proxy_query_on_a_new_port_copies_the_true_querier() -> None:
    """Idea 84: Q-14."""
    dut = Dut()
    dut.hear(R, frames.v3_query(qrv=3, qqic=60, code=50))
    dut.port_down(P1)
    dut.zero()
    dut.port_up(P1)
    dut.wait(1)
    queries = dut.general_queries()
    assert [t.ports for t in queries] == [{P1}]
    sent = queries[0].sent
    assert (sent.ip.src, len(sent.igmp)) == ("0.0.0.0", 12)
    assert (sent.qrv, sent.qqic, sent.code) == (3, 60, 50)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"port_params": {P1: {"mrouter": "always"}}}, id="to-a-router-port"),
        pytest.param({"version": 2}, id="older-than-the-network"),
    ],
)
def test_no_proxy_query(settings: dict[str, Any]) -> None:
    """Idea 84: Q-14, on active non-router ports; none of v2 where rq speaks v3 (B-30)."""
    dut = Dut(**settings)
    dut.hear(R, frames.v3_query())
    dut.port_down(P1)
    dut.zero()
    dut.port_up(P1)
    dut.wait(1)
    assert dut.general_queries() == []


def test_querier_asks_a_new_port_alone() -> None:
    """Idea 84: Q-14 as the querier."""
    dut = own_querier()
    dut.port_down(P1)
    dut.zero()
    dut.port_up(P1)
    assert [(t.at, t.ports, t.sent.ip.src) for t in dut.general_queries()] == [(0.0, {P1}, OWN)]


def test_nothing_is_pruned_before_a_querier_has_been_answered() -> None:
    """Idea 85: Q-15; B-10."""
    dut = Dut()
    dut.zero()
    dut.hear(P1, v2_report())
    dut.at(5)
    assert dut.forwards(by=P3) == ALL - {P3}
    dut.hear(R, frames.v3_query(code=100))
    dut.just_before(15)
    assert dut.forwards(by=P3) == ALL - {P3}
    dut.at(15)
    assert dut.forwards(by=P3) == {P1, R}


def test_pruning_ends_when_the_querier_is_gone() -> None:
    """Idea 85: Q-15: no querier known any more."""
    dut = Dut()
    dut.rq(keep=False)
    dut.at(200)
    dut.hear(P1, v2_report())
    assert dut.forwards(by=P3) == {P1, R}
    dut.just_before(255)
    assert dut.forwards(by=P3) == {P1, R}
    dut.at(255)
    assert dut.forwards(by=P3) == ALL - {P3}


def test_no_querier_prune_prunes_at_once() -> None:
    """Idea 85: the knob."""
    dut = Dut(no_querier="prune")
    dut.hear(P1, v2_report())
    assert dut.forwards(by=P3) == {P1}


def test_check_goes_to_members_and_routers_when_there_are_other_routers() -> None:
    """Idea 87: Q-12; B-5: P2's answer reaches R."""
    dut = own_querier(router=False)
    dut.hear(R, frames.pim_hello())
    dut.hear(P1, v2_report())
    dut.hear(P2, v2_report(src="10.0.0.12"))
    dut.hear(P1, leave())
    assert [t.ports for t in dut.specific_queries()] == [{P1, P2, R}]
    assert dut.hear(P2, v2_report(src="10.0.0.12")) == {R}


def test_check_goes_to_the_leaving_port_alone_without_other_routers() -> None:
    """Idea 87: Q-12."""
    dut = own_querier(router=False)
    dut.hear(P1, v2_report())
    dut.hear(P2, v2_report(src="10.0.0.12"))
    dut.hear(P1, leave())
    dut.at(5)
    assert [t.ports for t in dut.specific_queries()] == [{P1}, {P1}]
    assert dut.entry(P2) == Entry("exclude", 265.0, {})


def test_source_checks_follow_the_same_ports() -> None:
    """Idea 87: Q-12 for Q(G,A)."""
    dut = own_querier(router=False)
    for port in (P1, P2):
        dut.hear(port, v3_report((TO_IN, G, [S1])))
    dut.hear(P1, v3_report((BLOCK, G, [S1])))
    assert [(t.ports, t.sent.sources) for t in dut.specific_queries()] == [({P1}, [S1])]
    dut.hear(R, frames.pim_hello())
    dut.at(100)
    dut.hear(P1, v3_report((TO_IN, G, [S1])))
    dut.zero()
    dut.hear(P1, v3_report((BLOCK, G, [S1])))
    assert [t.ports for t in dut.specific_queries()] == [{P1, P2, R}]


def test_auto_querier_waits_for_a_silent_interval() -> None:
    """Idea 77, querier = \"auto\" of the interface: asks only after OQPI of silence, and one
    response interval, so that a standby router is first (Q-20).
    """
    dut = asking(querier="auto")
    assert general_times(dut) == []
    dut.just_before(265)
    assert dut.role() == "none"
    assert general_times(dut) == []
    dut.at(265)
    assert dut.role() == "querier"
    assert general_times(dut) == [265.0]


def test_switch_that_does_not_ask_never_sends_a_query() -> None:
    """Idea 77: Q-1, send-query off: not even when the querier falls silent; B-6."""
    dut = non_querier()
    dut.silence_rq()
    dut.hear(P1, v3_report((TO_EX, G, [])))
    dut.hear(P1, v3_report((TO_IN, G, [])))
    dut.at(600)
    assert [t for t in dut.made() if t.sent.is_query] == []
    assert dut.role() == "none"
