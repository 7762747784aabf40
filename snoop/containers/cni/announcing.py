"""A container's addresses, told to its neighbours: who had one before it may be known still."""

from __future__ import annotations

import contextlib
import socket
import struct

from snoop.containers import places
from snoop.containers.cni.results import Addressing

_ARP = 0x0806
_EVERYBODY = b"\xff" * 6
_ALL_NODES = "ff02::1"
_ADVERTISEMENT, _OVERRIDE, _TARGET_MAC = 136, 0x20000000, 2
_HOPS = 255


def announce(namespace: int, name: str, mac: bytes, got: Addressing) -> None:
    """Gratuitous ARP, and neighbour advertisements nobody asked for; of what cannot be sent the
    neighbours learn when they ask.
    """
    for one in got.given:
        with contextlib.suppress(OSError), places.inside(namespace):
            send = _send_arp if one.address.version == 4 else _send_advertisement
            send(name, mac, one.address.ip.packed)


def _send_arp(name: str, mac: bytes, address: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((name, _ARP))
        head = struct.pack("!6s6sH", _EVERYBODY, mac, _ARP)
        request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
        sock.send(head + request + mac + address + bytes(6) + address)


def _send_advertisement(name: str, mac: bytes, address: bytes) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)
        index = socket.if_nametoindex(name)
        sock.bind((socket.inet_ntop(socket.AF_INET6, address), 0, 0, index))
        said = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE) + address
        option = struct.pack("!BB", _TARGET_MAC, 1) + mac
        sock.sendto(said + option, (_ALL_NODES, 0, 0, index))
