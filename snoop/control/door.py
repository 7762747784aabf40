"""A listening socket with a bound: how many are in at once, how fast they come, who makes room.

One connection is taken at a time, and none while every place is taken: then the guest that has been
silent longest is shown out, and is gone, descriptor and all, before the next comes in. So the bound
is one, whatever the burst, and somebody who asks at once always gets in. A process that is out of
descriptors tries again in a second; it neither spins nor dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Awaitable, Callable

from snoop.proto.filters import TokenBucket
from snoop.proto.units import SECOND
from snoop.runtime import clock

_log = logging.getLogger("snoop.door")

AGAIN_SECONDS = 1.0
_PAUSE_SECONDS = 0.02
_PATIENCE = 25  # pauses
_MOMENT_SECONDS = 0.05
_SEE_OFF_SECONDS = 2.0
_WENT = (OSError, TimeoutError, asyncio.IncompleteReadError)


class Guest:
    """One connection. It is silent until `speaks` says otherwise, and again after `listens`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def unsent(self) -> int:
        """Bytes that wait for the guest to read."""
        return self.writer.transport.get_write_buffer_size()


class Door:
    """Serves every connection to `listening`, `places` of them at once, `rate` new ones a second.

    `serve` returns when the guest is to go; what it raises for a guest that went, or is too slow,
    is nobody's business.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        places: int,
        rate: int,
        serve: Callable[[Guest], Awaitable[None]],
        line_bytes_max: int = 1 << 16,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._places = places
        self._serve = serve
        self._line_bytes_max = line_bytes_max
        self._bucket = TokenBucket(rate, places, now=clock.now())
        self._loop = asyncio.get_running_loop()
        # In order of arrival; and those that ask nothing, the longest silent first.
        self._tasks: dict[asyncio.Task[None], Guest | None] = {}
        self._silent: dict[asyncio.Task[None], None] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._waits = False
        self._again: asyncio.TimerHandle | None = None
        self._closed = False
        self._watch()

    async def close(self) -> None:
        """Take nobody in any more and show everybody out."""
        self._shut()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            # Once is not enough: wait_for of 3.11 forgets it when its answer comes just then.
            await asyncio.sleep(0)

    async def see_off(self, farewell: bytes = b"") -> None:
        """Take nobody in any more, and show everybody out once he has his answer; who has just
        come has a moment to ask. Who has not asked by then is told `farewell`: he may be about to.
        """
        self._shut()
        until = clock.now() + round(_SEE_OFF_SECONDS * SECOND)
        await asyncio.sleep(_MOMENT_SECONDS)
        while self._owes and clock.now() < until:
            await asyncio.sleep(_PAUSE_SECONDS)
        for silent in self._silent:
            guest = self._tasks.get(silent)
            if guest is not None and not guest.unsent:
                guest.writer.write(farewell)
        await self.close()

    @property
    def _owes(self) -> bool:
        """Does somebody wait for his answer, or the rest of it, or is only just coming in?"""
        if len(self._silent) < len(self._tasks):
            return True
        return any(guest is None or guest.unsent for guest in self._tasks.values())

    def _shut(self) -> None:
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        if self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening.fileno())
            self._listening.close()

    @property
    def listening(self) -> socket.socket:
        """Where it is knocked."""
        return self._listening

    def move(self, listening: socket.socket) -> None:
        """Take those who knock there, from now on; who is in stays."""
        former, self._listening = self._listening, listening
        listening.setblocking(False)
        self._loop.remove_reader(former.fileno())
        former.close()
        if not self._waits:
            self._watch()

    def guests(self) -> list[Guest]:
        """Everybody who is in."""
        return [guest for guest in self._tasks.values() if guest is not None]

    def speaks(self) -> None:
        """The guest served by this task has asked for something."""
        self._silent.pop(_current(), None)

    def listens(self) -> None:
        """The guest served by this task has its answer, and asks nothing."""
        self._silent[_current()] = None

    def show_out(self, guest: Guest) -> None:
        """Make one guest go."""
        for task, other in self._tasks.items():
            if other is guest:
                task.cancel()

    def _watch(self) -> None:
        self._waits = False
        if self._again is not None:
            self._again.cancel()
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._knock)

    def _wait(self, seconds: float) -> None:
        """Look at nobody for a while."""
        self._loop.remove_reader(self._listening.fileno())
        self._loop.call_later(seconds, self._watch)

    def _make_room(self, patience: int) -> None:
        """Show somebody out, and look at nobody until he has gone.

        Nobody, if somebody goes by himself. Once may not be enough: wait_for of 3.11 forgets it
        when its answer comes just then. While nobody is silent it waits a little: most are just
        getting their answer.
        """
        if self._leaving and patience:
            pass
        elif self._silent:
            next(iter(self._silent)).cancel()
        elif not patience:
            next(iter(self._tasks)).cancel()
        left = max(0, patience - 1)
        self._again = self._loop.call_later(_PAUSE_SECONDS, self._make_room, left)

    def _knock(self) -> None:
        if len(self._tasks) >= self._places:
            self._loop.remove_reader(self._listening.fileno())
            self._waits = True
            self._make_room(_PATIENCE)
            return
        if not self._bucket.take(clock.now()):
            self._wait(_PAUSE_SECONDS)
            return
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            _log.warning("cannot take a connection: %s; trying again", error.strerror)
            self._wait(AGAIN_SECONDS)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._attend(connection))
        self._tasks[task] = None
        self._silent[task] = None
        task.add_done_callback(self._gone)

    async def _attend(self, connection: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(
                sock=connection, limit=self._line_bytes_max
            )
        except BaseException:
            connection.close()
            raise
        guest = self._tasks[_current()] = Guest(reader, writer)
        try:
            await self._serve(guest)
        finally:
            self._leaving.add(_current())
            # The descriptor is closed a turn later, which is before `_gone` is called.
            writer.transport.abort()
            with contextlib.suppress(*_WENT):  # which is kept with its traceback until it is asked
                await writer.wait_closed()

    def _gone(self, task: asyncio.Task[None]) -> None:
        guest = self._tasks.pop(task, None)
        self._silent.pop(task, None)
        self._leaving.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, _WENT):
            _log.error("a connection failed: %r", error)
        if guest is not None:
            _untie(guest, error)
        if self._waits:
            self._watch()


def places(wanted: int) -> int:
    """As many places as `wanted`, but a small part of the descriptors: the ports need theirs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(2, min(wanted, soft // 16))


def _current() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _untie(guest: Guest, error: BaseException | None) -> None:
    """Undo the rings of a connection that has ended: nobody looks for them (`garbage.py`)."""
    for each in (error, guest.reader.exception()):
        if each is not None:
            each.__traceback__ = None  # its frames hold the reader, which holds the error
    transport = guest.writer.transport
    for name, value in list(vars(transport).items()):
        if getattr(value, "__self__", None) is transport:
            delattr(transport, name)
