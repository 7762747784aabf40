"""What listens at a socket may be anything; who asks it has a line, and never a traceback."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from snoop.control.client import Client, Refused
from snoop.control.documents import Mdb

NO_ANSWERS = {
    "http": b"HTTP/1.1 400 Bad Request\r\n",
    "bytes": bytes(range(256)) + b"\n",
    "null": b"null\n",
    "number": b"3\n",
    "list": b"[]\n",
    "object": b"{}\n",
    "no result": b'{"ok": true}\n',
    "no reason": b'{"ok": false}\n',
    "no code": b'{"ok": false, "error": "no", "code": "x"}\n',
    "cut": b'{"ok": true, "res\n',
    "nested": b"[" * 100_000 + b"\n",
}


@contextlib.contextmanager
def somebody(path: Path, *lines: bytes, again: Sequence[bytes] = ()) -> Iterator[None]:
    """Somebody else, who answers one question with these lines, and `again` if there is more."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            for each in (lines, again) if again else (lines,):
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(b"".join(each))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield
        thread.join()


ASKING: dict[str, Callable[[Client], Any]] = {
    "call": lambda client: client.call("show", what="mdb"),
    "ask": lambda client: client.show(Mdb),
    "stream": lambda client: next(client.stream("monitor")),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("line", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_no_answer_of_a_switch_is_refused(
    tmp_path: Path, line: bytes, ask: Callable[[Client], Any]
) -> None:
    path = tmp_path / "sw.sock"
    with (
        somebody(path, line),
        Client(str(path)) as client,
        pytest.raises(Refused, match="of another version"),
    ):
        ask(client)


@pytest.mark.parametrize("item", [b"x\n", b"[]\n", b"{}\n", b'{"time": "x"}\n', b'{"time": 1'])
def test_no_event_of_a_switch_ends_a_stream(tmp_path: Path, item: bytes) -> None:
    path = tmp_path / "sw.sock"
    with (
        somebody(path, b'{"ok": true, "result": null}\n', item),
        Client(str(path)) as client,
        pytest.raises(Refused, match="of another version"),
    ):
        next(client.stream("monitor"))


ANSWER = b'{"ok": true, "result": {}}\n'


def event(at: float, what: str = "query") -> bytes:
    return f'{{"event": "{what}", "time": {at}}}\n'.encode()


@pytest.mark.parametrize("by", [3600.0, -3600.0])
def test_clock_that_is_set_neither_ends_nor_prolongs_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float
) -> None:
    path, real = tmp_path / "sock", time.time
    now = real()
    with (
        somebody(path, ANSWER, event(now), event(now + by + 1), event(now + by + 99)),
        Client(str(path)) as client,
    ):
        items = client.stream("monitor", timeout=60)
        assert next(items)["time"] == pytest.approx(now)
        monkeypatch.setattr(time, "time", lambda: real() + by)
        assert next(items)["time"] == pytest.approx(now + by + 1)
        assert next(items, None) is None, "that one is later than a minute"


def test_events_of_before_a_hand_over_are_told_once_and_those_after_a_clock_is_set_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "sock", time.time
    now = real()
    again = (ANSWER, event(now - 1), event(now + 1), event(now - 3600))
    with (
        somebody(path, ANSWER, event(now - 1), event(now, "handover"), again=again),
        Client(str(path)) as client,
    ):
        items = client.stream("monitor")
        told = [next(items)["time"] for _ in range(3)]
        assert told == pytest.approx([now - 1, now, now + 1])
        monkeypatch.setattr(time, "time", lambda: real() - 3600)
        assert next(items)["time"] == pytest.approx(now - 3600)
