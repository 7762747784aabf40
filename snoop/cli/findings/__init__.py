"""What `snoop check` looks for: pure functions from the switch's own state to findings.

A problem is something an operator should act on and makes `check` exit 1; a note is something to
know. Every finding says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from snoop.cli.findings import flooding as floods
from snoop.cli.findings.counted import COUNTERS as COUNTED
from snoop.cli.findings.counted import counted, limits
from snoop.cli.findings.facts import Facts, Finding
from snoop.cli.findings.flooding import flooding
from snoop.cli.findings.ports import conservation, fast_leave, ports
from snoop.cli.findings.querier import claims, queriers, routers
from snoop.cli.findings.streams import shared_addresses, streams

__all__ = ["COUNTERS", "IN_FLIGHT_FRAMES", "Facts", "Finding", "look"]

COUNTERS = (*COUNTED, *floods.COUNTERS)
IN_FLIGHT_FRAMES = 4096

_SEARCHES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    queriers,
    claims,
    ports,
    counted,
    limits,
    flooding,
    streams,
    fast_leave,
    routers,
    shared_addresses,
    conservation,
)


def look(facts: Facts) -> list[Finding]:
    """Everything that is wrong, problems first."""
    found = [finding for search in _SEARCHES for finding in search(facts)]
    return sorted(found, key=lambda finding: finding.severity != "problem")
