"""Session announcements: SAP (RFC 2974), from the MAC header in to the description (`sdp`).

They come to well-known groups, at UDP port 9875, again and again for as long as the session lasts.
What is compressed or encrypted stays unread: a small packet could be made into a large one, and
nobody has the key.
"""

from struct import Struct
from typing import Final, NamedTuple

from snoop.wire import ether, ipv4, ipv6
from snoop.wire.address import MAPPED, Address, Family, is_bad_source, is_bad_source6
from snoop.wire.checksum import is_valid
from snoop.wire.errors import WireError
from snoop.wire.ether import ETHERTYPE_IPV4, ETHERTYPE_IPV6, multicast_mac
from snoop.wire.headers import IP

PORT: Final = 9875
PROTOCOL_UDP: Final = 17

_GLOBAL: Final = bytes((224, 2, 127, 254))
_LINK: Final = bytes((224, 0, 0, 255))
_ADMINISTRATIVE: Final = 239
_LAST: Final = b"\xff\xff"
_TAIL6: Final = bytes(10) + b"\x00\x02\x7f\xfe"

_UDP: Final = Struct("!HHHH")
_VERSION: Final = 1
_IPV6_ORIGIN: Final = 0x10
_DELETION: Final = 0x04
_UNREADABLE: Final = 0x03  # encrypted, compressed
_HEADER_BYTES: Final = 4
_SDP: Final = b"application/sdp"


class Announcement(NamedTuple):
    """Who sent it, by his frame, and what he says: `message` tells his messages apart."""

    mac: bytes
    announcer: Address
    message: int
    deletes: bool
    description: bytes


def is_group(group: Address) -> bool:
    """Tell whether sessions are announced to `group` (SAY-61).

    224.2.127.254; the last address of a scope of 239.0.0.0/8, 239.255.255.255 and 239.195.255.255
    among them; 224.0.0.255; ff0X::2:7ffe of a scope that leaves a host.
    """
    if group[:12] != MAPPED:
        return group[0] == 0xFF and 2 <= group[1] < 16 and group[2:] == _TAIL6
    four = group[12:]
    return four in (_GLOBAL, _LINK) or (four[0] == _ADMINISTRATIVE and four[2:] == _LAST)


def may_be(frame: bytes) -> bool:
    """Tell whether `read` is worth the asking, of a frame that was handed up."""
    ethertype = int.from_bytes(frame[12:14])
    if ethertype == ETHERTYPE_IPV4:
        return frame[23:24] == bytes((PROTOCOL_UDP,))
    return ethertype == ETHERTYPE_IPV6 and len(frame) >= 54 and is_group(frame[38:54])


def read(frame: bytes) -> Announcement:
    """Read a whole Ethernet frame, without its tag.

    WireError: `not_control` for what is none, `announcement_malformed`, `announcement_unread`,
    and those of the headers.
    """
    header = ether.parse(frame)
    if header.ethertype == ETHERTYPE_IPV4:
        ip = ipv4.parse(frame, ether.HEADER_BYTES)
    elif header.ethertype == ETHERTYPE_IPV6:
        ip = ipv6.parse(frame, ether.HEADER_BYTES)
    else:
        raise WireError("not_control", f"ethertype {header.ethertype:#06x}")
    if ip.protocol != PROTOCOL_UDP or not is_group(ip.dst) or header.dst != multicast_mac(ip.dst):
        raise WireError("not_control", "no announcement")
    if ip.fragment:
        raise WireError("announcement_unread", "fragment")
    payload = _datagram(frame, ip)
    if is_bad_source(ip.src) if ip.family is Family.IPV4 else is_bad_source6(ip.src):
        raise WireError("bad_source")
    message, deletes, description = parse(payload)
    return Announcement(header.src, ip.src, message, deletes, description)


def _datagram(frame: bytes, ip: IP) -> bytes:
    """The payload of a UDP datagram to the port of announcements."""
    segment = frame[ip.payload_start : ip.payload_end]
    if len(segment) < _UDP.size:
        raise WireError("announcement_malformed", "no UDP header")
    _, port, length, value = _UDP.unpack_from(segment)
    if port != PORT:
        raise WireError("not_control", f"UDP port {port}")
    if not _UDP.size <= length <= len(segment):
        raise WireError("announcement_malformed", f"UDP length {length} of {len(segment)}")
    segment = segment[:length]
    # A sender on this machine leaves the sum to be finished by a network card: of the pseudo-header
    # alone. IPv4 may do without.
    pseudo = ipv6.pseudo_header(ip.src, ip.dst, PROTOCOL_UDP, length)
    unfinished = int.from_bytes(pseudo) % 0xFFFF == value % 0xFFFF
    if ip.family is Family.IPV4:
        pseudo = ip.src[12:] + ip.dst[12:] + bytes((0, PROTOCOL_UDP)) + length.to_bytes(2)
        unfinished = not value or int.from_bytes(pseudo) % 0xFFFF == value % 0xFFFF
    if not unfinished and not is_valid(pseudo + segment):
        raise WireError("announcement_malformed", "UDP checksum")
    return segment[_UDP.size :]


def parse(payload: bytes) -> tuple[int, bool, bytes]:
    """Read the header (RFC 2974 6): message, whether it is taken back, the description."""
    if len(payload) < _HEADER_BYTES:
        raise WireError("announcement_malformed", f"{len(payload)} bytes")
    flags, words = payload[0], payload[1]
    if flags >> 5 != _VERSION:
        raise WireError("announcement_malformed", f"version {flags >> 5}")
    start = _HEADER_BYTES + (16 if flags & _IPV6_ORIGIN else 4) + 4 * words
    if start > len(payload):
        raise WireError("announcement_malformed", "authentication runs past the end")
    if flags & _UNREADABLE:
        raise WireError("announcement_unread", "encrypted or compressed")
    body = payload[start:]
    if body[:2] not in (b"v=", b"o="):  # with the type of what follows
        kind, end, body = body.partition(b"\0")
        if not end or kind.lower() != _SDP:
            raise WireError("announcement_unread", "no session description")
    return int.from_bytes(payload[2:4]), bool(flags & _DELETION), body


def build(
    description: bytes,
    *,
    origin: Address,
    message: int,
    deletes: bool = False,
    kind: bytes | None = _SDP,
) -> bytes:
    """A payload, for tests: with the type of what it holds, or without."""
    flags = _VERSION << 5 | (_DELETION if deletes else 0)
    source = origin[12:]
    if origin[:12] != MAPPED:
        flags, source = flags | _IPV6_ORIGIN, origin
    said = b"" if kind is None else kind + b"\0"
    return bytes((flags, 0)) + message.to_bytes(2) + source + said + description
