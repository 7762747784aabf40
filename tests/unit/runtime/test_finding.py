"""What `check` finds, for whoever scrapes: at most so often, and never in his way for long."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from snoop.control.sample import Findings
from snoop.daemon import finding
from snoop.daemon.finding import FRESH_NS, Finding
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock

ONE = Findings((("problem", "no_querier", "ipv4", 1),), 0.0)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock to be set."""
    at = [1000 * SECOND]
    monkeypatch.setattr(clock, "now", lambda: Instant(at[0]))
    return at


def searching(monkeypatch: pytest.MonkeyPatch, *found: Findings | None) -> list[str]:
    """Each search finds the next of these."""
    asked: list[str] = []

    def search(path: str) -> Findings | None:
        asked.append(path)
        return found[len(asked) - 1]

    monkeypatch.setattr(finding, "_found", search)
    return asked


def test_it_is_looked_for_again_after_a_rest(
    monkeypatch: pytest.MonkeyPatch, now: list[int]
) -> None:
    asked = searching(monkeypatch, ONE, None)

    async def scene() -> None:
        found = Finding(Path("/run/sw0.sock"))
        assert await found() == ONE
        now[0] += FRESH_NS - 1
        told = await found()
        assert told is not None
        assert (told.counts, round(told.age)) == (ONE.counts, FRESH_NS // SECOND)
        assert asked == ["/run/sw0.sock"]
        now[0] += 1
        assert await found() is None  # nobody could be asked: nothing is known
        assert len(asked) == 2

    asyncio.run(scene())


def test_a_scrape_waits_for_no_slow_search(monkeypatch: pytest.MonkeyPatch, now: list[int]) -> None:
    going, ends = threading.Event(), threading.Event()

    def search(path: str) -> Findings:
        going.set()
        assert ends.wait(10)
        return ONE

    monkeypatch.setattr(finding, "_found", search)
    monkeypatch.setattr(finding, "WAIT_SECONDS", 0.0)

    async def scene() -> None:
        found = Finding(Path("sock"))
        assert await found() is None
        assert await asyncio.to_thread(going.wait, 10)
        assert await found() is None
        ends.set()
        monkeypatch.setattr(finding, "WAIT_SECONDS", 10.0)
        assert await found() == ONE

    asyncio.run(scene())


def test_a_mistake_in_a_search_is_said_once(
    monkeypatch: pytest.MonkeyPatch, now: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """The scrape goes on without."""

    def search(path: str) -> Findings:
        raise KeyError("p1")

    monkeypatch.setattr(finding, "_found", search)

    async def scene() -> None:
        found = Finding(Path("sock"))
        for _ in range(3):
            assert await found() is None
            now[0] += FRESH_NS

    with caplog.at_level(logging.ERROR, "snoop.metrics"):
        asyncio.run(scene())
    assert [record.getMessage() for record in caplog.records] == [
        "nothing is known of findings: KeyError('p1')"
    ]
