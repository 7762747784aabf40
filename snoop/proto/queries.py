"""The queries this switch makes: in its own name, as a reminder in another's, or to make sure.

Who may ask what and when is decided by the callers: `querier` (roles, schedule, ports that come
up), `last_member` (what a leave made us ask), `last_word` and `presence` (nobody is cut off
unasked).
"""

from typing import Final

from snoop.proto.effects import EventKind, Turn
from snoop.proto.params import Params
from snoop.proto.scope import Scope
from snoop.proto.units import SECOND, Duration, Ports, port_ids
from snoop.wire.address import ALL_SYSTEMS, ANY, UNSPECIFIED, Address, text
from snoop.wire.compose import build_query
from snoop.wire.control import build_frame
from snoop.wire.messages import Query

SOURCES_MAX: Final = 366  # of one query at MTU 1500 with Router Alert (spec 1.3)


def general(scope: Scope, ports: Ports, turn: Turn) -> None:
    """Send our General Query in the configured version (Q-2, Q-3, Q-13)."""
    params = scope.params
    query = _ours(params, ANY, (), params.query_response_interval)
    _send(scope, ports, query, params.querier_address, turn)


def specific(
    scope: Scope,
    ports: Ports,
    group: Address,
    sources: tuple[Address, ...],
    suppress: bool,
    turn: Turn,
) -> None:
    """Send our Q(G) or Q(G, sources) (Q-12).

    Version 1 has none, version 2 neither sources nor the S flag.
    """
    params = scope.params
    if params.version == 1:
        return
    suppress = suppress and params.version == 3
    query = _ours(params, group, sources, params.last_member_query_interval, suppress=suppress)
    _send(scope, ports, query, params.querier_address, turn)


def remind(
    scope: Scope,
    ports: Ports,
    group: Address,
    like: Query | None,
    turn: Turn,
    *,
    response: Duration | None = None,
) -> None:
    """Send a query from 0.0.0.0: it elects nobody and lowers no timer that can be spared (Q-14).

    `like` is the last query of the true querier, whose words it repeats as far as they are adopted;
    None where nobody is known. A v2 query would take SSM away from a v3 network, so in place of a
    querier of a newer version than ours is set to be nothing is sent, unless by need (`last_word`),
    which gives a `response`: hosts answer within that; left out, as `like` says, but no later than
    they would answer us.
    """
    params = scope.params
    version, robustness = params.version, params.robustness
    interval_s = params.effective_query_interval // SECOND
    longest = params.query_response_interval
    if like is not None:
        if like.version > version and response is None:
            return
        version, robustness = like.version, like.qrv
        interval_s = min(like.qqi_s, scope.timings.query_interval // SECOND)
        longest = min(longest, Duration(like.max_response_ns) or longest)
    if group != ANY:
        if version == 1:
            return
        longest = params.last_member_query_interval
    query = Query(
        version=version,
        group=group,
        sources=(),
        max_response_ns=longest if response is None else response,
        suppress=version == 3 and group != ANY,  # it only reminds
        qrv=robustness,
        qqi_s=interval_s,
    )
    _send(scope, ports, query, UNSPECIFIED, turn)


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
    version = 3 if sources else max(2, spoken)
    query = _ours(
        params,
        group,
        sources,
        Duration(params.last_member_query_interval * 3 // 4),
        suppress=version == 3,
        version=version,
    )
    _send(scope, ports, query, params.querier_address if in_our_name else UNSPECIFIED, turn)


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
    )


def witness(
    scope: Scope, query: Query, src: Address, port: int | None, ports: Ports, turn: Turn
) -> None:
    """Take note that hosts on `ports` were asked; `port` is where the query came in."""
    waiting: Ports = 0
    for each in scope.context.ports.values():
        if scope.holdings.has_members(each.holdings):
            waiting |= each.bit
    scope.asked.put(
        address=src,
        port=port,
        version=query.version,
        response=Duration(query.max_response_ns),
        ports=ports,
        waiting=waiting & ports,
        now=turn.now,
    )


def _send(scope: Scope, ports: Ports, query: Query, src: Address, turn: Turn) -> None:
    context = scope.context
    ports &= context.up
    if not ports:
        return
    group = query.group
    frame = build_frame(
        src_mac=scope.params.switch_mac,
        src=src,
        dst=ALL_SYSTEMS if group == ANY else group,
        payload=build_query(
            version=query.version,
            group=group,
            sources=query.sources,
            max_response_ns=query.max_response_ns,
            suppress=query.suppress,
            qrv=query.qrv,
            qqi_s=query.qqi_s,
        ),
    )
    scope.send(ports, frame, f"tx_query_v{query.version}", turn)
    for port in port_ids(ports):
        context.ports[port].counts["tx_query_own"] += 1
    if group == ANY and ports == context.up:
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
