"""PIM version 2 hellos, read only as a hint that a router is there (SNOOP-24, spec 1.9).

No other PIM message is looked into: joins and prunes are the routers' business, and they are
flooded.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from snoop.wire.checksum import checksum, is_valid
from snoop.wire.errors import WireError

HOLDTIME_DEFAULT_S: Final = 105  # RFC 7761 4.11: 3.5 * 30 s, when the option is absent
HOLDTIME_FOREVER: Final = 0xFFFF

_VERSION_2_HELLO: Final = 0x20
_OPTION: Final = Struct("!HH")
_OPTION_HOLDTIME: Final = 1


@dataclass(frozen=True, slots=True)
class Hello:
    """A hello: 0 s says goodbye, `HOLDTIME_FOREVER` never expires, None means the default."""

    holdtime_s: int | None


def parse_hello(payload: bytes | memoryview, pseudo: bytes = b"") -> Hello:
    """Read a hello from an IP payload; over IPv6 its checksum covers a pseudo-header as well.

    WireError `not_control` for another version or type, `pim_checksum` for a wrong checksum,
    `pim_malformed` for options that do not fit.
    """
    data = bytes(payload)
    if len(data) < 4:
        raise WireError("pim_malformed", f"{len(data)} bytes")
    if data[0] != _VERSION_2_HELLO:
        raise WireError("not_control", "not a version 2 hello")
    if not is_valid(pseudo + data):
        raise WireError("pim_checksum", "wrong")
    holdtime: int | None = None
    offset = 4
    while offset < len(data):
        if offset + 4 > len(data):
            raise WireError("pim_malformed", "option cut short")
        kind, length = _OPTION.unpack_from(data, offset)
        start = offset + 4
        offset = start + length
        if offset > len(data):
            raise WireError("pim_malformed", "option runs past the end")
        if kind == _OPTION_HOLDTIME:
            if length != 2:
                raise WireError("pim_malformed", f"holdtime of {length} bytes")
            holdtime = int.from_bytes(data[start:offset])
    return Hello(holdtime)


def build_hello(*, holdtime_s: int | None) -> bytes:
    """A hello with the one option, or with none."""
    message = bytes((_VERSION_2_HELLO, 0, 0, 0))
    if holdtime_s is not None:
        message += _OPTION.pack(_OPTION_HOLDTIME, 2) + holdtime_s.to_bytes(2)
    return message[:2] + checksum(message).to_bytes(2) + message[4:]
