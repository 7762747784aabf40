"""Whatever a host sent, the next process takes what it is handed.

One thing heard that makes a state which the next one refuses, and a frame has kept a switch from
being restarted, and from going on after a crash, for as long as it is remembered.
"""

from __future__ import annotations

import random

import pytest

from snoop.proto.units import Instant, seconds
from unit.crossing import hand_up
from unit.device import P1, P2, P3, Device, R
from unit.spec.test_robustness import SEEDS, SEEDS6, lived_in, lived_in6, mutate
from unit.twin import reloaded

LIVES, LIFETIME = 16, 100


@pytest.mark.parametrize("life", range(LIVES))
def test_whatever_was_heard_the_next_process_takes_it(life: int) -> None:
    """Valid frames and damaged ones from every port, with time in between."""
    rng = random.Random(life)
    dut: Device = (lived_in, lived_in6)[life % 2]()
    seeds = (SEEDS, SEEDS6)[life % 2]
    engine, now = dut.engine, int(dut.now)
    for number in range(LIFETIME):
        frame = mutate(rng, seeds) if rng.random() < 0.5 else rng.choice(seeds)
        hand_up(engine, port=rng.choice((R, P1, P2, P3)), frame=frame, now=Instant(now))
        if rng.random() < 0.2:
            now += seconds(rng.choice((0.001, 0.3, 1, 7, 130)))
            engine.advance(Instant(now))
        if number % 10 == 9:
            engine = reloaded(engine, dut.params, dut.port_params, now)
