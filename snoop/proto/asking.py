"""Sending the queries this switch makes: in its own name, or as a reminder in another's.

Who may ask what and when is decided by the callers, `querier` (roles, schedule, ports that come
up) and `queries` (last member checks).
"""

from typing import TYPE_CHECKING, Final

from snoop.proto import originate
from snoop.proto.effects import Effect, Event
from snoop.proto.units import SECOND, Duration, Ports
from snoop.wire.address import ANY, Address, text
from snoop.wire.messages import Query

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan

SOURCES_MAX: Final = 366  # of one query at MTU 1500 with Router Alert (spec 1.3)


def general(vlan: "Vlan", ports: Ports, effects: list[Effect]) -> None:
    """Send our General Query (Q-2, Q-13)."""
    params = vlan.params
    frame = originate.general_query(params, vlan.vid)
    _send(vlan, ports, frame, params.version, ANY, (), effects)


def specific(
    vlan: "Vlan",
    ports: Ports,
    group: Address,
    sources: tuple[Address, ...],
    suppress: bool,
    effects: list[Effect],
) -> None:
    """Send our Q(G) or Q(G, sources); version 1 has none."""
    params = vlan.params
    if params.version == 1:
        return
    frame = originate.specific_query(params, vlan.vid, group, sources=sources, suppress=suppress)
    _send(vlan, ports, frame, params.version, group, sources, effects)


def remind(
    vlan: "Vlan",
    ports: Ports,
    group: Address,
    like: Query | None,
    effects: list[Effect],
    *,
    response: Duration | None = None,
) -> None:
    """Send a query from 0.0.0.0: it elects nobody and lowers no timer that can be spared (Q-14).

    `like` is the last query of the true querier, whose words it repeats as far as they are adopted;
    None where nobody is known. A v2 query would take SSM away from a v3 network, so in place of a
    querier of a newer version than ours is set to be nothing is sent, unless by need (`lastword`),
    which gives a `response`: hosts answer within that; left out, as `like` says, but no later than
    they would answer us.
    """
    params = vlan.params
    version, robustness = params.version, params.robustness
    interval_s = params.effective_query_interval // SECOND
    longest = params.query_response_interval
    if like is not None:
        if like.version > version and response is None:
            return
        version, robustness = like.version, like.qrv
        interval_s = min(like.qqi_s, vlan.timings.query_interval // SECOND)
        longest = min(longest, Duration(like.max_response_ns) or longest)
    if group != ANY:
        if version == 1:
            return
        longest = params.last_member_query_interval
    frame = originate.proxy_query(
        params,
        vlan.vid,
        version=version,
        max_response=longest if response is None else response,
        robustness=robustness,
        query_interval_s=interval_s,
        group=group,
    )
    _send(vlan, ports, frame, version, group, (), effects)


def confirm(
    vlan: "Vlan",
    ports: Ports,
    group: Address,
    sources: tuple[Address, ...],
    effects: list[Effect],
) -> None:
    """Ask whether anybody still wants what a query of another is about to end (`lastword`).

    Marked with the S flag, where the version has one: other routers lower nothing for it. As the
    querier we ask in our own name, else from 0.0.0.0 in the version of who asked.
    """
    params = vlan.params
    like = vlan.querier.heard
    spoken = params.version if vlan.querier.is_querier or like is None else like.version
    version = 3 if sources else max(2, spoken)
    frame = originate.confirming_query(
        params, vlan.vid, group, sources, version=version, in_our_name=vlan.querier.is_querier
    )
    _send(vlan, ports, frame, version, group, sources, effects)


def _send(
    vlan: "Vlan",
    ports: Ports,
    frame: bytes,
    version: int,
    group: Address,
    sources: tuple[Address, ...],
    effects: list[Effect],
) -> None:
    switch = vlan.switch
    ports &= switch.up
    if not ports:
        return
    switch.send(ports, frame, f"tx_query_v{version}", effects)
    for port in switch.ports.values():
        if port.bit & ports:
            port.counts["tx_query_own"] += 1
    fields: dict[str, object] = {
        "direction": "sent",
        "version": version,
        "group": None if group == ANY else text(group),
        "sources": [text(source) for source in sources],
    }
    effects.append(Event("query", vlan.vid, None, fields))
