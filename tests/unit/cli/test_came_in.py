"""What `show streams` says of a stream by its own numbers."""

from __future__ import annotations

import pytest

from snoop.cli.tables import came_in
from snoop.control import documents

NOTHING = dict.fromkeys(("lost", "reordered", "duplicates", "continuity_errors", "restarts"), 0)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "rtp whole"),
        ({"lost": 1200, "reordered": 3}, "rtp 1200 lost, 3 late"),
        ({"continuity_errors": 4, "duplicates": 2}, "rtp 4 errors, 2 twice"),
        ({"restarts": 1}, "rtp 1 anew"),
    ],
)
def test_each_count_has_its_word(counts: dict[str, int], said: str) -> None:
    whole = documents.Health(kind="rtp", packets=9, longest_gap_ms=1.0, **(NOTHING | counts))
    assert came_in(whole) == said
    assert came_in(None) is None
