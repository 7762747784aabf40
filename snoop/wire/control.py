"""A punted frame as the engine sees it: the validation chain V-3 to V-10, from the MAC header in.

The order is that of spec 1.10 and each failure names one counter. What is *policy* (TTL and
Router Alert, V-6) is not decided here, but what it needs is in the result. The VLAN (V-3) is the
fast path's.
"""

from typing import Final, NamedTuple, TypeAlias

from snoop.wire import ether, igmp, ipv4, messages, pim
from snoop.wire.address import (
    ALL_PIM_ROUTERS,
    ALL_SNOOPERS,
    ALL_SYSTEMS,
    ANY,
    Address,
    is_bad_source,
)
from snoop.wire.errors import WireError
from snoop.wire.ether import ETHERTYPE_IPV4, multicast_mac
from snoop.wire.headers import IP, Ethernet
from snoop.wire.ipv4 import PROTOCOL_IGMP, PROTOCOL_PIM

Message: TypeAlias = messages.Message | pim.Hello

_GROUP_MAC: Final = b"\x01\x00\x5e"  # W-6


class Control(NamedTuple):
    """A control message and the headers it came in."""

    ether: Ethernet
    ip: IP
    message: Message


def parse(frame: bytes) -> Control:
    """Read an IGMP message or a PIM hello out of a whole Ethernet frame, without its tag.

    An IGMP type that is only flooded comes back as `Unknown`, unchecked behind its IP header.
    WireError for everything else that must not be learned from: see `errors.COUNTERS`.
    `not_control` is nobody's error: other protocols, other PIM messages, and frames whose MAC
    address is not that of the IPv4 group they are for, unicast and broadcast among them, which are
    bridged and never learned from (spec 1.10 note c, SNOOP-40).
    """
    header = ether.parse(frame)
    ip: IP | None = None
    try:
        if header.ethertype != ETHERTYPE_IPV4:
            raise WireError("not_control", f"ethertype {header.ethertype:#06x}")
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
    match message:
        case messages.Unknown():
            return message  # SNOOP-8: no further checks
        case messages.Query(group=group) if group == ANY and ip.dst != ALL_SYSTEMS:
            raise WireError("malformed", "General Query not sent to 224.0.0.1")  # V-9
        case messages.Query(group=group) if group not in (ANY, ip.dst):
            raise WireError("malformed", "query not sent to the group it asks about")  # V-9
        case messages.MrdAdvertisement() | messages.MrdTermination() if ip.dst != ALL_SNOOPERS:
            raise WireError("malformed", "MRD message not sent to 224.0.0.106")  # spec 1.8
    if is_bad_source(ip.src):  # V-10
        raise WireError("bad_source")
    return message


def _pim(frame: bytes, ip: IP) -> pim.Hello:
    if ip.dst != ALL_PIM_ROUTERS or ip.fragment:
        raise WireError("not_control", "PIM, but no hello")
    hello = pim.parse_hello(frame[ip.payload_start : ip.payload_end])
    if is_bad_source(ip.src):
        raise WireError("bad_source")
    return hello


def build_frame(
    *,
    src_mac: bytes,
    src: Address,
    dst: Address,
    payload: bytes,
    protocol: int = PROTOCOL_IGMP,
    dst_mac: bytes | None = None,
    ttl: int = 1,
    router_alert: bool = True,
) -> bytes:
    """A control frame, untagged: TTL 1, TOS 0xC0, Router Alert (W-1).

    `dst_mac` None is the MAC address of the group `dst` (W-6). ValueError for arguments that no
    frame can carry.
    """
    packet = ipv4.build(src, dst, protocol, payload, ttl=ttl, router_alert=router_alert)
    mac = multicast_mac(dst) if dst_mac is None else dst_mac
    return ether.build(mac, src_mac, packet)
