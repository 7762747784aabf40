"""Streams inside the kernel among hosts that come, go and change, and among enemies.

A stream is served there within a few frames; whatever happens beside it, nobody who stays a member
misses a datagram, and the counts are those of the sender.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netns.kernel_frames import udp
from netns.kernel_lab import GROUPS, middle
from netns.kernel_sides import PLAIN, Side, side
from netns.star import IGMP, Star, star
from netns.test_decision import in_new_namespace
from netns.test_shortcut import mac
from snoop.lab import Lab, wait_until
from snoop.lab.host import Job
from snoop.table.mdb import Mdb, VlanRow
from snoop.table.members import EVERYBODY
from snoop.table.seen import PortSetup
from snoop.wire.address import ANY, Family, parse

GROUP = "239.1.2.3"
WAYS_OUT = {
    "no CAP_BPF": ({}, ("setpriv", "--inh-caps", "-all", "--bounding-set", "-bpf,-sys_admin")),
    "off": ({"kernel": "off"}, ()),
}


@contextmanager
def streaming(net: Star, rate: int = 1500) -> Iterator[Job]:
    """h0 sends to members at h1 until it is stopped; the kernel serves it."""
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    for host in net.lab.hosts:
        host.reset()
    job = net.h(0).start("send", destination=GROUP, count=1 << 24, rate=rate)
    wait_until(lambda: path(net) == "kernel", within=20)
    yield job


def path(net: Star) -> str:
    return next((row["path"] for row in net.switch.streams(group=GROUP)), "")


def ports_up(net: Star) -> set[str]:
    return {row["name"] for row in net.switch.show("ports")["ports"] if row["state"] == "up"}


def whole_at(net: Star, host: int, count: int) -> None:
    net.settle(net.h(0))
    for found in (net.h(host).wire(GROUP), net.h(host).app(GROUP)):
        assert (found.unique, found.duplicates, found.reordered) == (count, 0, 0), host


def test_members_come_and_go_while_the_kernel_serves() -> None:
    """SM-70, SNOOP-28; the stream's count is the sender's, to the frame."""
    with star(4, switch={"unregistered": "mrouters"}) as net:
        net.h(3).reset()
        with streaming(net) as job:
            net.h(2).join(GROUP)
            wait_until(lambda: net.h(2).app(GROUP).unique > 50, within=20)
            net.h(2).leave(GROUP)
            net.switch.wait_members(GROUP, {"p1"})
            wait_until(lambda: net.h(1).app(GROUP).unique > 3000, within=30)
            sent = int(job.stop()["sent"])
        whole_at(net, 1, sent)
        some = net.h(2).wire(GROUP)
        assert some.missing == some.duplicates == some.reordered == 0
        assert some.unique < sent
        assert net.h(3).wire(GROUP).frames == 0
        assert [row["frames"] for row in net.switch.streams(group=GROUP)] == [sent]
        counters = net.switch.counters("p0")
        assert counters["kernel_frames"] > 1000
        assert counters["ring_full"] == 0


def test_receivers_link_goes_and_comes() -> None:
    with star(4, switch={"unregistered": "mrouters"}) as net, streaming(net) as job:
        net.h(2).join(GROUP)
        wait_until(lambda: net.h(2).app(GROUP).unique > 20, within=20)
        net.lab.set_port("p2", "down")
        wait_until(lambda: "p2" not in ports_up(net), within=20)
        net.lab.set_port("p2", "up")
        before = net.h(2).app(GROUP).unique
        net.h(2).leave(GROUP)
        net.h(2).join(GROUP)
        wait_until(lambda: net.h(2).app(GROUP).unique > before + 20, within=20)
        whole_at(net, 1, int(job.stop()["sent"]))


def test_capture_at_the_receiver_changes_nothing() -> None:
    """Its end is promiscuous: it is handed nothing directly, and misses nothing."""
    with star(3, switch={"unregistered": "mrouters"}) as net, streaming(net) as job:
        capture = net.h(1).spawn(["tcpdump", "-i", "eth0", "-w", "/dev/null", "udp"])
        wait_until(lambda: net.h(1).app(GROUP).unique > 3000, within=20)
        capture.terminate()
        capture.wait()
        whole_at(net, 1, int(job.stop()["sent"]))


@pytest.mark.parametrize("way", WAYS_OUT)
def test_without_the_kernel_all_goes_by_the_rings(way: str) -> None:
    table, through = WAYS_OUT[way]
    with Lab(3) as lab:
        switch = lab.switch(config={"switch": table, "igmp": IGMP}, through=through)
        net = Star(lab, switch)
        net.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        net.h(0).send(GROUP, count=1000, rate=5000)
        net.settle(net.h(0))
        assert net.h(1).app(GROUP).unique == 1000
        assert path(net) == "ring"
        assert switch.counters("p0")["kernel_frames"] == 0
        assert switch.log.count("no stream is served inside the kernel") <= 1
        net.conserved()


def test_pruned_stream_does_not_wake_the_loop() -> None:
    group = GROUPS[False]
    with middle(3) as made:
        job = made.lab.h(0).start("send", destination=group, count=4000, rate=2000)
        counters = made.fastpath.counters
        wait_until(lambda: counters(0)["kernel_frames"] > 100, within=20)
        passes, served = made.fastpath.worker_stats().passes, counters(0)["kernel_frames"]
        wait_until(lambda: counters(0)["kernel_frames"] > served + 1000, within=20)
        assert made.fastpath.worker_stats().passes < passes + 50
        job.result(30)
        made.lab.settle(made.lab.h(0))
        assert [s.frames for s in made.fastpath.streams() if s.group == parse(group)] == [4000]
        assert counters(0)["no_member"] + counters(0)["no_egress"] == 4000


@pytest.mark.alone
def test_two_switches_in_a_loop_leave_the_machine_to_others() -> None:
    """What goes round and round takes what is left of it; commands are answered all the while."""
    quiet = {"igmp": {"querier": "off"}, "mld": {"querier": "off"}}
    with Lab(2) as lab:
        lab.trunk("t0", "t1")
        lab.trunk("t2", "t3")
        switch = lab.switch(["p0", "t0", "t2"], config=quiet)
        lab.switch(["p1", "t1", "t3"], config=quiet)
        lab.h(0).send(GROUP, count=40, rate=200)

        def round_and_round() -> int:
            return int(switch.counters("t0")["rx_frames"])

        begin = time.monotonic()
        wait_until(lambda: round_and_round() > 5000, within=20)
        while time.monotonic() - begin < 2:
            asked = time.monotonic()
            switch.show("counters")
            assert time.monotonic() - asked < 1
        lab.set_port("t2", "down")
        wait_until(lambda: round_and_round() == round_and_round(), within=20, every=0.1)
        lab.h(1).reset()
        lab.h(0).send(GROUP, count=10, rate=100)
        wait_until(lambda: lab.h(1).wire(GROUP).unique >= 10, within=20)


# A fast path by itself


def want(each: Side, ports: int, group: str = GROUP) -> None:
    mdb = Mdb()
    mdb.set_members(EVERYBODY)
    for family in Family:
        mdb.set_vlan(VlanRow(0, family, True, 0, 0, False))
    mdb.set_group(0, parse(group), {ANY: ports})
    each.fastpath.publish(mdb.staged())
    mdb.published()


def datagram(host: int = 0) -> bytes:
    frame = udp(GROUP, "192.0.2.1")
    return frame[:6] + mac(host) + frame[12:]


def until_served(each: Side) -> int:
    """How many frames it took until the kernel had one."""
    frame, sent = datagram(), 0

    def served() -> bool:
        nonlocal sent
        each.ends.send(0, frame, PLAIN)
        sent += 1
        return each.total("kernel_frames") > before

    before = each.total("kernel_frames")
    wait_until(served, within=20, every=0.001)
    return sent


def count_at(each: Side, host: int) -> int:
    return sum(1 for _, frame in each.ends.received(host) if frame[6:12] == mac(0))


@in_new_namespace
def test_more_ports_than_the_program_has_room_for() -> None:
    with side("m", 70, streams_max=512, slots=64) as each:
        want(each, (1 << 70) - 1)
        got = [0] * 70

        def arrived(number: int) -> bool:
            for host in range(1, 70):
                got[host] += count_at(each, host)
            return min(got[1:]) >= number

        for number in range(10, 310, 10):  # fewer at once than a processor's backlog has room for
            for _ in range(10):
                each.ends.send(0, datagram(), PLAIN)
            wait_until(lambda n=number: arrived(n), within=20, what="all have them")
        assert set(got[1:]) == {300}
        assert each.total("kernel_frames") == 0
        want(each, (1 << 65) - 1)  # 64, without the sender's
        until_served(each)


@in_new_namespace
def test_port_that_another_interface_has_now() -> None:
    """Stale slots of the port, as source and as egress, serve nobody."""
    with side("q", 4, streams_max=512) as each:
        want(each, 0b0110)
        until_served(each)
        for port in (0, 1):
            each.fastpath.port_close(port)
        subprocess.run(
            ["ip", "link", "add", "qn", "mtu", "1500", "up", "type", "veth", "peer", "name", "qf"],
            check=True,
        )
        subprocess.run(["ip", "link", "set", "qf", "up"], check=True)
        opened = each.fastpath.port_open(0, socket.if_nametoindex("qp1"), PortSetup())
        assert opened.isolated, opened.why_not
        each.fastpath.port_open(1, socket.if_nametoindex("qn"), PortSetup())
        for port in (0, 1):
            each.fastpath.port_set(port, up=True, mtu=1500, coalesce=False)
        want(each, 0b1000)
        for host in each.ports:
            each.ends.received(host)
        frame = datagram()
        sent, got = 0, [0] * 4

        def arrived() -> bool:
            for host in each.ports:
                got[host] += count_at(each, host)
            return got[3] >= sent

        def served() -> bool:
            nonlocal sent
            each.ends.send(1, frame, PLAIN)  # at the interface that is port 0 now
            each.ends.send(0, frame, PLAIN)  # and at the one that is nobody's
            sent += 1
            arrived()
            return each.total("kernel_frames") > before + 20

        before = each.total("kernel_frames")
        wait_until(served, within=20, every=0.001)
        wait_until(arrived, within=20)
        assert got == [0, 0, 0, sent]


@pytest.mark.alone
@in_new_namespace
def test_host_with_a_hundred_thousand_flows_takes_nothing_from_a_stream() -> None:
    """Its flows push out its own; the stream beside them stays in the kernel."""
    with side("x", 3, streams_max=1024) as each:
        want(each, 0b010)
        sent = until_served(each)
        flood = bytearray(udp(GROUP, "192.0.2.9")[:34]) + bytes(30)
        flood[6:12] = mac(2)
        before = each.total("kernel_frames")
        got = served = 0
        for number in range(100_000):
            flood[26:30] = (0x0B000000 + number).to_bytes(4, "big")
            flood[24:26] = checksum(flood[14:24] + flood[26:34])
            each.ends.send(2, bytes(flood), PLAIN)
            if not number % 100:
                each.ends.send(0, datagram(), PLAIN)
                served += 1
                got += count_at(each, 1)

        def arrived() -> bool:
            nonlocal got
            got += count_at(each, 1)
            return got >= sent + served

        wait_until(arrived, within=20)
        assert got == sent + served
        assert each.total("kernel_frames") - before > served / 2


def checksum(words: bytes) -> bytes:
    total = sum(int.from_bytes(words[i : i + 2], "big") for i in range(0, len(words), 2))
    return (0xFFFF - total % 0xFFFF).to_bytes(2, "big")
