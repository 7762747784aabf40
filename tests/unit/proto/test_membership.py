"""`proto.membership`: the tables of RFC 9776 6.4, one row a test case, and the timers of 3.1."""

from __future__ import annotations

import pytest

from snoop.proto.membership import Ask, Membership
from snoop.proto.units import NEVER, STOPPED, Instant
from snoop.wire.messages import RecordType

IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = RecordType
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


def ask(member: Membership, kind: RecordType, *listed: bytes) -> tuple[bool, set[bytes]]:
    wanted = member.apply(kind, listed, GMI)
    assert len(set(wanted.sources)) == len(wanted.sources)
    return wanted.group, set(wanted.sources)


# (start, record, list, mode EXCLUDE, group timer, sources, Q(G), Q(G, sources))
ROWS = [
    pytest.param(
        include(A), IS_IN, (B,), False, STOPPED, {A: OLD, B: GMI}, False, set(), id="SM-1"
    ),
    pytest.param(include(A), IS_IN, (A,), False, STOPPED, {A: GMI}, False, set(), id="SM-1 again"),
    pytest.param(include(A), IS_IN, (), False, STOPPED, {A: OLD}, False, set(), id="IS_IN of none"),
    pytest.param(
        include(A, B), IS_EX, (B, C), True, GMI, {B: OLD, C: STOPPED}, False, set(), id="SM-2"
    ),
    pytest.param(
        exclude((A,), (B,)),
        IS_IN,
        (B, C),
        True,
        GT,
        {A: OLD, B: GMI, C: GMI},
        False,
        set(),
        id="SM-3",
    ),
    pytest.param(
        exclude((A, C), (B, D)),
        IS_EX,
        (A, B, bytes(16)),
        True,
        GMI,
        {A: OLD, B: STOPPED, bytes(16): GMI},
        False,
        set(),
        id="SM-4",
    ),
    pytest.param(
        include(A), ALLOW, (B,), False, STOPPED, {A: OLD, B: GMI}, False, set(), id="SM-5"
    ),
    pytest.param(
        include(A, B), BLOCK, (B, C), False, STOPPED, {A: OLD, B: OLD}, False, {B}, id="SM-6"
    ),
    pytest.param(
        include(A, B), TO_EX, (B, C), True, GMI, {B: OLD, C: STOPPED}, False, {B}, id="SM-7"
    ),
    pytest.param(
        include(A, B),
        TO_IN,
        (B, C),
        False,
        STOPPED,
        {A: OLD, B: GMI, C: GMI},
        False,
        {A},
        id="SM-8",
    ),
    pytest.param(include(A), TO_IN, (), False, STOPPED, {A: OLD}, False, {A}, id="SM-8 SSM leave"),
    pytest.param(
        exclude((A,), (B,)), ALLOW, (B,), True, GT, {A: OLD, B: GMI}, False, set(), id="SM-9"
    ),
    pytest.param(
        exclude((A,), (B,)),
        BLOCK,
        (A, B, C),
        True,
        GT,
        {A: OLD, B: STOPPED, C: GT},
        False,
        {A, C},
        id="SM-10",
    ),
    pytest.param(
        exclude((A, D), (B,)),
        TO_EX,
        (A, B, C),
        True,
        GMI,
        {A: OLD, B: STOPPED, C: GT},
        False,
        {A, C},
        id="SM-11",
    ),
    pytest.param(
        exclude((A, C), (B,)),
        TO_IN,
        (B, C),
        True,
        GT,
        {A: OLD, B: GMI, C: GMI},
        True,
        {A},
        id="SM-12",
    ),
    pytest.param(exclude(), TO_IN, (), True, GT, {}, True, set(), id="SM-12 ASM leave"),
]


@pytest.mark.parametrize(
    ("member", "kind", "listed", "mode", "timer", "sources", "asks_group", "asked"), ROWS
)
def test_row_of_the_table(
    member: Membership,
    kind: RecordType,
    listed: tuple[bytes, ...],
    mode: bool,
    timer: Instant,
    sources: dict[bytes, Instant],
    asks_group: bool,
    asked: set[bytes],
) -> None:
    """SM-1 to SM-12."""
    assert ask(member, kind, *listed, *listed) == (asks_group, asked)
    assert (member.exclude, member.group_timer, dict(member.sources)) == (mode, timer, sources)


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
    member.apply(ALLOW, (A,), GMI)
    assert not member.differs(True, before)
    member.apply(ALLOW, (B,), GMI)
    assert member.differs(True, before)
    assert member.differs(False, member.sources)
