"""One hostile host with everything there is, beside a viewer and a host that joins and leaves.

A short game of `tests/hostile`; `tests/hostile/run` plays long ones.
"""

from __future__ import annotations

import pytest

from hostile.arena import play


@pytest.mark.alone
@pytest.mark.parametrize(("timers", "seed"), [("short", 1), ("long", 2)])
def test_one_hostile_host_takes_nothing_from_the_others(timers: str, seed: int) -> None:
    outcome = play(seed=seed, seconds=12.0, timers=timers, patience=2.0)
    assert not outcome.faults, str(outcome)
