"""Rows of the table of causes that take a switch of their own: limits that only a restart sets, a
ring that overflows, a guest's offload, an interface of another switch (SAY-18).
"""

from __future__ import annotations

import os
import signal

from netns.said import explained, named
from netns.star import IGMP, Star, star
from snoop.lab import Lab, frames, wait_until
from testbed.guest import GSO_UDP, Guest
from unit.causes import rows

G = "239.31.1.1"
GUEST = "02:00:00:00:09:01"
PRUNES = {"unregistered": "mrouters", "no_querier": "prune"}


def test_more_vlans_than_a_port_may_open() -> None:
    row = rows()["a host forges VLANs"]
    with star(3, igmp={"query_interval": 60.0}, switch=PRUNES, pruning=False) as net:
        host = net.h(2)
        report = frames.report_v2(G, host.address, mac=host.mac)
        host.frames([frames.tagged(report, vid) for vid in range(1, 1031)])
        named(net, row)
        explained(net, row, "--port", "p0", "--group", G, "--vlan", "1030")


def test_more_addresses_than_there_is_room_for() -> None:
    row = rows()["a host makes up addresses"]
    with star(3, switch={"fdb_max": 64}, pruning=False) as net:
        host = net.h(2)
        macs = [f"02:00:00:07:{number >> 8:02x}:{number & 255:02x}" for number in range(400)]
        host.frames([frames.udp(host.address, "10.0.0.255", mac=mac) for mac in macs])
        net.lab.settle(host)
        named(net, row)
        explained(net, row, "--port", "p0", "--to", "02:00:00:00:77:77")


def test_more_frames_than_are_taken() -> None:
    """The switch is held up for a moment, and its ring is small."""
    row = rows()["more comes in than is taken"]
    with star(3, switch={"ring_slots": 32}, pruning=False) as net:
        pid = net.switch.process.pid
        net.h(1).join(G)
        net.switch.wait_members(G, {"p1"})
        os.kill(pid, signal.SIGSTOP)
        try:
            net.h(0).send(G, count=2000)
        finally:
            os.kill(pid, signal.SIGCONT)
        named(net, row)
        explained(net, row, "--port", "p0", "--group", G)


def test_an_offload_that_the_kernel_cannot_describe() -> None:
    row = rows()["a guest sends with an offload of its own"]
    with Lab(2) as lab, Guest(lab.namespace, lab.link, "vm0", GUEST) as guest:
        net = Star(lab, lab.switch([*lab.ports, "vm0"], config={"igmp": IGMP}))
        frame = frames.udp("10.0.0.90", G, bytes(4000), mac=GUEST)
        guest.send(frame, gso_type=GSO_UDP, gso_size=1480, header=42, checksum=(34, 6))
        named(net, row)
        explained(net, row, "--port", "vm0", "--group", G)


def test_an_interface_of_another_switch() -> None:
    row = rows()["another switch has the interface"]
    with Lab(3) as lab:
        lab.switch(["p1"], config={"switch": {"name": "first"}})
        second = lab.switch(["p0", "p2"], config={"igmp": IGMP})
        ports = [{"name": name} for name in ("p0", "p1", "p2")]
        second.configure({"igmp": IGMP, "port": ports})
        second.do("reload")
        net = Star(lab, second)
        wait_until(
            lambda: second.show("ports")["ports"][1]["problem"], within=20, what="p1 is tried"
        )
        named(net, row)
        explained(net, row, "--port", "p0", "--group", G)
