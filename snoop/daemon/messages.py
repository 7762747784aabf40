"""What an old process and the new one that takes its place say to each other.

A socket pair that keeps messages apart. One is a kind, a value, and descriptors; the value may be
large, so it goes as a file in memory, the first descriptor of each message. Either side may be of
another version: `PROTOCOL` says what is sent and in which order, the state inside has a version of
its own (`runtime/saved.py`).

    new  hello            once its configuration is read and its fast path made
    old  state, port…, sockets   what it knows, and what it has open
    new  prepared         it can begin
    old  go               where the loops were stopped, and what came since `state`
    new  serving          just before its loops run: from here on the old one is none
    new  failed           any time before: the old one goes on
"""

from __future__ import annotations

import array
import os
import socket
from typing import Any, Final, NamedTuple

import msgspec

PROTOCOL: Final = 1
ENVIRONMENT: Final = "SNOOP_HANDOVER_FD"
PARENT: Final = "SNOOP_PARENT_PID"

_FDS_MAX: Final = 16
_KIND_BYTES: Final = 64
_BUFFER_BYTES: Final = 1 << 20


class HandoverError(Exception):
    """Why one process does not take another's place; a line."""


class Message(NamedTuple):
    """One of them. The descriptors are the receiver's."""

    kind: str
    value: Any
    fds: list[int]


class Handed(msgspec.Struct, frozen=True):
    """An open port. `present`: which of its descriptors and, last, of its claim come along."""

    name: str
    ifindex: int
    present: tuple[bool, ...]
    ring_slots: int
    control_slots: int


class Left(msgspec.Struct, frozen=True):
    """Where a port's rings were left, and what was counted by then."""

    name: str
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
    """`stopped_ns`: when, of CLOCK_MONOTONIC; `learned`: vlan, MAC address, port, when."""

    stopped_ns: int
    left: tuple[Left, ...]
    unread: tuple[Unread, ...]
    learned: tuple[tuple[int, bytes, str, int], ...]


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return ends


def send(sock: socket.socket, kind: str, value: object = None, fds: tuple[int, ...] = ()) -> None:
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
    """What is said next; EOFError if nothing more ever is, HandoverError if it is nothing."""
    room = socket.CMSG_SPACE(_FDS_MAX * 4)
    kind, told, _, _ = sock.recvmsg(_KIND_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, what, data in told:
        if (level, what) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not kind:
        raise EOFError
    if not fds:
        raise HandoverError("a message without its value")
    body, *rest = fds
    try:
        with open(body, "rb") as file:
            file.seek(0)
            value = msgspec.msgpack.decode(file.read())
    except msgspec.MsgspecError as error:
        raise HandoverError(f"a message that is none: {error}") from error
    return Message(kind.decode(errors="replace"), value, rest)
