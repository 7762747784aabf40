"""Questions that wait for the kernel's lock on interfaces, asked in a thread of their own.

Whoever makes or deletes interfaces holds that lock, of all network namespaces, and for long: some
10 ms for each. Frames, timers and clients are not to wait for it, so who asks is told the answer
later, in the loop. Questions are asked one after another, in the order they came in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


class Asking:
    """Until `begin`, when there is no loop that could wait, `ask` answers before it returns."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on the thread asks, and `loop` is told."""
        self._pool, self._loop = ThreadPoolExecutor(1, thread_name_prefix="ask"), loop

    def ask(self, question: Callable[[], _T], answered: Callable[[_T], None]) -> None:
        """Have `answered` told what `question` returns; after `close` nobody is told anything."""
        if self._closed:
            return
        if self._pool is None:
            answered(question())
            return
        future = self._pool.submit(question)
        future.add_done_callback(partial(self._asked, answered))

    def close(self) -> None:
        """Ask no more; what is being asked is waited for."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _asked(self, answered: Callable[[_T], None], future: Future[_T]) -> None:
        """In the thread."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
            self._loop.call_soon_threadsafe(self._tell, answered, future)

    def _tell(self, answered: Callable[[_T], None], future: Future[_T]) -> None:
        if not (self._closed or future.cancelled()):
            answered(future.result())
