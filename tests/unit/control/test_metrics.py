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

from snoop.control import exposition, metered, metrics, requests
from snoop.control.causes import Cause
from snoop.control.counters import everything
from snoop.control.metrics import ALWAYS, GONE_MAX, Endpoint, Moved
from snoop.control.sample import STREAMS_MAX, Findings, Sample, taken, told
from snoop.control.tagged import Tagging
from unit import HANGS_S, shown

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


def test_a_port_that_is_held_is_not_up() -> None:
    """LOOP-3"""
    seen = dataclasses.replace(sample(), ports=[shown.port("p0"), shown.port("p1", loop=True)])
    lines = text(None, seen).splitlines()
    for port, up in (("p0", 1), ("p1", 0)):
        assert f'snoop_port_up{{port="{port}"}} {up}.0' in lines
        assert f'snoop_port_held{{port="{port}"}} {1 - up}.0' in lines


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


def test_ports_that_are_gone_are_forgotten_the_longest_gone_first() -> None:
    """SAY-23: each container that comes and goes is another name."""
    moved = Moved()
    moved.of({"p0": {"tx_full": 1}, "p1": {"tx_full": 1}})
    for number in range(GONE_MAX + 9):
        moved.of({"p0": {"tx_full": 0}, f"c{number}": {"tx_full": 1}})
    names = ("p0", "p1", "c0", f"c{GONE_MAX}")
    shown = moved.of({name: {"tx_full": 0} for name in names})
    assert [name for name, counts in shown.items() if counts] == ["p0", f"c{GONE_MAX}"]


def test_a_scrape_of_many_ports_is_short_and_can_be_read() -> None:
    """SAY-23: 64 ports, some of them busy."""
    busy = dict.fromkeys(list(NEVER)[:20], 12345)
    seen = sample(64, **{f"p{number}": busy for number in range(8)})
    short, whole = text(Moved(), seen), text(None, seen)
    assert len(short) < 40_000 < 300_000 < len(whole)
    for scraped in (short, whole):
        families: list[Metric] = list(text_string_to_metric_families(scraped))
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

        async def gathered() -> Sample:
            return sample()

        endpoint = Endpoint(listen, loop=asyncio.get_running_loop(), sample=gathered)
        address, port = listen.split(":")

        def ask(path: str) -> bytes:
            with socket.create_connection((address, int(port)), timeout=HANGS_S) as client:
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


def test_receivers_are_the_ports_a_stream_is_sent_to() -> None:
    seen = replace(sample(), streams=[shown.stream(egress=["p1", "p2"])])
    families = {one.name: one for one in text_string_to_metric_families(text(None, seen))}
    (receivers,) = families["snoop_stream_receivers"].samples
    assert receivers.value == 2
    assert receivers.labels["group"] == seen.streams[0].group


FOUND = Findings((("note", "host_stack", "", 1), ("problem", "no_querier", "ipv4", 2)), 3.5)


def test_findings_are_counted_by_cause() -> None:
    """No series has a port, group or host of theirs; before anybody has looked there is none."""
    families = {
        one.name: one
        for one in text_string_to_metric_families(text(None, replace(sample(), findings=FOUND)))
    }
    found = families["snoop_finding"].samples
    names = ("severity", "cause", "family")
    assert {tuple(one.labels[name] for name in names): one.value for one in found} == {
        ("note", "host_stack", ""): 1,
        ("problem", "no_querier", "ipv4"): 2,
    }
    assert all(one.labels.keys() == set(names) for one in found)
    assert families["snoop_finding_age_seconds"].samples[0].value == 3.5
    assert "snoop_finding" not in text(None, sample())


def test_a_sample_crosses_the_socket_whole() -> None:
    seen = replace(sample(), findings=FOUND, paths={"ring": 1})
    assert taken(requests.encode(told(seen))) == seen
    assert taken(requests.encode(told(sample()))) == sample()


def test_five_hundred_streams_on_256_ports_are_few_series() -> None:
    """W-23: what INTERFACE.md 4 says of it, with every port busy and every cause found."""
    busy = dict.fromkeys(list(NEVER)[:20], 12345)
    ports = [f"p{number}" for number in range(256)]
    seen = replace(
        sample(256, **dict.fromkeys(ports, busy)),
        streams=[
            shown.stream(group=f"239.1.{n >> 8}.{n & 255}", egress=ports) for n in range(500)
        ],
        findings=Findings(tuple((s, c.value, f, 9) for s in ("note", "problem") for c in Cause
                                for f in ("", "ipv4", "ipv6")), 0.0),
    )  # fmt: skip
    scraped = text(Moved(), seen)
    kinds: dict[str, int] = {}
    known = ("snoop_stream_", "snoop_port_", "snoop_finding")
    for family in text_string_to_metric_families(scraped):
        of = next((kind for kind in known if family.name.startswith(kind)), "")
        kinds[of] = kinds.get(of, 0) + len(family.samples)
    assert kinds["snoop_stream_"] == 4 * 500
    assert kinds["snoop_port_"] <= 256 * (10 + 20)
    assert kinds["snoop_finding"] <= 6 * len(Cause) + 1
    assert kinds[""] < 20
    assert len(scraped) < 1_000_000


def test_of_more_streams_than_have_series_the_busiest_have() -> None:
    streams = [
        shown.stream(group=f"239.1.{n >> 8}.{n & 255}", frames=n) for n in range(STREAMS_MAX + 50)
    ]
    seen = replace(sample(), streams=streams)
    families = {one.name: one for one in text_string_to_metric_families(text(None, seen))}
    frames = [one.value for one in families["snoop_stream_frames"].samples]
    assert (len(frames), min(frames)) == (STREAMS_MAX, 50)


def test_the_exposition_of_one_is_a_first_scrape_and_of_all_names_the_switch() -> None:
    seen = sample()
    assert exposition.of_one(seen) == text(Moved(), seen).encode()
    assert exposition.of_one(seen, everything=True) == text(None, seen).encode()
    whole = exposition.of_all({"sw0": seen, "gone": None}, {}).decode()
    families = {one.name: one for one in text_string_to_metric_families(whole)}
    assert {one.labels["switch"]: one.value for one in families["snoop_up"].samples} == {
        "sw0": 1, "gone": 0
    }  # fmt: skip
    assert {one.labels["switch"] for one in families["snoop_port_up"].samples} == {"sw0"}


def test_health_is_told_of_the_streams_that_have_it() -> None:
    whole: dict[str, Any] = {
        "kind": "rtp", "packets": 997, "lost": 3, "reordered": 2, "duplicates": 1,
        "longest_gap_ms": 40.5, "continuity_errors": 0,
    }  # fmt: skip
    streams = [shown.stream(health=whole), shown.stream(group="239.1.2.4")]
    seen = dataclasses.replace(sample(), streams=streams)
    lines = text(None, seen).splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line[0] != "#"]
    told = {series: float(value) for series, value in pairs}
    labels = '{family="ipv4",group="239.1.2.3",port="p0",source="10.0.0.9",vlan="0"}'
    assert {name: told[f"snoop_stream_{name}_total{labels}"] for name in metered.HEALTH} == {
        name: whole[name] for name in metered.HEALTH
    }
    assert told[f"snoop_stream_longest_gap_seconds{labels}"] == 0.0405
    assert not any("239.1.2.4" in line and "_lost" in line for line in lines)
