"""Making pairs of interfaces, and giving them addresses: what `[[host]]` needs of the kernel.

The only place that changes interfaces, and it is told which: those that are the switch's own. Every
call is answered before it returns; OSError if the kernel refuses.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from snoop.links import rtnetlink
from snoop.links.rtnetlink import Asker, Facts, attribute

Interface = IPv4Interface | IPv6Interface

EXCLUSIVELY = rtnetlink.CREATE | rtnetlink.EXCLUDE
_IFADDR = struct.Struct("=BBBBI")
_INFO_DATA, _VETH_PEER = 2, 1
_AF_SPEC = 26
_IPV4_CONF = 1  # IFLA_INET_CONF
_PROMOTE_SECONDARIES, _ACCEPT_LOCAL = 20, 23  # IPV4_DEVCONF_…
_GEN_MODE, _GEN_NONE = 8, 1  # IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE
_NESTED = 0x8000
_UP = 1
_LOCAL, _ADDRESS, _BROADCAST, _PROTOCOL = 2, 1, 4, 11
# Who gave an address, as Linux 6.0 keeps it: by this number we know ours again.
_OURS = 0x53


class Pairs:
    """What can be done to interfaces of this network namespace."""

    def __init__(self) -> None:
        self._asker = Asker()

    def close(self) -> None:
        self._asker.close()

    def look(self, ifindex: int) -> Facts:
        """What an interface is."""
        return self._asker.link(ifindex)

    def make(self, name: str, peer: str, *, mac: bytes, peer_mac: bytes, mtu: int) -> None:
        """Make a pair, both down; an empty `mac` is one that the kernel makes up."""
        ends = (_link(name, mac, mtu), _link(peer, peer_mac, mtu))
        self._asker.tell(rtnetlink.NEWLINK, veth(*ends), flags=EXCLUSIVELY)

    def remove(self, ifindex: int) -> None:
        """Delete an interface, and with it the other end of its pair."""
        self._asker.tell(rtnetlink.DELLINK, rtnetlink.IFINFO.pack(0, 0, ifindex, 0, 0))

    def set_up(self, ifindex: int) -> None:
        self._set(ifindex, b"", up=True)

    def set_mtu(self, ifindex: int, mtu: int) -> None:
        self._set(ifindex, attribute(rtnetlink.MTU, struct.pack("=I", mtu)))

    def set_mac(self, ifindex: int, mac: bytes) -> None:
        self._set(ifindex, attribute(rtnetlink.ADDRESS, mac))

    def set_alias(self, ifindex: int, alias: str) -> None:
        self._set(ifindex, attribute(rtnetlink.ALIAS, alias.encode()))

    def accept_local(self, ifindex: int, *, on: bool) -> None:
        """Let IPv4 packets in that come from an address of this host itself."""
        self._set_ipv4(ifindex, _ACCEPT_LOCAL, on)

    def keep_secondaries(self, ifindex: int) -> None:
        """An address that goes takes no others of its network with it."""
        self._set_ipv4(ifindex, _PROMOTE_SECONDARIES, 1)

    def _set_ipv4(self, ifindex: int, key: int, value: int) -> None:
        conf = _nest(_IPV4_CONF, attribute(key, struct.pack("=I", value)))
        self._set(ifindex, _nest(_AF_SPEC, _nest(socket.AF_INET, conf)))

    def keep_silent(self, ifindex: int) -> None:
        """No IPv6 address of its own makes it speak; where there is no IPv6 it does not anyway."""
        mode = attribute(_GEN_MODE, bytes((_GEN_NONE,)))
        try:
            self._set(ifindex, _nest(_AF_SPEC, _nest(socket.AF_INET6, mode)))
        except OSError:
            return

    def _set(self, ifindex: int, attributes: bytes, *, up: bool = False) -> None:
        flags = _UP if up else 0
        body = rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, ifindex, flags, flags)
        self._asker.tell(rtnetlink.NEWLINK, body + attributes)

    # Addresses -----------------------------------------------------------------------------------

    def addresses(self, ifindex: int) -> dict[Interface, bool]:
        """What an interface has, and whether it is by us."""
        found = {}
        head = _IFADDR.pack(socket.AF_UNSPEC, 0, 0, 0, ifindex)
        for kind, payload in self._asker.ask(
            rtnetlink.GETADDR, rtnetlink.REQUEST | rtnetlink.DUMP, head
        ):
            _, length, _, _, index = _IFADDR.unpack_from(payload)
            told = rtnetlink.attributes(payload[_IFADDR.size :])
            raw = told.get(_LOCAL, told.get(_ADDRESS, b""))
            if kind == rtnetlink.NEWADDR and index == ifindex and len(raw) in (4, 16):
                family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
                ours = told.get(_PROTOCOL, b"\0")[0] == _OURS
                found[ip_interface(f"{socket.inet_ntop(family, raw)}/{length}")] = ours
        return found

    def add_address(self, ifindex: int, address: Interface) -> None:
        self._asker.tell(rtnetlink.NEWADDR, _given(ifindex, address), flags=EXCLUSIVELY)

    def remove_address(self, ifindex: int, address: Interface) -> None:
        self._asker.tell(rtnetlink.DELADDR, _given(ifindex, address))


def veth(one: bytes, other: bytes) -> bytes:
    """The body of a message that makes a pair of two ends, by the attributes of each."""
    head = rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    data = _nest(_INFO_DATA, _nest(_VETH_PEER, head + other))
    return head + one + _nest(rtnetlink.LINKINFO, attribute(rtnetlink.KIND, b"veth") + data)


def _given(ifindex: int, address: Interface) -> bytes:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    network = address.network
    body = _IFADDR.pack(family, network.prefixlen, 0, 0, ifindex)
    body += attribute(_LOCAL, address.packed) + attribute(_ADDRESS, address.packed)
    if address.version == 4 and network.prefixlen < 31:
        body += attribute(_BROADCAST, network.broadcast_address.packed)
    return body + attribute(_PROTOCOL, bytes((_OURS,)))


def _link(name: str, mac: bytes, mtu: int) -> bytes:
    made = attribute(rtnetlink.IFNAME, name.encode() + b"\0")
    made += attribute(rtnetlink.MTU, struct.pack("=I", mtu))
    return made + (attribute(rtnetlink.ADDRESS, mac) if mac else b"")


def _nest(kind: int, value: bytes) -> bytes:
    return attribute(kind | _NESTED, value)
