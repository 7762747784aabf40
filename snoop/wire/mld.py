"""MLD messages, read: ICMPv6 (RFC 2710, 9777) and the MRD types among it.

`parse` is given the message, cut by the lengths of the headers, and the addresses that its checksum
covers, and does what `igmp` does for its family, with counters of its own. Other ICMPv6 is not
looked into. Writing is in `compose_mld`.
"""

from struct import Struct, iter_unpack
from typing import Final

from snoop.wire import messages, mld_types
from snoop.wire.address import ANY, MAPPED, Address, Family
from snoop.wire.checksum import is_valid
from snoop.wire.codes import QRV_MAX, QUERY_TAIL, S_FLAG, decode_code8, mld_max_response_ns
from snoop.wire.errors import WireError
from snoop.wire.ipv6 import PROTOCOL_ICMPV6, pseudo_header
from snoop.wire.messages import Leave, Message, Query, Record, RecordType, Report
from snoop.wire.records import Layout, read

# V-8: the shortest message of a type. Types that are not here stay unread (SNOOP-55).
MINIMUM: Final = {
    mld_types.QUERY: 24,
    mld_types.V1_REPORT: 24,
    mld_types.DONE: 24,
    mld_types.V2_REPORT: 8,
    mld_types.MRD_ADVERTISEMENT: 8,
    mld_types.MRD_SOLICITATION: 4,
    mld_types.MRD_TERMINATION: 4,
}
_V1_QUERY: Final = Struct("!4xHxx16s")
_MRD_INTERVALS: Final = Struct("!4xHH")
_LOOPBACK: Final = ANY[:15] + b"\x01"
_MULTICAST_FIRST: Final = b"\xff" + bytes(15)


def parse(payload: bytes | memoryview, src: Address, dst: Address) -> Message:
    """Read one message that was sent from `src` to `dst`.

    WireError `not_control` when it is no message of MLD or MRD, `mld_checksum` when it is too short
    for its type or its checksum is wrong (MLD-1), `mld_malformed` when its content breaks the rules
    of its type (V-9).
    """
    data = bytes(payload)
    kind = data[0] if data else 0
    minimum = MINIMUM.get(kind)
    if minimum is None:
        raise WireError("not_control", f"ICMPv6 of type {kind}")
    if len(data) < minimum:
        raise WireError("mld_checksum", f"{len(data)} bytes of a type {kind}")
    if not is_valid(pseudo_header(src, dst, PROTOCOL_ICMPV6, len(data)) + data):
        raise WireError("mld_checksum", "wrong")
    match kind:
        case 143:
            return Report(2, *read(data, _RECORDS), Family.IPV6)
        case 130:
            return _query(data)
        case 131:  # a longer one is legal, as in IGMP (RFC 2710 3.7)
            record = Record(RecordType.IS_EX, _group(data[8:24]), ())
            return Report(1, (record,), family=Family.IPV6)
        case 132:
            return Leave(_group(data[8:24]))
        case 151:
            return messages.MrdAdvertisement(data[1], *_MRD_INTERVALS.unpack_from(data))
        case 152:
            return messages.MrdSolicitation()
        case 153:
            return messages.MrdTermination()
        case _:
            raise AssertionError(f"type {kind} has a minimum length and no reader")


def _group(raw: bytes) -> Address:
    if raw < _MULTICAST_FIRST:
        raise WireError("mld_malformed", "group is not multicast")
    return raw


def _query(data: bytes) -> Query:
    length = len(data)
    code, group = _V1_QUERY.unpack_from(data)  # `::` is `ANY`
    if group != ANY:
        _group(group)
    if length == 24:  # the version follows from the length (RFC 9777 8.1)
        return Query(1, group, (), mld_max_response_ns(1, code), False, 0, 0, Family.IPV6)
    if length < 28:
        raise WireError("mld_malformed", f"query of {length} bytes")
    flags, qqic, count = QUERY_TAIL.unpack_from(data, 24)
    end = 28 + 16 * count
    if end > length:
        raise WireError("mld_malformed", f"query with {count} sources in {length} bytes")
    if group == ANY and count:
        raise WireError("mld_malformed", "sources without a group")
    return Query(
        *(2, group, tuple([source for (source,) in iter_unpack("16s", data[28:end])])),
        *(mld_max_response_ns(2, code), flags & S_FLAG != 0, flags & QRV_MAX),
        *(decode_code8(qqic), Family.IPV6),
    )


def _sources(raw: bytes) -> tuple[Address, ...]:
    """The addresses that can be sources (W-27).

    Not multicast, `::`, loopback or v4-mapped, which would be taken for IPv4.
    """
    return tuple(
        [
            source
            for (source,) in iter_unpack("16s", raw)
            if _LOOPBACK < source < _MULTICAST_FIRST and source[:12] != MAPPED
        ]
    )


_RECORDS: Final = Layout(Struct("!BBH16s"), 16, _group, _sources, "mld_malformed")
