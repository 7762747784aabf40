"""Addresses claimed in vain are told once a minute each, however often they are claimed."""

from __future__ import annotations

from snoop.proto.units import SECOND, Instant
from snoop.runtime.disputes import MOST, TOLD_MAX, Disputes
from snoop.table.seen import FdbEntry
from unit.fake_fastpath import FakeFastPath


def entry(number: int, rival: int | None = 2) -> FdbEntry:
    return FdbEntry(0, number.to_bytes(6, "big"), 1, 0, rival, 0)


def at(seconds: float) -> Instant:
    return Instant(round((seconds + 1000) * SECOND))


class Fdb(FakeFastPath):
    grown = 0

    @property
    def fdb_disputes(self) -> int:
        return self.grown


def test_a_dispute_is_told_once_a_minute() -> None:
    fdb = Fdb(disputed=[entry(1)])
    disputes = Disputes(fdb)
    told = []
    assert disputes.look(at(0)) == []
    for quarter in range(4 * 130):
        fdb.grown += 1
        told += [quarter / 4 for _ in disputes.look(at(quarter / 4))]
    assert told == [0, 60, 120]


def test_another_port_that_claims_the_same_address_is_news() -> None:
    fdb = Fdb(disputed=[entry(1, rival=2)])
    fdb.grown = 1
    disputes = Disputes(fdb)
    assert len(disputes.look(at(0))) == 1
    fdb.disputed, fdb.grown = [entry(1, rival=3)], 2
    assert [one.rival for one in disputes.look(at(1))] == [3]


def test_what_was_not_there_at_the_first_look_is_told_at_the_next() -> None:
    fdb = Fdb(disputed=[])
    fdb.grown = 1
    disputes = Disputes(fdb)
    assert disputes.look(at(0)) == []
    fdb.disputed = [entry(1)]
    assert len(disputes.look(at(1))) == 1


def test_a_flood_of_disputes_is_told_in_part_and_remembered_within_bounds() -> None:
    fdb = Fdb()
    disputes = Disputes(fdb)
    told = 0
    for second in range(50):
        fdb.disputed = [entry(second * 1000 + n) for n in range(1000)]
        fdb.grown += 1
        told += len(disputes.look(at(second)))
    assert told == min(50 * MOST, TOLD_MAX)
