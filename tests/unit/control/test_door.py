"""Who is let in, and who makes room (F-10, F-11)."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from snoop.control import door, metrics
from snoop.control.door import Door, Guest
from snoop.proto.units import MILLISECOND, Instant
from snoop.runtime import clock
from unit import HANGS_S
from unit.runtime.test_process import taken


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def with_door(
    path: Path,
    serve: Callable[[Door, Guest], Awaitable[None]],
    work: Callable[[], Any],
    *,
    places: int = 8,
    rate: int = 10_000,
) -> Any:
    """What `work` returns in another thread while the door is open."""

    async def scene() -> Any:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen(64)
        made = Door(listening, places=places, rate=rate, serve=lambda guest: serve(made, guest))
        try:
            return await asyncio.to_thread(work)
        finally:
            await made.close()

    return asyncio.run(scene())


async def echo(at: Door, guest: Guest) -> None:
    while True:
        at.listens()
        line = await guest.reader.readline()
        if not line:
            return
        at.speaks()
        guest.writer.write(line)
        await guest.writer.drain()


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))  # waits while others queue
    client.settimeout(5)
    return client


def ask(client: socket.socket) -> bytes:
    client.sendall(b"hello\n")
    return client.recv(100)


def test_who_is_silent_stays_while_another_goes_by_himself(tmp_path: Path) -> None:
    """A newcomer comes in by the place that is being left, not by that of an operator."""
    path = tmp_path / "door"
    came: list[socket.socket] = []

    async def once(at: Door, guest: Guest) -> None:
        if await guest.reader.readline() != b"go\n":
            return await echo(at, guest)
        at.speaks()
        came.append(connect(path))  # knocks while we go
        return None

    def work() -> tuple[bytes, bytes]:
        with connect(path) as operator, connect(path) as leaving:
            operator.sendall(b"stay\n")
            leaving.sendall(b"go\n")
            assert leaving.recv(1) == b""
            came[0].sendall(b"stay\n")
            return ask(operator), ask(came[0])

    assert with_door(path, once, work, places=2) == (b"hello\n", b"hello\n")
    came[0].close()


def test_a_burst_never_has_more_in_than_there_are_places(tmp_path: Path) -> None:
    """F-11: the limit is one."""
    path = tmp_path / "door"
    most: list[int] = []

    async def count(at: Door, guest: Guest) -> None:
        most.append(len(at.guests()))
        await echo(at, guest)

    def work() -> bytes:
        idle = [connect(path) for _ in range(300)]
        try:
            with connect(path) as client:
                return ask(client)
        finally:
            for client in idle:
                client.close()

    assert with_door(path, count, work) == b"hello\n"
    assert max(most) == 8
    assert len(most) >= 290


def test_the_one_longest_silent_makes_room(tmp_path: Path) -> None:
    path = tmp_path / "door"

    def work() -> None:
        with connect(path) as busy, connect(path) as silent:
            for _ in range(5):
                assert ask(silent) == b"hello\n"
                assert ask(busy) == b"hello\n"
                with connect(path) as another:
                    assert ask(another) == b"hello\n"
            assert ask(busy) == b"hello\n"
            others = [connect(path) for _ in range(2)]
            for other in others:
                assert ask(other) == b"hello\n"
            assert ask(busy) == b"hello\n"
            assert silent.recv(100) == b""
            for other in others:
                other.close()

    with_door(path, echo, work, places=3)


def test_half_a_line_is_silence(tmp_path: Path) -> None:
    path = tmp_path / "door"

    def work() -> None:
        slow = [connect(path) for _ in range(3)]
        for client in slow:
            client.sendall(b"hel")
        with connect(path) as client:
            assert ask(client) == b"hello\n"
        assert slow[0].recv(100) == b""
        for client in slow:
            client.close()

    with_door(path, echo, work, places=3)


def test_new_connections_are_taken_at_a_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "door"
    taken: list[None] = []
    looks = itertools.count()
    # A clock on which a millisecond passes between two looks, and a pause is none.
    monkeypatch.setattr(clock, "now", lambda: Instant(next(looks) * MILLISECOND))
    monkeypatch.setattr(door, "_PAUSE_SECONDS", 0.0)

    async def bye(at: Door, guest: Guest) -> None:
        taken.append(None)

    def work() -> None:
        for _ in range(30):
            with connect(path) as client:
                assert client.recv(1) == b""

    with_door(path, bye, work, places=4, rate=100)
    assert len(taken) == 30
    passed = next(looks)
    assert 260 <= passed < 300, "twenty-six of them waited for a hundredth of a second each"


def test_without_descriptors_it_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "door"
    monkeypatch.setattr(door, "AGAIN_SECONDS", 0.0)
    tries: list[None] = []
    accept = socket.socket.accept

    def short(self: socket.socket) -> Any:
        tries.append(None)
        if len(tries) < 4:
            raise OSError(24, "Too many open files")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", short)

    def work() -> bytes:
        with connect(path) as client:
            return ask(client)

    assert with_door(path, echo, work) == b"hello\n"
    assert len(tries) == 4


def test_places_are_a_small_part_of_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, expected in ((4096, 64), (256, 16), (16, 2)):
        monkeypatch.setattr(door.resource, "getrlimit", lambda _, held=limit: (held, held))
        assert door.places(64) == expected


# The metrics -------------------------------------------------------------------------------------


def test_a_scrape_works_while_hundreds_are_connected_and_say_nothing() -> None:
    """F-10: neither a thread nor a descriptor for each."""
    threads: list[int] = []

    async def scene() -> tuple[bytes, bytes]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        endpoint = metrics.Endpoint(
            f"127.0.0.1:{port}", loop=asyncio.get_running_loop(), sample=taken
        )

        def ask(*lines: bytes) -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=HANGS_S) as client:
                client.sendall(b"\r\n".join([*lines, b"", b""]))
                got = b""
                while data := client.recv(1 << 16):
                    got += data
                return got

        def work() -> tuple[bytes, bytes]:
            idle = []
            for _ in range(200):
                idle.append(socket.create_connection(("127.0.0.1", port), timeout=HANGS_S))
                idle[-1].sendall(b"GET /metr")
            scraped = ask(b"GET /metrics HTTP/1.1", b"Host: x")
            threads.append(threading.active_count())
            odd = ask(b"POST /metrics HTTP/1.1") + ask(b"x" * 20_000) + ask(b"\xff\xfe")
            for client in idle:
                client.close()
            return scraped, odd

        try:
            return await asyncio.to_thread(work)
        finally:
            await endpoint.close()

    before = descriptors()
    scraped, odd = asyncio.run(scene())
    assert descriptors() <= before
    head, _, body = scraped.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'snoop_port_rx_frames_total{port="p1"} 7.0' in body
    assert odd.count(b"HTTP/1.1 405") == 2
    assert odd.count(b"HTTP/1.1 431") == 1
    assert threads[0] <= 10
