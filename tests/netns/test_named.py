"""Trouble that is no complaint about one stream: `check` names the port, on real interfaces."""

from __future__ import annotations

import json

from netns.star import Star, star
from testbed.frames import udp
from testbed.lab import Lab, wait_until

BROADCAST = "ff:ff:ff:ff:ff:ff"


def found(net: Star) -> list[tuple[str, str, str]]:
    """Severity, subject and words of every finding."""
    said = json.loads(net.switch.run("check", "--json").stdout)["findings"]
    return [(one["severity"], one["subject"], one["finding"]) for one in said]


def test_a_broadcast_storm_is_named_with_its_port() -> None:
    """SAY-18: 4000 frames/s, and nothing once it is over."""
    with star(4, pruning=False) as net:
        host = net.h(2)
        frame = udp(host.address, "10.0.0.255", bytes(40), mac=host.mac, destination_mac=BROADCAST)
        storm = host.start("frames", frames=[frame.hex()], rate=4000, repeat=12_000)

        def named() -> bool:
            return any(
                (severity, subject) == ("problem", "p2") and "broadcast frames/s" in words
                for severity, subject, words in found(net)
            )

        wait_until(named, within=3, what="check names the storm")
        storm.result()
        net.lab.settle(host)
        assert not [one for one in found(net) if one[0] == "problem"]


def test_a_cable_between_two_ports_is_a_loop_between_these() -> None:
    """F-16, SAY-18: our own queries come back. A message a second, so that no storm begins."""
    with Lab(2) as lab:
        lab.trunk("l0", "l1")
        ports = [*lab.ports, "l0", "l1"]
        igmp = {"querier": "on", "querier_address": "10.0.0.254", "query_interval": 60.0}
        net = Star(lab, lab.switch(ports, config={"igmp": igmp}))

        def loops() -> list[tuple[str, str, str]]:
            return [one for one in found(net) if "a loop" in one[2]]

        wait_until(loops, within=5, what="check names the loop")
        assert [(severity, subject) for severity, subject, _ in loops()] == [("problem", "l0, l1")]


def test_a_macvlan_as_port_and_what_sits_on_a_port_are_notes() -> None:
    """SAY-18: any mode; the interface below the first belongs to nobody else."""
    with Lab(3) as lab:
        below = lab.link.link_lookup(ifname="p2")[0]
        lab.link.link("add", ifname="mv0", kind="macvlan", link=below, macvlan_mode="bridge")
        lab.link.link("set", index=lab.link.link_lookup(ifname="mv0")[0], state="up")
        above = lab.link.link_lookup(ifname="p1")[0]
        lab.link.link("add", ifname="mv1", kind="macvlan", link=above, macvlan_mode="private")
        net = Star(lab, lab.switch(["p0", "p1", "mv0"]))
        notes = {subject: words for severity, subject, words in found(net) if severity == "note"}
        assert "a macvlan interface" in notes["mv0"]
        assert "other interfaces sit on it (mv1)" in notes["p1"]
        assert not [one for one in found(net) if one[0] == "problem"]
