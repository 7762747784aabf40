"""What `explain` is asked: a frame that nobody sent, as the request describes it or byte for byte.

As little as a group is enough: what is not said is that of a plain UDP datagram, and all checksums
are right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import pack

from snoop.control import named, vlans
from snoop.control.explaining import heading
from snoop.control.explaining.heading import BROADCAST, ETHERTYPE_IPV6, TAG_BYTES, Heading
from snoop.control.requests import Explain, RequestError
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port
from snoop.wire import address, ether, ipv4
from snoop.wire.address import Address, Family
from snoop.wire.errors import WireError

# RFC 5737, RFC 3849: addresses nobody has, for "some source" and "some destination".
SOME_SOURCE = address.parse("192.0.2.1")
_SOME_SOURCE_IPV6 = address.parse("2001:db8::1")
_SOME_DESTINATION = address.parse("192.0.2.2")
_SOURCE_MAC = b"\x02\0\0\0\0\x01"
_UDP = 17
_UDP_PORT = 5004
_TTL = 16
_FRAME_BYTES_MIN = 60
_FRAME_BYTES_MAX = 2048  # of one given in hex
_ETHERTYPE_EXPERIMENT = 0x88B5  # IEEE 802: for what is not IP
_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE)
_MULTICAST_MAC = b"\x01\x00\x5e"


@dataclass(frozen=True, slots=True)
class Question:
    """A frame, where it comes in, and how much of it was said.

    `source` None: somebody's. `frame_bytes`: how large such frames are, if that is known; `exact`:
    this one is.
    """

    port: Port
    frame: bytes
    heading: Heading
    group: Address | None
    source: Address | None
    frame_bytes: int | None
    exact: bool


def asked(plane: Plane, request: Explain) -> Question:
    """Read the question; RequestError for a frame that cannot be."""
    port = named.port(plane.ports, request.port)
    given = request.frame is not None
    frame = _given(request) if given else _built(plane, port, request)
    read = heading.read(frame)
    source = read.source if given else named.source(request.source)
    exact = given or request.size is not None
    return Question(
        port=port,
        frame=frame,
        heading=read,
        group=read.group,
        source=source,
        frame_bytes=len(frame) if exact else request.frame_bytes,
        exact=exact,
    )


def datagram(group: Address, source: Address, vid: int) -> bytes:
    """A UDP frame of `source` to `group`."""
    if address.family(source) is not address.family(group):
        source = _SOME_SOURCE_IPV6
    return _ip(ether.multicast_mac(group), _SOURCE_MAC, source, group, vid or None)


def _given(request: Explain) -> bytes:
    """The frame of a request that has one in hex."""
    said = {
        "group": request.group, "source": request.source, "to": request.to,
        "from_mac": request.from_mac, "protocol": request.protocol, "ttl": request.ttl,
        "size": request.size, "tagged": request.tagged, "vlan": request.vlan or None,
    }  # fmt: skip
    besides = [name for name, value in said.items() if value is not None]
    if besides:
        raise RequestError(f"a frame says all of itself, also its {besides[0]}", code=2)
    try:
        frame = bytes.fromhex(request.frame or "")
    except ValueError:
        raise RequestError(
            "the frame is not an even number of hexadecimal digits", code=2
        ) from None
    if len(frame) > _FRAME_BYTES_MAX:
        raise RequestError(
            f"the frame has {len(frame)} bytes, and at most {_FRAME_BYTES_MAX} are read", code=2
        )
    try:
        heading.read(frame)
    except WireError:
        raise RequestError(
            f"the frame has {len(frame)} bytes, and an Ethernet header alone has "
            f"{ether.HEADER_BYTES} (tcpdump prints it with -xx)",
            code=2,
        ) from None
    return frame


def _built(plane: Plane, port: Port, request: Explain) -> bytes:
    """The frame of a request that describes one."""
    if (request.group is None) is (request.to is None):
        raise RequestError("which frame? One of group, to and frame says it", code=2)
    source = named.source(request.source) or SOME_SOURCE
    src = _SOURCE_MAC if request.from_mac is None else _mac(request.from_mac)
    own = vlans.of(plane, port)
    pvid = 0 if own is None else own.pvid
    tag = request.tagged
    if tag is None and request.vlan != pvid:
        tag = request.vlan or None
    vid = tag or pvid
    how = (request.protocol, request.ttl, request.size)
    if request.group is not None and not _MAC.fullmatch(request.group):
        group = named.group(request.group)
        if address.family(group) is not address.family(source):
            if request.source is not None:
                raise RequestError("its source and its group are of different families", code=2)
            source = _SOME_SOURCE_IPV6
        return _ip(ether.multicast_mac(group), src, source, group, tag, *how)
    dst, destination = _destination(plane, request.to or request.group or "", vid)
    if destination is None:
        return _sized(ether.build(dst, src, b"", _ETHERTYPE_EXPERIMENT), tag, request.size)
    if address.family(destination) is not address.family(source):
        source = _SOME_SOURCE_IPV6
    return _ip(dst, src, source, destination, tag, *how)


def _destination(plane: Plane, to: str, vid: int) -> tuple[bytes, Address | None]:
    """The MAC and the IP address of what `to` names; None: no IP."""
    if _MAC.fullmatch(to):
        dst = _mac(to)
        if dst[:3] == _MULTICAST_MAC:
            raise RequestError(
                f"{to} is the MAC address of 32 groups: say which one (239.{dst[3]}.{dst[4]}."
                f"{dst[5]}?)",
                code=2,
            )
        if dst == BROADCAST:
            return dst, address.BROADCAST
        if dst[:2] == b"\x33\x33":
            return dst, address.parse("ff02::")[:12] + dst[2:]
        return dst, None if dst[0] & 1 else _SOME_DESTINATION
    try:
        destination = address.parse(to)
    except ValueError:
        raise RequestError(
            f'"{to}" is neither an address, such as 10.0.0.9, nor a MAC address', code=2
        ) from None
    if address.is_multicast(destination):
        return ether.multicast_mac(destination), destination
    if destination == address.BROADCAST:
        return BROADCAST, destination
    return _mac_of(plane, destination, vid), destination


def _mac_of(plane: Plane, wanted: Address, vid: int) -> bytes:
    """The MAC address of a host that has reported from that address."""
    for row in plane.engine.witnesses.hosts(clock.now(), vid=vid):
        if row.address == wanted:
            return row.mac
    text = address.text(wanted)
    raise RequestError(
        f"no report has come from {text}, so its MAC address is not known here: give that "
        f"(`ip neigh show {text}` on the sender)",
        code=2,
    )


def _mac(text: str) -> bytes:
    if not _MAC.fullmatch(text):
        raise RequestError(
            f'"{text}" is not a MAC address, such as 02:00:00:00:00:01', code=2
        ) from None
    return bytes.fromhex(text.replace(":", "").replace("-", ""))


def _ip(
    dst: bytes,
    src: bytes,
    source: Address,
    destination: Address,
    tag: int | None,
    protocol: int | None = None,
    ttl: int | None = None,
    size: int | None = None,
) -> bytes:
    """A frame with an IP packet of that size, or the smallest."""
    protocol = _UDP if protocol is None else protocol
    ttl = _TTL if ttl is None else ttl
    ipv6 = address.family(destination) is Family.IPV6
    header_bytes = ether.HEADER_BYTES + (0 if tag is None else TAG_BYTES) + (40 if ipv6 else 20)
    payload = bytes(8 if size is None else max(0, size - header_bytes))
    if protocol == _UDP and len(payload) >= 8:
        payload = pack("!HHHH", _UDP_PORT, _UDP_PORT, len(payload), 0) + payload[8:]
    if ipv6:
        packet = pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + source + destination
        return _sized(ether.build(dst, src, packet + payload, ETHERTYPE_IPV6), tag, size)
    packet = ipv4.build(source, destination, protocol, payload, ttl=ttl, tos=0, router_alert=False)
    return _sized(ether.build(dst, src, packet), tag, size)


def _sized(frame: bytes, tag: int | None, size: int | None) -> bytes:
    frame = ether.tagged(frame, tag)
    return frame.ljust(_FRAME_BYTES_MIN if size is None else size, b"\0")
