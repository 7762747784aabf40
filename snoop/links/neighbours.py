"""Neighbours followed in the daemon's loop: events of every namespace, timers, and storms.

Between an event and its publish the fast path gives watched ports no runs (`FastPath.hold`): the
control thread may be busy, and a router that starts behind a port must not lose a datagram to that.
The kernel is asked by a thread (`asking.py`), which answers when it can; what an event may have
cost somebody is held back until then. What is asked is in `questions.py`, what an answer changes in
`peers.py`.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

from snoop.links import rtnetlink
from snoop.links.asking import Asking
from snoop.links.direct import Direct
from snoop.links.peers import Peers
from snoop.links.questions import Answer, Dumps, Question, Questions
from snoop.links.runs import Runs

_log = logging.getLogger("snoop.neighbours")

READ_AT_ONCE = 256
TOGETHER = 32  # So many answers are heard of in a turn.
# More events than any life of containers makes: somebody makes them. Then they are read rarely and
# unread, everybody is asked instead, and nothing is held back for them.
STORM_EVENTS, STORM_SECONDS, STORM_REST_SECONDS = 2000, 1.0, 0.2
STORM_DISCARDED = 8192
STORM_MORE = 64  # So many more within a second, and it is not over.
PAUSE_SECONDS = 0.02  # Between two rounds of questions: who has many ports has other work as well.


class Held(Protocol):
    """The part of the fast path that gives way while news wait."""

    def watch(self, fd: int) -> None: ...
    def hold(self, hold: bool) -> None: ...


class Neighbours:
    """`open`, then ask at will; `watch` follows in an asyncio loop. Until then who asks is answered
    at once, and from then on by `changed`, when it is known.
    """

    def __init__(self, asking: Asking | None = None) -> None:
        self._asking = asking or Asking()
        self._questions = Questions()
        self._peers = Peers()
        self._unanswered, self._urgent = 0, 0
        self._events: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._counted, self._counted_from = 0, 0.0
        self._rested_at = 0.0
        self._storm = False

    def open(self) -> None:
        """Subscribe before anything is asked. Without netlink nobody takes runs."""
        try:
            try:
                self._events = rtnetlink.events(everywhere=True)
            except PermissionError:
                self._events = rtnetlink.events(everywhere=False)
                self._questions.deaf = (
                    "changes of its peer cannot be heard: CAP_NET_BROADCAST is missing"
                )
            self._questions.open()
        except OSError as error:
            self._questions.deaf = f"nothing can be asked: {error.strerror}"

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        fastpath: Held,
        changed: Callable[[], None],
    ) -> None:
        """Call `changed` from `loop` when an answer changed; hold runs back until it returns."""
        self._loop, self._fastpath, self._changed = loop, fastpath, changed
        if self._events is not None:
            fastpath.watch(self._events.fileno())
            loop.add_reader(self._events.fileno(), self._readable)
        self._arm()

    def close(self) -> None:
        """After `asking` has been closed: what it asks by is closed here."""
        if self._loop is not None and self._events is not None:
            self._loop.remove_reader(self._events.fileno())
        if self._timer is not None:
            self._timer.cancel()
        if self._events is not None:
            self._events.close()
        self._questions.close()
        self._events = self._loop = None

    def knows(self, ifindex: int) -> bool:
        """Has the kernel said anything of it? What the others here say until then is a guess."""
        return self._peers.knows(ifindex)

    def runs(self, ifindex: int) -> Runs:
        """Does what is behind this interface take runs?"""
        return self._peers.runs(ifindex)

    def direct(self, ifindex: int) -> Direct:
        """Can who is behind this interface be handed frames directly?"""
        return self._peers.direct(ifindex)

    def guests(self, ifindex: int) -> frozenset[str]:
        """What else sits on this interface: macvlan, VLAN and the like, by name."""
        return self._peers.guests(ifindex)

    def qdisc(self, ifindex: int) -> str:
        """The interface's own queueing discipline."""
        return self._peers.qdisc(ifindex)

    def follow(self, ifindexes: Collection[int]) -> None:
        """These interfaces and no others."""
        self._peers.follow(ifindexes)
        self._ask(self._peers.new())
        self._arm()

    def _ask(self, questions: Sequence[Question], *, urgent: bool = False) -> None:
        dumps: Dumps = {}
        for at in range(0, len(questions), TOGETHER):
            some = questions[at : at + TOGETHER]
            self._unanswered += 1
            self._urgent += urgent
            answer = partial(self._questions.answer, some, dumps)
            self._asking.ask(answer, partial(self._answered, urgent))

    def _answered(self, urgent: bool, answers: Sequence[Answer]) -> None:
        self._unanswered -= 1
        self._urgent -= urgent
        changed = [answer for answer in answers if self._peers.hear(answer)]
        if self._loop is not None:
            self._rested_at = time.monotonic() + PAUSE_SECONDS
            self._settle(bool(changed))

    def _readable(self) -> None:
        self._fastpath.hold(True)
        self._settle(self._read())

    def _due(self) -> None:
        self._timer = None
        if self._storm and self._events is not None and self._loop is not None:
            self._storm = False
            self._weather_storm()
            self._settle(False)
            self._fastpath.watch(self._events.fileno())
            self._loop.add_reader(self._events.fileno(), self._readable)
        else:
            self._ask(self._peers.due())
            self._arm()

    def _settle(self, changed: bool) -> None:
        """Make it effective, then let go if nothing is asked that may cost somebody more."""
        try:
            if changed:
                self._changed()
        except OSError as error:
            # Not published: no runs until it is. Everybody is asked again, and so it is tried.
            _log.error("cannot publish what the neighbours take: %s", error.strerror)
            self._peers.forget()
        else:
            self._fastpath.hold(self._urgent > 0)
        self._arm()

    def _arm(self) -> None:
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._storm:
            self._timer = self._loop.call_later(STORM_REST_SECONDS, self._due)
        elif not self._unanswered and (at := self._peers.next_due()) is not None:
            wait = max(at, self._rested_at) - time.monotonic()
            self._timer = self._loop.call_later(max(0.0, wait), self._due)

    def _read(self) -> bool:
        """Take in what waits; True if an answer changed."""
        assert self._events is not None
        suspects: set[int] = set()
        changed = False
        count = 0
        try:
            for event in rtnetlink.read_events(self._events, READ_AT_ONCE):
                count += 1
                changed |= self._peers.take(event, suspects)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._ask(self._peers.again(), urgent=True)
        else:
            self._ask(self._peers.again(suspects), urgent=True)
        self._count(count)
        return changed

    def _count(self, events: int) -> None:
        now = time.monotonic()
        if now - self._counted_from > STORM_SECONDS:
            self._counted, self._counted_from = 0, now
        self._counted += events
        if self._counted > STORM_EVENTS and self._loop is not None and self._events is not None:
            if not self._storm:
                _log.debug("interfaces change more than %d times a second", STORM_EVENTS)
            self._storm = True
            self._fastpath.watch(-1)
            self._loop.remove_reader(self._events.fileno())

    def _weather_storm(self) -> None:
        """Forget what waits unread and ask; reading begins again from here."""
        assert self._events is not None
        self._counted, self._counted_from = STORM_EVENTS - STORM_MORE, time.monotonic()
        try:
            for _ in range(STORM_DISCARDED):
                self._events.recv(1)
        except OSError:
            pass  # Empty, or an overrun: all the same.
        self._ask(self._peers.again())
