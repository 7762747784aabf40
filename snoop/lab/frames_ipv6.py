"""Whole IPv6 frames for the hosts to send as they are: MLD of both versions, PIM, MRD, neighbour
discovery and UDP.

The twin of `frames`, by the same names. Everything is packed here by hand, and nothing of the
switch's own codec is used. `frames.tagged` adds a tag.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from socket import AF_INET6, inet_pton
from typing import Any

from scapy.utils import checksum

from snoop.lab.frames import MAC, RECORDS

ALL_NODES, ALL_ROUTERS, ALL_MLDV2_ROUTERS = "ff02::1", "ff02::2", "ff02::16"
ICMPV6, UDP, PIM = 58, 17, 103


def pton(address: str) -> bytes:
    return inet_pton(AF_INET6, address)


def multicast_mac(group: str) -> str:
    return "33:33:" + ":".join(f"{byte:02x}" for byte in pton(group)[12:])


def packet(
    payload: bytes,
    source: str,
    destination: str,
    *,
    next_header: int = ICMPV6,
    hop_limit: int = 1,
    mac: str = MAC,
    alert: bool = True,
    destination_mac: str | None = None,
) -> bytes:
    """An IPv6 frame, with the Router Alert option in a hop-by-hop header if `alert`."""
    if alert:
        payload, next_header = struct.pack("!BBHHH", next_header, 0, 0x0502, 0, 0x0100) + payload, 0
    to = bytes.fromhex((destination_mac or multicast_mac(destination)).replace(":", ""))
    ether = to + bytes.fromhex(mac.replace(":", "")) + b"\x86\xdd"
    header = struct.pack("!IHBB", 6 << 28, len(payload), next_header, hop_limit)
    return ether + header + pton(source) + pton(destination) + payload


def summed(body: bytes, source: str, destination: str, *, at: int = 2, kind: int = ICMPV6) -> bytes:
    """The body with its checksum, which counts the addresses, in the two bytes `at`."""
    pseudo = pton(source) + pton(destination) + struct.pack("!II", len(body), kind)
    return body[:at] + struct.pack("!H", checksum(pseudo + body) or 0xFFFF) + body[at + 2 :]


def icmpv6(body: bytes, source: str, destination: str, **how: Any) -> bytes:
    return packet(summed(body, source, destination), source, destination, **how)


def message(kind: int, group: str, code: int = 0) -> bytes:
    return struct.pack("!BBHHH", kind, 0, 0, code, 0) + pton(group)


def report_v1(group: str, source: str, **how: Any) -> bytes:
    return icmpv6(message(131, group), source, group, **how)


def done(group: str, source: str, **how: Any) -> bytes:
    return icmpv6(message(132, group), source, ALL_ROUTERS, **how)


def report_v2(
    records: Iterable[tuple[str, str, Iterable[str]]],
    source: str,
    *,
    claimed: int | None = None,
    destination: str = ALL_MLDV2_ROUTERS,
    **how: Any,
) -> bytes:
    """`records`: (type name, group, sources) each; the report may claim to have more of them."""
    packed = [record(*each) for each in records]
    count = len(packed) if claimed is None else claimed
    body = struct.pack("!BBHHH", 143, 0, 0, 0, count) + b"".join(packed)
    return icmpv6(body, source, destination, **how)


def record(kind: str, group: str, sources: Iterable[str]) -> bytes:
    listed = [pton(source) for source in sources]
    return struct.pack("!BBH", RECORDS[kind], 0, len(listed)) + pton(group) + b"".join(listed)


def query(
    source: str,
    group: str = "::",
    sources: Iterable[str] = (),
    *,
    version: int = 2,
    response: float = 1.0,
    interval: int = 125,
    robustness: int = 2,
    suppress: bool = False,
    **how: Any,
) -> bytes:
    """A query of that version; `response` (below 32) and `interval` (below 128) in seconds."""
    listed = [pton(each) for each in sources]
    rest = struct.pack("!BBH", suppress << 3 | robustness, interval, len(listed)) + b"".join(listed)
    body = message(130, group, round(response * 1000)) + (rest if version == 2 else b"")
    return icmpv6(body, source, ALL_NODES if group == "::" else group, **how)


def pim_hello(source: str, *, holdtime: int = 105, **how: Any) -> bytes:
    """A PIMv2 Hello with the Holdtime option (RFC 7761 section 4.9.2)."""
    body = summed(struct.pack("!BBHHHH", 0x20, 0, 0, 1, 2, holdtime), source, "ff02::d", kind=PIM)
    how = {"next_header": PIM, "alert": False, **how}
    return packet(body, source, "ff02::d", **how)


def mrd_advertisement(source: str, *, interval: int = 20, **how: Any) -> bytes:
    return icmpv6(struct.pack("!BBHHH", 151, interval, 0, 125, 2), source, "ff02::6a", **how)


def udp(
    source: str, destination: str, payload: bytes = b"x" * 32, *, port: int = 5004, **how: Any
) -> bytes:
    """A UDP datagram with its checksum in place."""
    body = struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
    how = {"next_header": UDP, "hop_limit": 8, "alert": False, **how}
    return packet(summed(body, source, destination, at=6, kind=UDP), source, destination, **how)
