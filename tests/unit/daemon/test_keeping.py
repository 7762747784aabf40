"""When a snapshot is written: soon, seldom, and never for much of a processor."""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from snoop.daemon import keeping
from snoop.daemon.keeping import AGAIN_SECONDS, COUNTS_SECONDS, SHARE, SOON_SECONDS, Keeping
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, saved
from snoop.runtime.snapshot import Snapshot
from unit import HANGS_S


class Later:
    """What is to be called, and after how long; it never is by itself."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, seconds: float, call: Callable[..., None], *args: object) -> Any:
        self.calls.append((seconds, partial(call, *args)))
        return SimpleNamespace(cancel=lambda: None)

    def due(self) -> tuple[float, Callable[[], None]]:
        """The one to come first, which is not to come any more."""
        first = min(self.calls, key=lambda one: one[0])
        self.calls.remove(first)
        return first


class Anything(NamedTuple):
    """A state."""

    known: int = 1


def plane_of(changes: int) -> Any:
    """As much of one as is asked here."""
    return SimpleNamespace(
        changes=changes,
        turnover=SimpleNamespace(waits=False),
        ports=[],
        fastpath=SimpleNamespace(workers=0, fdb_count=0),
        history=SimpleNamespace(count=0),
        unkept=None,
    )


@pytest.mark.parametrize(("takes", "pause"), [(0.01, AGAIN_SECONDS), (0.4, 0.4 * SHARE)])
def test_a_snapshot_that_takes_long_comes_seldom(
    monkeypatch: pytest.MonkeyPatch, takes: float, pause: float
) -> None:
    """README.md: at most once a second, and a twentieth of a processor."""
    now = [1_000 * SECOND]
    monkeypatch.setattr(clock, "now", lambda: Instant(now[0]))
    written: list[bytes] = []

    def write(data: bytes) -> None:
        written.append(data)
        now[0] += round(takes * SECOND)

    later = Later()
    plane = plane_of(1)
    snapshot: Any = SimpleNamespace(write=write)
    loop: Any = later
    kept = Keeping(loop, snapshot, lambda: Anything, plane)  # type: ignore[arg-type, return-value]
    kept.changed()
    kept.changed()
    assert [seconds for seconds, _ in later.calls] == [SOON_SECONDS, COUNTS_SECONDS]
    later.due()[1]()
    assert len(written) == 1
    assert [seconds for seconds, _ in later.calls] == [COUNTS_SECONDS], "nothing has changed"
    plane.changes = 2
    kept.changed()
    assert later.due()[0] == pytest.approx(min(pause, COUNTS_SECONDS))


def test_one_that_somebody_has_removed_is_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though nothing changes, and no traffic is."""
    now = [1_000 * SECOND]
    monkeypatch.setattr(clock, "now", lambda: Instant(now[0]))
    written: list[bytes] = []
    snapshot: Any = SimpleNamespace(write=written.append, is_lost=False)
    later: Any = Later()
    kept = Keeping(later, snapshot, lambda: Anything, plane_of(1))  # type: ignore[arg-type, return-value]
    kept.changed()
    later.due()[1]()
    for lost in (False, True):
        snapshot.is_lost = lost
        seconds, looks = later.due()
        assert seconds == COUNTS_SECONDS
        looks()
    assert len(written) == 1
    later.due()[1]()
    assert len(written) == 2


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (MemoryError(), "out of memory"),
    ],
)
def test_one_that_could_not_be_written_is_tried_again_and_said_until_it_is(
    monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    """Though nothing changes meanwhile; `check` reads it of the plane."""
    now = [1_000 * SECOND]
    monkeypatch.setattr(clock, "now", lambda: Instant(now[0]))
    full = True

    def write(data: bytes) -> None:
        if full:
            raise error

    later = Later()
    plane = plane_of(1)
    loop: Any = later
    kept = Keeping(loop, SimpleNamespace(write=write), lambda: Anything, plane)  # type: ignore[arg-type, return-value]
    kept.changed()
    later.due()[1]()
    assert plane.unkept == says
    full = False
    seconds, again = later.due()
    assert seconds == pytest.approx(AGAIN_SECONDS)
    again()
    assert plane.unkept is None
    assert [seconds for seconds, _ in later.calls] == [COUNTS_SECONDS], "nothing has changed"


class Child(NamedTuple):
    """What a child is, by the kernel's word."""

    descriptors: int
    nice: int
    first_to_go: int


class Written(NamedTuple):
    """`next_s`: so soon another one will be."""

    plane: Any
    next_s: float


def written_by_a_child(
    snapshot: Snapshot, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> Written:
    """Once the child that was to write what `make` returns there has ended."""
    monkeypatch.setattr(keeping, "HEAVY", -1)
    later = Later()
    ended: list[tuple[int, Callable[[], None]]] = []
    loop: Any = SimpleNamespace(
        call_later=later.call_later,
        add_reader=lambda *one: ended.append(one),
        remove_reader=lambda fd: None,
    )
    plane = plane_of(1)
    kept = Keeping(loop, snapshot, lambda: make, plane)
    kept.changed()
    later.due()[1]()
    [(pidfd, reap)] = ended
    assert select.select([pidfd], [], [], HANGS_S)[0]
    reap()
    plane.changes = 2
    kept.changed()
    return Written(plane, later.due()[0])


@pytest.mark.parametrize(
    ("waits", "numbers", "pause"),
    [(0.5, 0, (0.5, AGAIN_SECONDS)), (0.0, 20_000_000, (AGAIN_SECONDS, COUNTS_SECONDS))],
)
def test_how_long_a_child_waits_for_a_processor_makes_none_seldom(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    waits: float,
    numbers: int,
    pause: tuple[float, float],
) -> None:
    """A machine that has much to do needs its snapshots as fresh."""

    def make() -> None:
        select.select([], [], [], waits)
        sum(range(numbers))

    written = written_by_a_child(Snapshot(tmp_path / "sw0.sock"), make, monkeypatch)
    assert pause[0] < written.next_s <= pause[1]


def test_who_writes_is_in_the_way_of_nobody_and_the_first_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the switch, where there is no memory for both."""
    snapshot = Snapshot(tmp_path / "sw0.sock")

    def look() -> Child:
        score = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
        return Child(len(os.listdir("/proc/self/fd")), os.nice(0), score)

    snapshot.write(b"before")
    assert written_by_a_child(snapshot, look, monkeypatch).plane.unkept is None
    assert not snapshot.is_lost, "nobody else has put it there"
    found = saved.unpack(snapshot.read() or b"", Child)
    assert found == Child(1, min(os.nice(0) + 15, 19), 1000), "one: of the directory itself"


def test_who_is_killed_while_he_writes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would be as large as a state, and in memory."""
    snapshot = Snapshot(tmp_path / "sw0.sock")
    snapshot.write(b"before")

    def die() -> None:
        (tmp_path / f"sw0.state.{os.getpid()}").write_bytes(b"tor")
        os.kill(os.getpid(), signal.SIGKILL)

    plane = written_by_a_child(snapshot, die, monkeypatch).plane
    assert plane.unkept == "the process that was to write it failed"
    assert [path.name for path in tmp_path.iterdir()] == ["sw0.state"]
