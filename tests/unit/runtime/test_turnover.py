"""Hundreds of ports that go and come at once: a part of them in a turn, and nothing half done."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from snoop.control.requests import PortAdd, PortDel, PortSet, RequestError, Show
from snoop.daemon import surviving
from snoop.proto.units import NEVER, Instant
from snoop.runtime import clock
from snoop.runtime.turnover import AT_ONCE
from unit.fake_fastpath import link
from unit.scene import Scene

pytestmark = pytest.mark.usefixtures("own_time")

MANY = 200
FEW = [{"name": f"p{n}"} for n in range(4)]


def named(prefix: str) -> list[dict[str, Any]]:
    return [{"name": f"{prefix}{n}"} for n in range(MANY)]


def scene_of(*prefixes: str, ports: list[dict[str, Any]] | None = None) -> Scene:
    scene = Scene(port=[*FEW, *(ports or [])])
    for base, prefix in enumerate(prefixes, start=1):
        scene.links.links |= {
            f"{prefix}{n}": link(f"{prefix}{n}", 1000 * base + n) for n in range(MANY)
        }
    return scene.start()


def turns(scene: Scene) -> list[int]:
    """How many ports are open after each turn until none waits."""
    opened = [len(scene.fastpath.opened)]
    while scene.plane.turnover.waits:
        scene.plane.advance()
        opened.append(len(scene.fastpath.opened))
    return opened


def test_hundreds_come_a_part_in_a_turn_and_joins_are_decided_between() -> None:
    scene = scene_of("v")
    scene.configure(port=[*FEW, *named("v")])
    assert len(scene.fastpath.opened) == 4 + AT_ONCE
    scene.join(1)
    assert scene.members() == {"p1"}
    opened = turns(scene)
    assert all(b - a <= AT_ONCE for a, b in pairwise(opened))
    assert opened[-1] == 4 + MANY
    assert len(scene.ports()) == 4 + MANY
    assert scene.members() == {"p1"}


def test_hundreds_go_a_part_in_a_turn_and_forward_nothing_from_the_first_on() -> None:
    scene = scene_of("v", ports=named("v"))
    scene.join(1)
    scene.configure(port=FEW)
    assert len(scene.fastpath.opened) == 4 + MANY - AT_ONCE
    assert {number for number, (up, *_) in scene.fastpath.states.items() if up} == {0, 1, 2, 3}
    assert scene.ports().keys() == {"p0", "p1", "p2", "p3"}
    opened = turns(scene)
    assert all(a - b <= AT_ONCE for a, b in pairwise(opened))
    assert opened[-1] == 4
    assert scene.members() == {"p1"}


def test_who_is_to_go_is_no_port_for_who_asks() -> None:
    scene = scene_of("v", ports=named("v"))
    scene.configure(port=FEW)
    last = f"v{MANY - 1}"
    assert scene.plane.ports.dismissed
    for request in (PortSet(port=last, options=["isolate=false"]), PortDel(port=last)):
        with pytest.raises(RequestError, match=f'no port "{last}"'):
            scene.ask(request)


def test_hundreds_in_the_place_of_hundreds() -> None:
    """There are 256 numbers: the new ones wait for those of the old."""
    scene = scene_of("v", "w", ports=named("v"))
    scene.configure(port=[*FEW, *named("w")])
    turns(scene)
    assert set(scene.ports()) == {f"p{n}" for n in range(4)} | {f"w{n}" for n in range(MANY)}


def test_one_that_is_wanted_again_before_it_has_gone_is_one() -> None:
    scene = scene_of("v", ports=named("v"))
    scene.configure(port=FEW)
    scene.configure(port=[*FEW, *named("v")])
    turns(scene)
    assert all(row["state"] == "up" for row in scene.ports().values())
    assert len(scene.ports()) == len(scene.fastpath.opened) == 4 + MANY


def test_what_all_have_counted_never_grows_less() -> None:
    scene = scene_of("v", ports=named("v"))
    scene.fastpath.counts = {n: {"rx_frames": 10} for n in range(4 + MANY)}
    scene.configure(port=FEW)
    while scene.plane.turnover.waits:
        assert scene.plane.ports.counted()["rx_frames"] == 10 * (4 + MANY)
        scene.plane.advance()
    assert scene.plane.ports.counted()["rx_frames"] == 10 * (4 + MANY)


def test_another_process_is_told_of_no_half() -> None:
    """What survives is of the ports of the configuration, each with its number and its entries."""
    scene = scene_of("v", ports=named("v"))
    scene.configure(port=FEW, static=[{"group": "239.7.7.7", "ports": ["p3"]}])
    assert scene.plane.turnover.waits
    state = surviving.take("sw0", scene.settings, scene.plane, scene.answers.counters)
    assert not scene.plane.turnover.waits
    assert {each.port for each in state.plane.ports} == {"p0", "p1", "p2", "p3"}
    assert {each.port for each in state.plane.statics} == {"p3"}


def test_as_much_time_for_others_as_a_part_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    scene = scene_of("v")
    assert scene.plane.turnover.due == NEVER
    adds = scene.plane.engine.port_add

    def slow(*given: Any, **how: Any) -> Any:
        nonlocal now
        now = Instant(now + 1000)
        return adds(*given, **how)

    monkeypatch.setattr(scene.plane.engine, "port_add", slow)
    scene.configure(port=[*FEW, *named("v")])
    assert scene.plane.next_deadline() == scene.plane.turnover.due == now + 1000 * AT_ONCE
    scene.plane.advance()
    assert len(scene.fastpath.opened) == 4 + AT_ONCE
    now = Instant(now + 1000 * AT_ONCE)
    scene.plane.advance()
    assert len(scene.fastpath.opened) == 4 + 2 * AT_ONCE


def test_a_command_waits_for_its_port_behind_hundreds() -> None:
    scene = scene_of("v")
    scene.links.links["q"] = link("q", 99)

    async def play() -> None:
        scene.configure(port=[*FEW, *named("v")])
        asked = asyncio.ensure_future(scene.answers.answer(PortAdd(port="q")))
        await asyncio.sleep(0)
        assert not asked.done()
        while scene.plane.turnover.waits:
            scene.plane.advance()
        await asked

    asyncio.run(play())
    assert scene.ports()["q"]["state"] == "up"
    assert len(scene.ask(Show(what="ports"))["ports"]) == 5 + MANY
