"""Reloading while a stream runs: not one datagram of it is lost, whatever else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netns.star import QUERIER, names, star

GROUP, OTHER = "239.24.0.1", "239.24.0.2"
COUNT, RATE = 16_000, 4_000


def test_reloads_of_every_kind_lose_no_datagram_and_no_membership() -> None:
    """Policies, limits, timers, static entries, the querier's address, a port out and in again:
    each by `snoop reload`, in turn, for as long as the stream runs."""
    with star(5) as net:
        net.h(1).join(GROUP)
        net.h(2).filter(GROUP, "include", [net.h(0).address])
        net.switch.wait_members(GROUP, {"p1", "p2"})
        before = {port: net.switch.row(GROUP, port) for port in ("p1", "p2")}
        net.h(1).reset()
        net.h(2).reset()
        stream = net.h(0).start("send", destination=GROUP, count=COUNT, rate=RATE, size=400)
        done: set[str] = set()
        base = dict(net.switch.config)
        while net.h(1).wire(GROUP).datagrams < COUNT * 3 // 4:
            for kind, config in changes(base):
                net.switch.configure(config)
                net.switch.quick("reload")
                done.add(kind)
        stream.result()
        net.lab.settle(net.h(0))
        assert len(done) == 8, done
        for host in (net.h(1), net.h(2)):
            got = host.app(GROUP)
            assert (got.unique, got.duplicates, got.reordered, got.corrupt) == (COUNT, 0, 0, 0)
        for port, row in before.items():
            now = net.switch.row(GROUP, port)
            assert row is not None
            assert now is not None
            assert now["uptime"] > row["uptime"]
        assert net.reached(GROUP) == names(1, 2)


def changes(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each kind of change, then everything as it was."""
    ports = config["port"]
    yield (
        "policy",
        {**config, "switch": {"unregistered": "drop", "specific_query_scope": "members"}},
    )
    yield "groups that flood", {**config, "switch": {"always_flood": ["224.0.1.129", OTHER]}}
    yield "timers", {**config, "igmp": {**config["igmp"], "robustness": 3, "query_interval": 0.9}}
    yield "querier", {**config, "igmp": {**config["igmp"], "querier_address": "10.0.0.253"}}
    yield "limits", {**config, "igmp": {**config["igmp"], "max_groups": 50, "max_sources": 8}}
    yield "static", {**config, "static": [{"group": OTHER, "ports": ["p3"]}]}
    yield "port", {**config, "port": [each for each in ports if each["name"] != "p4"]}
    assert config["igmp"]["querier_address"] == QUERIER
    yield "back", config
