"""Who takes runs, by what is known of the neighbour: each reason, in words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from snoop.control.requests import Mrouter
from snoop.links import runs
from snoop.links.rtnetlink import Facts
from unit.scene import Scene, heard

PORT = Facts(7, "p1", kind="veth", link=2, link_nsid=0, mtu=1500, promiscuity=1, allmulti=0)
PEER = Facts(2, "eth0", kind="veth", link=7, link_nsid=1, mtu=1500, promiscuity=0, allmulti=0)


def test_a_hosts_kernel_takes_runs() -> None:
    verdict = runs.of_pair(PORT, PEER, ())
    assert verdict.takes
    assert verdict.because == "a host's kernel: veth peer eth0 takes runs"


@pytest.mark.parametrize(
    ("changes", "on_top", "words"),
    [
        ({"promiscuity": 1}, (), "promiscuous"),
        ({"allmulti": 1}, (), "router"),
        ({"master": 9}, (), "master"),
        ({"xdp": True}, (), "XDP"),
        ({"mtu": 1400}, (), "smaller MTU"),
        ({"promiscuity": None}, (), "does not say"),
        ({"allmulti": None}, (), "does not say"),
        ({}, ("mv0", "eth0.10"), "eth0.10, mv0"),
        ({"kind": "macvlan"}, (), "changing"),
        ({"link": 8}, (), "changing"),
    ],
)
def test_anything_but_a_plain_host_does_not(
    changes: dict[str, Any], on_top: tuple[str, ...], words: str
) -> None:
    verdict = runs.of_pair(PORT, replace(PEER, **changes), on_top)
    assert not verdict.takes
    assert words in verdict.because


def test_a_tap_takes_none_since_its_guest_may_route() -> None:
    """Whatever its reader negotiated; the words say which."""
    able, unable = runs.of_tap(segments=True), runs.of_tap(segments=False)
    assert not able.takes
    assert not unable.takes
    assert 'coalesce = "always"' in able.because
    assert "not asked" in unable.because


def test_a_device_that_cuts_runs_takes_them_unless_it_hands_them_on() -> None:
    assert runs.of_device("ice", segments=True).takes
    assert not runs.of_device("e1000", segments=False).takes
    assert not runs.of_device("virtio_net", segments=True).takes


def test_other_kinds_do_not() -> None:
    assert not runs.of_kind("vxlan").takes
    assert "vxlan" in runs.of_kind("vxlan").because


def test_what_sits_on_an_interface() -> None:
    """A macvlan does; the other end of a veth and a tunnel only name it; elsewhere is elsewhere."""
    child = Facts(9, "mv0", kind="macvlan", link=7)
    assert runs.sits_on(child, 7)
    assert not runs.sits_on(child, 8)
    assert not runs.sits_on(replace(child, kind="veth"), 7)
    assert not runs.sits_on(replace(child, kind="vxlan"), 7)
    assert not runs.sits_on(replace(child, link_nsid=3), 7)
    assert not runs.sits_on(Facts(1, "lo"), 0)


def coalescing(scene: Scene) -> list[bool]:
    return [state[2] for _, state in sorted(scene.fastpath.states.items())]


def test_neighbours_decide_at_the_start() -> None:
    scene = Scene()
    scene.neighbours.refusing[12] = "it is promiscuous"
    scene.start()
    assert coalescing(scene) == [True, True, False, True]
    row = scene.ports()["p2"]
    assert (row["takes_runs"], row["takes_runs_because"]) == (False, "it is promiscuous")


def test_a_change_is_published_alone_and_told() -> None:
    """Its own publish: what waits of memberships must not hold it up."""
    scene = Scene().start()
    listener = scene.events.listen(lambda head: head.event == "neighbour")
    before = scene.fastpath.publishes
    scene.neighbours.refusing[11] = "it captures"
    scene.plane.neighbours_changed()
    assert coalescing(scene) == [True, False, True, True]
    assert scene.fastpath.publishes == before + 1
    told = asyncio.run(heard(listener))
    assert [(one["port"], one["takes_runs"], one["because"]) for one in told] == [
        ("p1", False, "it captures")
    ]


def test_router_port_gets_no_runs_in_any_vlan() -> None:
    scene = Scene().start()
    scene.ask(Mrouter(add=True, port="p3", vlan=7))
    assert coalescing(scene) == [True, True, True, False]
    assert scene.ports()["p3"]["takes_runs_because"] == "a router is behind it"
    scene.ask(Mrouter(add=False, port="p3", vlan=7))
    assert coalescing(scene) == [True] * 4


def test_router_port_by_its_settings_gets_none() -> None:
    scene = Scene(port=[{"name": "p0", "mrouter": "always"}, {"name": "p1"}]).start()
    assert coalescing(scene) == [False, True]


def test_always_and_off_have_the_last_word() -> None:
    scene = Scene(port=[{"name": "p0", "coalesce": "always"}, {"name": "p1", "coalesce": "off"}])
    scene.neighbours.refusing |= {10: "it captures"}
    scene.start()
    assert coalescing(scene) == [True, False]
    assert scene.ports()["p0"]["takes_runs_because"] == 'coalesce = "always"'
    assert scene.ports()["p1"]["takes_runs_because"] == 'coalesce = "off"'
    scene.configure(port=[{"name": "p0"}, {"name": "p1"}])
    assert coalescing(scene) == [False, True]


def test_traffic_control_on_a_port_that_uses_it_counts_frames() -> None:
    """What was put there is used whatever the configuration says."""
    ports = [{"name": f"p{n}", "qdisc_bypass": n > 1} for n in range(4)]
    scene = Scene(port=ports)
    scene.neighbours.qdiscs |= {10: "netem", 11: "mq", 12: "netem", 13: "mq"}
    scene.start()
    assert coalescing(scene) == [False, False, False, True]


def test_port_with_other_interfaces_on_it_is_not_isolated_and_says_so() -> None:
    """N-6: a macvlan on a port must go on getting its frames; it comes and goes while we run."""
    scene = Scene()
    scene.neighbours.sitting[11] = {"mv0"}
    scene.start()
    assert scene.fastpath.isolated == {0: True, 1: False, 2: True, 3: True}
    assert "mv0" in scene.ports()["p1"]["problem"]
    scene.neighbours.sitting = {12: {"mv1"}}
    scene.plane.neighbours_changed()
    assert scene.fastpath.isolated == {0: True, 1: True, 2: False, 3: True}
    assert scene.ports()["p1"]["problem"] is None


def test_only_interfaces_of_ports_are_followed() -> None:
    scene = Scene().start()
    assert scene.neighbours.followed == {10, 11, 12, 13}
    del scene.links.links["p2"]
    scene.plane.links_changed()
    assert scene.neighbours.followed == {10, 11, 13}
