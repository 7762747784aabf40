"""How many connections are in at once, and who makes room: `control/door.py` for aiohttp.

aiohttp bounds neither the number of connections nor how long a request's head may take. Here a
connection that is being answered is *busy*, any other is *idle*: idle ones end after IDLE_SECONDS,
whatever trickles in, and when every place is taken the one idle longest makes room. While all are
busy a newcomer is hung up on, and so is who says more than QUESTION_BYTES_MAX before he has his
answer: whatever is made of it would wait in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

IDLE_SECONDS = 20.0
QUESTION_BYTES_MAX = 1 << 16


class Places:
    """At most `most` connections, each served by a protocol of `make`."""

    def __init__(self, most: int, make: Callable[[], asyncio.Protocol]) -> None:
        self._most = most
        self._make = make
        self._idle: dict[asyncio.BaseTransport, Seat] = {}
        self._busy: dict[asyncio.BaseTransport, Seat] = {}

    def __len__(self) -> int:
        return len(self._idle) + len(self._busy)

    def __call__(self) -> asyncio.Protocol:
        """A protocol for a connection that comes."""
        return Seat(self, self._make())

    def busy(self, transport: asyncio.BaseTransport) -> None:
        """A request of it is being answered."""
        seat = self._idle.pop(transport, None)
        if seat is not None:
            seat.stay()
            self._busy[transport] = seat

    def idle(self, transport: asyncio.BaseTransport) -> None:
        """It has its answer."""
        seat = self._busy.pop(transport, None)
        if seat is not None:
            self._wait(transport, seat)

    def enter(self, transport: asyncio.BaseTransport, seat: Seat) -> bool:
        """Take a place; False if there is none."""
        if len(self) >= self._most:
            if not self._idle:
                return False
            self._idle.pop(next(iter(self._idle))).go()
        self._wait(transport, seat)
        return True

    def left(self, transport: asyncio.BaseTransport) -> None:
        """It is gone."""
        for there in (self._idle, self._busy):
            seat = there.pop(transport, None)
            if seat is not None:
                seat.stay()

    def _wait(self, transport: asyncio.BaseTransport, seat: Seat) -> None:
        self._idle[transport] = seat
        seat.go_after(IDLE_SECONDS)


class Seat(asyncio.Protocol):
    """One connection, between the transport and aiohttp."""

    def __init__(self, places: Places, inner: asyncio.Protocol) -> None:
        self._places = places
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._in = False
        self._said = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._in = self._places.enter(transport, self)
        if self._in:
            self._inner.connection_made(transport)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._said += len(data)
        if self._said > QUESTION_BYTES_MAX:
            self.go()
        elif self._in:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._in else None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        if self._in:
            assert self._transport is not None
            self._places.left(self._transport)
            self._inner.connection_lost(error)

    def go_after(self, seconds: float) -> None:
        """Hang up then; what he says from now on is another question."""
        self.stay()
        self._said = 0
        self._timer = asyncio.get_running_loop().call_later(seconds, self.go)

    def stay(self) -> None:
        """Do not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def go(self) -> None:
        """Hang up now."""
        self.stay()
        if self._transport is not None:
            self._transport.abort()
