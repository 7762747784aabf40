"""How much the control plane takes at once, and what a port asked beyond its share.

A batch is what happens between two publishes; timers, clients and the joins of quiet ports wait
for it. It is bounded by time: the fast path hands up frames for a budget of cost, and the budget
follows what the last batches took of the clock, so that it holds on a slow or busy machine too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from snoop.proto.units import MILLISECOND, SECOND, Instant

BATCH_NS: Final = 6 * MILLISECOND
BATCH_MAX_NS: Final = 10 * MILLISECOND
"""What is left of a batch then waits for the next turn: it cost more than it was thought to."""
REST: Final = 3  # A flood gets three quarters of a core at most, and leaves one.
BUDGET_MIN: Final = 32
BUDGET_MAX: Final = 2048


class Budget:
    """The cost of the next batch, in group records."""

    def __init__(self) -> None:
        """Start with what a slow machine takes in time."""
        self.cost = 128

    def spent(self, cost: int, elapsed_ns: int) -> int:
        """Take note of a batch; how long to rest after it, in nanoseconds.

        One that was not nearly full says nothing of a flood.
        """
        rest_ns = elapsed_ns // REST if cost >= self.cost else 0
        if cost < self.cost // 4 and elapsed_ns < BATCH_NS:
            return 0
        fitting = cost * BATCH_NS // max(elapsed_ns, 1)
        # Down at once, up slowly: a budget too large is what others wait for.
        wanted = min(fitting, self.cost + self.cost // 4 + 1)
        self.cost = max(BUDGET_MIN, min(BUDGET_MAX, wanted))
        return min(rest_ns, BATCH_NS)


class Refused:
    """Frames a port sent beyond its share, as news: by port, once in a while."""

    _EVERY: Final = SECOND
    _QUIET: Final = 10 * SECOND
    _LEFT: Final = 6 * SECOND
    """As long as what a flood leaves behind may wait: two seconds and 4096 records a port."""

    def __init__(self) -> None:
        """Start with nothing refused."""
        self.flooding = False
        """Was there more of them at a look, and may some of the flood wait still?"""
        self._flooded_until = Instant(0)
        self._look = Instant(0)
        self._total = 0
        self._seen: dict[int, int] = {}
        self._told: dict[int, Instant] = {}

    def due(self, now: Instant) -> bool:
        """Is it time to look at the counters again?"""
        if now < self._look:
            return False
        self._look = Instant(now + self._EVERY)
        return True

    def news(self, counts: Mapping[int, int], now: Instant) -> dict[int, int]:
        """Frames refused since the port was last told of, of those whose turn it is to be told."""
        total = sum(counts.values())
        if total > self._total:
            self._flooded_until = Instant(now + self._LEFT)
        self.flooding = now < self._flooded_until
        self._total = total
        found = {}
        for port, count in counts.items():
            more = count - self._seen.get(port, 0)
            if more > 0 and now >= self._told.get(port, Instant(0)):
                found[port] = more
                self._seen[port] = count
                self._told[port] = Instant(now + self._QUIET)
        return found
