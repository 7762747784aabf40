"""What a switch with VLANs answers: `show vlans`, `explain`, `check`, formats of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from netns.star import IGMP, Star, star
from snoop.lab import wait_until

GROUP, MAC = "239.70.0.1", "01:00:00:01:02:03"
PORTS: list[dict[str, Any]] = [
    {"name": "p0", "access": 10},
    {"name": "p1", "access": 10},
    {"name": "p2", "access": 20},
    {"name": "p3", "trunk": [10, "20-22"], "native": 1},
    {"name": "p4", "trunk": [10]},
]
CONFIG: dict[str, Any] = {
    "switch": {"vlan_filtering": True, "unregistered": "mrouters"},
    "igmp": IGMP,
    "port": PORTS,
    "vlan": [{"vid": 10, "name": "video \u202e"}],
}


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    with star(len(PORTS)) as made:
        made.switch.configure(CONFIG)
        made.switch.do("reload")
        asked = {"vlan": 10, "family": "ipv4"}
        wait_until(
            lambda: made.switch.show("querier", **asked)["queriers"][0]["pruning"],
            within=20,
            what="pruning",
        )
        made.h(1).join(GROUP)
        made.switch.wait_members(GROUP, {"p1"})
        made.switch.do("mdb", "add", MAC, "--port", "p1", "--vlan", "10")
        yield made


def vlans(net: Star, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = net.switch.show("vlans", **filters)["vlans"]
    return found


def explained(net: Star, *words: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(net.switch.quick("explain", *words, "--json"))
    return answer


def test_every_vlan_with_a_port_is_shown_and_asked_in(net: Star) -> None:
    rows = {row["vid"]: row for row in vlans(net)}
    assert list(rows) == [1, 10, 20, 21, 22]
    assert rows[10]["name"] == "video \\u202e"
    assert [(one["port"], one["tagged"], one["pvid"]) for one in rows[10]["ports"]] == [
        ("p0", False, True), ("p1", False, True), ("p3", True, False), ("p4", True, False),
    ]  # fmt: skip
    of = {one["family"]: one for one in rows[10]["families"]}
    assert of["ipv4"] == {"family": "ipv4", "role": "querier", "pruning": True, "groups": 1}
    assert all(row["families"][0]["role"] == "querier" for row in rows.values())


def test_nothing_is_wrong_with_it(net: Star) -> None:
    findings = json.loads(net.switch.run("check", "--json").stdout)["findings"]
    assert [one for one in findings if one["severity"] == "problem"] == []


def test_tables_for_eyes(net: Star) -> None:
    shown = net.switch.quick("show", "vlans")
    assert "p0, p1 PVID; p3, p4 tagged" in shown
    assert "10,20-22 native 1" in net.switch.quick("show", "ports")
    assert "VLANs: 10 video" in net.switch.quick("show", "mdb")


def test_the_bridge_tool_has_it_so(net: Star) -> None:
    lines = net.switch.quick("show", "vlans", "--format", "bridge").splitlines()
    assert lines[1] == "p0                10 PVID Egress Untagged"
    assert lines[4] == "p3                1 PVID Egress Untagged"
    assert lines[5] == "                  10"
    (mdb,) = json.loads(net.switch.quick("show", "mdb", "--format", "bridge"))
    assert {entry["vid"] for entry in mdb["mdb"]} == {10}
    assert {entry["grp"] for entry in mdb["mdb"]} == {GROUP, MAC}
    model = json.loads(net.switch.quick("show", "mdb", "--format", "yang"))
    (bridge,) = model["ieee802-dot1q-bridge:bridges"]["bridge"]
    found = {one["vid"]: one for one in bridge["component"][0]["bridge-vlan"]["vlan"]}
    assert found[10]["ietf-igmp-mld-snooping:igmp-snooping-instance"] == "igmp-vlan10"


def test_explain_agrees_with_what_leaves(net: Star) -> None:
    answer = explained(net, "--port", "p0", "--group", GROUP)
    assert (answer["frame"]["vlan"], answer["ports"]) == (10, ["p1"])
    broadcast = explained(net, "--port", "p3", "--to", "ff:ff:ff:ff:ff:ff", "--tagged", "10")
    assert {row["port"]: row["tagged"] for row in broadcast["why"] if row["forwarded"]} == {
        "p0": False, "p1": False, "p4": True,
    }  # fmt: skip
    refused = explained(net, "--port", "p4", "--to", "ff:ff:ff:ff:ff:ff", "--untagged")
    assert refused["reason"] == "vlan_filtered"
    assert refused["frame"]["vlan_because"] == "it has no tag, and p4 has no native VLAN"
    text = net.switch.quick("explain", "--port", "p3", "--to", "ff:ff:ff:ff:ff:ff", "--vlan", "1")
    assert "VLAN 1: it has no tag: the native VLAN of p3 is 1" in text


def test_explain_of_a_group_by_its_mac_address(net: Star) -> None:
    answer = explained(net, "--port", "p0", "--to", MAC)
    assert (answer["reason"], answer["ports"]) == ("forward_l2_group", ["p1"])
    reasons = {row["port"]: row["because"] for row in answer["why"]}
    assert reasons["p1"].startswith("static entry of 01:00:00:01:02:03")
    assert reasons["p2"] == "not in VLAN 10"
    assert reasons["p4"].startswith("pruned: static entries send")
