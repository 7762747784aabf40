"""The old process's side of `snoop restart`: it starts the new one, and is none any more when that
one serves; until then it can go on as if nothing had been.

While the new process is made ready the control plane rests, and the loops forward by the table as
it stands. Then the loops stop at the end of a pass, with every frame that was taken sent and every
slot of the rings given back: the rings hold what comes until the other's loops begin.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from snoop.daemon import messages
from snoop.daemon.messages import Go, HandoverError, Left, Unread
from snoop.daemon.turns import Turns
from snoop.daemon.workers import Workers
from snoop.links.claims import Claims
from snoop.proto.units import MILLISECOND, SECOND
from snoop.runtime import clock, notify
from snoop.runtime.plane import Plane

_log = logging.getLogger("snoop.restart")

PREPARE_SECONDS: Final = 15.0
SERVE_SECONDS: Final = 0.2
"""The rings hold what comes meanwhile: 4096 frames are 20 000 a second."""

_DRAIN_COST: Final = 1 << 20
_PR_SET_CHILD_SUBREAPER: Final = 36
_PARENT_FILE: Final = Path(__file__).parent.parent / "parent.py"


@dataclass(frozen=True, slots=True)
class Running:
    """What is handed over. `listening`: sockets by their use; `state` packs what is known."""

    plane: Plane
    turns: Turns
    workers: Workers
    claims: Claims
    listening: Mapping[str, socket.socket]
    state: Callable[[], bytes]


class Handing:
    """One attempt."""

    def __init__(self, switch: Running) -> None:
        self._switch = switch
        self._loop = asyncio.get_running_loop()
        self._child: subprocess.Popen[bytes] | None = None
        self._frozen_ns = 0
        self._stopped = False
        self.resting: asyncio.Future[None] | None = None
        """Done when the control plane rests no longer."""

    async def run(self, timeout: float) -> dict[str, Any]:
        """Have a new process serve; HandoverError: it does not, and this one goes on."""
        ours, theirs = messages.pair()
        with ours:
            ours.setblocking(False)
            try:
                with theirs:
                    self._child = _start(theirs)
                hello = await self._hear(ours, "hello", timeout)
                if hello.get("protocol") != messages.PROTOCOL:
                    raise HandoverError("the new version hands over otherwise: stop and start it")
                self._rest()
                self._tell_all(ours)
                await self._hear(ours, "prepared", PREPARE_SECONDS)
                messages.send(ours, "go", self._stop())
                pause_ns = await self._hear(ours, "serving", SERVE_SECONDS)
            except (HandoverError, OSError) as error:
                self.abort()
                raise HandoverError(str(error) or type(error).__name__) from error
        return {
            "pid": self._child.pid,
            "version": hello.get("version", ""),
            "pause": pause_ns / SECOND,
            "rest": (clock.now() - self._frozen_ns) / SECOND,
        }

    def abort(self) -> None:
        """The new process goes, and this one goes on."""
        if self._child is not None:
            with contextlib.suppress(OSError):
                self._child.kill()
            self._child.wait()
            self._child = None
        switch = self._switch
        if self._frozen_ns:
            self._frozen_ns = 0
            if self._stopped:
                self._stopped = False
                switch.plane.fastpath.go()
                switch.workers.start(switch.plane.fastpath.workers)
            switch.plane.kernel.quiet(False)
            switch.turns.go_on()
        self._over()

    def end(self) -> NoReturn:
        """This process is no switch any more, and gives its place to the new one."""
        assert self._child is not None
        child = self._child.pid
        self._over()
        if os.environ.get("NOTIFY_SOCKET"):
            notify.notify(f"MAINPID={child}")
            os._exit(0)
        if os.environ.get(messages.PARENT) == str(os.getppid()):
            os._exit(0)  # which the child becomes a child of
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # Until it has its own handlers; those of ours go.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", str(_PARENT_FILE), str(child)])

    def _over(self) -> None:
        if self.resting is not None and not self.resting.done():
            self.resting.set_result(None)

    def _rest(self) -> None:
        switch = self._switch
        self.resting = self._loop.create_future()
        self._frozen_ns = clock.now()
        switch.turns.rest()
        switch.plane.kernel.quiet(True)

    def _tell_all(self, sock: socket.socket) -> None:
        switch = self._switch
        messages.send(sock, "state", switch.state())
        for port in switch.plane.ports:
            if port.link is None:
                continue
            handed = switch.plane.fastpath.hand(port.id)
            fds = (*handed.fds, switch.claims.held(port.link.ifindex))
            told = messages.Handed(
                port.name,
                handed.ifindex,
                tuple(fd >= 0 for fd in fds),
                handed.ring_slots,
                handed.control_slots,
            )
            messages.send(sock, "port", told, tuple(fd for fd in fds if fd >= 0))
        listening = switch.listening
        fds = tuple(each.fileno() for each in listening.values())
        messages.send(sock, "sockets", list(listening), fds)

    def _stop(self) -> Go:
        switch = self._switch
        plane = switch.plane
        stopped_ns = clock.now()
        self._stopped = True
        if not switch.workers.stop():
            raise HandoverError("a forwarding loop does not stop")
        names = {port.id: port.name for port in plane.ports}
        left = []
        for port in plane.ports:
            if port.link is not None:
                handed = plane.fastpath.hand(port.id)
                at = handed.data_taken, handed.control_taken
                left.append(Left(port.name, *at, plane.ports.counters(port)))
        since_ns = stopped_ns - self._frozen_ns + 100 * MILLISECOND
        return Go(
            stopped_ns,
            tuple(left),
            tuple(
                Unread(names[each.port], each.vid, each.frame, each.time_ns, each.cost, each.tci)
                for each in plane.drained(_DRAIN_COST)
                if each.port in names
            ),
            tuple(
                (each.vlan, each.mac, names[each.port], stopped_ns - each.age_ns)
                for each in plane.fastpath.fdb()
                if each.age_ns < since_ns and each.port in names
            ),
        )

    def _at_last(self, sock: socket.socket, why: str) -> messages.Message:
        """What it has said after all; it says no more, so it cannot begin as this one goes on."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)
        try:
            message = messages.receive(sock)
        except (BlockingIOError, EOFError):
            raise HandoverError(f"the new process {why}") from None
        self._child.send_signal(signal.SIGCONT)
        return message

    async def _hear(self, sock: socket.socket, wanted: str, seconds: float) -> Any:
        """The value of the next message, which is to be of that kind."""
        assert self._child is not None
        readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(sock.fileno(), _done, readable)
        try:
            await asyncio.wait_for(readable, seconds)
            message = messages.receive(sock)
        except TimeoutError:
            message = self._at_last(sock, f"is not ready after {seconds:g} s ({wanted})")
        except EOFError:
            raise HandoverError(f"the new process ended {_how(self._child)}") from None
        finally:
            self._loop.remove_reader(sock.fileno())
        if message.kind == "failed":
            raise HandoverError(str(message.value))
        if message.kind != wanted:
            raise HandoverError(f"the new process says {message.kind} in place of {wanted}")
        return message.value


def _start(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """The same command once more, so that it is of the version that is installed now."""
    parent = os.environ.get(messages.PARENT)
    if parent != str(os.getppid()):
        parent = str(os.getpid())
    environment = {
        **os.environ, messages.ENVIRONMENT: str(theirs.fileno()), messages.PARENT: parent,
    }  # fmt: skip
    environment.pop("WATCHDOG_PID", None)  # it is meant for who is the main process by then
    if "NOTIFY_SOCKET" in environment:
        del environment[messages.PARENT]
    return subprocess.Popen(
        [sys.executable, *sys.orig_argv[1:]],
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=(theirs.fileno(),),
    )


def _how(child: subprocess.Popen[bytes]) -> str:
    try:
        status = child.wait(1.0)
    except subprocess.TimeoutExpired:
        return "its end of the hand-over"
    return f"by signal {-status}" if status < 0 else f"with status {status}; see its log"


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
