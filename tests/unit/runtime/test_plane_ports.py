"""Ports that fail, go, come back or are set otherwise: each alone, and nothing else forgotten."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from snoop.control.requests import (
    Clear,
    Show,
    Static,
)
from snoop.wire import address
from snoop.wire.address import ANY
from unit.fake_fastpath import link
from unit.scene import G, Scene, heard

pytestmark = pytest.mark.usefixtures("own_time")


def test_a_port_that_cannot_be_opened_goes_down_alone() -> None:
    """A faulty port goes down alone and says so."""
    scene = Scene(refused={12: errno.ENOBUFS}).start()
    ports = scene.ports()
    assert ports["p2"]["state"] == "down"
    assert "cannot be opened: " in ports["p2"]["problem"]
    assert {name for name, row in ports.items() if row["state"] == "up"} == {"p0", "p1", "p3"}
    scene.fastpath.refused.clear()
    scene.plane.links_changed()
    assert scene.ports()["p2"]["state"] == "up"
    assert scene.ports()["p2"]["problem"] is None


def test_a_deleted_interface_is_missing_and_comes_back_under_a_new_index() -> None:
    """Deletion, and re-appearance of the same name, without a restart."""
    scene = Scene().start()
    scene.join(1)
    gone = scene.links.links.pop("p1")
    scene.plane.links_changed()
    assert scene.ports()["p1"]["state"] == "missing"
    assert scene.ports()["p1"]["ifindex"] is None
    assert scene.members() == set()
    assert (1, None) in scene.fastpath.flushed
    scene.links.links["p1"] = link("p1", 99)
    scene.plane.links_changed()
    assert scene.fastpath.opened[1] == 99 != gone.ifindex
    scene.join(1)
    assert scene.members() == {"p1"}


def test_an_interface_swapped_between_two_looks_loses_what_was_learned() -> None:
    """Deleted and made anew before we looked: another cable for all we know."""
    scene = Scene().start()
    scene.join(1)
    scene.links.links["p1"] = link("p1", 99)
    scene.plane.links_changed()
    assert scene.ports()["p1"]["state"] == "up"
    assert scene.members() == set()


def test_a_flap_of_one_port_leaves_the_others_members_alone() -> None:
    """SM-67."""
    scene = Scene().start()
    scene.join(1)
    scene.join(2)
    scene.links.links["p2"] = link("p2", 12, up=False)
    scene.plane.links_changed()
    assert scene.members() == {"p1"}
    assert scene.fastpath.states[2] == (False, 1500, True)
    scene.links.links["p2"] = link("p2", 12, mtu=9000)
    scene.plane.links_changed()
    assert scene.fastpath.states[2] == (True, 9000, True)
    assert scene.members() == {"p1"}


def test_a_link_that_was_down_for_a_moment_only_is_excused() -> None:
    """The kernel tells of both at once; what the port refused in between is no full egress."""
    scene = Scene().start()
    scene.join(2)
    scene.links.links["p2"] = link("p2", 12, carrier_changes=2)
    scene.plane.links_changed()
    scene.links.links["p2"] = link("p2", 12, carrier_changes=2, addresses=frozenset({"fe80::1"}))
    scene.plane.links_changed()
    assert scene.fastpath.flaps == [2]
    assert scene.members() == {"p2"}


@pytest.mark.parametrize("at", [1, 2])
def test_a_link_that_goes_down_or_comes_up_is_excused_by_that_alone(at: int) -> None:
    scene = Scene().start()
    for changes in (1, 2)[:at]:
        scene.links.links["p2"] = link("p2", 12, up=changes == 2, carrier_changes=changes)
        scene.plane.links_changed()
    assert scene.fastpath.flaps == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"addresses": frozenset({"10.0.0.1"})}, "carries an address"),
        ({"master": 5}, "has a master"),
    ],
)
def test_a_port_somebody_else_uses_is_not_isolated(changes: dict[str, Any], why: str) -> None:
    """The host's stack stays on a port with addresses or a master; a warning, not an error."""
    scene = Scene()
    scene.links.links["p1"] = link("p1", 11, **changes)
    scene.start()
    assert scene.fastpath.isolated == {0: True, 1: False, 2: True, 3: True}
    assert why in scene.ports()["p1"]["problem"]
    assert scene.ports()["p1"]["state"] == "up"


@pytest.mark.parametrize("in_place", [True, False])
def test_an_address_that_comes_or_goes_costs_the_port_no_members(in_place: bool) -> None:
    scene = Scene().start()
    scene.fastpath.isolates_in_place = in_place
    scene.join(1)
    scene.links.links["p1"] = link("p1", 11, addresses=frozenset({"10.0.0.1"}))
    scene.plane.links_changed()
    assert scene.fastpath.isolated[1] is False
    assert "carries an address" in scene.ports()["p1"]["problem"]
    scene.links.links["p1"] = link("p1", 11)
    scene.plane.links_changed()
    assert scene.fastpath.isolated[1] is True
    assert scene.ports()["p1"]["problem"] is None
    assert scene.members() == {"p1"}
    assert scene.fastpath.states[1] == (True, 1500, True)


def test_a_link_local_address_alone_is_no_reason_not_to_isolate() -> None:
    scene = Scene()
    scene.links.links["p1"] = link("p1", 11, addresses=frozenset({"fe80::1"}))
    scene.start()
    assert scene.fastpath.isolated[1] is True


def test_reload_keeps_memberships_and_moves_ports() -> None:
    """Memberships survive a configuration reload."""
    scene = Scene().start()
    scene.join(1)
    scene.join(2)
    scene.links.links["p7"] = link("p7", 77)
    scene.configure(
        igmp={"querier": "on", "querier_address": "10.0.0.254", "query_interval": 60.0},
        port=[{"name": "p0"}, {"name": "p1", "mrouter": "always"}, {"name": "p3"}, {"name": "p7"}],
    )
    assert scene.members() == {"p1"}
    assert set(scene.ports()) == {"p0", "p1", "p3", "p7"}
    assert scene.ports()["p7"]["state"] == "up"
    # p7 got the id that p2 left; the row must not carry p2's membership over to it.
    assert scene.fastpath.rows[0, G, ANY] == 0b0010
    assert scene.fastpath.vlans[0][1] == 0b0010
    (row,) = scene.ask(Show(what="querier", family="ipv4"))["queriers"]
    assert row["query_interval"] == 60.0


def test_reload_of_socket_options_reopens_no_port_and_keeps_its_members() -> None:
    """What was opened again was dark for as long as its sockets take."""
    scene = Scene().start()
    scene.join(1)
    scene.fastpath.refused = dict.fromkeys(scene.fastpath.opened.values(), errno.EIO)
    scene.configure(switch={"no_querier": "prune", "qdisc_bypass": False})
    assert set(scene.fastpath.bypasses.values()) == {False}
    assert scene.members() == {"p1"}
    assert scene.fastpath.states[1] == (True, 1500, True)
    assert scene.fastpath.rows[0, G, ANY] == 0b0010


@pytest.mark.parametrize("bypass", [True, False])
def test_filter_that_comes_and_goes_reopens_no_port(bypass: bool) -> None:
    """What leaves there passes it from the next publish on, by the rings alone."""
    scene = Scene(switch={"qdisc_bypass": bypass}).start()
    scene.join(1)
    ifindex = scene.fastpath.opened[1]
    scene.fastpath.refused = dict.fromkeys(scene.fastpath.opened.values(), errno.EIO)
    for qdisc, filtered in (("nftables", True), ("noqueue", False)):
        published = scene.fastpath.publishes
        scene.neighbours.qdiscs[ifindex] = qdisc
        scene.plane.links_changed()
        assert scene.fastpath.rings_only[1] is filtered
        assert scene.fastpath.bypasses[1] is (bypass and not filtered)
        assert scene.fastpath.publishes > published
        assert scene.members() == {"p1"}


def test_reload_moves_configured_statics_and_keeps_commanded_ones() -> None:
    statics = [{"group": "239.9.9.9", "ports": ["p1", "p2"]}]
    scene = Scene(static=statics).start()
    scene.ask(Static(add=True, group="239.8.8.8", port="p3"))
    assert scene.fastpath.rows[0, address.parse("239.9.9.9"), ANY] == 0b0110
    scene.configure(static=[{"group": "239.9.9.9", "ports": ["p2", "p3"]}])
    assert scene.fastpath.rows[0, address.parse("239.9.9.9"), ANY] == 0b1100
    assert scene.fastpath.rows[0, address.parse("239.8.8.8"), ANY] == 0b1000


def test_static_entries_that_come_and_go_are_told_with_who_did_it() -> None:
    """SAY-20: the file, also where it takes the port away, or a command; not what was there."""
    static = [{"group": "239.9.9.9", "ports": ["p1"]}]
    scene = Scene(static=static).start()
    listener = scene.events.listen(lambda head: head.event in ("static", "clear"))
    scene.configure(static=static)
    scene.ask(Static(add=True, group="239.8.8.8", source="10.0.0.9", port="p3"))
    scene.ask(Static(add=True, group="239.8.8.8", source="10.0.0.9", port="p3"))
    scene.join(2)
    scene.ask(Clear(what="mdb"))
    scene.ask(Clear(what="mdb"))
    scene.configure(static=[])
    scene.configure(port=[{"name": f"p{n}"} for n in range(3)])
    told = [
        {k: v for k, v in each.items() if k not in ("time", "vlan")}
        for each in asyncio.run(heard(listener))
    ]
    entry = {
        "event": "static",
        "name": None,
        "group": "239.8.8.8",
        "source": "10.0.0.9",
        "port": "p3",
    }
    in_file = {"event": "static", "name": None, "group": "239.9.9.9", "source": None, "port": "p1"}
    assert told == [
        {**entry, "change": "added", "by": "command"},
        {
            "event": "clear",
            "port": None,
            "group": None,
            "name": None,
            "memberships": 1,
            "by": "command",
        },
        {**in_file, "change": "removed", "by": "file"},
        {**entry, "change": "removed", "by": "file"},
    ]
