"""Ports whose interface somebody else uses too, while the kernel serves streams at them (N-6).

A master, an address and upper devices come and go under two streams: neither loses a datagram or
leaves the kernel, and those who share the interface have their traffic in both directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netns.kernel_world import GROUPS, port, streaming
from netns.star import Star, star
from netns.test_neighbours import child, run_in
from snoop.lab import namespaces, wait_until
from snoop.lab.host import Host
from snoop.links.neighbours import Neighbours

GROUP = "239.41.0.9"
UPPER = ["ip", "link", "del", "mv{}"]
SHARES = {
    "has a master": (["ip", "link", "set", "p{}", "master", "br9"],
                     ["ip", "link", "set", "p{}", "nomaster"]),
    "carries an address": (["ip", "addr", "add", "192.0.2.1/32", "dev", "p{}"],
                           ["ip", "addr", "flush", "dev", "p{}"]),
    "(mv0)": (["ip", "link", "add", "mv{}", "link", "p{}", "type", "macvlan"], UPPER),
    "(mv1)": (["ip", "link", "add", "mv{}", "link", "p{}", "type", "macvtap"], UPPER),
}  # fmt: skip


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    with star(3, mld={}, quiet_ipv6=False, switch={"unregistered": "mrouters"}) as made:
        run_in(made.lab.namespace, "ip", "link", "add", "br9", "type", "bridge")
        yield made


def test_who_shares_a_port_comes_and_goes_unnoticed_by_streams(net: Star) -> None:
    """The port that they come in at, and one that they leave by."""
    with streaming(net) as streams:
        for says, (begin, end) in SHARES.items():
            numbers = [int(says[3])] if "mv" in says else [0, 1]
            names = [f"p{number}" for number in numbers]
            for number in numbers:
                run_in(net.lab.namespace, *(word.format(number) for word in begin))
            for name in names:
                wait_until(lambda n=name, s=says: s in problem(net, n), within=20, what=says)
                assert not port(net, name)["isolated"]
            streams.go_on()
            assert wait_until(streams.paths, within=20) == {"kernel"}
            for number in numbers:
                run_in(net.lab.namespace, *(word.format(number) for word in end))
            for name in names:
                wait_until(lambda n=name: not problem(net, n), within=20, what="isolated again")
                assert port(net, name)["isolated"]
            streams.go_on()
    streams.whole(1, 2)


@pytest.mark.parametrize("which", ["address", "master"])
def test_the_host_itself_is_reached_at_a_shared_port(net: Star, which: str) -> None:
    """By who is behind the port, at an address of the port's or of the bridge it is in."""
    place, holder = net.lab.namespace, "p1" if which == "address" else "br9"
    if which == "master":
        run_in(place, "ip", "link", "set", "p1", "master", "br9")
        run_in(place, "ip", "link", "set", "br9", "up")
    run_in(place, "ip", "addr", "add", "10.0.0.99/32", "dev", holder)
    run_in(place, "ip", "route", "add", "10.0.0.11/32", "dev", holder)
    wait_until(lambda: problem(net, "p1"), within=20, what="p1 says so")
    pings(net.h(1), "10.0.0.99")
    pings(net.h(1), net.h(2).address)
    if which == "master":
        run_in(place, "ip", "link", "set", "p1", "nomaster")
    run_in(place, "ip", "addr", "flush", "dev", holder)
    wait_until(lambda: not problem(net, "p1"), within=20, what="isolated again")


def pings(host: Host, other: str) -> None:
    said = host.run(["ping", "-n", "-c", "3", "-i", "0.05", "-W", "3", other]).stdout
    assert "3 received" in said, said


def problem(net: Star, name: str) -> str:
    return str(port(net, name)["problem"] or "")


@pytest.fixture(scope="module")
def upper(net: Star) -> Iterator[Host]:
    """A macvlan in a namespace of its own, on the port that the streams come in at."""
    with child(net, on="p0", address6="fd00::201") as made:
        wait_until(lambda: "sit on it" in problem(net, "p0"), within=20, what="p0 says so")
        yield made


@pytest.mark.parametrize("family", [4, 6])
def test_upper_device_is_reached_and_reaches(net: Star, upper: Host, family: int) -> None:
    below, above = (net.h(0).address, upper.address) if family == 4 else ("fd00::10", "fd00::201")
    for host, other in ((upper, below), (net.h(0), above)):
        pings(host, other)


def test_hosts_behind_the_port_reach_those_behind_others(net: Star, upper: Host) -> None:
    """By the short cut, too; what has an upper device's address goes to that, and no way round."""
    before = net.switch.counters("p0")["shortcut_frames"]
    for _ in range(2):
        pings(net.h(0), net.h(2).address)
        pings(net.h(2), net.h(0).address)
    assert net.switch.counters("p0")["shortcut_frames"] > before
    pings(net.h(0), upper.address)


def test_upper_device_has_its_groups(net: Star, upper: Host) -> None:
    """Also those of a stream that is not for the port, and is served in the kernel."""
    upper.join(GROUP)
    net.h(0).join(GROUP)
    for sender, receiver in ((net.h(0), upper), (upper, net.h(0))):
        sender.send(GROUP, count=20, stream=1)
        wait_until(lambda r=receiver: r.app(GROUP).unique == 20, within=20, what="it hears all")
    for group in GROUPS:
        upper.join(group)
    with streaming(net) as streams:
        upper.reset()
        before = streams.sent + 1  # one may have been sent and not counted yet
        streams.go_on()
    for group in GROUPS:
        wait_until(lambda g=group: upper.app(g).unique >= streams.sent - before, within=20)
        assert upper.app(group).missing == upper.app(group).duplicates == 0
    streams.whole(1)
    assert "(eth0 (elsewhere))" in problem(net, "p0") or "(mv0 (elsewhere))" in problem(net, "p0")
    assert "other interfaces sit on it" in net.switch.run("check").stdout
    explained = net.switch.run("explain", "--stream", "--group", GROUPS[0]).stdout
    assert "other interfaces sit on it" in " ".join(explained.split())


def test_port_that_is_not_isolated_is_served_as_well() -> None:
    """`isolate = false`: the host's stack has the frames, and so have the members."""
    with star(2, pruning=False, switch={"isolate": False}) as net:
        job = net.h(0).start("send", destination=GROUP, count=1500, rate=1000)
        wait_until(
            lambda: [row["path"] for row in net.switch.streams(group=GROUP)] == ["kernel"],
            within=20,
        )
        job.result(10)
        net.settle(net.h(0))
        assert net.h(1).wire(GROUP).unique == 1500
        assert net.switch.counters("p0")["kernel_frames"] > 500
        assert not problem(net, "p0")
        with namespaces.inside(net.lab.namespace):
            received = Path("/proc/thread-self/net/snmp").read_text().split("Ip: ")[2].split()[2]
        assert int(received) >= 1500


def test_stations_that_a_tunnel_knows_are_no_upper_devices(net: Star) -> None:
    """A vxlan's forwarding database is told in the same place as addresses that are asked for."""
    run_in(
        net.lab.namespace,
        *[
            "ip",
            "link",
            "add",
            "vx0",
            "type",
            "vxlan",
            "id",
            "7",
            "remote",
            "192.0.2.9",
            "dstport",
            "4789",
        ],
    )
    run_in(
        net.lab.namespace,
        *["bridge", "fdb", "append", "02:00:00:00:09:09", "dev", "vx0", "dst", "192.0.2.9"],
    )
    neighbours = Neighbours()
    with namespaces.inside(net.lab.namespace):
        neighbours.open()
        index = namespaces.index_of(net.lab.link, "vx0")
        neighbours.follow([index])
        assert neighbours.guests(index) == frozenset()
    neighbours.close()
    run_in(net.lab.namespace, "ip", "link", "del", "vx0")
