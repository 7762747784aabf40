"""Work that touches thousands of things at once, done a part at a time.

Frames, timers and clients have their turn between two parts. A chore is an iterator: each step does
a bit, in the turn it falls in (`turn`), and yields what it cost. The first part
is done at once, so that what is small is done when it is asked for.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from snoop.proto.deadlines import Deadlines
from snoop.proto.effects import Turn
from snoop.proto.units import STOPPED, Instant

_PART: Final = 150
"""What a turn takes: in memberships that end, some 20 us each with their rows."""


class Chores:
    """What is still to be done, in the order it was asked for."""

    __slots__ = ("_deadlines", "_waiting", "armed", "turn")

    def __init__(self, deadlines: Deadlines, now: Instant) -> None:
        """Start with nothing to do."""
        self._deadlines = deadlines
        self._waiting: deque[Iterator[int]] = deque()
        self.armed: Instant = STOPPED
        self.turn = Turn(now)

    def begin(self, chore: Iterator[int], turn: Turn) -> None:
        """Do the first part, if nothing else waits, and have the rest done later."""
        self._waiting.append(chore)
        if len(self._waiting) == 1:
            self._deadlines.arm(self, self.fire(turn))

    def finish(self, turn: Turn) -> None:
        """Do all of it now."""
        while self._waiting:
            self.fire(turn)

    def fire(self, turn: Turn) -> Instant:
        """Do the next part; the one after it is due at once, which is in the next turn."""
        self.turn = turn
        left = _PART
        while left > 0 and self._waiting:
            cost = next(self._waiting[0], None)
            if cost is None:
                self._waiting.popleft()
            else:
                left -= cost
        self.turn = Turn(turn.now)  # holds on to nothing that was said
        return Instant(turn.now + 1) if self._waiting else STOPPED
