"""The control socket: requests in, answers and streams out, one JSON object a line.

One asyncio task a client, let in by a `Door`. A client that sends nonsense, sends nothing, or does
not read costs a bounded amount of memory and no time of the switch: lines, clients, queues, answers
nobody reads and waits all have a limit. The socket file is 0660, and `socket_group` may use it; a
file left by a daemon that died is replaced, one with a live daemon behind it is not. Who has just
been killed is waited for. A file that somebody removes while we run, or puts another in the place
of, is made again, as far as that goes: else nobody could ask the switch until it is started anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import grp
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from snoop.config.problems import ConfigError
from snoop.control import requests, sockets
from snoop.control.door import Door, Guest, places
from snoop.control.requests import Capture, Monitor, Request, RequestError
from snoop.control.telling import Replay
from snoop.links.holder import holder
from snoop.proto.units import SECOND
from snoop.runtime import clock
from snoop.runtime.fanout import Listener

_log = logging.getLogger("snoop.control")

CLIENTS_MAX = 64
BACKLOG = 512
CLIENTS_PER_SECOND = 1000
UNSENT_BYTES_MAX = 64 << 20
SILENT_SECONDS = 60.0
SEND_SECONDS = 20.0
LOCK_SECONDS = 0.3
DYING_SECONDS = 5.0
MIND_SECONDS = 1.0
_STEP_SECONDS = 0.02
_WRITE_BYTES_MAX = 1 << 20


class SocketTaken(Exception):
    """The socket path cannot be ours; the text says why and what to do."""


class _Dying(SocketTaken):
    """It soon can."""


class NoGroup(ConfigError):
    """The socket cannot be given to that group; the text says why."""


class _File(NamedTuple):
    """A socket file: a number alone may soon be another's. Nothing but its making moves `made`."""

    device: int
    inode: int
    made_ns: int


class ControlServer:
    """Serves `path`. `answer` gets each request; `listen` gets each stream request."""

    def __init__(
        self,
        path: Path,
        *,
        answer: Callable[[Request], Awaitable[object]],
        listen: Callable[[Monitor | Capture], Listener | Replay],
        group: str = "",
    ) -> None:
        self._path = path
        self._group = group
        self._answer = answer
        self._listen = listen
        self._door: Door | None = None
        self._file: _File | None = None
        self._minding: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen; SocketTaken if another daemon does, or the path cannot be used; NoGroup."""
        until = clock.now() + round(DYING_SECONDS * SECOND)
        while True:
            try:
                await self._open()
                return
            except _Dying:
                if clock.now() >= until:
                    raise
                await asyncio.sleep(_STEP_SECONDS)

    async def _open(self) -> None:
        self._admit(await self._made())

    async def _made(self) -> socket.socket:
        gid = gid_of(self._group)
        try:
            sockets.make(self._path.parent)
            async with _locked(self._path.parent):
                _clear_stale(self._path)
                with contextlib.ExitStack() as undone:
                    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
                    undone.callback(sock.close)
                    _bind(sock, self._path)
                    if self._group:
                        self._give(gid)
                    sock.listen(BACKLOG)
                    self._file = _file(self._path)
                    undone.pop_all()
        except OSError as error:
            raise SocketTaken(
                f"cannot listen on {self._path}: {error.strerror or error}; "
                "give another path with --socket"
            ) from error
        return sock

    def take_over(self, sock: socket.socket) -> None:
        """Listen where another process did; nobody who knocked meanwhile is refused."""
        with contextlib.suppress(OSError):
            sock.listen(BACKLOG)  # The kernel names this process from here on.
        with contextlib.suppress(OSError):  # The file may be gone, or another's.
            if _leads_here(self._path):
                self._file = _file(self._path)
        try:
            self._give(gid_of(self._group))
        except NoGroup as error:
            _log.warning("%s", error)
        self._admit(sock)

    @property
    def listening(self) -> socket.socket:
        """What another process can take over."""
        assert self._door is not None
        return self._door.listening

    async def see_off(self) -> None:
        """Answer who has asked, and take no more; the file and who knocks are another's."""
        if self._minding is not None:
            self._minding.cancel()
        if self._door is not None:
            await self._door.see_off(requests.refused(requests.HandedOver()))

    async def _mind(self) -> None:
        """Make the file again where it is gone; what cannot be done is said once, and tried on."""
        said = ""
        while True:
            await asyncio.sleep(MIND_SECONDS)
            with contextlib.suppress(OSError):
                if self._file is not None and self._file == _file(self._path):
                    said = ""
                    continue
            try:
                sock = await self._made()
            except _Dying:
                continue
            except (SocketTaken, NoGroup) as error:
                if said != str(error):
                    said = str(error)
                    _log.error("nobody can ask this switch: the file of its socket is gone, and "
                               "%s", error)  # fmt: skip
            else:
                assert self._door is not None
                self._door.move(sock)
                _log.warning("%s was gone, and is there again", self._path)

    def _admit(self, sock: socket.socket) -> None:
        self._door = Door(
            sock,
            places=places(CLIENTS_MAX),
            rate=CLIENTS_PER_SECOND,
            serve=self._serve,
            line_bytes_max=requests.LINE_BYTES_MAX,
        )
        self._minding = asyncio.get_running_loop().create_task(self._mind())

    def let_in(self, group: str) -> None:
        """Members of this group may use the socket, and those of the former no more; NoGroup."""
        if group != self._group:
            self._give(gid_of(group))
            self._group = group

    def _give(self, gid: int) -> None:
        try:
            os.chown(self._path, -1, gid, follow_symlinks=False)
        except OSError as error:
            raise NoGroup(
                f"[switch] socket_group: cannot give {self._path} to group {gid} "
                f"({error.strerror}): that takes CAP_CHOWN, or being in it"
            ) from error

    async def close(self) -> None:
        """Stop listening, drop every client and remove the file if it is still ours."""
        if self._minding is not None:
            self._minding.cancel()
        if self._door is not None:
            await self._door.close()
        with contextlib.suppress(OSError):
            if self._file is not None and self._file == _file(self._path):
                self._path.unlink()

    async def _serve(self, guest: Guest) -> None:
        assert self._door is not None
        reader = guest.reader
        guest.writer.transport.set_write_buffer_limits(high=_WRITE_BYTES_MAX)
        while True:
            self._door.listens()
            try:
                line = await asyncio.wait_for(reader.readline(), SILENT_SECONDS)
            except ValueError:
                too_long = f"a request is at most {requests.LINE_BYTES_MAX} bytes"
                await self._send(guest, requests.refused(RequestError(too_long, code=2)))
                return
            if not line.endswith(b"\n"):
                return
            self._door.speaks()
            try:
                request = requests.decode(line)
                if isinstance(request, Monitor | Capture):
                    listener = self._listen(request)
                    try:
                        await self._stream(listener, guest)
                    finally:
                        listener.close()
                    return
                reply = requests.done(await self._answer(request))
            except RequestError as error:
                reply = requests.refused(error)
            await self._send(guest, reply)
            # A client that never stops asking must not keep the others, or the switch, waiting.
            await asyncio.sleep(0)

    async def _stream(self, listener: Listener | Replay, guest: Guest) -> None:
        """Send what the listener gets until the client closes its side."""
        await self._send(guest, requests.done(None))
        gone = asyncio.ensure_future(guest.reader.read(1))
        more = asyncio.ensure_future(listener.next())
        try:
            while True:
                await asyncio.wait((gone, more), return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                over = listener.over
                await self._send(guest, b"".join(line + b"\n" for line in more.result()))
                if over:
                    guest.writer.transport.set_write_buffer_limits(high=0)
                    await asyncio.wait_for(guest.writer.drain(), SEND_SECONDS)
                    return
                more = asyncio.ensure_future(listener.next())
        finally:
            gone.cancel()
            more.cancel()

    async def _send(self, guest: Guest, data: bytes) -> None:
        assert self._door is not None
        # Answers to clients that do not read are bounded together: the one with most goes.
        waiting = {other: other.unsent for other in self._door.guests() if other is not guest}
        if waiting and sum(waiting.values()) + len(data) > UNSENT_BYTES_MAX:
            slowest = max(waiting, key=lambda other: waiting[other])
            if waiting[slowest]:
                self._door.show_out(slowest)
        guest.writer.write(data)
        await asyncio.wait_for(guest.writer.drain(), SEND_SECONDS)
        # `drain` returns with up to the high-water mark unsent, which is what we want to bound.


def gid_of(group: str) -> int:
    """The group's number, ours for none; NoGroup."""
    if not group:
        return os.getegid()
    try:
        return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise NoGroup(
            f'[switch] socket_group: there is no group "{group}" on this machine; '
            f"`getent group` lists them, groupadd -r {group} makes it"
        ) from None


@contextlib.asynccontextmanager
async def _locked(directory: Path) -> AsyncIterator[None]:
    """One daemon at a time looks whether a socket file is stale, and replaces it. Whoever may read
    the directory can hold that lock for ever; no daemon holds it for longer than a moment.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not await _lock(fd):
            _log.warning("%s: somebody else has had it locked for %g s: going on", directory,
                         LOCK_SECONDS)  # fmt: skip
        yield
    finally:
        os.close(fd)


async def _lock(fd: int) -> bool:
    until = clock.now() + round(LOCK_SECONDS * SECOND)
    while clock.now() < until:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(_STEP_SECONDS)
        else:
            return True
    return False


def _bind(sock: socket.socket, path: Path) -> None:
    """For owner and group from the beginning: a chmod follows what the directory's owner, who may
    be another than we, puts in the place of the file meanwhile.
    """
    before = os.umask(0o117)
    try:
        sock.bind(str(path))
    finally:
        os.umask(before)


def _file(path: Path) -> _File:
    found = path.lstat()
    return _File(found.st_dev, found.st_ino, found.st_mtime_ns)


def _leads_here(path: Path) -> bool:
    """Is it this process that listens there?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        probe.connect(str(path))
        return holder(probe).pid == os.getpid()


def _clear_stale(path: Path) -> None:
    """Remove a socket file nobody listens on; SocketTaken if somebody does."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SocketTaken(f"{path} exists and is not a socket; remove it or use --socket")
    except FileNotFoundError:
        return
    taken = SocketTaken
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
            if holder(probe).is_dying:
                taken = _Dying
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # Its backlog is full, so somebody listens.
    raise taken(
        f"another snoop daemon is running at {path}; stop it, or start this one with --name NAME"
    )
