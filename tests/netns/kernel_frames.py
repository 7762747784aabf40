"""Flows of every kind that a kernel program could take for one it knows: each a frame to repeat.

A frame ends in a number that tells it from the others of its flow, behind the headers, so that
whatever else is said of it stays as wrong, as short or as odd as it was made.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from netns.kernel_sides import GSO_UDP_L4, NEEDS_CSUM, PLAIN, VNET
from netns.test_shortcut import mac
from snoop.proto.vlans import PortVlans
from unit import frames, frames6
from unit.reference_vlans import SERVICE_TAG, with_tag, without_tag

NUMBER_BYTES = 8
GROUPS4 = ("239.1.2.3", "232.1.1.1", "239.9.9.9")
GROUPS6 = ("ff3e::1234", "ff05::5", "ff05::77")
SOURCES4 = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
SOURCES6 = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
SIZES = (60, 1014, 1015, 1100, 1514)  # round a port's MTU of 1000, and the largest
VIDS = (10, 20, 30)
SHORT = 40  # bytes and less: there is no room for a number


@dataclass(frozen=True)
class Flow:
    """A frame as it arrives at a port, tags included, and how the kernel is to send it."""

    port: int
    frame: bytes
    vnet: bytes = PLAIN

    def numbered(self, number: int) -> bytes:
        if len(self.frame) <= SHORT:
            return self.frame
        return self.frame[:-NUMBER_BYTES] + number.to_bytes(NUMBER_BYTES, "big")


def udp(group: str, source: str, size: int = 100, **ip: Any) -> bytes:
    """Whole datagrams of `size` bytes of frame."""
    network = IPv6(src=source, dst=group, **ip) if ":" in group else IP(
        src=source, dst=group, **ip
    )  # fmt: skip
    to = frames6.mac_of(group) if ":" in group else frames.mac_of(group)
    head = Ether(src="02:00:00:00:00:01", dst=to) / network / UDP(sport=5000, dport=5001, chksum=7)
    return bytes(head / Raw(bytes(max(NUMBER_BYTES, size - len(head)))))


def unfinished(frame: bytes) -> tuple[bytes, bytes]:
    """A datagram whose checksum is left to the card."""
    at = 34 if frame[12:14] == b"\x08\x00" else 54
    return frame, VNET.pack(NEEDS_CSUM, 0, 0, 0, at, 6)


def uncut(group: str, source: str) -> tuple[bytes, bytes]:
    """Four datagrams in one frame."""
    frame = udp(group, source, 2042)
    at = 34 if ":" not in group else 54
    return frame, VNET.pack(NEEDS_CSUM, GSO_UDP_L4, at + 8, (2042 - at - 8) // 4, at, 6)


def plain(rng: random.Random) -> Iterator[bytes]:
    """What the kernel should serve."""
    for groups, sources in ((GROUPS4, SOURCES4), (GROUPS6, SOURCES6)):
        for group in groups:
            for source in rng.sample(sources, 2):
                yield udp(group, source, rng.choice(SIZES))
    yield udp("239.1.2.3", "192.0.2.1", ttl=1, tos=0xB8, id=7, flags="DF")
    yield udp("239.1.2.3", "192.0.2.2", ttl=255, tos=0x03)
    yield udp("ff3e::1234", "2001:db8::1", hlim=1, tc=0xB8, fl=0x12345)
    yield udp("ff05::5", "2001:db8::2", hlim=255)
    yield udp("224.0.0.251", "192.0.2.1", ttl=255)
    yield udp("ff02::fb", "fe80::1")
    yield udp("ff01::5", "fe80::1")
    yield udp("239.1.2.3", "0.0.0.0")


def odd(rng: random.Random) -> Iterator[bytes]:
    """What it should not, or may for other reasons."""
    data, data6 = udp("239.1.2.3", "192.0.2.1"), udp("ff3e::1234", "2001:db8::1")
    yield data + bytes(rng.choice((1, 8, 40)))  # bytes behind the datagram
    yield data6 + bytes(30)
    yield frames.data(options=frames.long_options()) + bytes(NUMBER_BYTES)
    yield udp("239.1.2.3", "192.0.2.1", flags="MF", id=9)
    yield udp("239.1.2.3", "192.0.2.1", frag=3, id=9)
    yield udp("239.1.2.3", "192.0.2.3", chksum=1)
    yield udp("239.1.2.3", "192.0.2.3", len=2000)
    yield udp("239.1.2.3", "192.0.2.3", len=19)
    yield udp("239.1.2.3", "192.0.2.3", version=6)
    yield udp("239.1.2.3", "192.0.2.3", ihl=4)
    yield udp("239.1.2.3", "192.0.2.2", proto=103)
    yield udp("239.1.2.3", "192.0.2.2", proto=1)
    yield udp("ff3e::1234", "2001:db8::2", plen=1000)
    yield udp("ff3e::1234", "2001:db8::2", plen=3)
    yield udp("ff3e::1234", "2001:db8::2", version=4)
    yield udp("ff3e::1234", "2001:db8::2", nh=59)
    for number in (frames6.HOP_BY_HOP, frames6.FRAGMENT, frames6.DESTINATION):
        header = (number, frames6.extension())
        yield frames6.encapsulate(bytes(40), 17, headers=(header,))
    yield udp("239.1.2.3", "192.0.2.1")[:33]  # less than a header
    yield udp("ff3e::1234", "2001:db8::1")[:40]
    yield udp("239.1.2.3", "192.0.2.1")[:34]
    yield data[:3] + b"\x7f" + data[4:]  # MAC addresses that are not the group's
    yield data6[:5] + b"\x01" + data6[6:]
    yield data[:12] + b"\x12\x34" + data[14:]
    yield bytes.fromhex("01000ccccccc") + data[6:]
    yield data[:12] + b"\x86\xdd" + data[14:]
    yield data6[:12] + b"\x08\x00" + data6[14:]
    yield data[:30] + bytes((10, 0, 0, 9)) + data[34:]  # to no group


def tags(rng: random.Random, vlans: PortVlans, frame: bytes) -> bytes:
    """Every kind of tag, one or two; most often such as the port has a VLAN for."""
    priority = rng.choice((0, 0xA000, 0x1000, 0xF000))
    vid = rng.choice((*VIDS, 0, 99, 4095))
    match rng.randrange(12):
        case 0 | 1 | 2 | 3 | 4 | 5:
            own = rng.choice([*vlans.vids(), 0])
            return frame if own == vlans.pvid else with_tag(frame, priority | own)
        case 6:
            return frame
        case 7 | 8:
            return with_tag(frame, priority | vid)
        case 9:
            return with_tag(frame, priority | vid, SERVICE_TAG)
        case 10:
            return with_tag(with_tag(frame, rng.choice(VIDS)), priority | vid)
        case _:
            return with_tag(with_tag(frame, 0x2014, SERVICE_TAG), priority | vid)


def some_flows(rng: random.Random, vlans: Mapping[int, PortVlans], small: set[int]) -> list[Flow]:
    """Of each port a dozen that the kernel should serve and a few that it should not.

    small: ports that take no more than 1000 bytes.
    """
    flows = []
    for port, own in vlans.items():
        kinds = [*rng.sample(list(plain(rng)), 10), *rng.sample(list(odd(rng)), 6)]
        some = [(tags(rng, own, each), PLAIN) for each in kinds]
        some.append(unfinished(udp(rng.choice(GROUPS4), "192.0.2.1", rng.choice(SIZES))))
        some.append(unfinished(udp(rng.choice(GROUPS6), "2001:db8::2")))
        some.append(uncut("239.1.2.3", "192.0.2.2"))
        for frame, vnet in some:
            room = 1014 if port in small else 1514
            if (len(without_tag(frame)) > room and vnet[1] == 0) or (port in small and vnet[1]):
                continue
            flows.append(Flow(port, frame[:6] + mac(port) + frame[12:], vnet))
    return flows
