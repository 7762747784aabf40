"""Who is handed frames directly: each reason, in words, and what is published of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from snoop.links import direct
from snoop.links.rtnetlink import Facts
from unit.scene import Scene, heard

MAC = bytes.fromhex("0200000000aa")
PORT = Facts(7, "p1", kind="veth", link=2, link_nsid=0, mtu=1500)
PEER = Facts(2, "eth0", kind="veth", link=7, link_nsid=1, mtu=1500, mac=MAC)


@pytest.mark.parametrize(
    "changes",
    [{}, {"promiscuity": 1}, {"allmulti": 1}, {"master": 3}, {"mtu": 9000}, {"kind": "netkit"}],
    ids=str,
)
def test_the_other_end_of_a_pair_in_another_namespace_is(changes: dict[str, Any]) -> None:
    verdict = direct.of_pair(PORT, replace(PEER, **changes))
    assert verdict.mac == MAC
    assert verdict.because == "veth peer eth0 is handed frames in its own namespace"


@pytest.mark.parametrize(
    ("port", "peer", "words"),
    [
        ({"link_nsid": None}, {"link_nsid": None}, "the switch's own namespace"),
        ({}, {"link_nsid": None}, "the switch's own namespace"),
        ({}, {"xdp": True}, "XDP"),
        ({}, {"mtu": 1400}, "smaller MTU"),
        ({}, {"mac": b""}, "no Ethernet address"),
        ({}, {"link": 8}, "changing"),
        ({}, {"kind": "macvlan"}, "changing"),
    ],
)
def test_anything_else_is_not(port: dict[str, Any], peer: dict[str, Any], words: str) -> None:
    """N-9."""
    verdict = direct.of_pair(replace(PORT, **port), replace(PEER, **peer))
    assert verdict.mac is None
    assert words in verdict.because


def test_what_has_no_other_end_is_not() -> None:
    assert direct.of_kind("").because == "hardware interfaces have no other end here"
    assert direct.of_kind("tun").mac is None


def handed(scene: Scene) -> list[bytes | None]:
    return [mac for _, mac in sorted(scene.fastpath.peers.items())]


def because(scene: Scene, port: str) -> tuple[bool, str]:
    row = scene.ports()[port]
    return row["direct"], row["direct_because"]


def test_who_is_known_to_be_is_published_with_its_address() -> None:
    scene = Scene(port=[{"name": "p0"}, {"name": "p1"}, {"name": "p2", "qdisc_bypass": False}])
    scene.neighbours.macs |= {10: MAC, 12: MAC}
    scene.start()
    assert handed(scene) == [MAC, None, None]
    assert because(scene, "p0") == (True, "a host")
    assert because(scene, "p1") == (False, "no veth")
    assert because(scene, "p2")[1].startswith("qdisc_bypass = false")


def test_a_change_is_published_at_once_and_is_no_event() -> None:
    """An event is what becomes of runs."""
    scene = Scene()
    scene.neighbours.macs |= {10: MAC, 11: MAC}
    scene.start()
    listener = scene.events.listen(lambda head: head.event == "neighbour")
    other = bytes(reversed(MAC))
    for mac in (None, other):
        before = scene.fastpath.publishes
        scene.neighbours.macs[11] = mac
        scene.neighbours.refusing = {} if mac else {10: "it captures"}
        scene.plane.neighbours_changed()
        assert handed(scene)[:2] == [MAC, mac]
        assert scene.fastpath.publishes == before + 1
    assert {one["port"] for one in asyncio.run(heard(listener))} == {"p0"}


def test_nobody_is_handed_what_traffic_control_on_the_port_is_to_see() -> None:
    scene = Scene()
    scene.neighbours.macs |= {10: MAC, 11: MAC}
    scene.neighbours.qdiscs = {10: "netem"}
    scene.start()
    assert handed(scene)[:2] == [None, MAC]
    assert "netem" in because(scene, "p0")[1]


@pytest.mark.parametrize(
    ("qdisc", "past"), [("netem", False), ("mq", True), ("noqueue", True), ("", True)]
)
def test_rings_send_where_the_kernel_sends(qdisc: str, past: bool) -> None:
    """N-10: of one stream, what left past a queue would overtake what waits in it; traffic control
    may come and go while the switch runs."""
    scene = Scene().start()
    assert set(scene.fastpath.bypasses.values()) == {True}
    scene.join(1)
    for now in (qdisc, "noqueue"):
        scene.neighbours.qdiscs = {11: now}
        scene.plane.neighbours_changed()
        assert scene.fastpath.bypasses == {0: True, 1: past or now == "noqueue", 2: True, 3: True}
        assert scene.members() == {"p1"}
