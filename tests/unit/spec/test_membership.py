"""Queries, record rules, ranges and limits of v3 membership: test ideas 64-70, 72, 73 (spec 6)."""

import pytest

from unit import frames
from unit.device import P1, P2, P3, Entry, R
from unit.dut import ALL, Dut, non_querier, own_querier
from unit.frames import (
    ALLOW,
    BLOCK,
    IS_EX,
    IS_IN,
    S1,
    S2,
    S3,
    TO_EX,
    TO_IN,
    G,
    v2_report,
    v3_report,
)

SSM = "232.1.1.1"


def say(dut: Dut, kind: int, *sources: str, port: int = P1, group: str = G) -> None:
    dut.hear(port, v3_report((kind, group, sources)))


@pytest.mark.parametrize("sources", [[], [S1]], ids=["group", "sources"])
def test_query_with_s_set_changes_no_timer(sources: list[str]) -> None:
    """Idea 64: SM-22; B-23."""
    dut = non_querier()
    say(dut, IS_EX)
    say(dut, IS_IN, S1)
    dut.hear(R, frames.v3_query(G, sources, suppress=True))
    assert dut.entry(P1) == Entry("exclude", 270.0, {S1: 270.0})
    dut.hear(R, frames.v3_query(G, sources))
    lowered = Entry("exclude", 270.0, {S1: 2.0}) if sources else Entry("exclude", 2.0, {S1: 270.0})
    assert dut.entry(P1) == lowered


def test_query_never_raises_a_timer() -> None:
    """Idea 65: SM-20, SM-21."""
    dut = non_querier()
    dut.rq()
    say(dut, IS_EX)
    dut.at(0.5)
    say(dut, IS_IN, S1)
    dut.at(269.5)
    dut.hear(R, frames.v3_query(G))
    dut.hear(R, frames.v3_query(G, [S1]))
    assert dut.entry(P1) == Entry("exclude", 0.5, {S1: 1.0})


def test_query_of_listed_sources_leaves_the_others_alone() -> None:
    """Idea 65: SM-21, only sources that exist; an unknown one is not created."""
    dut = non_querier()
    say(dut, TO_IN, S1, S2)
    dut.hear(R, frames.v3_query(G, [S1, S3]))
    assert dut.entry(P1) == Entry("include", None, {S1: 2.0, S2: 270.0})


def test_query_lowers_timers_on_every_port_of_the_group() -> None:
    """Idea 65: SM-29, including the port it came in on."""
    dut = non_querier()
    for port in (P1, P2, R):
        dut.hear(port, v2_report())
    dut.hear(R, frames.v3_query(G))
    for port in (P1, P2, R):
        assert dut.entry(port) == Entry("exclude", 2.0, {})


def test_checking_time_is_the_packets_times_the_count() -> None:
    """Idea 65: SM-28: MRT of the packet x LMQC, for v2 and v3 queries."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.hear(R, frames.v2_query(G, code=30))
    assert dut.entry(P1) == Entry("exclude", 6.0, {})
    dut.hear(P2, v2_report())
    dut.hear(R, frames.v3_query(G, code=20))
    assert dut.entry(P2) == Entry("exclude", 4.0, {})


def test_repeat_splits_refreshed_sources_into_a_message_with_s() -> None:
    """Idea 66: SM-24, SM-25."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    say(dut, BLOCK, S1, S2)
    dut.at(0.5)
    say(dut, IS_IN, S1)
    dut.at(1.5)
    queries = [(t.at, t.sent.suppress, t.sent.sources) for t in dut.specific_queries()]
    assert queries[0] == (0.0, False, [S1, S2])
    assert sorted(queries[1:]) == [(1.0, False, [S2]), (1.0, True, [S1])]
    dut.at(5)
    assert len(dut.specific_queries()) == 3
    assert dut.entry(P1) == Entry("include", None, {S1: 265.5})


def test_repeat_of_a_group_query_has_s_once_the_group_is_refreshed() -> None:
    """Idea 66, for Q(G): SM-23."""
    dut = own_querier()
    say(dut, IS_EX)
    say(dut, TO_IN)
    dut.at(0.5)
    say(dut, IS_EX)
    dut.at(5)
    queries = [(t.at, t.sent.suppress, t.sent.sources) for t in dut.specific_queries()]
    assert queries == [(0.0, False, []), (1.0, True, [])]
    assert dut.entry(P1) == Entry("exclude", 265.5, {})


def test_second_source_joins_the_pending_query() -> None:
    """Idea 66: SM-25, merged: S1 is asked at 0 and 1, S2 at 0.4 and again LMQI later at most."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    say(dut, BLOCK, S1)
    dut.at(0.4)
    say(dut, BLOCK, S2)
    dut.at(10)
    for source, start in ((S1, 0.0), (S2, 0.4)):
        times = [t.at for t in dut.specific_queries() if source in t.sent.sources]
        assert times[0] == start
        assert len(times) >= 2, "LMQC transmissions of each"
        assert times[1] <= start + 1.0
    assert dut.entry(P1) is None


def test_current_state_records_cause_no_query() -> None:
    """Idea 67: SM-27."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    say(dut, IS_EX, S2)
    say(dut, IS_EX)
    say(dut, IS_IN)
    dut.at(5)
    assert dut.specific_queries() == []


def test_allow_and_block_in_one_report_are_applied_in_order() -> None:
    """Idea 68: W-28."""
    dut = own_querier()
    say(dut, IS_IN, S1)
    dut.at(10)
    dut.hear(P1, v3_report((ALLOW, G, [S2]), (BLOCK, G, [S1])))
    assert dut.entry(P1) == Entry("include", None, {S1: 2.0, S2: 270.0})
    dut.hear(P2, v3_report((BLOCK, G, [S1]), (ALLOW, G, [S1])))
    assert dut.entry(P2) == Entry("include", None, {S1: 270.0})
    dut.hear(P3, v3_report((ALLOW, G, [S1]), (BLOCK, G, [S1])))
    assert dut.entry(P3) == Entry("include", None, {S1: 2.0})


def test_any_source_joins_create_nothing_in_the_ssm_range() -> None:
    """Idea 69: SM-46, SNOOP-38; B-28: the other records of the report count."""
    dut = own_querier()
    dut.hear(P1, v3_report((TO_EX, SSM, [])))
    dut.hear(P1, v3_report((IS_EX, SSM, [S1])))
    dut.hear(P1, v2_report(SSM))
    dut.hear(P1, frames.v1_report(SSM))
    assert dut.groups() == set()
    dut.hear(P1, v3_report((TO_EX, SSM, []), (ALLOW, SSM, [S1]), (TO_EX, G, [])))
    assert dut.entry(P1, SSM) == Entry("include", None, {S1: 270.0})
    assert dut.compatibility(P1, SSM) == "igmpv3"
    assert dut.groups() == {SSM, G}
    assert dut.forwards(SSM, S1, by=P3) == {P1, R}
    assert dut.forwards(SSM, S2, by=P3) == {R}


def test_leave_is_ignored_in_the_ssm_range_and_to_in_is_not() -> None:
    """Idea 69: SM-46."""
    dut = own_querier()
    dut.hear(P1, v3_report((ALLOW, SSM, [S1])))
    dut.hear(P1, frames.leave(SSM))
    assert dut.entry(P1, SSM) == Entry("include", None, {S1: 270.0})
    dut.hear(P1, v3_report((TO_IN, SSM, [])))
    assert dut.entry(P1, SSM) == Entry("include", None, {S1: 2.0})


def test_lite_exclude_filter_forgets_blocked_sources() -> None:
    """Idea 70: SM-48."""
    dut = non_querier(lite_exclude_filter=True)
    say(dut, IS_EX, S1)
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    assert P1 in dut.forwards(src=S1)
    say(dut, TO_EX, S2)
    assert dut.entry(P1) == Entry("exclude", 270.0, {})


def test_lite_exclude_filter_deletes_a_source_whose_timer_ends() -> None:
    """Idea 70: SM-48: not kept as blocked; the group timer forwards everything."""
    dut = non_querier(lite_exclude_filter=True)
    dut.rq()
    say(dut, IS_IN, S1)
    dut.at(10)
    say(dut, TO_EX)
    dut.at(275)
    assert dut.entry(P1) == Entry("exclude", 5.0, {})
    assert P1 in dut.forwards(src=S1)


def test_each_port_gets_what_its_own_entry_wants() -> None:
    """Idea 72: SM-60, SNOOP-33, SNOOP-37."""
    dut = non_querier()
    say(dut, TO_IN, S1, port=P1)
    say(dut, IS_EX, S1, port=P2)
    assert dut.forwards(src=S1, by=P3) == {P1, R}
    assert dut.forwards(src=S2, by=P3) == {P2, R}
    dut.hear(R, frames.v3_query(G))  # P2 does not answer
    dut.at(2)
    assert dut.entry(P2) is None
    assert dut.forwards(src=S3, by=P3) == {R}
    assert dut.forwards(src=S1, by=P3) == {P1, R}


def test_too_many_sources_degrade_to_any_source() -> None:
    """Idea 73: SM-68: wanted traffic is never lost, and somebody is told."""
    dut = non_querier(max_sources=2)
    say(dut, TO_IN, S1, S2)
    assert dut.entry(P1).mode == "include"
    assert not dut.events("limit")
    say(dut, ALLOW, S3)
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    for source in (S1, S2, S3):
        assert P1 in dut.forwards(src=source)
    assert [e.port for e in dut.events() if e.kind == "limit"] == [P1]


@pytest.mark.parametrize("limits", [{"max_groups": 2}, {"port_params": {P1: {"max_groups": 2}}}])
def test_groups_over_the_limit_follow_the_unregistered_policy(limits: dict) -> None:
    """Idea 73: SM-68."""
    dut = non_querier(unregistered="flood", **limits)
    for last in (1, 2, 3):
        dut.hear(P1, v2_report(f"239.7.0.{last}"))
    assert dut.groups() == {"239.7.0.1", "239.7.0.2"}
    assert dut.forwards("239.7.0.2", by=P3) == {P1, R}
    assert dut.forwards("239.7.0.3", by=P3) == ALL - {P3}
    assert [e.port for e in dut.events() if e.kind in ("limit", "table_full")] == [P1]
    refusals = ("port_limit", "table_full")
    assert sum(dut.count(name, P1) for name in refusals) == 1
    dut.hear(P1, v2_report("239.7.0.1"))
    assert dut.groups() == {"239.7.0.1", "239.7.0.2"}, "members over the limit are still refreshed"
