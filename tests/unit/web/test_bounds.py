"""What the page keeps, and takes from whoever speaks to it, has an end."""

from __future__ import annotations

import asyncio
import json

import pytest

from snoop.web.happened import KEPT_BYTES_MAX, Happened
from snoop.web.places import QUESTION_BYTES_MAX, Places
from snoop.web.viewers import message


def line(number: int, text: str = "") -> bytes:
    return json.dumps({"time": float(number), "event": "join", "text": text}).encode()


def test_long_events_push_out_the_oldest() -> None:
    happened = Happened()
    for number in range(100):
        happened.add(line(number, "x" * 60_000), past=True)
    kept = json.loads(happened.all(100.0))
    assert sum(map(len, (line(0, one["text"]) for one in kept))) <= KEPT_BYTES_MAX + 1000
    assert [one["time"] for one in kept] == list(range(100))[-len(kept) :]
    assert 60 < len(kept) < 100
    told = happened.new()
    assert told is not None
    assert len(told[0]) <= KEPT_BYTES_MAX + 1000
    assert happened.new() is None


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_what_a_switch_says_ends_no_event_of_the_page(end: bytes) -> None:
    said = message("change", b'{"a":' + end + end + b"1}")
    assert said.count(b"\n") == 3
    assert b"\r" not in said
    assert said.endswith(b"1}\n\n")


class Wire(asyncio.Transport):
    """A connection as far as a seat knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = False

    def abort(self) -> None:
        self.ended = True


def test_who_talks_without_end_is_hung_up_on() -> None:
    async def talk() -> None:
        places, wire = Places(1, asyncio.Protocol), Wire()
        seat = places()
        seat.connection_made(wire)
        for _ in range(3):
            seat.data_received(bytes(QUESTION_BYTES_MAX))  # type: ignore[attr-defined]
            assert not wire.ended
            places.busy(wire)
            places.idle(wire)  # it has its answer: what comes now is another question
        seat.data_received(bytes(QUESTION_BYTES_MAX))  # type: ignore[attr-defined]
        seat.data_received(b"x")  # type: ignore[attr-defined]
        assert wire.ended
        seat.connection_lost(None)
        assert len(places) == 0

    asyncio.run(talk())
