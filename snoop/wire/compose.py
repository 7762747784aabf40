"""Writing IGMP messages: what a querier sends, and what hosts and routers send to it.

The results are IP payloads with their checksum in place; `control.build_frame` puts them into a
frame. Reserved fields are written as 0 (SNOOP-9). A wrong argument is our own fault: ValueError.
"""

from struct import Struct
from typing import Final, TypeAlias

from snoop.wire import igmp_types
from snoop.wire.address import ANY, MAPPED, Address, is_multicast
from snoop.wire.checksum import checksum
from snoop.wire.codes import max_response_code, query_tail
from snoop.wire.messages import Record, RecordType

Sources: TypeAlias = tuple[Address, ...] | list[Address]

_BASIC: Final = Struct("!BBH4s")
_SHORT: Final = Struct("!BBH")
_REPORT_HEAD: Final = Struct("!BBHHH")
_RECORD: Final = Struct("!BBH4s")


def build_query(
    *,
    max_response_ns: int,
    version: int = 3,
    group: Address = ANY,
    sources: Sources = (),
    suppress: bool = False,
    qrv: int = 2,
    qqi_s: int = 125,
) -> bytes:
    """A query of IGMP `version`; `group` `ANY` makes it a General Query (Q-2).

    Times are coded as `codes` says and lose what the code cannot carry (W-13). A `qrv` over 7 is
    sent as 0 (W-15). `suppress`, `qrv`, `qqi_s` and `sources` exist in version 3 only; version 1
    has no specific query. ValueError if they are asked for nevertheless (`qrv` and `qqi_s` are
    just not sent).
    """
    if version not in (1, 2, 3):
        raise ValueError(f"no IGMP version {version}")
    if version < 3 and (sources or suppress):
        raise ValueError("sources and the S flag need version 3")
    if group == ANY:
        if sources:
            raise ValueError("sources need a group")
    elif version == 1:
        raise ValueError("version 1 has no group-specific query")
    else:
        _require_group(group)
    code = max_response_code(version, max_response_ns)
    head = _BASIC.pack(igmp_types.QUERY, code, 0, group[12:])
    if version < 3:
        return _finish(head)
    tail = query_tail(suppress=suppress, qrv=qrv, qqi_s=qqi_s, sources=len(sources))
    return _finish(head + tail + _pack_sources(sources))


def build_report(*, version: int, records: tuple[Record, ...] | list[Record]) -> bytes:
    """A report.

    Versions 1 and 2 take exactly one record IS_EX{} or TO_EX{}, of which only the group is sent.
    """
    if version == 3:
        body = [_REPORT_HEAD.pack(igmp_types.V3_REPORT, 0, 0, 0, len(records))]
        for kind, group, sources in records:
            _require_group(group)
            body.append(_RECORD.pack(kind, 0, len(sources), group[12:]))
            body.append(_pack_sources(sources))
        return _finish(b"".join(body))
    if version not in (1, 2):
        raise ValueError(f"no IGMP version {version}")
    if len(records) != 1:
        raise ValueError(f"a version {version} report has one group")
    ((kind, group, sources),) = records
    if kind not in (RecordType.IS_EX, RecordType.TO_EX) or sources:
        raise ValueError(f"a version {version} report cannot say {kind.name}")
    _require_group(group)
    return _finish(
        _BASIC.pack(
            igmp_types.V1_REPORT if version == 1 else igmp_types.V2_REPORT, 0, 0, group[12:]
        )
    )


def build_leave(group: Address) -> bytes:
    """An IGMPv2 Leave Group, which is sent to 224.0.0.2."""
    _require_group(group)
    return _finish(_BASIC.pack(igmp_types.LEAVE, 0, 0, group[12:]))


def build_mrd_advertisement(*, interval_s: int, query_interval_s: int, robustness: int) -> bytes:
    """A Multicast Router Advertisement (RFC 4286 3.2), which is sent to 224.0.0.106."""
    body = _REPORT_HEAD.pack(
        igmp_types.MRD_ADVERTISEMENT, interval_s, 0, query_interval_s, robustness
    )
    return _finish(body)


def build_mrd_solicitation() -> bytes:
    """A Multicast Router Solicitation, which is sent to 224.0.0.2 (SNOOP-23)."""
    return _finish(_SHORT.pack(igmp_types.MRD_SOLICITATION, 0, 0))


def build_mrd_termination() -> bytes:
    """A Multicast Router Termination, which is sent to 224.0.0.106."""
    return _finish(_SHORT.pack(igmp_types.MRD_TERMINATION, 0, 0))


def _require_group(group: Address) -> None:
    if group[:12] != MAPPED or not is_multicast(group):
        raise ValueError("not an IPv4 multicast group")


def _pack_sources(sources: Sources) -> bytes:
    if any(source[:12] != MAPPED for source in sources):
        raise ValueError("not an IPv4 source")
    return b"".join([source[12:] for source in sources])


def _finish(message: bytes) -> bytes:
    """Put the checksum over the whole message into bytes 2 and 3, where every type has it."""
    return message[:2] + checksum(message).to_bytes(2) + message[4:]
