"""The loop guard, on real interfaces: cables that close a loop, and what would look like one.

Hosts h0 and h1 send broadcast and are the storm, or its victims; each loop is one that would go on
for ever without the guard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from netns.star import IGMP
from snoop.lab import Lab, frames, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import Snoop

CUT = 2.0  # from the cable to the cut
HEALED = 6.0  # from the last probe that came back: four beats, and what a busy machine adds
BUSY = 8.0


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(2) as made:
        yield made


def held(*switches: Snoop) -> list[str]:
    """The ports that are held."""
    rows = [row for switch in switches for row in switch.show("ports")["ports"]]
    return [row["name"] for row in rows if row["loop"]]


def broadcast(host: Host, count: int = 1) -> None:
    host.frames([frames.udp(host.address, "255.255.255.255", b"round and round", mac=host.mac,
                            destination_mac="ff:ff:ff:ff:ff:ff")], repeat=count)  # fmt: skip


def crosses(lab: Lab) -> None:
    """A stream of h0 gets to h1, each datagram once."""
    for host in lab.hosts:
        host.reset()
    lab.h(0).send("239.1.2.3", count=50, rate=2000)
    lab.settle(lab.h(0), [lab.h(1)])
    got = lab.h(1).wire("239.1.2.3")
    assert got.datagrams == got.unique == 50, got


def pair(lab: Lab, cables: Sequence[tuple[str, str]]) -> tuple[Snoop, Snoop]:
    """Two switches, a host at each, with these cables between them; the first one is plugged."""
    for one, other in cables:
        lab.trunk(one, other)
        if (one, other) != cables[0]:
            lab.set_port(one, "down")
    ours = lab.switch(["p0", *(one for one, _ in cables)], config={"igmp": IGMP})
    theirs = lab.switch(["p1", *sorted(other for _, other in cables)])
    return ours, theirs


@pytest.mark.parametrize(
    "cables",
    [[("a0", "b0"), ("a1", "b1")], [("a0", "b1"), ("a1", "b0")],
     [("a0", "b0"), ("a1", "b1"), ("a2", "b2")]],
    ids=["straight", "crossed", "three"],
)  # fmt: skip
def test_two_switches_with_several_cables_keep_one(
    lab: Lab, cables: Sequence[tuple[str, str]]
) -> None:
    """F-16, LOOP-2, LOOP-6: not none, though both see the loop; and another when that is pulled."""
    switches = pair(lab, cables)
    for one, _ in cables[1:]:
        lab.set_port(one, "up")
    broadcast(lab.h(0))
    wait_until(lambda: len(held(*switches)) == len(cables) - 1, within=CUT + BUSY)
    crosses(lab)
    left = held(*switches)
    pulled = next(pair[0] for pair in cables if not {*pair} & {*left})
    lab.set_port(pulled, "down")
    wait_until(lambda: len(held(*switches)) == len(cables) - 2, within=HEALED + BUSY)
    crosses(lab)


def test_three_switches_in_a_ring(lab: Lab) -> None:
    """LOOP-5, LOOP-6: one port of three switches."""
    for one, other in (("a0", "b0"), ("b1", "c0"), ("c1", "a1")):
        lab.trunk(one, other)
    ports = (["p0", "a0", "a1"], ["p1", "b0", "b1"], ["c0", "c1"])
    switches = [lab.switch(list(names)) for names in ports]
    broadcast(lab.h(0))
    wait_until(lambda: len(held(*switches)) == 1, within=CUT + BUSY)
    crosses(lab)


def test_a_cable_from_a_switch_to_itself(lab: Lab) -> None:
    """LOOP-2, 3, 4: the higher port; said everywhere; and forwards again without the cable."""
    lab.trunk("a0", "a1")
    lab.set_port("a0", "down")
    switch = lab.switch(["p0", "p1", "a0", "a1"], config={"igmp": IGMP})
    with_events = switch.events("loop", timeout=30.0)
    lab.set_port("a0", "up")
    broadcast(lab.h(0))
    event = next(with_events)
    assert (event["port"], event["change"], event["by"]) == ("a1", "held", "a0")
    assert held(switch) == ["a1"]
    crosses(lab)
    why = switch.explain(port="p0", group="239.1.2.3")["why"]
    row = next(row for row in why if row["port"] == "a1")
    assert (row["forwarded"], row["cause"]) == (False, "loop")
    assert switch.counters("a1")["loop"] > 0
    assert switch.counters("a1")["punt_probe"] > 0
    lab.set_port("a0", "down")
    event = next(with_events)
    assert (event["port"], event["change"]) == ("a1", "released")


def through(lab: Lab, kind: str) -> None:
    """A bridge of somebody else's between the ports a0 and a1 of the switch."""
    for one, other in (("a0", "x0"), ("a1", "x1")):
        lab.trunk(one, other)
    lab.bridge(["x0", "x1"], snooping=kind == "snooping", querier=False)


@pytest.mark.parametrize("kind", ["snooping", "plain"])
def test_a_loop_through_the_kernels_bridge(lab: Lab, kind: str) -> None:
    through(lab, kind)
    switch = lab.switch(["p0", "p1", "a0", "a1"])
    broadcast(lab.h(0))
    wait_until(lambda: held(switch) == ["a1"], within=CUT + BUSY)
    crosses(lab)


def test_probes_that_were_made_up_hold_nobody(lab: Lab) -> None:
    """LOOP-1: of another's port, as many as a host can send; who sends back his own is held."""
    switch = lab.switch(["p0", "p1"])
    host = lab.h(0)
    forged = bytes.fromhex("03736e6f6f70") + bytes.fromhex(host.mac.replace(":", "")) + b"\x88\xb5"
    host.frames([forged + b"snoop\x01" + bytes(60)] * 20, repeat=200)
    wait_until(lambda: switch.counters("p0")["probe_limited"] > 0, within=BUSY)

    def refused() -> bool:
        host.frames([forged + b"garbage" + bytes(60)] * 20)
        return switch.counters("p0")["probe_refused"] > 0

    wait_until(refused, within=BUSY)
    assert held(switch) == []
    crosses(lab)


def test_a_flood_is_limited_by_its_kind_and_what_is_wanted_is_not(lab: Lab) -> None:
    """LOOP-7: on the way of the rings; the port's limit is changed while it runs."""
    switch = lab.switch(config={"igmp": IGMP})
    switch.wait_pruning()
    switch.port_set("p0", storm_limit=50)
    host = lab.h(0)
    broadcast(host, 1000)
    wait_until(lambda: switch.counters("p0")["storm_broadcast"] > 500, within=BUSY)
    unknown = frames.udp(
        host.address, "10.0.0.99", mac=host.mac, destination_mac="02:00:00:00:99:99"
    )
    host.frames([unknown], repeat=1000)
    wait_until(lambda: switch.counters("p0")["storm_unknown_unicast"] > 500, within=BUSY)
    lab.h(1).join("239.1.2.3")
    switch.wait_member("239.1.2.3", "p1")
    lab.h(1).reset()
    host.send("239.1.2.3", count=500, rate=5000)
    wait_until(lambda: lab.h(1).wire("239.1.2.3").datagrams == 500, within=BUSY)
    switch.port_set("p0", storm_limit=0)
    before = switch.counters("p0")["storm_broadcast"]
    broadcast(host, 500)
    lab.settle(host, [lab.h(1)])
    assert switch.counters("p0")["storm_broadcast"] == before
