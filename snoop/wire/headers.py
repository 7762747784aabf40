"""The headers in front of a message, as they were read: see `ether`, `ipv4` and `ipv6`."""

from typing import NamedTuple

from snoop.wire.address import Address, Family


class Ethernet(NamedTuple):
    """An Ethernet header; a named tuple, because a frozen dataclass costs 1 µs more per frame.

    It has no tag: that does not cross from the fast path, but as fields beside the frame.
    """

    dst: bytes
    src: bytes
    ethertype: int


class IP(NamedTuple):
    """A checked header of either family. A named tuple for the cost, like `Ethernet`.

    `payload_start` and `payload_end` are byte offsets into the frame. `fragment` is true for
    every part of a fragmented datagram, the first included.

    Of IPv6, `ttl` is the Hop Limit, `tos` the Traffic Class, and `protocol` what stands at
    `payload_start`, behind the extension headers; in a fragment that is not the first that is the
    middle of something, and `protocol` stays that of the Fragment header.
    """

    src: Address
    dst: Address
    protocol: int
    ttl: int
    router_alert: bool
    fragment: bool
    tos: int
    payload_start: int
    payload_end: int
    family: Family = Family.IPV4
