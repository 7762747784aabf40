"""Time as the protocol sees it: integer nanoseconds, passed in by the caller (TM-40).

`Instant` counts from an arbitrary zero that never moves back; `Duration` is a difference. Nothing
here or above reads a clock. `NEVER` is an instant that does not come: the deadline of whatever does
not age. Instant 0 never is a deadline either: state uses it for "not running".
"""

from collections.abc import Callable
from operator import add
from typing import TYPE_CHECKING, Final, NewType, TypeAlias

if TYPE_CHECKING:
    Instant = NewType("Instant", int)
    Duration = NewType("Duration", int)
else:  # what a new type does at run time is a call in Python, some twenty of them a report
    Instant = Duration = int

Ports: TypeAlias = int
"""A set of ports: bit `1 << port`."""

MILLISECOND: Final = Duration(1_000_000)
SECOND: Final = Duration(1_000_000_000)
NEVER: Final = Instant(1 << 62)
STOPPED: Final = Instant(0)


def seconds(value: float) -> Duration:
    """`value` seconds, rounded to whole nanoseconds."""
    return Duration(round(value * SECOND))


def to_seconds(duration: Duration) -> float:
    """A duration as the float seconds that people and JSON read."""
    return duration / SECOND


after: Final[Callable[[Instant, Duration], Instant]] = add
"""The instant `duration` after `now`."""


def left(deadline: Instant, now: Instant) -> Duration | None:
    """What is left of a timer: None if it never ends, at least 0 otherwise."""
    return None if deadline >= NEVER else Duration(max(0, deadline - now))


def port_ids(ports: Ports) -> list[int]:
    """The ids in a port set, lowest first."""
    ids = []
    while ports:
        lowest = ports & -ports
        ids.append(lowest.bit_length() - 1)
        ports ^= lowest
    return ids
