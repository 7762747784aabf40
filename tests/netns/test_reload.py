"""Reloading while a stream runs: not one datagram of it is lost, whatever else changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from netns.star import QUERIER, Star, names, star
from snoop.lab import wait_until

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
        assert len(done) == 9, done
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
    yield "way out", {**config, "switch": {"qdisc_bypass": False}}
    yield "groups that flood", {**config, "switch": {"always_flood": ["224.0.1.129", OTHER]}}
    yield "timers", {**config, "igmp": {**config["igmp"], "robustness": 3, "query_interval": 0.9}}
    yield "querier", {**config, "igmp": {**config["igmp"], "querier_address": "10.0.0.253"}}
    yield "limits", {**config, "igmp": {**config["igmp"], "max_groups": 50, "max_sources": 8}}
    yield "static", {**config, "static": [{"group": OTHER, "ports": ["p3"]}]}
    yield "port", {**config, "port": [each for each in ports if each["name"] != "p4"]}
    assert config["igmp"]["querier_address"] == QUERIER
    yield "back", config


def test_a_vlan_taken_out_takes_its_querier_with_it() -> None:
    """SAY-6: no role, no query on the wire, while the untagged querier goes on."""
    own = {"vid": 10, "querier": "on", "querier_address": "10.10.0.254"}
    with star(3, vlan=[own]) as net:
        wait_until(lambda: asks(net)[10], within=20, what="a query in VLAN 10")
        assert roles(net)[10] == ("querier", "10.10.0.254")
        net.switch.configure({**net.switch.config, "vlan": []})
        net.switch.quick("reload")
        assert roles(net).get(10, ("none", None))[0] == "none"
        net.lab.settle(net.h(0))
        for host in net.lab.hosts:
            host.reset()
        # Three rounds: what the VLAN's querier had armed would have come in the first.
        wait_until(lambda: asks(net)[0] >= 3, within=20, what="three untagged queries")
        assert asks(net)[10] == 0
        assert 10 not in roles(net)


def roles(net: Star) -> dict[int, tuple[str, str]]:
    rows = net.switch.show("querier", family="ipv4")["queriers"]
    return {row["vlan"]: (row["role"], row["address"]) for row in rows}


def asks(net: Star) -> Counter[int]:
    """How many queries h1 heard in each VLAN since it was reset."""
    heard: Counter[int] = Counter()
    for frame in net.igmp_seen(1):
        tagged = frame[12:14] == b"\x81\x00"
        packet = frame[18 if tagged else 14 :]
        if packet[4 * (packet[0] & 15)] == 0x11:
            heard[int.from_bytes(frame[14:16]) & 0xFFF if tagged else 0] += 1
    return heard


def test_a_key_that_takes_a_restart_waits_and_may_be_put_back() -> None:
    """SAY-7: by a reload of the running switch."""
    with star(2, pruning=False) as net:
        base = net.switch.config

        def reload(**switch: Any) -> list[str]:
            net.switch.configure({**base, "switch": {**base["switch"], **switch}})
            said: list[str] = json.loads(net.switch.quick("reload", "--json"))["needs_restart"]
            return said

        assert reload(workers=2, unregistered="drop") == ["[switch] workers"]
        shown = net.switch.show("config")
        assert (shown["switch"]["workers"], shown["switch"]["unregistered"]) == (1, "drop")
        assert shown["pending"] == {"switch.workers": 2}
        assert shown["origins"]["switch.unregistered"] == "file"
        text = net.switch.quick("show", "config")
        assert text.endswith("# waits for a restart: switch.workers = 2\n")
        assert reload(workers=2) == ["[switch] workers"]
        assert reload() == []
        assert net.switch.show("config")["pending"] == {}
