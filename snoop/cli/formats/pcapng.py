"""A pcapng file, written: one interface per port, nanosecond times, a comment per frame.

Just the three blocks that this takes (section header, interface description, enhanced packet);
draft-ietf-opsawg-pcapng sections 4.1 to 4.3.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC, _ETHERNET = 0x1A2B3C4D, 1
_COMMENT, _FLAGS, _NAME, _RESOLUTION = 1, 2, 2, 9
_NANOSECONDS = b"\x09"
_DIRECTIONS = {"in": 1, "out": 2}


class Writer:
    """Writes to a binary file object; flushes each frame, so that a pipe shows it at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces: dict[str, int] = {}
        self._block(_SECTION, struct.pack("<IHHq", _MAGIC, 1, 0, -1))
        self._file.flush()

    def frame(self, *, port: str, time: float, frame: bytes, comment: str, direction: str) -> None:
        """One frame at `port`; `time` in seconds since the epoch, `direction` "in" or "out"."""
        number = self._interfaces.get(port)
        if number is None:
            number = self._interfaces[port] = len(self._interfaces)
            options = _option(_NAME, port.encode()) + _option(_RESOLUTION, _NANOSECONDS)
            self._block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0) + options + bytes(4))
        stamp = round(time * 1e9)
        head = struct.pack(
            "<IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame)
        )
        options = _option(_FLAGS, struct.pack("<I", _DIRECTIONS[direction]))
        options += _option(_COMMENT, comment.encode()[:60_000])
        self._block(_PACKET, head + _padded(frame) + options + bytes(4))
        self._file.flush()

    def _block(self, kind: int, body: bytes) -> None:
        length = len(body) + 12
        self._file.write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
