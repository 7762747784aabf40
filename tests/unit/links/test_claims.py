"""A claim is held once, told by name and pid, and gone with its holder."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from snoop.links.claims import Claims, Taken
from unit import HANGS_S

INDEX = 1_000_000_000 + os.getpid()  # no interface has such an index


@pytest.fixture
def first() -> Iterator[Claims]:
    claims = Claims("first")
    yield claims
    claims.close()


def test_an_interface_is_claimed_once(first: Claims) -> None:
    first.take(INDEX)
    first.take(INDEX)  # its own is no other's
    second = Claims("second")
    with pytest.raises(Taken, match=f"another switch .pid {os.getpid()}") as taken:
        second.take(INDEX)
    assert "a port" in (taken.value.strerror or "")
    second.take(INDEX + 1)
    second.close()


def test_what_is_dropped_is_free(first: Claims) -> None:
    first.take(INDEX)
    first.drop(INDEX)
    first.drop(INDEX)
    second = Claims("second")
    second.take(INDEX)
    second.close()
    first.take(INDEX)


def test_who_asks_is_told_the_name() -> None:
    async def work() -> bytes:
        loop = asyncio.get_running_loop()
        claims = Claims("a name", loop)
        claims.take(INDEX)
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, f"\0snoop/port/{INDEX}")
                return await asyncio.wait_for(loop.sock_recv(sock, 100), HANGS_S)
        finally:
            claims.close()

    assert asyncio.run(work()) == b"a name"


def test_one_that_does_not_answer_is_still_there(first: Claims) -> None:
    """A switch that hangs: the kernel says who it is."""
    first.take(INDEX)
    for _ in range(3):
        with pytest.raises(Taken, match="another switch"):
            Claims("second").take(INDEX)


@pytest.fixture
def of_the_dead() -> Iterator[socket.socket]:
    """What a process has called listen(2) on that is dead by now, and that is still open."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"\0snoop/port/{INDEX}")
        pid = os.fork()
        if not pid:
            sock.listen()
            os._exit(0)
        os.waitpid(pid, 0)
        yield sock


def test_who_has_just_been_killed_is_waited_for(of_the_dead: socket.socket) -> None:
    threading.Timer(0.1, of_the_dead.close).start()
    claims = Claims("next", patience=30.0)
    claims.take(INDEX)
    assert 20.0 < claims.patience < 30.0
    claims.close()


def test_the_dying_are_waited_for_no_longer_than_patience_lasts(
    of_the_dead: socket.socket,
) -> None:
    """At a switch that runs nobody waits."""
    for patience in (0.0, 0.02):
        claims = Claims("next", patience=patience)
        with pytest.raises(Taken, match="another switch"):
            claims.take(INDEX)
        assert claims.patience <= 0
        with pytest.raises(Taken):
            claims.take(INDEX)
