"""`proto.membership`: the tables of RFC 9776 6.4, one row a test case, and the timers of 3.1."""

from __future__ import annotations

import pytest

from snoop.proto.membership import Ask, Membership
from snoop.proto.units import NEVER, STOPPED, Instant
from snoop.wire.messages import RecordType
from unit.state_table import EDGES, ROWS, Row, Timer

GMI = Instant(1_270)  # the `until` of a record: 270 after a now of 1000
OLD = Instant(1_100)  # timers that ran before
GT = Instant(1_050)
A, B, C, D = (bytes((i,)) * 16 for i in range(1, 5))


def include(*running: bytes) -> Membership:
    member = Membership(b"", Instant(900))
    member.sources = dict.fromkeys(running, OLD)
    member.settle()
    return member


def exclude(running: tuple[bytes, ...] = (), blocked: tuple[bytes, ...] = ()) -> Membership:
    member = include(*running)
    member.exclude = True
    member.group_timer = GT
    member.sources = {**member.sources, **dict.fromkeys(blocked, STOPPED)}
    member.settle()
    return member


# E is the address 0.0.0.0: a source like any other.
BYTES = dict(zip("ABCDE", (A, B, C, D, bytes(16)), strict=True))
TIMES = {Timer.OLD: OLD, Timer.GMI: GMI, Timer.GT: GT, Timer.ZERO: STOPPED, None: STOPPED}


def named(letters: str) -> tuple[bytes, ...]:
    return tuple(BYTES[letter] for letter in letters)


@pytest.mark.parametrize("row", ROWS + EDGES, ids=lambda row: row.id)
def test_row_of_the_table(row: Row) -> None:
    """SM-1 to SM-12; sources listed twice count once."""
    before = row.before
    member = (
        exclude(named(before.running), named(before.blocked))
        if before.exclude
        else include(*named(before.running))
    )
    wanted = member.apply(RecordType[row.record], named(row.listed * 2), GMI)
    assert (wanted.group, sorted(wanted.sources)) == (row.asks_group, sorted(named(row.asked)))
    assert (member.exclude, member.group_timer) == (row.after.exclude, TIMES[row.group])
    assert member.sources == {BYTES[s]: TIMES[timer] for s, timer in row.sources.items()}


def test_empty_question_is_no_question() -> None:
    """Spec 3.2: a query with an empty source list is not sent."""
    assert not Ask(False, ())
    assert Ask(True, ())
    assert Ask(False, (A,))


def test_source_that_runs_out_of_include_is_gone_and_the_last_takes_the_entry() -> None:
    """Spec 3.1, INCLUDE rows."""
    member = include(A, B)
    member.sources = {A: OLD, B: GMI}
    member.expire(Instant(OLD - 1))
    assert set(member.sources) == {A, B}
    member.expire(OLD)
    assert dict(member.sources) == {B: GMI}
    assert member.due == GMI
    member.expire(GMI)
    assert member.is_empty
    assert member.due == NEVER


def test_source_that_runs_out_of_exclude_is_blocked_and_kept() -> None:
    """Spec 3.1: kept at 0; B-24. With the lite filter it is forgotten instead (SM-48)."""
    member, lite = exclude((A,)), exclude((A,))
    member.group_timer = lite.group_timer = GMI
    member.expire(OLD)
    assert dict(member.sources) == {A: STOPPED}
    assert member.due == GMI
    lite.expire(OLD, keep_blocked=False)
    assert dict(lite.sources) == {}


def test_group_timer_ends_in_include_of_what_still_runs() -> None:
    """Spec 3.1: Y is discarded, X becomes A; without X the entry ends."""
    member = exclude((A,), (B,))
    member.expire(Instant(GT - 1))
    assert member.exclude
    member.expire(GT)
    assert (member.exclude, dict(member.sources)) == (False, {A: OLD})
    blocked = exclude((), (B,))
    blocked.expire(GT)
    assert blocked.is_empty


def test_source_and_group_that_end_together_leave_nothing() -> None:
    """Idea 59: both were lowered to the same LMQT."""
    member = exclude((A,))
    member.sources = {A: GT}
    member.expire(GT)
    assert member.is_empty


def test_timers_are_lowered_and_never_raised() -> None:
    """SM-20, SM-21."""
    member = exclude((A,), (B,))
    assert not member.lower_group(Instant(GT + 1))
    assert member.lower_group(Instant(GT - 10))
    assert member.group_timer == GT - 10
    assert member.lower_sources((A, B, C), Instant(OLD + 1)) == []
    assert member.lower_sources((A, B, C), Instant(OLD - 90)) == [A]
    assert dict(member.sources) == {A: OLD - 90, B: STOPPED}
    assert member.due == OLD - 90
    assert not include(A).lower_group(Instant(1))


def test_degrading_widens_and_does_not_shorten() -> None:
    """SM-68."""
    member = include(A, B)
    member.degrade(GMI)
    assert (member.exclude, member.group_timer, dict(member.sources)) == (True, GMI, {})


def test_difference_is_what_forwarding_sees() -> None:
    """A timer that moves is none, a source that becomes blocked is one."""
    member = exclude((A,), (B,))
    before = member.sources
    member.apply(RecordType.ALLOW, (A,), GMI)
    assert not member.differs(True, before)
    member.apply(RecordType.ALLOW, (B,), GMI)
    assert member.differs(True, before)
    assert member.differs(False, member.sources)
