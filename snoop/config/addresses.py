"""Addresses as a file may give them: of either family, each checked as it is made.

What a value is not is a ValueError; what the key takes instead is said by `words.py`.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import TypeAlias

from snoop.wire.address import (
    Address,
    Family,
    Prefix,
    mac_text,
    mapped,
    of_mac,
    parse_mac,
    why_not_by_mac,
)

Network: TypeAlias = IPv4Network | IPv6Network

_BROADCAST = IPv4Address("255.255.255.255")


def carried(address: IPv4Address | IPv6Address) -> Address:
    """An address as the rest of the switch carries it."""
    return mapped(address.packed) if address.version == 4 else address.packed


class Host:
    """An IPv4 or IPv6 address, without a zone; an IPv4 one in IPv6 clothes is neither."""

    __slots__ = ("address",)

    def __init__(self, text: str) -> None:
        """Read it."""
        address = ip_address(text)
        if isinstance(address, IPv6Address) and (
            address.scope_id is not None or address.ipv4_mapped is not None
        ):
            raise ValueError("not an address of its family")
        self.address: IPv4Address | IPv6Address = address

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same address."""
        return isinstance(other, Host) and self.address == other.address

    def __hash__(self) -> int:
        """By the address."""
        return hash(self.address)

    def __str__(self) -> str:
        """As people write it."""
        return str(self.address)

    @property
    def family(self) -> Family:
        """Its family."""
        return Family(self.address.version)

    @property
    def mapped(self) -> Address:
        """As the rest of the switch carries it."""
        return carried(self.address)


class Group(Host):
    """A multicast group."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__(text)
        if not self.address.is_multicast:
            raise ValueError("not a multicast address")


class StaticGroup:
    """A multicast group, or one by its MAC address that is of no IP group."""

    __slots__ = ("group", "mac")

    def __init__(self, text: str) -> None:
        """Read it."""
        self.group: Group | None = None
        try:
            self.mac = parse_mac(text)
        except ValueError:
            self.group = Group(text)
        else:
            why_not = why_not_by_mac(self.mac)
            if why_not is not None:
                raise ValueError(why_not)

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same group."""
        return isinstance(other, StaticGroup) and self.mapped == other.mapped

    def __hash__(self) -> int:
        """By what the switch carries."""
        return hash(self.mapped)

    def __str__(self) -> str:
        """As people write it."""
        return mac_text(self.mac) if self.group is None else str(self.group)

    @property
    def family(self) -> Family | None:
        """Its family, None of one by its MAC address."""
        return None if self.group is None else self.group.family

    @property
    def mapped(self) -> Address:
        """As the rest of the switch carries it."""
        return of_mac(self.mac) if self.group is None else self.group.mapped


class Source(Host):
    """A unicast address somebody may send from."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__(text)
        address = self.address
        if address.is_multicast or address.is_unspecified or address == _BROADCAST:
            raise ValueError("not a unicast address")


class Sender(Host):
    """An IPv4 address of our own to send from, or 0.0.0.0 for none."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__(text)
        address = self.address
        if self.family is not Family.IPV4 or (
            address.is_multicast or address.is_loopback or address == _BROADCAST
        ):
            raise ValueError("not an address to send from")


class LinkLocal(Host):
    """A link-local IPv6 address of our own: hosts ignore queries from any other (MLD-2)."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__(text)
        if self.family is not Family.IPV6 or not self.address.is_link_local:
            raise ValueError("not a link-local address")


class HostAddress:
    """A unicast address that an interface may have, with the length of its network."""

    __slots__ = ("address", "interface")

    def __init__(self, text: str) -> None:
        """Read it."""
        if "/" not in text:
            raise ValueError("no length")
        self.interface: IPv4Interface | IPv6Interface = ip_interface(text)
        self.address = Source(text.rpartition("/")[0])
        network = self.interface.network
        ends = (
            network.network_address,
            network.broadcast_address if self.address.family is Family.IPV4 else None,
        )
        if self.address.address.is_loopback or (
            network.prefixlen < network.max_prefixlen - 1 and self.address.address in ends
        ):
            raise ValueError("not an address of a host")

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same address of the same network."""
        return isinstance(other, HostAddress) and self.interface == other.interface

    def __hash__(self) -> int:
        """By both."""
        return hash(self.interface)

    def __str__(self) -> str:
        """As people write it."""
        return str(self.interface)


class GroupPrefix:
    """A prefix of multicast groups; a plain group is one of its own."""

    __slots__ = ("family", "network", "prefix")

    def __init__(self, text: str) -> None:
        """Read it."""
        network = ip_network(text)
        if not network.is_multicast:
            raise ValueError("not a multicast prefix")
        self.network: Network = network
        self.family = Family(network.version)
        bits = 96 if self.family is Family.IPV4 else 0
        self.prefix: Prefix = (carried(network.network_address), bits + network.prefixlen)
        """As the rest of the switch carries it."""

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same prefix."""
        return isinstance(other, GroupPrefix) and self.network == other.network

    def __hash__(self) -> int:
        """By the prefix."""
        return hash(self.network)

    def __str__(self) -> str:
        """As people write it: a group without its length."""
        return str(self.network.network_address if self.is_group else self.network)

    @property
    def is_group(self) -> bool:
        """True if it is one group."""
        return self.network.prefixlen == self.network.max_prefixlen
