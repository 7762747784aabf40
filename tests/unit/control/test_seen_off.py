"""Clients of a process that hands over to another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from snoop.control.client import Client
from snoop.control.requests import Request, Show
from snoop.control.server import ControlServer
from snoop.runtime.fanout import Fanout
from unit import HANGS_S


async def answer(request: Request) -> object:
    assert isinstance(request, Show)
    return request.what


def test_who_asks_when_another_process_has_taken_over_is_answered_by_that(tmp_path: Path) -> None:
    """Whatever he was about to do when he was shown out."""
    path = tmp_path / "sw.sock"

    async def scene() -> Any:
        first, second = (
            ControlServer(path, answer=answer, listen=lambda _: Fanout().listen(lambda head: True))
            for _ in range(2)
        )
        await first.open()
        with await asyncio.to_thread(Client, str(path)) as asking:
            await asyncio.to_thread(asking.call, "show", what="fdb")
            await first.see_off()
            await second.open()
            try:
                return await asyncio.to_thread(asking.call, "show", what="mdb")
            finally:
                await second.close()

    assert asyncio.run(asyncio.wait_for(scene(), HANGS_S)) == "mdb"
