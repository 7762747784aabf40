"""All deadlines of the engine in one heap.

An owner is anything that can `fire`; it has one `armed` instant, the time of its one live item.
Cancelling or moving a deadline forward leaves the old item behind, to be skipped when it comes up:
an item is live if its number is its owner's `armed_as`. Items left behind are counted and swept out
once they outnumber the live ones, so the heap is bounded by the number of owners.

Putting a deadline *off* costs nothing: the owner keeps its early item, looks at its own state when
that fires, and arms the later time then. A report that refreshes an entry therefore never touches
the heap.
"""

from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from snoop.proto.effects import Turn
from snoop.proto.units import STOPPED, Instant

ALL: Final = 1 << 62
_SWEEP_MIN: Final = 64  # below this many stale items a sweep costs more than it frees


class Owner(Protocol):
    """Something with a deadline."""

    armed: Instant
    """Time of the live item, `STOPPED` if none; only `Deadlines` writes it."""
    armed_as: int
    """Number of the live item, 0 if none: those of one instant fire in this order; likewise."""

    def fire(self, turn: Turn) -> Instant:
        """Do what is due, which may be nothing; return the next deadline or `STOPPED`."""
        ...


class Deadlines:
    """The heap. Equal instants fire in the order they were armed."""

    __slots__ = ("_heap", "_sequence", "_stale")

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[Instant, int, Owner]] = []
        self._sequence = 0
        self._stale = 0

    def __len__(self) -> int:
        """The number of items held, stale ones included."""
        return len(self._heap)

    def arm(self, owner: Owner, at: Instant) -> None:
        """Have `owner` fire at `at` or before; `STOPPED` asks for nothing."""
        if at == STOPPED or STOPPED < owner.armed <= at:
            return
        if owner.armed:
            self._left_behind()
        self._sequence += 1
        owner.armed, owner.armed_as = at, self._sequence
        heappush(self._heap, (at, self._sequence, owner))

    def disarm(self, owner: Owner) -> None:
        """Forget the deadline of `owner`, which is going away."""
        if owner.armed:
            owner.armed, owner.armed_as = STOPPED, 0
            self._left_behind()

    def next(self) -> Instant | None:
        """The earliest deadline, None if there is none."""
        heap = self._heap
        while heap and heap[0][2].armed_as != heap[0][1]:
            heappop(heap)
            self._stale -= 1
        return heap[0][0] if heap else None

    def is_due(self, now: Instant) -> bool:
        """Tell, cheaply, whether `advance` could have anything to do."""
        heap = self._heap
        return bool(heap) and heap[0][0] <= now

    def advance(self, turn: Turn, most: int = ALL) -> None:
        """Fire owners whose deadline is not after now, earliest first, `most` of them."""
        heap = self._heap
        now = turn.now
        while most and heap and heap[0][0] <= now:
            _, number, owner = heappop(heap)
            if owner.armed_as != number:
                self._stale -= 1
                continue
            most -= 1
            owner.armed, owner.armed_as = STOPPED, 0
            again = owner.fire(turn)
            if again:
                # What an owner left undone at `now` is a mistake of ours; do not spin on it.
                assert again > now, f"{owner!r} fired at {now} and asks for {again}"
                self.arm(owner, again)

    @property
    def numbered(self) -> int:
        """The number of the last item."""
        return self._sequence

    def go_on(self, number: int) -> None:
        """Give numbers above `number` from now on."""
        self._sequence = max(self._sequence, number)

    def restore(self, owner: Owner, at: Instant, number: int) -> None:
        """Arm `owner` as it was; `go_on` comes before anything else is armed."""
        owner.armed, owner.armed_as = at, number
        heappush(self._heap, (at, number, owner))

    def _left_behind(self) -> None:
        self._stale += 1
        if self._stale > _SWEEP_MIN and self._stale * 2 > len(self._heap):
            self._heap[:] = [item for item in self._heap if item[2].armed_as == item[1]]
            heapify(self._heap)
            self._stale = 0
