"""What a scrape shows: of ninety counters a port those that moved, and all if that is asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from dataclasses import replace
from typing import Any

from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from snoop.control import metrics
from snoop.control.counters import everything
from snoop.control.metrics import ALWAYS, Endpoint, Moved
from snoop.control.sample import Sample
from snoop.control.tagged import Tagging
from unit import shown

NEVER = dict.fromkeys(everything(), 0)


def sample(ports: int = 2, **counts: dict[str, int]) -> Sample:
    """Of a switch whose ports have moved nothing but what is said."""
    names = [f"p{number}" for number in range(ports)]
    return Sample(
        switch="sw0", uptime=1.0, counters={},
        port_counters={name: {**NEVER, **counts.get(name, {})} for name in names},
        ports=[shown.port(name) for name in names], groups={(0, "ipv4"): 1}, members={"p1": 1},
        mrouters=[],
        queriers=[shown.querier()], streams=[shown.stream()], table_rows=1, fdb_entries=2,
    )  # fmt: skip


def text(moved: Moved | None, seen: Sample) -> str:
    """A scrape, as it leaves; None: of everything."""

    class Page:
        def collect(self) -> Any:
            return metrics.metrics(seen, moved.of) if moved else metrics.metrics(seen)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Page())
    return generate_latest(registry).decode()


def series(exposition: str, port: str) -> dict[str, float]:
    """The counters of a port, without what all have in common."""
    return {
        one.name.removeprefix("snoop_port_").removesuffix("_total"): one.value
        for family in text_string_to_metric_families(exposition)
        for one in family.samples
        if one.labels == {"port": port} and family.type == "counter"
    }


def test_streams_are_counted_by_who_serves_them() -> None:
    """Two series, whatever the number of streams."""
    seen = dataclasses.replace(sample(), paths={"ring": 3, "kernel": 2})
    lines = [line for line in text(None, seen).splitlines() if line.startswith("snoop_streams")]
    assert lines == ['snoop_streams{path="ring"} 3.0', 'snoop_streams{path="kernel"} 2.0']


def test_a_port_that_was_never_used_has_few_rows() -> None:
    """SAY-23."""
    moved = Moved()
    scraped = text(moved, sample(p1={"rx_frames": 7, "rx_bytes": 448, "no_member": 7}))
    assert series(scraped, "p0") == dict.fromkeys(ALWAYS, 0.0)
    assert series(scraped, "p1") == {
        "rx_frames": 7, "rx_bytes": 448, "tx_frames": 0, "lost": 0, "pruned": 7, "no_member": 7
    }  # fmt: skip
    whole = series(text(None, sample()), "p0")
    assert whole == dict.fromkeys([*NEVER, "lost", "pruned", "refused"], 0.0)


def test_a_counter_that_has_moved_stays() -> None:
    """SAY-23: a port that is made anew counts from zero, and no series comes and goes."""
    moved = Moved()
    text(moved, sample(p1={"tx_full": 2}))
    assert series(text(moved, sample()), "p1")["tx_full"] == 0
    gone = dataclasses.replace(sample(), port_counters={"p0": NEVER})
    assert not series(text(moved, gone), "p1")
    back = series(text(moved, sample(p0={"tx_mtu": 1})), "p1")
    assert back["tx_full"] == 0
    assert "tx_mtu" not in back


def test_a_scrape_of_many_ports_is_short_and_can_be_read() -> None:
    """SAY-23: 64 ports, some of them busy."""
    busy = dict.fromkeys(list(NEVER)[:20], 12345)
    seen = sample(64, **{f"p{number}": busy for number in range(8)})
    short, whole = text(Moved(), seen), text(None, seen)
    assert len(short) < 40_000 < 300_000 < len(whole)
    for exposition in (short, whole):
        families: list[Metric] = list(text_string_to_metric_families(exposition))
        names = [family.name for family in families]
        assert len(names) == len(set(names))
        assert all(family.documentation for family in families)
        ports = [family for family in families if family.name.startswith("snoop_port_")]
        assert all(family.samples for family in ports)


def test_the_endpoint_shows_everything_when_asked() -> None:
    """SAY-23: `?all`, with a value or without."""

    async def scene() -> list[bytes]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{probe.getsockname()[1]}"

        async def taken() -> Sample:
            return sample()

        endpoint = Endpoint(listen, loop=asyncio.get_running_loop(), sample=taken)
        address, port = listen.split(":")

        def ask(path: str) -> bytes:
            with socket.create_connection((address, int(port)), timeout=5) as client:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                return b"".join(iter(lambda: client.recv(1 << 16), b""))

        def work() -> list[bytes]:
            return [ask(path) for path in ("/metrics", "/metrics?all", "/metrics?x=1&all=1")]

        try:
            return await asyncio.to_thread(work)
        finally:
            await endpoint.close()

    short, *whole = asyncio.run(scene())
    assert short.startswith(b"HTTP/1.1 200 OK")
    assert b"snoop_port_lost_total" in short
    assert b"tx_full" not in short
    for answer in whole:
        assert b'snoop_port_tx_full_total{port="p0"} 0.0' in answer


def test_thousands_of_vlans_are_few_series() -> None:
    """4 094 VLANs on 64 ports: 64 of them have series, the named first; the rest are one."""
    every = range(1, 4095)
    seen = replace(
        sample(64),
        groups={(vid, "ipv4"): 2 for vid in every},
        mrouters=[shown.mrouter("10.0.0.1", f"p{n}", vlan=vid) for vid in every for n in range(64)],
        queriers=[shown.querier(vlan=vid) for vid in every],
        ports=[shown.port("p0", vlans=Tagging(pvid=1, tagged=["2-4094"])), shown.port("p1")],
        vlan_names={4000: "video"},
    )
    families = {one.name: one for one in text_string_to_metric_families(text(None, seen))}
    groups = {one.labels["vlan"]: one.value for one in families["snoop_groups"].samples}
    assert groups.keys() == {*map(str, range(1, 64)), "4000", "other"}
    assert groups["other"] == 2 * (4094 - 64)
    assert sum(groups.values()) == 2 * 4094
    assert len(families["snoop_mrouter"].samples) == 65 * 64
    assert len(families["snoop_querier"].samples) == 65
    (ports,) = families["snoop_port_vlans"].samples
    assert (ports.labels, ports.value) == ({"port": "p0"}, 4094)
    (info,) = families["snoop_vlan_info"].samples
    assert info.labels == {"vlan": "4000", "name": "video"}
