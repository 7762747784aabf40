"""From how many frames/s on what goes to every port is a storm, for `check` and `explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Storm(NamedTuple):
    """From so many frames/s on, what they are to people, and the counters of those among them that
    came over [[port]] storm_limit (LOOP-7).
    """

    most: int
    words: str
    over: tuple[str, ...]


UNREGISTERED = "forward_unregistered"
STORMS = {
    "flood_broadcast": Storm(1_000, "broadcast frames/s", ("storm_broadcast",)),
    "flood_unknown_unicast": Storm(
        2_000, "frames/s to an address that nobody answers from", ("storm_unknown_unicast",)
    ),
    UNREGISTERED: Storm(
        5_000,
        "frames/s of groups that nobody has joined",
        ("storm_unregistered", "storm_to_routers"),
    ),
}
"""Frames/s that come in at one port, by counter. Networks that are well have a hundredth of it."""
OVER = tuple(name for storm in STORMS.values() for name in storm.over)


def came_in(counts: Mapping[str, float], name: str) -> tuple[float, float]:
    """Of a kind of storm, how many came in, and how many of these over the limit."""
    over = sum(counts.get(each, 0) for each in STORMS[name].over)
    return counts.get(name, 0) + over, over
