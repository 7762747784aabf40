"""The exposition as text: of one switch, as its endpoint gives it, or of several in one.

Of several each sample has a label `switch`, and one that does not answer has `snoop_up` 0 and no
other series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from snoop.control.metrics import Moved, metrics
from snoop.control.sample import Sample


def of_one(sample: Sample, *, everything: bool = False) -> bytes:
    """The text of a first scrape; with `everything` also counters that never moved."""
    return _written(metrics(sample) if everything else metrics(sample, Moved().of))


def of_all(
    samples: dict[str, Sample | None], moved: dict[str, Moved], *, everything: bool = False
) -> bytes:
    """The text of several switches by name, None: it did not answer; `moved`: as of the last."""
    return _written(merged(samples, moved, everything=everything))


def merged(
    samples: dict[str, Sample | None], moved: dict[str, Moved], *, everything: bool
) -> Iterator[Metric]:
    """One family of each name, with the samples of all switches."""
    up = GaugeMetricFamily("snoop_up", "1: the switch answers.", labels=["switch"])
    families: dict[str, Metric] = {}
    for name, sample in samples.items():
        up.add_metric([name], sample is not None)
        if sample is None:
            continue
        shown = dict if everything else moved.setdefault(name, Moved()).of
        for family in metrics(sample, shown):
            whole = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for each in family.samples:
                whole.add_sample(each.name, {"switch": name, **each.labels}, each.value)
    yield up
    yield from families.values()


class _All(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _written(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All(list(families)))
    return generate_latest(registry)
