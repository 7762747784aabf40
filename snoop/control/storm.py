"""From how many frames/s on what goes to every port is a storm, for `check` and `explain`."""

from __future__ import annotations

UNREGISTERED = "forward_unregistered"
STORMS = {
    "flood_broadcast": (1_000, "broadcast frames/s"),
    "flood_unknown_unicast": (2_000, "frames/s to an address that nobody answers from"),
    UNREGISTERED: (5_000, "frames/s of groups that nobody has joined"),
}
"""Frames/s that come in at one port, by counter. Networks that are well have a hundredth of it."""
