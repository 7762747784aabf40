"""One switch, from its start to its end: configuration, signals, sockets, and the order of it all.

The main thread runs asyncio and is the only one that touches the plane. A fault of a loop's thread
ends the process. Nothing in here knows what a frame means.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from snoop.config import odd
from snoop.config.settings import Settings
from snoop.config.standing import Standing
from snoop.control import requests, sockets
from snoop.control.answers import Answers
from snoop.control.changes import Changes
from snoop.control.server import ControlServer, SocketTaken
from snoop.control.telling import Replay
from snoop.daemon import resuming, surviving
from snoop.daemon.finding import Finding
from snoop.daemon.keeping import Keeping
from snoop.daemon.limits import allow_descriptors
from snoop.daemon.restarting import Restarting, StartError
from snoop.daemon.surviving import SwitchState
from snoop.daemon.turns import RETRY_SECONDS, Turns
from snoop.daemon.workers import Workers
from snoop.fastpath import FastPath
from snoop.links.asking import Asking
from snoop.links.claims import Claims
from snoop.links.curtain import Curtain
from snoop.links.interfaces import Links
from snoop.links.neighbours import Neighbours
from snoop.links.pairs import Pairs
from snoop.proto.units import SECOND
from snoop.runtime import notify, priority, privileges, saved
from snoop.runtime.fanout import Fanout, Listener
from snoop.runtime.hosts import Hosts
from snoop.runtime.openings import Openings
from snoop.runtime.plane import Plane
from snoop.runtime.port import State, reason
from snoop.runtime.privileges import Privileges
from snoop.runtime.programs import Programs
from snoop.runtime.snapshot import Snapshot

if TYPE_CHECKING:
    from snoop.config.loader import Loaded
    from snoop.control.metrics import Endpoint

_log = logging.getLogger("snoop.daemon")

PATIENCE_SECONDS = 5.0
"""For a switch with the same ports that has just been killed."""


class Daemon(Restarting):
    """One switch. `load` reads the configuration, now and on reload; `path`: control socket;
    `wait`: ports on the command line may be missing, as those of a file may.
    """

    def __init__(
        self, loaded: Loaded, *, load: Callable[[], Loaded], path: Path, wait: bool = False
    ) -> None:
        super().__init__()
        self._settings = Settings(loaded)
        self._typed = [] if wait else loaded.typed
        self._load = load
        self._path = path
        self._heir = self._expected()
        self._handing = None
        self._events = Fanout()
        self._captures = Fanout()
        self._links = Links()
        self._aside = Asking()
        self._neighbours = Neighbours(self._aside)
        self._turns: Turns | None = None
        self._workers: Workers | None = None
        self._stopping = self._told = False
        self._endpoint: Endpoint | None = None
        self._snapshot = Snapshot(path)
        self._keeping: Keeping | None = None
        self._asking: resuming.Asking | None = None

    async def run(self) -> int:
        """Forward until a signal or a fault; the exit status. StartError if it cannot begin."""
        try:
            return await self._run()
        except StartError as error:
            if self._heir is not None:
                self._heir.refuse(str(error))
            raise

    async def _run(self) -> int:
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[str | None] = self._loop.create_future()
        if missing := privileges.missing():
            raise StartError(
                f"{' and '.join(missing)} missing: run as root, or with "
                "`setpriv --inh-caps +net_raw,+net_admin --ambient-caps +net_raw,+net_admin`"
            )
        allow_descriptors()  # before anything is served: places are a part of them
        with contextlib.ExitStack() as stack:
            stack.callback(self._links.close, self._loop)
            stack.callback(self._neighbours.close)
            stack.callback(self._aside.close)
            pairs = Pairs()
            stack.callback(pairs.close)
            self._hosts = Hosts(pairs, self._links, self._settings.config.switch.name)
            self._open_links()
            self._neighbours.open()
            self._control = control = ControlServer(
                self._path,
                answer=self._answer,
                listen=self._listen,
                group=self._settings.config.switch.socket_group,
            )
            try:
                if self._heir is None:
                    await control.open()
            except SocketTaken as error:
                raise StartError(str(error)) from error
            try:
                return await self._forward(control)
            finally:
                await control.close()

    def _open_links(self) -> None:
        self._links.open()
        self._settings.see(self._links.bare())
        missing = [name for name in self._typed if self._links.by_name(name) is None]
        if missing:
            plural = "ports do" if len(missing) > 1 else "port does"
            raise StartError(
                f"{plural} not exist in this network namespace: {', '.join(missing)} "
                f"({self._there()}); with --wait they may come later"
            )

        config = self._settings.current
        obstacles = list(self._hosts.obstacles(config.host))
        if not obstacles:
            self._hosts.become(config)
            obstacles = [
                f"{host.where}: {self._hosts.problems.get(host.name, 'it is not there')}"
                for host in config.host
                if self._links.by_name(host.device) is None
            ]
        if obstacles:
            raise StartError("; ".join(obstacles))

    def _there(self) -> str:
        return f"interfaces here: {', '.join(self._links.names()) or 'none'}"

    async def _forward(self, control: ControlServer) -> int:
        switch = self._settings.config.switch
        state = None
        if switch.state and self._heir is None:
            state = resuming.found(self._snapshot, self._settings.config)
        if state is not None:
            surviving.take_up(state, self._settings)
        priority.prefer(switch.nice)
        kept = self._drop_privileges()
        try:
            fastpath = FastPath(
                workers=switch.workers,
                fdb_max=switch.fdb_max,
                fdb_ageing_ns=round(switch.fdb_ageing * SECOND),
                spin_us=switch.spin_us,
            )
        except OSError as error:
            raise StartError(f"cannot make the fast path: {reason(error)}") from error
        try:
            self._programs = Programs(
                fastpath,
                Curtain(),
                self._attached,
                lambda: self._openings.busy,
                held=self._heir is not None,
            )
            self._openings = Openings(fastpath, self._opened, self._programs, self._heir)
            self._claims = Claims(
                switch.name, self._loop, user=sockets.user, patience=PATIENCE_SECONDS
            )
            handed = self._inherit()
            state = handed or state
            self._plane = Plane(
                self._settings.current,
                fastpath=fastpath,
                links=self._links,
                events=self._events,
                captures=self._captures,
                neighbours=self._neighbours,
                claims=self._claims,
                openings=self._openings,
                asking=self._aside,
                state=None if state is None else state.plane,
            )
            self._changes = Changes(
                self._settings, self._plane, self._links, self._hosts, self._loaded
            )
            self._answers = Answers(
                self._plane,
                changes=self._changes,
                config=self._settings.shown,
                unloadable=Standing(self._settings.file, self._load).fault,
                why=kept,
                findings=Finding(self._path),
            )
            if handed is not None and self._plane.refused is not None:
                raise StartError(f"its state cannot be taken over: {self._plane.refused}")
            resumed = (
                handed is None
                and state is not None
                and resuming.said(state, self._plane, self._snapshot)
            )
            if state is not None and (resumed or handed):
                self._answers.counters.take_up(state.cleared)
            self._require_ports()
            self._serve_metrics(self._settings.config.metrics.listen)
            self._claims.patience = 0.0  # from here on others wait for us
            self._workers = Workers(fastpath, self._failed)
            pause_ns = self._take_place()
            self._workers.start(switch.workers)
            turns = self._turns = Turns(
                self._loop, self._plane, self._changes, self._hosts, self._changed
            )
            self._aside.begin(self._loop)
            turns.begin(self._links, self._neighbours)
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._told_to_end, number)
            self._loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            self._say_notes()
            self._say_ready()
            self._succeed(control, pause_ns)
            # On stdout, alone on its line: what starts us waits for it.
            if self._heir is None:
                with contextlib.suppress(OSError):
                    print("ready", flush=True)
            notify.notify("READY=1")
            self._watchdog()
            turns.begin_looks()
            if switch.state:
                self._keeping = Keeping(self._loop, self._snapshot, self._gather, self._plane)
                self._keeping.changed()
            if state is not None and resumed and not state.ended:
                self._asking = resuming.Asking(self._loop, self._plane)
                self._asking.ask()
            fault = await self._ended
            await self._stay()
            notify.notify("STOPPING=1")
            turns.deafen()
            if self._keeping is not None:
                self._keeping.end()
                self._leave(fault)
        finally:
            for each in (self._keeping, self._asking):
                if each is not None:
                    each.end()
            # Nobody may ask any more for what is about to go.
            if self._endpoint is not None:
                await self._endpoint.close()
            await control.close()
            self._stop(fastpath)
        if fault is not None:
            _log.error("%s", fault)
            print(f"snoop: {fault}", file=sys.stderr, flush=True)
            return 1
        return 0

    def _gather(self, ended: bool = False) -> Callable[[], SwitchState]:
        name = self._settings.config.switch.name
        return surviving.gather(
            name, self._settings, self._plane, self._answers.counters, ended=ended
        )

    def _leave(self, fault: str | None) -> None:
        """What the next process is to find: after a fault as after a crash."""
        if fault is None and not resuming.is_managed():
            self._snapshot.remove()
            return
        with contextlib.suppress(OSError):  # it has less to go on from
            self._snapshot.write(saved.pack(self._gather(fault is None)()))

    def _changed(self) -> None:
        """A turn has ended."""
        if self._keeping is not None:
            self._keeping.changed()

    def _drop_privileges(self) -> dict[str, str]:
        """Before the first thread, and after all that takes more; why each that is kept is."""
        config = self._settings.config
        listen = config.metrics.listen
        held = Privileges(
            file=self._settings.file,
            directory=self._path.parent,
            port=int(listen.rpartition(":")[2]) if listen else None,
        )
        try:
            held.drop()
        except OSError as error:
            raise StartError(f"cannot give up privileges: {reason(error)}") from error
        return held.why

    def _serve_metrics(self, listen: str, *, waited: bool = False) -> None:
        if not listen:
            return
        # Imported here: most switches have no endpoint, and this takes longer than all the rest.
        from snoop.control.metrics import Endpoint, where

        if self._stopping:
            return
        try:
            self._endpoint = Endpoint(
                listen,
                loop=self._loop,
                sample=self._answers.sample,
                listening=None if self._heir is None else self._heir.metrics_at(*where(listen)),
            )
        except (OSError, OverflowError, UnicodeError) as error:
            said = f"cannot serve [metrics] listen = {listen}: {error}"
            # Whose it is now may go, and any user may take a port while a switch is away: he is
            # not to keep it from forwarding.
            if not waited:
                if getattr(error, "errno", None) not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                    raise StartError(said) from error
                _log.error("%s; trying again", said)
            self._loop.call_later(RETRY_SECONDS, partial(self._serve_metrics, listen, waited=True))
        else:
            if waited:
                _log.info("[metrics] listen = %s is served now", listen)

    def _stop(self, fastpath: FastPath) -> None:
        self._stopping = True
        # Nothing may come in any more for the fast path that goes: while clients are shown out the
        # loop runs on, and ports that are closed make the kernel tell of it.
        self._aside.close()
        self._neighbours.close()
        self._links.close(self._loop)
        if self._turns is not None:
            self._turns.end()
        self._openings.close()
        self._programs.close()
        if self._workers is not None and not self._workers.stop():
            _log.error("a forwarding loop does not stop; leaving its memory to the kernel")
        else:
            fastpath.close()

    def _told_to_end(self, number: int) -> None:
        if not self._is_another(number):
            self._end(None)

    def _end(self, fault: str | None) -> None:
        if not self._ended.done():
            self._ended.set_result(fault)

    def _failed(self, fault: str) -> None:
        """From the thread of a loop."""
        with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
            self._loop.call_soon_threadsafe(self._end, fault)

    def _opened(self) -> None:
        """From any thread: a port can be taken. Several are taken together."""
        if self._turns is not None and not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
                self._loop.call_soon_threadsafe(self._take_opened, self._turns)

    def _take_opened(self, turns: Turns) -> None:
        self._told = False
        turns.take_opened()

    def _attached(self) -> None:
        """From any thread: programs of ports can be taken."""
        with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
            self._loop.call_soon_threadsafe(self._take_attached)

    def _take_attached(self) -> None:
        if self._turns is not None:
            self._turns.take_attached()

    def _watchdog(self) -> None:
        interval = notify.watchdog_interval()
        if interval is None or self._stopping:
            return
        if self._workers is not None and self._workers.alive:
            notify.notify("WATCHDOG=1")
        self._loop.call_later(interval, self._watchdog)

    # Configuration and control -------------------------------------------------------------------

    def _loaded(self) -> Loaded:
        """The configuration, loaded again; ConfigError also for who may not be let in."""
        loaded = self._load()
        self._control.let_in(loaded.config.switch.socket_group)
        return loaded

    def _hang_up(self) -> None:
        if self._is_another(signal.SIGHUP):
            return
        if self._handing is not None and self._handing.resting is not None:
            self._hung_up = True
            return
        try:
            self._changes.begin_reload()
            _log.info("configuration reloaded")
        except requests.RequestError as error:
            _log.error("%s", error)
        self._settle()

    async def _answer(self, request: requests.Request) -> object:
        if isinstance(request, requests.Restart):
            return await self._restart(request)
        async with self._turn(request):
            try:
                return await self._answers.answer(request)
            finally:
                self._settle()  # what a changed configuration could not open

    def _settle(self) -> None:
        if self._turns is not None:
            self._turns.try_later()
            self._turns.rearm()

    def _listen(self, request: requests.Monitor | requests.Capture) -> Listener | Replay:
        if self._handing is not None and self._handing.served:
            raise requests.HandedOver
        return self._answers.listen(request, events=self._events, captures=self._captures)

    def _say_ready(self) -> None:
        ports = list(self._plane.ports)
        missing = [port.name for port in ports if port.state is State.MISSING]
        if missing:
            _log.warning(
                "no such interface yet: %s (%s); each joins when it appears",
                ", ".join(missing), self._there(),
            )  # fmt: skip
        _log.info("ready, %d ports%s", len(ports), f", {len(missing)} missing" if missing else "")

    def _say_notes(self) -> None:
        """What an operator should know about the configuration."""
        for note in odd.notes(self._settings.config):
            _log.warning("%s", note)
