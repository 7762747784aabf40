"""Whole IGMP, PIM and UDP frames, right or wrong in any field, packed by hand.

Nothing of the switch is imported, and not scapy either: an attacker makes thousands of them in a
few milliseconds. Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random
from socket import inet_aton, inet_ntoa

ALERT = b"\x94\x04\x00\x00"
IGMP, UDP, PIM = 2, 17, 103


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) & 1)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def summed(body: bytes) -> bytes:
    return body[:2] + struct.pack("!H", checksum(body[:2] + bytes(2) + body[4:])) + body[4:]


def group_mac(group: str) -> bytes:
    low = int.from_bytes(inet_aton(group)) & 0x7FFFFF
    return b"\x01\x00\x5e" + low.to_bytes(3)


def ipv4(
    source: str,
    destination: str,
    payload: bytes,
    *,
    protocol: int = IGMP,
    ttl: int = 1,
    options: bytes = ALERT,
    mac: bytes,
    to: bytes | None = None,
    fragment: int = 0,
) -> bytes:
    words = 5 + len(options) // 4
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0xC0,
        4 * words + len(payload),
        0,
        fragment,
        ttl,
        protocol,
        0,
        inet_aton(source),
        inet_aton(destination),
    )
    header += options
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return (to or group_mac(destination)) + mac + b"\x08\x00" + header + payload


def message(kind: int, code: int, group: str, rest: bytes = b"") -> bytes:
    return summed(struct.pack("!BBH4s", kind, code, 0, inet_aton(group)) + rest)


def record(kind: int, group: str, sources: Sequence[str] = ()) -> bytes:
    head = struct.pack("!BBH4s", kind, 0, len(sources), inet_aton(group))
    return head + b"".join(map(inet_aton, sources))


def report(records: Sequence[bytes]) -> bytes:
    return summed(struct.pack("!BBHHH", 0x22, 0, 0, 0, len(records)) + b"".join(records))


def query(
    group: str, code: int, *, qrv: int, qqic: int, version: int, sources: Sequence[str] = ()
) -> bytes:
    if version < 3:
        return message(0x11, code if version == 2 else 0, group)
    rest = struct.pack("!BBH", qrv, qqic, len(sources)) + b"".join(map(inet_aton, sources))
    return message(0x11, code, group, rest)


def tagged(frame: bytes, vid: int, tpid: int = 0x8100) -> bytes:
    return frame[:12] + struct.pack("!HH", tpid, vid) + frame[12:]


def udp(payload: bytes) -> bytes:
    return struct.pack("!HHHH", 5004, 5004, 8 + len(payload), 0) + payload


def any_group(random: Random) -> str:
    return inet_ntoa(bytes((random.choice((225, 232, 239)), *random.randbytes(3))))


def any_address(random: Random) -> str:
    return inet_ntoa(bytes((10, *random.randbytes(3))))


def any_mac(random: Random) -> bytes:
    return b"\x02" + random.randbytes(5)
