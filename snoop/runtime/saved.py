"""State as bytes: what a new process, of this version or a later one, takes over.

    data = saved.pack(engine.dump(now))
    state = saved.unpack(data, EngineState)
    engine, effects = Engine.load(state, params=params, ports=ports, now=now)

What goes from process to process is a `SwitchState` (`daemon/surviving.py`). It is a line of text
that says what it is and of which version, a checksum, MessagePack. What is cut, damaged, of another
version or no state at all is refused as one `BadState`; names, ranges and what belongs together is
checked by whoever owns it, while it is loaded.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar
from zlib import crc32

import msgspec

from snoop.proto.dumping import BadState

VERSION: Final = 5
"""Of what is in a state. A field that is added at the end, with a default, needs no new one."""

_HEAD: Final = struct.Struct("!16sII")
_MAGIC: Final = b"snoop state\n".ljust(16, b"\0")

_encoder = msgspec.msgpack.Encoder()

State = TypeVar("State", bound=NamedTuple)


def pack(state: NamedTuple) -> bytes:
    """A state as bytes."""
    body = _encoder.encode(state)
    return _HEAD.pack(_MAGIC, VERSION, crc32(body)) + body


@cache
def _decoder(kind: type[NamedTuple]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def unpack(data: bytes, kind: type[State]) -> State:
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
        state: State = _decoder(kind).decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadState(f"not as a state is written by this version: {error}") from error
    return state
