"""Storms, loops and interfaces that others share: named with their port, once."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli.findings import look
from unit.cli.healthy import facts
from unit.shown import entry, port, station, stream


@pytest.mark.parametrize(
    ("counter", "rate", "words"),
    [
        ("flood_broadcast", 4000.0, "4000 broadcast frames/s come in here"),
        ("flood_unknown_unicast", 4000.0, "4000 frames/s to an address that nobody answers from"),
        ("forward_unregistered", 9000.0, "9000 frames/s of groups that nobody has joined"),
    ],
)
def test_a_storm_is_named_with_its_port_and_rate(counter: str, rate: float, words: str) -> None:
    """SAY-18."""
    found = look(facts(rates={"p2": {counter: rate}}))
    assert [(one.severity, one.subject) for one in found] == [("problem", "p2")]
    assert words in found[0].finding
    assert "-eni p2" in found[0].do
    assert "storm_limit" not in found[0].do


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ({"flood_broadcast": 500.0, "storm_broadcast": 4000.0}, "4500 broadcast frames/s"),
        ({"flood_unknown_unicast": 500.0, "storm_unknown_unicast": 2e3}, "2500 frames/s to an"),
        ({"forward_unregistered": 500.0, "storm_unregistered": 9e3}, "9500 frames/s of groups"),
        ({"forward_unregistered": 500.0, "storm_to_routers": 9e3}, "9500 frames/s of groups"),
    ],
)
def test_a_storm_that_is_limited_is_one_all_the_same(rates: dict[str, float], words: str) -> None:
    """LOOP-7, SAY-18."""
    found = look(facts(rates={"p2": rates}))
    assert [(one.severity, one.subject) for one in found] == [("problem", "p2")]
    assert words in found[0].finding
    assert "storm_limit lets 500 pass" in found[0].finding
    assert "`snoop port set p2 storm_limit=0`, if all of it is meant" in found[0].do


@pytest.mark.parametrize(
    "changes",
    [
        {"rates": {"p2": {"flood_broadcast": 300.0, "flood_unknown_unicast": 900.0}}},
        {"rates": {"p2": {"forward_unregistered": 4000.0}}},
        # They go to routers only, or there is but one other port.
        {"rates": {"p2": {"forward_unregistered": 9e4}},
         "raw": {"switch": {"unregistered": "mrouters"}}},
        {"rates": {"p1": {"flood_broadcast": 9e4}}, "ports": [port("p0"), port("p1")]},
    ],
)  # fmt: skip
def test_what_a_healthy_network_floods_is_no_storm(changes: dict[str, Any]) -> None:
    assert look(facts(**changes)) == []


def test_a_loop_comes_before_what_comes_of_it() -> None:
    """Frames that went round until it was cut filled the rings."""
    ports = [port(f"p{number}", loop=number > 1, loop_with="p0") for number in range(4)]
    found = look(facts(ports=ports, port_counters={f"p{n}": {"ring_full": 900} for n in range(4)}))
    assert [one.cause for one in found] == ["loop"] * 2 + ["overload"] * 4


def test_a_loop_is_one_finding_with_all_that_comes_of_it() -> None:
    """F-16, SAY-18: our queries came back; claimed addresses and the storm are the same trouble."""
    came = {name: {"own_frame": 2, "fdb_move_damped": 40} for name in ("p2", "p3")}
    found = look(
        facts(
            port_counters=came,
            rates={"p3": {"flood_broadcast": 94_000.0}},
            disputed=[
                station("p0", rival="p2", claimed=0.2),
                station("p3", "02:00:00:00:01:02", rival="p1", claimed=0.2),
            ],
        )
    )
    assert [(one.severity, one.subject) for one in found] == [("problem", "p2, p3")]
    for words in ("own_frame 4", "2 addresses of hosts", "94000 broadcast frames/s at p3"):
        assert words in found[0].finding
    assert "ip link set p3 down" in found[0].do


def test_a_loop_that_is_gone_is_a_note_though_addresses_came_round_in_it() -> None:
    """LOOP-4: they stay known as claimed for as long as they are known."""
    came = {"p2": {"own_frame": 5}}
    found = look(facts(port_counters=came, disputed=[station("p0", rival="p2", claimed=12.0)]))
    assert [(one.severity, one.subject) for one in found] == [("note", "p2")]


@pytest.mark.parametrize("held", [{"own_frame": 5}, {"loop": 1956}])
def test_what_a_loop_had_heard_at_wrong_ports_is_no_theft(held: dict[str, int]) -> None:
    """Of hosts that were in no loop, too: theirs came round, and was in their place for a while."""
    damped = {"p0": {"fdb_move_damped": 60}}
    assert [one.severity for one in look(facts(port_counters=damped))] == ["problem"]
    found = look(facts(port_counters={**damped, "p2": held}))
    assert [one for one in found if one.severity == "problem"] == []


@pytest.mark.parametrize("counted", [{"own_frame": 5}, {"loop": 1956}])
def test_an_address_that_came_round_in_a_loop_that_is_gone_is_no_theft(
    counted: dict[str, int],
) -> None:
    """LOOP-4: whose cable was pulled at another switch, so the port that was not held stayed up."""
    was, claims = {"p3": counted}, [station("p0", rival="p2", claimed=3.5)]
    assert [one.severity for one in look(facts(disputed=claims))] == ["problem"]
    found = look(facts(port_counters=was, disputed=claims))
    assert [one for one in found if one.severity == "problem"] == []
    found = look(facts(port_counters=was, disputed=[station("p0", rival="p1", claimed=0.5)]))
    assert ("problem", "p1") in [(one.severity, one.subject) for one in found]


def test_an_address_claimed_elsewhere_is_still_a_theft() -> None:
    stolen = [station("p0", rival="p1")]
    found = look(facts(port_counters={"p2": {"own_frame": 1}}, disputed=stolen))
    assert {one.subject for one in found} == {"p1", "p2"}


@pytest.mark.parametrize("kind", ["macvlan", "macvtap"])
def test_an_interface_that_gets_only_its_own_unicast_is_a_note(kind: str) -> None:
    """SAY-18."""
    found = look(facts(ports=[port("p0"), port("p1", link_kind=kind)]))
    assert [(one.severity, one.subject) for one in found] == [("note", "p1")]
    assert f"a {kind} interface" in found[0].finding


def test_interfaces_that_sit_on_a_port_are_a_note() -> None:
    """SAY-18, N-6: they work; that the host's stack sees the port as well is said with them."""
    notice = "other interfaces sit on it (mv0)"
    found = look(facts(ports=[port("p1", uppers=["mv0"], notice=notice, problem=notice)]))
    assert [(one.severity, one.subject) for one in found] == [("note", "p1")]
    assert "(mv0)" in found[0].finding


def test_a_stream_in_another_vlan_than_its_members_is_named() -> None:
    """SAY-18."""
    lost = stream(vlan=10, registered=False, egress=[])
    found = look(facts(streams=[lost]))
    assert [(one.severity, one.subject) for one in found] == [("problem", "10.0.0.9 -> 239.1.2.3")]
    assert "comes in in VLAN 10" not in found[0].finding
    assert "its members are untagged, at p1" in found[0].finding


@pytest.mark.parametrize(
    "streams",
    [
        # Each VLAN has its own; it was long ago; it goes everywhere anyhow; it is discovery.
        [stream(vlan=10, registered=False, egress=["p2"]), stream()],
        [stream(vlan=10, registered=False, egress=[], idle=90.0)],
        [stream(vlan=10, registered=False, egress=["p1", "p2"], reason="flood_always")],
    ],
)
def test_vlans_with_streams_of_their_own_are_well(streams: list[Any]) -> None:
    assert look(facts(streams=streams, mdb=[entry("p1")])) == []


def test_what_is_said_of_the_hosts_own_port_names_its_table() -> None:
    """`[[host]]` has the keys of `[[port]]`."""
    counts = {name: {"rate_limited": 100} for name in ("sw0", "p1")}
    ports = [port("sw0", kind="host"), port("p1"), port("p2")]
    found = {one.subject: one for one in look(facts(ports=ports, port_counters=counts))}
    assert "[[host]] igmp_rate" in found["sw0"].do
    assert "[[port]] igmp_rate" in found["p1"].do
