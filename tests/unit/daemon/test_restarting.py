"""A switch that is asked to hand over, whatever comes of it, and who asks something meanwhile."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import pytest

from snoop import parent
from snoop.control.requests import HandedOver, Reload, RequestError, Restart, Show
from snoop.daemon.handing import Handing, Running
from snoop.daemon.restarting import Restarting
from snoop.links.claims import Claims
from unit import HANGS_S
from unit.daemon.test_handing import SCRIPT, Fake

SERVES = """
hello()
hear("sockets")
messages.send(sock, "prepared")
hear("go")
messages.send(sock, "serving", 1)
time.sleep(600)
"""


class Old(Restarting):
    """The part of a process that hands over."""

    def __init__(self, fake: Fake) -> None:
        super().__init__()
        self.fake = fake
        self.left: list[Handing] = []
        self._heir = self._handing = self._keeping = None
        self._claims = Claims("sw0")
        self._loop = asyncio.get_running_loop()

    def _running(self) -> Running:
        return self.fake.running()

    async def _leave_place(self, handing: Handing, pid: int) -> None:
        """Without an end of this process."""
        del pid
        handing.over()
        self.left.append(handing)
        await asyncio.sleep(0)

    async def asked(self) -> Any:
        return await self._restart(Restart(timeout=HANGS_S))

    async def gone(self) -> None:
        while parent.children():
            await asyncio.sleep(0)


def play(scene: Any, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", SCRIPT + script])
    asyncio.run(asyncio.wait_for(scene(), 2 * HANGS_S))


def test_what_nobody_thought_of_is_no_restart_that_never_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> None:
        old = Old(Fake(state=object()))
        for _ in range(2):
            with pytest.raises(RequestError, match=r"internal error, TypeError.*the old process"):
                await old.asked()
        async with old._turn(Reload()):
            pass
        await old.gone()

    play(scene, "hello(); hear('sockets')", monkeypatch)


def test_who_asks_while_another_takes_the_place_is_sent_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second restart is told that one is under way; what comes after is the other's."""

    async def scene() -> None:
        old = Old(Fake())
        asked = asyncio.create_task(old.asked())
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="being restarted already"):
            await old.asked()
        pid = (await asked)["pid"]
        for request in (Reload(), Show(what="mdb")):
            with pytest.raises(HandedOver):
                async with old._turn(request):
                    pass
        with pytest.raises(HandedOver):
            await old.asked()
        assert old._is_another(signal.SIGTERM)
        assert old._handing is not None
        assert old._handing._child is not None
        assert old._handing._child.wait(HANGS_S) == -signal.SIGTERM
        assert old._handing._child.pid == pid

    play(scene, SERVES, monkeypatch)


def test_who_is_told_to_end_as_another_takes_the_place_passes_that_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It still leaves as one that has handed over: the socket's file is the other's."""

    async def scene() -> None:
        old = Old(Fake())
        await old.asked()
        await old._stay()
        assert len(old.left) == 1
        assert old.left[0]._child is not None
        assert old.left[0]._child.wait(HANGS_S) == -signal.SIGTERM

    play(scene, SERVES, monkeypatch)
