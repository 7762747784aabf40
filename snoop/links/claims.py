"""One switch an interface: two on the same one would forward every frame twice (F-15).

A claim is a listening socket with an abstract name made of the interface's index. The kernel keeps
such names a network namespace each, whatever the runtime directory, mount namespace or user, and
lets go of them when the process dies, however it dies. Who connects is told the switch's name; the
kernel tells who listens. Anybody may bind the name first: only root, our own user and the one that
root has switches run as are believed. Who has just been killed is waited for, while `patience`
lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import time
from collections.abc import Callable, Collection
from typing import Protocol

from snoop.links.holder import holder

_log = logging.getLogger("snoop.port")

ANSWER_SECONDS = 0.2
NAME_BYTES = 64
_BACKLOG = 8
_STEP_SECONDS = 0.005


class ClaimTable(Protocol):
    """What ports need of it."""

    def take(self, ifindex: int) -> None: ...
    def drop(self, ifindex: int) -> None: ...


class Unclaimed:
    """For who is alone anyway: every interface is free."""

    def take(self, ifindex: int) -> None:
        del ifindex

    def drop(self, ifindex: int) -> None:
        del ifindex


class Taken(OSError):
    """The interface is a port of another switch; `dying`: of one that will soon be none."""

    def __init__(self, name: str | None, pid: int, *, dying: bool = False) -> None:
        switch = f'of the switch "{name}"' if name else "of another switch"
        super().__init__(
            errno.EBUSY, f"it is a port {switch} (pid {pid or 'of another namespace'})"
        )
        self.dying = dying


class Claims:
    """The claims of the switch `name`; who asks is answered from `loop`. `user` tells whom root
    has switches run as, if there is somebody (`User=` of the units). `patience`: seconds to wait,
    in all, for switches that are dying.
    """

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        user: Callable[[], int | None] = lambda: None,
        patience: float = 0.0,
    ) -> None:
        self._name = name.encode()[:NAME_BYTES]
        self._loop = loop
        self._user = user
        self.patience = patience
        self._held: dict[int, socket.socket] = {}

    def take(self, ifindex: int) -> None:
        """Claim an interface; Taken if another switch has it."""
        if ifindex in self._held:
            return
        tries = 2
        while tries:
            sock = _claim(ifindex)
            if sock is not None:
                self._held[ifindex] = sock
                if self._loop is not None:
                    self._loop.add_reader(sock.fileno(), self._answer, sock)
                return
            try:
                _check(ifindex, {0, os.geteuid(), self._user()})
                return
            except ConnectionRefusedError:  # It went away meanwhile: once more.
                tries -= 1
            except Taken as taken:
                if not taken.dying or self.patience <= 0:
                    raise
                self.patience -= _STEP_SECONDS
                time.sleep(_STEP_SECONDS)

    def held(self, ifindex: int) -> int:
        """The descriptor of a claim, for another process; -1: there is none."""
        sock = self._held.get(ifindex)
        return -1 if sock is None else sock.fileno()

    def take_over(self, held: dict[int, socket.socket]) -> None:
        """Another process's claims are ours: who asks the kernel is told so."""
        for ifindex, sock in held.items():
            sock.setblocking(False)
            self._held[ifindex] = sock
            if self._loop is not None:
                self._loop.add_reader(sock.fileno(), self._answer, sock)
        held.clear()

    def vouch(self) -> None:
        """The kernel names this process as who listens, where it named another."""
        for sock in self._held.values():
            sock.listen(_BACKLOG)

    def drop(self, ifindex: int) -> None:
        """Let go of an interface, if it was ours."""
        sock = self._held.pop(ifindex, None)
        if sock is None:
            return
        if self._loop is not None:
            self._loop.remove_reader(sock.fileno())
        sock.close()

    def close(self) -> None:
        """Let go of all."""
        for ifindex in list(self._held):
            self.drop(ifindex)

    def _answer(self, sock: socket.socket) -> None:
        for _ in range(_BACKLOG):
            try:
                connection, _ = sock.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.setblocking(False)
                connection.send(self._name)


def _address(ifindex: int) -> str:
    return f"\0snoop/port/{ifindex}"


def _claim(ifindex: int) -> socket.socket | None:
    """The claim, or None if somebody has it."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(_address(ifindex))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return sock


def _check(ifindex: int, believed: Collection[int | None]) -> None:
    """Taken, if who has the claim may have it; otherwise a warning, and the interface is free."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        try:
            sock.connect(_address(ifindex))
        except (BlockingIOError, TimeoutError):
            # Nobody answers there, not even the kernel for it: no switch that forwards.
            _log.warning("interface %d is claimed by who does not answer: going on", ifindex)
            return
        who = holder(sock)
        if who.uid not in believed:
            _log.warning(
                "interface %d is claimed by pid %d of user %d, who may not run a switch: going on; "
                "look what that process is", ifindex, *who,
            )  # fmt: skip
            return
        if who.is_dying:
            raise Taken(None, who.pid, dying=True)
        name = b""
        with contextlib.suppress(OSError):
            name = sock.recv(NAME_BYTES)
    raise Taken(name.decode(errors="replace") or None, who.pid)
