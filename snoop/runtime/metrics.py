"""The Prometheus endpoint: the switch's own counters and state, read when scraped.

prometheus-client serves from a thread of its own; what it shows is gathered in the control thread,
which alone may touch the plane. A scrape that the control thread does not answer in time fails, and
the switch does not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from snoop.runtime.meanings import meaning
from snoop.runtime.sample import Sample

SCRAPE_SECONDS = 5.0
STREAMS_MAX = 1000


class Endpoint(Collector):
    """Serves /metrics on `listen` ("ADDRESS:PORT") until the process ends; OSError if it cannot."""

    def __init__(
        self, listen: str, *, loop: asyncio.AbstractEventLoop, sample: Callable[[], Sample]
    ) -> None:
        self._loop = loop
        self._sample = sample
        address, _, port = listen.rpartition(":")
        registry = CollectorRegistry(auto_describe=False)
        self._silent = True
        registry.register(self)
        self._silent = False
        start_http_server(int(port), addr=address.strip("[]") or "0.0.0.0", registry=registry)

    def collect(self) -> Iterable[Metric]:
        """Called by the serving thread."""
        if self._silent:
            return []

        async def gather() -> Sample:
            return self._sample()

        future = asyncio.run_coroutine_threadsafe(gather(), self._loop)
        return list(metrics(future.result(SCRAPE_SECONDS)))


def metrics(sample: Sample) -> Iterable[Metric]:
    """The metrics of one scrape; names start with `snoop_`."""
    yield _gauge("snoop_uptime_seconds", "Since the switch started.", sample.uptime)
    yield _gauge("snoop_table_rows", "Group rows in the fast path.", sample.table_rows)
    yield _gauge("snoop_fdb_entries", "Unicast addresses learned.", sample.fdb_entries)
    errors = CounterMetricFamily("snoop_internal_errors", "Frames that hit a bug of ours.")
    errors.add_metric([], sample.counters.get("internal_errors", 0))
    yield errors
    yield from _ports(sample.port_counters)
    up = GaugeMetricFamily("snoop_port_up", "1: the port forwards.", labels=["port"])
    for row in sample.ports:
        up.add_metric([row["name"]], row["state"] == "up")
    yield up
    takes = GaugeMetricFamily(
        "snoop_port_takes_runs", "1: runs of datagrams leave in one send.", labels=["port"]
    )
    for row in sample.ports:
        takes.add_metric([row["name"]], row["takes_runs"])
    yield takes
    groups = GaugeMetricFamily("snoop_groups", "Groups with members.", labels=["vlan"])
    for vlan, count in sample.groups.items():
        groups.add_metric([str(vlan)], count)
    yield groups
    members = GaugeMetricFamily("snoop_port_groups", "Groups of a port.", labels=["port"])
    for port, count in sample.members.items():
        members.add_metric([port], count)
    yield members
    routers = GaugeMetricFamily(
        "snoop_mrouter", "1 for each reason for a router port.", labels=["vlan", "port", "origin"]
    )
    for key in sorted({(str(r["vlan"]), r["port"], r["origin"]) for r in sample.mrouters}):
        routers.add_metric(list(key), 1)
    yield routers
    querier = GaugeMetricFamily(
        "snoop_querier", "1: the querier of a VLAN.", labels=["vlan", "role", "address"]
    )
    for row in sample.queriers:
        querier.add_metric([str(row["vlan"]), row["role"], row["address"] or ""], 1)
    yield querier
    yield from _streams(sample.streams)


def _ports(counters: dict[str, dict[str, int]]) -> Iterable[Metric]:
    """A metric a counter, so that a sum over ports never mixes two things."""
    names = sorted({name for counts in counters.values() for name in counts})
    for name in names:
        family = CounterMetricFamily(f"snoop_port_{name}", meaning(name), labels=["port"])
        for port, counts in counters.items():
            family.add_metric([port], counts.get(name, 0))
        yield family


def _streams(rows: list[dict[str, Any]]) -> Iterable[Metric]:
    """The busiest streams: each is a set of labels, and anybody can make one."""
    labels = ["vlan", "source", "group", "port"]
    frames = CounterMetricFamily("snoop_stream_frames", "Frames of a stream.", labels=labels)
    octets = CounterMetricFamily("snoop_stream_bytes", "Bytes of a stream.", labels=labels)
    wanted = GaugeMetricFamily("snoop_stream_registered", "1: has members.", labels=labels)
    busiest = sorted(rows, key=lambda row: row["frames"], reverse=True)[:STREAMS_MAX]
    for row in busiest:
        values = [str(row["vlan"]), row["source"], row["group"], row["port"]]
        frames.add_metric(values, row["frames"])
        octets.add_metric(values, row["bytes"])
        wanted.add_metric(values, row["registered"])
    yield from (frames, octets, wanted)


def _gauge(name: str, text: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(name, text)
    gauge.add_metric([], value)
    return gauge
