"""Documents of a switch for whoever asks: what was asked a moment ago is not asked again.

One question at a time goes to a switch, and after each there is a rest that grows with what it
cost; so hammering the page is not hammering the switch.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from snoop.web.asking import Line

KEPT_MAX = 64
KEPT_BYTES_MAX = 64 << 20
FRESH_SECONDS = 1.0
RESTS = 10  # times as long as the question took, during which its answer is good
WAITING_MAX = 32


class Busy(Exception):
    """Too many wait for answers already."""


class Answers:
    """What one switch has answered of late."""

    def __init__(self, path: str) -> None:
        self._line = Line(path)
        self._one = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[tuple[object, ...], tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    async def get(self, request: str, fields: dict[str, object]) -> bytes:
        """The result as JSON; Refused, Unreachable, Busy."""
        key = request, *sorted((name, str(value)) for name, value in fields.items())
        if self._waiting >= WAITING_MAX:
            raise Busy
        self._waiting += 1
        try:
            async with self._one:
                kept = self._kept.get(key)
                if kept is not None and time.monotonic() < kept[0]:
                    return kept[1]
                began = time.monotonic()
                told = bytes(await self._line.raw(request, **fields))
                took = time.monotonic() - began
                self._keep(key, time.monotonic() + max(FRESH_SECONDS, RESTS * took), told)
                await asyncio.sleep(min(took, 1.0))
                return told
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _keep(self, key: tuple[object, ...], until: float, told: bytes) -> None:
        if key in self._kept:
            self._bytes -= len(self._kept.pop(key)[1])
        self._kept[key] = until, told
        self._bytes += len(told)
        while len(self._kept) > KEPT_MAX or self._bytes > KEPT_BYTES_MAX:
            self._bytes -= len(self._kept.popitem(last=False)[1][1])
