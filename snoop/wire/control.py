"""A control frame of either family: the validation chain V-3 to V-10, from the MAC header in.

The order is that of spec 1.10 and each failure names one counter. What is *policy* (TTL and
Router Alert, V-6) is not decided here, but what it needs is in the result. The VLAN (V-3) is the
fast path's.
"""

from typing import Final, NamedTuple, TypeAlias

from snoop.wire import ether, igmp, ipv4, ipv6, messages, mld, mld_types, pim
from snoop.wire.address import (
    ALL_NODES6,
    ALL_PIM_ROUTERS,
    ALL_PIM_ROUTERS6,
    ALL_SNOOPERS,
    ALL_SNOOPERS6,
    ALL_SYSTEMS,
    ANY,
    MAPPED,
    UNSPECIFIED6,
    Address,
    is_bad_source,
    is_link_local,
)
from snoop.wire.errors import WireError
from snoop.wire.ether import ETHERTYPE_IPV4, ETHERTYPE_IPV6, multicast_mac
from snoop.wire.headers import IP, Ethernet
from snoop.wire.ipv4 import PROTOCOL_IGMP, PROTOCOL_PIM
from snoop.wire.ipv6 import PROTOCOL_ICMPV6, pseudo_header

Message: TypeAlias = messages.Message | pim.Hello

_GROUP_MAC: Final = b"\x01\x00\x5e"  # W-6
_GROUP_MAC6: Final = b"\x33\x33"
_QUERY6: Final = bytes((mld_types.QUERY,))
_FROM_HOSTS: Final = (messages.Report, messages.Leave)

# Hosts say everything twice, and answer each query in the same words, to the byte.
_SHORT_BYTES: Final = 96
_KNOWN_MAX: Final = 4096  # of 1.2 KB each; forgotten all at once


class Control(NamedTuple):
    """A control message and the headers it came in."""

    ether: Ethernet
    ip: IP
    message: Message


def parse(frame: bytes) -> Control:
    """Read an IGMP or MLD message or a PIM hello out of a whole Ethernet frame, without its tag.

    An IGMP type that is only flooded comes back as `Unknown`, unchecked behind its IP header.
    WireError for everything else that must not be learned from: see `errors.COUNTERS`.
    `not_control` is nobody's error: other protocols, other PIM messages, and frames whose MAC
    address is not that of the group they are for, unicast and broadcast among them, which are
    bridged and never learned from (spec 1.10 note c, SNOOP-40); of ICMPv6 all but MLD (W-5).
    """
    known = _known.get(frame)
    if known is not None:
        return known
    read = _parse(frame)
    if len(frame) <= _SHORT_BYTES and isinstance(read.message, _FROM_HOSTS):
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[frame] = read
    return read


_known: Final[dict[bytes, Control]] = {}


def _parse(frame: bytes) -> Control:
    header = ether.parse(frame)
    ip: IP | None = None
    try:
        if header.ethertype != ETHERTYPE_IPV4:
            if header.ethertype != ETHERTYPE_IPV6:
                raise WireError("not_control", f"ethertype {header.ethertype:#06x}")
            if header.dst[:2] != _GROUP_MAC6:
                raise WireError("not_control", "no IPv6 multicast MAC address")
            ip = ipv6.parse(frame, ether.HEADER_BYTES)
            return Control(header, ip, _ipv6(frame, header, ip))
        if header.dst[:3] != _GROUP_MAC:
            raise WireError("not_control", "no IPv4 multicast MAC address")
        ip = ipv4.parse(frame, ether.HEADER_BYTES)
        if ip.dst[12] & 0xF0 != 0xE0 or header.dst != multicast_mac(ip.dst):
            raise WireError("not_control", "MAC address of another group")
        if ip.protocol == PROTOCOL_IGMP:
            return Control(header, ip, _igmp(frame, ip))
        if ip.protocol == PROTOCOL_PIM:
            return Control(header, ip, _pim(frame, ip))
        raise WireError("not_control", f"IP protocol {ip.protocol}")
    except WireError as error:
        error.ether = header
        error.ip = ip
        raise


def _igmp(frame: bytes, ip: IP) -> messages.Message:
    if ip.fragment:  # V-5: the rest of the message is elsewhere, so nothing can be checked
        raise WireError("igmp_fragment")
    message = igmp.parse(frame[ip.payload_start : ip.payload_end])
    if isinstance(message, messages.Unknown):
        return message  # SNOOP-8: no further checks
    if not isinstance(message, _FROM_HOSTS):
        _require_destination(message, ip.dst)
    if is_bad_source(ip.src):  # V-10
        raise WireError("bad_source")
    return message


def _require_destination(message: messages.Message, dst: Address) -> None:
    match message:
        case messages.Query(group=group) if group == ANY and dst != ALL_SYSTEMS:
            raise WireError("malformed", "General Query not sent to 224.0.0.1")  # V-9
        case messages.Query(group=group) if group not in (ANY, dst):
            raise WireError("malformed", "query not sent to the group it asks about")  # V-9
        case messages.MrdAdvertisement() | messages.MrdTermination() if dst != ALL_SNOOPERS:
            raise WireError("malformed", "MRD message not sent to 224.0.0.106")  # spec 1.8


def _pim(frame: bytes, ip: IP) -> pim.Hello:
    if ip.dst != ALL_PIM_ROUTERS or ip.fragment:
        raise WireError("not_control", "PIM, but no hello")
    hello = pim.parse_hello(frame[ip.payload_start : ip.payload_end])
    if is_bad_source(ip.src):
        raise WireError("bad_source")
    return hello


def _ipv6(frame: bytes, header: Ethernet, ip: IP) -> Message:
    if ip.dst[0] != 0xFF or header.dst != multicast_mac(ip.dst):
        raise WireError("not_control", "MAC address of another group")
    if ip.protocol == PROTOCOL_ICMPV6:
        return _mld(frame, ip)
    if ip.protocol != PROTOCOL_PIM or ip.dst != ALL_PIM_ROUTERS6 or ip.fragment:
        raise WireError("not_control", f"IPv6, next header {ip.protocol}")
    payload = frame[ip.payload_start : ip.payload_end]
    hello = pim.parse_hello(payload, pseudo_header(ip.src, ip.dst, PROTOCOL_PIM, len(payload)))
    if not is_link_local(ip.src):  # RFC 7761 4.3.1
        raise WireError("not_link_local")
    return hello


def _mld(frame: bytes, ip: IP) -> messages.Message:
    payload = frame[ip.payload_start : ip.payload_end]
    if ip.fragment and payload[:1] and payload[0] in mld.MINIMUM:  # V-5: as of IGMP
        raise WireError("mld_fragment")
    message = mld.parse(payload, ip.src, ip.dst)
    from_nowhere = ip.src == UNSPECIFIED6
    match message:
        case messages.Query(group=group):
            if ip.dst not in (ALL_NODES6, group):  # V-9, MLD-9
                raise WireError("mld_malformed", "query not sent where it belongs")
            from_nowhere = False  # MLD-2
        case messages.MrdAdvertisement() | messages.MrdTermination():
            if ip.dst != ALL_SNOOPERS6:
                raise WireError("mld_malformed", "MRD message not sent to ff02::6a")  # spec 1.8
            from_nowhere = False
    if not (from_nowhere or is_link_local(ip.src)):  # MLD-3
        raise WireError("not_link_local")
    return message


def build_frame(
    *,
    src_mac: bytes,
    src: Address,
    dst: Address,
    payload: bytes,
    protocol: int | None = None,
    dst_mac: bytes | None = None,
    ttl: int = 1,
    router_alert: bool = True,
) -> bytes:
    """A control frame, untagged, of the family of `dst`: TTL 1, Router Alert (W-1, W-4).

    `protocol` None is IGMP or ICMPv6, `dst_mac` None the MAC address of the group `dst` (W-6).
    Over IPv6 the checksum is put into the payload here. ValueError for arguments that no frame can
    carry, and for a query from `::` (MLD-4).
    """
    mac = multicast_mac(dst) if dst_mac is None else dst_mac
    if dst[:12] == MAPPED:
        kind = PROTOCOL_IGMP if protocol is None else protocol
        packet = ipv4.build(src, dst, kind, payload, ttl=ttl, router_alert=router_alert)
        return ether.build(mac, src_mac, packet)
    kind = PROTOCOL_ICMPV6 if protocol is None else protocol
    if payload[:1] == _QUERY6 and src == UNSPECIFIED6 and kind == PROTOCOL_ICMPV6:
        raise ValueError("no query is sent from ::")
    packet = ipv6.build(src, dst, kind, payload, hop_limit=ttl, router_alert=router_alert)
    return ether.build(mac, src_mac, packet, ETHERTYPE_IPV6)
