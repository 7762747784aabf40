"""What listens at a socket may be anything; who asks it has a line, and never a traceback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
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
def somebody(path: Path, *lines: bytes) -> Iterator[None]:
    """Somebody else, who answers one question with these lines."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(b"".join(lines))

        thread = threading.Thread(target=answer)
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
