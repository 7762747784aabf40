"""The v3 state tables: test ideas 47-63 (spec 6), each as the table of spec 3.2 states it.

`entry` gives mode, group timer and every listed source with its timer, 0 for a blocked one; the
states are put in place by reports only.
"""

from unit import frames
from unit.dut import P1, P2, P3, Dut, Entry, R, non_querier, own_querier
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, S1, S2, S3, TO_EX, TO_IN, G


def say(dut: Dut, kind: int, *sources: str, port: int = P1) -> None:
    dut.hear(port, frames.v3_report((kind, G, sources)))


def exclude_s1_but_s2(dut: Dut) -> None:
    """EXCLUDE({S1}, {S2})."""
    say(dut, IS_EX, S2)
    say(dut, IS_IN, S1)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S1: 270.0, S2: 0.0})


def asked(dut: Dut) -> list[tuple[float, list[str], bool]]:
    """The specific queries sent: (time, sources, S)."""
    return [(t.at, t.sent.sources, t.sent.suppress) for t in dut.specific_queries()]


def test_sm_1_include_is_in() -> None:
    """Idea 47: INCLUDE{S1} + IS_IN{S2}."""
    dut = own_querier()
    say(dut, IS_IN, S1)
    dut.at(100)
    say(dut, IS_IN, S2)
    assert dut.entry(P1) == Entry("include", None, {S1: 170.0, S2: 270.0})
    assert asked(dut) == []


def test_sm_2_include_is_ex() -> None:
    """Idea 48: INCLUDE{S1,S2} + IS_EX{S2,S3}; SM-27: no query."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    dut.at(100)
    say(dut, IS_EX, S2, S3)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S2: 170.0, S3: 0.0})
    assert P1 in dut.forwards(src=S1)
    assert P1 in dut.forwards(src=S2)
    assert P1 not in dut.forwards(src=S3)
    assert asked(dut) == []


def test_sm_3_exclude_is_in() -> None:
    """Idea 49: EXCLUDE({S1},{S2}) + IS_IN{S2}."""
    dut = own_querier()
    exclude_s1_but_s2(dut)
    dut.at(100)
    say(dut, IS_IN, S2)
    assert dut.entry(P1) == Entry("exclude", 170.0, {S1: 170.0, S2: 270.0})
    assert P1 in dut.forwards(src=S2)
    assert asked(dut) == []


def test_sm_4_exclude_is_ex() -> None:
    """Idea 50: EXCLUDE({S1},{S2}) + IS_EX{S2,S3}; (A-X-Y) gets GMI."""
    dut = own_querier()
    exclude_s1_but_s2(dut)
    dut.at(100)
    say(dut, IS_EX, S2, S3)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S2: 0.0, S3: 270.0})
    assert asked(dut) == []


def test_sm_4_keeps_the_timer_of_a_source_listed_again() -> None:
    """Idea 50: X*A is in A-Y but not in A-X-Y: its timer is left alone."""
    dut = own_querier()
    exclude_s1_but_s2(dut)
    dut.at(100)
    say(dut, IS_EX, S1)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S1: 170.0})


def test_sm_5_include_allow() -> None:
    """Idea 51: INCLUDE{S1} + ALLOW{S2}."""
    dut = own_querier()
    say(dut, IS_IN, S1)
    dut.at(100)
    say(dut, ALLOW, S2)
    assert dut.entry(P1) == Entry("include", None, {S1: 170.0, S2: 270.0})


def test_sm_6_include_block_as_the_querier() -> None:
    """Idea 52: Q(G,{S1}); S1 gone at 2 s, S2 stays; B-2."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    say(dut, BLOCK, S1)
    assert dut.entry(P1) == Entry("include", None, {S1: 2.0, S2: 270.0})
    dut.just_before(2)
    assert P1 in dut.forwards(src=S1)
    dut.at(2)
    assert dut.entry(P1) == Entry("include", None, {S2: 268.0})
    assert P1 not in dut.forwards(src=S1)
    assert P1 in dut.forwards(src=S2)
    dut.at(10)
    assert asked(dut) == [(0.0, [S1], False), (1.0, [S1], False)]


def test_sm_6_include_block_as_a_non_querier() -> None:
    """Idea 53: nothing until rq's Q(G,{S1}); SM-66, SM-21; B-6."""
    dut = non_querier()
    say(dut, IS_IN, S1, S2)
    dut.at(10)
    say(dut, BLOCK, S1)
    assert dut.entry(P1) == Entry("include", None, {S1: 260.0, S2: 260.0})
    dut.at(11)
    dut.hear(R, frames.v3_query(G, [S1]))
    assert dut.entry(P1) == Entry("include", None, {S1: 2.0, S2: 259.0})
    dut.at(13)
    assert dut.entry(P1) == Entry("include", None, {S2: 257.0})
    assert asked(dut) == [(12.0, [S1], True)], "the last word before it ends (Q-18)"


def test_sm_7_include_to_ex() -> None:
    """Idea 54: INCLUDE{S1,S2} + TO_EX{S2,S3}; Q(G,{S2})."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    say(dut, TO_EX, S2, S3)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S2: 2.0, S3: 0.0})
    assert asked(dut) == [(0.0, [S2], False)]
    dut.at(2)
    assert dut.entry(P1) == Entry("exclude", 268.0, {S2: 0.0, S3: 0.0})
    assert P1 in dut.forwards(src=S1)
    assert P1 not in dut.forwards(src=S2)


def test_sm_8_include_to_in() -> None:
    """Idea 55: TO_IN{S3} on INCLUDE{S1}; Q(G,{S1}), S1 dies at 2 s."""
    dut = own_querier()
    say(dut, IS_IN, S1)
    say(dut, TO_IN, S3)
    assert dut.entry(P1) == Entry("include", None, {S1: 2.0, S3: 270.0})
    assert asked(dut) == [(0.0, [S1], False)]
    dut.at(2)
    assert dut.entry(P1) == Entry("include", None, {S3: 268.0})


def test_sm_8_to_in_of_nothing_is_the_leave_of_an_ssm_host() -> None:
    """Idea 55, spec 3.2: TO_IN{} on INCLUDE(A) asks for all of A; B-2."""
    dut = own_querier()
    say(dut, IS_IN, S1, S2)
    say(dut, TO_IN)
    assert dut.entry(P1) == Entry("include", None, {S1: 2.0, S2: 2.0})
    assert asked(dut) == [(0.0, [S1, S2], False)]
    dut.at(2)
    assert dut.entry(P1) is None


def test_is_in_of_nothing_changes_nothing() -> None:
    """Idea 47, spec 3.2: IS_IN{} changes nothing, with or without an entry."""
    dut = own_querier()
    say(dut, IS_IN)
    assert dut.entry(P1) is None
    say(dut, IS_IN, S1)
    dut.at(10)
    say(dut, IS_IN)
    assert dut.entry(P1) == Entry("include", None, {S1: 260.0})


def test_sm_9_exclude_allow() -> None:
    """Idea 56: ALLOW{S2} on EXCLUDE(nothing,{S2}): S2 is forwarded."""
    dut = own_querier()
    say(dut, IS_EX, S2)
    assert P1 not in dut.forwards(src=S2)
    say(dut, ALLOW, S2)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S2: 270.0})
    assert P1 in dut.forwards(src=S2)


def test_sm_10_exclude_block_as_the_querier() -> None:
    """Idea 57: S1 goes to X, the query lowers it to 2 s, then Y: pruned, others flow."""
    dut = own_querier()
    say(dut, IS_EX)
    dut.at(170)
    say(dut, BLOCK, S1)
    assert dut.entry(P1) == Entry("exclude", 100.0, {S1: 2.0})
    assert asked(dut) == [(170.0, [S1], False)]
    dut.just_before(172)
    assert P1 in dut.forwards(src=S1)
    dut.at(172)
    assert dut.entry(P1) == Entry("exclude", 98.0, {S1: 0.0})
    assert P1 not in dut.forwards(src=S1)
    assert P1 in dut.forwards(src=S2)


def test_sm_10_exclude_block_as_a_non_querier() -> None:
    """Idea 57: without a query the source runs as long as the group does."""
    dut = non_querier()
    say(dut, IS_EX)
    dut.at(170)
    say(dut, BLOCK, S1)
    assert dut.entry(P1) == Entry("exclude", 100.0, {S1: 100.0})


def test_sm_11_exclude_to_ex_as_a_non_querier() -> None:
    """Idea 58: S2 gets the old group timer, 50 s, and the group a new one."""
    dut = non_querier()
    dut.rq()
    say(dut, IS_EX)
    dut.at(220)
    say(dut, IS_IN, S1)
    say(dut, TO_EX, S2)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S2: 50.0})


def test_sm_11_exclude_to_ex_as_the_querier() -> None:
    """Idea 58: then 2 s by the query."""
    dut = own_querier()
    say(dut, IS_EX)
    dut.at(220)
    say(dut, IS_IN, S1)
    say(dut, TO_EX, S2)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S2: 2.0})
    assert asked(dut) == [(220.0, [S2], False)]
    dut.at(222)
    assert dut.entry(P1) == Entry("exclude", 268.0, {S2: 0.0})


def test_sm_12_exclude_to_in() -> None:
    """Idea 59: Q(G,{S1}) and Q(G); at 2 s the entry is gone."""
    dut = own_querier()
    exclude_s1_but_s2(dut)
    say(dut, TO_IN)
    assert dut.entry(P1) == Entry("exclude", 2.0, {S1: 2.0, S2: 0.0})
    assert sorted(asked(dut)) == [(0.0, [], False), (0.0, [S1], False)]
    dut.just_before(2)
    assert P1 in dut.forwards(src=S1)
    dut.at(2)
    assert dut.entry(P1) is None
    assert dut.forwards(src=S1, by=P3) == {R}


def test_sm_12_source_reported_again_survives_the_group() -> None:
    """Idea 60: S1 re-reported by IS_IN at 1 s; at 2 s the mode is INCLUDE{S1}."""
    dut = own_querier()
    exclude_s1_but_s2(dut)
    say(dut, TO_IN)
    dut.at(0.9)
    say(dut, IS_IN, S1)
    dut.at(2)
    assert dut.entry(P1) == Entry("include", None, {S1: 268.9})
    assert P1 in dut.forwards(src=S1)
    assert P1 not in dut.forwards(src=S3)


def test_group_expiry_keeps_running_sources_without_a_gap() -> None:
    """Idea 61: EXCLUDE({S1},{S2}) becomes INCLUDE{S1}; B-24."""
    dut = non_querier()
    dut.rq()
    say(dut, IS_EX, S2)
    dut.at(100)
    say(dut, IS_IN, S1)
    dut.just_before(270)
    assert P1 in dut.forwards(src=S1)
    dut.at(270)
    assert dut.entry(P1) == Entry("include", None, {S1: 100.0})
    assert P1 in dut.forwards(src=S1)
    assert P1 not in dut.forwards(src=S2)
    assert P1 not in dut.forwards(src=S3)


def test_source_expiry_in_exclude_keeps_the_record() -> None:
    """Idea 62: pruned, still listed; others flow; B-24."""
    dut = non_querier()
    dut.rq()
    say(dut, IS_IN, S1)
    dut.at(10)
    say(dut, IS_EX, S1)
    assert dut.entry(P1) == Entry("exclude", 270.0, {S1: 260.0})
    dut.just_before(270)
    assert P1 in dut.forwards(src=S1)
    dut.at(270)
    assert dut.entry(P1) == Entry("exclude", 10.0, {S1: 0.0})
    assert P1 not in dut.forwards(src=S1)
    assert P1 in dut.forwards(src=S2)


def test_last_source_expiry_in_include_deletes_the_entry() -> None:
    """Idea 63."""
    dut = non_querier()
    dut.rq()
    say(dut, IS_IN, S1)
    dut.at(100)
    say(dut, IS_IN, S2)
    dut.at(270)
    assert dut.entry(P1) == Entry("include", None, {S2: 100.0})
    dut.just_before(370)
    assert P1 in dut.forwards(src=S2)
    dut.at(370)
    assert dut.entry(P1) is None
    assert dut.forwards(src=S2, by=P2) == {R}
