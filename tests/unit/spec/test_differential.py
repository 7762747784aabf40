"""Random sequences, engine against model: test idea 71 (spec 6); 10^5 of them for a release.

A sequence is what one group on one port goes through: records of all six kinds, v1 and v2 reports,
leaves, specific queries heard, between random lapses of time, while queriers come, go and change
their values; half of them are over IPv6.  Sixty-four groups run side by side in one engine, so each
also proves that the others leave it alone.  In the middle the engine is dumped and loaded.  Seeds
are fixed; the message of a failure is the sequence that failed.  SNOOP_SEQUENCES sets another
number of sequences.
"""

import os
import random

import pytest

from unit.model import SECOND
from unit.pair import HIGHER, LOWER, Pair

SEQUENCES = int(os.environ.get("SNOOP_SEQUENCES", "30000"))
CHUNKS = 20
GROUPS = 64
ROUNDS = 5
PORT = 1
SOURCES = [bytes((192, 0, 2, n)) for n in range(1, 5)]
UNSEEN = bytes((198, 51, 100, 1))
LAPSES = [0, 0.3, 0.5, 1, 1.5, 2, 3, 10, 58.7, 125, 190, 255, 258, 260, 269, 270, 300]


def group_address(number: int) -> bytes:
    """Every eighth group is in the SSM range."""
    first = 232 if number % 8 == 0 else 239
    return bytes((first, 1, number >> 8, number & 255))


def some(rng: random.Random) -> list[bytes]:
    return [source for source in SOURCES if rng.random() < 0.4]


def one_round(pair: Pair, rng: random.Random, history: dict[bytes, list]) -> None:
    """One step of every group, then perhaps a general query, then time."""
    records = []
    for group in history:
        choice = rng.random()
        step: tuple
        if choice < 0.65:
            step = (rng.randint(1, 6), group, some(rng))
            records.append(step)
        elif choice < 0.71:
            step = ("v2 report",)
            pair.v2_report(PORT, group)
        elif choice < 0.74:
            step = ("v1 report",)
            pair.v1_report(PORT, group)
        elif choice < 0.80:
            step = ("leave",)
            pair.leave(PORT, group)
        elif choice < 0.88:
            router = rng.choice([LOWER, HIGHER])
            sources = some(rng)
            code = rng.choice([5, 10, 30])
            suppress = rng.random() < 0.3
            step = ("query", router, sources, code, suppress)
            pair.specific_query(router, group, sources, code, suppress)
        else:
            step = ("nothing",)
        history[group].append(step)
    if records:
        pair.v3_report(PORT, records)
    common: list[object] = []
    if rng.random() < 0.3:
        asked = (
            rng.choice([LOWER, HIGHER]),
            *rng.choice([(2, 125), (3, 60), (0, 0), (2, 20), (7, 127)]),
        )
        pair.general_query(*asked)
        common.append(("general", *asked))
    lapse = rng.choice(LAPSES)
    pair.elapse(round(lapse * SECOND))
    common.append(lapse)
    for steps in history.values():
        steps.extend(common)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_sequences_agree_with_the_model(chunk: int) -> None:
    """Idea 71: filter mode, source sets, timers, compatibility and forwarding per source."""
    done = 0
    batch = 0
    while done < SEQUENCES // CHUNKS:
        rng = random.Random(1_000_000 * chunk + batch)
        mld = (chunk + batch // 2) % 2 == 1
        pair = Pair(querier=batch % 2 == 0, ports=2, sources=[*SOURCES, UNSEEN], mld=mld)
        groups = min(GROUPS, SEQUENCES // CHUNKS - done)
        history: dict[bytes, list] = {group_address(number): [] for number in range(groups)}
        if batch % 2:
            pair.general_query(LOWER, 2, 125)
        restart = rng.randrange(ROUNDS)
        for number in range(ROUNDS):
            one_round(pair, rng, history)
            if number == restart:
                pair.restart()
            for group in pair.differences():
                states = (pair.engine_state(), pair.model_state())
                mine, theirs = ({k: v for k, v in s.items() if k[0] == group} for s in states)
                pytest.fail(f"{history[group]}\nengine {mine}\nmodel  {theirs}")
        done += groups
        batch += 1
    assert done == SEQUENCES // CHUNKS
