"""Fan-out of events and captured frames to the clients that listen, each with its own bound.

A listener that reads too slowly loses items and is told how many; it costs the switch at most
QUEUE_MAX items or WEIGHT_MAX bytes of memory, whichever is less, and never any waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

QUEUE_MAX = 2000
WEIGHT_MAX = 4 << 20
_ITEM_BYTES = 600
Item = dict[str, Any]


class Listener:
    """One client's queue. Made by `Fanout.listen`; `close` it when the client is gone."""

    def __init__(self, fanout: Fanout, wanted: Callable[[Item], bool]) -> None:
        self._fanout = fanout
        self._wanted = wanted
        self._queue: deque[Item] = deque()
        self._lost = 0
        self._weight = 0
        self._waiting = asyncio.Event()

    def offer(self, item: Item) -> None:
        """Queue `item` if it is wanted; count it as lost if the queue is full."""
        if not self._wanted(item):
            return
        weight = _weight(item)
        if len(self._queue) >= QUEUE_MAX or (self._queue and self._weight + weight > WEIGHT_MAX):
            self._lost += 1
            return
        self._weight += weight
        self._queue.append(item)
        self._waiting.set()

    async def next(self) -> list[Item]:
        """Everything queued, at least one item; a last `{"event": "lost", …}` if some were lost."""
        await self._waiting.wait()
        items = list(self._queue)
        self._queue.clear()
        self._weight = 0
        self._waiting.clear()
        if self._lost:
            items.append({"time": items[-1]["time"], "event": "lost", "count": self._lost})
            self._lost = 0
        return items

    def close(self) -> None:
        self._fanout.forget(self)


def _weight(item: Item) -> int:
    """About what an item takes: a host decides how long its frames and source lists are."""
    return _ITEM_BYTES + sum(
        len(value) if isinstance(value, str) else 80 * len(value)
        for value in item.values()
        if isinstance(value, str | list)
    )


class Fanout:
    """Whoever listens now."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def __bool__(self) -> bool:
        """Is anybody listening? Saves making items for nobody."""
        return bool(self._listeners)

    def listen(self, wanted: Callable[[Item], bool]) -> Listener:
        listener = Listener(self, wanted)
        self._listeners.append(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def publish(self, item: Item) -> None:
        for listener in self._listeners:
            listener.offer(item)
