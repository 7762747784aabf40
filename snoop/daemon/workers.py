"""The forwarding loops: each is a thread that spends its life in `FastPath.run`."""

from __future__ import annotations

import threading
from collections.abc import Callable

from snoop.fastpath import FastPath
from snoop.runtime.port import reason

STOP_SECONDS = 5.0


class Workers:
    """`failed` is called from a thread that ended unasked, with the reason."""

    def __init__(self, fastpath: FastPath, failed: Callable[[str], None]) -> None:
        self._fastpath = fastpath
        self._failed = failed
        self._threads: list[threading.Thread] = []
        self._stopping = False

    def start(self, count: int) -> None:
        """Have them run, at first or after `stop`: one that did not return then still does."""
        self._stopping = False
        left = {thread.name: thread for thread in self._threads if thread.is_alive()}
        self._threads = [left.get(f"loop-{each}") or self._begun(each) for each in range(count)]

    def _begun(self, worker: int) -> threading.Thread:
        thread = threading.Thread(
            target=self._work, args=(worker,), name=f"loop-{worker}", daemon=True
        )
        thread.start()
        return thread

    @property
    def alive(self) -> bool:
        """Do all of them run?"""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> bool:
        """Let them return; False: one does not."""
        self._stopping = True
        self._fastpath.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, worker: int) -> None:
        """A loop thread's whole life; whatever ends it early ends the process."""
        try:
            self._fastpath.run(worker)
            fault = "returned without being asked to stop"
        except OSError as error:
            fault = reason(error)
        except Exception as error:  # A thread that dies silently would be a switch that is deaf.
            fault = repr(error)
        if not self._stopping:
            self._failed(f"the forwarding loop {worker} failed: {fault}; the switch ends")
