"""The plane moves effects: a report becomes a row, in one publish, a batch at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from snoop.control.requests import (
    Show,
)
from snoop.proto.units import Instant
from snoop.runtime import clock
from snoop.runtime.batch import BUDGET_MAX, BUDGET_MIN, Budget, Refused
from snoop.runtime.publishing import AGAIN
from snoop.table.mdb import Delta
from snoop.table.seen import Punted
from snoop.wire import address
from snoop.wire.address import ANY
from snoop.wire.messages import Record, RecordType
from unit.fake_fastpath import link
from unit.scene import G, Scene, heard

pytestmark = pytest.mark.usefixtures("own_time")


def test_a_report_becomes_a_row_in_one_publish() -> None:
    """Decide all, send all, publish once."""
    scene = Scene().start()
    before = scene.fastpath.publishes
    scene.fastpath.waiting += [Punted(0, 0, b"", 0)] * 3
    scene.join(1)
    assert scene.fastpath.rows == {(0, G, ANY): 0b0010}
    assert scene.fastpath.publishes == before + 1


def test_a_publish_that_fails_loses_nothing() -> None:
    """Out of memory for a moment: what was learned meanwhile comes with the next try."""
    scene = Scene().start()
    scene.fastpath.unpublishable = True
    scene.join(1)
    scene.join(2)
    assert scene.fastpath.rows == {}
    assert scene.members() == {"p1", "p2"}
    due = scene.plane.next_deadline()
    assert due is not None
    assert 0 < due - clock.now() <= AGAIN
    scene.fastpath.unpublishable = False
    scene.plane.advance()
    assert scene.fastpath.rows == {(0, G, ANY): 0b0110}
    before = scene.fastpath.publishes
    scene.plane.advance()
    assert scene.fastpath.publishes == before


def test_joins_are_served_ahead_until_what_follows_is_published() -> None:
    """SM-70: not one that waits unread, nor one whose row could not be published."""
    scene = Scene().start()
    scene.fastpath.decisions.clear()
    scene.join(1)
    assert scene.fastpath.decisions == [scene.fastpath.publishes]
    scene.fastpath.unpublishable = True
    scene.join(2)
    assert len(scene.fastpath.decisions) == 1
    scene.fastpath.unpublishable = False
    scene.plane.advance()
    assert scene.fastpath.decisions[1:] == [scene.fastpath.publishes]
    scene.plane.advance()
    assert len(scene.fastpath.decisions) == 2


def test_nothing_is_sent_or_told_before_the_rows_are_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who joins waits for the publish: not for a router's copy, an event or a captured frame."""
    ports = [{"name": f"p{n}"} for n in range(3)] + [{"name": "p3", "mrouter": "always"}]
    scene = Scene(port=ports).start()
    told = scene.captures.listen(lambda head: True)
    before: list[tuple[int, int]] = []
    publish = scene.fastpath.publish

    def look(delta: Delta) -> None:
        before.append((len(scene.fastpath.injected), len(scene.plane.history.lines())))
        publish(delta)

    monkeypatch.setattr(scene.fastpath, "publish", look)
    seen = (len(scene.fastpath.injected), len(scene.plane.history.lines()))
    scene.join(1)
    assert before == [seen]
    assert len(scene.fastpath.injected) == seen[0] + 1
    assert len(scene.plane.history.lines()) == seen[1] + 1
    lines = asyncio.run(heard(told))
    assert [line["direction"] for line in lines] == ["in", "out"]


def test_ports_that_may_be_refused_a_join_are_not_served_ahead() -> None:
    """SM-70."""
    scene = Scene().start()
    assert scene.fastpath.ahead == dict.fromkeys(range(4), True)
    refusing: dict[str, dict[str, Any]] = {
        "p1": {"deny_groups": ["239.9.0.0/16"]},
        "p2": {"max_groups": 10},
        "p3": {"mld": {"max_groups": 10}},
    }
    scene.configure(port=[{"name": f"p{i}", **refusing.get(f"p{i}", {})} for i in range(4)])
    assert scene.fastpath.ahead == {0: True, 1: False, 2: False, 3: False}


def test_the_table_is_shown_once_it_is_what_frames_go_by() -> None:
    """SAY-21: whoever sends because of it finds it so."""
    scene = Scene().start()
    scene.join(1)
    scene.fastpath.behind = 5
    assert scene.members() == {"p1"}
    assert scene.fastpath.behind == 0
    scene.fastpath.unpublishable = True
    scene.join(2)

    async def shown() -> object:
        answer = asyncio.ensure_future(scene.answers.answer(Show(what="mdb", group="239.1.2.3")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not answer.done()
        scene.fastpath.unpublishable = False
        scene.plane.advance()
        return await answer

    asyncio.run(shown())
    assert scene.fastpath.rows == {(0, G, ANY): 0b0110}


def test_it_prunes_once_the_table_says_so() -> None:
    """SAY-21: not when only the engine does."""

    def pruning() -> bool:
        (row,) = scene.ask(Show(what="querier", family="ipv4"))["queriers"]
        assert isinstance(row["pruning"], bool)
        return row["pruning"]

    scene = Scene(switch={"no_querier": "flood"}).start()
    assert not pruning()
    scene.fastpath.unpublishable = True
    scene.configure(switch={"no_querier": "prune"})
    assert not pruning()
    scene.fastpath.unpublishable = False
    scene.plane.advance()
    assert pruning()


def test_a_plane_is_quiet_between_two_looks_without_a_frame() -> None:
    scene = Scene().start()
    quiet = []
    for joins in (0, 1, 0):
        if joins:
            scene.join(1)
        scene.plane.look()
        quiet.append(scene.plane.is_quiet)
    assert quiet == [True, False, True]


def test_a_flood_is_taken_in_batches() -> None:
    """TM-40: an IGMP flood must not hold up the timers; nothing of it is lost."""
    scene = Scene().start()
    total = 3 * BUDGET_MAX
    scene.fastpath.waiting += [Punted(0, 0, b"", 0)] * total
    before = scene.fastpath.publishes
    read = [0]
    while read[-1] < total:
        scene.plane.punted()
        read.append(scene.ask(Show(what="counters"))["ports"]["p0"]["control_truncated"])
        assert 0 < read[-1] - read[-2] <= BUDGET_MAX
    assert len(read) > 3
    assert scene.fastpath.publishes == before


def test_what_a_flood_left_behind_is_taken_with_rests() -> None:
    """Nothing is refused any more: the backlog must not hold a core of two for seconds."""
    refused = Refused()
    second = 1_000_000_000
    refused.news({3: 50}, Instant(second))
    refused.news({3: 50}, Instant(6 * second))
    assert refused.flooding
    refused.news({3: 50}, Instant(7 * second))
    assert not refused.flooding


def test_long_queue_of_a_port_within_its_rate_is_read_without_rests() -> None:
    """A rest would lose it what the engine can read in time."""
    scene = Scene().start()
    scene.fastpath.waiting += [Punted(0, 0, b"", 0)] * BUDGET_MAX
    assert scene.plane.punted() == 0


def test_batch_is_as_long_as_it_takes_six_milliseconds() -> None:
    """Down at once when the machine is slow, up by a quarter at a time, within its bounds."""
    budget = Budget()
    assert budget.cost == 128
    budget.spent(128, 24_000_000)
    assert budget.cost == 32
    budget.spent(32, 2_000_000)
    assert budget.cost == 41
    budget.spent(1, 40_000)  # a single join says nothing of a flood
    assert budget.cost == 41
    budget.spent(1, 40_000_000)
    assert budget.cost == BUDGET_MIN
    for _ in range(100):
        budget.spent(budget.cost, 1)
    assert budget.cost == BUDGET_MAX


def test_refused_frames_are_news_once_in_ten_seconds() -> None:
    refused = Refused()
    second = 1_000_000_000
    assert refused.due(Instant(second))
    assert not refused.due(Instant(2 * second - 1))
    assert refused.due(Instant(2 * second))
    assert refused.news({}, Instant(second)) == {}
    assert refused.news({3: 50}, Instant(second)) == {3: 50}
    assert refused.news({3: 70, 4: 1}, Instant(2 * second)) == {4: 1}
    assert refused.news({3: 90, 4: 1}, Instant(11 * second)) == {3: 40}
    assert refused.flooding
    assert refused.news({3: 90, 4: 1}, Instant(30 * second)) == {}
    assert not refused.flooding


def test_a_port_over_its_rate_is_an_event() -> None:
    scene = Scene(port=[{"name": "p0", "igmp_rate": 9}, {"name": "p1"}]).start()
    listener = scene.events.listen(lambda head: head.event == "limit")
    scene.fastpath.counts[0] = {"rate_limited": 12}
    scene.join(1)
    [event] = asyncio.run(heard(listener))
    assert event["port"] == "p0"
    assert event["dropped"] == 12
    assert event["reason"] == "igmp_rate, 9 records a second, reached"


def test_rate_and_burst_reach_the_fast_path_also_on_reload() -> None:
    scene = Scene().start()
    assert scene.fastpath.rates[1] == (20_000, 40_000)
    ports = [{"name": f"p{n}"} for n in range(4)]
    ports[1] |= {"igmp_rate": 10, "igmp_burst": 20}  # type: ignore[operator]  # a TOML table
    scene.configure(port=ports)
    assert scene.fastpath.rates[1] == (10, 20)
    assert scene.fastpath.rates[2] == (20_000, 40_000)


def test_nothing_is_published_when_nothing_changed() -> None:
    scene = Scene().start()
    scene.join(1)
    before = scene.fastpath.publishes
    scene.join(1)
    assert scene.fastpath.publishes == before


def test_start_publishes_states_policy_and_always_flood() -> None:
    """SNOOP-42 and SNOOP-32 are in place before the first frame."""
    scene = Scene(switch={"no_querier": "prune", "unregistered": "mrouters"}).start()
    assert scene.fastpath.states == dict.fromkeys(range(4), (True, 1500, True))
    assert scene.fastpath.table.floods == {(address.parse("224.0.1.129"), 128)}
    assert scene.fastpath.vlans[0] == (True, 0, 0)
    # VLANs nobody has been heard in get the same policy.
    assert scene.fastpath.vlans[0xFFFF] == (True, 0, 0)


def test_our_queries_go_out_from_the_lowest_port_address() -> None:
    scene = Scene().start()
    assert scene.fastpath.injected
    assert {frame[6:12] for _, frame in scene.fastpath.injected} == {link("p0", 10).mac}


def test_a_bug_met_by_a_frame_is_counted_and_the_next_frame_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing received from a peer ends the switch, not even by a mistake of ours."""
    scene = Scene().start()
    engine = scene.plane.engine
    assert engine is not None
    whole = engine.receive

    def receive(*, frame: bytes, **more: Any) -> Any:
        if frame == b"poison":
            raise IndexError("ours")
        return whole(frame=frame, **more)

    monkeypatch.setattr(engine, "receive", receive)
    scene.fastpath.waiting.append(Punted(1, 0, b"poison", 0))
    scene.join(1)
    assert scene.members() == {"p1"}
    assert scene.ask(Show(what="counters"))["counters"]["internal_errors"] == 1


def test_a_frame_of_a_port_just_removed_is_dropped() -> None:
    scene = Scene().start()
    scene.configure(port=[{"name": "p0"}, {"name": "p1"}])
    scene.join(3)
    assert scene.members() == set()


def test_events_carry_port_names_and_the_capture_says_what_was_decided() -> None:
    async def run() -> tuple[list[Any], list[Any]]:
        scene = Scene().start()
        events = scene.events.listen(lambda head: head.event == "join")
        frames = scene.captures.listen(lambda head: True)
        scene.join(1)
        return await heard(events), await heard(frames)

    events, frames = asyncio.run(run())
    assert (events[0]["event"], events[0]["port"], events[0]["group"]) == (
        "join",
        "p1",
        "239.1.2.3",
    )
    came = [frame for frame in frames if frame["direction"] == "in"]
    assert came[0]["port"] == "p1"
    assert "join" in came[0]["comment"]
    assert "239.1.2.3" in came[0]["comment"]


def test_capture_has_frames_as_they_are_on_the_wire() -> None:
    """VLAN-7: with the tag that they came with, and that of our queries (Q-16)."""

    async def run() -> list[Any]:
        scene = Scene(igmp={"querier": "on"}).start()
        frames = scene.captures.listen(lambda head: True)
        frame = scene.report_frame(Record(RecordType.TO_EX, G, ()))
        scene.fastpath.waiting.append(Punted(1, 10, frame, 0, tci=5 << 13 | 10))
        scene.plane.punted()
        return await heard(frames)

    came, asked = asyncio.run(run())
    assert (came["direction"], came["frame"][24:36]) == ("in", "8100a00a0800")
    assert (asked["direction"], asked["frame"][24:36]) == ("out", "8100c00a0800")
