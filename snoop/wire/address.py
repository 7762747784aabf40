"""Addresses as the rest of the switch carries them: always 16 bytes, IPv4 as `::ffff:a.b.c.d`.

Plain `bytes`, because they are dictionary keys on the hot path: the hash is cached, equality is a
`memcmp`, and the order of the bytes is the numeric order that the querier election needs (Q-4). The
family of an address follows from its prefix, so no key has to carry both.

`ANY` is not an address on the wire: it stands for "any source" of a group and for the group of a
General Query. The sender address 0.0.0.0 is `UNSPECIFIED`, which is a different value. The sender
address `::`, `UNSPECIFIED6`, is not: it is no source of a group (W-27).
"""

import ipaddress
from enum import IntEnum
from typing import Final, TypeAlias

Address: TypeAlias = bytes
"""16 bytes; IPv4 is v4-mapped."""

Prefix: TypeAlias = tuple[Address, int]
"""Network address and its length in bits of the 128-bit form (an IPv4 /8 is 104)."""


class Family(IntEnum):
    """Address family; the value is the IP version."""

    IPV4 = 4
    IPV6 = 6


IPV4: Final = Family.IPV4  # asked by its class it costs 0.1 µs
IPV6: Final = Family.IPV6

MAPPED: Final = bytes(10) + b"\xff\xff"
ANY: Final[Address] = bytes(16)
_L2: Final = b"\x01" + bytes(9)


def mapped(b4: bytes) -> Address:
    """The 16-byte form of the 4 bytes of an IPv4 address."""
    return MAPPED + b4


def parse(text: str) -> Address:
    """Read a dotted quad or the text form of an IPv6 address; ValueError if it is neither."""
    address = ipaddress.ip_address(text)
    return mapped(address.packed) if address.version == 4 else address.packed


def text(addr: Address) -> str:
    """The dotted quad of a v4-mapped address, else the shortest IPv6 form (RFC 5952)."""
    if addr[:12] == MAPPED:
        return f"{addr[12]}.{addr[13]}.{addr[14]}.{addr[15]}"
    return str(ipaddress.IPv6Address(addr))


def mac_text(mac: bytes) -> str:
    """A MAC address as people write it."""
    return mac.hex(":")


def parse_mac(text: str) -> bytes:
    """Read `02:00:00:00:00:0b`, with dashes, or as `0200.0000.000b`; ValueError if it is none."""
    for mark, count in ((":", 6), ("-", 6), (".", 3)):
        parts = text.split(mark)
        if len(parts) == count and all(
            len(part) == 12 // count and part.isascii() and part.isalnum() for part in parts
        ):
            return bytes.fromhex("".join(parts))
    raise ValueError(f"{text!r} is no MAC address")


def of_mac(mac: bytes) -> Address:
    """What stands for a layer-2 group in place of an address: 01, nine zeros, its MAC address."""
    return _L2 + mac


def mac_of(addr: Address) -> bytes | None:
    """The MAC address of a layer-2 group; None: it is an address of IP."""
    return addr[10:] if addr[:10] == _L2 else None


def group_text(group: Address) -> str:
    """A group as people write it, one by its MAC address too."""
    return mac_text(group[10:]) if group[:10] == _L2 else text(group)


def why_not_by_mac(mac: bytes) -> str | None:
    """Why a MAC address names no layer-2 group; None: it does."""
    if not mac[0] & 1:
        return "not the MAC address of a group"
    if mac == b"\xff" * 6:
        return "broadcast, which goes to every port anyway"
    if mac[:3] == b"\x01\x00\x5e":
        low = f"{mac[3] & 0x7F}.{mac[4]}.{mac[5]}"
        return f"of 32 IPv4 groups, 224.{low} and others, which are named by their addresses"
    if mac[:2] == b"\x33\x33":
        return "of the IPv6 groups that end like it, which are named by their addresses"
    if mac[:5] == b"\x01\x80\xc2\x00\x00" and mac[5] < 16:
        return "reserved: no bridge forwards it"
    return None


def parse_group(text: str) -> Address:
    """Read a multicast group by its address, or a layer-2 group by its MAC address.

    ValueError if it is neither; which of the latter are meant is not looked at (`why_not_by_mac`).
    """
    try:
        mac = parse_mac(text)
    except ValueError:
        found = parse(text)
        if not is_multicast(found):
            raise ValueError(f"{text!r} is no group") from None
        return found
    return of_mac(mac)


def family(addr: Address) -> Family:
    """The family that the address belongs to; `ANY` counts as IPv6 and is not asked, and neither
    is a layer-2 group.
    """
    return Family.IPV4 if addr[:12] == MAPPED else Family.IPV6


def parse_prefix(text: str) -> Prefix:
    """Read `239.255.0.0/16` or `ff3e::/32`; a bare address is its own prefix.

    ValueError if it is not a prefix or has bits set past its length.
    """
    network = ipaddress.ip_network(text)
    if network.version == 4:
        return mapped(network.network_address.packed), 96 + network.prefixlen
    return network.network_address.packed, network.prefixlen


def is_multicast(addr: Address) -> bool:
    """Tell whether `addr` is in 224.0.0.0/4 or ff00::/8."""
    if addr[:12] == MAPPED:
        return addr[12] & 0xF0 == 0xE0
    return addr[0] == 0xFF


def is_link_local_group(addr: Address) -> bool:
    """Tell whether `addr` is in 224.0.0.0/24, which is never pruned (SNOOP-15, SNOOP-31)."""
    return addr[:15] == _LINK_LOCAL_BLOCK


def is_never_learned(group: Address) -> bool:
    """Tell whether reports for `group` make no state.

    224.0.0.0/24 (SNOOP-15); ff02::1 and scopes 0 and 1, which nobody reports (MLD-6).
    """
    if group[0]:
        return group[1] & 0x0F < 2 or group == ALL_NODES6
    return group[:15] == _LINK_LOCAL_BLOCK


def link_local_of(mac: bytes) -> Address:
    """The link-local address that a MAC address gives: fe80::/64 and its EUI-64 (Q-11)."""
    return b"\xfe\x80" + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def is_link_local(addr: Address) -> bool:
    """Tell whether `addr` is in fe80::/10, whose addresses alone speak MLD (MLD-2, MLD-3)."""
    return addr[0] == 0xFE and addr[1] & 0xC0 == 0x80


UNSPECIFIED: Final[Address] = mapped(bytes(4))  # 0.0.0.0
BROADCAST: Final[Address] = mapped(b"\xff" * 4)
ALL_SYSTEMS: Final[Address] = mapped(bytes((224, 0, 0, 1)))
ALL_ROUTERS: Final[Address] = mapped(bytes((224, 0, 0, 2)))
ALL_DVMRP_ROUTERS: Final[Address] = mapped(bytes((224, 0, 0, 4)))
ALL_PIM_ROUTERS: Final[Address] = mapped(bytes((224, 0, 0, 13)))
ALL_IGMPV3_ROUTERS: Final[Address] = mapped(bytes((224, 0, 0, 22)))
ALL_SNOOPERS: Final[Address] = mapped(bytes((224, 0, 0, 106)))

UNSPECIFIED6: Final[Address] = ANY
ALL_NODES6: Final[Address] = parse("ff02::1")
ALL_ROUTERS6: Final[Address] = parse("ff02::2")
ALL_PIM_ROUTERS6: Final[Address] = parse("ff02::d")
ALL_MLDV2_ROUTERS: Final[Address] = parse("ff02::16")
ALL_SNOOPERS6: Final[Address] = parse("ff02::6a")

_LINK_LOCAL_BLOCK: Final = ALL_SYSTEMS[:15]
_LOOPBACK6: Final = parse("::1")
_MULTICAST6: Final = parse("ff00::")


def is_bad_source6(addr: Address) -> bool:
    """Tell whether an address is no IPv6 source of a group (W-27)."""
    return not _LOOPBACK6 < addr < _MULTICAST6 or addr[:12] == MAPPED


def is_host(addr: Address) -> bool:
    """Tell whether a stream may come from `addr`: whether a host can have it."""
    if family(addr) is Family.IPV6:
        return not is_bad_source6(addr)
    return addr != UNSPECIFIED and not is_bad_source(addr)


def is_bad_source(addr: Address) -> bool:
    """Tell whether an IPv4 address is no host's: multicast, broadcast or loopback (V-10).

    0.0.0.0 is a good source: hosts without an address and proxies report from it (SNOOP-6).
    """
    first = addr[12]
    return 224 <= first <= 239 or first == 127 or addr == BROADCAST
