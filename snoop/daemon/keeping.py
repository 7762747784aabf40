"""When the snapshot is written, and by whom.

Soon after something changed, so that little is lost by a crash; at most once a second, and less
often where it takes long, so that it never costs more than a twentieth of a processor. What takes a
while is written by a child, which has the memory as it was at the moment it was made: nothing waits
for it, and nothing can change beneath it. Numbers that move by themselves are in it every
`COUNTS_SECONDS`, and a file that somebody has removed is there again as soon.

The child is in the way of nobody: it lets go of all descriptors at once (rings are not even mapped
in it), stands behind all others for a processor, is the first to go where memory is out, and
replaces no file once its parent is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from snoop.daemon.surviving import SwitchState
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, saved
from snoop.runtime.log import Limited
from snoop.runtime.plane import Plane
from snoop.runtime.snapshot import Snapshot

_log = logging.getLogger("snoop.state")

SOON_SECONDS: Final = 0.02
AGAIN_SECONDS: Final = 1.0
COUNTS_SECONDS: Final = 10.0
SHARE: Final = 20
"""The pause after a snapshot, in times what it took of a processor."""
HEAVY: Final = 300
"""Memberships, or as much of other things: from here on a child writes."""
_HUNG_SECONDS: Final = 60.0
_NICER: Final = 15
_FD_MAX: Final = 1 << 20
_OOM: Final = Path("/proc/self/oom_score_adj")
_FIRST: Final = "1000"


class Keeping:
    """`gather` reads what only this process can, and returns who makes the state of it, in this
    process or in a copy of it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        snapshot: Snapshot,
        gather: Callable[[], Callable[[], SwitchState]],
        plane: Plane,
    ) -> None:
        self._loop = loop
        self._snapshot = snapshot
        self._gather = gather
        self._plane = plane
        self._limited = Limited(_log)
        self._written: tuple[int, int] = (-1, -1)
        self._next = Instant(0)
        self._timer: asyncio.TimerHandle | None = None
        self._counts: asyncio.TimerHandle | None = None
        self._child: tuple[int, int] | None = None  # its pid, and a descriptor of it
        self._cost = 0
        self._over = False

    def changed(self) -> None:
        """Something may have changed: called often."""
        if self._timer is None and not self._over and self._plane.changes != self._written[0]:
            wait = max(SOON_SECONDS, (self._next - clock.now()) / SECOND)
            self._timer = self._loop.call_later(wait, self._write)
        if self._counts is None and not self._over:
            self._counts = self._loop.call_later(COUNTS_SECONDS, self._count_on)

    def end(self) -> None:
        """Write nothing more."""
        self._over = True
        for timer in (self._timer, self._counts):
            if timer is not None:
                timer.cancel()
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child[0], signal.SIGKILL)
            self._reap()

    def _count_on(self) -> None:
        self._counts = None
        moved = self._passes() != self._written[1]
        if self._timer is None and (moved or self._snapshot.is_lost):
            self._timer = self._loop.call_later(0, self._write)
        self.changed()

    def _write(self) -> None:
        self._timer = None
        if self._over:
            return
        if self._plane.turnover.waits:  # it would have to do all of it at once
            self._timer = self._loop.call_later(SOON_SECONDS, self._write)
            return
        begun = clock.now()
        if self._child is not None:  # slower than ever: it is looked after when it has ended
            self._next = Instant(begun + SECOND)
            return
        self._written = self._plane.changes, self._passes()
        try:
            make = self._gather()
            if self._weight() > HEAVY:
                self._give_birth(make)
                self._cost = clock.now() - begun
            else:
                self._snapshot.write(saved.pack(make()))
                self._plane.unkept = None
                self._done(clock.now() - begun)
        except (OSError, MemoryError) as error:
            self._failed(getattr(error, "strerror", None) or str(error) or "out of memory")
            self._done(clock.now() - begun)

    def _passes(self) -> int:
        """Grows while there is traffic."""
        fastpath = self._plane.fastpath
        return sum(fastpath.worker_stats(each).passes for each in range(fastpath.workers))

    def _weight(self) -> int:
        """How much there is, in memberships."""
        plane = self._plane
        members = sum(plane.engine.port_groups(port.id) for port in plane.ports)
        return members + plane.fastpath.fdb_count // 8 + plane.history.count // 16

    def _give_birth(self, make: Callable[[], SwitchState]) -> None:
        parent = os.getpid()
        with warnings.catch_warnings():
            # Of threads: those of the loops hold nothing that is touched here.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            _be_the_child(self._snapshot, make, parent)
        self._child = pid, os.pidfd_open(pid)
        self._loop.add_reader(self._child[1], self._reap)
        self._loop.call_later(_HUNG_SECONDS, self._look_after, pid)

    def _look_after(self, pid: int) -> None:
        if self._child is not None and self._child[0] == pid:
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        if self._child is None:
            return
        pid, fd = self._child
        self._child = None
        self._loop.remove_reader(fd)
        os.close(fd)
        _, status, used = os.wait4(pid, 0)
        if self._over:
            return
        self._plane.unkept = None
        self._snapshot.remember()
        if status:
            self._snapshot.sweep(pid)
            self._failed("the process that was to write it failed")
        # How long it stood behind others is no measure: the next would be the later for it.
        self._done(self._cost + round((used.ru_utime + used.ru_stime) * SECOND))

    def _done(self, cost: int) -> None:
        pause = max(round(AGAIN_SECONDS * SECOND), SHARE * cost)
        self._next = Instant(clock.now() + pause)
        self.changed()

    def _failed(self, why: str) -> None:
        self._plane.unkept = why
        self._written = -1, -1  # try again, though nothing may change
        text = f"no snapshot written, so less is known after a crash: {why}"
        self._limited.log(logging.WARNING, "snapshot", text, now=clock.now())


def _be_the_child(snapshot: Snapshot, make: Callable[[], SwitchState], parent: int) -> NoReturn:
    """All that it does; nobody gets back from here."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, _FD_MAX)
        os.nice(_NICER)
        with contextlib.suppress(OSError):  # who may not is as likely to go as its parent
            _OOM.write_text(_FIRST, encoding="ascii")
        snapshot.write(saved.pack(make()), still=parent)
        status = 0
    finally:
        os._exit(status)
