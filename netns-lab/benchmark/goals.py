"""What this switch must reach, beside the kernel's bridge unless it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` of `subject` over the same of `against` must be at least (or, `at_most`, no more
    than) `ratio`.
    """

    figure: str
    ratio: float
    subject: str = "snoop"
    against: str = "bridge"
    at_most: bool = False
    against_item: str | None = None  # another item of the plan: itself under other conditions


# Frames/s without loss, by fan-out and size of the frame: hosts that take runs of datagrams, over
# IPv4 and IPv6 alike, and neighbours that do not.
RUNS = {
    (1, 64): 1.7,
    (3, 64): 2.8,
    (7, 64): 4.2,
    (15, 64): 9.0,
    (1, 1400): 1.5,
    (3, 1400): 2.3,
    (7, 1400): 4.0,
    (15, 1400): 7.0,
}
SINGLE_FRAMES = {1: 1.2, 3: 1.0, 7: 1.0, 15: 1.0}
AFXDP = {(3, 64): 2.5, (7, 64): 5.0}
# The same of many streams in turn, by how many and the fan-out.
IN_TURN = {(10, 3): 1.8, (10, 7): 2.5, (10_000, 1): 1.2, (10_000, 3): 1.0}
# CPU seconds of the whole machine for a million delivered datagrams, by frames/s.
PROCESSOR = {1_000: 1.2, 20_000: 1.1, 100_000: 1.1}

UNCOALESCED = Goal("zero loss", 1.0, subject="snoop-uncoalesced")
LATENCY = (
    Goal("p50 to port", 1.1, at_most=True),
    Goal("p99 to port", 1.1, at_most=True),
    Goal("p50 to process", 1.3, at_most=True),
    Goal("p50 to process", 1.0, subject="snoop-spin", at_most=True),
)
TCP = Goal("throughput", 1.2)
UNICAST = Goal("zero loss", 1.0)
JOIN = Goal("p50", 4.0, at_most=True)
FULL_TABLE = Goal("zero loss", 0.95, against="snoop", against_item="table1")


WATCHED = Goal("zero loss", 0.95, subject="snoop-media", against="snoop-unwatched")


def at_least(ratio: float | None, against: str = "bridge") -> tuple[Goal, ...]:
    """Frames/s without loss; nothing where there is no goal."""
    return (Goal("zero loss", ratio, against=against),) if ratio else ()


def of_vlans(figure: str) -> tuple[Goal, ...]:
    """VLANs cost nothing: each beside the same switch without them."""
    return tuple(
        Goal(figure, 0.97, subject=each, against="snoop")
        for each in ("snoop-access", "snoop-trunk")
    )
