"""What `snoop check` looks for: pure functions from the switch's own state to findings.

A problem is something an operator should act on and makes `check` exit 1; a note is something to
know. Every finding says what to do.

- `facts`: what a search reads; `gathering` asks for it; `looks`: what two looks at counters say;
- `querier`, `ports`, `streams`, `listeners`, `refused`, `silence`, `neighbours`, `stations`,
  `flooding`, `storms`, `counted`, `vlans`: the searches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from snoop.cli.findings import flooding as floods
from snoop.cli.findings import storms as storm
from snoop.cli.findings.counted import COUNTERS as COUNTED
from snoop.cli.findings.counted import counted, limits
from snoop.cli.findings.facts import Facts, placed, spoken
from snoop.cli.findings.flooding import flooding
from snoop.cli.findings.listeners import (
    foreign_sources,
    never_joined,
    not_joined,
    not_sent,
    other_source,
    sent_elsewhere,
    ttl_one,
)
from snoop.cli.findings.neighbours import neighbours
from snoop.cli.findings.ports import (
    configuration,
    conservation,
    fast_leave,
    kernel,
    ports,
    priority,
    snapshot,
)
from snoop.cli.findings.querier import claims, queriers, routers
from snoop.cli.findings.refused import refused
from snoop.cli.findings.silence import silent, unanswered
from snoop.cli.findings.stations import COUNTERS as STATIONS
from snoop.cli.findings.stations import disputes, doubled, room
from snoop.cli.findings.storms import loops, storms
from snoop.cli.findings.streams import damaged, shared_addresses, streams
from snoop.cli.findings.streams import doubled as doubled_streams
from snoop.cli.findings.vlans import COUNTERS as VLANS
from snoop.cli.findings.vlans import vlans
from snoop.control.documents import Finding
from snoop.control.storm import OVER, STORMS

__all__ = ["COUNTERS", "IN_FLIGHT_FRAMES", "RATED", "Facts", "Finding", "look", "shortened"]

COUNTERS = (*COUNTED, *floods.COUNTERS, *storm.COUNTERS, *STATIONS, *VLANS)
RATED = ("rate_limited", *STORMS, *OVER)
IN_FLIGHT_FRAMES = 4096
ALIKE_MAX = 4
_VARIABLE = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9.,]+|\bmemberships?\b")

_SEARCHES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    loops,  # which much of the rest comes of
    queriers,
    claims,
    ports,
    counted,
    limits,
    refused,
    unanswered,
    silent,
    flooding,
    storms,
    disputes,
    doubled,
    room,
    vlans,
    streams,
    damaged,
    doubled_streams,
    not_joined,
    other_source,
    never_joined,
    not_sent,
    sent_elsewhere,
    foreign_sources,
    ttl_one,
    fast_leave,
    routers,
    shared_addresses,
    neighbours,
    kernel,
    priority,
    snapshot,
    configuration,
    conservation,
)


_OF_A_FAMILY = frozenset(
    (
        *(queriers, claims, refused, unanswered, silent),
        *(streams, not_joined, never_joined, not_sent, sent_elsewhere),
        *(foreign_sources, ttl_one),
    )
)
"""Searches whose findings have a twin: they see one family at a time, and say it."""


def look(facts: Facts) -> list[Finding]:
    """Everything that is wrong, problems first."""
    facts = facts.of_now()
    each = facts.of_each()
    hosts = {port.name for port in facts.seen.ports if port.kind == "host"}
    found = [
        placed(spoken(finding, some.family), hosts)
        for search in _SEARCHES
        for some in (each if search in _OF_A_FAMILY else [facts])
        for finding in search(some)
    ]
    return sorted(found, key=lambda finding: finding.severity != "problem")


def shortened(findings: list[Finding]) -> list[tuple[Finding, int]]:
    """Of findings that differ in names and numbers only, the first few and how many more there are.

    A host that forges a thousand VLANs must not hide what else is wrong.
    """
    kept: list[tuple[Finding, int]] = []
    alike: dict[tuple[str, str], list[int]] = {}
    for finding in findings:
        words = _VARIABLE.sub("#", finding.finding)
        seen = alike.setdefault((finding.severity, words), [])
        if len(seen) < ALIKE_MAX:
            seen.append(len(kept))
            kept.append((finding, 0))
        else:
            kept[seen[-1]] = (kept[seen[-1]][0], kept[seen[-1]][1] + 1)
    return kept
