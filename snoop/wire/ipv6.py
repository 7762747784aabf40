"""IPv6 headers: validation on receipt, and the headers of control messages on sending.

There is no header checksum: version, payload length and the chain of extension headers are all
that can be checked (SNOOP-54). The chain is walked as the kernel's bridge walks it, for no more
than `HEADERS_MAX` headers; nothing in it is looked at but the Router Alert (W-4).
"""

from struct import Struct
from typing import Final

from snoop.wire.address import MAPPED, Address, Family
from snoop.wire.checksum import checksum
from snoop.wire.errors import WireError
from snoop.wire.headers import IP

PROTOCOL_ICMPV6: Final = 58
HEADERS_MAX: Final = 8  # RFC 8200 4.1: some six that do not hide what follows, each sent once

_HOP_BY_HOP: Final = 0
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
# Those, and Routing and Destination Options; behind any other header is none that we look for.
_EXTENSIONS: Final = frozenset((_HOP_BY_HOP, 43, _FRAGMENT, _AUTHENTICATION, 60))

_HEADER: Final = Struct("!IHBB16s16s")
_PSEUDO: Final = Struct("!16s16sII")
_HEADER_BYTES: Final = 40
_VERSION: Final = 6 << 28
_OFFSET: Final = 0xFFF8
_MORE_FRAGMENTS: Final = 0x0001
_PAD_ONE: Final = 0
_ROUTER_ALERT: Final = b"\x05\x02\x00\x00"  # RFC 2711: type 5, length 2, value 0 is MLD
_PAD_TWO: Final = b"\x01\x00"


def parse(frame: bytes, offset: int) -> IP:
    """Read the header at `offset` and walk the chain; WireError `ipv6_error` if it is broken.

    An atomic fragment, which is first and last at once, is none (RFC 6946).
    """
    present = len(frame) - offset - _HEADER_BYTES
    if present < 0:
        raise WireError("ipv6_error", "header cut short")
    word, length, protocol, hop_limit, src, dst = _HEADER.unpack_from(frame, offset)
    if word >> 28 != 6:
        raise WireError("ipv6_error", f"version {word >> 28}")
    if length > present:
        raise WireError("ipv6_error", f"payload length {length}, present {present}")
    start = offset + _HEADER_BYTES
    end = start + length
    router_alert = fragment = False
    walked = 0
    while protocol in _EXTENSIONS:
        walked += 1
        if walked > HEADERS_MAX:
            raise WireError("ipv6_error", f"more than {HEADERS_MAX} extension headers")
        if protocol == _HOP_BY_HOP and walked > 1:  # RFC 8200 4.1
            raise WireError("ipv6_error", "Hop-by-Hop header behind another")
        header = start
        if header + 8 > end:
            raise WireError("ipv6_error", "extension header cut short")
        start += _size(protocol, frame[header + 1])
        if start > end:
            raise WireError("ipv6_error", "extension header runs past the end")
        if protocol == _HOP_BY_HOP:
            router_alert = _has_router_alert(frame[header + 2 : start])
        elif protocol == _FRAGMENT:
            place = frame[header + 2] << 8 | frame[header + 3]
            if place & _OFFSET:
                fragment = True
                break
            fragment = fragment or place & _MORE_FRAGMENTS != 0
        protocol = frame[header]
    return IP(
        *(src, dst, protocol, hop_limit, router_alert, fragment, word >> 20 & 0xFF),
        *(start, end, Family.IPV6),
    )


def _size(protocol: int, length: int) -> int:
    """The bytes of an extension header by its length field (RFC 8200 4, RFC 4302 2.2)."""
    if protocol == _FRAGMENT:
        return 8
    return 4 * length + 8 if protocol == _AUTHENTICATION else 8 * length + 8


def _has_router_alert(options: bytes) -> bool:
    """Walk the options; a list that is broken ends the walk and is otherwise tolerated (W-3)."""
    position = 0
    while position < len(options):
        if options[position] == _PAD_ONE:
            position += 1
            continue
        option = options[position : position + 4]
        if option == _ROUTER_ALERT:
            return True
        if len(option) < 2:
            return False
        position += 2 + option[1]
    return False


def pseudo_header(src: Address, dst: Address, protocol: int, length: int) -> bytes:
    """What the checksum of a message covers beside it (RFC 8200 8.1, MLD-1)."""
    return _PSEUDO.pack(src, dst, length, protocol)


def build(
    src: Address,
    dst: Address,
    protocol: int,
    payload: bytes,
    *,
    hop_limit: int = 1,
    router_alert: bool = True,
) -> bytes:
    """Headers and payload; the defaults are those of an MLD sender (W-4).

    The checksum goes into bytes 2 and 3 of the payload, where ICMPv6 and PIM have it: it covers
    the addresses. ValueError for an address that is not IPv6 or a payload over 65535 bytes.
    """
    if src[:12] == MAPPED or dst[:12] == MAPPED:
        raise ValueError("not an IPv6 address")
    options = bytes((protocol, 0)) + _ROUTER_ALERT + _PAD_TWO if router_alert else b""
    length = len(options) + len(payload)
    if length > 0xFFFF:
        raise ValueError(f"IPv6 payload of {length} bytes")
    first = _HOP_BY_HOP if router_alert else protocol
    blank = payload[:2] + b"\0\0" + payload[4:]
    value = checksum(pseudo_header(src, dst, protocol, len(payload)) + blank)
    message = payload[:2] + value.to_bytes(2) + payload[4:]
    return _HEADER.pack(_VERSION, length, first, hop_limit, src, dst) + options + message
