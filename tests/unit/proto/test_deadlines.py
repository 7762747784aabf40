"""`proto.deadlines`: when owners fire, and that the heap stays bounded."""

from __future__ import annotations

import random

import pytest

from snoop.proto.deadlines import Deadlines
from snoop.proto.effects import Turn
from snoop.proto.units import STOPPED, Instant


class Owner:
    """Fires, notes when, and wants `after` next."""

    def __init__(self, log: list[tuple[int, Owner]]) -> None:
        self.armed = STOPPED
        self.armed_as = 0
        self.log = log
        self.after: int = STOPPED

    def fire(self, turn: Turn) -> Instant:
        self.log.append((turn.now, self))
        return Instant(self.after)


def test_owners_fire_in_the_order_of_their_deadlines_and_not_early() -> None:
    """TM-40."""
    log: list[tuple[int, Owner]] = []
    heap = Deadlines()
    late, early, same = Owner(log), Owner(log), Owner(log)
    heap.arm(late, Instant(20))
    heap.arm(early, Instant(10))
    heap.arm(same, Instant(20))
    heap.advance(Turn(Instant(9)))
    assert log == []
    assert heap.next() == 10
    heap.advance(Turn(Instant(25)))
    assert [owner for _, owner in log] == [early, late, same]
    assert heap.next() is None


def test_putting_off_costs_nothing_and_is_seen_when_the_old_time_comes() -> None:
    log: list[tuple[int, Owner]] = []
    heap, owner = Deadlines(), Owner([])
    owner.log = log
    heap.arm(owner, Instant(10))
    for later in range(11, 500):
        heap.arm(owner, Instant(later))
    assert len(heap) == 1
    owner.after = 499
    heap.advance(Turn(Instant(10)))
    assert heap.next() == 499


def test_earlier_deadline_replaces_the_later() -> None:
    log: list[tuple[int, Owner]] = []
    heap, owner = Deadlines(), Owner(log)
    heap.arm(owner, Instant(10))
    heap.arm(owner, Instant(5))
    heap.advance(Turn(Instant(20)))
    assert [now for now, _ in log] == [20]


def test_disarmed_owner_does_not_fire() -> None:
    log: list[tuple[int, Owner]] = []
    heap, owner = Deadlines(), Owner(log)
    heap.arm(owner, Instant(5))
    heap.disarm(owner)
    heap.disarm(owner)
    assert heap.next() is None
    heap.advance(Turn(Instant(20)))
    assert log == []


def test_heap_stays_within_twice_its_owners() -> None:
    """Lazy deletion must not grow with the number of changes."""
    heap = Deadlines()
    owners = [Owner([]) for _ in range(200)]
    rng = random.Random(1)
    for step in range(20_000):
        owner = rng.choice(owners)
        if rng.random() < 0.5:
            heap.disarm(owner)
        heap.arm(owner, Instant(1_000_000 - step + rng.randrange(100)))
        assert len(heap) <= 2 * len(owners) + 130
    fired: list[tuple[int, Owner]] = []
    for owner in owners:
        owner.log = fired
    heap.advance(Turn(Instant(2_000_000)))
    armed_before = {id(owner) for _, owner in fired}
    assert len(armed_before) == len(fired), "an owner fired twice"


def test_owner_that_asks_for_the_past_is_our_mistake() -> None:
    heap, owner = Deadlines(), Owner([])
    owner.after = 5
    heap.arm(owner, Instant(5))
    with pytest.raises(AssertionError, match="asks for"):
        heap.advance(Turn(Instant(5)))


def test_thousands_that_are_due_at_once_are_dealt_with_in_parts() -> None:
    log: list[tuple[int, Owner]] = []
    heap = Deadlines()
    owners = [Owner(log) for _ in range(1000)]
    for owner in owners:
        heap.arm(owner, Instant(10))
    heap.advance(Turn(Instant(10)), 300)
    assert [owner for _, owner in log] == owners[:300]
    assert heap.next() == 10
    for _ in range(3):
        heap.advance(Turn(Instant(11)), 300)
    assert [owner for _, owner in log] == owners
    assert heap.next() is None
