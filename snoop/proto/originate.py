"""The frames this switch makes itself: queries (Q-2, Q-12, Q-14) and MRD solicitations (TM-18)."""

from snoop.proto.params import Params
from snoop.proto.units import SECOND, Duration
from snoop.wire.address import ALL_ROUTERS, ALL_SYSTEMS, ANY, UNSPECIFIED, Address
from snoop.wire.control import build_frame
from snoop.wire.igmp import build_mrd_solicitation, build_query


def general_query(params: Params, vid: int) -> bytes:
    """Return our General Query in the configured version (Q-2, Q-3)."""
    payload = build_query(
        version=params.version,
        max_response_ns=params.query_response_interval,
        qrv=params.robustness,
        qqi_s=params.effective_query_interval // SECOND,
    )
    return _frame(params, vid, params.querier_address, ALL_SYSTEMS, payload)


def proxy_query(
    params: Params,
    vid: int,
    *,
    version: int,
    max_response: Duration,
    robustness: int,
    query_interval_s: int,
    group: Address = ANY,
) -> bytes:
    """Return a query from 0.0.0.0 that says what the true querier's say (Q-14).

    It elects nobody. A specific one has the S flag where there is one: it only reminds.
    """
    payload = build_query(
        version=version,
        group=group,
        max_response_ns=max_response,
        suppress=version == 3 and group != ANY,
        qrv=robustness,
        qqi_s=query_interval_s,
    )
    return _frame(params, vid, UNSPECIFIED, ALL_SYSTEMS if group == ANY else group, payload)


def specific_query(
    params: Params,
    vid: int,
    group: Address,
    *,
    sources: tuple[Address, ...] = (),
    suppress: bool = False,
) -> bytes:
    """Return our Q(G) or Q(G, sources); version 2 has neither sources nor the S flag."""
    payload = build_query(
        version=params.version,
        group=group,
        sources=sources,
        suppress=suppress and params.version == 3,
        max_response_ns=params.last_member_query_interval,
        qrv=params.robustness,
        qqi_s=params.effective_query_interval // SECOND,
    )
    return _frame(params, vid, params.querier_address, group, payload)


def confirming_query(
    params: Params,
    vid: int,
    group: Address,
    sources: tuple[Address, ...],
    *,
    version: int,
    in_our_name: bool,
) -> bytes:
    """Return a Q(G) or Q(G, sources) that only asks: S flag where there is one (`lastword`).

    Max Resp is less than the last member query interval that is left when it goes out.
    """
    payload = build_query(
        version=version,
        group=group,
        sources=sources,
        suppress=version == 3,
        max_response_ns=params.last_member_query_interval * 3 // 4,
        qrv=params.robustness,
        qqi_s=params.effective_query_interval // SECOND,
    )
    src = params.querier_address if in_our_name else UNSPECIFIED
    return _frame(params, vid, src, group, payload)


def solicitation(params: Params, vid: int) -> bytes:
    """Return a multicast router solicitation (RFC 4286 3.3)."""
    return _frame(params, vid, params.querier_address, ALL_ROUTERS, build_mrd_solicitation())


def _frame(params: Params, vid: int, src: Address, dst: Address, payload: bytes) -> bytes:
    return build_frame(src_mac=params.switch_mac, src=src, dst=dst, payload=payload, vid=vid)
