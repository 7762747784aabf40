"""The other end of the control socket, for the command line and for scripts.

Blocking and standard library only, because `snoop show` should not wait for imports.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

RUN_DIRECTORY = "/run/snoop"
TIMEOUT_SECONDS = 30.0


class NoDaemon(Exception):
    """Nobody listens at that socket."""


class Refused(Exception):
    """The daemon said no: one line, and the exit status it should become."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def socket_path(*, name: str | None = None, path: str | None = None, fallback: str = "sw0") -> str:
    """`--socket` before `--name` before SNOOP_SOCKET before the `fallback` name."""
    if path:
        return path
    if name:
        return f"{RUN_DIRECTORY}/{name}.sock"
    return os.environ.get("SNOOP_SOCKET") or f"{RUN_DIRECTORY}/{fallback}.sock"


class Client:
    """A connection to one daemon. Raises NoDaemon on opening, Refused on an unmet request."""

    def __init__(self, path: str, *, timeout: float | None = TIMEOUT_SECONDS) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if timeout is not None:
                # A blocking connect waits while others queue; with settimeout it fails at once.
                waits = struct.pack("@ll", int(timeout), int(timeout % 1 * 1e6))
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, waits)
            self._socket.connect(path)
            self._socket.settimeout(timeout)
        except BlockingIOError as error:
            self._socket.close()
            raise Refused(f"the daemon at {path} does not answer", 1) from error
        except PermissionError as error:
            self._socket.close()
            raise Refused(f"no permission to use {path}; run as root or in its group", 1) from error
        except OSError as error:
            self._socket.close()
            raise NoDaemon(
                f"no snoop daemon at {path}; start one with `snoop run`, "
                "or name another with --name or --socket"
            ) from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def call(self, request: str, **fields: object) -> Any:
        """Ask, and return the result; fields that are None are left out."""
        asked = {"request": request, **{k: v for k, v in fields.items() if v is not None}}
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
            line = self._lines.readline()
        except TimeoutError as error:
            raise Refused(f"the daemon at {self._path} does not answer", 1) from error
        except (BrokenPipeError, ConnectionResetError) as error:
            raise NoDaemon(f"the daemon at {self._path} went away") from error
        if not line:
            raise NoDaemon(f"the daemon at {self._path} went away")
        answer = json.loads(line)
        if not answer["ok"]:
            raise Refused(answer["error"], answer["code"])
        return answer["result"]

    def stream(self, request: str, **fields: object) -> Iterator[dict[str, Any]]:
        """Ask for a stream and yield its objects until the daemon ends."""
        self.call(request, **fields)
        self._socket.settimeout(None)
        while line := self._lines.readline():
            yield json.loads(line)


def call(path: str, request: str, **fields: object) -> Any:
    """One request on a connection of its own."""
    with Client(path) as client:
        return client.call(request, **fields)
