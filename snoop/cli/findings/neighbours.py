"""Runs of datagrams: sent to who cannot take them, or held back for want of knowledge."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, note, problem
from snoop.control.causes import Cause
from snoop.control.documents import Finding


def neighbours(facts: Facts) -> Iterator[Finding]:
    routers = {row.port for row in facts.seen.mrouters}
    for port in facts.seen.ports:
        always = 'coalesce = "always"' in port.takes_runs_because
        if always and port.name in routers:
            yield problem(
                Cause.RUNS,
                port.name,
                'coalesce = "always", but a router is behind it: a Linux router drops datagrams '
                "that come several in one frame",
                'set [[port]] coalesce = "auto"',
            )
    deaf = [
        port.name for port in facts.seen.ports if "CAP_NET_BROADCAST" in port.takes_runs_because
    ]
    if deaf:
        yield note(
            Cause.RUNS,
            ", ".join(deaf),
            "no runs of datagrams leave here, and nothing is handed over directly (slower): the "
            "switch may not hear how the neighbours change, without CAP_NET_BROADCAST",
            "AmbientCapabilities=CAP_NET_BROADCAST in its unit, as snoop/share has it",
        )
