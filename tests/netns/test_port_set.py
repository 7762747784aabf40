"""`snoop port set` and reloads on a switch that filters: what is not concerned notices nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from netns.star import IGMP
from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop

GROUP, FIXED = "239.25.0.1", "239.25.0.2"
COUNT, RATE, CHANGES = 160_000, 20_000, 50
VLANS: dict[str, Any] = {"p0": 10, "p1": 10, "p2": [10, "20-29"], "p3": 20, "p4": 20}


@contextmanager
def filtering(vlans: Mapping[str, Any] = VLANS, **tables: Any) -> Iterator[tuple[Lab, Snoop]]:
    with Lab(len(vlans)) as lab:
        switch = lab.switch(config={"igmp": IGMP, **tables}, vlans=vlans)
        wait_until(lambda: prunes(switch, 10), within=20, what="pruning in VLAN 10")
        yield lab, switch
        assert switch.process is not None
        assert switch.process.poll() is None, switch.log


def prunes(switch: Snoop, vlan: int) -> bool:
    rows = switch.show("querier", vlan=vlan, family="ipv4")["queriers"]
    return bool(rows) and all(row["pruning"] for row in rows)


def file_of(config: Mapping[str, Any], **ports: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with other keys of some ports."""
    made = [
        {"name": one["name"], **ports[one["name"]]} if one["name"] in ports else one
        for one in config["port"]
    ]
    return {**config, "port": made}


@pytest.mark.alone
def test_a_stream_loses_nothing_while_ports_of_another_vlan_change() -> None:
    """VLAN-9: VLAN 10 streams at 20 000 frames/s to an access port and to a trunk; the other VLANs
    of the trunk and VLAN 20's ports change 50 times, by command and by file, and nothing of VLAN 10
    is lost, doubled or forgotten."""
    static = [{"group": FIXED, "ports": ["p1"]}]
    with filtering(static=static) as (lab, switch):
        h0, h1, h2 = lab.h(0), lab.h(1), lab.h(2)
        tagged = lab.add_vlan(h2, 10)
        h1.join(GROUP)
        h2.join(GROUP, interface=tagged)
        switch.wait_members(GROUP, {"p1", "p2"}, vlan=10)
        before = {port: switch.row(GROUP, port) for port in ("p1", "p2")}
        base = dict(switch.config or {})
        for host in lab.hosts:
            host.reset()
        stream = h0.start("send", destination=GROUP, count=COUNT, rate=RATE, size=100)
        wait_until(lambda: h1.wire(GROUP).datagrams > 1000, within=20)
        steps = changes(switch, base)
        for _ in range(CHANGES):
            next(steps)
        during = h1.wire(GROUP).datagrams
        stream.result()
        lab.settle(h0, [h1])
        lab.settle(h0, [h1])
        assert during < COUNT, "the changes took longer than the stream"
        for got in (h1.app(GROUP), h2.app(GROUP, interface=tagged)):
            assert (got.unique, got.duplicates, got.reordered, got.corrupt) == (COUNT, 0, 0, 0)
        assert [lab.h(n).wire(GROUP).datagrams for n in (3, 4)] == [0, 0]
        for port, row in before.items():
            now = switch.row(GROUP, port)
            assert row is not None
            assert now is not None
            assert now["uptime"] > row["uptime"], "the same membership as before"
        fixed = switch.row(FIXED, "p1")
        assert fixed is not None
        assert (fixed["vlan"], fixed["origin"]) == (10, "static")


def changes(switch: Snoop, base: dict[str, Any]) -> Iterator[None]:
    """One change of VLAN 20's ports after the other."""
    for number in count():
        match number % 5:
            case 0:
                switch.port_set("p3", access=30)
            case 1:
                switch.port_set("p4", trunk=[20, "100-200"], native=30)
                switch.port_set("p2", trunk=[10, "25-40"], native=30)
            case 2:
                switch.configure(file_of(base, p3={"access": 40}, p4={"trunk": ["20-29"]}))
                switch.reload()
            case 3:
                switch.port_set("p3", access=None)
                switch.port_set("p4", trunk=None, native=None)
                switch.port_set("p2", trunk=None, native=None)
            case _:
                switch.configure(base)
                switch.reload()
        yield


def test_a_port_moves_to_another_vlan_and_back() -> None:
    """VLAN-3: its membership goes with the VLAN, its stream is its VLAN's, `=` puts it back."""
    with filtering() as (lab, switch):
        h0, h1 = lab.h(0), lab.h(1)
        h1.join(GROUP)
        switch.wait_members(GROUP, {"p1"}, vlan=10)
        assert switch.quick("port", "set", "p1", "access=20") == "p1: access = 20\n"
        wait_until(lambda: switch.members(GROUP, vlan=10) == set(), within=20)
        h1.reset()
        h0.send(GROUP, count=100, rate=5000)
        lab.settle(h0, [lab.h(2)])
        assert h1.wire(GROUP).datagrams == 0, "it is out of VLAN 10"
        lab.h(3).send(GROUP, count=100, rate=5000)
        lab.settle(lab.h(3), [h1, lab.h(4)])
        assert h1.wire(GROUP).datagrams == 100, "and in VLAN 20"
        shown = switch.show("config")
        assert shown["origins"]["port.p1.access"] == "command"
        said = json.loads(switch.quick("port", "set", "--json", "p1", "access="))
        assert said == {"port": "p1", "options": {"access": 10}, "origins": {"access": "file"}}
        switch.wait_members(GROUP, {"p1"}, vlan=10)
        assert switch.show("config")["origins"]["port.p1.access"] == "file"


def test_filtering_begins_and_ends_with_a_reload() -> None:
    """The same ports: first all in one, then in VLANs, then in one again."""
    ports = [{"name": f"p{n}"} for n in range(3)]
    apart = [{"name": "p0", "access": 10}, {"name": "p1", "access": 10}, {"name": "p2"}]
    with Lab(3) as lab:
        switch = lab.switch(config={"igmp": IGMP})
        config = dict(switch.config or {})

        def reached() -> list[int]:
            for host in lab.hosts:
                host.reset()
            lab.h(0).send("239.25.0.9", count=20, rate=2000)
            lab.settle(lab.h(0), [lab.h(1)])
            return [lab.h(n).wire("239.25.0.9").datagrams for n in (1, 2)]

        assert reached() == [20, 20]
        switch.configure({**config, "switch": {"vlan_filtering": True}, "port": apart})
        switch.reload()
        assert reached() == [20, 0]
        assert {row["vlan"] for row in switch.show("querier")["queriers"]} == {1, 10}
        switch.configure({**config, "port": ports})
        switch.reload()
        assert reached() == [20, 20]
        assert {row["vlan"] for row in switch.show("querier")["queriers"]} == {0}


def test_a_command_in_the_way_of_a_file_is_named_and_the_switch_goes_on() -> None:
    """SAY-59."""
    with filtering() as (_, switch):
        switch.port_set("p1", access=20)
        ports = [{"name": f"p{n}"} for n in range(5)]
        switch.configure({"igmp": IGMP, "port": ports})
        done = switch.run("reload")
        assert done.returncode == 2
        assert "`snoop port set p1 access=20` in the way: " in done.stderr
        assert switch.show("config")["switch"]["vlan_filtering"] is True
        done = switch.run("port", "set", "p1", "access=5000", "trunk=")
        assert (done.returncode, done.stdout) == (2, "")
        assert "access = 5000 is not allowed" in done.stderr
        assert "Traceback" not in switch.log
        switch.do("port", "set", "p1", "access=")
        assert switch.do("reload") == "reloaded\n"
