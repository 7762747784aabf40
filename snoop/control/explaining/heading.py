"""A frame's headers as `explain` reads them: of what was built for the question, or given in hex.

Read to name things, and leniently: what the fast path refuses has headers as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from snoop.wire import address, ether, ipv4
from snoop.wire.address import Address
from snoop.wire.errors import WireError
from snoop.wire.ether import ETHERTYPE_IPV4, ETHERTYPE_VLAN, HEADER_BYTES
from snoop.wire.headers import IP

ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_SERVICE = 0x88A8
BROADCAST = b"\xff" * 6
TAG_BYTES = 4
_IPV6_HEADER_BYTES = 40


@dataclass(frozen=True, slots=True)
class Heading:
    """What the headers say. `source`, `destination`, `protocol`, `ttl`: None unless it is IP.

    `tag` is the VLAN id of its 802.1Q tag, None without one; `bare` the frame without the tag.
    """

    dst: bytes
    src: bytes
    ethertype: int
    tag: int | None
    bare: bytes
    ip: IP | None
    source: Address | None = None
    destination: Address | None = None
    protocol: int | None = None
    ttl: int | None = None

    @property
    def group(self) -> Address | None:
        """The multicast group that it goes to."""
        to = self.destination
        return to if to is not None and address.is_multicast(to) and self.dst[0] & 1 else None


def read(frame: bytes) -> Heading:
    """Read the headers; WireError `truncated` if there is not even an Ethernet header."""
    header = ether.parse(frame)
    tag = None
    bare = frame
    if header.ethertype == ETHERTYPE_VLAN and len(frame) >= HEADER_BYTES + TAG_BYTES:
        tag = int.from_bytes(frame[14:16], "big") & 0xFFF
        bare = frame[:12] + frame[16:]
        header = ether.parse(bare)
    dst, src, ethertype = header
    if ethertype == ETHERTYPE_IPV6 and len(bare) >= HEADER_BYTES + _IPV6_HEADER_BYTES:
        packet = bare[HEADER_BYTES:]
        return Heading(
            dst, src, ethertype, tag, bare, None,
            packet[8:24], packet[24:40], packet[6], packet[7],
        )  # fmt: skip
    try:
        ip = ipv4.parse(bare, HEADER_BYTES) if ethertype == ETHERTYPE_IPV4 else None
    except WireError:
        ip = None
    if ip is None:
        return Heading(dst, src, ethertype, tag, bare, None)
    return Heading(dst, src, ethertype, tag, bare, ip, ip.src, ip.dst, ip.protocol, ip.ttl)
