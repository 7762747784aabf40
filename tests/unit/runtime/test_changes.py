"""Changes to a switch whose ports take their time to open: who asked waits, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from snoop.control.requests import PortAdd, PortDel, PortSet, Reload, RequestError
from snoop.runtime.openings import Openings
from snoop.wire.address import ANY
from unit import HANGS_S
from unit.fake_fastpath import AsideFastPath, link
from unit.scene import G, Scene

pytestmark = pytest.mark.usefixtures("own_time")


class Slow(Scene):
    """Ports open when the test says so: `fastpath.go`."""

    def __init__(self, **tables: Any) -> None:
        super().__init__(**tables)
        self.fastpath: AsideFastPath = AsideFastPath()
        self.told = asyncio.Event()
        self.openings = Openings(self.fastpath, self._ready)
        self.loop: asyncio.AbstractEventLoop | None = None

    def _ready(self) -> None:
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.plane.links_changed)

    async def begin(self, request: Any) -> asyncio.Task[object]:
        """Ask, until it waits for a port."""
        self.loop = asyncio.get_running_loop()
        self.fastpath.go.clear()
        asked = asyncio.ensure_future(self.answers.answer(request))
        await asyncio.sleep(0)
        assert any(port.opening for port in self.plane.ports)
        return asked

    async def wait(self, asked: asyncio.Task[object]) -> object:
        """Let ports open, and have the answer."""
        assert not asked.done()
        self.fastpath.go.set()
        while self.plane.turnover.waits:
            self.plane.advance()
        return await asyncio.wait_for(asked, HANGS_S)


@pytest.fixture
def slow() -> Iterator[Slow]:
    scene = Slow()
    scene.start()
    yield scene
    scene.fastpath.go.set()
    scene.loop = None
    assert scene.openings is not None
    scene.openings.close()


def test_a_reload_that_opens_ports_keeps_no_join_waiting(slow: Slow) -> None:
    slow.links.links |= {f"p{n}": link(f"p{n}", 10 + n) for n in range(4, 40)}
    slow.raw["port"] = [{"name": f"p{n}"} for n in range(40)]

    async def play() -> None:
        asked = await slow.begin(Reload())
        slow.join(1)
        assert slow.fastpath.rows[0, G, ANY] == 0b0010
        assert len(slow.fastpath.opened) == 4
        await slow.wait(asked)
        assert len(slow.fastpath.opened) == 40
        assert all(port.told_up for port in slow.plane.ports)

    asyncio.run(play())
    assert slow.members() == {"p1"}


@pytest.mark.parametrize("beside", [False, True])
def test_a_port_set_that_opens_a_port_again_keeps_no_join_waiting(
    slow: Slow, *, beside: bool
) -> None:
    """Nor is its member forgotten; a reload beside it waits for nothing that is not its own."""
    slow.join(2)

    async def play() -> None:
        asked = await slow.begin(PortSet(port="p2", options=["isolate=false"]))
        slow.join(1)
        assert slow.fastpath.rows[0, G, ANY] == 0b0110
        if beside:
            await asyncio.wait_for(slow.answers.answer(Reload()), HANGS_S)
        await slow.wait(asked)
        assert slow.fastpath.isolated[2] is False

    asyncio.run(play())
    assert slow.members() == {"p1", "p2"}


def test_a_port_that_is_taken_back_while_it_opens_is_said_to_whom_it_was_added_for(
    slow: Slow,
) -> None:
    slow.links.links["p9"] = link("p9", 19)

    async def play() -> None:
        asked = await slow.begin(PortAdd(port="p9"))
        await slow.answers.answer(PortDel(port="p9"))
        with pytest.raises(RequestError, match="p9: somebody else has taken it back meanwhile"):
            await slow.wait(asked)

    asyncio.run(play())
    assert "p9" not in slow.ports()
