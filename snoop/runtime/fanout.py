"""Fan-out of events and captured frames to the clients that listen, each with its own bound.

What is told is a line of JSON as clients get it, made once, whoever listens; `Head` is what they
may choose by. A listener that reads too slowly loses lines and is told how many; it costs the
switch at most QUEUE_MAX lines or WEIGHT_MAX bytes of memory, whichever is less, and never any
waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.json import Decoder, Encoder

QUEUE_MAX = 2000
WEIGHT_MAX = 4 << 20
LINE_BYTES = 130  # what keeping a line takes beside its bytes


class Head(Struct, frozen=True, gc=False):
    """What a line is about, as far as anybody asks for some lines only."""

    time: float
    event: str
    vlan: int = 0
    port: str | None = None
    group: str | None = None
    address: str | None = None
    reporter: str | None = None
    mac: str | None = None
    family: str | None = None


Choice = Callable[[Head], bool]

_encoder = Encoder(enc_hook=str)
head_of: Callable[[bytes], Head] = Decoder(Head).decode


def line_of(item: Mapping[str, object]) -> bytes:
    """A line without its end."""
    return _encoder.encode(item)


class Listener:
    """One client's queue. Made by `Fanout.listen`; `close` it when the client is gone."""

    def __init__(self, fanout: Fanout, wanted: Choice) -> None:
        self._fanout = fanout
        self._wanted = wanted
        self._queue: deque[bytes] = deque()
        self._lost = 0
        self._weight = 0
        self._time = 0.0
        self._waiting = asyncio.Event()
        self._ended = False

    def offer(self, head: Head, line: bytes) -> None:
        """Queue `line` if it is wanted; count it as lost if the queue is full."""
        if self._ended or not self._wanted(head):
            return
        weight = len(line) + LINE_BYTES
        if len(self._queue) >= QUEUE_MAX or (self._queue and self._weight + weight > WEIGHT_MAX):
            self._lost += 1
            return
        self._weight += weight
        self._time = head.time
        self._queue.append(line)
        self._waiting.set()

    def end(self, line: bytes) -> None:
        """That is the last one, whatever is wanted."""
        self._ended = True
        self._queue.append(line)
        self._waiting.set()

    @property
    def over(self) -> bool:
        """Was that the last one, which `next` has returned?"""
        return self._ended and not self._queue

    async def next(self) -> list[bytes]:
        """Everything queued, at least one line; a last `{"event": "lost", …}` if some were lost."""
        await self._waiting.wait()
        lines = list(self._queue)
        self._queue.clear()
        self._weight = 0
        self._waiting.clear()
        if self._lost:
            lost = line_of({"time": self._time, "event": "lost", "count": self._lost})
            lines.insert(len(lines) - self._ended, lost)
            self._lost = 0
        return lines

    def close(self) -> None:
        self._fanout.forget(self)


class Fanout:
    """Whoever listens now."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def __bool__(self) -> bool:
        """Is anybody listening? Saves making lines for nobody."""
        return bool(self._listeners)

    def listen(self, wanted: Choice) -> Listener:
        listener = Listener(self, wanted)
        self._listeners.append(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def end(self, item: Mapping[str, object]) -> None:
        """Tell everybody that this is all."""
        for listener in self._listeners:
            listener.end(line_of(item))

    def publish(self, item: Mapping[str, object]) -> None:
        """Tell whoever wants it."""
        self.tell(line_of(item))

    def tell(self, line: bytes) -> None:
        """Tell a line that is made."""
        head = head_of(line)
        for listener in self._listeners:
            listener.offer(head, line)
