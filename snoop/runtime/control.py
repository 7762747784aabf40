"""The control socket: requests in, answers and streams out, one JSON object a line.

One asyncio task a client. A client that sends nonsense, sends nothing, or does not read costs a
bounded amount of memory and no time of the switch: lines, clients, queues and waits all have a
limit. The socket file is 0660 in a directory made 0755; a file left by a daemon that died is
replaced, one with a live daemon behind it is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from snoop.runtime import requests
from snoop.runtime.requests import Capture, Monitor, Request, RequestError
from snoop.runtime.streams import Listener

_log = logging.getLogger("snoop.control")

CLIENTS_MAX = 64
SILENT_SECONDS = 60.0
SEND_SECONDS = 20.0
_WRITE_BYTES_MAX = 1 << 20


class SocketTaken(Exception):
    """The socket path cannot be ours; the text says why and what to do."""


class ControlServer:
    """Serves `path`. `answer` gets each request; `listen` gets each stream request."""

    def __init__(
        self,
        path: Path,
        *,
        answer: Callable[[Request], Awaitable[object]],
        listen: Callable[[Monitor | Capture], Listener],
    ) -> None:
        self._path = path
        self._answer = answer
        self._listen = listen
        self._server: asyncio.Server | None = None
        # In order of arrival; and those that ask nothing, the longest silent first.
        self._clients: dict[asyncio.Task[None], None] = {}
        self._silent: dict[asyncio.Task[None], None] = {}
        self._inode: int | None = None

    async def open(self) -> None:
        """Listen; SocketTaken if another daemon does, or the path cannot be used."""
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            with _locked(self._path.parent):
                _clear_stale(self._path)
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
                sock.bind(str(self._path))
                os.chmod(self._path, 0o660)
                sock.listen(CLIENTS_MAX)
                self._inode = self._path.stat().st_ino
        except OSError as error:
            raise SocketTaken(
                f"cannot listen on {self._path}: {error.strerror or error}; "
                "give another path with --socket"
            ) from error
        sock.setblocking(False)
        self._server = await asyncio.start_unix_server(
            self._serve, sock=sock, limit=requests.LINE_BYTES_MAX
        )

    async def close(self) -> None:
        """Stop listening, drop every client and remove the file if it is still ours."""
        if self._server is not None:
            self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        with contextlib.suppress(OSError):
            if self._inode is not None and self._path.stat().st_ino == self._inode:
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        writer.transport.set_write_buffer_limits(high=_WRITE_BYTES_MAX)
        if len(self._clients) >= CLIENTS_MAX:
            # Connections somebody leaves lying about must not lock the operator out.
            next(iter(self._silent or self._clients)).cancel()
        self._clients[task] = None
        try:
            await self._requests(task, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # The client went away or does not read, or we are closing: nobody to tell.
        finally:
            self._clients.pop(task, None)
            self._silent.pop(task, None)
            writer.transport.abort()

    async def _requests(
        self,
        task: asyncio.Task[None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        while True:
            self._silent[task] = None
            try:
                line = await asyncio.wait_for(reader.readline(), SILENT_SECONDS)
            except ValueError:
                too_long = f"a request is at most {requests.LINE_BYTES_MAX} bytes"
                await _send(writer, requests.refused(RequestError(too_long, code=2)))
                return
            del self._silent[task]
            if not line.endswith(b"\n"):
                return
            try:
                request = requests.decode(line)
                if isinstance(request, Monitor | Capture):
                    listener = self._listen(request)
                    try:
                        await self._stream(listener, reader, writer)
                    finally:
                        listener.close()
                    return
                reply = requests.done(await self._answer(request))
            except RequestError as error:
                reply = requests.refused(error)
            await _send(writer, reply)
            # A client that never stops asking must not keep the others, or the switch, waiting.
            await asyncio.sleep(0)

    async def _stream(
        self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send what the listener gets until the client closes its side."""
        await _send(writer, requests.done(None))
        gone = asyncio.ensure_future(reader.read(1))
        more = asyncio.ensure_future(listener.next())
        try:
            while True:
                await asyncio.wait((gone, more), return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                await _send(writer, b"".join(requests.encode(item) for item in more.result()))
                more = asyncio.ensure_future(listener.next())
        finally:
            gone.cancel()
            more.cancel()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await asyncio.wait_for(writer.drain(), SEND_SECONDS)
    # `drain` returns with up to the high-water mark unsent, which is what we want to bound.


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One daemon at a time looks whether a socket file is stale, and replaces it."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _clear_stale(path: Path) -> None:
    """Remove a socket file nobody listens on; SocketTaken if somebody does."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SocketTaken(f"{path} exists and is not a socket; remove it or use --socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # Its backlog is full, so somebody listens.
    raise SocketTaken(
        f"another snoop daemon is running at {path}; stop it, or start this one with --name NAME"
    )
