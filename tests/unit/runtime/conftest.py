"""A clock for tests of the plane: they hold however busy the machine is."""

from __future__ import annotations

from itertools import count

import pytest

from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock

MICROSECOND = 1000


@pytest.fixture
def own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes a microsecond, and nothing else takes any time."""
    looks = count(1000 * SECOND, MICROSECOND)
    monkeypatch.setattr(clock, "now", lambda: Instant(next(looks)))
