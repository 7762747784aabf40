"""Server-sent events: what a switch tells, to everybody who looks at it.

Each message is made once. Who does not read fast enough loses what waits for him and gets the whole
picture again when he reads; QUEUE_MAX messages are what one may have waiting.
"""

from __future__ import annotations

import asyncio

QUEUE_MAX = 16


class Viewer:
    """One page that is open."""

    def __init__(self) -> None:
        self._queue: list[bytes] = []
        self._behind = True
        self._waiting = asyncio.Event()
        self._waiting.set()

    def tell(self, message: bytes) -> None:
        """Queue a message, unless the whole picture is due anyway."""
        if self._behind:
            return
        self._queue.append(message)
        if len(self._queue) > QUEUE_MAX:
            self.again()
        self._waiting.set()

    def again(self) -> None:
        """The whole picture is due."""
        self._queue.clear()
        self._behind = True
        self._waiting.set()

    async def next(self, within: float) -> list[bytes] | None:
        """What waits, None: the whole picture is due; an empty list if nothing came in time."""
        try:
            async with asyncio.timeout(within):
                await self._waiting.wait()
        except TimeoutError:
            return []
        self._waiting.clear()
        if self._behind:
            self._behind = False
            return None
        told, self._queue = self._queue, []
        return told


def message(event: str, data: bytes) -> bytes:
    """One server-sent event; `data` is JSON, where a line end can be nothing but space."""
    said = data.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"event: " + event.encode() + b"\ndata: " + said + b"\n\n"
