"""Whole frames for the hosts to send as they are, built by scapy: IGMP of every version, PIM, MRD,
UDP, and tags.

Nothing of the switch's own codec is used: the envelopes are scapy's, the IGMP bodies are packed
here by hand (scapy's IGMP classes changed names between versions). Every builder gives an untagged
frame; `tagged` adds an 802.1Q tag. IPv6 has its own in `frames_ipv6`.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable
from socket import inet_aton
from typing import Any

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

from scapy.layers.inet import IP, UDP, IPOption_Router_Alert  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import checksum  # noqa: E402

RECORDS = {"IS_IN": 1, "IS_EX": 2, "TO_IN": 3, "TO_EX": 4, "ALLOW": 5, "BLOCK": 6}
MAC = "02:00:00:00:01:fe"


def multicast_mac(group: str) -> str:
    low = struct.unpack("!I", bytes(map(int, group.split("."))))[0] & 0x7FFFFF
    return "01:00:5e:" + ":".join(f"{byte:02x}" for byte in struct.pack("!I", low)[1:])


def control(
    payload: bytes,
    source: str,
    destination: str,
    *,
    protocol: int = 2,
    ttl: int = 1,
    mac: str = MAC,
    alert: bool = True,
    destination_mac: str | None = None,
) -> bytes:
    """An IPv4 frame with the Router Alert option, TTL 1 and TOS 0xc0."""
    options = [IPOption_Router_Alert()] if alert else []
    header = IP(src=source, dst=destination, proto=protocol, ttl=ttl, tos=0xC0, options=options)
    ether = Ether(src=mac, dst=destination_mac or multicast_mac(destination), type=0x0800)
    return bytes(ether / header / Raw(payload))


def summed(body: bytes) -> bytes:
    """The body with its checksum in bytes 2 and 3."""
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def message(kind: int, code: int, group: str, rest: bytes = b"") -> bytes:
    return summed(struct.pack("!BBH4s", kind, code, 0, inet_aton(group)) + rest)


def report_v1(group: str, source: str, **how: Any) -> bytes:
    return control(message(0x12, 0, group), source, group, **{"alert": False, **how})


def report_v2(group: str, source: str, **how: Any) -> bytes:
    return control(message(0x16, 0, group), source, group, **how)


def leave_v2(group: str, source: str, **how: Any) -> bytes:
    return control(message(0x17, 0, group), source, "224.0.0.2", **how)


def report_v3(records: Iterable[tuple[str, str, Iterable[str]]], source: str, **how: Any) -> bytes:
    """`records`: (type name, group, sources) each."""
    packed = [record(*each) for each in records]
    body = struct.pack("!BBHHH", 0x22, 0, 0, 0, len(packed)) + b"".join(packed)
    return control(summed(body), source, "224.0.0.22", **how)


def record(kind: str, group: str, sources: Iterable[str]) -> bytes:
    listed = [inet_aton(source) for source in sources]
    return struct.pack("!BBH4s", RECORDS[kind], 0, len(listed), inet_aton(group)) + b"".join(listed)


def query(
    source: str,
    group: str = "0.0.0.0",
    sources: Iterable[str] = (),
    *,
    version: int = 3,
    response: float = 1.0,
    interval: int = 125,
    robustness: int = 2,
    suppress: bool = False,
    **how: Any,
) -> bytes:
    """A query of that version; `response` (below 12.8) and `interval` (below 128) in seconds."""
    destination = "224.0.0.1" if group == "0.0.0.0" else group
    listed = [inet_aton(each) for each in sources]
    rest = struct.pack("!BBH", suppress << 3 | robustness, interval, len(listed)) + b"".join(listed)
    code = 0 if version == 1 else round(response * 10)
    body = message(0x11, code, group, rest if version == 3 else b"")
    return control(body, source, destination, **{"alert": version > 1, **how})


def pim_hello(source: str, *, holdtime: int = 105, **how: Any) -> bytes:
    """A PIMv2 Hello with the Holdtime option (RFC 7761 section 4.9.2)."""
    body = summed(struct.pack("!BBHHHH", 0x20, 0, 0, 1, 2, holdtime))
    return control(body, source, "224.0.0.13", protocol=103, alert=False, **how)


def mrd_advertisement(source: str, *, interval: int = 20, **how: Any) -> bytes:
    body = summed(struct.pack("!BBHHH", 0x30, interval, 0, 125, 2))
    return control(body, source, "224.0.0.106", **how)


def udp(
    source: str,
    destination: str,
    payload: bytes = b"x" * 32,
    *,
    mac: str = MAC,
    destination_mac: str | None = None,
    ttl: int = 8,
    port: int = 5004,
) -> bytes:
    """A UDP datagram with every checksum in place."""
    return bytes(
        Ether(src=mac, dst=destination_mac or multicast_mac(destination))
        / IP(src=source, dst=destination, ttl=ttl, flags="DF")
        / UDP(sport=port, dport=port)
        / Raw(payload)
    )


def tagged(frame: bytes, vid: int, *, pcp: int = 0, tpid: int = 0x8100) -> bytes:
    return frame[:12] + struct.pack("!HH", tpid, pcp << 13 | vid) + frame[12:]
