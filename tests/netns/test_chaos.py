"""Restarts, deaths, reloads, cables and floods in random order, beside streams and a churn.

Short games of `tests/chaos`; `tests/chaos/run` plays long ones.
"""

from __future__ import annotations

import pytest

from chaos import game
from chaos.network import STREAMS, VIEWER, Network, network
from chaos.verify import FREE, converged, gone_on, judge_cost, look, reset, wanted
from snoop.lab import wait_until

SECONDS = 60.0
PATIENCE = 3.0  # five other labs are played with beside it


@pytest.mark.parametrize("seed", [1, 2])
def test_after_every_step_streams_reach_their_members_and_nobody_else(seed: int) -> None:
    outcome = game.play(seed=seed, seconds=SECONDS, least=6, patience=PATIENCE)
    assert not outcome.faults, str(outcome)
    assert len(outcome.steps) > 5


def paths(net: Network) -> list[str]:
    rows = {row["group"]: row["path"] for row in net.switch.streams()}
    return [rows[stream.group] for stream in STREAMS[:2]]


def received(net: Network) -> int:
    return net.switch.counters("p0")["rx_frames"]


def test_what_no_step_has_told_of_is_a_fault() -> None:
    """A member that is none, a short loss, a cable that is out."""
    with network(1) as net:
        assert not converged(net, within=20.0 * PATIENCE)
        wait_until(lambda: paths(net) == ["kernel", "ring"], within=5.0 * PATIENCE)
        del net.wants[VIEWER, "239.1.1.2"]
        assert any("unwanted of 'any source, by the rings'" in fault for fault in look(net))
        net.wants[VIEWER, "239.1.1.2"] = frozenset()
        before = wanted(net)
        reset(net)
        net.lab.set_port(f"p{VIEWER}", "down")
        came_in = received(net)
        wait_until(lambda: received(net) > came_in + 100, within=10.0 * PATIENCE)
        net.lab.set_port(f"p{VIEWER}", "up")
        found = gone_on(net, before, 20.0)
        assert any("lost" in fault for fault in judge_cost(before, net, found, FREE))
        net.lab.set_port(f"p{VIEWER}", "down")
        assert any("does not come" in fault for fault in look(net))
