"""Ethernet headers, and the 802.1Q tag that goes behind the MAC addresses.

A frame has no tag here: the fast path takes it off and puts it on, and tells of it beside the frame
(VLAN, TCI). What is behind another tag is never IP, so nobody looks for IGMP there (VLAN-6).
"""

from struct import Struct
from typing import Final

from snoop.wire.address import MAPPED, Address
from snoop.wire.errors import WireError
from snoop.wire.headers import Ethernet

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_IPV6: Final = 0x86DD
ETHERTYPE_VLAN: Final = 0x8100
HEADER_BYTES: Final = 14

_HEADER: Final = Struct("!6s6sH")
_TAG: Final = Struct("!HH")
_MACS_BYTES: Final = 12


def parse(frame: bytes) -> Ethernet:
    """Read the header; WireError `truncated` when it does not fit."""
    if len(frame) < HEADER_BYTES:
        raise WireError("truncated", "no Ethernet header")
    dst, src, ethertype = _HEADER.unpack_from(frame)
    return Ethernet(dst, src, ethertype)


def build(dst: bytes, src: bytes, payload: bytes, ethertype: int = ETHERTYPE_IPV4) -> bytes:
    """A frame, not padded. ValueError for an address that is none."""
    if len(dst) != 6 or len(src) != 6:
        raise ValueError("a MAC address has 6 bytes")
    return _HEADER.pack(dst, src, ethertype) + payload


def tagged(frame: bytes, tci: int | None) -> bytes:
    """The frame as it is on the wire, with an 802.1Q tag; None: it has none."""
    if tci is None:
        return frame
    return frame[:_MACS_BYTES] + _TAG.pack(ETHERTYPE_VLAN, tci) + frame[_MACS_BYTES:]


def multicast_mac(group: Address) -> bytes:
    """The MAC address of a group: 01:00:5e + 23 bits, or 33:33 + 32 bits (W-6)."""
    if group[:12] == MAPPED:
        return bytes((0x01, 0x00, 0x5E, group[13] & 0x7F, group[14], group[15]))
    return b"\x33\x33" + group[12:]
