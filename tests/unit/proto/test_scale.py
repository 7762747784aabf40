"""`proto` under load: what must not grow with the number of frames, and what must end."""

from __future__ import annotations

import random

from snoop.proto.params import FastLeave, QuerierMode
from snoop.proto.units import SECOND, Instant
from snoop.wire.address import parse
from unit.device import R
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, RQ, S1, S2, S3, TO_EX, TO_IN
from unit.proto_lab import OWN, Lab, follower, leave, old_report, query, record, v3


def wakeups(lab: Lab, until: float) -> int:
    """How often the engine asks to be woken."""
    count = 0
    target = Instant(lab.now + int(until * SECOND))
    while (due := lab.engine.next_deadline()) is not None and due <= target:
        assert due > lab.now
        lab.now = due
        lab.take(lab.engine.advance(due))
        count += 1
    lab.now = target
    return count


def test_refreshed_entries_wake_the_engine_once_an_interval() -> None:
    """100 groups on three ports, refreshed every 10 s for 1000 s: not 30 000 timers."""
    lab = follower()
    reports = [old_report(2, f"239.5.0.{i}") for i in range(100)]
    woken = 0
    for _ in range(100):
        lab.hear(R, query())
        for data in reports:
            for port in (1, 2, 3):
                lab.hear(port, data)
        woken += wakeups(lab, 10)
    assert len(lab.engine.mdb(lab.now)) == 300
    assert woken < 100 * 1000 / 250 + 50


def test_everything_that_was_learned_ends_when_nobody_speaks() -> None:
    """Random reports, leaves and queries by a seeded host; then silence."""
    rng = random.Random(7)
    for role in QuerierMode:
        lab = Lab(
            querier=role,
            querier_address=parse(OWN),
            port={1: {"fast_leave": FastLeave.ON}, 2: {"fast_leave": FastLeave.TRACKED}},
            max_sources=3,
            max_groups=20,
            max_hosts=30,
        )
        sources = [S1, S2, S3, "192.0.2.4"]
        for _ in range(4_000):
            group = f"239.6.0.{rng.randrange(40)}"
            src = f"10.0.1.{rng.randrange(8)}"
            port = rng.randrange(4)
            vid = rng.choice((0, 0, 5))
            match rng.randrange(8):
                case 0:
                    data = old_report(rng.choice((1, 2)), group, src=src, vid=vid)
                case 1:
                    data = leave(group, src=src, vid=vid)
                case 2:
                    data = query(rng.choice((None, group)), src=rng.choice((RQ, "10.0.0.200")))
                case _:
                    kind = rng.choice((IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK))
                    listed = rng.sample(sources, rng.randrange(len(sources) + 1))
                    data = v3(record(kind, group, listed), src=src, vid=vid)
            lab.hear(port, data)
            if rng.random() < 0.02:
                lab.take(lab.engine.port_down(port, now=lab.now))
                lab.take(lab.engine.port_up(port, now=lab.now))
            lab.at(lab.time + rng.choice((0, 0.1, 1, 30)))
            lab.clear()
        assert len(lab.engine.mdb(lab.now)) > 0
        lab.at(lab.time + 2_000)
        assert lab.engine.mdb(lab.now) == []
        assert lab.engine.hosts(lab.now) == []
        assert list(lab.engine.groups()) == []
        assert lab.engine.mrouters(lab.now) == []
        limits = {1: 20, 3: 30}
        for port in limits:
            fresh = [record(TO_EX, f"239.7.0.{i}") for i in range(30)]
            lab.hear(port, v3(*fresh))
            assert sum(row.port == port for row in lab.engine.mdb(lab.now)) == 20, "limits leak"
            lab.take(lab.engine.port_down(port, now=lab.now))
            lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))


def test_one_report_of_a_full_frame_is_learned_whole() -> None:
    """W-26, idea 21: 183 groups."""
    lab = follower()
    records = [record(TO_EX, f"239.8.{i >> 8}.{i & 255}") for i in range(183)]
    assert lab.hear(1, v3(*records)) == {R}
    assert len(lab.engine.mdb(lab.now)) == 183
