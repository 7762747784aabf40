"""The new process's side of `snoop restart`: it takes another one's place, or says why it cannot.

Everything that may fail is done before that one stops: the configuration is read, its state is
loaded, its rings are mapped, the tables are made. Nothing that it still uses is changed until it
has said where it stopped.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
from typing import Any, Final

from snoop import __version__
from snoop.daemon import messages, surviving
from snoop.daemon.messages import Go, HandoverError, Hello
from snoop.daemon.surviving import SwitchState
from snoop.fastpath import CONTRACT_VERSION, FastPath
from snoop.fastpath.handing import Handed
from snoop.proto.dumping import BadState
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.table.seen import FdbEntry, PortSetup, Punted

_log = logging.getLogger("snoop.restart")

WAIT_SECONDS: Final = 60.0
"""More than the old process waits for us: it tells us by its end of the pair."""

_FDS = 6
_PR_SET_PDEATHSIG: Final = 1


class Heir:
    """`ports`: what is handed over, by interface; those that are received are taken out of it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(WAIT_SECONDS)
        self._socket = sock
        self.begun_by: Final = os.getppid()
        self._received: dict[int, str] = {}
        self.ports: dict[int, Handed] = {}
        self.names: dict[int, str] = {}
        self.claims: dict[int, socket.socket] = {}
        self.control: socket.socket | None = None
        self.metrics: socket.socket | None = None

    @classmethod
    def of_environment(cls) -> Heir | None:
        """None: nobody's place is taken. Nobody who is started from here is an heir."""
        told = os.environ.pop(messages.ENVIRONMENT, None)
        if told is None:
            os.environ.pop(messages.PARENT, None)  # of another switch, which started this one
            return None
        try:
            sock = socket.socket(fileno=int(told))
        except (ValueError, OSError) as error:
            raise HandoverError(
                f"{messages.ENVIRONMENT}={told} is no hand-over: unset it"
            ) from error
        sock.set_inheritable(False)
        signal.pthread_sigmask(signal.SIG_BLOCK, messages.ENDING)
        return cls(sock)

    def refuse(self, why: str) -> None:
        """Say why this process cannot; the other one goes on."""
        with contextlib.suppress(OSError):
            messages.send(self._socket, "failed", why)

    def receive(self, name: str) -> SwitchState:
        """What the other process knows and has open; HandoverError if it is not for us."""
        messages.send(self._socket, "hello", Hello(messages.PROTOCOL, __version__))
        state: SwitchState | None = None
        while True:
            message = self._next("state", "port", "claim", "sockets")
            match message.kind:
                case "state":
                    state = _opened(message.value, name)
                case "port":
                    self._take_port(message.value, message.fds)
                case "claim":
                    self._take_claim(message.value, message.fds)
                case _:
                    self._take_sockets(message.value, message.fds)
                    break
        if state is None:
            raise HandoverError("no state came")
        return state

    def has_program(self, ifindex: int) -> bool:
        """Does the other's program keep the host's stack off this interface?"""
        handed = self.ports.get(ifindex)
        return handed is not None and handed.fds[-1] >= 0

    def prepare(self, fastpath: FastPath, ifindex: int, setup: PortSetup) -> Any:
        """A port of what was handed over; None: nothing was. Of any thread."""
        handed = self.ports.get(ifindex)
        if handed is None:
            return None
        made = fastpath.receive(handed, setup)
        del self.ports[ifindex]
        self._received[ifindex] = self.names[ifindex]
        return made

    def take_place(self, plane: Plane) -> Go:
        """Have the other one stop, and go on from there; HandoverError: it goes on itself."""
        messages.send(self._socket, "prepared")
        go: Go = self._next("go").value
        self._go_on(plane, go)
        return go

    def metrics_at(self, address: str, port: int) -> socket.socket | None:
        """The other's socket of the metrics, if it listens there."""
        sock, self.metrics = self.metrics, None
        if sock is not None and sock.getsockname()[:2] != (address, port):
            sock.close()
            return None
        return sock

    def begin(self, plane: Plane, go: Go) -> int:
        """Say that the loops run from here on; for how long none did, in nanoseconds. OSError: it
        cannot be said, and the other one goes on.
        """
        pause_ns = clock.now() - go.stopped_ns
        messages.send(self._socket, "serving", pause_ns)
        for port in plane.ports:
            if port.link is not None and port.link.ifindex in self._received:
                try:
                    plane.fastpath.unfilter(port.id)
                except OSError as error:
                    _log.warning("%s: what another process kept out of it stays out: %s",
                                 port.name, error.strerror)  # fmt: skip
        return pause_ns

    def close(self) -> None:
        """What nobody wanted of it goes."""
        for handed in self.ports.values():
            messages.close([fd for fd in handed.fds if fd >= 0])
        self.ports.clear()
        for sock in (*self.claims.values(), self.control, self.metrics, self._socket):
            if sock is not None:
                sock.close()
        self.claims.clear()

    def _next(self, *wanted: str) -> messages.Message:
        try:
            message = messages.receive(self._socket)
        except (EOFError, OSError) as error:
            raise HandoverError("the old process hands over nothing more, and goes on") from error
        if message.kind not in wanted:
            messages.close(message.fds)
            raise HandoverError(f"the old process says {message.kind} in place of {wanted[0]}")
        return message

    def _take_port(self, told: messages.Handed, fds: list[int]) -> None:
        if len(told.present) != _FDS + 1 or sum(told.present) != len(fds):
            messages.close(fds)
            raise HandoverError(f"the port {told.name} comes without what it is made of")
        rest = iter(fds)
        found = [next(rest) if there else -1 for there in told.present]
        self.ports[told.ifindex] = Handed(
            told.ifindex, tuple(found[:_FDS]), told.ring_slots, told.control_slots, 0, 0
        )
        self.names[told.ifindex] = told.name
        if found[_FDS] >= 0:
            self.claims[told.ifindex] = socket.socket(fileno=found[_FDS])

    def _take_claim(self, ifindex: int, fds: list[int]) -> None:
        for fd in fds:
            self.claims[ifindex] = socket.socket(fileno=fd)

    def _take_sockets(self, names: tuple[str, ...], fds: list[int]) -> None:
        found = dict(zip(names, fds, strict=False))
        messages.close(fds[len(found) :])
        for name, fd in found.items():
            match name:
                case "control":
                    self.control = socket.socket(fileno=fd)
                case "metrics":
                    self.metrics = socket.socket(fileno=fd)
                case _:
                    os.close(fd)

    def _go_on(self, plane: Plane, go: Go) -> None:
        numbers = {port.name: port.id for port in plane.ports}
        opened = {port.link.ifindex: port for port in plane.ports if port.link is not None}
        left = {each.name: each for each in go.left}
        for each in go.left:
            plane.ports.count_from(each.name, each.counts)
        for ifindex, name in self._received.items():
            port = opened.get(ifindex)
            if port is not None and name in left:
                at = left[name]
                plane.fastpath.resume(port.id, at.data_taken, at.control_taken)
        now = clock.now()
        plane.fastpath.fdb_load(
            [
                FdbEntry(vlan, mac, numbers[port], max(0, now - heard))
                for vlan, mac, port, heard in go.learned
                if port in numbers
            ]
        )
        if go.contract == CONTRACT_VERSION:
            there = {each.number: numbers[each.name] for each in go.left if each.name in numbers}
            plane.fastpath.streams_load(go.streams, there)
            plane.fastpath.health_load(go.health, there)
        plane.go_on_with(
            Punted(numbers[each.port], each.vid, each.frame, each.time_ns, each.cost, each.tci)
            for each in go.unread
            if each.port in numbers
        )


def _opened(value: Any, name: str) -> SwitchState:
    try:
        return surviving.opened(value, name)
    except BadState as error:
        raise HandoverError(f"its state cannot be taken over: {error}") from error


def end_with_parent(begun_by: int) -> bool:
    """End with who began the switch, if that is our parent by now; False: not yet.

    The one that we took the place of, `begun_by`, was, and leaves us to it (`parent.py`); to any
    other only if it has ended before it could take us.
    """
    wanted = os.environ.get(messages.PARENT)
    if wanted is None:
        return True
    parent = os.getppid()
    if str(parent) != wanted:
        if parent != begun_by:
            os.kill(os.getpid(), signal.SIGKILL)
        return False
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if str(os.getppid()) != wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    return True
