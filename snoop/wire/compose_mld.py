"""Writing MLD messages: what a querier sends, and what hosts and routers send to it.

`write` undoes what `mld.parse` does. The checksum covers the addresses of the packet, so it is left
out here, and put in by `ipv6.build` and with it `control.build_frame`. Reserved fields are written
as 0. A message that cannot be is our own fault: ValueError.
"""

from struct import Struct
from typing import Final

from snoop.wire import messages, mld_types
from snoop.wire.address import ANY, MAPPED, Address, Family
from snoop.wire.codes import mld_max_response_code, query_tail
from snoop.wire.messages import Leave, Message, Query, RecordType, Report

_BASIC: Final = Struct("!BxxxHxx16s")
_REPORT_HEAD: Final = Struct("!BxxxxxH")
_RECORD: Final = Struct("!BxH16s")
_MRD_ADVERTISEMENT: Final = Struct("!BBxxHH")
_SHORT: Final = Struct("!Bxxx")


def write(message: Message) -> bytes:
    """The message as bytes, but for its checksum.

    Times lose what their code cannot carry (W-13), a `qrv` over 7 is sent as 0 (W-15). A v1 report
    has one record IS_EX{} or TO_EX{}, of which only the group is sent.
    """
    match message:
        case Query(family=Family.IPV6):
            return _query(message)
        case Report(version=2, records=records, family=Family.IPV6):
            return _REPORT_HEAD.pack(mld_types.V2_REPORT, len(records)) + b"".join(
                _RECORD.pack(kind, len(sources), _group(group)) + _packed(sources)
                for kind, group, sources in records
            )
        case Report(
            version=1,
            records=(((RecordType.IS_EX | RecordType.TO_EX), group, ()),),
            family=Family.IPV6,
        ):
            return _BASIC.pack(mld_types.V1_REPORT, 0, _group(group))
        case Leave(group=group):
            return _BASIC.pack(mld_types.DONE, 0, _group(group))
        case messages.MrdAdvertisement(interval_s, query_interval_s, robustness):
            kind = mld_types.MRD_ADVERTISEMENT
            return _MRD_ADVERTISEMENT.pack(kind, interval_s, query_interval_s, robustness)
        case messages.MrdSolicitation():
            return _SHORT.pack(mld_types.MRD_SOLICITATION)
        case messages.MrdTermination():
            return _SHORT.pack(mld_types.MRD_TERMINATION)
    raise ValueError(f"MLD cannot say {message}")


def _query(query: Query) -> bytes:
    version, group, sources, duration, suppress, qrv, qqi_s, _ = query
    if version not in (1, 2):
        raise ValueError(f"no MLD version {version}")
    if version == 1 and (sources or suppress):
        raise ValueError("sources and the S flag need version 2")
    if sources and group == ANY:
        raise ValueError("sources need a group")
    target = group if group == ANY else _group(group)
    head = _BASIC.pack(mld_types.QUERY, mld_max_response_code(version, duration), target)
    if version == 1:
        return head
    tail = query_tail(suppress=suppress, qrv=qrv, qqi_s=qqi_s, sources=len(sources))
    return head + tail + _packed(sources)


def _group(group: Address) -> Address:
    if group[0] != 0xFF:
        raise ValueError("not an IPv6 multicast group")
    return group


def _packed(sources: tuple[Address, ...]) -> bytes:
    if any(source[:12] == MAPPED for source in sources):
        raise ValueError("not an IPv6 source")
    return b"".join(sources)
