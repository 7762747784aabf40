"""IPv4 headers: whole validation on receipt (V-4), and the header of control messages on sending.

Lengths come from IHL and Total Length and never from the length of the frame: frames are padded
(spec 1.11, "padding trap") and a 24-byte header is the normal case for IGMP (W-2).
"""

from struct import Struct
from typing import Final

from snoop.wire.address import MAPPED, Address
from snoop.wire.checksum import checksum, is_valid
from snoop.wire.errors import WireError
from snoop.wire.headers import IP

PROTOCOL_IGMP: Final = 2
PROTOCOL_PIM: Final = 103
TOS_CONTROL: Final = 0xC0  # internetwork control, W-1

_HEADER: Final = Struct("!BBHHHBBH4s4s")
_ROUTER_ALERT: Final = b"\x94\x04\x00\x00"  # RFC 2113: type 148, length 4, value 0
_DONT_FRAGMENT: Final = 0x4000
_MORE_OR_OFFSET: Final = 0x3FFF  # MF flag and fragment offset; not DF
_OPTION_END: Final = 0
_OPTION_NOP: Final = 1


def parse(frame: bytes, offset: int) -> IP:
    """Read the header at `offset`; WireError `ip_error` if any check of V-4 fails."""
    present = len(frame) - offset
    if present < 20:
        raise WireError("ip_error", "header cut short")
    version_ihl, tos, total, _, flags, ttl, protocol, _, src, dst = _HEADER.unpack_from(
        frame, offset
    )
    header_len = (version_ihl & 0x0F) << 2
    if version_ihl >> 4 != 4 or header_len < 20:
        raise WireError("ip_error", "version or header length")
    if not header_len <= total <= present:
        raise WireError("ip_error", f"total length {total}, header {header_len}, present {present}")
    start = offset + header_len
    header = frame[offset:start]
    if not is_valid(header):
        raise WireError("ip_error", "header checksum")
    return IP(
        MAPPED + src,
        MAPPED + dst,
        protocol,
        ttl,
        header_len > 20 and _has_router_alert(header),
        flags & _MORE_OR_OFFSET != 0,
        tos,
        start,
        offset + total,
    )


def _has_router_alert(header: bytes) -> bool:
    """Walk the options; a list that is broken ends the walk and is otherwise tolerated (W-3)."""
    if header[20:24] == _ROUTER_ALERT:
        return True
    position = 20
    while position < len(header):
        kind = header[position]
        if kind == _OPTION_END:
            return False
        if kind == _OPTION_NOP:
            position += 1
            continue
        option = header[position : position + 4]
        if option == _ROUTER_ALERT:
            return True
        if len(option) < 2 or option[1] < 2:
            return False
        position += option[1]
    return False


def build(
    src: Address,
    dst: Address,
    protocol: int,
    payload: bytes,
    *,
    ttl: int = 1,
    tos: int = TOS_CONTROL,
    router_alert: bool = True,
    ident: int = 0,
) -> bytes:
    """Header and payload; the defaults are those of an IGMP sender (W-1).

    DF is set: with it an ident of 0 is right, because the datagram is atomic (RFC 6864).

    ValueError for an address that is not IPv4 or a datagram over 65535 bytes.
    """
    if src[:12] != MAPPED or dst[:12] != MAPPED:
        raise ValueError("not an IPv4 address")
    options = _ROUTER_ALERT if router_alert else b""
    header_len = 20 + len(options)
    total = header_len + len(payload)
    if total > 0xFFFF:
        raise ValueError(f"IPv4 datagram of {total} bytes")
    fields = (0x40 | header_len >> 2, tos, total, ident, _DONT_FRAGMENT, ttl, protocol)
    blank = _HEADER.pack(*fields, 0, src[12:], dst[12:]) + options
    return _HEADER.pack(*fields, checksum(blank), src[12:], dst[12:]) + options + payload
