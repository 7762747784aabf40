"""Membership by IGMPv1 and v2, and leaving: test ideas 31-46 (spec 6)."""

import pytest

from unit import frames
from unit.device import P1, P2, P3, Entry, R
from unit.dut import Dut, non_querier, own_querier
from unit.frames import BLOCK, IS_EX, S1, S2, TO_EX, TO_IN, G, leave, v1_report, v2_report


def test_v2_report_makes_an_any_source_member() -> None:
    """Idea 31: EXCLUDE{} with GMI and OVHPI; SM-40, SM-41, SNOOP-30."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    assert dut.compatibility(P1) == "igmpv2"
    assert dut.forwards(by=P3) == {P1, R}
    dut.just_before(260)
    assert dut.compatibility(P1) == "igmpv2"
    dut.at(260)
    assert dut.compatibility(P1) == "igmpv3"


def assert_ends_at(dut: Dut, when: float) -> None:
    """The membership of P1 lasts until then, and not a moment longer."""
    dut.just_before(when)
    assert dut.entry(P1) is not None
    assert P1 in dut.forwards()
    dut.at(when)
    assert dut.entry(P1) is None
    assert P1 not in dut.forwards()


@pytest.mark.parametrize(("profile", "gmi"), [("rfc9776", 270), ("rfc3376", 260)])
def test_silent_member_is_forgotten_after_gmi_and_not_earlier(profile: str, gmi: int) -> None:
    """Idea 32: TM-4, G-0, TM-40."""
    dut = non_querier(timer_profile=profile)
    dut.hear(P1, v2_report())
    assert_ends_at(dut, gmi)


def test_report_refreshes_the_group_timer() -> None:
    """Idea 33."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.at(100)
    dut.hear(P1, v2_report())
    assert_ends_at(dut, 370)


def test_leave_waits_for_the_queriers_question_when_we_are_not_it() -> None:
    """Idea 34: SM-66, SM-20; B-6."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.at(50)
    dut.hear(P1, leave())
    assert dut.entry(P1) == Entry("exclude", 220.0, {})
    assert dut.specific_queries() == []
    dut.at(51)
    dut.hear(R, frames.v2_query(G, code=10))
    assert dut.entry(P1) == Entry("exclude", 2.0, {})
    dut.just_before(53)
    assert dut.forwards(by=P3) == {P1, R}
    dut.at(53)
    assert dut.entry(P1) is None
    assert dut.forwards(by=P3) == {R}


def test_leave_is_checked_by_the_querier_before_it_prunes() -> None:
    """Idea 35: SM-23, SM-26, TM-10; B-2, B-4."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.just_before(2)
    assert dut.forwards(by=P3) == {P1, R}
    dut.at(10)
    asked = dut.specific_queries()
    assert [t.at for t in asked] == [0.0, 1.0]
    assert all(P1 in t.ports for t in asked)
    for query in (t.sent for t in asked):
        assert (query.group, query.code, query.sources) == (G, 10, [])
        assert not query.suppress
    assert dut.forwards(by=P3) == {R}


def test_leave_ends_exactly_at_lmqt() -> None:
    """Idea 35: pruned at 2.0 s, not before."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    assert_ends_at(dut, 2)


def test_answer_within_lmqt_keeps_the_stream_flowing() -> None:
    """Idea 36: SM-26."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.at(1.5)
    assert P1 in dut.forwards()
    dut.hear(P1, v2_report())
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    for moment in (1.9, 2.0, 2.5, 60):
        dut.at(moment)
        assert P1 in dut.forwards()


def test_leave_on_one_port_leaves_the_other_port_alone() -> None:
    """Idea 37: SM-62."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P2, v2_report(src="10.0.0.12"))
    dut.at(50)
    dut.hear(P1, leave())
    assert dut.entry(P2) == Entry("exclude", 220.0, {})
    dut.at(52)
    assert dut.entry(P1) is None
    assert dut.entry(P2) == Entry("exclude", 218.0, {})
    assert dut.forwards(by=P3) == {P2, R}


def test_leave_is_ignored_while_a_v1_host_may_be_there() -> None:
    """Idea 38: SM-43, G-7."""
    dut = own_querier()
    dut.hear(P1, v1_report())
    assert dut.compatibility(P1) == "igmpv1"
    dut.at(100)
    dut.hear(P1, leave())
    assert dut.entry(P1) == Entry("exclude", 170.0, {})
    dut.at(259.9)
    dut.hear(P1, leave())
    assert dut.specific_queries() == []
    dut.at(261)
    dut.hear(P1, leave())
    assert dut.entry(P1) == Entry("exclude", 2.0, {})
    dut.at(263)
    assert dut.entry(P1) is None


def test_compatibility_falls_back_one_timer_at_a_time() -> None:
    """Idea 39: the table of spec 3.4."""
    dut = non_querier()
    dut.rq()
    dut.hear(P1, v1_report())
    dut.at(100)
    dut.hear(P1, v2_report())
    assert dut.compatibility(P1) == "igmpv1"
    dut.just_before(260)
    assert dut.compatibility(P1) == "igmpv1"
    dut.at(260)
    assert dut.compatibility(P1) == "igmpv2"
    dut.just_before(360)
    assert dut.compatibility(P1) == "igmpv2"
    dut.at(360)
    assert dut.compatibility(P1) == "igmpv3"


def test_v2_mode_ignores_source_lists_of_exclude_and_blocks() -> None:
    """Idea 40: SM-42."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.at(10)
    dut.hear(P1, frames.v3_report((TO_EX, G, [S1])))
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    dut.at(20)
    dut.hear(P1, frames.v3_report((BLOCK, G, [S1])))
    assert dut.entry(P1) == Entry("exclude", 260.0, {})
    assert P1 in dut.forwards(src=S1)


def test_v2_mode_still_takes_a_leave_by_v3() -> None:
    """Idea 40, the other half: SM-43 is for v1 mode only."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, frames.v3_report((TO_IN, G, [])))
    assert dut.entry(P1) == Entry("exclude", 2.0, {})


def test_v1_mode_ignores_to_in() -> None:
    """Idea 41: SM-43."""
    dut = own_querier()
    dut.hear(P1, v1_report())
    dut.hear(P1, frames.v3_report((TO_IN, G, [])))
    dut.hear(P1, frames.v3_report((TO_IN, G, [S2])))
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    assert dut.specific_queries() == []


@pytest.mark.parametrize("make", [non_querier, own_querier])
@pytest.mark.parametrize(
    "farewell",
    [leave(), frames.v3_report((TO_IN, G, []))],
    ids=["leave", "to-in"],
)
def test_fast_leave_removes_at_once_and_asks_nobody(make, farewell: bytes) -> None:
    """Idea 42: SM-64; querier or not."""
    dut = make(port_params={P1: {"fast_leave": "on"}})
    dut.hear(P1, v2_report())
    dut.hear(P2, v2_report(src="10.0.0.12"))
    dut.hear(P1, farewell)
    assert dut.entry(P1) is None
    assert dut.forwards(by=P3) == {P2, R}
    dut.at(5)
    assert dut.specific_queries() == []


def test_fast_leave_by_blocking_the_last_source() -> None:
    """Idea 42: SM-64, a BLOCK that empties the list; one that does not is checked as usual."""
    dut = own_querier(port_params={P1: {"fast_leave": "on"}})
    dut.hear(P1, frames.v3_report((TO_IN, G, [S1, S2])))
    dut.hear(P1, frames.v3_report((BLOCK, G, [S1, S2])))
    assert dut.entry(P1) is None
    assert dut.specific_queries() == []


def test_without_fast_leave_a_second_host_keeps_the_port() -> None:
    """Idea 43: SM-63; B-4."""
    dut = own_querier()
    for host in ("10.0.0.11", "10.0.0.12"):
        dut.hear(P1, v2_report(src=host))
    dut.at(10)
    dut.hear(P1, leave())
    assert P1 in dut.forwards()
    dut.at(10.7)
    dut.hear(P1, v2_report(src="10.0.0.12"))
    dut.at(100)
    assert dut.entry(P1) == Entry("exclude", 180.7, {})
    assert P1 in dut.forwards()


def test_tracked_hosts_leave_at_once_with_the_last_of_them() -> None:
    """Idea 44: SM-64 with explicit tracking."""
    dut = own_querier(port_params={P1: {"fast_leave": "tracked"}})
    a, b = "10.0.0.11", "10.0.0.12"
    for host in (a, b):
        dut.hear(P1, frames.v3_report((TO_EX, G, []), src=host))
    dut.hear(P1, frames.v3_report((TO_IN, G, []), src=a))
    assert dut.entry(P1) is not None
    assert P1 in dut.forwards()
    assert {dut_text(h.address) for h in dut.engine.hosts(dut.now)} == {b}
    dut.hear(P1, frames.v3_report((TO_IN, G, []), src=b))
    assert dut.entry(P1) is None
    assert P1 not in dut.forwards()
    assert list(dut.engine.hosts(dut.now)) == []


def test_tracking_does_not_trust_a_port_in_v2_mode() -> None:
    """Idea 44: SM-65."""
    dut = own_querier(port_params={P1: {"fast_leave": "tracked"}})
    dut.hear(P1, v2_report(src="10.0.0.12"))
    dut.hear(P1, frames.v3_report((TO_EX, G, []), src="10.0.0.11"))
    dut.hear(P1, frames.v3_report((TO_IN, G, []), src="10.0.0.11"))
    assert dut.entry(P1) == Entry("exclude", 2.0, {})
    assert len(dut.specific_queries()) == 1


def test_leave_of_an_unknown_group_does_nothing() -> None:
    """Idea 45: spec 3.2, last line."""
    dut = own_querier()
    dut.hear(P1, leave())
    dut.hear(P1, frames.v3_report((TO_IN, G, []), (BLOCK, G, [S1])))
    dut.at(5)
    assert dut.groups() == set()
    assert dut.specific_queries() == []
    assert not dut.decide().reason.startswith("forward_group")


@pytest.mark.parametrize(
    "report",
    [
        v2_report("224.0.0.251"),
        v1_report("224.0.0.251"),
        frames.v3_report((IS_EX, "224.0.0.251", [])),
    ],
    ids=["v2", "v1", "v3"],
)
def test_link_local_groups_make_no_state_but_reach_the_router(report: bytes) -> None:
    """Idea 46: SNOOP-15; B-15."""
    dut = non_querier()
    assert dut.hear(P1, report) == {R}
    assert dut.groups() == set()
    assert dut.forwards("224.0.0.251", by=P2) == frozenset(range(6)) - {P2}


def dut_text(mapped: bytes) -> str:
    """Dotted quad of a v4-mapped address."""
    return ".".join(str(b) for b in mapped[12:])
