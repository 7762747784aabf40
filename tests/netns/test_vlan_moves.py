"""Hosts whose port is put into another VLAN, and a querier behind one of a mesh: the engine's part
of VLANs with the kernel's own hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netns.star import IGMP
from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop

GROUP, GROUP6 = "239.26.0.1", "ff0e::26:1"
ASKED = {**IGMP, "query_interval": 60.0, "query_response_interval": 1.0}
MLD = {"querier": "on", "query_interval": 60.0, "query_response_interval": 1.0}


def prunes(switch: Snoop, vlan: int) -> bool:
    rows = switch.show("querier", vlan=vlan)["queriers"]
    return bool(rows) and all(row["pruning"] for row in rows)


def events(switch: Snoop, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(switch.quick("show", "events", "--json"))["events"]
    return [event for event in found if event["event"] == kind]


@pytest.mark.parametrize("group", [GROUP, GROUP6])
def test_hosts_of_a_port_that_moves_are_forgotten_there_and_asked_here(group: str) -> None:
    """At once, in both families; what the host wants is known within its response time, though the
    next query is a minute away."""
    with Lab(3, quiet_ipv6=False) as lab:
        switch = lab.switch(
            config={"igmp": ASKED, "mld": MLD}, vlans={"p0": 10, "p1": 10, "p2": [10, 20]}
        )
        wait_until(lambda: prunes(switch, 10) and prunes(switch, 20), within=20)
        lab.h(1).join(group)
        switch.wait_members(group, {"p1"}, vlan=10)
        switch.do("port", "set", "p1", "access=20")
        assert switch.show("mdb", group=group, vlan=10)["mdb"] == []
        switch.wait_members(group, {"p1"}, vlan=20)
        left = [event for event in events(switch, "leave") if event["group"] == group]
        assert [(e["vlan"], e["port"], e["reason"]) for e in left] == [(10, "p1", "left the VLAN")]
        gone = switch.show("witnesses", group=group)["gone"]
        assert [(row["vlan"], row["how"]) for row in gone] == [(10, "vlan_left")]
        assert "did not answer" not in switch.run("check").stdout
        lab.h(1).leave(group)
        switch.wait_members(group, set(), vlan=20)


def test_a_vlan_begins_with_its_first_port_and_ends_with_its_last() -> None:
    """A querier of its own; `show querier` has what there is."""
    with Lab(2) as lab:
        switch = lab.switch(config={"igmp": ASKED}, vlans={"p0": 10, "p1": 10})

        def asking() -> set[int]:
            rows = switch.show("querier", family="ipv4")["queriers"]
            return {row["vlan"] for row in rows if row["role"] == "querier"}

        wait_until(lambda: asking() == {10}, within=20)
        lab.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"}, vlan=10)
        switch.do("port", "set", "p1", "access=30")
        wait_until(lambda: asking() == {10, 30}, within=20)
        switch.wait_members(GROUP, {"p1"}, vlan=30)
        switch.do("port", "set", "p1", "access=10")
        wait_until(lambda: asking() == {10}, within=20)
        assert {row["vlan"] for row in switch.show("querier")["queriers"]} <= {10}
