"""Loops that are stopped for a hand-over, and go on after it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from snoop.daemon import workers
from snoop.daemon.workers import Workers


class Loops:
    """A fast path whose loops 0 and 1 run; 1 does not return when it is told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.told, self.free = threading.Event(), threading.Event()

    def run(self, worker: int) -> None:
        self.begun.append(worker)
        (self.free if worker else self.told).wait()

    def stop(self) -> None:
        self.told.set()


def test_a_loop_that_did_not_return_is_not_begun_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "STOP_SECONDS", 0.01)
    loops: Any = Loops()
    failed: list[str] = []
    made = Workers(loops, failed.append)
    made.start(2)
    assert made.stop() is False
    loops.told.clear()
    made.start(2)
    assert sorted(loops.begun) == [0, 0, 1]
    assert made.alive
    loops.free.set()
    monkeypatch.setattr(workers, "STOP_SECONDS", 60.0)
    assert made.stop()
    assert failed == []
