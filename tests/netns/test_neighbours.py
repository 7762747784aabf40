"""What leaves is what the neighbour can take: multicast routers and Open vSwitch
behind a port, captures on a host, and other changes of neighbours while a stream goes by.

A burst leaves the sender in one system call, so that its datagrams wait for the switch together and
a neighbour that takes runs gets them as one send: h2 proves in every test that this happens.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from netns.star import IGMP, Star, star
from netns.test_offloads import offloads_off
from snoop.lab import namespaces, wait_until
from snoop.lab.host import Count, Host
from testbed.daemons import ROUTERS, Daemons, Igmpproxy, OpenVswitch

GROUP = "239.8.1.1"
BURSTS = (2, 7, 50, 200)
SIZES = (64, 300, 1316, 1472)
# What Open vSwitch's socket has room for if nobody reads it meanwhile, with some to spare.
OVS_BURST_BYTES = 100_000
FRAME_OVERHEAD = 1200
RATE, BURST, SIZE = 200, 50, 300
MID_STREAM = 240 * BURST
# What a router cannot route yet it queues or drops, behind the kernel bridge as well: the first
# datagrams after it has begun.
BEGINNING_S = 0.5


@pytest.fixture(
    params=[
        # The socket of its userspace datapath overflows where others take the processor.
        pytest.param(name, marks=pytest.mark.alone if name == "ovs" else ())
        for name in sorted(ROUTERS)
    ]
)
def behind(request: pytest.FixtureRequest) -> Iterator[tuple[Star, Daemons, Host]]:
    """A star, a router (not started) on h1, and the host behind it."""
    kind = ROUTERS[request.param]
    assert not kind.missing(), f"{kind.missing()}: tests/run installs them"
    with star(3, switch={"kernel": "off"}) as net:  # h2 is to get runs, however few there are
        beyond = net.lab.add_beyond(net.h(1))
        # Open vSwitch takes unfinished checksums for finished ones, whoever brings them.
        offloads_off(net.h(0).namespace, "eth0")
        for host in (net.h(1), net.h(2), beyond):
            host.join(GROUP)
        net.switch.wait_members(GROUP, {"p1", "p2"})
        with kind(net.h(1)) as daemons:
            yield net, daemons, beyond


def neighbour(net: Star, port: str) -> tuple[bool, str]:
    row = next(row for row in net.switch.show("ports")["ports"] if row["name"] == port)
    return row["takes_runs"], row["takes_runs_because"]


def wait_neighbour(net: Star, port: str, takes: bool, within: float = 20.0) -> str:
    wait_until(lambda: neighbour(net, port)[0] is takes, within=within,
               what=f"{port} takes runs: {takes}")  # fmt: skip
    return neighbour(net, port)[1]


def arrived(host: Host, count: int, within: float = 20.0) -> Count:
    """What the host's socket has got, as soon as it is `count` or no more comes."""
    with suppress(AssertionError):
        wait_until(lambda: host.app(GROUP).unique >= count, within=within, what="all arrives")
    return host.app(GROUP)


def whole(count: Count, wanted: int) -> None:
    assert (count.unique, count.missing) == (wanted, 0), count
    assert (count.duplicates, count.reordered, count.corrupt) == (0, 0, 0), count


def heard_of(beyond: Host) -> None:
    """Igmpproxy knows of members only by the reports it has heard."""
    beyond.leave(GROUP)
    beyond.join(GROUP)


def test_every_datagram_arrives_behind_a_router(
    behind: tuple[Star, Daemons, Host],
) -> None:
    """N-1, N-2: bursts of 2 to 200 datagrams of 64 to 1472 bytes."""
    net, daemons, beyond = behind
    daemons.start(GROUP)
    if isinstance(daemons, Igmpproxy):
        heard_of(beyond)
    wait_neighbour(net, "p1", takes=False)

    def forwards() -> bool:
        net.h(0).send(GROUP, ttl=16, stream=0)
        return beyond.app(GROUP).unique > 0

    wait_until(forwards, within=20, what=f"datagrams arrive behind it\n{daemons.log()}")
    net.come_through(net.h(0), beyond, GROUP, ttl=16)
    net.lab.settle(net.h(0), [net.h(2)])
    for host in (beyond, net.h(2)):
        host.reset()
    sent = 0
    for number, (burst, size) in enumerate((b, s) for b in BURSTS for s in SIZES):
        if isinstance(daemons, OpenVswitch) and burst * (size + FRAME_OVERHEAD) > OVS_BURST_BYTES:
            continue  # Its socket has no room for more, behind the kernel bridge either.
        bursts = max(4, 60 // burst)
        net.h(0).bursts(GROUP, bursts=bursts, burst=burst, size=size, stream=number + 1,
                        rate=min(500, 10_000 / burst))  # fmt: skip
        sent += bursts * burst
    whole(arrived(beyond, sent), sent)
    whole(arrived(net.h(2), sent), sent)
    assert net.switch.counters("p1")["tx_coalesced"] == 0
    assert net.switch.counters("p2")["tx_coalesced"] > sent // 2
    assert neighbour(net, "p2")[0]


def test_router_that_starts_in_the_middle_of_a_stream_loses_nothing(
    behind: tuple[Star, Daemons, Host],
) -> None:
    """N-1, N-2: from the first datagram that arrives behind it none is missing, none comes twice;
    before it came h1's kernel was sent runs."""
    net, daemons, beyond = behind
    assert neighbour(net, "p1") == (True, "a host's kernel: veth peer eth0 takes runs")
    for host in (beyond, net.h(1), net.h(2)):
        host.reset()
    burst = 7 if isinstance(daemons, OpenVswitch) else BURST  # It does not keep up with more.
    rate = RATE / 3
    job = net.h(0).start("bursts", destination=GROUP, bursts=1 << 16, burst=burst, size=SIZE,
                         rate=rate, stream=1)  # fmt: skip
    wait_until(lambda: net.switch.counters("p1")["tx_coalesced"] > 100, within=20, what="runs")
    daemons.start(GROUP)
    if isinstance(daemons, Igmpproxy):
        heard_of(beyond)
    assert wait_neighbour(net, "p1", takes=False)
    # Igmpproxy routes nowhere until it has heard a report: its own gap.
    routed = net.h(2) if isinstance(daemons, Igmpproxy) else beyond
    come = routed.app(GROUP).unique
    wait_until(lambda: routed.app(GROUP).unique > come + 100 * burst, within=60, what="it routes")
    count = job.stop()["sent"]
    whole(arrived(net.h(2), count), count)
    net.lab.settle(net.h(0), [net.h(2)])
    heard = beyond.app(GROUP)
    assert heard.duplicates == 0
    if not isinstance(daemons, Igmpproxy):
        assert heard.last_missing < rate * burst * BEGINNING_S, heard


def captured(file: Path) -> list[int]:
    """The lengths of the frames in a pcap file."""
    data, at, lengths = file.read_bytes() if file.exists() else b"", 24, []
    while at + 16 <= len(data):
        kept, length = struct.unpack_from("<II", data, at + 8)
        lengths.append(length)
        at += 16 + kept
    return lengths


def test_capture_on_a_host_in_the_middle_of_a_stream_sees_frames_as_on_a_wire(
    tmp_path: Path,
) -> None:
    """Whoever starts tcpdump on a host loses nothing by it and sees no frame over the MTU; when it
    has ended the host takes runs again."""
    with star(3, switch={"kernel": "off"}) as net:
        for i in (1, 2):
            net.h(i).join(GROUP)
        net.switch.wait_members(GROUP, {"p1", "p2"})
        job = net.h(0).start("bursts", destination=GROUP, bursts=1 << 16, burst=BURST,
                             size=1000, rate=RATE, stream=1)  # fmt: skip
        wait_until(lambda: net.switch.counters("p2")["tx_coalesced"] > 1000, within=20, what="runs")
        file = tmp_path / "capture"
        tcpdump = namespaces.spawn(
            net.h(2).namespace, ["tcpdump", "-i", "eth0", "-U", "-w", file, "udp"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            because = wait_neighbour(net, "p2", takes=False)
            assert because == "its peer eth0 is promiscuous: somebody captures or bridges there"
            wait_until(lambda: len(captured(file)) > MID_STREAM // 10, within=30, what="captures")
            sent = job.stop()["sent"]
            for i in (1, 2):
                whole(arrived(net.h(i), sent), sent)
        finally:
            tcpdump.terminate()
            tcpdump.wait(5)
        assert max(captured(file)) <= 1514
        assert neighbour(net, "p1")[0]
        wait_neighbour(net, "p2", takes=True, within=20)


def test_neighbour_that_toggles_loses_nothing_and_is_left_alone() -> None:
    """A thousand changes are not a thousand publishes, and nobody loses a datagram or its order."""
    with star(3, switch={"kernel": "off"}) as net:  # which serves singly
        for i in (1, 2):
            net.h(i).join(GROUP)
        net.switch.wait_members(GROUP, {"p1", "p2"})
        job = net.h(0).start("bursts", destination=GROUP, bursts=MID_STREAM // BURST, burst=BURST,
                             size=SIZE, rate=RATE, stream=1)  # fmt: skip
        index = namespaces.index_of(net.h(2).link, "eth0")
        events = net.switch.show("counters")["counters"]
        assert events
        for _ in range(500):
            for flag in (0x100, 0):
                net.h(2).link.link("set", index=index, flags=flag, change=0x100)
        job.result(30)
        for i in (1, 2):
            whole(arrived(net.h(i), MID_STREAM), MID_STREAM)
        assert net.switch.counters("p1")["tx_coalesced"] > 0
        wait_neighbour(net, "p1", takes=True)


@pytest.mark.parametrize("change", ["allmulticast", "master", "on top", "moved away", "smaller"])
def test_what_makes_a_host_no_plain_host_is_heard_of(change: str) -> None:
    """Each is an event in another namespace, or in one that had no id here yet."""
    with star(2, pruning=False) as net:
        host = net.h(1)
        assert neighbour(net, "p1")[0]
        index = namespaces.index_of(host.link, "eth0")
        match change:
            case "allmulticast":
                host.link.link("set", index=index, flags=0x200, change=0x200)
            case "master":
                host.link.link("add", ifname="br0", kind="bridge")
                master = namespaces.index_of(host.link, "br0")
                host.link.link("set", index=index, master=master)
            case "on top":
                host.link.link("add", ifname="m0", kind="macvlan", link=index)
            case "smaller":
                host.link.link("set", index=index, mtu=1400)
            case _:
                other = f"{net.lab.prefix}other"
                namespaces.create(other, quiet_ipv6=True).close()
                host.link.link("set", index=index, net_ns_fd=other)
                wait_until(lambda: moved_is_known(net), within=20, what="asked where it is now")
                run_in(other, "ip", "link", "set", "eth0", "promisc", "on")
        wait_neighbour(net, "p1", takes=False, within=4)  # all are asked every 5 s
        assert neighbour(net, "p0")[0]


def moved_is_known(net: Star) -> bool:
    """It is down there, so its port is; what it takes is known all the same."""
    return "moved" not in neighbour(net, "p1")[1] and "gone" not in neighbour(net, "p1")[1]


def run_in(namespace: str, *command: str) -> None:
    with namespaces.inside(namespace):
        subprocess.run(command, check=True)


TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_USO4, TUN_F_USO6 = 0x1, 0x20, 0x40


@contextmanager
def tap(net: Star, name: str) -> Iterator[int]:
    """A tap in the switch's namespace, held by this process as a hypervisor holds it."""
    with namespaces.inside(net.lab.namespace):  # A tap is made where the device was opened.
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        yield descriptor
    finally:
        os.close(descriptor)


def test_tap_gets_no_runs_whatever_its_reader_asked_for() -> None:
    """TUNSETOFFLOAD, which the reader may call at any time: its guest may be a router."""
    with star(2, pruning=False) as net, tap(net, "p9") as reader:
        net.lab.set_port("p9", "up")
        ports = [{"name": port} for port in ("p0", "p1", "p9")]
        net.switch.configure({**net.switch.config, "port": ports})
        net.switch.hang_up()
        wait_until(
            lambda: len(net.switch.show("ports")["ports"]) == 3, within=20, what="three ports"
        )
        for taken, words in (
            (TUN_F_CSUM, "has not asked for runs"),
            (TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6, "its guest cannot be asked"),
        ):
            fcntl.ioctl(reader, TUNSETOFFLOAD, taken)
            wait_until(lambda words=words: words in neighbour(net, "p9")[1], within=20, what=words)
            assert not neighbour(net, "p9")[0]


@contextmanager
def child(net: Star, *, on: str = "p1", address6: str = "") -> Iterator[Host]:
    """A macvlan on a port, made in the switch's namespace and then moved to one of its own."""
    home = f"{net.lab.prefix}child"
    link = namespaces.create(home, quiet_ipv6=not address6)
    # Multicast waits in a queue that the kernel serves when it has time: a second of all there is.
    run_in(net.lab.namespace, "ip", "link", "add", "mv0", "link", on,
           "type", "macvlan", "mode", "bridge", "bcqueuelen", "20000")  # fmt: skip
    net.lab.link.link("set", index=namespaces.index_of(net.lab.link, "mv0"), net_ns_fd=home)
    run_in(home, "ip", "link", "set", "mv0", "name", "eth0")
    net.lab.bring_up(link, "10.0.0.201", address6)
    made = Host("child", home, link, port=on, address="10.0.0.201", address6=address6)
    try:
        made.call("listen")
        yield made
    finally:
        run_in(home, "ip", "link", "del", "eth0")
        made.close()
        namespaces.remove(home)


def reaches(sender: Host, receiver: Host) -> bool:
    receiver.reset()
    sender.send(receiver.address, count=3, stream=1)
    return arrived_at(receiver) == 3


def arrived_at(host: Host) -> int:
    with suppress(AssertionError):
        wait_until(lambda: host.app(host.address).unique == 3, within=20, what="three arrive")
    return host.app(host.address).unique


def problem(net: Star, port: str) -> Any:
    row = next(row for row in net.switch.show("ports")["ports"] if row["name"] == port)
    return row["problem"]


def test_macvlan_on_a_port_lives_on() -> None:
    """N-6: made while we run, in a namespace of its own, as Docker does; p1 is isolated again when
    it has gone."""
    with star(2, pruning=False) as net:
        with child(net) as made:
            wait_until(lambda: problem(net, "p1"), within=20, what="p1 says so")
            assert "mv0" in problem(net, "p1") or "eth0" in problem(net, "p1")
            assert "sit on it" in problem(net, "p1")
            assert reaches(net.h(1), made)
            assert "note: p1: other interfaces sit on it" in net.switch.run("check").stdout
            time_of_asking(net)
            assert reaches(net.h(1), made)
        wait_until(lambda: not problem(net, "p1"), within=20, what="p1 is isolated again")


def time_of_asking(net: Star) -> None:
    """Until everybody has been asked again, which must not forget what moved away."""
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin > 5.5, within=20, what="asked again")


def test_macvlan_that_was_there_first_lives_on() -> None:
    """N-6: the switch starts on a port whose child is in another namespace already."""
    with star(2, pruning=False) as net:
        net.switch.stop()
        with child(net) as made:
            assert reaches(net.h(1), made)
            net.switch.start()
            assert reaches(net.h(1), made)
            assert "sit on it" in problem(net, "p1")


def test_switch_that_may_not_hear_its_neighbours_sends_no_runs_and_says_why() -> None:
    """What is in its own namespace it hears of all the same."""
    with star(2, pruning=False) as net:
        net.switch.stop()
        deaf = ["setpriv", "--inh-caps", "-all", "--bounding-set", "-net_broadcast"]
        net.switch = net.lab.switch(config={"igmp": IGMP}, through=deaf)
        takes, because = neighbour(net, "p1")
        assert (takes, "CAP_NET_BROADCAST" in because) == (False, True)
        assert "CAP_NET_BROADCAST" in net.switch.run("check").stdout
        with child(net):
            wait_until(lambda: problem(net, "p1"), within=20, what="p1 says what sits on it")
