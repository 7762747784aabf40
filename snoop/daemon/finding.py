"""What `check` finds, for the metrics: looked for when they are scraped, in a thread beside.

The search is the command's own, and asks over the control socket as the command does. It takes
time that grows with the tables, and shares the interpreter with the control plane: so after each
there is a rest of RESTS times as long, and a scrape that comes meanwhile gets what was found last,
with its age.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

from snoop.control.sample import Findings
from snoop.proto.units import SECOND, Duration, Instant
from snoop.runtime import clock

WAIT_SECONDS = 2.0
"""How long a scrape waits for a search."""
FRESH_NS = Duration(10 * SECOND)
RESTS = 30
UNWANTED_BITS_PER_S = 1e6

_log = logging.getLogger("snoop.metrics")


class Finding:
    """Of the switch behind one control socket; one search at a time."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._search: asyncio.Task[Findings | None] | None = None
        self._last: Findings | None = None
        self._ended = Instant(0)
        self._next = Instant(0)
        self._failed = False

    async def __call__(self) -> Findings | None:
        """The newest there is, None: there is none yet."""
        now = clock.now()
        if self._search is None and now >= self._next:
            self._search = asyncio.create_task(self._look(), name="findings")
        if self._search is not None:
            await asyncio.wait((self._search,), timeout=WAIT_SECONDS)
            self._take()
        if self._last is None:
            return None
        return Findings(self._last.counts, (clock.now() - self._ended) / SECOND)

    async def _look(self) -> Findings | None:
        began = clock.now()
        try:
            return await asyncio.to_thread(_found, self._path)
        finally:
            self._ended = clock.now()
            took = self._ended - began
            self._next = Instant(self._ended + max(FRESH_NS, RESTS * took))

    def _take(self) -> None:
        """What the search found, if it has ended; of one that failed nothing, said once."""
        search = self._search
        if search is None or not search.done():
            return
        self._search = None
        error = None if search.cancelled() else search.exception()
        if error is not None and not self._failed:
            _log.error("nothing is known of findings: %r", error)
        self._failed = error is not None
        self._last = None if error is not None or search.cancelled() else search.result()


def _found(path: str) -> Findings | None:
    """None: the switch is going, or too busy to be asked."""
    # Imported here: most switches are never scraped.
    from snoop.cli.findings import gathering, look
    from snoop.control.client import Client, NoDaemon, Refused

    try:
        with Client(path) as client:
            facts = gathering.facts(client, UNWANTED_BITS_PER_S)
    except (NoDaemon, Refused):
        return None
    counts = Counter((one.severity, one.cause, one.family or "") for one in look(facts))
    return Findings(tuple((*key, count) for key, count in sorted(counts.items())), 0.0)
