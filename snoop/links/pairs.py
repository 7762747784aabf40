"""Making pairs of interfaces, and what is then done to them: for `[[host]]`, and for containers.

The only place that changes interfaces, and it is told which: those that are the switch's own. Every
call is answered before it returns; OSError if the kernel refuses.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from snoop.links import addresses, rtnetlink
from snoop.links.addresses import Interface
from snoop.links.rtnetlink import Asker, Facts, attribute

At = int | str  # an interface, by its number or by its name

_INFO_DATA, _VETH_PEER = 2, 1
_NET_NS_FD = 28
_AF_SPEC = 26
_IPV4_CONF = 1  # IFLA_INET_CONF
_PROMOTE_SECONDARIES, _ACCEPT_LOCAL = 20, 23  # IPV4_DEVCONF_…
_GEN_MODE, _GEN_NONE = 8, 1  # IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE
_NESTED = 0x8000
_UP = 1
# Who gave an address: by this number we know ours again.
_OURS = 0x53


class End(NamedTuple):
    """One end of a pair: its name, the descriptor of its namespace (None: the one we are in), its
    MAC address (b"": one that the kernel makes up).
    """

    name: str
    namespace: int | None = None
    mac: bytes = b""


class Pairs:
    """What can be done to interfaces of the network namespace that it was made in."""

    def __init__(self) -> None:
        self._asker = Asker()

    def close(self) -> None:
        self._asker.close()

    def look(self, ifindex: int) -> Facts:
        """What an interface is."""
        return self._asker.link(ifindex)

    def all(self) -> list[Facts]:
        """Every interface."""
        return self._asker.links()

    def make(self, one: End, other: End, *, mtu: int | None = None) -> None:
        """Make a pair, both ends down; FileExistsError if either name is taken there."""
        first, second = _end(one, mtu), _end(other, mtu)
        head = rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        data = _nest(_INFO_DATA, _nest(_VETH_PEER, head + second))
        kind = attribute(rtnetlink.KIND, b"veth")
        body = head + first + _nest(rtnetlink.LINKINFO, kind + data)
        self._asker.tell(rtnetlink.NEWLINK, body, flags=rtnetlink.EXCLUSIVELY)

    def remove(self, at: At) -> None:
        """Delete an interface, and with it the other end of its pair."""
        self._asker.tell(rtnetlink.DELLINK, _head(at))

    def set_up(self, at: At) -> None:
        self._asker.tell(rtnetlink.SETLINK, _head(at, _UP))

    def set_mtu(self, at: At, mtu: int) -> None:
        self._set(at, attribute(rtnetlink.MTU, struct.pack("=I", mtu)))

    def set_mac(self, at: At, mac: bytes) -> None:
        self._set(at, attribute(rtnetlink.ADDRESS, mac))

    def set_alias(self, at: At, alias: str) -> None:
        self._set(at, attribute(rtnetlink.ALIAS, alias.encode() + b"\0"))

    def accept_local(self, at: At, *, on: bool) -> None:
        """Let IPv4 packets in that come from an address of this host itself."""
        self._set_ipv4(at, _ACCEPT_LOCAL, on)

    def keep_secondaries(self, at: At) -> None:
        """An address that goes takes no others of its network with it."""
        self._set_ipv4(at, _PROMOTE_SECONDARIES, 1)

    def _set_ipv4(self, at: At, key: int, value: int) -> None:
        conf = _nest(_IPV4_CONF, attribute(key, struct.pack("=I", value)))
        self._set(at, _nest(_AF_SPEC, _nest(socket.AF_INET, conf)))

    def keep_silent(self, at: At) -> None:
        """No IPv6 address of its own makes it speak; where there is no IPv6 it does not anyway."""
        mode = attribute(_GEN_MODE, bytes((_GEN_NONE,)))
        try:
            self._set(at, _nest(_AF_SPEC, _nest(socket.AF_INET6, mode)))
        except OSError:
            return

    def _set(self, at: At, attributes: bytes) -> None:
        self._asker.tell(rtnetlink.SETLINK, _head(at) + attributes)

    # Addresses -----------------------------------------------------------------------------------

    def addresses(self, ifindex: int) -> dict[Interface, bool]:
        """What an interface has, and whether it is by us."""
        return {one: by == _OURS for one, by in addresses.held(self._asker, ifindex)}

    def add_address(self, ifindex: int, address: Interface) -> None:
        addresses.give(self._asker, ifindex, address, by=_OURS)

    def remove_address(self, ifindex: int, address: Interface) -> None:
        addresses.take(self._asker, ifindex, address)


def _head(at: At, flags: int = 0) -> bytes:
    number, name = (at, b"") if isinstance(at, int) else (0, _name(at))
    return rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, number, flags, flags) + name


def _end(end: End, mtu: int | None) -> bytes:
    made = _name(end.name)
    if mtu is not None:
        made += attribute(rtnetlink.MTU, struct.pack("=I", mtu))
    if end.mac:
        made += attribute(rtnetlink.ADDRESS, end.mac)
    if end.namespace is not None:
        made += attribute(_NET_NS_FD, struct.pack("=i", end.namespace))
    return made


def _name(name: str) -> bytes:
    return attribute(rtnetlink.IFNAME, name.encode() + b"\0")


def _nest(kind: int, value: bytes) -> bytes:
    return attribute(kind | _NESTED, value)
