"""What listens at a socket may be anything; who asks it has a line, and never a traceback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from snoop.control import client
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


class Clocks:
    """The clock of the day, which somebody sets, and the one that nobody does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.day, self.run = 1000.0, 50.0
        monkeypatch.setattr(client, "time", SimpleNamespace(time=self.days, monotonic=self.runs))

    def days(self) -> float:
        return self.day

    def runs(self) -> float:
        return self.run


ANSWER = b'{"ok": true, "result": {}}\n'


def event(at: float, what: str = "query") -> bytes:
    return f'{{"event": "{what}", "time": {at}}}\n'.encode()


@pytest.mark.parametrize("by", [900.0, -900.0])
def test_clock_that_is_set_neither_ends_nor_prolongs_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float
) -> None:
    path, clocks = str(tmp_path / "sock"), Clocks(monkeypatch)
    told = (event(1000), event(1001 + by), event(1099 + by))
    with somebody(tmp_path / "sock", ANSWER, *told), Client(path) as asking:
        items = asking.stream("monitor", timeout=60)
        assert next(items)["time"] == 1000
        clocks.day += by
        assert next(items)["time"] == 1001 + by
        assert next(items, None) is None, "that one is later than a minute"


def test_events_of_before_a_hand_over_are_told_once_and_those_after_a_clock_is_set_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clocks = str(tmp_path / "sock"), Clocks(monkeypatch)
    first, again = (event(999), event(1000, "handover")), (event(999), event(1001), event(100))
    both = somebody(tmp_path / "sock", ANSWER, *first, again=(ANSWER, *again))
    with both, Client(path) as asking:
        items = asking.stream("monitor")
        assert [next(items)["time"] for _ in range(3)] == [999, 1000, 1001]
        clocks.day -= 900
        assert next(items)["time"] == 100
