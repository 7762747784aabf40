"""Trouble that is no complaint about one stream: `check` names the port, on real interfaces."""

from __future__ import annotations

import json

from netns.said import explained, named
from netns.star import Star, star
from snoop.lab import Lab, wait_until
from snoop.lab.frames import tagged, udp
from unit.causes import rows

BROADCAST = "ff:ff:ff:ff:ff:ff"


def found(net: Star) -> list[tuple[str, str, str]]:
    """Severity, subject and words of every finding."""
    said = json.loads(net.switch.here("check", "--json").stdout)["findings"]
    return [(one["severity"], one["subject"], one["finding"]) for one in said]


def test_a_broadcast_storm_is_named_with_its_port() -> None:
    """SAY-18: 4000 frames/s, and nothing once it is over."""
    with star(4, pruning=False) as net:
        host = net.h(2)
        frame = udp(host.address, "10.0.0.255", bytes(40), mac=host.mac, destination_mac=BROADCAST)
        storm = host.start("frames", frames=[frame.hex()], rate=4000, repeat=1 << 24)

        def named() -> bool:
            return any(
                (severity, subject) == ("problem", "p2") and "broadcast frames/s" in words
                for severity, subject, words in found(net)
            )

        wait_until(named, within=30, what="check names the storm")
        storm.stop()
        net.lab.settle(host)
        assert not [one for one in found(net) if one[0] == "problem"]


def test_a_cable_between_two_ports_is_a_loop_between_these() -> None:
    """F-16, LOOP-2: the higher port is held, and it alone is named: once."""
    with Lab(2) as lab:
        lab.trunk("l0", "l1")
        ports = [*lab.ports, "l0", "l1"]
        igmp = {"querier": "on", "querier_address": "10.0.0.254", "query_interval": 60.0}
        net = Star(lab, lab.switch(ports, config={"igmp": igmp}))

        row = rows()["a cable joins two ports"]
        named(net, row)
        explained(net, row, "--port", "p0", "--group", "239.1.1.1")
        loops = [one for one in found(net) if "a loop" in one[2]]
        assert [(severity, subject) for severity, subject, _ in loops] == [("problem", "l1")]


def test_a_macvlan_as_port_and_what_sits_on_a_port_are_notes() -> None:
    """SAY-18: any mode; the interface below the first belongs to nobody else."""
    with Lab(3) as lab:
        below = lab.link.link_lookup(ifname="p2")[0]
        lab.link.link("add", ifname="mv0", kind="macvlan", link=below, macvlan_mode="bridge")
        lab.link.link("set", index=lab.link.link_lookup(ifname="mv0")[0], state="up")
        above = lab.link.link_lookup(ifname="p1")[0]
        lab.link.link("add", ifname="mv1", kind="macvlan", link=above, macvlan_mode="private")
        net = Star(lab, lab.switch(["p0", "p1", "mv0"]))
        row = rows()["the port is a macvlan"]
        named(net, row)
        explained(net, row, "--port", "mv0", "--group", "239.1.1.1")
        notes = {subject: words for severity, subject, words in found(net) if severity == "note"}
        assert "other interfaces sit on it (mv1)" in notes["p1"]
        assert not [one for one in found(net) if one[0] == "problem"]


def test_a_stream_in_another_vlan_than_its_members_is_named() -> None:
    """SAY-18: the sender tags, the listener does not; also in `explain`."""
    group = "239.24.0.1"
    with star(3, switch={"unregistered": "mrouters"}) as net:
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        sender = net.h(0)
        sender.frames([tagged(udp(sender.address, group, mac=sender.mac), 10)] * 20)
        net.lab.settle(sender)
        named = [one for one in found(net) if one[1] == f"{sender.address} -> {group}"]
        assert [severity for severity, _, _ in named] == ["problem"]
        assert "its members are untagged, at p1" in named[0][2]
        said = net.switch.run("explain", "--stream", "--group", group, "--vlan", "10").stdout
        assert "it has members elsewhere: untagged" in " ".join(said.split())


def test_a_stream_over_the_mtu_of_a_port_is_not_said_to_arrive() -> None:
    """SAY-13: `explain --stream` knows how large its frames are."""
    group = "239.24.0.2"
    with star(3) as net:
        net.lab.set_mtu(1, 1000)
        for i in (1, 2):
            net.h(i).join(group)
        net.switch.wait_members(group, {"p1", "p2"})
        net.h(0).send(group, count=20, size=1300)
        net.lab.settle(net.h(0), [net.h(2)])
        said = net.switch.quick("explain", "--stream", "--group", group, "--json")
        why = {each["port"]: each for each in json.loads(said)["why"]}
        assert why["p2"]["forwarded"]
        assert not why["p1"]["forwarded"]
        assert "its frames have 1342 bytes, and an MTU of 1000 takes 1014" in why["p1"]["because"]
