"""What becomes of IGMP, which the control plane decides on: the counters it moves, where it goes.

Said of a frame whose bytes were given; one that was only described has no message in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from snoop.control.explaining import predicted
from snoop.control.explaining.case import Case
from snoop.control.reasons import REASONS
from snoop.proto.forwarding import name
from snoop.proto.params import Params, QueryScope
from snoop.proto.units import Ports
from snoop.wire import control, ether
from snoop.wire.address import ANY, Family
from snoop.wire.errors import WireError
from snoop.wire.messages import Leave, Query, Report


class Outcome(NamedTuple):
    """The counters that move besides the verdict's, where it is sent on, and what to know."""

    counters: list[str]
    ports: Ports
    because: str
    notes: list[str]
    routers: bool = False


def outcome(case: Case, routers: Ports) -> Outcome:
    """Say what the control plane makes of it; `routers` are the router ports."""
    plane, question = case.plane, case.question
    others = case.reach
    if not question.exact:
        because = REASONS[case.verdict.reason].because or ""
        protocol = because.split(":")[0]
        note = f"only its bytes tell what becomes of {protocol}: explain --frame HEX"
        return Outcome([], 0, because, [note])
    mtu = question.port.link.mtu if question.port.link is not None else 0
    if len(question.heading.bare) > mtu + ether.HEADER_BYTES:
        note = f"longer than an MTU of {mtu} takes: were it received, control_size would count it"
        return Outcome(["control_size"], 0, "IGMP: too long for the port it comes in at", [note])
    try:
        parsed = control.parse(question.heading.bare)
    except WireError as error:
        on = (routers | plane.params.report_flood) & others
        fragment = error.counter in ("igmp_fragment", "mld_fragment")
        return Outcome(
            [error.counter],
            on if fragment else 0,
            f"IGMP, refused: {error.counter}",
            [],
            routers=fragment,
        )
    message = parsed.message
    if parsed.ether.src == plane.params.switch_mac:
        return Outcome(["own_frame"], 0, "IGMP of this switch itself, which came back", [])
    params = case.params
    called = name(message)  # type: ignore[arg-type]  # a hello is no IGMP
    counters, notes = [f"rx_{called}"], list(_doubts(params, parsed))
    if parsed.ip.ttl != 1:
        counters.append("ttl_not_one")
    if not params.enabled:
        return Outcome(counters, others, "flooded: [igmp] enabled = false", notes)
    if isinstance(message, Report | Leave):
        if isinstance(message, Report) and not notes:
            notes += predicted.refusals(case, message)
        return Outcome(
            counters,
            (routers | plane.params.report_flood) & others,
            "IGMP: what hosts say goes to router ports ([switch] report_flood)",
            notes,
            routers=True,
        )
    wanted = others
    specific = isinstance(message, Query) and message.group != ANY
    if specific and plane.params.specific_query_scope is not QueryScope.ALL:
        wanted = (routers | sum(1 << port for port in case.members)) & others
    return Outcome(counters, wanted, "IGMP: sent on to every port that may have to know", notes)


def _doubts(params: Params, parsed: control.Control) -> Iterator[str]:
    """The policies by which nothing is learned from it."""
    version = getattr(parsed.message, "version", 2)
    if params.ttl_check and parsed.ip.ttl != 1:
        yield "nothing is learned from it: its TTL is not 1 ([igmp] ttl_check)"
    if (version == 1 and params.ignore_v1) or (version == 2 and params.ignore_v2):
        yield "nothing is learned from it: [igmp] ignore_v1 or ignore_v2"
    exempt = parsed.ip.family is Family.IPV4 and version == 1
    if params.require_router_alert and not parsed.ip.router_alert and not exempt:
        yield "nothing is learned from it: no Router Alert option ([igmp] require_router_alert)"
