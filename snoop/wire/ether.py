"""Ethernet headers with at most one 802.1Q tag.

Only the outer tag is read. Behind 0x88a8 or a second tag the ethertype is the inner TPID and
never IPv4, so nobody looks for IGMP there (VLAN-6). The tag is expected in the bytes of the
frame: the fast path puts back what the kernel moved aside.
"""

from struct import Struct
from typing import Final

from snoop.wire.address import MAPPED, Address
from snoop.wire.errors import WireError
from snoop.wire.headers import Ethernet

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_VLAN: Final = 0x8100

_HEADER: Final = Struct("!6s6sH")
_TAG: Final = Struct("!HH")
_VID_MASK: Final = 0x0FFF
_VID_RESERVED: Final = 0x0FFF


def parse(frame: bytes) -> Ethernet:
    """Read the header and the outer tag.

    WireError `truncated` when they do not fit, `vlan_filtered` for the reserved VLAN id 4095
    (VLAN-2).
    """
    if len(frame) < 14:
        raise WireError("truncated", "no Ethernet header")
    dst, src, ethertype = _HEADER.unpack_from(frame)
    if ethertype != ETHERTYPE_VLAN:
        return Ethernet(dst, src, 0, 0, False, ethertype, 14)
    if len(frame) < 18:
        raise WireError("truncated", "no room for the VLAN tag")
    tci, ethertype = _TAG.unpack_from(frame, 14)
    vid = tci & _VID_MASK
    if vid == _VID_RESERVED:
        raise WireError("vlan_filtered", "VLAN id 4095")
    return Ethernet(dst, src, vid, tci >> 13, True, ethertype, 18)


def build(
    dst: bytes,
    src: bytes,
    payload: bytes,
    ethertype: int = ETHERTYPE_IPV4,
    *,
    vid: int = 0,
    pcp: int = 0,
    tagged: bool | None = None,
) -> bytes:
    """Return a frame, not padded.

    `tagged=None` writes a tag when `vid` is not 0; True with `vid` 0 makes a priority tag; False
    leaves the tag out and ignores `vid` and `pcp`. ValueError for an address, VLAN id or priority
    out of range.
    """
    if len(dst) != 6 or len(src) != 6:
        raise ValueError("a MAC address has 6 bytes")
    if tagged is None:
        tagged = vid != 0
    if not tagged:
        return _HEADER.pack(dst, src, ethertype) + payload
    if not 0 <= vid < _VID_RESERVED or not 0 <= pcp <= 7:
        raise ValueError(f"no such VLAN tag: vid {vid}, pcp {pcp}")
    tag = _TAG.pack(pcp << 13 | vid, ethertype)
    return _HEADER.pack(dst, src, ETHERTYPE_VLAN) + tag + payload


def multicast_mac(group: Address) -> bytes:
    """Return the MAC address of a group: 01:00:5e + 23 bits, or 33:33 + 32 bits (W-6)."""
    if group[:12] == MAPPED:
        return bytes((0x01, 0x00, 0x5E, group[13] & 0x7F, group[14], group[15]))
    return b"\x33\x33" + group[12:]
