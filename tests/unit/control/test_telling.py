"""SAY-51: which events are told, of those that were and those that come."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from snoop.cli import tables
from snoop.control import documents, requests
from snoop.control.requests import Clear, Events, Monitor, RequestError, Static
from snoop.runtime.history import PORT_MAX
from snoop.table.seen import Punted
from snoop.wire import address
from snoop.wire.messages import Record, RecordType
from unit.scene import G, Scene, heard


def listen(scene: Scene, asked: Monitor) -> Any:
    return scene.answers.listen(asked, events=scene.events, captures=scene.captures)


def happened(scene: Scene, **asked: Any) -> list[tuple[str, str | None, str | None]]:
    rows = scene.ask(Events(**asked))["events"]
    return [(row["event"], row["port"], row.get("group")) for row in rows]


@pytest.fixture
def scene() -> Scene:
    """Joins at p1 and p2, one of them in VLAN 7, then an operator's static entry."""
    scene = Scene().start()
    scene.join(1)
    scene.report(2, Record(RecordType.TO_EX, address.parse("239.1.9.9"), ()))
    tagged = scene.report_frame(Record(RecordType.TO_EX, G, ()))
    scene.fastpath.waiting.append(Punted(2, 7, tagged, 0))
    scene.plane.punted()
    scene.ask(Static(add=True, group="239.200.1.1", port="p3"))
    return scene


JOINS = [("join", "p1", "239.1.2.3"), ("join", "p2", "239.1.9.9"), ("join", "p2", "239.1.2.3")]
STATIC = ("static", "p3", "239.200.1.1")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"types": ("join",)}, JOINS),
        ({"types": ("join",), "last": 1}, JOINS[2:]),
        ({"types": ("join", "static"), "vlan": 0}, [*JOINS[:2], STATIC]),
        ({"types": ("join",), "port": "p2"}, JOINS[1:]),
        ({"types": ("join", "static"), "port": ("p1", "p3")}, [JOINS[0], STATIC]),
        ({"group": "239.1.2.3"}, [JOINS[0], JOINS[2]]),
        ({"group": "239.1.0.0/16"}, JOINS),
        ({"group": "239.1.9.0/24", "last": 9}, JOINS[1:2]),
        ({"group": "224.0.0.0/4", "types": ("static",)}, [STATIC]),
        ({"group": "ff3e::/32"}, []),
        ({"host": "10.0.0.11"}, JOINS),
        ({"host": "10.0.0.12"}, []),
        ({"types": ("nonsense",)}, []),
    ],
)  # fmt: skip
def test_events_are_chosen(scene: Scene, asked: dict[str, Any], told: list[Any]) -> None:
    assert happened(scene, **asked) == told


@pytest.mark.parametrize("kind", [Events, Monitor])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"port": "p9"}, 'no port "p9" on this switch'),
        ({"port": ("p1", "p9")}, 'no port "p9" on this switch'),
        ({"group": "10.0.0.0/8"}, '"10.0.0.0/8" is neither a multicast group nor a prefix'),
        ({"group": "239.1.2.3/16"}, '"239.1.2.3/16" is neither'),
        ({"group": "224.0.0.0/3"}, "is neither"),
        ({"group": "239.1.2.3/33"}, "is neither"),
        ({"host": "239.1.2.3"}, '"239.1.2.3" is neither the address of a host nor a MAC'),
        ({"host": "01:00:5e:01:02:03"}, "is neither the address of a host nor a MAC"),
        ({"host": "10.0.0.0/24"}, "is neither"),
        ({"host": "h1"}, "is neither"),
    ],
)
def test_a_bad_choice_is_refused_in_a_line(
    scene: Scene, kind: Any, asked: dict[str, Any], said: str
) -> None:
    def ask() -> None:
        if kind is Events:
            scene.ask(Events(**asked))
        else:
            listen(scene, Monitor(**asked))

    with pytest.raises(RequestError) as caught:
        ask()
    assert said in str(caught.value)
    assert caught.value.code == 2
    assert not scene.events, "nobody listens"


def test_what_the_switch_does_is_told_as_monitors_have_it(scene: Scene) -> None:
    """Each object is what a monitor that ran all the time would have printed."""
    listener = listen(scene, Monitor())
    seen = len(scene.ask(Events())["events"])
    scene.join(3)
    scene.ask(Clear(what="mdb"))
    printed = asyncio.run(heard(listener))
    assert scene.ask(Events())["events"][seen:] == printed
    assert [one["event"] for one in printed].count("clear") == 2  # one a VLAN


def test_a_monitor_begins_with_what_was_and_has_no_gap_and_no_double(scene: Scene) -> None:
    """Also of what happens while it is still being told what was."""

    async def run() -> list[Any]:
        for number in range(100):
            join(scene, number)
        asked = Monitor(types=("join",), last=50)
        listener = listen(scene, asked)
        join(scene, 100)
        first = asyncio.ensure_future(heard(listener))
        await asyncio.sleep(0)
        join(scene, 101)
        told = await first
        join(scene, 102)
        while len(told) < 53:
            told += await heard(listener)
        listener.close()
        return told

    told = asyncio.run(run())
    assert [row["group"] for row in told] == [f"239.77.0.{number}" for number in range(50, 103)]
    assert not scene.events


def test_a_monitor_without_a_past_waits_for_what_comes(scene: Scene) -> None:
    async def run() -> list[Any]:
        asked = Monitor(group="239.77.0.0/24", last=5)
        listener = listen(scene, asked)
        first = asyncio.ensure_future(heard(listener))
        await asyncio.sleep(0)
        assert not first.done()
        join(scene, 1)
        return await first

    assert [row["group"] for row in asyncio.run(run())] == ["239.77.0.1"]


def join(scene: Scene, number: int, net: int = 77) -> None:
    scene.report(1, Record(RecordType.TO_EX, address.mapped(bytes((239, net, 0, number))), ()))


def test_their_numbers_are_of_those_that_are_asked_for(scene: Scene) -> None:
    """SAY-51: in all, and by kind, the most frequent first; of the last of them, if so asked."""
    every = scene.ask(Events())["events"]
    count = scene.ask(Events(count=True))["count"]
    assert next(iter(count)) == "events"
    assert count["events"] == len(every) == sum(count.values()) / 2
    assert list(count.values()) == sorted(count.values(), reverse=True)
    assert scene.ask(Events(count=True, types=("join",), port="p2"))["count"] == {
        "events": len(JOINS[1:]), "join": len(JOINS[1:]),
    }  # fmt: skip
    assert scene.ask(Events(count=True, last=1, types=("join",)))["count"]["events"] == 1
    assert scene.ask(Events(count=True, types=("clear",)))["count"] == {"events": 0}
    said = documents.Count(count={"events": 1, "join": 1, "entries": 1, "ports": 2})
    assert tables.count_of(said) == "1 event, 1 join, 1 entry, 2 ports"


def test_a_port_that_is_gone_has_a_past(scene: Scene) -> None:
    scene.configure(port=[{"name": f"p{n}"} for n in range(2)])
    assert happened(scene, port="p2", types=("join",)) == JOINS[1:]
    with pytest.raises(RequestError):
        scene.ask(Events(port="p7"))


def test_a_long_past_is_looked_through_in_parts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames and timers come in between, and what they bring is not in the answer."""
    monkeypatch.setattr("snoop.control.parts.PART_NS", -1)
    for number in range(PORT_MAX):
        join(scene, number)

    async def run() -> tuple[int, list[Any]]:
        asking = asyncio.ensure_future(scene.answers.answer(Events(types=("join",), port="p1")))
        turns = 0
        while not asking.done():
            await asyncio.sleep(0)
            turns += 1
            join(scene, turns, net=78)
        answer = msgspec.json.decode(requests.encode(asking.result()))
        return turns, [row["group"] for row in answer["events"]]

    turns, groups = asyncio.run(run())
    assert turns > 1
    assert groups == [f"239.77.0.{number}" for number in range(PORT_MAX)]
