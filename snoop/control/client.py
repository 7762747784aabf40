"""The other end of the control socket, for the command line and for scripts.

Blocking and standard library only, because `snoop show --json` should not wait for imports: what
it prints is what the switch wrote. Who reads an answer asks for one of `documents`. Each way of
taking answers apart is imported by who takes it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from snoop.control import sockets

if TYPE_CHECKING:
    from snoop.control.documents import Document

    Shown = TypeVar("Shown", bound=Document)
Answered = TypeVar("Answered")

TIMEOUT_SECONDS = 30.0
MOMENT_SECONDS = 0.001  # for what is there already
_AGAIN = b'{"again":true,'  # says one whose place another process has taken
_PROCESSES_MAX = 5
_NO_ANSWER = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # in reading one
_SET_SECONDS = 0.5  # somebody has set the clock of the day by more
_LAST = 1000  # events looked through after a hand-over: more do not come in that moment


class NoDaemon(Exception):
    """Nobody listens at that socket."""


class Absent(NoDaemon):
    """Nobody did when we came."""


class WentAway(NoDaemon):
    """It was there; another may have its place."""


class Refused(Exception):
    """The daemon said no: one line, and the exit status it should become."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def socket_path(
    *,
    name: str | None = None,
    path: str | None = None,
    fallback: str = "sw0",
    begins: bool = False,
) -> str:
    """`--socket` before `--name` before SNOOP_SOCKET before the `fallback` name.

    `begins`: of a switch that is to be, whatever others there are.
    """
    given = path or (not name and os.environ.get("SNOOP_SOCKET"))
    if given:
        return given
    return str((sockets.place if begins else sockets.find)(name or fallback))


class Client:
    """A connection to one daemon. Raises NoDaemon on opening, Refused on an unmet request."""

    def __init__(self, path: str, *, timeout: float | None = TIMEOUT_SECONDS) -> None:
        self._path = path
        self._timeout = timeout
        self._stream: tuple[str, dict[str, object]] = "", {}
        self._told = self._ahead = 0.0
        self._connect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Who listens, by the kernel's word; 0 where this process cannot see it."""
        size = struct.calcsize("3i")
        told = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", told)[0])

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def call(self, request: str, **fields: object) -> Any:
        """Ask, and return the result as plain data; fields that are None are left out. Refused also
        for what is no answer of a switch.
        """
        import json

        line = self._line(json.dumps(_asked(request, fields)).encode())
        try:
            answer = json.loads(line)
            if answer["ok"]:
                return answer["result"]
            refused = Refused(str(answer["error"]), int(answer["code"]))
        except _NO_ANSWER as error:
            raise _other_version(error) from error
        raise refused

    def ask(self, kind: type[Answered], request: str, **fields: object) -> Answered:
        """Ask, and return the result as a struct of `documents`; Refused if it is not one."""
        import msgspec

        from snoop.control.documents import Answer

        line = self._line(msgspec.json.encode(_asked(request, fields)))
        try:
            answer = msgspec.json.decode(line, type=Answer)
            if answer.ok:
                return msgspec.json.decode(answer.result, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _other_version(error) from error
        if not answer.error:
            raise _other_version(ValueError("it refuses without a reason"))
        raise Refused(answer.error, answer.code)

    def show(self, kind: type[Shown], **filters: object) -> Shown:
        """The state that a document of `show` holds."""
        return self.ask(kind, "show", what=kind.what, **filters)

    def stream(
        self, request: str, *, timeout: float | None = None, **fields: object
    ) -> Iterator[dict[str, Any]]:
        """Ask for a stream, at once, and yield its objects until the daemon ends; one that hands
        over says so (`handover`), and the stream goes on with the next.

        With `timeout`, those of that many seconds, however late they are read.
        """
        self._stream = request, fields
        self.call(request, **fields)
        self._socket.settimeout(None)
        return self._items() if timeout is None else self._items_until(time.monotonic() + timeout)

    def _items(self) -> Iterator[dict[str, Any]]:
        import json

        while line := self._lines.readline():
            try:
                item = json.loads(line)
                event, told = item.get("event"), float(item["time"])
            except _NO_ANSWER as error:
                raise _other_version(error) from error
            if event == "handover":
                self._follow(told)
            elif told <= self._told and abs(_ahead() - self._ahead) < _SET_SECONDS:
                continue
            yield item

    def _follow(self, told: float) -> None:
        """Hear the next process: events it knows as well, and tells from when that one rested."""
        request, fields = self._stream
        if request == "monitor":
            fields = {**fields, "last": _LAST}
        self._told, self._ahead = told, _ahead()
        self.close()
        self._connect()
        self.call(request, **fields)
        self._socket.settimeout(None)

    def _items_until(self, end: float) -> Iterator[dict[str, Any]]:
        with contextlib.suppress(TimeoutError):
            while True:
                self._socket.settimeout(max(end - time.monotonic(), MOMENT_SECONDS))
                item = next(self._items(), None)
                if item is None or item["time"] > end + _ahead():
                    return
                yield item

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if self._timeout is not None:
                # A blocking connect waits while others queue; with settimeout it fails at once.
                waits = struct.pack("@ll", int(self._timeout), int(self._timeout % 1 * 1e6))
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, waits)
            self._socket.connect(self._path)
            self._socket.settimeout(self._timeout)
        except BlockingIOError as error:
            self._socket.close()
            raise Refused(f"the daemon at {self._path} does not answer", 1) from error
        except PermissionError as error:
            self._socket.close()
            raise Refused(
                f"no permission to use {self._path}; run as root or in its group", 1
            ) from error
        except OSError as error:
            self._socket.close()
            raise Absent(
                f"no snoop daemon at {self._path}; start one with `snoop run`, "
                "or name another with --name or --socket"
            ) from error
        self._lines = self._socket.makefile("rb")

    def _line(self, asked: bytes) -> bytes:
        for _ in range(_PROCESSES_MAX):
            line = self._exchanged(asked)
            if not line.startswith(_AGAIN):
                break
            self.close()
            self._connect()
        return line

    def _exchanged(self, asked: bytes) -> bytes:
        try:
            with contextlib.suppress(BrokenPipeError):  # it may have said why before it closed
                self._socket.sendall(asked + b"\n")
            line = self._lines.readline()
        except TimeoutError as error:
            raise Refused(f"the daemon at {self._path} does not answer", 1) from error
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WentAway(f"the daemon at {self._path} went away") from error
        if not line:
            raise WentAway(f"the daemon at {self._path} went away")
        return line


def _asked(request: str, fields: dict[str, object]) -> dict[str, object]:
    return {"request": request, **{k: v for k, v in fields.items() if v is not None}}


def call(path: str, request: str, **fields: object) -> Any:
    """One request on a connection of its own."""
    with Client(path) as client:
        return client.call(request, **fields)


def read(item: dict[str, Any], kind: type[Answered]) -> Answered:
    """An object of a stream as a struct of `documents`; Refused if it is not one."""
    import msgspec

    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        raise _other_version(error) from error


def _other_version(error: Exception) -> Refused:
    text = str(error) or type(error).__name__
    return Refused(f"the switch is of another version, and its answer cannot be read: {text}", 1)


def _ahead() -> float:
    """How far the clock of the day, by which events are stamped, is ahead of the one that nobody
    sets.
    """
    return time.time() - time.monotonic()
