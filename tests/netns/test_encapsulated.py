"""TCP inside a tunnel: the virtio header has no word for such an offload (F-9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

from netns.star import IGMP, Star, star
from snoop.lab import Lab, frames, namespaces, wait_until
from snoop.lab.host import Host
from testbed.guest import GSO_TCPV4, GSO_UDP_L4, Guest

GUEST, ADDRESS = "02:00:00:00:09:01", "10.0.0.90"
BLOCKS = 120  # of 256 KiB
VNI_GROUP = "239.77.0.1"
LOSSES = ("tx_full", "tx_mtu", "tx_error", "tx_offload", "tx_down")


@pytest.fixture(params=[False, True], ids=["rings", "shortcut"])
def net(request: pytest.FixtureRequest) -> Iterator[Star]:
    with star(3, pruning=False, switch={"shortcut": request.param}) as made:
        yield made


def tunnel(host: Host, name: str, vni: int, remote: str, **options: Any) -> str:
    """A VXLAN device with an address of its own network."""
    eth0 = namespaces.index_of(host.link, "eth0")
    host.link.link(
        "add", ifname=name, kind="vxlan", vxlan_id=vni, vxlan_link=eth0, vxlan_group=remote,
        vxlan_local=host.address, vxlan_port=4789, **options,
    )  # fmt: skip
    index = namespaces.index_of(host.link, name)
    address = f"10.{vni}.0.{host.address.rsplit('.', 1)[1]}"
    host.link.addr("add", index=index, address=address, prefixlen=24)
    host.link.link("set", index=index, state="up")
    return address


def carries_tcp(sender: Host, to: str) -> None:
    job = sender.start("tcp_send", destination=to, port=7000, blocks=BLOCKS)
    result = job.result(30)
    assert result["intact"]
    assert result["sent"] == result["received"]


def test_tcp_over_vxlan_arrives_whole(net: Star) -> None:
    """With and without outer checksum; peers found by unicast and by a multicast group."""
    h0, h1, h2 = net.h(0), net.h(1), net.h(2)
    h1.call("tcp_serve", port=7000, verify=True)
    for vni, csum in ((60, 0), (61, 1)):
        tunnel(h0, f"vx{vni}", vni, h1.address, vxlan_udp_csum=csum)
        carries_tcp(h0, tunnel(h1, f"vx{vni}", vni, h0.address, vxlan_udp_csum=csum))
    tunnel(h0, "vx62", 62, VNI_GROUP)
    there = tunnel(h1, "vx62", 62, VNI_GROUP)
    net.switch.wait_members(VNI_GROUP, {"p0", "p1"})
    carries_tcp(h0, there)
    carries_tcp(h0, h1.address)
    counters = net.switch.counters("p1")
    lost = {name: counters[name] for name in LOSSES if counters[name]}
    assert not lost
    assert h2.wire(h1.address).frames < 100  # flooded while nobody was known, no longer


@pytest.fixture
def own() -> Iterator[tuple[Star, Guest]]:
    with Lab(2) as lab, Guest(lab.namespace, lab.link, "vm0", GUEST) as guest:
        switch = lab.switch([*lab.ports, "vm0"], config={"igmp": IGMP})
        made = Star(lab, switch)
        yield made, guest
        made.conserved()


def inside_gre(host: Host, size: int, protocol: int = 47) -> bytes:
    inner = IP(src="10.9.0.1", dst="10.9.0.2", flags="DF") / TCP(sport=1, dport=2, flags="PA")
    outer = IP(src=ADDRESS, dst=host.address, proto=protocol, id=100) / GRE()
    frame = (
        Ether(src=GUEST, dst=host.mac) / outer / inner / Raw(bytes(n % 251 for n in range(size)))
    )
    return bytes(frame)


def test_tcp_inside_gre_leaves_as_the_frames_it_stands_for(own: tuple[Star, Guest]) -> None:
    net, guest = own
    host = net.h(1)
    host.record("all")
    host.reset()
    frame = inside_gre(host, 2500)
    guest.send(frame, gso_type=GSO_TCPV4, gso_size=1000, header=78, checksum=(58, 16))
    got: list[Any] = []

    def three() -> bool:
        got[:] = [c.frame for c in host.captured() if c.frame[23:24] == b"\x2f"]
        return len(got) == 3

    wait_until(three, within=20)
    whole = Ether(frame)
    assert b"".join(bytes(Ether(one)[Raw]) for one in got) == bytes(whole[Raw])
    for number, one in enumerate(got):
        read = Ether(one)
        outer, inner = read[IP], read[GRE][IP]
        assert (outer.len, outer.id) == (len(one) - 14, 100 + number)
        assert (inner.len, inner[TCP].seq) == (len(one) - 14 - 24, 1000 * number)
        assert inner[TCP].flags == ("PA" if number == 2 else "A")
        for header in (bytes(outer)[:20], bytes(inner)[:20]):
            assert frames.checksum(header) == 0
    assert net.switch.counters("p1")["tx_offload"] == 0


@pytest.mark.parametrize(
    "tpids", [(), (0x8100,), (0x88A8, 0x8100)], ids=["bare", "tag", "two-tags"]
)
def test_plain_offload_behind_tags_is_the_kernels(
    own: tuple[Star, Guest], tpids: tuple[int, ...]
) -> None:
    net, guest = own
    host = net.h(1)
    host.call("tap", on=True, tcp=True)
    host.record("all")
    inner = IP(src=ADDRESS, dst=host.address) / TCP(flags="PA") / Raw(bytes(2500))
    frame = bytes(Ether(src=GUEST, dst=host.mac) / inner)
    for tpid in tpids:
        frame = frames.tagged(frame, 5, tpid=tpid)
    start = 34 + 4 * len(tpids)
    guest.send(frame, gso_type=GSO_TCPV4, gso_size=1000, header=start + 20, checksum=(start, 16))

    def whole() -> list[Any]:
        return [c for c in host.captured() if c.frame[12:] == frame[12:]]

    wait_until(whole, within=20)
    assert [c.gso_size for c in whole()] == [1000]
    assert not any(net.switch.counters("p1")[name] for name in LOSSES)


def test_offload_that_nobody_understands_is_counted_as_such(own: tuple[Star, Guest]) -> None:
    """Not as a full egress; and others' frames to that port are not given up for it."""
    net, guest = own
    host = net.h(1)
    guest.send(frames.udp(ADDRESS, "239.1.1.1", mac=GUEST))
    frame = inside_gre(host, 2500, protocol=50)
    for _ in range(200):
        guest.send(frame, gso_type=GSO_TCPV4, gso_size=1000, header=78, checksum=(58, 16))
    wait_until(lambda: net.switch.counters("p1")["tx_offload"] == 200, within=20)
    assert net.switch.counters("p1")["tx_full"] == 0
    assert "offload" in net.switch.run("check").stdout


def test_segments_larger_than_the_egress_mtu_are_refused(own: tuple[Star, Guest]) -> None:
    """As a wire would; the kernel sends a GSO frame whatever its segments' size."""
    net, guest = own
    host = net.h(1)
    payload = Raw(bytes(6000))
    frame = bytes(
        Ether(src=GUEST, dst=host.mac)
        / IP(src=ADDRESS, dst=host.address)
        / UDP(sport=1, dport=9, chksum=0x1234)
        / payload
    )
    for size, refused in ((1472, 0), (1473, 1), (3000, 2)):
        guest.send(frame, gso_type=GSO_UDP_L4, gso_size=size, header=42, checksum=(34, 6))
        net.lab.settle(net.h(0))
        wait_until(lambda r=refused: net.switch.counters("p1")["tx_mtu"] == r, within=20)
