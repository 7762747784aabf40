"""What an old process and the new one that takes its place say to each other.

A socket pair that keeps messages apart. One is a kind, a value, and descriptors; the value may be
large, so it goes as a file in memory, the first descriptor of each message. Either side may be of
another version: `PROTOCOL` says what is sent and in which order, the state inside has a version of
its own (`runtime/saved.py`).

    new  hello            once its configuration is read and its fast path made
    old  state, port…, claim…, sockets   what it knows, and what it has open
    new  prepared         it can begin
    old  go               where the loops were stopped, and what came since `state`
    new  serving          just before its loops run: from here on the old one is none
    new  failed           any time before: the old one goes on
"""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

PROTOCOL: Final = 2
ENVIRONMENT: Final = "SNOOP_HANDOVER_FD"
PARENT: Final = "SNOOP_PARENT_PID"

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""They wait until the new process can do what they ask."""

FDS_MAX: Final = 16
_KIND_BYTES: Final = 64
_BUFFER_BYTES: Final = 1 << 20


class HandoverError(Exception):
    """Why one process does not take another's place; a line."""


class Message(NamedTuple):
    """One of them. The descriptors are the receiver's."""

    kind: str
    value: Any
    fds: list[int]


class Hello(msgspec.Struct, frozen=True):
    """Who takes the place: read whatever its version is."""

    protocol: int
    version: str = ""


class Handed(msgspec.Struct, frozen=True):
    """An open port. `present`: which of its descriptors and, last, of its claim come along."""

    name: str
    ifindex: int
    present: tuple[bool, ...]
    ring_slots: int
    control_slots: int


class Left(msgspec.Struct, frozen=True):
    """Where a port's rings were left, its number there, and what was counted by then."""

    name: str
    number: int
    data_taken: int
    control_taken: int
    counts: dict[str, int]


class Unread(msgspec.Struct, frozen=True):
    """A frame that was handed up and not decided."""

    port: str
    vid: int
    frame: bytes
    time_ns: int
    cost: int
    tci: int | None


class Go(msgspec.Struct, frozen=True):
    """`stopped_ns`: when, of CLOCK_MONOTONIC; `learned`: vlan, MAC address, port, when; `streams`
    are those of the fast path, and `health` what is known of them, as its contract of this version
    has them.
    """

    stopped_ns: int
    left: tuple[Left, ...]
    unread: tuple[Unread, ...]
    learned: tuple[tuple[int, bytes, str, int], ...]
    contract: int = 0
    streams: bytes = b""
    health: bytes = b""


_VALUES: Final[dict[str, Any]] = {
    "hello": Hello,
    "state": bytes,
    "port": Handed,
    "claim": int,  # the interface of a port that is being opened
    "sockets": tuple[str, ...],
    "prepared": None,
    "go": Go,
    "serving": int,  # for how long no loop ran, in nanoseconds
    "failed": str,
}


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return ends


def send(sock: socket.socket, kind: str, value: object = None, fds: Sequence[int] = ()) -> None:
    """Say something; OSError if nobody is there, or he does not read."""
    body = os.memfd_create("snoop-handover", os.MFD_CLOEXEC)
    try:
        with open(body, "wb", closefd=False) as file:
            file.write(msgspec.msgpack.encode(value))
        rights = array.array("i", (body, *fds))
        sock.sendmsg([kind.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    finally:
        os.close(body)


def receive(sock: socket.socket) -> Message:
    """What is said next; EOFError if nothing more ever is, HandoverError if it is nothing that is
    said: no descriptor of it stays open then.
    """
    room = socket.CMSG_SPACE(FDS_MAX * 4)
    kind, told, flags, _ = sock.recvmsg(_KIND_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, what, data in told:
        if (level, what) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not kind and not fds:
        raise EOFError
    try:
        if flags & socket.MSG_CTRUNC:
            raise HandoverError("a message with more descriptors than this process may open")
        if flags & socket.MSG_TRUNC:
            raise HandoverError("a message that is too long")
        return _read(kind.decode(errors="replace"), fds)
    except BaseException:
        close(fds[1:])
        raise
    finally:
        close(fds[:1])


def refuse(why: str) -> None:
    """Of a process that comes to nothing before it is a switch, if it was to take a place."""
    with (
        contextlib.suppress(KeyError, ValueError, OSError),
        socket.socket(fileno=int(os.environ[ENVIRONMENT])) as sock,
    ):
        send(sock, "failed", why)


def close(fds: Sequence[int]) -> None:
    """Nobody wants these."""
    for fd in fds:
        os.close(fd)


def _read(kind: str, fds: Sequence[int]) -> Message:
    if kind not in _VALUES:
        raise HandoverError(f"an unknown message: {kind}")
    if not fds:
        raise HandoverError(f"a message without its value: {kind}")
    body, *rest = fds
    try:
        with open(body, "rb", closefd=False) as file:
            file.seek(0)
            value = msgspec.msgpack.decode(file.read(), type=_VALUES[kind])
    except (msgspec.MsgspecError, ValueError, RecursionError, OSError) as error:
        raise HandoverError(f"a message that is none: {kind}: {error}") from error
    return Message(kind, value, rest)
