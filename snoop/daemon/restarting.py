"""A new process in the place of this one, and this one in the place of another: the process's part.

`Daemon` is one of these; what is given, taken and said is in `handing`, `heir` and `messages`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from snoop.config.settings import Settings
from snoop.control import requests
from snoop.control.server import ControlServer
from snoop.daemon import messages, surviving
from snoop.daemon.handing import Handing, Running
from snoop.daemon.heir import Heir, end_with_parent
from snoop.daemon.keeping import Keeping
from snoop.daemon.messages import HandoverError
from snoop.daemon.surviving import SwitchState
from snoop.daemon.turns import Turns
from snoop.daemon.under_way import UnderWay
from snoop.daemon.workers import Workers
from snoop.links.claims import Claims
from snoop.proto.effects import EventKind
from snoop.proto.units import MILLISECOND
from snoop.runtime import saved
from snoop.runtime.fanout import Fanout
from snoop.runtime.plane import Plane
from snoop.runtime.programs import Programs

if TYPE_CHECKING:
    from snoop.control.metrics import Endpoint

_log = logging.getLogger("snoop.restart")

PARENT_SECONDS = 0.05
PROGRAMS_SECONDS = 5.0
"""Two hundred ports have theirs in two."""
POLL_SECONDS = 0.005


class StartError(Exception):
    """The switch cannot start: one line with the reason."""


class Restarting:
    """`_heir`: this process takes another's place; `_handing`: another is to take this one's."""

    _heir: Heir | None
    _handing: Handing | None
    _loop: asyncio.AbstractEventLoop
    _settings: Settings
    _plane: Plane
    _claims: Claims
    _programs: Programs
    _control: ControlServer
    _turns: Turns | None
    _workers: Workers | None
    _endpoint: Endpoint | None
    _keeping: Keeping | None
    _events: Fanout
    _captures: Fanout
    _stopping: bool
    _succession: asyncio.Task[Any] | None = None
    _hung_up: bool = False

    def __init__(self) -> None:
        self._under_way = UnderWay()

    def _gather(self, ended: bool = False) -> Callable[[], SwitchState]:
        raise NotImplementedError

    def _hang_up(self) -> None:
        raise NotImplementedError

    @staticmethod
    def _expected() -> Heir | None:
        """None: this process takes nobody's place. StartError if that cannot be told."""
        try:
            return Heir.of_environment()
        except HandoverError as error:
            raise StartError(str(error)) from error

    def _inherit(self) -> SwitchState | None:
        """What the other process knows; what it has open is the heir's."""
        if self._heir is None:
            return None
        try:
            state = self._heir.receive(self._settings.config.switch.name)
        except (HandoverError, OSError) as error:
            raise StartError(str(error)) from error
        surviving.take_up(state, self._settings)
        self._claims.take_over(self._heir.claims)
        return state

    def _take_place(self) -> int:
        """From here on the other process is none; for how long no loop ran, in nanoseconds."""
        if self._heir is None:
            return 0
        try:
            return self._heir.begin(self._plane, self._heir.take_place(self._plane))
        except (HandoverError, OSError) as error:
            raise StartError(str(error)) from error

    def _require_ports(self) -> None:
        """StartError if one cannot be opened that the file names, or that the other process has."""
        wanted = {port.name for port in self._settings.config.named}
        if self._heir is not None:
            wanted.update(self._heir.names.values())
        faults = [
            f"{port.name}: {port.problem}"
            for port in self._plane.ports
            if port.problem and port.name in wanted
        ]
        if faults:
            raise StartError("; ".join(faults))

    def _succeed(self, control: ControlServer, pause_ns: int) -> None:
        if self._heir is None:
            return
        if self._heir.control is not None:
            control.take_over(self._heir.control)
            self._heir.control = None
        self._claims.vouch()
        self._heir.close()
        self._programs.let_go()
        self._plane.ports.opener.begin_programs()
        pause_ms = pause_ns / MILLISECOND
        self._plane.say(EventKind.RESTARTED, {"pause_ms": round(pause_ms, 1)})
        _log.info("in the place of another process; no loop ran for %.1f ms", pause_ms)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, messages.ENDING)
        self._end_with_parent(self._heir.begun_by)

    def _end_with_parent(self, begun_by: int) -> None:
        if not self._stopping and not end_with_parent(begun_by):
            self._loop.call_later(PARENT_SECONDS, self._end_with_parent, begun_by)

    def _running(self) -> Running:
        assert self._turns is not None
        assert self._workers is not None
        listening = {"control": self._control.listening}
        if self._endpoint is not None:
            listening["metrics"] = self._endpoint.listening
        return Running(
            self._plane,
            self._turns,
            self._workers,
            self._claims,
            listening,
            lambda: saved.pack(self._gather()()),
            self._settled,
        )

    async def _settled(self, seconds: float) -> bool:
        """Programs that only a thread holds yet, or still those of the process before, could not be
        handed over, and would take from the next one's what it serves.
        """
        ended = await self._under_way.ended(seconds)
        deadline = self._loop.time() + PROGRAMS_SECONDS
        while self._programs.unsettled and self._loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        return ended

    async def _restart(self, request: requests.Restart) -> object:
        """Have a new process serve; RequestError says why it does not, and this one goes on."""
        if self._handing is not None:
            if self._handing.served:
                raise requests.HandedOver
            raise requests.RequestError("it is being restarted already", code=1)
        self._handing = Handing(self._running())
        # Whoever asked may go meanwhile, or be shown out.
        task = self._loop.create_task(self._hand_over(self._handing, request.timeout))
        self._succession = task
        await asyncio.wait({task})
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, requests.RequestError):
            _log.error("restart: an internal error; this process goes on", exc_info=error)
            text = f"an internal error, {error!r}; the old process goes on"
            raise requests.RequestError(text, code=1) from error
        raise error

    async def _hand_over(self, handing: Handing, timeout: float) -> object:
        try:
            result = await handing.run(timeout)
        except HandoverError as error:
            _log.error("restart: %s; this process goes on", error)
            raise requests.RequestError(f"{error}; the old process goes on", code=1) from error
        finally:
            if not handing.served:
                self._handing = None
            if self._hung_up:
                self._hung_up = False
                self._loop.call_soon(self._hang_up)
        self._claims.close()  # who is to take a port back must not find it ours
        if self._keeping is not None:
            self._keeping.end()  # the snapshot is the other's from here on
        _log.info("handed over to process %d", result["pid"])
        self._succession = self._loop.create_task(self._leave_place(handing, result["pid"]))
        return result

    async def _leave_place(self, handing: Handing, pid: int) -> None:
        """Who is connected has his answer, or is told whom to ask."""
        try:
            handing.over()
            last = {"time": handing.rested_at, "event": "handover", "pid": pid}
            self._events.end(last)
            self._captures.end(last)
            leaving = [self._control.see_off()]
            if self._endpoint is not None:
                leaving.append(self._endpoint.see_off())
            await asyncio.gather(*leaving)
        finally:
            handing.end()

    async def _stay(self) -> None:
        """This process ends as a switch, and no other one takes its place."""
        if self._handing is not None and self._handing.served and self._succession is not None:
            # It was told to end in the moment in which another took it.
            self._handing.pass_on(signal.SIGTERM)
            await self._succession
        if self._succession is not None:
            self._succession.cancel()
            await asyncio.gather(self._succession, return_exceptions=True)

    def _is_another(self, number: int) -> bool:
        """Is this signal for the process that took this one's place?"""
        if self._handing is None or not self._handing.served:
            return False
        self._handing.pass_on(number)
        return True

    @contextlib.asynccontextmanager
    async def _turn(self, request: requests.Request) -> AsyncIterator[None]:
        """While the control plane rests nothing is decided, and shortly before no change is begun
        that takes time; HandedOver: it never moves again.
        """
        change = isinstance(request, requests.CHANGES)
        while self._handing is not None and self._handing.holds(change):
            assert self._handing.resting is not None
            await self._handing.resting
        if self._handing is not None and self._handing.served:
            raise requests.HandedOver
        with self._under_way.one() if change else contextlib.nullcontext():
            yield
