"""Nothing that ends stays behind as a ring, and no collection grows with the state."""

from __future__ import annotations

import gc
import random
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snoop.proto.params import FastLeave, QuerierMode
from snoop.proto.units import SECOND, Instant
from snoop.runtime import garbage
from snoop.wire.address import parse
from unit.control.test_door import ask, connect, echo, with_door
from unit.frames import ALLOW, BLOCK, TO_EX, TO_IN
from unit.proto_lab import OWN, Lab, hello, leave, old_report, record, v3
from unit.proto_lab import query as query_of


@contextmanager
def collected() -> Iterator[Counter[str]]:
    """What a full collection would have to find of what is done in the block, by type."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(each).__name__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


def random_frame(rng: random.Random) -> bytes:
    group, source = f"239.1.2.{rng.randrange(4)}", f"192.0.2.{rng.randrange(4)}"
    vid = rng.randrange(1, 40)
    makers: list[Callable[[], bytes]] = [
        lambda: old_report(rng.choice((1, 2)), group, vid=vid),
        lambda: leave(group, vid=vid),
        lambda: v3(record(rng.choice((TO_EX, TO_IN)), group, [source]), vid=vid),
        lambda: v3(record(rng.choice((ALLOW, BLOCK)), group, [source]), vid=vid),
        lambda: v3(record(TO_IN, group), vid=vid),
        lambda: query_of(vid=vid, src=rng.choice(("0.0.0.0", "10.0.0.1", "10.0.0.200"))),
        lambda: query_of(group, vid=vid),
        lambda: hello(rng.choice((0, 1, 105))),
        lambda: b"\x01\x00\x5e" + bytes(40),
    ]
    return rng.choice(makers)()


@pytest.mark.parametrize("seed", range(3))
def test_no_frame_and_no_end_of_a_vlan_leaves_a_ring(seed: int) -> None:
    """Parts know their VLAN, and a group its questions: all of it goes by itself."""
    rng = random.Random(seed)
    lab = Lab(
        querier=QuerierMode.ON,
        querier_address=parse(OWN),
        port={2: {"fast_leave": FastLeave.TRACKED}, 3: {"max_state": 20_000}},
    )
    with collected() as found:
        when = 0.0
        for _ in range(1500):
            when += rng.choice((0, 0.01, 0.5))
            lab.at(when)
            lab.hear(rng.randrange(4), random_frame(rng))
            if rng.random() < 0.01:
                port = rng.randrange(4)
                lab.take(lab.engine.port_down(port, now=lab.now))
                lab.take(lab.engine.port_up(port, now=lab.now))
            lab.clear()
        assert len(lab.engine.vids()) > 5
        lab.at(when + 2000)
        assert lab.engine.vids() == [0]
    assert not found


def test_frames_of_vlans_that_are_not_taken_leave_no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """By then the port has opened as many as it may."""
    monkeypatch.setattr("snoop.proto.shares.VLANS_MAX", 3)
    lab = Lab()
    with collected() as found:
        for vid in range(1, 50):
            lab.hear(1, old_report(2, vid=vid))
            lab.hear(1, query_of(vid=vid))
            lab.hear(1, leave(vid=vid))
            lab.clear()
        assert lab.count("vlan_limit") == 3 * 46
    assert not found


def test_no_connection_leaves_a_ring(tmp_path: Path) -> None:
    """However it ends: a good-bye, a reset with an answer unread, shown out, never spoken."""
    path = tmp_path / "door"
    left = Counter[str]()

    def come_and_go() -> None:
        for _ in range(5):
            polite, rude, silent = connect(path), connect(path), connect(path)
            assert ask(polite) == b"hello\n"
            rude.sendall(b"hello\n" * 1000)
            polite.close()
            rude.close()
            silent.close()
            for crowd in [connect(path) for _ in range(6)]:
                crowd.close()

    def work() -> None:
        come_and_go()  # what is made once
        with collected() as found:
            come_and_go()
            client = connect(path)
            assert ask(client) == b"hello\n"  # those before it have gone
            client.close()
        left.update(found)

    with_door(path, echo, work, places=4)
    assert not left


def test_what_has_lived_through_a_collection_is_not_looked_at_again() -> None:
    before = gc.get_threshold(), list(gc.callbacks)
    try:
        garbage.begin()
        frozen = gc.get_freeze_count()
        kept = [[] for _ in range(50_000)]  # type: ignore[var-annotated]
        assert gc.get_freeze_count() > frozen + 20_000
        assert len(gc.get_objects()) < 30_000
        ring: list[object] = []
        ring.append(ring)
        del ring, kept
        assert gc.collect(0) >= 1
    finally:
        gc.set_threshold(*before[0])
        gc.callbacks[:] = before[1]
        gc.unfreeze()


def test_a_large_state_does_not_put_the_next_look_off() -> None:
    """The interpreter would wait for a quarter of it to come anew."""
    large = [[] for _ in range(1_000_000)]  # type: ignore[var-annotated]
    test_what_has_lived_through_a_collection_is_not_looked_at_again()
    del large


def test_everything_is_looked_at_in_a_quiet_moment_once_an_hour() -> None:
    """A ring that was frozen is found then, and not before."""
    start = Instant(SECOND)
    whole = garbage.WholeLook(start)
    ring = Ring()
    ring.itself = ring
    gone = weakref.ref(ring)
    gc.freeze()
    del ring
    try:
        gc.collect()
        later = Instant(start + garbage.WHOLE_EVERY)
        assert not whole.look(Instant(later - 1), quiet=True)
        assert not whole.look(later, quiet=False)
        assert gone() is not None
        assert whole.look(later, quiet=True)
        assert gone() is None
        assert not whole.look(Instant(later + 1), quiet=True)
    finally:
        gc.unfreeze()


class Ring:
    """Holds itself."""

    itself: object
