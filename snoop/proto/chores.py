"""Work that touches thousands of things at once, done a part at a time.

Frames, timers and clients have their turn between two parts. What a chore does at each step, and
what that costs, is said by whoever begins it (`rounds`). The first part is done at once, so that
what is small is done when it is asked for.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from snoop.proto.deadlines import Deadlines
from snoop.proto.effects import Turn
from snoop.proto.units import STOPPED, Instant

_PART: Final = 150
"""What a turn takes: in memberships that end, some 20 us each with their rows."""

Chore = TypeVar("Chore")


class Chores(Generic[Chore]):
    """What is still to be done, in the order it was asked for."""

    __slots__ = ("_deadlines", "_step", "armed", "armed_as", "waiting")

    def __init__(self, deadlines: Deadlines, step: Callable[[Chore, Turn], int | None]) -> None:
        """Start with nothing to do. `step` does a bit and returns its cost, None at the end."""
        self._deadlines = deadlines
        self._step = step
        self.waiting: deque[Chore] = deque()
        self.armed: Instant = STOPPED
        self.armed_as = 0

    def begin(self, chore: Chore, turn: Turn) -> None:
        """Do the first part, if nothing else waits, and have the rest done later."""
        self.waiting.append(chore)
        if len(self.waiting) == 1:
            self._deadlines.arm(self, self.fire(turn))

    def finish(self, turn: Turn) -> None:
        """Do all of it now."""
        while self.waiting:
            self.fire(turn)

    def fire(self, turn: Turn) -> Instant:
        """Do the next part; the one after it is due at once, which is in the next turn."""
        left = _PART
        while left > 0 and self.waiting:
            cost = self._step(self.waiting[0], turn)
            if cost is None:
                self.waiting.popleft()
            else:
                left -= cost
        return Instant(turn.now + 1) if self.waiting else STOPPED
