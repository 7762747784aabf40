"""Topology changes of a network with a spanning tree: when to follow one.

RFC 4541 2.1.1(4), Q-14. At once; while more are told after ten seconds, then after twenty, up to
160: the root tells of a change in every BPDU for half a minute, and any host can tell of as many as
it likes. After a minute without any the next one is followed at once again. Another switch of this
kind tells of each change once (LOOP-8), and the next is a new one: there it begins with a second.
"""

from typing import Final

from snoop.proto.units import SECOND, Duration, Instant, after

PAUSE: Final = Duration(10 * SECOND)
PAUSE_MAX: Final = Duration(160 * SECOND)
QUIET: Final = Duration(60 * SECOND)


class Topology:
    """When a change was last followed, and whether another waits."""

    def __init__(self, pause: Duration = PAUSE) -> None:
        """Nothing has changed; `pause` after the first."""
        self._first_pause = pause
        self._next: Instant | None = None
        self._heard: Instant | None = None
        self._pause = pause
        self._waits = False

    def hear(self, now: Instant) -> bool:
        """A change is told of: tell whether to follow it now; else `due` does, later."""
        if self._heard is None or now - self._heard >= QUIET:
            self._next, self._pause = None, self._first_pause
        self._heard = now
        if self._next is not None and now < self._next:
            self._waits = True
            return False
        self._follow(now)
        return True

    def due(self, now: Instant) -> bool:
        """Tell whether one that waited is to be followed now."""
        if not self._waits or self._next is None or now < self._next:
            return False
        self._follow(now)
        return True

    def _follow(self, now: Instant) -> None:
        self._next, self._waits = after(now, self._pause), False
        self._pause = min(Duration(2 * self._pause), PAUSE_MAX)
