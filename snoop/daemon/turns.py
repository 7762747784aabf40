"""What asyncio calls while the switch runs: frames that wait, news of links, the one timer.

Each turn ends with the timer set to the plane's next deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from snoop.control.changes import Changes
from snoop.links.interfaces import Links
from snoop.links.neighbours import Neighbours
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, garbage
from snoop.runtime.hosts import Hosts
from snoop.runtime.plane import Plane
from snoop.runtime.rings import LOOK_SECONDS

RETRY_SECONDS = 2.0


class Turns:
    """They begin once the loops run, and end before the fast path goes."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        plane: Plane,
        changes: Changes,
        hosts: Hosts,
        ended: Callable[[], None],
    ) -> None:
        """Have `ended` called at the end of each."""
        self._ended = ended
        self._loop = loop
        self._plane = plane
        self._changes = changes
        self._hosts = hosts
        self._timer: asyncio.TimerHandle | None = None
        self._armed: Instant | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._whole_look: garbage.WholeLook | None = None
        self._deaf = self._over = self._rests = False

    def begin(self, links: Links, neighbours: Neighbours) -> None:
        """Take frames, and what is told of interfaces and who is behind them."""
        self._listen_to_punts()
        links.watch(self._loop, self.links_changed)
        neighbours.watch(self._loop, self._plane.fastpath, self._neighbours_changed)
        self.rearm()

    def begin_looks(self) -> None:
        """Look after things every LOOK_SECONDS."""
        garbage.begin()
        self._whole_look = garbage.WholeLook(clock.now())
        self._look()

    def rest(self) -> None:
        """Do nothing until `go_on`, or for good: the plane stays as it is."""
        self._rests = True
        self._loop.remove_reader(self._plane.fastpath.punt_fd)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._armed = None

    def go_on(self) -> None:
        """Catch up with all that happened meanwhile."""
        self._rests = False
        self._listen_to_punts()
        self.take_attached()
        self._neighbours_changed()
        self.links_changed()

    def deafen(self) -> None:
        """Take no more frames."""
        self._deaf = True
        self._loop.remove_reader(self._plane.fastpath.punt_fd)

    def end(self) -> None:
        """Nothing is called any more."""
        self._over = True
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()

    def links_changed(self) -> None:
        if self._rests:
            return
        self._changes.links_changed()
        self.rearm()
        self.try_later()

    def take_opened(self) -> None:
        """Ports that were being opened are there."""
        if not self._over:
            self.links_changed()

    def take_attached(self) -> None:
        """Programs of ports are there."""
        if not (self._over or self._rests):
            self._plane.ports.opener.attached()
            self._plane.flush()
            self.rearm()

    def try_later(self) -> None:
        """A port that could not be opened, now or after a reload, is tried again."""
        if (self._plane.ports.faulty() or self._hosts.waits) and self._retry is None:
            self._retry = self._loop.call_later(RETRY_SECONDS, self._try_again)

    def rearm(self) -> None:
        """Set the timer to the plane's next deadline, unless it already is."""
        self._ended()
        deadline = self._plane.next_deadline()
        if self._rests or deadline == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = deadline
        if deadline is not None:
            # asyncio's clock is the same CLOCK_MONOTONIC.
            self._timer = self._loop.call_at(deadline / SECOND, self._due)

    def _listen_to_punts(self) -> None:
        if not (self._deaf or self._over or self._rests):
            self._loop.add_reader(self._plane.fastpath.punt_fd, self._punted)

    def _punted(self) -> None:
        """One batch; while more wait the descriptor stays readable, and this comes again after
        timers and clients have had their turn, and other processes theirs.
        """
        rest_ns = self._plane.punted()
        if rest_ns:
            self._loop.remove_reader(self._plane.fastpath.punt_fd)
            self._loop.call_later(rest_ns / SECOND, self._listen_to_punts)
        self.rearm()

    def _neighbours_changed(self) -> None:
        if self._rests:
            return
        self._plane.neighbours_changed()
        self.rearm()

    def _try_again(self) -> None:
        self._retry = None
        self.links_changed()

    def _due(self) -> None:
        self._timer = self._armed = None
        self._plane.advance()
        self.rearm()

    def _look(self) -> None:
        if self._over or self._whole_look is None:
            return
        if not self._rests:
            self._plane.look()
            self._whole_look.look(clock.now(), quiet=self._plane.is_quiet)
            self.try_later()
            self.rearm()
        self._loop.call_later(LOOK_SECONDS, self._look)
