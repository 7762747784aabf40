"""Which neighbours can be handed frames directly, on real interfaces and while they change."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netns.star import Star, star
from netns.test_neighbours import captured, reaches, run_in
from snoop.lab import namespaces, vlans, wait_until
from snoop.lab.host import Host
from snoop.links.neighbours import Neighbours
from snoop.links.rtnetlink import Asker

GROUP = "239.31.0.1"
PROG_TYPE_XDP = 6


@pytest.fixture
def net() -> Iterator[Star]:
    with star(2, pruning=False) as made:
        yield made


def address_of(host: Host) -> bytes:
    (link,) = host.link.get_links(ifname="eth0")
    return bytes.fromhex(str(link.get_attr("IFLA_ADDRESS")).replace(":", ""))


def direct(net: Star, port: str) -> tuple[bool, str]:
    row = next(row for row in net.switch.show("ports")["ports"] if row["name"] == port)
    return row["direct"], row["direct_because"]


def wait_direct(net: Star, port: str, wanted: bool, within: float = 20.0) -> str:
    """What it said when it was."""
    said: list[str] = []

    def is_so() -> bool:
        now, because = direct(net, port)
        said[:] = [because]
        return now is wanted

    wait_until(is_so, within=within, what=f"{port} direct: {wanted}")
    return said[0]


def test_a_host_in_its_own_namespace_is_and_with_its_address(net: Star) -> None:
    wait_direct(net, "p1", True)
    neighbours, host = Neighbours(), net.h(1)
    with namespaces.inside(net.lab.namespace):
        neighbours.open()
        index = namespaces.index_of(net.lab.link, "p1")
        neighbours.follow([index])
        assert neighbours.direct(index).mac == address_of(host)
    neighbours.close()


def test_promiscuous_neighbours_and_routers_are_as_well(net: Star) -> None:
    run_in(net.h(1).namespace, "ip", "link", "set", "eth0", "promisc", "on", "allmulticast", "on")
    wait_until(
        lambda: not net.switch.show("ports")["ports"][1]["takes_runs"], within=20, what="no runs"
    )
    assert direct(net, "p1")[0]


def test_a_peer_in_the_switch_s_namespace_is_not(net: Star) -> None:
    """N-9: the kernel would drop what it is handed."""
    net.lab.link.link("add", ifname="p8", kind="veth", peer={"ifname": "p9"})
    for name in ("p8", "p9"):
        net.lab.set_port(name, "up")
    net.switch.configure({**net.switch.config, "port": [{"name": n} for n in ("p0", "p1", "p8")]})
    net.switch.hang_up()
    wait_until(lambda: len(net.switch.show("ports")["ports"]) == 3, within=20, what="three ports")
    said = (False, "its peer p9 is in the switch's own namespace")
    wait_until(lambda: direct(net, "p8") == said, within=20, what="p8 is open, and says why not")


@pytest.mark.parametrize("change", ["xdp", "smaller", "moved here", "gone", "traffic control"])
def test_what_ends_it_is_heard_of(net: Star, change: str) -> None:
    wait_direct(net, "p1", True)
    host, index = net.h(1), namespaces.index_of(net.h(1).link, "eth0")
    match change:
        case "xdp":
            with namespaces.inside(host.namespace):
                host.link.link("set", index=index, xdp_fd=xdp_program())
        case "smaller":
            host.link.link("set", index=index, mtu=1400)
        case "moved here":
            host.link.link("set", index=index, ifname="far", net_ns_fd=net.lab.namespace)
        case "gone":
            host.link.link("del", index=index)
        case _:
            run_in(net.lab.namespace, "tc", "qdisc", "add", "dev", "p1", "root", "pfifo")
    # No event tells of traffic control.
    because = wait_direct(net, "p1", False, within=4 if change != "traffic control" else 20)
    assert direct(net, "p0")[0]
    if change == "moved here":
        said = "its peer far is in the switch's own namespace"
        wait_until(lambda: direct(net, "p1")[1] == said, within=20, what=because)


def test_a_changed_address_is_off_and_then_known(net: Star) -> None:
    wait_direct(net, "p1", True)
    index = namespaces.index_of(net.h(1).link, "eth0")
    net.h(1).link.link("set", index=index, address="02:00:00:00:99:99")
    assert "address" in wait_direct(net, "p1", False, within=4)
    wait_direct(net, "p1", True)
    with namespaces.inside(net.lab.namespace):
        asker = Asker()
        own = asker.link(namespaces.index_of(net.lab.link, "p1"))
        assert asker.link(own.link, own.link_nsid).mac == bytes.fromhex("020000009999")
        asker.close()
    net.h(1).call("listen")
    run_in(net.h(0).namespace, "ip", "neigh", "flush", "all")
    for _ in range(3):  # the first by the rings, the others inside the kernel
        assert reaches(net.h(0), net.h(1))
    assert net.switch.counters("p0")["shortcut_frames"] > 0


def test_qdisc_bypass_false_shows_all_that_leaves_on_the_port(net: Star, tmp_path: Path) -> None:
    """Whoever serves the stream."""
    wait_direct(net, "p1", True)
    net.switch.do("port", "set", "p1", "qdisc_bypass=false", "coalesce=off")
    assert "qdisc_bypass" in direct(net, "p1")[1]
    file = tmp_path / "capture"
    command = ["tcpdump", "-i", "p1", "-Q", "out", "-U", "-w", file, "udp"]
    tcpdump = namespaces.spawn(net.lab.namespace, command, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: file.exists() and file.stat().st_size > 0, within=20, what="captures")
        for kernel, stream in (("auto", 1), ("off", 2)):
            net.switch.configure({**net.switch.config, "switch": {"kernel": kernel}})
            net.switch.do("reload")
            net.h(0).send(GROUP, count=300, rate=1000, stream=stream)
            way = "kernel" if kernel == "auto" else "ring"
            wait_until(lambda way=way: paths(net) == [way], within=20, what=way)
            wait_until(lambda n=stream: len(captured(file)) == 300 * n, within=20, what="all seen")
    finally:
        tcpdump.terminate()
        tcpdump.wait()


def test_a_stream_does_not_overtake_itself_in_traffic_control(net: Star) -> None:
    """N-10: it changes between the kernel and the rings while its frames wait on the port."""
    slower = ["tbf", "rate", "1800kbit", "burst", "4k", "latency", "5s"]
    run_in(net.lab.namespace, "tc", "qdisc", "add", "dev", "p1", "root", *slower)
    wait_until(lambda: "tbf" in direct(net, "p1")[1], within=20, what="traffic control is known")
    host = net.h(1)
    host.join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    job = net.h(0).start("send", destination=GROUP, count=1 << 20, rate=1000, stream=7)
    for kernel, way in (("auto", "kernel"), ("off", "ring")) * 3:
        net.switch.configure({**net.switch.config, "switch": {"kernel": kernel}})
        net.switch.quick("reload")
        wait_until(lambda way=way: paths(net) == [way], within=20, what=way)
        come = host.app(GROUP).unique
        wait_until(lambda come=come: host.app(GROUP).unique > come + 1000, within=30, what="more")
    sent = job.stop()["sent"]
    wait_until(lambda: host.app(GROUP).unique == sent, within=30, what="all arrives")
    count = host.app(GROUP)
    assert (count.missing, count.duplicates, count.reordered) == (0, 0, 0)


def paths(net: Star) -> list[str]:
    return [row["path"] for row in net.switch.streams(group=GROUP)]


def xdp_program() -> int:
    """A program that lets everything pass."""
    return vlans.program(PROG_TYPE_XDP, struct.pack("=BBhi", 0xB7, 0, 0, 2) + vlans.end())
