"""What leaves with a tag by one port and without by another, byte for byte, from one pass.

All ports are network cards of virtual machines (`Guest`): what they send has the virtio header
that a case wants, and what they take has no offloads, so that the kernel cuts and finishes every
frame before it is compared. VLAN-2, VLAN-5, VLAN-6, VLAN-7; NET-3, NET-4.
"""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop
from testbed.guest import GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, Guest

SENDER, GROUP, GROUP6 = "02:00:00:00:77:01", "239.1.2.3", "ff3e::1234"
ACCESS, OTHER, TRUNK, NATIVE = "acc0", "acc1", "trk0", "nat0"
VLANS: Mapping[str, Any] = {
    ACCESS: 10,
    OTHER: 10,
    TRUNK: {"trunk": [10, 20]},
    NATIVE: {"trunk": [20], "native": 10},
}
UNTAGGED = (ACCESS, OTHER, NATIVE)
MARK = b"\xff" * 6 + bytes.fromhex("020000007701") + b"\x88\xb5" + bytes(46)
TAG = struct.Struct("!HH")
LOST = ("tx_full", "tx_mtu", "tx_error", "tx_offload", "tx_down")


@dataclass
class Net:
    switch: Snoop
    guests: dict[str, Guest]

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is sent meanwhile waits in the rings."""
        assert self.switch.process is not None
        self.switch.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.switch.process.send_signal(signal.SIGCONT)

    def arrived(self, sender: str, *, mark: bytes) -> dict[str, list[bytes]]:
        """What each of the others has got of the sender, up to a frame that all get."""
        self.guests[sender].send(mark)
        got: dict[str, list[bytes]] = {name: [] for name in self.guests if name != sender}

        def all_marked() -> bool:
            for name, frames in got.items():
                news = (one.frame for one in self.guests[name].received())
                frames.extend(one for one in news if one[6:12] == MARK[6:12])
            return all(frames and b"\x88\xb5" in frames[-1][12:18] for frames in got.values())

        wait_until(all_marked, within=20)
        return {name: frames[:-1] for name, frames in got.items()}


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with Lab(0) as lab, ExitStack() as stack:
        guests = {
            name: stack.enter_context(
                Guest(lab.namespace, lab.link, name, f"02:00:00:00:78:0{number}")
            )
            for number, name in enumerate(VLANS)
        }
        quiet = {"querier": "off"}
        rings = {"coalesce": "always", "kernel": "off"}
        config = {"switch": rings, "igmp": quiet, "mld": quiet}
        switch = lab.switch(list(VLANS), vlans=VLANS, config=config)
        yield Net(switch, guests)
        for name in VLANS:
            counters = switch.counters(name)
            assert not {lost: counters[lost] for lost in LOST if counters[lost]}


def tagged(frame: bytes, tci: int, tpid: int = 0x8100) -> bytes:
    return frame[:12] + TAG.pack(tpid, tci) + frame[12:]


@dataclass(frozen=True)
class Way:
    """How a frame comes in: at which port, with which tags, outermost first."""

    port: str
    tags: tuple[tuple[int, int], ...] = ()

    def sent(self, frame: bytes) -> bytes:
        for tpid, tci in reversed(self.tags):
            frame = tagged(frame, tci, tpid)
        return frame

    def arrives(self, frame: bytes, port: str) -> bytes:
        """Its own 802.1Q tag is the VLAN's, or a priority; what is beneath is opaque."""
        own = self.tags[0] if self.tags and self.tags[0][0] == 0x8100 else None
        beneath = Way(self.port, self.tags[1:] if own else self.tags)
        stacked = bool(own and beneath.tags and beneath.tags[0][0] == 0x8100)
        bare = beneath.sent(frame)
        if port in UNTAGGED and not (stacked and port == NATIVE):
            return bare
        return tagged(bare, (own[1] & 0xF000 if own else 0) | 10)


WAYS = {
    "access": Way(ACCESS),
    "access-priority": Way(ACCESS, ((0x8100, 0x6000),)),
    "access-own-tag": Way(ACCESS, ((0x8100, 0x600A),)),
    "access-service": Way(ACCESS, ((0x88A8, 0x2014),)),
    "access-priority-then-tag": Way(ACCESS, ((0x8100, 0x6000), (0x8100, 0x0014))),
    "trunk": Way(TRUNK, ((0x8100, 0xB00A),)),
    "trunk-service": Way(TRUNK, ((0x8100, 0xB00A), (0x88A8, 20))),
    "trunk-qinq": Way(TRUNK, ((0x8100, 0xB00A), (0x8100, 20))),
    "native": Way(NATIVE),
}


def body(size: int, number: int = 0) -> bytes:
    return bytes((n * 7 + number) % 251 for n in range(size))


def udp(size: int, number: int = 0, *, ipv6: bool = False) -> Packet:
    network = IPv6(src="2001:db8::1", dst=GROUP6, hlim=7) if ipv6 else IP(
        src="192.0.2.1", dst=GROUP, flags="DF", id=number, ttl=7
    )  # fmt: skip
    mac = "33:33:00:00:12:34" if ipv6 else "01:00:5e:01:02:03"
    link = Ether(src=SENDER, dst=mac)
    return link / network / UDP(sport=5000, dport=5000) / Raw(body(size, number))


@cache
def datagrams(ipv6: bool) -> list[bytes]:
    """One alone, then runs of 64."""
    runs = [udp(900 if n % 64 < 63 else 300, n, ipv6=ipv6) for n in range(256)]
    return [bytes(one) for one in (udp(100, 7, ipv6=ipv6), *runs)]


def tcp(size: int, done: int, number: int, flags: str, *, ipv6: bool) -> Packet:
    """A segment of a stream to an address nobody knows: it floods."""
    network = IPv6(src="2001:db8::1", dst="2001:db8::2") if ipv6 else IP(
        src="192.0.2.1", dst="192.0.2.2", flags="DF", id=100 + number
    )  # fmt: skip
    l4 = TCP(sport=1, dport=2, seq=1000 + done, flags=flags)
    whole = body(1 << 16)
    link = Ether(src=SENDER, dst="02:00:00:00:99:99")
    return link / network / l4 / Raw(whole[done : done + size])


def unfinished(frame: Packet, *, behind: int) -> tuple[bytes, tuple[int, int]]:
    """As a kernel leaves the checksum to the card: the sum of the pseudo-header, and where."""
    raw = bytearray(bytes(frame))
    at = 54 if frame.haslayer(IPv6) else 34
    offset = 6 if frame.haslayer(UDP) else 16
    addresses = raw[22:54] if frame.haslayer(IPv6) else raw[26:34]
    words = bytes(addresses) + struct.pack("!HH", 17 if offset == 6 else 6, len(raw) - at)
    total = sum(int.from_bytes(words[i : i + 2], "big") for i in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    raw[at + offset : at + offset + 2] = total.to_bytes(2, "big")
    return bytes(raw), (at + behind, offset)


def compared(net: Net, way: Way, frames: Sequence[bytes]) -> None:
    got = net.arrived(way.port, mark=WAYS["trunk"].sent(MARK) if way.port == TRUNK else MARK)
    assert set(got) == set(VLANS) - {way.port}
    for port, arrived in got.items():
        assert [one.hex() for one in arrived] == [way.arrives(f, port).hex() for f in frames], port


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_single_frames_and_runs(net: Net, way: Way, ipv6: bool) -> None:
    """The last of a run is shorter; what waits in the ring leaves in runs."""
    before = {port: net.switch.counters(port) for port in VLANS}
    alone, *burst = datagrams(ipv6)
    net.guests[way.port].send(way.sent(alone))
    compared(net, way, [alone])
    with net.held():
        for one in burst:
            net.guests[way.port].send(way.sent(one))
    compared(net, way, burst)
    for port in set(VLANS) - {way.port}:
        now = net.switch.counters(port)
        told = sum(len(way.arrives(one, port)) for one in (alone, *burst))
        assert now["tx_bytes"] - before[port]["tx_bytes"] >= told
        if len(way.tags) < 2:  # behind a second tag nobody looks for UDP
            assert now["tx_coalesced"] > before[port]["tx_coalesced"], port


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_unfinished_checksum_is_finished_where_it_has_moved(net: Net, way: Way, ipv6: bool) -> None:
    frames = [udp(size, size, ipv6=ipv6) for size in (18, 500, 1400)]
    for frame in frames:
        raw, checksum = unfinished(frame, behind=4 * len(way.tags))
        net.guests[way.port].send(way.sent(raw), checksum=checksum)
    compared(net, way, [bytes(frame) for frame in frames])


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_tcp_super_frame_is_cut_behind_the_tag(net: Net, way: Way, ipv6: bool) -> None:
    """Longer than a slot: read beside the ring, respelled there."""
    whole = tcp(40_500, 0, 0, "PA", ipv6=ipv6)
    raw, checksum = unfinished(whole, behind=4 * len(way.tags))
    net.guests[way.port].send(
        way.sent(raw),
        gso_type=GSO_TCPV6 if ipv6 else GSO_TCPV4,
        gso_size=1000,
        header=checksum[0] + 20,
        checksum=checksum,
    )
    parts = [
        tcp(min(1000, 40_500 - at), at, at // 1000, "PA" if at == 40_000 else "A", ipv6=ipv6)
        for at in range(0, 40_500, 1000)
    ]
    compared(net, way, [bytes(part) for part in parts])


def test_udp_super_frame_is_cut_behind_the_tag(net: Net, way: Way) -> None:
    whole = udp(5200, 0)
    raw, checksum = unfinished(whole, behind=4 * len(way.tags))
    net.guests[way.port].send(
        way.sent(raw), gso_type=GSO_UDP_L4, gso_size=1300, header=checksum[0] + 8, checksum=checksum
    )
    data = body(5200)
    parts = []
    for number in range(4):
        part = udp(0, number)
        part[Raw].load = data[number * 1300 : (number + 1) * 1300]
        parts.append(bytes(part))
    compared(net, way, parts)


def test_full_frame_has_room_for_a_tag_beside_the_mtu(net: Net) -> None:
    frame = bytes(udp(1472))
    net.guests[ACCESS].send(frame)
    compared(net, Way(ACCESS), [frame])
