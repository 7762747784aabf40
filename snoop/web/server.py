"""The addresses of the page, and what is answered at each; INTERFACE.md 2, web, lists them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Collection
from importlib.resources import files

import msgspec
from aiohttp import web

from snoop.control.client import Refused
from snoop.control.requests import Shown
from snoop.web.answers import Answers, Busy
from snoop.web.asking import Line, State, Unreachable
from snoop.web.guarding import Guard, dress, refuse
from snoop.web.looking import encode
from snoop.web.metrics import Scraped, exposition
from snoop.web.neighbours import Link, Seen, links, seen
from snoop.web.places import Places
from snoop.web.switches import Find
from snoop.web.viewers import Viewer, message
from snoop.web.watching import Watch

CONNECTIONS_MAX = 128
VIEWERS_MAX = 48
ALIVE_SECONDS = 15.0
SEND_SECONDS = 20.0
NEIGHBOURS_SECONDS = 30.0
STATES_SECONDS = 2.0
BACKLOG = 128
HEADER_BYTES_MAX = 1 << 14  # cookies of whatever else localhost serves come along
_SHOWN = frozenset(Shown.__args__)  # type: ignore[attr-defined]
_FILTERS = frozenset(("vlan", "group", "port", "family", "host", "source"))
_EXPLAINS = frozenset(("port", "group", "source", "vlan", "frame_bytes", "ttl"))
_TOLD = frozenset(("vlan", "group", "port", "family", "host", "last"))
_NUMBERS = frozenset(("vlan", "last", "frame_bytes", "ttl"))
_TYPES = {
    "html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml",
}  # fmt: skip


class Pages:
    """What is answered. `find` says which switches there are."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._watches: dict[str, Watch] = {}
        self._answers: dict[str, Answers] = {}
        self._viewers = 0
        self._scraped = Scraped()
        self._links: tuple[float, list[Link]] | None = None
        self._linking = asyncio.Lock()
        self._states: tuple[float, list[dict[str, str]]] | None = None
        self._stating = asyncio.Lock()
        self._static = {
            entry.name: entry.read_bytes()
            for entry in (files("snoop.web") / "static").iterdir()
            if entry.name.rpartition(".")[2] in _TYPES
        }

    def routes(self) -> list[web.RouteDef]:
        """Every address."""
        return [
            web.get("/", self._page),
            web.get("/static/{name}", self._file),
            web.get("/metrics", self._metrics),
            web.get("/api/switches", self._switches),
            web.get("/api/neighbours", self._neighbours),
            web.get("/api/{switch}/live", self._live),
            web.get("/api/{switch}/show/{what}", self._show),
            web.get("/api/{switch}/explain", self._explain),
            web.get("/api/{switch}/events", self._events),
            web.get("/api/{switch}/picture", self._picture),
        ]

    async def close(self) -> None:
        """End all that watches."""
        for watch in self._watches.values():
            await watch.close()
        for answers in self._answers.values():
            answers.close()

    # The page ------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        return self._sent("page.html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._static or name == "page.html":
            return refuse(404, "there is no such file")
        return self._sent(name)

    def _sent(self, name: str) -> web.Response:
        kind = _TYPES[name.rpartition(".")[2]]
        return web.Response(body=self._static[name], content_type=kind, charset="utf-8")

    # What is live --------------------------------------------------------------------------------

    async def _live(self, request: web.Request) -> web.StreamResponse:
        path = self._path(request)
        if self._viewers >= VIEWERS_MAX:
            return refuse(503, f"{VIEWERS_MAX} pages are open already: close one")
        watch = self._watch(path)
        viewer = Viewer()
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        dress(answer)
        self._viewers += 1
        watch.enter(viewer)
        try:
            await answer.prepare(request)
            await self._feed(answer, viewer, watch)
        except (ConnectionError, TimeoutError):
            pass  # He went, or does not read: the page comes again by itself.
        finally:
            self._viewers -= 1
            watch.leave(viewer)
            if request.transport is not None:
                request.transport.abort()
        return answer

    async def _feed(self, answer: web.StreamResponse, viewer: Viewer, watch: Watch) -> None:
        before = b""
        while True:
            told = await viewer.next(ALIVE_SECONDS)
            messages = [watch.picture()] if told is None else told or [b": still here\n\n"]
            there = encode(await self._all_states())
            if there != before:
                before = there
                messages.append(message("switches", there))
            async with asyncio.timeout(SEND_SECONDS):
                await answer.write(b"".join(messages))

    async def _picture(self, request: web.Request) -> web.Response:
        """What the page shows, once: rows, ports, summary, findings."""
        watch = self._watch(self._path(request))
        viewer = Viewer()
        watch.enter(viewer)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                while watch.health.state == "new":
                    await asyncio.sleep(0.05)
        finally:
            watch.leave(viewer)
        body = watch.picture().partition(b"data: ")[2].strip()
        return web.Response(body=body, content_type="application/json")

    # Documents -----------------------------------------------------------------------------------

    async def _switches(self, request: web.Request) -> web.Response:
        return _json({"switches": await self._all_states()})

    async def _all_states(self) -> list[dict[str, str]]:
        """Which switches there are, and how they are: looked for by one page for all pages."""
        async with self._stating:
            now = asyncio.get_running_loop().time()
            if self._states is None or now - self._states[0] > STATES_SECONDS:
                found = self._find()
                self._forget(found)
                states = await asyncio.gather(*map(self._state, found.values()))
                self._states = (
                    now,
                    [
                        {"name": name, "socket": path, "state": state}
                        for (name, path), state in zip(found.items(), states, strict=True)
                    ],
                )
            return self._states[1]

    def _forget(self, found: dict[str, str]) -> None:
        """What nobody looks at any more, and what is known of switches that are not there."""
        for path in self._answers.keys() - found.values():
            self._answers.pop(path).close()
        for path in [path for path, watch in self._watches.items() if watch.idle]:
            del self._watches[path]

    async def _state(self, path: str) -> str:
        watch = self._watches.get(path)
        if watch is not None and not watch.idle and watch.health.state != "new":
            return watch.health.state
        line = Line(path)
        try:
            await line.knock()
        except Unreachable as error:
            return error.state
        finally:
            line.close()
        return State.RUNNING

    async def _show(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        if what not in _SHOWN:
            return refuse(404, f"shown are {', '.join(sorted(_SHOWN))}")
        return await self._asked(request, "show", _FILTERS, what=what)

    async def _explain(self, request: web.Request) -> web.Response:
        return await self._asked(request, "explain", _EXPLAINS)

    async def _events(self, request: web.Request) -> web.Response:
        return await self._asked(request, "events", _TOLD)

    async def _asked(
        self, request: web.Request, kind: str, known: Collection[str], **fields: object
    ) -> web.Response:
        for name, value in request.query.items():
            if name not in known or name in fields:
                return refuse(400, f"taken are, once each: {', '.join(sorted(known))}")
            if name in _NUMBERS and not (value.isascii() and value.isdigit() and len(value) < 7):
                return refuse(400, f"{name} is a number")
            fields[name] = int(value) if name in _NUMBERS else value
        path = self._path(request)
        answers = self._answers.setdefault(path, Answers(path))
        try:
            body = await answers.get(kind, fields)
        except Refused as error:
            return refuse(400, str(error))
        except Unreachable as error:
            return refuse(502, str(error))
        except Busy:
            return refuse(503, "too many questions wait for this switch already")
        return web.Response(body=body, content_type="application/json")

    def _path(self, request: web.Request) -> str:
        path = self._find().get(request.match_info["switch"])
        if path is None:
            raise web.HTTPNotFound(reason="there is no such switch")
        return path

    def _watch(self, path: str) -> Watch:
        if path not in self._watches or self._watches[path].idle:
            self._watches[path] = Watch(path)  # nothing of what was seen the last time
        return self._watches[path]

    # All switches --------------------------------------------------------------------------------

    async def _neighbours(self, request: web.Request) -> web.Response:
        async with self._linking:
            now = asyncio.get_running_loop().time()
            if self._links is None or now - self._links[0] > NEIGHBOURS_SECONDS:
                self._links = now, links(await self._all_seen())
            return _json({"links": self._links[1]})

    async def _all_seen(self) -> dict[str, Seen]:
        known = {}
        for name, path in self._find().items():
            answers = self._answers.setdefault(path, Answers(path))
            with contextlib.suppress(Refused, Unreachable, Busy, msgspec.DecodeError):
                known[name] = seen(
                    await answers.get("show", {"what": "ports"}),
                    await answers.get("show", {"what": "fdb"}),
                )
        return known

    async def _metrics(self, request: web.Request) -> web.Response:
        body, kind = await exposition(
            self._find(), self._scraped, everything="all" in request.query
        )
        return web.Response(body=body, headers={"Content-Type": kind})


def _json(document: object) -> web.Response:
    return web.Response(body=encode(document), content_type="application/json")


@contextlib.asynccontextmanager
async def serving(
    listening: socket.socket, find: Find, *, names: Collection[str] = ()
) -> AsyncIterator[None]:
    """The page is there meanwhile; `names`: of this machine, besides its addresses."""
    pages = Pages(find)
    places: list[Places] = []
    guard = Guard(
        names,
        busy=lambda transport: places[0].busy(transport),
        idle=lambda transport: places[0].idle(transport),
    )

    @web.middleware
    async def guarded(request: web.Request, handler: object) -> web.StreamResponse:
        return await guard(request, handler)  # type: ignore[arg-type]

    app = web.Application(middlewares=[guarded], client_max_size=1)
    app.add_routes(pages.routes())
    runner = web.AppRunner(
        app, access_log=None, logger=_quiet(), handle_signals=False, shutdown_timeout=0.5,
        max_line_size=4096, max_field_size=HEADER_BYTES_MAX, lingering_time=0.5,
        keepalive_timeout=15.0,
    )  # fmt: skip
    await runner.setup()
    assert runner.server is not None
    places.append(Places(CONNECTIONS_MAX, runner.server))
    server = await asyncio.get_running_loop().create_server(
        places[0], sock=listening, backlog=BACKLOG
    )
    try:
        yield
    finally:
        server.close()
        await pages.close()
        await runner.cleanup()


def _quiet() -> logging.Logger:
    """For aiohttp, which has a traceback for bytes that are no HTTP: the sender has a status."""
    logger = logging.getLogger("snoop.web.http")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
