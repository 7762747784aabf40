"""Frames and bits a second of each stream, from two looks at the fast path's totals.

Nothing is sampled while nobody asks. The first answer compares two looks a short while apart; a
stream with too few frames between them is given its average since it began, as long as it is
still running. Anybody who asks repeatedly gets the rate since the last time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from snoop.proto.units import SECOND, Instant

# A look is good for comparing with from 0.2 s (enough frames) to 15 s (still "now").
YOUNG_NS = SECOND // 5
OLD_NS = 15 * SECOND
FRAMES_MIN = 5
RUNNING_NS = 2 * SECOND

Totals = dict[Hashable, tuple[int, int]]
"""Frames and bytes by stream."""


class Total(Protocol):
    """What a stream counts."""

    @property
    def frames(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def first_ns(self) -> int: ...
    @property
    def last_ns(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rate:
    frames_per_s: float
    bits_per_s: float


STILL = Rate(0.0, 0.0)


class Look:
    """The totals of all streams at one moment, taken a stream at a time.

    A stream is added before its rate is asked for.
    """

    def __init__(self, now: Instant, before: Look | None) -> None:
        self.at = now
        self.totals: Totals = {}
        # Not the look itself, which has one before it.
        self._before = None if before is None else (before.at, before.totals)

    def add(self, key: Hashable, total: Total) -> None:
        """Take a stream's totals."""
        self.totals[key] = total.frames, total.bytes

    def rate(self, key: Hashable, total: Total) -> Rate:
        """How fast a stream is."""
        return _rate(total, key, self._before, self.at)


class Rates:
    """Remembers the last looks."""

    def __init__(self) -> None:
        self._looks: list[Look] = []

    def ready(self, now: Instant) -> bool:
        """Is there an earlier look to compare with?"""
        return self._before(now) is not None

    def look(self, now: Instant) -> Look:
        """Begin a look."""
        return Look(now, self._before(now))

    def keep(self, look: Look) -> None:
        """Have those to come compared with a look that is whole."""
        self._looks = [old for old in self._looks[-1:] if look.at - old.at <= OLD_NS]
        self._looks.append(look)

    def _before(self, now: Instant) -> Look | None:
        for look in reversed(self._looks):
            if YOUNG_NS <= now - look.at <= OLD_NS:
                return look
        return None


def _rate(
    total: Total,
    key: Hashable,
    base: tuple[Instant, Totals] | None,
    now: Instant,
) -> Rate:
    if base is not None:
        taken, before = base
        frames, octets = before.get(key, (0, 0))
        # A stream younger than the look had nothing before it; a recycled slot counts anew.
        since = max(taken, total.first_ns) if key not in before else taken
        if total.frames - frames >= FRAMES_MIN and now > since:
            seconds = (now - since) / SECOND
            return Rate((total.frames - frames) / seconds, (total.bytes - octets) * 8 / seconds)
    lasted = total.last_ns - total.first_ns
    if now - total.last_ns > RUNNING_NS or lasted <= 0 or total.frames < 2:
        return STILL
    # n frames have n - 1 gaps between them.
    share = (total.frames - 1) / total.frames
    return Rate((total.frames - 1) * SECOND / lasted, total.bytes * share * 8 * SECOND / lasted)
