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
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from snoop import parent
from snoop.daemon import messages
from snoop.daemon.messages import Go, HandoverError, Left, Unread
from snoop.daemon.turns import Turns
from snoop.daemon.workers import Workers
from snoop.fastpath import CONTRACT_VERSION
from snoop.links.claims import Claims
from snoop.proto.units import MILLISECOND, SECOND
from snoop.runtime import clock, notify
from snoop.runtime.plane import Plane

_log = logging.getLogger("snoop.restart")

CHANGES_SECONDS: Final = 22.0
"""More than a client waits for the ports of a change (`control/changes.py`)."""
PREPARE_SECONDS: Final = 15.0
SERVE_SECONDS: Final = 0.2
"""The rings hold what comes meanwhile: 4096 frames are 20 000 a second."""

_DRAIN_COST: Final = 1 << 20
_PR_SET_CHILD_SUBREAPER: Final = 36
_PARENT_FILE: Final = str(parent.__file__)
_REAP_SECONDS: Final = 0.02
_TELL_SECONDS: Final = 0.001
_END_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """What is handed over. `listening`: sockets by their use; `state` packs what is known;
    `settled`: until no command waits for a change, False if one does after so many seconds.
    """

    plane: Plane
    turns: Turns
    workers: Workers
    claims: Claims
    listening: Mapping[str, socket.socket]
    state: Callable[[], bytes]
    settled: Callable[[float], Awaitable[bool]]


class Handing:
    """One attempt. `served`: the new process serves, and this one is none any more."""

    def __init__(self, switch: Running) -> None:
        self._switch = switch
        self._loop = asyncio.get_running_loop()
        self._child: subprocess.Popen[bytes] | None = None
        self._frozen_ns = 0
        self._stopped = False
        self.rested_at = 0.0
        """When the control plane came to rest, in seconds since 1970."""
        self.resting: asyncio.Future[None] | None = None
        """From shortly before the control plane rests; done when it does so no longer."""
        self.served = False

    async def run(self, timeout: float) -> dict[str, Any]:
        """Have a new process serve; HandoverError: it does not, and this one goes on, as it does
        if this is cancelled.
        """
        try:
            ours, theirs = messages.pair()
        except OSError as error:
            raise HandoverError(f"cannot begin a new process: {error.strerror}") from error
        with ours:
            ours.setblocking(False)
            try:
                with theirs:
                    _adopt(_begins())
                    self._child = _start(theirs)
                hello = await self._hear(ours, "hello", timeout)
                if hello.protocol != messages.PROTOCOL:
                    raise HandoverError("the new version hands over otherwise: stop and start it")
                self.resting = self._loop.create_future()
                if not await self._switch.settled(CHANGES_SECONDS):
                    raise HandoverError("a command waits for ports that are being opened")
                self._rest()
                await self._tell_all(ours)
                await self._hear(ours, "prepared", PREPARE_SECONDS)
                messages.send(ours, "go", self._stop())
                pause_ns = await self._hear(ours, "serving", SERVE_SECONDS)
                self.served = True
            except (EOFError, ConnectionError):
                self._go_on(ours)
                why = _last_word(ours) or f"the new process {_how(self._child)}"
                raise HandoverError(why) from None
            except OSError as error:
                what = f"{error.filename}: " if error.filename else ""
                raise HandoverError(what + (error.strerror or str(error))) from error
            finally:
                if not self.served:
                    self._go_on(ours)
                    _adopt(False)
                    if self._child is not None:
                        self._child.kill()
                        self._reap(self._child)
        return {
            "pid": self._child.pid,
            "version": hello.version,
            "pause": pause_ns / SECOND,
            "rest": (clock.now() - self._frozen_ns) / SECOND,
        }

    def _go_on(self, ours: socket.socket) -> None:
        """Be the switch again, and wait for nobody: the new process cannot say any more that it
        serves, and begins nothing before.
        """
        ours.shutdown(socket.SHUT_RDWR)
        switch = self._switch
        # The last first. Each is done whatever becomes of those before it.
        with contextlib.ExitStack() as steps:
            steps.callback(self.over)
            if self._frozen_ns:
                self._frozen_ns = 0
                steps.callback(switch.turns.go_on)
                steps.callback(self._serve_in_kernel)
            if self._stopped:
                self._stopped = False
                steps.callback(switch.workers.start, switch.plane.fastpath.workers)
                steps.callback(switch.plane.fastpath.go)

    def _serve_in_kernel(self) -> None:
        try:
            self._switch.plane.kernel.quiet(False)
        except OSError as error:
            _log.error("no stream is served inside the kernel any more: %s", error.strerror)

    def _reap(self, child: subprocess.Popen[bytes]) -> None:
        """What a process has mapped takes it a while to leave."""
        if child.poll() is None:
            self._loop.call_later(_REAP_SECONDS, self._reap, child)

    def pass_on(self, number: int) -> None:
        """A signal was meant for who is the switch."""
        assert self._child is not None
        with contextlib.suppress(OSError):
            self._child.send_signal(number)

    def end(self) -> NoReturn:
        """This process is no switch any more, and gives its place to the new one."""
        assert self._child is not None
        child = self._child.pid
        self.over()
        if messages.PARENT in os.environ:
            os._exit(parent.HANDED_ON)  # who began the switch becomes the child's parent
        if _is_managed():
            notify.notify(f"MAINPID={child}")
            os._exit(0)
        # Until it has its own handlers; those of ours go.
        signal.pthread_sigmask(signal.SIG_BLOCK, messages.ENDING)
        try:
            os.stat(_PARENT_FILE)  # Python would begin without it, and end at once
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", _PARENT_FILE, str(child)])
        except OSError as error:  # what the new version has elsewhere: the same with more memory
            _log.warning("%s: %s", error.filename or sys.executable, error.strerror)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            parent.main(child)
        os._exit(0)

    def holds(self, change: bool) -> bool:
        """Must a request wait for `resting`? A change has to before all others."""
        waits = self.resting is not None and not self.resting.done()
        return waits and (change or self._frozen_ns > 0)

    def over(self) -> None:
        """Who waits for the control plane need not any more."""
        if self.resting is not None and not self.resting.done():
            self.resting.set_result(None)

    def _rest(self) -> None:
        switch = self._switch
        self._frozen_ns = clock.now()
        self.rested_at = clock.wall()
        switch.turns.rest()
        switch.plane.kernel.quiet(True)

    async def _tell_all(self, sock: socket.socket) -> None:
        switch = self._switch
        await self._tell(sock, "state", switch.state())
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
            await self._tell(sock, "port", told, tuple(fd for fd in fds if fd >= 0))
        for port in switch.plane.ports:
            held = switch.claims.held(port.opening) if port.opening else -1
            if held >= 0:
                await self._tell(sock, "claim", port.opening, (held,))
        listening = switch.listening
        fds = tuple(each.fileno() for each in listening.values())
        await self._tell(sock, "sockets", tuple(listening), fds)

    async def _tell(
        self, sock: socket.socket, kind: str, value: object, fds: tuple[int, ...] = ()
    ) -> None:
        """As soon as it has read enough of what came before: of a user without CAP_SYS_RESOURCE no
        more descriptors may be on their way than he may have open.
        """
        deadline = self._loop.time() + PREPARE_SECONDS
        while True:
            try:
                return messages.send(sock, kind, value, fds)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ETOOMANYREFS):
                    raise
                if self._loop.time() > deadline:
                    raise _late(kind, PREPARE_SECONDS) from error
            await asyncio.sleep(_TELL_SECONDS)

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
                left.append(Left(port.name, port.id, *at, plane.ports.counters(port)))
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
            CONTRACT_VERSION,
            plane.fastpath.streams_packed(),
            plane.fastpath.health_packed(),
        )

    async def _hear(self, sock: socket.socket, wanted: str, seconds: float) -> Any:
        """The value of the next message, which is to be of that kind."""
        assert self._child is not None
        readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(sock.fileno(), _done, readable)
        late = False
        try:
            await asyncio.wait_for(readable, seconds)
        except TimeoutError:
            # From here on it cannot say it any more: it has, or it never begins.
            sock.shutdown(socket.SHUT_RD)
            late = True
        finally:
            self._loop.remove_reader(sock.fileno())
        try:
            message = messages.receive(sock)
        except EOFError:
            if late:
                raise _late(wanted, seconds) from None
            raise
        messages.close(message.fds)
        if late and message.kind != "serving":
            raise _late(wanted, seconds)
        if message.kind == "failed":
            raise HandoverError(str(message.value))
        if message.kind != wanted:
            raise HandoverError(f"the new process says {message.kind} in place of {wanted}")
        return message.value


def _start(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """The same command once more, so that it is of the version that is installed now."""
    environment = {**os.environ, messages.ENVIRONMENT: str(theirs.fileno())}
    if messages.PARENT in environment or not _is_managed():
        environment.setdefault(messages.PARENT, str(os.getpid()))
    environment.pop("WATCHDOG_PID", None)  # it is meant for who is the main process by then
    return subprocess.Popen(
        [sys.executable, *sys.orig_argv[1:]],
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=(theirs.fileno(),),
    )


def _begins() -> bool:
    """Did who began the switch begin this process, and waits for it?"""
    return messages.PARENT not in os.environ and not _is_managed()


def _adopt(orphans: bool) -> None:
    """Have an heir's heir, too: the heir may be gone while this process still sees clients off."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(orphans), 0, 0, 0)


def _is_managed() -> bool:
    """Will a service manager take another process for the main one? Not for a container's first."""
    return bool(os.environ.get("NOTIFY_SOCKET")) and os.getpid() != 1


def _late(wanted: str, seconds: float) -> HandoverError:
    return HandoverError(f"the new process is not ready after {seconds:g} s ({wanted})")


def _last_word(sock: socket.socket) -> str:
    """Why it went, if it said so while it was being told something."""
    with contextlib.suppress(EOFError, OSError, HandoverError):
        message = messages.receive(sock)
        messages.close(message.fds)
        if message.kind == "failed":
            return str(message.value)
    return ""


def _how(child: subprocess.Popen[bytes] | None) -> str:
    try:
        status = 0 if child is None else child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return "does not end"
    if status < 0:
        return f"ended by signal {-status}"
    return f"ended with status {status}; see its log"


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
