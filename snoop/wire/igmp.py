"""Reading IGMP messages (RFC 1112, 2236, 9776) and the MRD and DVMRP types among them.

`parse` is given the IP payload, cut by Total Length, and does the steps V-7 to V-9 that need no
more than that; `control` adds those that need the IP header. A message is either understood whole
or refused whole (W-23). Writing is in `compose`.
"""

from struct import Struct, iter_unpack
from typing import Final

from snoop.wire.address import ANY, MAPPED, Address
from snoop.wire.checksum import is_valid
from snoop.wire.codes import QRV_MAX, S_FLAG, decode_code8, max_response_ns
from snoop.wire.errors import WireError
from snoop.wire.igmp_types import (
    DVMRP,
    LEAVE,
    MRD_ADVERTISEMENT,
    MRD_SOLICITATION,
    MRD_TERMINATION,
    QUERY,
    V1_REPORT,
    V2_REPORT,
    V3_REPORT,
)
from snoop.wire.messages import (
    Dvmrp,
    Leave,
    Message,
    MrdAdvertisement,
    MrdSolicitation,
    MrdTermination,
    Query,
    Record,
    RecordType,
    Report,
    Unknown,
)
from snoop.wire.records import Layout, read

# V-8: the shortest message of a type. Types that are not here stay unread (V-7).
_MINIMUM: Final = {
    QUERY: 8,
    V1_REPORT: 8,
    V2_REPORT: 8,
    LEAVE: 8,
    V3_REPORT: 8,
    DVMRP: 8,
    MRD_ADVERTISEMENT: 8,
    MRD_SOLICITATION: 4,
    MRD_TERMINATION: 4,
}
_V3_QUERY: Final = Struct("!BBH4sBBH")
_MRD_ADVERTISEMENT: Final = Struct("!BBHHH")
_ZERO: Final = bytes(4)
_BROADCAST: Final = b"\xff" * 4
_MULTICAST_FIRST: Final = bytes((224, 0, 0, 0))
_MULTICAST_PAST: Final = bytes((240, 0, 0, 0))


def parse(payload: bytes | memoryview) -> Message:
    """Read one message; `payload` ends where Total Length says.

    WireError `igmp_checksum` when it is too short for its type or its checksum is wrong (V-8),
    `malformed` when its content breaks the rules of its type (V-9). An unknown type is not an
    error and nothing after its type byte is read (V-7, SNOOP-8).
    """
    data = bytes(payload)
    if not data:
        raise WireError("igmp_checksum", "no payload")
    kind = data[0]
    minimum = _MINIMUM.get(kind)
    if minimum is None:
        return Unknown(kind)
    if len(data) < minimum:
        raise WireError("igmp_checksum", f"{len(data)} bytes of a type {kind:#04x}")
    if not is_valid(data):
        raise WireError("igmp_checksum", "wrong")
    if kind == V3_REPORT:
        return Report(3, *read(data, _RECORDS))
    if kind == QUERY:
        return _query(data)
    if kind == V2_REPORT:
        return Report(2, (Record(RecordType.IS_EX, _group(data[4:8]), ()),))
    if kind == LEAVE:
        return Leave(_group(data[4:8]))
    if kind == V1_REPORT:
        return Report(1, (Record(RecordType.IS_EX, _group(data[4:8]), ()),))
    return _router_message(kind, data)


def _group(raw: bytes) -> Address:
    if not _MULTICAST_FIRST <= raw < _MULTICAST_PAST:
        raise WireError("malformed", "group is not multicast")
    return MAPPED + raw


def _query(data: bytes) -> Query:
    length = len(data)
    code = data[1]
    if length == 8:  # W-10: the version follows from the length of the payload
        if code == 0:
            # No group-specific form in version 1: its group field is not looked at (spec 1.3).
            return Query(1, ANY, (), max_response_ns(1, 0), False, 0, 0)
        group = ANY if data[4:8] == _ZERO else _group(data[4:8])
        return Query(2, group, (), max_response_ns(2, code), False, 0, 0)
    if length < 12:
        raise WireError("malformed", f"query of {length} bytes")
    _, _, _, raw, flags, qqic, count = _V3_QUERY.unpack_from(data)
    end = 12 + 4 * count
    if end > length:
        raise WireError("malformed", f"query with {count} sources in {length} bytes")
    if raw == _ZERO:
        if count:
            raise WireError("malformed", "sources without a group")
        group = ANY
    else:
        group = _group(raw)
    return Query(
        3,
        group,
        tuple([MAPPED + source for (source,) in iter_unpack("4s", data[12:end])]),
        max_response_ns(3, code),
        flags & S_FLAG != 0,
        flags & QRV_MAX,
        decode_code8(qqic),
    )


def _sources(raw: bytes) -> tuple[Address, ...]:
    """The addresses that can be sources (W-27): not multicast, 0.0.0.0 or broadcast."""
    return tuple(
        [
            MAPPED + source
            for (source,) in iter_unpack("4s", raw)
            if _ZERO < source < _MULTICAST_FIRST or _MULTICAST_PAST <= source < _BROADCAST
        ]
    )


_RECORDS: Final = Layout(Struct("!BBH4s"), 4, _group, _sources, "malformed")


def _router_message(kind: int, data: bytes) -> Message:
    match kind:
        case 0x30:
            _, interval, _, query_interval, robustness = _MRD_ADVERTISEMENT.unpack_from(data)
            return MrdAdvertisement(interval, query_interval, robustness)
        case 0x31:
            return MrdSolicitation()
        case 0x32:
            return MrdTermination()
        case 0x13:
            return Dvmrp()
        case _:
            raise AssertionError(f"type {kind:#04x} has a minimum length and no reader")
