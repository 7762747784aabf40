"""Ports that are being opened. The kernel takes its time for one, and threads wait for it, so that
frames, timers and clients need not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, NamedTuple, Protocol

from snoop.runtime.programs import Programs
from snoop.table.seen import PortSetup

THREADS = 16
HURRIED = 2  # besides
_STEP_SECONDS = 0.005


class Preparing(Protocol):
    """The part of the fast path that makes them."""

    def prepare(self, ifindex: int, setup: PortSetup) -> Any: ...
    def discard(self, prepared: Any) -> None: ...
    def reap(self) -> int: ...


class Given(Protocol):
    """What another process hands over: a port is made of it where there is something."""

    def has_program(self, ifindex: int) -> bool: ...
    def prepare(self, fastpath: Any, ifindex: int, setup: PortSetup) -> Any: ...


class _Begun(NamedTuple):
    setup: PortSetup
    future: Future[Any]


class Openings:
    """What was begun, by interface. `ready` is called, from any thread, when one is there."""

    def __init__(
        self,
        fastpath: Preparing,
        ready: Callable[[], None],
        programs: Programs | None = None,
        given: Given | None = None,
    ) -> None:
        self._fastpath = fastpath
        self._ready = ready
        self.programs = programs
        self._given = given
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="open")
        self._hurried = ThreadPoolExecutor(HURRIED, thread_name_prefix="hurry")
        self._begun: dict[int, _Begun] = {}

    def take(self, ifindex: int, setup: PortSetup) -> Any:
        """What is prepared, None: it is on its way; OSError if it cannot be."""
        begun = self._begun.get(ifindex)
        if begun is not None and begun.setup != setup:
            self.leave(ifindex)
            begun = None
        if begun is None:
            self._begin(self._pool, ifindex, setup)
            return None
        if not begun.future.done():
            return None
        del self._begun[ifindex]
        return begun.future.result()

    def hurry(self, ifindex: int) -> None:
        """Somebody waits for this one: it need not wait for those that were begun before it."""
        begun = self._begun.get(ifindex)
        if begun is not None and begun.future.cancel():
            self._begin(self._hurried, ifindex, begun.setup)

    def leave(self, ifindex: int) -> None:
        """Nobody wants it any more."""
        begun = self._begun.pop(ifindex, None)
        if begun is not None and not begun.future.cancel():
            begun.future.add_done_callback(partial(self._discard, ifindex))

    def wait(self) -> None:
        """Until all that was begun can be taken."""
        for begun in self._begun.values():
            while wait([begun.future], timeout=_STEP_SECONDS).not_done:
                self._fastpath.reap()  # what has the interface still may be what it waits for

    def close(self) -> None:
        """Begin no more, and take back what was begun."""
        for ifindex in list(self._begun):
            self.leave(ifindex)
        for pool in (self._pool, self._hurried):
            pool.shutdown(wait=True)

    @property
    def busy(self) -> bool:
        """Is one being opened?"""
        return bool(self._begun)

    def _begin(self, pool: ThreadPoolExecutor, ifindex: int, setup: PortSetup) -> None:
        future = pool.submit(self._prepare, ifindex, setup)
        self._begun[ifindex] = _Begun(setup, future)
        future.add_done_callback(lambda _: self._ready())

    def _prepare(self, ifindex: int, setup: PortSetup) -> Any:
        if self.programs is None:
            return self._fastpath.prepare(ifindex, setup)
        if self._given is not None:
            covered = self._given.has_program(ifindex)
            made = self._given.prepare(self._fastpath, ifindex, setup)
            if made is not None:
                if not covered:
                    self.programs.cover(ifindex, setup)
                return made
        try:
            return self._fastpath.prepare(ifindex, self.programs.cover(ifindex, setup))
        except OSError:
            self.programs.uncover(ifindex)
            raise

    def _discard(self, ifindex: int, future: Future[Any]) -> None:
        with contextlib.suppress(OSError):
            self._fastpath.discard(future.result())
        if self.programs is not None and ifindex not in self._begun:
            self.programs.uncover(ifindex)
