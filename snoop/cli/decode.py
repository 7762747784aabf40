"""`snoop decode`: the IGMP and MLD messages of a capture, one line each.

scapy reads the file and takes the packets apart; it is loaded only here, and slow is fine. What it
cannot make sense of is a line too, with the reason: a malformed report is why one looks.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import click

from snoop.cli import options

_RECORDS = {1: "IS_IN", 2: "IS_EX", 3: "TO_IN", 4: "TO_EX", 5: "ALLOW", 6: "BLOCK"}
_IGMP, _ICMP6, _PIM = 2, 58, 103
_MLD = {130, 131, 132, 143, 151, 152, 153}
_ROUTER_ALERT6 = b"\x05\x02\x00\x00"


@click.command()
@click.argument("file")
@options.as_json
def decode(file: str, as_json: bool) -> None:
    """Print the IGMP and MLD messages of FILE (pcap or pcapng), one line each."""
    for message in _messages(file):
        if as_json:
            import json

            click.echo(json.dumps(message))
        else:
            click.echo(_line(message))


def _line(message: dict[str, Any]) -> str:
    stamp = time.strftime("%H:%M:%S", time.localtime(message["time"]))
    fraction = f"{message['time'] % 1:.6f}"[1:]
    tag = f" vlan {message['vlan']}" if message["vlan"] is not None else ""
    return (
        f"{stamp}{fraction}{tag} {message['source']} > {message['destination']} {message['text']}"
    )


def _messages(file: str) -> Iterator[dict[str, Any]]:
    import logging

    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.error import Scapy_Exception
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Dot1Q, Ether
    from scapy.utils import RawPcapNgReader, RawPcapReader

    try:
        reader = RawPcapReader(file)
    except (OSError, Scapy_Exception, EOFError, struct.error) as error:
        reason = getattr(error, "strerror", None) or "not a pcap or pcapng file"
        raise options.failure(f"cannot read {file}: {reason}") from error
    with reader:
        while True:
            try:
                data, meta = next(reader)
            except StopIteration:
                return
            except (Scapy_Exception, EOFError, struct.error, ValueError) as error:
                raise options.failure(f"{file} ends in the middle of a frame") from error
            if len(data) < 14:
                continue
            stamp = _time(meta, isinstance(reader, RawPcapNgReader))
            frame = Ether(data)
            tag = frame.getlayer(Dot1Q)
            for kind, text_of in ((IP, _igmp), (IPv6, _mld)):
                packet = frame.getlayer(kind)
                if packet is None:
                    continue
                text = text_of(bytes(packet.original))
                if text is not None:
                    yield {
                        "time": stamp,
                        "vlan": None if tag is None else tag.vlan,
                        "source": packet.src,
                        "destination": packet.dst,
                        "text": text,
                    }


def _time(meta: Any, nanoseconds: bool) -> float:
    """Seconds since the epoch, of either file format's metadata."""
    if nanoseconds:
        return float(((meta.tshigh or 0) << 32 | (meta.tslow or 0)) / (meta.tsresol or 1_000_000))
    return float(meta.sec + meta.usec / 1_000_000)


def _igmp(packet: bytes) -> str | None:
    """An IPv4 packet with IGMP, or a PIM hello, as text."""
    header = (packet[0] & 0x0F) * 4
    (total,) = struct.unpack_from("!H", packet, 2)
    (offset,) = struct.unpack_from("!H", packet, 6)
    protocol = packet[9]
    body = packet[header:total]
    if protocol == _PIM and body[:1] == b"\x20":
        return "PIM hello"
    if protocol != _IGMP:
        return None
    notes = [f"ttl {packet[8]}"] if packet[8] != 1 else []
    if header == 20 and body[:1] not in (b"\x12", b""):
        notes.append("no router alert")
    if offset & 0x3FFF:
        return "IGMP fragment"
    if len(body) < (4 if body[:1] in (b"\x31", b"\x32") else 8):
        return f"IGMP of {len(body)} bytes: too short"
    if _checksum(body) != 0:
        notes.append("BAD CHECKSUM")
    try:
        text = _igmp_text(body)
    except (struct.error, ValueError):
        text = f"IGMP type {body[0]:#x} MALFORMED"
    return ", ".join([text, *notes])


def _igmp_text(body: bytes) -> str:
    if body[0] in (0x31, 0x32):
        return _router(body, 0x30)
    group = str(ip_address(body[4:8]))
    match body[0]:
        case 0x11:
            return _query(body, group, len(body) < 12)
        case 0x12:
            return f"v1 report {group}"
        case 0x16:
            return f"v2 report {group}"
        case 0x17:
            return f"v2 leave {group}"
        case 0x22:
            return f"v3 report {_records(body, 4)}"
        case 0x30:
            return _router(body, 0x30)
        case 0x13:
            return "DVMRP"
        case kind:
            return f"IGMP type {kind:#x}"


def _router(body: bytes, advertisement: int) -> str:
    """MRD, laid out alike in both families; termination is two after the advertisement."""
    match body[0] - advertisement:
        case 0:
            return f"multicast router advertisement, every {body[1]} s"
        case 1:
            return "multicast router solicitation"
    return "multicast router termination"


def _query(body: bytes, group: str, old: bool) -> str:
    about = "general query" if group == "0.0.0.0" else f"query for {group}"
    if old:
        version = "v2" if body[1] else "v1"
        return f"{version} {about}, answer in {(body[1] or 100) / 10:g} s"
    (count,) = struct.unpack_from("!H", body, 10)
    if 12 + 4 * count > len(body):
        return f"v3 {about} MALFORMED: {count} sources announced"
    return f"v3 {about}, answer in {_code(body[1]) / 10:g} s{_tail(body, 8, 12, count, 4)}"


def _tail(body: bytes, at: int, sources_at: int, count: int, size: int) -> str:
    """S flag, QRV, QQI and sources, laid out alike in IGMPv3 and MLDv2."""
    text = f", QRV {body[at] & 7}, QQI {_code(body[at + 1])} s"
    if body[at] & 8:
        text += ", S"
    return text + (f", sources {_addresses(body, sources_at, count, size)}" if count else "")


def _records(body: bytes, size: int) -> str:
    (count,) = struct.unpack_from("!H", body, 6)
    at = 8
    shown: list[str] = []
    for _ in range(count):
        if at + 4 + size > len(body):
            return f"MALFORMED: {count} records announced, {len(shown)} there"
        kind, aux, sources = struct.unpack_from("!BBH", body, at)
        group = str(ip_address(body[at + 4 : at + 4 + size]))
        first = at + 4 + size
        at = first + sources * size + aux * 4
        if at > len(body):
            return f"MALFORMED: record of {group} is longer than the message"
        name = _RECORDS.get(kind, f"type {kind}")
        shown.append(f"{group} {name} {_addresses(body, first, sources, size)}")
    return "; ".join(shown) or "without records"


def _mld(packet: bytes) -> str | None:
    """An IPv6 packet with MLD behind its extension headers, or a PIM hello, as text."""
    (length,) = struct.unpack_from("!H", packet, 4)
    packet = packet[: 40 + length]
    following, at = packet[6], 40
    alert = fragment = False
    while following in (0, 43, 44, 51, 60) and at + 8 <= len(packet):
        kind, following = following, packet[at]
        size = {44: 8, 51: 4 * packet[at + 1] + 8}.get(kind, 8 * packet[at + 1] + 8)
        if kind == 44:
            (place,) = struct.unpack_from("!H", packet, at + 2)
            if place & 0xFFF8:  # what it is the rest of is in another frame
                return None
            fragment = place & 1 == 1
        alert = alert or (kind == 0 and _ROUTER_ALERT6 in packet[at + 2 : at + size])
        at += size
    body = packet[at:]
    if following == _PIM and body[:1] == b"\x20":
        return "PIM hello"
    if following != _ICMP6 or not body or body[0] not in _MLD:
        return None
    if fragment:
        return "MLD fragment"
    least = {143: 8, 151: 8, 152: 4, 153: 4}.get(body[0], 24)
    if len(body) < least:
        return f"MLD of {len(body)} bytes: too short"
    notes = [f"hop limit {packet[7]}"] if packet[7] != 1 else []
    if not alert:
        notes.append("no router alert")
    if _checksum(packet[8:40] + struct.pack("!II", len(body), _ICMP6) + body) != 0:
        notes.append("BAD CHECKSUM")
    return ", ".join([_mld_text(body), *notes])


def _mld_text(body: bytes) -> str:
    if body[0] == 143:
        return f"MLDv2 report {_records(body, 16)}"
    if body[0] > 150:
        return _router(body, 151)
    group = str(ip_address(body[8:24]))
    if body[0] != 130:
        return f"MLDv1 {'report' if body[0] == 131 else 'done'} {group}"
    about = "general query" if group == "::" else f"query for {group}"
    (code,) = struct.unpack_from("!H", body, 4)
    if len(body) == 24:
        return f"MLDv1 {about}, answer in {code / 1000:g} s"
    if len(body) < 28:
        return f"MLD {about} MALFORMED: {len(body)} bytes are of no version"
    delay = code if code < 0x8000 else (code & 0xFFF | 0x1000) << ((code >> 12 & 7) + 3)
    (count,) = struct.unpack_from("!H", body, 26)
    if 28 + 16 * count > len(body):
        return f"MLDv2 {about} MALFORMED: {count} sources announced"
    return f"MLDv2 {about}, answer in {delay / 1000:g} s{_tail(body, 24, 28, count, 16)}"


def _addresses(body: bytes, at: int, count: int, size: int) -> str:
    each = (body[at + n * size : at + (n + 1) * size] for n in range(count))
    return "{" + ", ".join(str(ip_address(one)) for one in each) + "}"


def _code(code: int) -> int:
    """The float of Max Resp Code and QQIC (spec W-11)."""
    return code if code < 0x80 else (code & 0x0F | 0x10) << ((code >> 4 & 7) + 3)


def _checksum(data: bytes) -> int:
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
