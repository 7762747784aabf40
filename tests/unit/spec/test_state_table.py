"""The v3 state tables: test ideas 47-63 (spec 6), each row of them on the whole switch.

`entry` gives mode, group timer and every listed source with its timer, 0 for a blocked one; the
states are put in place by reports only.
"""

import pytest

from unit import frames
from unit.device import P1, P2, P3, Entry, R
from unit.dut import Dut, non_querier, own_querier
from unit.frames import BLOCK, IS_EX, IS_IN, S1, S2, S3, TO_IN, G
from unit.state_table import EDGES, ROWS, Filter, Row, Timer


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


MODE = {False: "include", True: "exclude"}
ADDRESS = {letter: f"192.0.2.{number}" for number, letter in enumerate("ABCDEZ", start=1)}
LEFT = {Timer.OLD: 180.0, Timer.GMI: 270.0, Timer.GT: 170.0, Timer.ZERO: 0.0}


def hear(dut: Dut, row: Row) -> None:
    """The state of a row, the group since 0 s and its sources since 10 s; at 100 s the record."""
    for kind, listed in row.before.reports():
        dut.at(0 if kind == "IS_EX" else 10)
        say(dut, getattr(frames, kind), *(ADDRESS[source] for source in listed))
    dut.at(100)
    say(dut, getattr(frames, row.record), *(ADDRESS[source] for source in row.listed))


def forwards(dut: Dut, wanted: Filter) -> bool:
    """Data of each source of the table, and of one that no row names."""
    for letter, source in ADDRESS.items():
        reached = dut.forwards(src=source, by=P3)
        assert (P1 in reached) == wanted.forwards(letter), letter
    return True


@pytest.mark.parametrize("row", ROWS + EDGES, ids=lambda row: row.id)
def test_row_as_a_non_querier(row: Row) -> None:
    """Ideas 47-51, 53-58: nothing ends sooner until the querier asks (SM-66)."""
    dut = non_querier()
    dut.rq()
    hear(dut, row)
    group = None if row.group is None else LEFT[row.group]
    sources = {ADDRESS[source]: LEFT[timer] for source, timer in row.sources.items()}
    assert dut.entry(P1) == Entry(MODE[row.after.exclude], group, sources)
    assert forwards(dut, row.after)
    assert asked(dut) == []


@pytest.mark.parametrize("row", ROWS + EDGES, ids=lambda row: row.id)
def test_row_as_the_querier(row: Row) -> None:
    """Ideas 47-52, 54-59: what is asked about runs 2 s more; SM-27: IS_EX asks nothing; B-2."""
    dut = own_querier()
    hear(dut, row)
    group = None if row.group is None else 2.0 if row.asks_group else LEFT[row.group]
    sources = {ADDRESS[source]: LEFT[timer] for source, timer in row.sources.items()}
    sources |= dict.fromkeys((ADDRESS[source] for source in row.asked), 2.0)
    assert dut.entry(P1) == Entry(MODE[row.after.exclude], group, sources)
    dut.just_before(102)
    assert forwards(dut, row.after)
    dut.at(102)
    assert forwards(dut, row.unanswered)
    left = row.unanswered
    entry = dut.entry(P1)
    assert (entry is None) == (left == Filter(False))
    if entry is not None:
        assert entry.mode == MODE[left.exclude]
        assert entry.sources.keys() == {ADDRESS[s] for s in left.running + left.blocked}
    dut.at(110)
    questions = [[]] * row.asks_group + [[ADDRESS[s] for s in row.asked]] * bool(row.asked)
    assert sorted(asked(dut)) == [(at, each, False) for at in (100.0, 101.0) for each in questions]


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


def test_is_in_of_nothing_changes_nothing() -> None:
    """Idea 47, spec 3.2: IS_IN{} changes nothing, with or without an entry."""
    dut = own_querier()
    say(dut, IS_IN)
    assert dut.entry(P1) is None
    say(dut, IS_IN, S1)
    dut.at(10)
    say(dut, IS_IN)
    assert dut.entry(P1) == Entry("include", None, {S1: 260.0})


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


def two_reports(first: tuple[int, str], at: float, second: tuple[int, str]) -> Dut:
    """Each of one source, the first at 0 s."""
    dut = non_querier()
    dut.rq()
    say(dut, *first)
    dut.at(at)
    say(dut, *second)
    return dut


def reaching(dut: Dut) -> set[str]:
    """The sources whose data the port gets."""
    return {source for source in (S1, S2, S3) if P1 in dut.forwards(src=source)}


def test_group_expiry_keeps_running_sources_without_a_gap() -> None:
    """Idea 61: EXCLUDE({S1},{S2}) becomes INCLUDE{S1}; B-24."""
    dut = two_reports((IS_EX, S2), 100, (IS_IN, S1))
    dut.just_before(270)
    assert reaching(dut) == {S1, S3}
    dut.at(270)
    assert dut.entry(P1) == Entry("include", None, {S1: 100.0})
    assert reaching(dut) == {S1}


def test_source_expiry_in_exclude_keeps_the_record() -> None:
    """Idea 62: pruned, still listed; others flow; B-24."""
    dut = two_reports((IS_IN, S1), 10, (IS_EX, S1))
    assert dut.entry(P1) == Entry("exclude", 270.0, {S1: 260.0})
    dut.just_before(270)
    assert reaching(dut) == {S1, S2, S3}
    dut.at(270)
    assert dut.entry(P1) == Entry("exclude", 10.0, {S1: 0.0})
    assert reaching(dut) == {S2, S3}


def test_last_source_expiry_in_include_deletes_the_entry() -> None:
    """Idea 63."""
    dut = two_reports((IS_IN, S1), 100, (IS_IN, S2))
    dut.at(270)
    assert dut.entry(P1) == Entry("include", None, {S2: 100.0})
    dut.just_before(370)
    assert reaching(dut) == {S2}
    dut.at(370)
    assert dut.entry(P1) is None
    assert dut.forwards(src=S2, by=P2) == {R}
