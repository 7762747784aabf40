"""The exposition of all switches: each switch's own metrics, with a label `switch`.

A switch that does not answer has `snoop_up` 0 and no other series.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from snoop.control.client import Refused
from snoop.control.metrics import Moved, metrics
from snoop.control.sample import Sample, taken
from snoop.web.asking import Line, Unreachable

SCRAPES_MAX = 4  # switches asked at once


class Scraped:
    """What scrapes before have shown, and that one goes on at a time."""

    def __init__(self) -> None:
        self.one = asyncio.Lock()
        self.moved: dict[str, Moved] = {}


async def exposition(
    found: dict[str, str], scraped: Scraped, *, everything: bool = False
) -> tuple[bytes, str]:
    """The text and its type; with `everything` also counters that never moved."""
    async with scraped.one:
        at_once = asyncio.Semaphore(SCRAPES_MAX)
        asked = [_sample(path, at_once) for path in found.values()]
        samples = dict(zip(found, await asyncio.gather(*asked), strict=True))
        for name in scraped.moved.keys() - found.keys():
            del scraped.moved[name]
        body = await asyncio.to_thread(_written, samples, scraped, everything)
        return body, CONTENT_TYPE_LATEST


async def _sample(path: str, at_once: asyncio.Semaphore) -> Sample | None:
    line = Line(path)
    try:
        async with at_once:
            return taken(bytes(await line.raw("sample")))
    except (Refused, Unreachable, msgspec.DecodeError):
        return None
    finally:
        line.close()


class _All(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _written(samples: dict[str, Sample | None], scraped: Scraped, everything: bool) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    families = list(merged(samples, {} if everything else scraped.moved, everything=everything))
    registry.register(_All(families))
    return generate_latest(registry)


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
