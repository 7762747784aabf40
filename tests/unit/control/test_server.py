"""The control socket: answers, refusals, and clients that mean no good."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import grp
import json
import os
import select
import socket
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from snoop.control import requests, server
from snoop.control.client import Client, NoDaemon, Refused
from snoop.control.requests import Request, RequestError, Show
from snoop.control.server import ControlServer, NoGroup, SocketTaken
from snoop.runtime.fanout import QUEUE_MAX, Fanout
from snoop.waiting import wait_until
from unit import HANGS_S
from unit.scene import heard

BIG = "x" * 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the socket."""
    return tmp_path / "sw.sock"


async def answer(request: Request) -> object:
    assert isinstance(request, Show)
    if request.what == "config":
        raise RequestError("not today", code=2)
    return {"what": request.what, "vlan": request.vlan, "big": BIG if request.group else None}


def serve(
    path: Path, test: Callable[[Fanout], Awaitable[Any]], *, fanout: Fanout | None = None
) -> Any:
    """Run `test` beside a server on `path`; returns what it returns."""
    events = Fanout()

    async def scene() -> Any:
        server = ControlServer(
            path, answer=answer, listen=lambda _: events.listen(lambda head: True)
        )
        await server.open()
        try:
            return await asyncio.wait_for(test(events), HANGS_S)
        finally:
            await server.close()

    return asyncio.run(scene())


def threaded(work: Callable[[], Any]) -> Callable[[Fanout], Awaitable[Any]]:
    """Blocking client code, beside the server's loop."""
    return lambda _: asyncio.to_thread(work)


def test_a_request_is_answered_and_the_connection_stays(tmp_path: Path) -> None:
    path = tmp_path / "run" / "sw.sock"

    def work() -> tuple[Any, Any]:
        with Client(str(path)) as client:
            return client.call("show", what="mdb", vlan=7), client.call("show", what="fdb")

    assert serve(path, threaded(work)) == (
        {"what": "mdb", "vlan": 7, "big": None},
        {"what": "fdb", "vlan": None, "big": None},
    )


def test_the_socket_is_for_owner_and_group_and_goes_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the beginning: who owns the directory could put a link there before a chmod."""
    monkeypatch.delattr(os, "chmod")
    mode = serve(path, threaded(lambda: path.stat().st_mode))
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert not path.exists()


def test_a_refusal_keeps_its_text_and_code(path: Path) -> None:

    def work() -> Refused:
        with Client(str(path)) as client, pytest.raises(Refused) as caught:
            client.call("show", what="config")
        return caught.value

    refused = serve(path, threaded(work))
    assert (str(refused), refused.code) == ("not today", 2)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"null\n",
        b"\xff\xfe\n",
        b'{"request": "shutdown"}\n',
        b'{"request": "show"}\n',
        b'{"request": "show", "what": "secrets"}\n',
        b'{"request": "show", "what": "mdb", "vlan": 4095}\n',
        b'{"request": "show", "what": "mdb", "vlan": "1"}\n',
        b'{"request": "show", "what": "mdb", "colour": 1}\n',
        b'{"request": "static", "add": true, "group": "239.1.1.1"}\n',
        b"[" * 50_000 + b"\n",
        b'{"request": ' + b'"x"' * 10 + b"\n",
    ],
)
def test_nonsense_is_refused_and_the_next_request_served(path: Path, line: bytes) -> None:

    def work() -> tuple[Any, Any]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(path))
            lines = sock.makefile("rb")
            sock.sendall(line)
            first = json.loads(lines.readline())
            sock.sendall(b'{"request": "show", "what": "mdb"}\n')
            return first, json.loads(lines.readline())

    first, second = serve(path, threaded(work))
    assert first["ok"] is False
    assert first["code"] == 2
    assert second["ok"] is True


def test_a_line_without_end_is_cut_off(path: Path) -> None:

    def work() -> Any:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(path))
            closed = False
            for _ in range(100):
                try:
                    sock.sendall(b"x" * requests.LINE_BYTES_MAX)
                except (BrokenPipeError, ConnectionResetError):
                    closed = True
                    break
            assert closed
        with Client(str(path)) as client:
            return client.call("show", what="mdb")

    assert serve(path, threaded(work))["what"] == "mdb"


@patch.object(server, "SEND_SECONDS", 0.3)
def test_a_client_that_does_not_read_does_not_stop_the_others(path: Path) -> None:
    """Bounded memory, and no waiting of the switch for a client."""

    def work() -> Any:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.connect(str(path))
            ask = b'{"request": "show", "what": "mdb", "group": "239.1.1.1"}\n'
            deaf.sendall(ask * 200)
            with Client(str(path)) as client:
                answers = [client.call("show", what="mdb") for _ in range(20)]
            poll = select.poll()
            poll.register(deaf, select.POLLHUP)
            assert poll.poll(10_000), "it is not dropped"
            got = 0
            try:
                while data := deaf.recv(1 << 20):
                    got += len(data)
            except ConnectionResetError:
                pass
            return len(answers), got

    answered, got = serve(path, threaded(work))
    assert answered == 20
    assert got < 100 * len(BIG)


@patch.object(server, "CLIENTS_MAX", 3)
def test_idle_connections_do_not_lock_the_operator_out(path: Path) -> None:
    """At the limit the client that has been silent longest makes room."""

    def work() -> Any:
        with Client(str(path)) as first, Client(str(path)) as second:
            first.call("show", what="mdb")
            second.call("show", what="mdb")
            first.call("show", what="mdb")
            for _ in range(20):
                with Client(str(path)) as another, Client(str(path)) as one_more:
                    another.call("show", what="mdb")
                    one_more.call("show", what="mdb")
                    first.call("show", what="mdb")
            with pytest.raises(NoDaemon, match="went away"):
                second.call("show", what="mdb")
            return first.call("show", what="fdb")

    assert serve(path, threaded(work))["what"] == "fdb"


def test_a_stream_carries_events_and_ends_with_its_client(path: Path) -> None:

    async def scene(events: Fanout) -> tuple[list[Any], bool]:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"request": "monitor"}\n')
        assert json.loads(await reader.readline())["ok"] is True
        for number in range(3):
            events.publish({"time": 0.0, "event": "join", "number": number})
        got = [json.loads(await reader.readline()) for _ in range(3)]
        writer.close()
        for _ in range(1000):
            if not events:
                break
            await asyncio.sleep(0)  # the loop goes round, no time passes
        return got, bool(events)

    got, listening = serve(path, scene)
    assert [item["number"] for item in got] == [0, 1, 2]
    assert not listening


def test_a_listener_queues_a_bounded_number_of_bytes() -> None:
    """A host decides how long its frames and source lists are."""

    async def scene() -> list[Any]:
        fanout = Fanout()
        listener = fanout.listen(lambda head: True)
        for _ in range(QUEUE_MAX):
            fanout.publish({"time": 1.0, "event": "frame", "frame": "00" * 9000})
            fanout.publish({"time": 1.0, "event": "query", "sources": ["192.0.2.1"] * 366})
        first = await heard(listener)
        fanout.publish({"time": 2.0, "event": "frame", "frame": "00" * (4 << 20)})
        return [first, await heard(listener)]

    first, second = asyncio.run(scene())
    assert 100 < len(first) < 500
    assert first[-1] == {"time": 1.0, "event": "lost", "count": 2 * QUEUE_MAX - len(first) + 1}
    assert len(second) == 1, "an empty queue takes one, whatever it weighs"


def test_a_slow_listener_loses_events_and_is_told_how_many() -> None:
    """Bounded queue and "N events lost"."""

    async def scene() -> list[Any]:
        fanout = Fanout()
        listener = fanout.listen(lambda head: head.event == "join")
        for number in range(QUEUE_MAX + 5):
            fanout.publish({"time": 1.0, "event": "join", "number": number})
            fanout.publish({"time": 1.0, "event": "leave"})
        return await heard(listener)

    items = asyncio.run(scene())
    assert len(items) == QUEUE_MAX + 1
    assert items[-1] == {"time": 1.0, "event": "lost", "count": 5}


def test_a_stale_socket_file_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()

    def work() -> Any:
        with Client(str(path)) as client:
            return client.call("show", what="mdb")

    assert serve(path, threaded(work))["what"] == "mdb"


def test_a_live_daemon_keeps_its_socket(path: Path) -> None:

    async def scene(_: Fanout) -> str:
        second = ControlServer(path, answer=answer, listen=lambda _: None)  # type: ignore[arg-type, return-value]
        with pytest.raises(SocketTaken) as caught:
            await second.open()
        await second.close()
        assert path.exists()
        return str(caught.value)

    assert "another snoop daemon is running at" in serve(path, scene)


def test_the_socket_of_who_has_just_been_killed_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel has not closed it yet."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        pid = os.fork()
        if not pid:
            dead.listen()
            os._exit(0)
        os.waitpid(pid, 0)
        with monkeypatch.context() as patched:
            patched.setattr(server, "DYING_SECONDS", 0.05)
            with pytest.raises(SocketTaken, match="another snoop daemon"):
                serve(path, threaded(lambda: None))
        threading.Timer(0.1, dead.close).start()
        with_one = threaded(lambda: Client(str(path)).close())
        serve(path, with_one)


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(SocketTaken, match="is not a socket"):
        serve(path, threaded(lambda: None))
    assert path.read_text() == "precious"


@pytest.mark.parametrize("place", ["gone", "dead", "gone with its directory"])
def test_a_socket_file_that_is_lost_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Who is in stays, and at the end nothing is left."""
    monkeypatch.setattr(server, "MIND_SECONDS", 0.01)
    path, aside = tmp_path / "run" / "sw.sock", tmp_path / "aside"

    def work() -> None:
        with Client(str(path)) as before:
            if place == "dead":
                with socket.socket(socket.AF_UNIX) as dead:
                    dead.bind(str(aside))
                aside.rename(path)
            else:
                path.unlink()
            if place == "gone with its directory":
                with contextlib.suppress(OSError):  # it is there again already
                    path.parent.rmdir()
            wait_until(lambda: answers(path), within=HANGS_S)
            assert before.call("show", what="mdb")["what"] == "mdb"

    serve(path, threaded(work))
    assert not path.exists()


def answers(path: Path) -> bool:
    try:
        with Client(str(path)) as client:
            return bool(client.call("show", what="mdb"))
    except NoDaemon:
        return False


@pytest.mark.parametrize("place", ["a file", "another daemon"])
def test_what_took_the_place_of_the_socket_file_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    """It is said once, and when it goes the switch can be asked again."""
    monkeypatch.setattr(server, "MIND_SECONDS", 0.01)
    said = "is not a socket" if place == "a file" else "another snoop daemon is running"

    aside = path.with_name("aside")

    def work() -> None:
        with socket.socket(socket.AF_UNIX) as other:
            if place == "a file":
                aside.write_text("precious")
            else:
                other.bind(str(aside))
                other.listen()
            there = aside.lstat()
            aside.rename(path)  # at once: else ours may be there again before it
            wait_until(lambda: said in caplog.text, within=HANGS_S)
            found = path.lstat()
            assert (found.st_ino, found.st_mtime_ns) == (there.st_ino, there.st_mtime_ns)
            path.unlink()
            wait_until(lambda: answers(path), within=HANGS_S)
        assert caplog.text.count(said) == 1

    serve(path, threaded(work))


def test_one_whose_place_was_taken_while_it_was_handed_over_makes_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of another is not taken for ours, nor removed."""
    monkeypatch.setattr(server, "MIND_SECONDS", 0.01)

    async def scene() -> None:
        heir = ControlServer(path, answer=answer, listen=lambda _: None)  # type: ignore[arg-type, return-value]
        with socket.socket(socket.AF_UNIX) as handed, socket.socket(socket.AF_UNIX) as other:
            handed.bind(str(path))
            path.unlink()
            other.bind(str(path))
            heir.take_over(handed)
            await asyncio.to_thread(wait_until, lambda: answers(path), within=HANGS_S)
        await heir.close()
        assert not path.exists()

    asyncio.run(scene())


def test_nobody_at_the_socket_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon, match="start one with `snoop run`"):
        Client(str(tmp_path / "none.sock"))


def test_a_group_is_let_in_and_its_name_is_checked(path: Path) -> None:
    """`socket_group`, at the start and later; a refused one changes nothing."""
    may = [one for one in grp.getgrall() if os.geteuid() == 0 or one.gr_gid in os.getgroups()]
    name, gid = may[-1].gr_name, may[-1].gr_gid

    async def scene() -> None:
        server = ControlServer(
            path,
            answer=answer,
            listen=lambda _: None,
            group=name,  # type: ignore[arg-type, return-value]
        )
        await server.open()
        try:
            assert (path.stat().st_gid, path.stat().st_mode & 0o777) == (gid, 0o660)
            with pytest.raises(NoGroup, match=r'no group "nosuchgroup" .* groupadd -r nosuchgroup'):
                server.let_in("nosuchgroup")
            assert path.stat().st_gid == gid
            server.let_in("")
            assert path.stat().st_gid == os.getegid()
        finally:
            await server.close()

    asyncio.run(scene())


def test_who_keeps_the_directory_locked_keeps_nobody_from_serving(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may read it can do that, and for ever."""
    monkeypatch.setattr(server, "LOCK_SECONDS", 0.1)
    held = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)

        def ask() -> Any:
            with Client(str(path)) as client:
                return client.call("show", what="mdb")

        assert serve(path, threaded(ask))["what"] == "mdb"
    finally:
        os.close(held)
    assert "somebody else has had it locked for 0.1 s: going on" in caplog.text
