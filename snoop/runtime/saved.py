"""The engine's state as bytes: what a new process, of this version or a later one, takes over.

    data = saved.pack(engine.dump(now))
    engine, effects = Engine.load(saved.unpack(data), params=params, ports=ports, now=now)

A line of text that says what it is and of which version, a checksum, MessagePack. What is cut,
damaged, of another version or no state at all is refused as one `BadState`; names, ranges and what
belongs together is checked by whoever owns it, while it is loaded.
"""

from __future__ import annotations

import struct
from typing import Final
from zlib import crc32

import msgspec

from snoop.proto.dumping import BadState
from snoop.proto.state import EngineState

VERSION: Final = 3
"""Of what is in a state. A field that is added at the end, with a default, needs no new one."""

_HEAD: Final = struct.Struct("!16sII")
_MAGIC: Final = b"snoop state\n".ljust(16, b"\0")

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EngineState)


def pack(state: EngineState) -> bytes:
    """A state as bytes."""
    body = _encoder.encode(state)
    return _HEAD.pack(_MAGIC, VERSION, crc32(body)) + body


def unpack(data: bytes) -> EngineState:
    """The state that was packed; BadState if it was not, or by another version."""
    if len(data) < _HEAD.size:
        raise BadState(f"cut after {len(data)} bytes")
    magic, version, checksum = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise BadState("not a state of a switch")
    if version != VERSION:
        raise BadState(f"version {version}, this is {VERSION}")
    body = memoryview(data)[_HEAD.size :]
    if crc32(body) != checksum:
        raise BadState("cut or damaged")
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadState(f"not as a state is written: {error}") from error
