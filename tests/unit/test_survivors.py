"""Mutations that once lived: single lines that could change with no test to say so."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from snoop.control.requests import Clear, Show
from snoop.proto.effects import Event, EventKind
from snoop.proto.params import FastLeave, PortParams
from snoop.proto.port import Port
from snoop.proto.units import Instant, seconds
from snoop.runtime.events import Events
from snoop.runtime.fanout import Fanout
from snoop.runtime.history import History
from unit.control.test_server import serve
from unit.device import P1, START
from unit.frames import IS_EX, TO_IN
from unit.proto_lab import Lab, querier, record, v3
from unit.scene import Scene


def test_a_host_that_leaves_makes_room_for_another() -> None:
    """SM-64: what a membership's end gives back counts, also of the hosts tracked."""
    lab = Lab(max_hosts=1, port={P1: {"fast_leave": FastLeave.ON}})
    for number in range(10):
        group = f"239.2.0.{number}"
        lab.hear(P1, v3(record(IS_EX, group)))
        assert [text.group for text in lab.engine.hosts(lab.now)], group
        lab.hear(P1, v3(record(TO_IN, group)))
    assert lab.count("host_limit", P1) == 0


def test_a_host_whose_membership_ends_unheard_makes_room_for_another() -> None:
    """The same by a timer."""
    lab = querier(max_hosts=1)
    lab.hear(P1, v3(record(IS_EX, "239.2.0.1")))
    lab.at(40 + 300)
    lab.hear(P1, v3(record(IS_EX, "239.2.0.2")))
    assert len(lab.engine.hosts(lab.now)) == 1
    assert lab.count("host_limit", P1) == 0


def test_hosts_that_are_cleared_make_room_for_others() -> None:
    """The same by an operator's word, while they still want the group."""
    lab = Lab(max_hosts=1)
    for number in range(3):
        lab.hear(P1, v3(record(IS_EX, f"239.2.0.{number}")))
        lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    assert lab.count("host_limit", P1) == 0


def test_a_query_that_goes_out_a_little_late_does_not_put_off_the_next() -> None:
    """Q-1: one every query interval, whenever the process has its turn."""
    lab = querier()
    due = lab.engine.next_deadline()
    assert due == START + seconds(156.25)
    lab.take(lab.engine.advance(Instant(due + seconds(3))))
    assert len(lab.queries()) == 1
    assert lab.engine.next_deadline() == due + seconds(125)


def test_a_full_table_is_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """An operator has to do something about it."""
    with caplog.at_level(logging.DEBUG, "snoop.event"):
        Events(Fanout(), History(), str).publish(Event(EventKind.TABLE_FULL, 0, 1, {}), Instant(1))
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


def test_names_of_hosts_are_shared_and_bounded() -> None:
    """Losing one costs memory and nothing else, and a port remembers 1024."""
    port = Port(1, PortParams(name="p1"), max_hosts=9, now=Instant(1))
    first = bytes(21) + b"\x01"
    assert port.shared(first) is first
    assert port.shared(bytes(bytearray(first))) is first
    for number in range(2000):
        port.shared(number.to_bytes(22))
    again = bytes(bytearray(first))
    assert port.shared(again) is again


def test_counters_never_fall_below_what_was_cleared() -> None:
    """A port id that is used again by another port counts from its own beginning."""
    scene = Scene().start()
    scene.fastpath.counts[1] = {"rx_frames": 100}
    scene.ask(Clear(what="counters"))
    scene.fastpath.counts[1] = {"rx_frames": 7}
    assert scene.ask(Show(what="counters"))["ports"]["p1"]["rx_frames"] == 0


def test_a_client_that_never_stops_asking_lets_others_have_their_turn(tmp_path: Path) -> None:
    """A thousand requests in one write are not answered before another's one."""
    path = tmp_path / "sw.sock"
    line = b'{"request": "show", "what": "fdb"}\n'

    async def scene(events: Fanout) -> int:
        greedy, modest = [await asyncio.open_unix_connection(str(path)) for _ in range(2)]
        answered = 0

        async def count() -> None:
            nonlocal answered
            while await greedy[0].readline():
                answered += 1

        counting = asyncio.ensure_future(count())
        greedy[1].write(line * 1000)
        modest[1].write(line)
        answer: Any = json.loads(await modest[0].readline())
        assert answer["ok"]
        seen = answered
        counting.cancel()
        for _, writer in (greedy, modest):
            writer.close()
        return seen

    assert serve(path, scene) < 500
