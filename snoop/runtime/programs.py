"""Programs at the ports' interfaces, which come when the ports are there already.

The kernel takes a grace period for each, with its lock on all interfaces held: two hundred are two
seconds. So a port serves by its rings from the start, behind a curtain that keeps the host's stack
off it, and its program comes after, the port's first at which most comes in; between two of them
others have their turn at the lock, and as long as ports are being opened none is made. Where no
curtain can be drawn, the port has its program from the start.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from snoop.table.seen import PortSetup

AT_ONCE = 8  # of one publish
_PAUSE_SECONDS = 0.004
_PAUSES_MAX = 250  # while ports are being opened


class Attaching(Protocol):
    """The part of the fast path that makes them."""

    def attach(self, ifindex: int, setup: PortSetup) -> Any: ...
    def discard(self, prepared: Any) -> None: ...


class Covering(Protocol):
    """`links.curtain.Curtain`, or what a test puts in its place."""

    def draw(self, ifindex: int) -> bool: ...
    def lift(self, ifindex: int) -> None: ...
    def close(self) -> None: ...


class Wanted(NamedTuple):
    """A port that waits for its program."""

    port: int
    ifindex: int
    setup: PortSetup


class Programs:
    """`told` is called, from any thread, when some can be taken; `busy`: are ports being opened?"""

    def __init__(
        self,
        fastpath: Attaching,
        curtain: Covering,
        told: Callable[[], None],
        busy: Callable[[], bool],
        *,
        held: bool = False,
    ) -> None:
        """`held`: make none before `let_go`."""
        self._held = held
        self._fastpath = fastpath
        self._curtain = curtain
        self._told = told
        self._busy = busy
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="attach")
        self._waiting: dict[int, Wanted] = {}
        self._begun: Future[list[tuple[Wanted, Any]]] | None = None
        self._closed = threading.Event()

    def cover(self, ifindex: int, setup: PortSetup) -> PortSetup:
        """How a port can be opened, from any thread: with its program, where nothing covers it."""
        if setup.later and setup.isolate and not self._curtain.draw(ifindex):
            return replace(setup, later=False)
        return setup

    def uncover(self, ifindex: int) -> None:
        """What it was covered for came to nothing; of any thread."""
        if all(each.ifindex != ifindex for each in list(self._waiting.values())):
            self._curtain.lift(ifindex)

    def want(self, wanted: Wanted) -> None:
        """A port is there, and waits."""
        self._waiting[wanted.port] = wanted

    def forget(self, port: int, ifindex: int) -> None:
        """It does not wait, or no more; what is under way for it comes to nothing."""
        self._waiting.pop(port, None)
        self._curtain.lift(ifindex)

    def isolate(self, ifindex: int, isolate: bool) -> bool:
        """Keep the host's stack off a port that waits, or not; False: that cannot be."""
        if isolate:
            return self._curtain.draw(ifindex)
        self._curtain.lift(ifindex)
        return True

    def begin(self, rank: Callable[[int], int]) -> None:
        """Make the next ones, if none are under way: of ports of the highest rank."""
        if self._held or self._begun is not None or not self._waiting or self._closed.is_set():
            return
        chosen = sorted(self._waiting.values(), key=lambda each: -rank(each.port))[:AT_ONCE]
        self._begun = self._pool.submit(self._make, chosen)
        self._begun.add_done_callback(lambda _: self._told())

    @property
    def unsettled(self) -> bool:
        """Does a port still wait for its program, or is one made that nobody has taken?"""
        return bool(self._waiting) or self._begun is not None

    def let_go(self) -> None:
        """From the next `begin` on some are made: who had the ports before is no switch any more,
        and its programs can go when ours are there.
        """
        self._held = False

    def taken(self) -> list[tuple[Wanted, Any]]:
        """Those that are made."""
        if self._begun is None or not self._begun.done():
            return []
        made, self._begun = self._begun.result(), None
        return made

    def close(self) -> None:
        """Make no more, and take back what was made."""
        self._closed.set()
        self._pool.shutdown(wait=True)
        for _, program in self.taken():
            self._fastpath.discard(program)
        self._curtain.close()

    def _make(self, chosen: list[Wanted]) -> list[tuple[Wanted, Any]]:
        made: list[tuple[Wanted, Any]] = []
        for wanted in chosen:
            for _ in range(_PAUSES_MAX):
                if self._closed.wait(_PAUSE_SECONDS):
                    return made
                if not self._busy():
                    break
            with contextlib.suppress(OSError):  # No memory: it waits on.
                made.append((wanted, self._fastpath.attach(wanted.ifindex, wanted.setup)))
        return made
