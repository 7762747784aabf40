"""The only place that reads a clock for the protocol.

Layers 0–2 are handed `now`; the fast path stamps frames with the same CLOCK_MONOTONIC, so both
sides agree on what "five seconds ago" means (spec TM-40).
"""

from __future__ import annotations

import time

from snoop.proto.units import Instant


def now() -> Instant:
    """CLOCK_MONOTONIC in nanoseconds."""
    return Instant(time.monotonic_ns())


def wall() -> float:
    """Seconds since the epoch, for people and for capture files; never for ageing."""
    return time.time()
