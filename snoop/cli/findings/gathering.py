"""What a search reads, asked of a running switch over its socket: all of `Facts`.

The only place here that waits: between two looks at what moves.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

from snoop.cli.findings import Facts, looks
from snoop.cli.summary import gather
from snoop.control import documents
from snoop.control.client import Client

LOOKS = 3
LOOK_SECONDS = 0.1


def facts(client: Client, unwanted_bits_per_s: float) -> Facts:
    """All that `check` looks at, some tenths of a second long; NoDaemon, Refused."""
    show = client.show
    counters, fdb = show(documents.Counters), show(documents.Fdb).fdb
    since = time.monotonic()
    found = Facts(
        seen=gather(client),
        config=show(documents.Config).with_hosts(),
        fdb_entries=len(fdb),
        stations=Counter(port for port, _ in {(row.port, row.mac) for row in fdb}),
        counters=counters.counters,
        port_counters=counters.ports,
        unbalanced=_unbalanced(client),
        unwanted_bits_per_s=unwanted_bits_per_s,
        disputed=[row for row in fdb if row.rival is not None],
        fdb=fdb,
        witnesses=show(documents.Witnesses),
    )
    rates = looks.rates(counters.ports, show(documents.Counters).ports, time.monotonic() - since)
    return replace(found, rates=rates)


def _unbalanced(client: Client) -> dict[str, int]:
    """What does not add up in several looks."""
    found = []
    for number in range(LOOKS):
        if number:
            time.sleep(LOOK_SECONDS)
        found.append(client.show(documents.Status).balance)
    return looks.unbalanced(found)
