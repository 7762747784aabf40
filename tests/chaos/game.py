"""One game: steps in an order that the seed alone decides, and after each all that must hold.

    ./tests/chaos/run --seed 7 --minutes 10
    ./tests/chaos/run --seed 7 --steps 40                 # to see the fault of step 40 again
    ./tests/chaos/run --seed 7 --only kill --only reload  # some steps alone

A fault ends it (`--faults`): seed, all steps so far, and the state of the switch are printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos import (
    steps_config,
    steps_files,
    steps_hosts,
    steps_links,
    steps_own,
    steps_process,
    steps_vlans,
)
from chaos.media import health, judge_health
from chaos.network import Network, network
from chaos.soak import Soak
from chaos.steps import Step
from chaos.verify import Growth, converged, gone_on, itself, judge_cost, reset, wanted
from snoop.control.client import NoDaemon, Refused
from snoop.lab import LabError
from snoop.switch import SwitchError

STEPS: tuple[Step, ...] = (
    *steps_process.STEPS,
    *steps_links.STEPS,
    *steps_config.STEPS,
    *steps_vlans.STEPS,
    *steps_hosts.STEPS,
    *steps_own.STEPS,
    *steps_files.STEPS,
)
STAYING = {each.name for each in STEPS} - {each.name for each in steps_process.ENDING}
BEGIN_S = 20.0
SHOWN = ("mdb", "querier", "mrouters", "ports", "vlans", "streams", "counters", "config")
LOG_LINES = 60


@dataclass
class Outcome:
    """`steps` were taken in this order; `faults` begin with the number of theirs."""

    seed: int
    steps: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    state: str = ""

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {len(self.steps)} steps"]
        if self.faults:
            lines += [self.state, f"seed {self.seed}:"]
            lines += [f"  {number:3} {step}" for number, step in enumerate(self.steps, 1)]
            lines += [f"  FAULT {fault}" for fault in self.faults]
        return "\n".join(lines)


def play(
    *,
    seed: int,
    seconds: float = 1e9,
    steps: int = 1 << 30,
    least: int = 0,
    only: Sequence[str] = (),
    patience: float = 1.0,
    faults: int = 1,
    told: Callable[[Network, Outcome], None] = lambda net, outcome: None,
) -> Outcome:
    """A game of so many seconds and at `least` so many steps, of so many steps, or until there are
    so many `faults`; `told` is called after each step. `patience` multiplies the times allowed,
    for machines that do other things.
    """
    outcome = Outcome(seed)
    end = time.monotonic() + seconds
    with network(seed) as net:
        growth = Growth({})
        outcome.faults += [f"in the beginning, {each}" for each in converged(net, BEGIN_S)]
        while (
            len(outcome.faults) < faults
            and len(outcome.steps) < steps
            and (time.monotonic() < end or len(outcome.steps) < least)
        ):
            number = len(outcome.steps) + 1
            random = Random(f"{seed} {number}")
            possible = [each for each in STEPS if each.possible(net)]
            chosen = [each for each in possible if not only or each.name in only]
            if not chosen:
                break
            take(net, random.choice(chosen), random, outcome, growth, patience)
            told(net, outcome)
        if outcome.faults:
            outcome.state = state(net)
    return outcome


def take(
    net: Network, step: Step, random: Random, outcome: Outcome, growth: Growth, patience: float
) -> None:
    """One step, and what must hold after it."""
    before, whole = wanted(net), health(net)
    net.told.clear()
    reset(net)
    begin = time.monotonic()
    faults: list[str] = []
    took = None
    try:
        cost = step.do(net, random)
        took = time.monotonic() - begin
        found = gone_on(net, before, cost.within * patience)
        faults += converged(net, cost.within * patience)
        faults += judge_cost(before, net, found, cost)
        faults += judge_health(net, whole, cost)
        faults += itself(net)
        faults += growth.grown(net)
    except (AssertionError, OSError, LabError, SwitchError, Refused, NoDaemon) as error:
        faults.append(f"{type(error).__name__}: {error}")
    all_s = time.monotonic() - begin
    took = all_s if took is None else took
    told = ", ".join(net.told)
    outcome.faults += (f"{len(outcome.steps) + 1}: {each}" for each in faults)
    outcome.steps.append(f"{step.name}{': ' if told else ''}{told} ({took:.1f}, {all_s:.1f} s)")


def state(net: Network) -> str:
    """What the switch says of itself, and the end of its log."""
    said = [f"settings {net.settings}", f"hosts {net.hosts()}, wants {net.wants}"]
    for what in SHOWN:
        try:
            said.append(f"== {what}\n{net.switch.quick('show', what)}")
        except AssertionError as error:
            said.append(f"== {what}: {error}")
    log = net.switch.log.splitlines()[-LOG_LINES:]
    return "\n".join([*said, "== log", *log])


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/chaos/run", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=1 << 30, metavar="N")
    names = sorted({each.name for each in STEPS})
    parser.add_argument("--only", action="append", choices=names, default=[], metavar="STEP",
                        help="may be repeated: " + ", ".join(names))  # fmt: skip
    parser.add_argument("--patience", type=float, default=1.0, help="multiplies times allowed")
    parser.add_argument("--faults", type=int, default=1, metavar="N", help="that end it")
    parser.add_argument("--soak", action="store_true", help="rows of figures (soak.py)")
    parser.add_argument("--one-process", action="store_true",
                        help="no step that ends the switch")  # fmt: skip
    options = parser.parse_args()
    soak = Soak() if options.soak else None

    def told(net: Network, outcome: Outcome) -> None:
        if soak is not None:
            soak.look(net, outcome.steps)
        else:
            print(f"{len(outcome.steps):4} {outcome.steps[-1]}", flush=True)

    outcome = play(
        seed=options.seed,
        seconds=60 * options.minutes,
        steps=options.steps,
        only=options.only or [name for name in names if not options.one_process or name in STAYING],
        patience=options.patience,
        faults=options.faults,
        told=told,
    )
    print(outcome, flush=True)
    if soak is not None:
        print(soak, flush=True)
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
