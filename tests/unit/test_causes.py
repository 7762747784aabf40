"""The table of causes is whole: each word of `check` stands there, and each row has its test."""

from __future__ import annotations

import re
from pathlib import Path

from netns.troubles import TROUBLES
from snoop.control.causes import Cause
from unit.causes import PAGE, SILENT, rows

FILES = ("test_named.py", "test_named_limits.py", "test_healthy.py", "test_health.py")
OTHERS = Path(__file__).parents[1] / "netns"


def test_every_cause_is_in_the_table_or_named_below_it() -> None:
    """SAY-18."""
    below = set(re.findall(r"`([a-z_]+)`", PAGE.read_text().split("Words for what no row")[1]))
    said = {row.cause for row in rows().values()} - {SILENT}
    assert said | below == {cause.value for cause in Cause}


def test_every_row_is_set_up_on_real_interfaces() -> None:
    """In `test_causes.py`, or by its words in another file."""
    texts = [(OTHERS / name).read_text() for name in FILES]
    elsewhere = {title for title in rows() if any(f'"{title}"' in text for text in texts)}
    assert TROUBLES.keys() | elsewhere == rows().keys()
    assert not TROUBLES.keys() & elsewhere
