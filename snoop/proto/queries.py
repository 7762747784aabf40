"""The queries this switch makes: in its own name, as a reminder in another's, or to make sure.

Who may ask what and when is decided by the callers: `querier` (roles, schedule, ports that come
up), `last_member` (what a leave made us ask), `last_word` and `presence` (nobody is cut off
unasked).
"""

from typing import Final

from snoop.proto import counters
from snoop.proto.effects import EventKind, Turn
from snoop.proto.params import Params
from snoop.proto.scope import Scope
from snoop.proto.units import SECOND, Duration, Ports, port_ids
from snoop.wire import compose_mld
from snoop.wire.address import (
    ALL_NODES6,
    ALL_SYSTEMS,
    ANY,
    IPV4,
    IPV6,
    UNSPECIFIED,
    Address,
    text,
)
from snoop.wire.compose import build_query
from snoop.wire.control import build_frame
from snoop.wire.messages import Generation, Query, version_of

# Of one query at MTU 1500 with Router Alert (spec 1.3, 1.7).
_SOURCES_MAX: Final = 366
_SOURCES_MAX6: Final = 89
_NAMES: Final = counters.QUERIES[IPV4]
_NAMES6: Final = counters.QUERIES[IPV6]


def sources_max(scope: Scope) -> int:
    """How many sources one query may name."""
    return _SOURCES_MAX if scope.family is IPV4 else _SOURCES_MAX6


def general(scope: Scope, ports: Ports, turn: Turn, *, within: Duration | None = None) -> None:
    """Send our General Query in the configured version (Q-2, Q-3, Q-13), to be answered `within`
    that, if it is less than the query response interval.
    """
    params = scope.params
    longest = params.query_response_interval
    query = _ours(params, ANY, (), longest if within is None else min(longest, within))
    _send(scope, ports, query, params.own_address, turn)


def specific(
    scope: Scope,
    ports: Ports,
    group: Address,
    sources: tuple[Address, ...],
    suppress: bool,
    turn: Turn,
) -> None:
    """Send our Q(G) or Q(G, sources) (Q-12).

    IGMPv1 has none, IGMPv2 and MLDv1 neither sources nor the S flag.
    """
    params = scope.params
    if params.generation == Generation.WITHOUT_LEAVE:
        return
    suppress = suppress and params.generation == Generation.SOURCES
    query = _ours(params, group, sources, params.last_member_query_interval, suppress=suppress)
    _send(scope, ports, query, params.own_address, turn)


def remind(
    scope: Scope,
    ports: Ports,
    group: Address,
    like: Query | None,
    turn: Turn,
    *,
    response: Duration | None = None,
    within: Duration | None = None,
) -> None:
    """Send a query from 0.0.0.0: it elects nobody and lowers no timer that can be spared (Q-14).

    Nobody hears one from `::` (MLD-4), so over IPv6 it is from our own address: only a General
    Query could elect that, so who calls sees to it that none goes where another is elected.

    `like` is the last query of the true querier, whose words it repeats as far as they are adopted;
    None where nobody is known. A v2 query would take SSM away from a v3 network, so in place of a
    querier of a newer version than ours is set to be nothing is sent, unless by need (`last_word`),
    which gives a `response`: hosts answer within that; left out, as `like` says, but no later than
    they would answer us, nor than `within`.
    """
    params = scope.params
    version, robustness = params.version, params.robustness
    interval_s = params.effective_query_interval // SECOND
    longest = params.query_response_interval
    if within is not None:
        longest = min(longest, within)
    if like is not None:
        if like.version > version and response is None:
            return
        version, robustness = like.version, like.qrv
        interval_s = min(like.qqi_s, scope.timings.query_interval // SECOND)
        longest = min(longest, Duration(like.max_response_ns) or longest)
    if group != ANY:
        if version < version_of(scope.family, Generation.ANY_SOURCE):
            return
        longest = params.last_member_query_interval
    newest = version == version_of(scope.family, Generation.SOURCES)
    query = Query(
        version=version,
        group=group,
        sources=(),
        max_response_ns=longest if response is None else response,
        suppress=newest and group != ANY,  # it only reminds
        qrv=robustness,
        qqi_s=interval_s,
        family=scope.family,
    )
    _send(scope, ports, query, _unelected(scope), turn)


def confirm(
    scope: Scope,
    ports: Ports,
    group: Address,
    sources: tuple[Address, ...],
    turn: Turn,
    *,
    spoken: int,
    in_our_name: bool,
) -> None:
    """Ask whether anybody still wants what a query of another is about to end (`last_word`).

    Marked with the S flag, where the version `spoken` here has one: other routers lower nothing for
    it. Max Resp is less than the last member query interval that is left when it goes out.
    """
    params = scope.params
    newest = version_of(scope.family, Generation.SOURCES)
    version = newest if sources else max(version_of(scope.family, Generation.ANY_SOURCE), spoken)
    query = _ours(
        params,
        group,
        sources,
        Duration(params.last_member_query_interval * 3 // 4),
        suppress=version == newest,
        version=version,
    )
    _send(scope, ports, query, params.own_address if in_our_name else _unelected(scope), turn)


def _unelected(scope: Scope) -> Address:
    """What a query comes from that is not the querier's."""
    return UNSPECIFIED if scope.family is IPV4 else scope.params.own_address


def _ours(
    params: Params,
    group: Address,
    sources: tuple[Address, ...],
    max_response: Duration,
    *,
    suppress: bool = False,
    version: int | None = None,
) -> Query:
    """A query with our values; `version` None: the configured one."""
    return Query(
        version=params.version if version is None else version,
        group=group,
        sources=sources,
        max_response_ns=max_response,
        suppress=suppress,
        qrv=params.robustness,
        qqi_s=params.effective_query_interval // SECOND,
        family=params.family,
    )


def witness(
    scope: Scope, query: Query, src: Address, port: int | None, ports: Ports, turn: Turn
) -> None:
    """Take note that hosts on `ports` were asked; `port` is where the query came in."""
    waiting: Ports = 0
    for each in scope.context.ports.values():
        if scope.holdings.members_of(each.holdings):
            waiting |= each.bit
    scope.asked.put(
        address=src,
        port=port,
        generation=query.generation,
        response=Duration(query.max_response_ns),
        ports=ports,
        waiting=waiting & ports,
        now=turn.now,
    )


def _send(scope: Scope, ports: Ports, query: Query, src: Address, turn: Turn) -> None:
    context = scope.context
    up = scope.up
    ports &= up
    if not ports:
        return
    group = query.group
    if scope.family is IPV4:
        everybody, names, own_counter = ALL_SYSTEMS, _NAMES, "tx_query_own"
        payload = build_query(
            version=query.version,
            group=group,
            sources=query.sources,
            max_response_ns=query.max_response_ns,
            suppress=query.suppress,
            qrv=query.qrv,
            qqi_s=query.qqi_s,
        )
    else:
        everybody, names, own_counter = ALL_NODES6, _NAMES6, "tx_mld_query_own"
        payload = compose_mld.write(query)
    dst = everybody if group == ANY else group
    frame = build_frame(src_mac=scope.params.switch_mac, src=src, dst=dst, payload=payload)
    scope.send(ports, frame, "tx_" + names[query.version], turn)
    for port in port_ids(ports):
        context.ports[port].counts[own_counter] += 1
    if group == ANY and ports == up:
        witness(scope, query, src, None, ports, turn)
    scope.tell(
        EventKind.QUERY,
        None,
        turn,
        direction="sent",
        version=query.version,
        group=None if group == ANY else text(group),
        sources=[text(source) for source in query.sources],
    )
