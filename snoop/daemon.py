"""The process: threads, descriptors, signals and the one timer around a `Plane`.

The main thread runs asyncio and is the only one that touches the plane. Each worker is a thread
that spends its life in `FastPath.run`; a fault there ends the process. Nothing in here knows what
a frame means.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from snoop.config import odd
from snoop.config.settings import Settings
from snoop.control import requests
from snoop.control.answers import Answers
from snoop.control.changes import Changes
from snoop.control.server import ControlServer, SocketTaken
from snoop.control.telling import Replay
from snoop.fastpath import FastPath
from snoop.links.claims import Claims
from snoop.links.curtain import Curtain
from snoop.links.interfaces import Links
from snoop.links.neighbours import Neighbours
from snoop.links.pairs import Pairs
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, garbage, notify, priority, privileges
from snoop.runtime.fanout import Fanout, Listener
from snoop.runtime.hosts import Hosts
from snoop.runtime.openings import Openings
from snoop.runtime.plane import Plane
from snoop.runtime.port import State, reason
from snoop.runtime.privileges import Privileges
from snoop.runtime.programs import Programs
from snoop.runtime.rings import LOOK_SECONDS

if TYPE_CHECKING:
    from snoop.config.loader import Loaded
    from snoop.control.metrics import Endpoint

_log = logging.getLogger("snoop.daemon")

RETRY_SECONDS = 2.0
STOP_SECONDS = 5.0


DESCRIPTORS = 4096
"""More than enough for 256 ports at six each, the workers and the control clients."""


def allow_descriptors() -> None:
    """Raise the soft limit of open files: the usual 1024 ends at some 200 ports."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class StartError(Exception):
    """The switch cannot start: one line with the reason."""


class Daemon:
    """One switch. `load` reads the configuration, now and on reload; `path`: control socket;
    `wait`: ports on the command line may be missing, as those of a file may.
    """

    def __init__(
        self, loaded: Loaded, *, load: Callable[[], Loaded], path: Path, wait: bool = False
    ) -> None:
        self._settings = Settings(loaded)
        self._typed = [] if wait else loaded.typed
        self._load = load
        self._path = path
        self._events = Fanout()
        self._captures = Fanout()
        self._links = Links()
        self._neighbours = Neighbours()
        self._timer: asyncio.TimerHandle | None = None
        self._armed: Instant | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._may_take = self._told = False
        self._endpoint: Endpoint | None = None

    async def run(self) -> int:
        """Forward until a signal or a fault; the exit status. StartError if it cannot begin."""
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
                fastpath, Curtain(), self._attached, lambda: self._openings.busy
            )
            self._openings = Openings(fastpath, self._opened, self._programs)
            self._plane = Plane(
                self._settings.current,
                fastpath=fastpath,
                links=self._links,
                events=self._events,
                captures=self._captures,
                neighbours=self._neighbours,
                claims=Claims(switch.name, self._loop),
                openings=self._openings,
            )
            self._changes = Changes(
                self._settings, self._plane, self._links, self._hosts, self._loaded
            )
            self._answers = Answers(
                self._plane, changes=self._changes, config=self._settings.shown, why=kept
            )
            named = {port.name for port in self._settings.config.named}
            faults = [
                f"{port.name}: {port.problem}"
                for port in self._plane.ports
                if port.problem and port.name in named
            ]
            if faults:
                raise StartError("; ".join(faults))
            self._serve_metrics(self._settings.config.metrics.listen)
            self._start_threads(fastpath, switch.workers)
            self._listen_to_punts()
            self._may_take = True
            self._links.watch(self._loop, self._links_changed)
            self._neighbours.watch(self._loop, fastpath, self._neighbours_changed)
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._end, None)
            self._loop.add_signal_handler(signal.SIGHUP, self._hang_up)
            self._rearm()
            self._say_notes()
            garbage.begin()
            self._whole_look = garbage.WholeLook(clock.now())
            self._say_ready()
            # On stdout, alone on its line: what starts us waits for it.
            with contextlib.suppress(OSError):
                print("ready", flush=True)
            notify.notify("READY=1")
            self._watchdog()
            self._look()
            fault = await self._ended
            notify.notify("STOPPING=1")
            self._loop.remove_reader(fastpath.punt_fd)
        finally:
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

    def _serve_metrics(self, listen: str) -> None:
        if not listen:
            return
        # Imported here: most switches have no endpoint, and this takes longer than all the rest.
        from snoop.control.metrics import Endpoint

        try:
            self._endpoint = Endpoint(listen, loop=self._loop, sample=self._answers.sample)
        except (OSError, OverflowError) as error:
            raise StartError(f"cannot serve [metrics] listen = {listen}: {error}") from error

    # The loop threads ----------------------------------------------------------------------------

    def _start_threads(self, fastpath: FastPath, workers: int) -> None:
        for worker in range(workers):
            thread = threading.Thread(
                target=self._work, args=(fastpath, worker), name=f"loop-{worker}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _work(self, fastpath: FastPath, worker: int) -> None:
        """A loop thread's whole life; whatever ends it early ends the process."""
        try:
            fastpath.run(worker)
            fault = "returned without being asked to stop"
        except OSError as error:
            fault = reason(error)
        except Exception as error:  # A thread that dies silently would be a switch that is deaf.
            fault = repr(error)
        if not self._stopping:
            text = f"the forwarding loop {worker} failed: {fault}; the switch ends"
            with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
                self._loop.call_soon_threadsafe(self._end, text)

    def _stop(self, fastpath: FastPath) -> None:
        self._stopping = True
        # They call into the fast path, and closing the ports is news to both.
        self._neighbours.close()
        self._links.close(self._loop)
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()
        # Nothing may come in any more for the fast path that goes: while clients are shown out the
        # loop runs on, and ports that are closed make the kernel tell of it.
        self._links.close(self._loop)
        self._openings.close()
        self._programs.close()
        fastpath.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        if any(thread.is_alive() for thread in self._threads):
            _log.error("a forwarding loop does not stop; leaving its memory to the kernel")
        else:
            # They would tell of changes to a fast path that is gone.
            self._neighbours.close()
            self._links.close(self._loop)
            fastpath.close()
        self._neighbours.close()

    def _end(self, fault: str | None) -> None:
        if not self._ended.done():
            self._ended.set_result(fault)

    # What the loop calls -------------------------------------------------------------------------

    def _punted(self) -> None:
        """One batch; while more wait the descriptor stays readable, and this comes again after
        timers and clients have had their turn, and other processes theirs.
        """
        rest_ns = self._plane.punted()
        if rest_ns:
            self._loop.remove_reader(self._plane.fastpath.punt_fd)
            self._loop.call_later(rest_ns / SECOND, self._listen_to_punts)
        self._rearm()

    def _listen_to_punts(self) -> None:
        if not self._stopping and not self._ended.done():
            self._loop.add_reader(self._plane.fastpath.punt_fd, self._punted)

    def _links_changed(self) -> None:
        self._changes.links_changed()
        self._rearm()
        self._try_later()

    def _opened(self) -> None:
        """From any thread: a port can be taken. Several are taken together."""
        if self._may_take and not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
                self._loop.call_soon_threadsafe(self._take_opened)

    def _take_opened(self) -> None:
        self._told = False
        if not self._stopping:
            self._links_changed()

    def _attached(self) -> None:
        """From any thread: programs of ports can be taken."""
        with contextlib.suppress(RuntimeError):  # The asyncio loop is already closed.
            self._loop.call_soon_threadsafe(self._take_attached)

    def _take_attached(self) -> None:
        if not self._stopping:
            self._plane.ports.opener.attached()
            self._plane.flush()
            self._rearm()

    def _try_later(self) -> None:
        """A port that could not be opened, now or after a reload, is tried again."""
        if (self._plane.ports.faulty() or self._hosts.waits) and self._retry is None:
            self._retry = self._loop.call_later(RETRY_SECONDS, self._try_again)

    def _neighbours_changed(self) -> None:
        self._plane.neighbours_changed()
        self._rearm()

    def _try_again(self) -> None:
        self._retry = None
        self._links_changed()

    def _rearm(self) -> None:
        """Set the timer to the plane's next deadline, unless it already is."""
        deadline = self._plane.next_deadline()
        if deadline == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = deadline
        if deadline is not None:
            # asyncio's clock is the same CLOCK_MONOTONIC.
            self._timer = self._loop.call_at(deadline / SECOND, self._due)

    def _due(self) -> None:
        self._timer = self._armed = None
        self._plane.advance()
        self._rearm()

    def _look(self) -> None:
        if self._stopping:
            return
        self._plane.look()
        self._whole_look.look(clock.now(), quiet=self._plane.is_quiet)
        self._try_later()
        self._rearm()
        self._loop.call_later(LOOK_SECONDS, self._look)

    def _watchdog(self) -> None:
        interval = notify.watchdog_interval()
        if interval is None or self._stopping:
            return
        if all(thread.is_alive() for thread in self._threads):
            notify.notify("WATCHDOG=1")
        self._loop.call_later(interval, self._watchdog)

    # Configuration and control -------------------------------------------------------------------

    def _loaded(self) -> Loaded:
        """The configuration, loaded again; ConfigError also for who may not be let in."""
        loaded = self._load()
        self._control.let_in(loaded.config.switch.socket_group)
        return loaded

    def _hang_up(self) -> None:
        try:
            self._changes.reload()
            _log.info("configuration reloaded")
        except requests.RequestError as error:
            _log.error("%s", error)
        self._try_later()
        self._rearm()

    async def _answer(self, request: requests.Request) -> object:
        try:
            return await self._answers.answer(request)
        finally:
            self._try_later()  # what a changed configuration could not open
            self._rearm()

    def _listen(self, request: requests.Monitor | requests.Capture) -> Listener | Replay:
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
