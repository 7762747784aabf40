"""HTTP for Docker, on a unix socket: POST /VERB, JSON in and out, `{"Err": …}` for what failed.

Verbs wait for interfaces and for the switch, and so run in threads. Whose network namespace the
container's end of a pair belongs to is told by who asks: Docker, which may live in another than we.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiohttp import web

from snoop.containers import docker
from snoop.containers.docker_networks import Refused
from snoop.containers.docker_words import BODY_BYTES_MAX, Malformed

_log = logging.getLogger("snoop.docker")

_TYPE = "application/vnd.docker.plugins.v1.2+json"
_PEER = struct.Struct("=iII")  # struct ucred
_DRIVER = web.AppKey("driver", docker.Driver)
_FIRST_HANDED = 3
_BACKLOG = 64
_FINISH_SECONDS = 10.0


@contextlib.asynccontextmanager
async def serving(listening: socket.socket, driver: docker.Driver) -> AsyncIterator[None]:
    """Docker is answered on this socket meanwhile; what is under way is finished."""
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app[_DRIVER] = driver
    app.router.add_post("/{verb}", _answer)
    runner = web.AppRunner(
        app, access_log=None, logger=_quiet(), handle_signals=False,
        shutdown_timeout=_FINISH_SECONDS,
    )  # fmt: skip
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


def _quiet() -> logging.Logger:
    """For aiohttp, which has a traceback for bytes that are no HTTP: the sender has a status."""
    logger = logging.getLogger("snoop.docker.http")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


async def _answer(request: web.Request) -> web.Response:
    verb = request.match_info["verb"]
    if verb not in docker.VERBS:
        return _json({"Err": f"no {verb[:80]} here"}, status=404)
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return _json({"Err": f"more than {BODY_BYTES_MAX} bytes"}, status=413)
    asked = asyncio.to_thread(_in_thread, request.app[_DRIVER], verb, body, _peer(request))
    try:
        return _json(await asyncio.shield(asked))
    except Malformed as error:
        return _json({"Err": str(error)}, status=400)
    except (Refused, OSError) as error:
        _log.warning("%s: %s", verb, error)
        return _json({"Err": str(error)})
    except Exception as error:
        _log.error("%s: %r", verb, error)
        return _json({"Err": f"{type(error).__name__}: {error}"}, status=500)


def _in_thread(driver: docker.Driver, verb: str, body: bytes, pid: int) -> docker.Answer:
    """With the network namespace of who asks open; None where there is none: then it is ours."""
    at = None
    with contextlib.suppress(OSError):
        at = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC) if pid > 0 else None
    try:
        return driver.answer(verb, body, at=at)
    finally:
        if at is not None:
            os.close(at)


def _peer(request: web.Request) -> int:
    """The process at the other end; 0 where it has no number here."""
    sock = None if request.transport is None else request.transport.get_extra_info("socket")
    if sock is None:
        return 0
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid: int = _PEER.unpack(raw)[0]
    return pid


def _json(answer: docker.Answer, *, status: int = 200) -> web.Response:
    return web.json_response(answer, status=status, content_type=_TYPE)


# The socket --------------------------------------------------------------------------------------


def handed() -> socket.socket | None:
    """The socket that systemd listens on for us (`LISTEN_FDS`)."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=_FIRST_HANDED)


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket of our own, gone afterwards; OSError if another driver has it, or it cannot be."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _clear(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        sock.bind(str(path))
        try:
            path.chmod(0o600)
            sock.listen(_BACKLOG)
            yield sock
        finally:
            path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Remove what a driver has left that died."""
    if not path.is_socket():
        return  # Whatever else it is, bind will say so.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another driver serves there")
