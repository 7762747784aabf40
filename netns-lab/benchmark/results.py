"""The collected figures, their medians and ratios, and where they were taken. No printing here."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.goals import Goal
from benchmark.items import Item
from benchmark.measures import Figures


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of the rounds."""

    median: float
    least: float
    greatest: float
    rounds: int

    @classmethod
    def of(cls, values: list[float]) -> Spread | None:
        """None when there is nothing to summarise."""
        if not values:
            return None
        return cls(median(values), min(values), max(values), len(values))

    def json(self) -> dict[str, float]:
        return {
            "median": self.median,
            "min": self.least,
            "max": self.greatest,
            "rounds": self.rounds,
        }


@dataclass(slots=True)
class Results:
    """`rounds[item key][contestant]` is a list of one round's figures each, in the order they were
    run.
    """

    rounds: dict[str, dict[str, list[Figures]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    troubles: list[str] = field(default_factory=list)
    disturbed: int = 0  # rounds begun while something else kept the machine busy

    def add(self, item: Item, contestant: str, figures: Figures) -> None:
        self.rounds[item.key][contestant].append(figures)

    def any(self) -> bool:
        """Whether any round has a figure."""
        return any(each for item in self.rounds.values() for each in chain(*item.values()))

    def take(self, document: dict[str, Any]) -> None:
        """What was not measured now, from an earlier `to_json`."""
        for item in document["items"]:
            if item["key"] not in self.rounds:
                self.rounds[item["key"]].update(item["rounds"])

    def values(self, key: str, contestant: str, figure: str) -> list[float | None]:
        rounds = self.rounds.get(key, {}).get(contestant, [])
        return [figures.get(figure) for figures in rounds]

    def spread(self, key: str, contestant: str, figure: str) -> Spread | None:
        values = self.values(key, contestant, figure)
        return Spread.of([value for value in values if value is not None])

    def ratio(
        self, key: str, figure: str, subject: str, against: str, against_key: str | None = None
    ) -> Spread | None:
        """Subject over peer, round by round: what was measured one after the other is compared."""
        mine = self.values(key, subject, figure)
        theirs = self.values(against_key or key, against, figure)
        pairs = zip(mine, theirs, strict=False)
        return Spread.of([a / b for a, b in pairs if a is not None and b])

    def goal(self, item: Item, goal: Goal) -> tuple[Spread, bool] | None:
        """The ratio and whether its median reaches the goal; None when it was not measured."""
        found = self.ratio(item.key, goal.figure, goal.subject, goal.against, goal.against_item)
        if found is None:
            return None
        held = found.median <= goal.ratio if goal.at_most else found.median >= goal.ratio
        return found, held


def to_json(results: Results, items: list[Item], settings: dict[str, Any]) -> dict[str, Any]:
    """The document of `--json`: machine, settings, per item rounds, medians, ratios and goals."""
    return {
        "machine": machine(),
        "settings": settings,
        "items": [item_json(results, item) for item in items if item.key in results.rounds],
        "rounds_disturbed": results.disturbed,
        "troubles": results.troubles,
    }


def item_json(results: Results, item: Item) -> dict[str, Any]:
    measured = results.rounds[item.key]
    figures: dict[str, Any] = {}
    for figure, unit in item.units.items():
        spreads = {name: results.spread(item.key, name, figure) for name in measured}
        ratios = {
            name: results.ratio(item.key, figure, "snoop", name)
            for name in measured
            if name != "snoop"
        }
        figures[figure] = {
            "unit": unit,
            "contestants": {name: each.json() for name, each in spreads.items() if each},
            "snoop_over": {name: each.json() for name, each in ratios.items() if each},
        }
    goals = []
    for goal in item.goals:
        if outcome := results.goal(item, goal):
            goals.append(
                {
                    "figure": goal.figure,
                    "subject": goal.subject,
                    "against": goal.against,
                    "against_item": goal.against_item,
                    "bound": "at most" if goal.at_most else "at least",
                    "ratio": goal.ratio,
                    "measured": outcome[0].json(),
                    "held": outcome[1],
                }
            )
    return {
        "key": item.key,
        "title": item.title,
        "figures": figures,
        "goals": goals,
        "rounds": {name: list(each) for name, each in measured.items()},
    }


def machine() -> dict[str, Any]:
    """What RFC 2544 asks to disclose, as far as a virtual machine knows it."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "kernel": platform.release(),
        "cpu": model,
        "cores": os.cpu_count(),
        "pinning": "none",
        "open_vswitch": version("ovs-vswitchd"),
        "load_average": os.getloadavg()[0],
    }


def version(program: str) -> str | None:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    except OSError:
        return None
    return done.stdout.splitlines()[0] if done.stdout else None
