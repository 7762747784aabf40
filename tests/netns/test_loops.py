"""The loop guard, on real interfaces: cables that close a loop, and what would look like one.

Hosts h0 and h1 send broadcast and are the storm, or its victims; each loop is one that would go on
for ever without the guard.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from netns.star import IGMP
from snoop.lab import Lab, frames, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import Snoop
from snoop.wire import probe
from snoop.wire.probe import Probe
from testbed.daemons import OpenVswitch

CUT = 2.0  # from the cable to the cut
HEALED = 6.0  # from the last probe that came back: four beats, and what a busy machine adds
BUSY = 20.0


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
    one, other = lab.h(0), lab.h(1)
    other.reset()
    one.send("239.1.2.3", count=50, rate=2000)
    lab.settle(one, [other])
    got = other.wire("239.1.2.3")
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
    slow = {**IGMP, "query_interval": 125.0, "startup_query_interval": 0.25}
    quick = {"igmp": {"query_response_interval": slow["query_response_interval"]}}
    ours, theirs = (
        lab.switch([host, *trunks], config=quick)
        for host, *trunks in (("p0", "a0", "a1"), ("p1", "b0", "b1"))
    )
    third = lab.switch(["c0", "c1"], config={"igmp": slow})
    broadcast(lab.h(0))
    wait_until(lambda: len(held(ours, theirs, third)) == 1, within=CUT + BUSY)
    lab.h(1).join("239.1.2.3")
    wait_until(lambda: third.show("querier")["queriers"], within=BUSY)
    crosses(lab)
    (cut,) = held(ours, theirs, third)
    for switch in (ours, theirs):
        switch.wait_pruning()
    crosses(lab)
    # Who asks is two cables away, and asks by itself two minutes later (LOOP-8).
    lab.set_port("b1" if cut in ("a0", "b0") else "a0", "down")
    wait_until(lambda: not held(ours, theirs, third), within=HEALED + BUSY)

    def arrives() -> bool:
        lab.h(1).reset()
        lab.h(0).send("239.1.2.3", count=10, rate=2000)
        lab.settle(lab.h(0), [lab.h(1)])
        return lab.h(1).wire("239.1.2.3").unique == 10

    wait_until(arrives, within=BUSY)


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
    forged = probe.build(Probe(b"snooper!", 1, 0, bytes(16), "sw0 p1"), bytes(6))
    forged = forged[:6] + bytes.fromhex(host.mac.replace(":", "")) + forged[12:]
    host.frames([forged] * 20, repeat=200)
    wait_until(lambda: switch.counters("p0")["probe_limited"] > 0, within=BUSY)

    def refused() -> bool:
        host.frames([forged[:34] + b"garbage" + forged[41:]] * 20)
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


class Inside(OpenVswitch):
    """Open vSwitch in the namespace of the switch, between two of its cables."""

    def ports(self) -> dict[str, list[str]]:
        return {"x0": [], "x1": []}


def test_a_loop_through_open_vswitch(lab: Lab) -> None:
    """LOOP-2: a bridge that is a process."""
    for one, other in (("a0", "x0"), ("a1", "x1")):
        lab.trunk(one, other)
    with Inside(lab.own("x0")) as ovs:
        ovs.start("")
        switch = lab.switch(["p0", "p1", "a0", "a1"])
        broadcast(lab.h(0))
        wait_until(lambda: held(switch) == ["a1"], within=CUT + BUSY)
        crosses(lab)


REFLECTOR = """
import socket, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
tap.bind(("eth0", 3))
while True:
    frame = tap.recv(65536)
    if sys.argv[1] == "everything" or frame[23] == 253:
        tap.send(frame[:1514])
"""


@pytest.mark.parametrize("what", ["everything", "probes"])
def test_a_host_that_sends_back_what_it_gets_is_held(what: str) -> None:
    """LOOP-2: its own port and nobody else's, though h0's frames come from there as well."""
    with Lab(3) as lab:
        switch = lab.switch(config={"igmp": IGMP})
        lab.h(2).spawn([sys.executable, "-c", REFLECTOR, what])
        broadcast(lab.h(0))
        wait_until(lambda: held(switch) == ["p2"], within=CUT + BUSY)
        crosses(lab)
        assert lab.h(0).run(["ping", "-c1", "-w10", lab.h(1).address]).returncode == 0


def test_a_loop_in_one_vlan_of_a_trunk(lab: Lab) -> None:
    """LOOP-1, 2: a cable between two trunks that have one VLAN in common."""
    lab.trunk("a0", "a1")
    vlans = {"p0": 20, "p1": 20, "a0": [10, 20], "a1": [20, 30]}
    switch = lab.switch(["p0", "p1", "a0", "a1"], vlans=vlans)
    broadcast(lab.h(0))
    wait_until(lambda: held(switch) == ["a1"], within=CUT + BUSY)
    (row,) = [row for row in switch.show("ports")["ports"] if row["loop"]]
    assert "VLAN 20" in row["problem"]
    crosses(lab)


def test_ports_of_one_split_horizon_that_are_joined_outside(lab: Lab) -> None:
    """What is flooded to both comes back by both: no storm, but everybody gets it again."""
    lab.trunk("a0", "a1")
    fabric = [{"name": name, "split_horizon": "fabric"} for name in ("a0", "a1")]
    switch = lab.switch(["p0", "p1", *fabric])
    wait_until(lambda: held(switch) == ["a1"], within=CUT + BUSY)
    crosses(lab)


def test_a_held_port_stays_held_over_a_restart_and_a_crash(lab: Lab) -> None:
    """LOOP-3: the storm does not begin anew; a cable that was pulled meanwhile is seen."""
    lab.trunk("a0", "a1")
    switch = lab.switch(["p0", "p1", "a0", "a1"], config={"igmp": IGMP})
    wait_until(lambda: held(switch) == ["a1"], within=CUT + BUSY)
    switch.run("restart")
    assert held(switch) == ["a1"]
    broadcast(lab.h(0))
    crosses(lab)
    saved = Path(switch.socket).with_suffix(".state")
    before = saved.stat().st_mtime_ns if saved.exists() else 0
    switch.query()
    wait_until(lambda: saved.exists() and saved.stat().st_mtime_ns != before, within=20)
    switch.stop(signal.SIGKILL)
    switch.start()
    assert held(switch) == ["a1"]
    broadcast(lab.h(0))
    crosses(lab)
    assert switch.counters("a1")["flood_broadcast"] == 0
    lab.set_port("a0", "down")
    wait_until(lambda: held(switch) == [], within=HEALED + BUSY)
