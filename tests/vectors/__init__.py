"""Frames and messages as data, what they mean in one line each, and an independent judge of them.

`messages.txt` holds IGMP payloads, `frames.txt` and `mld_frames.txt` whole Ethernet frames, one a
line: `hex | reading`. A reading is a short text like tcpdump's (`reading` writes it from what the
parser returned, `oracle.judge` from the bytes alone), or `!counter` when the input must be refused.
"""

from pathlib import Path
from typing import NamedTuple

from snoop.wire import control, messages, pim
from snoop.wire.address import ANY, Family, text


class Vector(NamedTuple):
    """One line of a vector file."""

    data: bytes
    reading: str


def load(name: str) -> list[Vector]:
    """Read a vector file; blank lines and lines that start with `#` are left out."""
    vectors = []
    for line in (Path(__file__).parent / name).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            digits, _, reading = line.partition("|")
            vectors.append(Vector(bytes.fromhex(digits), reading.strip()))
    return vectors


def sum16(data: bytes) -> int:
    """The RFC 1071 checksum of `data`, word by word as the RFC tells it."""
    total = 0
    for i in range(0, len(data), 2):
        total += data[i] << 8
        if i + 1 < len(data):
            total += data[i + 1]
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def signed(digits: str) -> bytes:
    """The message of the hex `digits` with the checksum put into its bytes 2 and 3."""
    data = bytes.fromhex(digits)
    blank = data[:2] + b"\0\0" + data[4:]
    return blank[:2] + sum16(blank).to_bytes(2) + blank[4:]


def reading(message: control.Message) -> str:
    """Write what the parser returned as one line."""
    mld = "mld " if getattr(message, "family", None) is Family.IPV6 else ""
    return mld + _reading(message)


def _reading(message: control.Message) -> str:
    match message:
        case messages.Query():
            group = "general" if message.group == ANY else text(message.group)
            sources = f" {{{_list(message.sources)}}}" if message.sources else ""
            suppress = " S" if message.suppress else ""
            newest = message.generation is messages.Generation.SOURCES
            tail = f" qrv {message.qrv} qqi {message.qqi_s}s" if newest else ""
            time = f"{message.max_response_ns / 1e9:.1f}s"
            if message.family is Family.IPV6:
                time = f"{message.max_response_ns // 1_000_000}ms"
            return f"query v{message.version} {group}{sources} max resp {time}{suppress}{tail}"
        case messages.Report():
            records = "".join(
                f" {kind.name} {text(group)} {{{_list(sources)}}}"
                for kind, group, sources in message.records
            )
            skipped = f" skipped {message.skipped_records}" if message.skipped_records else ""
            bad = f" bad sources {message.bad_sources}" if message.bad_sources else ""
            return f"report v{message.version}{records}{skipped}{bad}"
        case messages.Leave():
            return f"leave {text(message.group)}"
        case messages.MrdAdvertisement():
            return (
                f"mrd advertisement {message.interval_s}s"
                f" query interval {message.query_interval_s}s robustness {message.robustness}"
            )
        case messages.MrdSolicitation():
            return "mrd solicitation"
        case messages.MrdTermination():
            return "mrd termination"
        case messages.Dvmrp():
            return "dvmrp"
        case messages.Unknown():
            return f"unknown {message.type:#04x}"
        case pim.Hello():
            return "pim hello" + (
                "" if message.holdtime_s is None else f" holdtime {message.holdtime_s}s"
            )


def _list(addresses: tuple[bytes, ...]) -> str:
    return " ".join(text(address) for address in addresses)
