"""The time codes of queries, and what a configured time becomes when it is sent.

IGMPv3 codes Max Resp Time and QQI as a small float of 8 bits (W-11), MLDv2 the latter, and its
Maximum Response Time as one of 16 (W-12); IGMPv1 and v2 and MLDv1 do not (W-14). A time
that the code cannot carry is sent as the next lower one it can (W-13), so the time that timers
must be computed from is the *effective* one: 25.5 s goes out as 24.8 s. Durations here are
nanoseconds.
"""

from struct import Struct
from typing import Final

MILLISECOND_NS: Final = 1_000_000
TENTH_NS: Final = 100_000_000
SECOND_NS: Final = 1_000_000_000
V1_MAX_RESPONSE_NS: Final = 10 * SECOND_NS  # the field is 0 and read as 100 tenths (spec 1.3)
CODE8_MAX: Final = 31744  # what 0xff stands for
CODE16_MAX: Final = 8387584  # what 0xffff stands for

# The last fields of a v3 query, and of a v2 query of MLD: flags, QQIC, number of sources.
QUERY_TAIL: Final = Struct("!BBH")
S_FLAG: Final = 0x08
QRV_MAX: Final = 7  # and the mask of its bits


def _decode(code: int, mantissa: int) -> int:
    """The value of a float code: 3 bits of exponent over so many of mantissa, from 1eee0...0 on."""
    if code < 8 << mantissa:
        return code
    return (1 << mantissa | code & (1 << mantissa) - 1) << ((code >> mantissa & 7) + 3)


def _encode(value: int, mantissa: int) -> int:
    if value < 0:
        raise ValueError(f"no code for {value}")
    if value < 8 << mantissa:
        return value
    highest = (16 << mantissa) - 1
    if value >= _decode(highest, mantissa):
        return highest
    shift = value.bit_length() - mantissa - 1  # leaves the mantissa and the 1 before it
    return 8 << mantissa | (shift - 3) << mantissa | value >> shift & (1 << mantissa) - 1


def decode_code8(code: int) -> int:
    """The value of a float code 0..255 (W-11); its unit is the field's."""
    return _decode(code, 4)


def encode_code8(value: int) -> int:
    """The code of `value`, or of the next lower value that has one (W-13).

    Values over `CODE8_MAX` get 0xff. ValueError for a negative value.
    """
    return _encode(value, 4)


def decode_code16(code: int) -> int:
    """The value of a float code 0..65535 (W-12); its unit is a millisecond."""
    return _decode(code, 12)


def encode_code16(value: int) -> int:
    """The code of `value`, or of the next lower value that has one (W-13).

    Values over `CODE16_MAX` get 0xffff. ValueError for a negative value.
    """
    return _encode(value, 12)


def max_response_code(version: int, duration_ns: int) -> int:
    """The Max Resp Code of a query of IGMP `version` 1, 2 or 3.

    Version 1 has none (0). Version 2 is linear and clipped at 255 tenths. A time under a tenth is
    sent as one tenth: code 0 would turn a v2 query into a v1 query (W-10).
    """
    if version == 1:
        return 0
    tenths = max(1, duration_ns // TENTH_NS)
    return min(tenths, 0xFF) if version == 2 else encode_code8(tenths)


def max_response_ns(version: int, code: int) -> int:
    """The Max Resp Time that `code` means in a query of that version, in ns."""
    if version == 1:
        return V1_MAX_RESPONSE_NS
    return (code if version == 2 else decode_code8(code)) * TENTH_NS


def effective_max_response_ns(version: int, duration_ns: int) -> int:
    """What a receiver understands when `duration_ns` is sent as Max Resp Time (W-13)."""
    return max_response_ns(version, max_response_code(version, duration_ns))


def mld_max_response_code(version: int, duration_ns: int) -> int:
    """The Maximum Response Code of a query of MLD `version` 1 or 2.

    Version 1 is linear and clipped at 65535 ms. Less than one is sent as one: 0 leaves no time.
    """
    milliseconds = max(1, duration_ns // MILLISECOND_NS)
    return min(milliseconds, 0xFFFF) if version == 1 else encode_code16(milliseconds)


def mld_max_response_ns(version: int, code: int) -> int:
    """The Maximum Response Delay that `code` means in a query of that version, in ns."""
    return (code if version == 1 else decode_code16(code)) * MILLISECOND_NS


def effective_mld_max_response_ns(version: int, duration_ns: int) -> int:
    """The same of MLD: what a receiver understands (W-13)."""
    return mld_max_response_ns(version, mld_max_response_code(version, duration_ns))


def query_interval_code(duration_ns: int) -> int:
    """The QQIC of a v3 query, or a v2 query of MLD.

    An interval under a second is sent as one second: 0 means "use your default", 125 s (W-15).
    """
    return encode_code8(max(1, duration_ns // SECOND_NS))


def effective_query_interval_ns(duration_ns: int) -> int:
    """The query interval that receivers of such a query adopt (W-13)."""
    return decode_code8(query_interval_code(duration_ns)) * SECOND_NS


def query_tail(*, suppress: bool, qrv: int, qqi_s: int, sources: int) -> bytes:
    """The last fields of such a query; a `qrv` over 7 is sent as 0 (W-15)."""
    flags = (S_FLAG if suppress else 0) | (qrv if 0 <= qrv <= QRV_MAX else 0)
    return QUERY_TAIL.pack(flags, encode_code8(qqi_s), sources)
