"""A switch behind a real control socket, and what a command leaves behind."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snoop.cli import main
from snoop.control.server import ControlServer
from unit import HANGS_S
from unit.fake_fastpath import FakeFastPath
from unit.scene import Scene


class Daemon:
    """A plane on a fake fast path behind a real control socket, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.scene = Scene()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.started = threading.Event()
        self.listened = threading.Event()
        self.stopping = asyncio.Event()

    def _run(self) -> None:
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        self.scene.start()
        server = ControlServer(
            self.path,
            answer=self.scene.answers.answer,
            listen=self.listen,
        )
        await server.open()
        self.started.set()
        await self.stopping.wait()
        await server.close()

    def listen(self, request: Any) -> Any:
        listener = self.scene.answers.listen(
            request, events=self.scene.events, captures=self.scene.captures
        )
        self.listened.set()
        return listener

    def do(self, work: Any, *arguments: Any) -> None:
        """Run something in the daemon's thread and wait for it."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (work(*arguments), done.set()))
        assert done.wait(HANGS_S)

    @property
    def fastpath(self) -> FakeFastPath:
        return self.scene.fastpath


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "sw.sock")
    made.thread.start()
    assert made.started.wait(HANGS_S)
    yield made
    made.loop.call_soon_threadsafe(made.stopping.set)
    made.thread.join(HANGS_S)


class Said:
    """What a command left behind."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def snoop(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> Said:
        status = main.run(["--socket", str(daemon.path), *words])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run
