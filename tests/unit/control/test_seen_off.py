"""Clients of a process that hands over to another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from snoop.control import door
from snoop.control.client import Client
from snoop.control.door import Door, Guest
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


def opened(
    path: Path, serve: Callable[[Door, Guest], Awaitable[None]]
) -> tuple[Door, socket.socket]:
    """And a socket that listens on, as another process's does."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(8)
    listening.setblocking(False)
    other = listening.dup()
    made = Door(listening, places=8, rate=1000, serve=lambda guest: serve(made, guest))
    return made, other


@pytest.mark.parametrize("turns", range(6))
def test_who_only_just_comes_in_is_told_whom_to_ask(
    turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or is not taken in at all: on a busy machine a moment is over before a turn is."""
    monkeypatch.setattr(door, "_MOMENT_SECONDS", 0)

    async def silence(at: Door, guest: Guest) -> None:
        at.listens()
        await guest.reader.read(1)

    async def scene(client: socket.socket) -> bool:
        made, other = opened(tmp_path / "sock", silence)
        client.connect(str(tmp_path / "sock"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await made.see_off(b"bye")
        with other:
            try:
                other.accept()[0].close()
            except BlockingIOError:
                return False
            return True

    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(HANGS_S)
        waits = asyncio.run(asyncio.wait_for(scene(client), HANGS_S))
        assert waits or client.recv(9) == b"bye"


def test_who_reads_slowly_has_all_of_his_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is written, and not sent yet."""
    monkeypatch.setattr(door, "_MOMENT_SECONDS", 0)
    answered = asyncio.Event()
    whole = 4 << 20

    async def much(at: Door, guest: Guest) -> None:
        at.speaks()
        guest.writer.write(bytes(whole))
        at.listens()
        answered.set()
        await guest.reader.read(1)

    async def scene(client: socket.socket) -> int:
        made, other = opened(tmp_path / "sock", much)
        other.close()
        client.connect(str(tmp_path / "sock"))
        await answered.wait()
        off = asyncio.create_task(made.see_off(b"bye"))
        reader, writer = await asyncio.open_connection(sock=client)
        got = await reader.read(-1)
        await off
        writer.close()
        return len(got)

    with socket.socket(socket.AF_UNIX) as client:
        got = asyncio.run(asyncio.wait_for(scene(client), HANGS_S))
    assert got == whole + len(b"bye")
