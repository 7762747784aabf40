"""Addresses of interfaces: had, given and taken away; OSError if the kernel refuses."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from snoop.links import rtnetlink
from snoop.links.rtnetlink import Asker, attribute

Interface = IPv4Interface | IPv6Interface

_IFADDR = struct.Struct("=BBBBI")
_ADDRESS, _LOCAL, _BROADCAST, _FLAGS, _PROTOCOL = 1, 2, 4, 8, 11
_NODAD = 0x2


def held(asker: Asker, ifindex: int) -> Iterator[tuple[Interface, int]]:
    """What an interface has, and by whom (IFA_PROTO, as Linux 6.0 keeps it; 0: not said)."""
    for payload in asker.dump(rtnetlink.GETADDR, _IFADDR.pack(socket.AF_UNSPEC, 0, 0, 0, ifindex)):
        _, bits, _, _, index = _IFADDR.unpack_from(payload)
        told = rtnetlink.attributes(payload[_IFADDR.size :])
        raw = told.get(_LOCAL, told.get(_ADDRESS, b""))
        if index == ifindex and len(raw) in (4, 16):
            family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
            by = told.get(_PROTOCOL, b"\0")[0]
            yield ip_interface(f"{socket.inet_ntop(family, raw)}/{bits}"), by


def give(
    asker: Asker, ifindex: int, address: Interface, *, by: int = 0, sole: bool = False
) -> None:
    """Have an interface have it; FileExistsError. `sole`: it is known that nobody else does."""
    made = _named(ifindex, address) + (attribute(_PROTOCOL, bytes((by,))) if by else b"")
    made += attribute(_FLAGS, struct.pack("=I", _NODAD)) if sole else b""
    asker.tell(rtnetlink.NEWADDR, made, flags=rtnetlink.EXCLUSIVELY)


def take(asker: Asker, ifindex: int, address: Interface) -> None:
    """Have it no more."""
    asker.tell(rtnetlink.DELADDR, _named(ifindex, address))


def _named(ifindex: int, address: Interface) -> bytes:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    network = address.network
    body = _IFADDR.pack(family, network.prefixlen, 0, 0, ifindex)
    body += attribute(_LOCAL, address.packed) + attribute(_ADDRESS, address.packed)
    if address.version == 4 and network.prefixlen < 31:
        body += attribute(_BROADCAST, network.broadcast_address.packed)
    return body
