"""IPv6 frames for the tests, built by scapy like those of `frames`: what the fast path looks at.

MLD messages with all that they may say are elsewhere; here is the envelope, with any chain of
extension headers.
"""

from __future__ import annotations

from ipaddress import IPv6Address

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

G, H = "ff3e::1234", "ff3e::1:1234"
S1, S2 = "2001:db8::1", "2001:db8::2"
HOST = "fe80::11"
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
ROUTER_ALERT = bytes.fromhex("050200000100")


def mac_of(address: str) -> str:
    """A multicast address's MAC (W-6)."""
    return ":".join(f"{b:02x}" for b in (0x33, 0x33, *IPv6Address(address).packed[12:]))


def extension(body: bytes = bytes(6), length: int | None = None) -> bytes:
    """All of an extension header but its first byte, which names what follows."""
    return bytes((len(body) // 8 if length is None else length,)) + body


def encapsulate(
    payload: bytes | Packet,
    protocol: int,
    *,
    src: str = S1,
    dst: str = G,
    headers: tuple[tuple[int, bytes], ...] = (),
    vid: int | None = None,
    mac: str | None = None,
    **ip: object,
) -> bytes:
    """A payload behind `headers`, (protocol number, `extension`), in IPv6 and Ethernet."""
    body = bytes(payload)
    following = protocol
    for number, header in reversed(headers):
        body = bytes((following,)) + header + body
        following = number
    packet = IPv6(src=src, dst=dst, **{"nh": following, "hlim": 16, **ip}) / Raw(body)
    ether = Ether(src="02:00:00:00:00:01", dst=mac or mac_of(dst), type=0x86DD)
    if vid is not None:
        ether = Ether(src=ether.src, dst=ether.dst) / Dot1Q(vlan=vid, type=0x86DD)
    return bytes(ether / packet)


def data(group: str = G, src: str = S1, **how: object) -> bytes:
    """A datagram of a stream."""
    udp = UDP(sport=5000, dport=5001, chksum=0x1234) / Raw(b"x" * 32)
    return encapsulate(udp, 17, src=src, dst=group, **how)


def announcement(
    payload: bytes = b"", group: str = "ff0e::2:7ffe", src: str = S1, vid: int | None = None
) -> bytes:
    """A session announcement (SAP) that holds `payload`."""
    packet = IPv6(src=src, dst=group, hlim=255) / UDP(sport=9875, dport=9875) / Raw(payload)
    ether = Ether(src="02:00:00:00:00:01", dst=mac_of(group), type=0x86DD)
    frame = bytes(ether / packet)
    return frame if vid is None else frame[:12] + b"\x81\x00" + vid.to_bytes(2) + frame[12:]


def numbered(number: int) -> bytes:
    """A datagram whose 100 bytes tell it from others, with the checksum that is right."""
    packet = IPv6(src=S1, dst=G, hlim=9, fl=0x12345, tc=0xB8) / UDP(sport=5000, dport=5001)
    ether = Ether(src="02:00:00:00:00:01", dst=mac_of(G), type=0x86DD)
    return bytes(ether / packet / Raw(number.to_bytes(4) * 25))


def icmp6(kind: int, dst: str = "ff02::16", src: str = HOST, **how: object) -> bytes:
    """An ICMPv6 message of that type, as MLD comes: hop limit 1, with a Router Alert."""
    headers = ((HOP_BY_HOP, extension(ROUTER_ALERT)),)
    body = bytes((kind, 0)) + bytes(22)
    return encapsulate(body, 58, **{"src": src, "dst": dst, "headers": headers, "hlim": 1, **how})


def pim_hello(dst: str = "ff02::d") -> bytes:
    return encapsulate(b"\x20\x00" + bytes(2), 103, src=HOST, dst=dst, hlim=1)
