"""Topology changes of a network with a spanning tree: when to ask every host again.

RFC 4541 2.1.1(4), Q-14. At once, and then at most every ten seconds while more are told: the root
tells of one in every BPDU for half a minute, and any host can send as many as it likes.
"""

from typing import Final

from snoop.proto.units import SECOND, Duration, Instant, after

PAUSE: Final = Duration(10 * SECOND)


class Topology:
    """When a change was last followed, and whether another waits."""

    def __init__(self) -> None:
        """Nothing has changed."""
        self._next: Instant | None = None
        self._waits = False

    def hear(self, now: Instant) -> bool:
        """A change is told of: tell whether to follow it now; else `due` does, later."""
        if self._next is not None and now < self._next:
            self._waits = True
            return False
        self._next, self._waits = after(now, PAUSE), False
        return True

    def due(self, now: Instant) -> bool:
        """Tell whether one that waited is to be followed now."""
        return self._waits and self.hear(now)
