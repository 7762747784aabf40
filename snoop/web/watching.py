"""One switch, watched for as long as a page looks at it: one look for all pages.

Two connections: one is asked in turn, the other hears what happens. When the switch goes, the last
picture stays with a sentence on it, and the socket is tried until somebody listens again; when it
goes on in another process, so does the page. Who listens there may be anybody: whatever makes no
sense is said to be so, and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from msgspec import MsgspecError, Struct

from snoop.control.client import Refused
from snoop.web.asking import EVENT_BYTES_MAX, Line, State, Unreachable
from snoop.web.happened import KEPT_MAX, RATE_MAX, Happened
from snoop.web.looking import Looked, encode
from snoop.web.viewers import Viewer, message

QUICK_SECONDS = 0.4, 5.0
FAST_SECONDS = 2.0, 10.0
SLOW_SECONDS = 10.0, 90.0
RESTS = 60  # times as long as a look took: three rhythms together 5 % of a processor
AGAIN_SECONDS = 1.0
HANDED_SECONDS = 0.1
LINGER_SECONDS = 10.0
TEXT_MAX = 300
_SENSELESS = (
    MsgspecError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError,
)  # fmt: skip
"""What looking at documents may raise if they say what no switch says."""
_log = logging.getLogger("snoop.web")
_ALL = frozenset(("clear", "config", "port", "static", "lost"))
"""What may change any group."""
_ONE = frozenset(("join", "leave", "expire", "filter", "limit", "table_full"))


class Health(Struct, frozen=True, kw_only=True):
    """Whether there is a switch, since when, and what to do if not."""

    state: str
    text: str | None
    since: float


class Watch:
    """One switch by its socket; it looks while there are viewers, and a little longer."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._viewers: set[Viewer] = set()
        self._looked = Looked()
        self._happened = Happened()
        self._health = Health(state="new", text=None, since=time.time())
        self._task: asyncio.Task[None] | None = None
        self._groups: dict[str, None] = {}
        self._whole = True
        self._stir = asyncio.Event()
        self._told: dict[str, bytes] = {}
        self._rates: dict[int, list[float]] = {}
        self._rows: dict[int, object] = {}
        self._due = {"quick": 0.0, "fast": 0.0, "slow": 0.0}
        self._pid = 0

    @property
    def looked(self) -> Looked:
        """What is known of it."""
        return self._looked

    @property
    def health(self) -> Health:
        """How it is."""
        return self._health

    @property
    def idle(self) -> bool:
        """Does nobody look, and has it stopped?"""
        return self._task is None or self._task.done()

    def enter(self, viewer: Viewer) -> None:
        """Tell this page, too."""
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, viewer: Viewer) -> None:
        """Tell it nothing any more."""
        self._viewers.discard(viewer)

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def picture(self) -> bytes:
        """All of it, as the first message of a page."""
        looked = self._looked
        whole: dict[str, object] = {"health": self._health, "at": time.time()}
        if looked.status is not None:
            whole |= {
                "summary": looked.top(),
                "ports": looked.port_rows,
                "rows": list(looked.rows.values()),
                "rates": looked.rates(),
                "more": looked.more,
                "findings": looked.findings,
            }
        events = self._happened.all(time.time())
        return message("picture", encode(whole)[:-1] + b',"events":' + events + b"}")

    async def _run(self) -> None:
        empty = None
        while True:
            if self._viewers:
                empty = None
            elif empty is None:
                empty = time.monotonic()
            elif time.monotonic() - empty > LINGER_SECONDS:
                return
            rest = AGAIN_SECONDS
            try:
                if not await self._watch():
                    return
                rest = HANDED_SECONDS
            except Unreachable as error:
                self._is(error.state, str(error))
            except Refused as error:
                self._is(State.FOREIGN, f"the switch refuses to answer: {error}")
            except _SENSELESS as error:
                text = f"what {self._path} says makes no sense ({type(error).__name__}: {error})"
                if self._is(State.FOREIGN, text[:TEXT_MAX]):
                    _log.warning("%s", text[:TEXT_MAX], exc_info=error)
            await asyncio.sleep(rest)

    async def _watch(self) -> bool:
        """Look until nobody does any more (False), or another process is the switch (True)."""
        asked, heard = Line(self._path), Line(self._path, EVENT_BYTES_MAX)
        self._due = dict.fromkeys(self._due, 0.0)
        self._happened.forget()
        self._pid = 0  # whoever looks gets the whole of it anew, and nothing twice
        hearing = asyncio.get_running_loop().create_task(self._hear(heard))
        empty = time.monotonic()
        try:
            while self._viewers or time.monotonic() - empty < LINGER_SECONDS:
                if self._viewers:
                    empty = time.monotonic()
                await self._look(asked)
                if hearing.done():
                    if hearing.result():
                        return True
                    raise Unreachable(State.DEAD, f"the switch at {self._path} went away")
                self._stir.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rest()):
                        await self._stir.wait()
            return False
        finally:
            hearing.cancel()
            asked.close()
            heard.close()

    def _rest(self) -> float:
        """Seconds until something is due, whatever happens."""
        now = time.monotonic()
        due = [self._due["fast"], self._due["slow"]]
        if self._groups or self._whole:
            due.append(self._due["quick"])
        return max(0.05, min(min(due) - now, 1.0))

    async def _look(self, line: Line) -> None:
        began = time.monotonic()
        looked = self._looked
        if began >= self._due["slow"]:
            first = self._due["slow"] == 0.0
            await looked.slow(line)
            self._whole = False
            self._groups.clear()
            self._next("slow", began, SLOW_SECONDS, spared=0.45 if first else 0.2)
            self._next("fast", began, FAST_SECONDS, spared=0.45 if first else 0.2)
        elif began >= self._due["fast"]:
            await looked.fast(line)
            self._next("fast", began, FAST_SECONDS)
        elif (self._groups or self._whole) and began >= self._due["quick"]:
            groups, self._groups = self._groups, {}
            if self._whole:
                self._whole = False
                self._due["slow"] = min(self._due["slow"], began + QUICK_SECONDS[1])
            await looked.quick(line, groups)
            self._next("quick", began, QUICK_SECONDS)
        assert looked.status is not None
        if self._health.state != State.RUNNING or looked.status.pid != self._pid:
            self._pid = looked.status.pid
            self._health = Health(state=State.RUNNING, text=None, since=time.time())
            self._remember()
            for viewer in self._viewers:
                viewer.again()
        self._tell()

    def _next(
        self, what: str, began: float, bounds: tuple[float, float], spared: float = 0.0
    ) -> None:
        """When it is due again; `spared`: seconds of it that cost nobody anything."""
        now = time.monotonic()
        rest = RESTS * max(0.0, now - began - spared)
        self._due[what] = now + min(max(bounds[0], rest), bounds[1])

    async def _hear(self, line: Line) -> bool:
        """What happens, and what has happened; True if another process has all that is later."""
        past, handed = KEPT_MAX, False
        async for each in line.stream("monitor", last=past):
            head = self._happened.add(each.rstrip(), past=past > 0)
            past -= 1
            handed = head.event == "handover"
            if handed:
                continue
            if time.time() - head.time < AGAIN_SECONDS:
                past = 0
            if past > 0:
                continue
            if head.event in _ONE and head.group is not None:
                self._groups[head.group] = None
            elif head.event in _ALL:
                self._whole = True
            self._stir.set()
            if not self._happened.room:
                await asyncio.sleep(1 / RATE_MAX)
        self._stir.set()
        return handed

    def _is(self, state: State, text: str) -> bool:
        """How it is from now on; False: as it was."""
        if (self._health.state, self._health.text) == (state, text):
            return False
        self._health = Health(state=state, text=text, since=time.time())
        self._spread(message("health", encode(self._health)))
        return True

    def _spread(self, told: bytes) -> None:
        for viewer in self._viewers:
            viewer.tell(told)

    def _remember(self) -> None:
        """Everybody gets the whole: what was told before is of no use."""
        looked = self._looked
        self._rows, self._rates = dict(looked.rows), looked.rates()
        self._told.clear()
        self._happened.new()

    def _tell(self) -> None:
        """What is not as it was told last."""
        looked = self._looked
        changed: dict[str, object] = {}
        parts = {
            "summary": looked.top(), "ports": looked.port_rows, "findings": looked.findings,
            "more": looked.more,
        }  # fmt: skip
        for name, part in parts.items():
            written = encode(part)
            if self._told.get(name) != written:
                self._told[name] = written
                changed[name] = part
        rows = [row for number, row in looked.rows.items() if self._rows.get(number) != row]
        gone = [number for number in self._rows if number not in looked.rows]
        rates = looked.rates()
        moved = {number: rate for number, rate in rates.items() if self._rates.get(number) != rate}
        self._rows, self._rates = dict(looked.rows), rates
        changed |= {name: part for name, part in (("rows", rows), ("gone", gone)) if part}
        if moved:
            changed["rates"] = moved
        if changed:
            self._spread(message("change", encode({**changed, "at": time.time()})))
        new = self._happened.new()
        if new is not None:
            told, left_out = new
            counted = b'{"events":' + told + b',"left_out":' + str(left_out).encode() + b"}"
            self._spread(message("events", counted))
