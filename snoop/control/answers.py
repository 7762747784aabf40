"""What the daemon answers: each request to the plane, each result to plain data.

Addresses and port names are checked here, once, so that nothing below sees a bad one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable, Iterable
from heapq import nlargest
from itertools import islice
from typing import TypeVar, cast

import msgspec

from snoop import __version__
from snoop.config.loader import effective
from snoop.control import documents, explain, requests, rows, statistics
from snoop.control.rates import Rate, Rates
from snoop.control.requests import (
    Capture,
    Clear,
    Explain,
    Filter,
    Monitor,
    Mrouter,
    Named,
    Query,
    Reload,
    Request,
    RequestError,
    Show,
    Static,
)
from snoop.control.rows import Wanted
from snoop.control.sample import STREAMS_MAX, Sample
from snoop.printable import natural
from snoop.proto.groups import Full
from snoop.proto.units import MILLISECOND, SECOND
from snoop.runtime import clock
from snoop.runtime.fanout import Fanout, Item, Listener
from snoop.runtime.plane import Plane
from snoop.runtime.ports import NoSuchPort, Port
from snoop.table.seen import FdbEntry, Stream
from snoop.wire import address
from snoop.wire.address import Address

# How long the first `show streams` watches before it says how fast they are.
LOOK_SECONDS = 0.25
# How long rows are made before the loop has a turn, and of how many groups between two looks.
PART_NS = 6 * MILLISECOND
PART_KEYS = 8

Keys = list[tuple[int, Address]]
Key = TypeVar("Key")
Row = TypeVar("Row")


class Answers:
    """Answers requests about one plane. `reload` reads the configuration file again, `config`
    shows what it has become; without, what the plane goes by.
    """

    def __init__(
        self,
        plane: Plane,
        *,
        reload: Callable[[], documents.Reloaded],
        config: Callable[[], object] | None = None,
    ) -> None:
        self._plane = plane
        self._reload = reload
        self._config = config or (lambda: effective(plane.config))
        self._rates = Rates()
        self._large = asyncio.Lock()
        self._counters = statistics.Counters(plane)

    async def answer(self, request: Request) -> object:
        """The result; RequestError for what cannot be done."""
        match request:
            case Show(what="streams"):
                return await self._streams(self._wanted(request))
            case Show(what="mdb"):
                return await self._mdb(self._wanted(request))
            case Show(what="hosts"):
                return await self._hosts(self._wanted(request))
            case Show(what="witnesses"):
                return await self._witnesses(self._wanted(request))
            case Show(what="fdb"):
                return await self._fdb(self._wanted(request))
            case Show(what="querier"):
                return await self._queriers(self._wanted(request))
            case Show(what="mrouters"):
                return await self._mrouters(self._wanted(request))
            case Show():
                return self._show(request)
            case Static():
                self._static(request)
            case Mrouter():
                self._mrouter(request)
            case Clear():
                self._clear(request)
            case Query():
                self._query(request)
            case Explain():
                return self._explain(request)
            case Reload():
                return self._reload()
            case _:
                raise AssertionError(request)
        return None

    def _named(self, name: str) -> Port:
        """The port of that name; RequestError if this switch has none."""
        try:
            return self._plane.ports.named(name)
        except NoSuchPort as error:
            raise RequestError(str(error), code=2) from None

    def _all_named(self, names: Named) -> list[Port]:
        """Those ports, all of them or none: nothing is begun with a name that is wrong."""
        given = (names,) if isinstance(names, str) else names
        return [self._named(name) for name in dict.fromkeys(given)]

    def listen(self, request: Monitor | Capture, *, events: Fanout, captures: Fanout) -> Listener:
        """A listener for a stream request; RequestError for a port that is none."""
        if request.port is not None:
            self._named(request.port)
        if isinstance(request, Capture):
            return captures.listen(lambda item: request.port in (None, item["port"]))
        group = None if request.group is None else address.text(_group(request.group))

        def wanted(item: Item) -> bool:
            return (
                (not request.types or item["event"] in request.types)
                and request.port in (None, item["port"])
                and group in (None, item.get("group"))
            )

        return events.listen(wanted)

    # Showing -------------------------------------------------------------------------------------

    def _show(self, request: Show) -> object:
        plane, wanted = self._plane, self._wanted(request)
        match request.what:
            case "ports":
                return documents.Ports(ports=statistics.ports(plane, self._counters, wanted))
            case "counters":
                return self._counters.show(wanted)
            case "config":
                return self._config()
            case "status":
                return self._status()
            case _:
                raise AssertionError(request.what)

    async def _mdb(self, wanted: Wanted) -> documents.Mdb:
        plane = self._plane
        engine, name = plane.engine, plane.ports.name

        def part(keys: Keys) -> list[documents.Entry]:
            return rows.mdb(engine.mdb(clock.now(), keys), name, wanted)

        table = await self._in_parts(engine.keys(vid=wanted.vid, group=wanted.group), part)
        return documents.Mdb(switch=plane.config.switch.name, mdb=table)

    async def _hosts(self, wanted: Wanted) -> documents.Hosts:
        engine, name = self._plane.engine, self._plane.ports.name

        def part(keys: Keys) -> list[documents.Host]:
            return rows.hosts(engine.hosts(clock.now(), keys), name, wanted)

        keys = engine.keys(vid=wanted.vid, group=wanted.group)
        return documents.Hosts(hosts=await self._in_parts(keys, part))

    async def _witnesses(self, wanted: Wanted) -> documents.Witnesses:
        engine, name = self._plane.engine, self._plane.ports.name

        def part(ports: list[int]) -> list[documents.Refused]:
            found = engine.refusals(clock.now(), ports, vid=wanted.vid, group=wanted.group)
            return rows.refused(found, name, wanted)

        known = (port.id for port in self._plane.ports if wanted.has(port.id))
        ports = sorted(known, key=lambda port: natural(name(port)))
        return documents.Witnesses(refused=await self._in_parts(ports, part))

    async def _fdb(self, wanted: Wanted) -> documents.Fdb:
        plane = self._plane
        name, sticky = plane.ports.name, plane.ports.sticky

        def part(entries: list[FdbEntry]) -> list[documents.Station]:
            return rows.fdb(entries, name, wanted, sticky)

        entries = []
        since = clock.now()
        for entry in plane.fastpath.fdb():
            entries.append(entry)
            if clock.now() - since > PART_NS:
                await asyncio.sleep(0)
                since = clock.now()
        entries.sort(key=lambda entry: (entry.vlan, entry.mac))
        return documents.Fdb(fdb=await self._in_parts(entries, part))

    async def _queriers(self, wanted: Wanted) -> documents.Queriers:
        engine, name = self._plane.engine, self._plane.ports.name

        def part(vids: list[int]) -> list[documents.Querier]:
            return rows.queriers(engine.queriers(clock.now(), vids), name, wanted)

        return documents.Queriers(queriers=await self._in_parts(self._vids(wanted), part))

    async def _mrouters(self, wanted: Wanted) -> documents.Mrouters:
        engine, name = self._plane.engine, self._plane.ports.name

        def part(vids: list[int]) -> list[documents.Mrouter]:
            return rows.mrouters(engine.mrouters(clock.now(), vids), name, wanted)

        return documents.Mrouters(mrouters=await self._in_parts(self._vids(wanted), part))

    def _vids(self, wanted: Wanted) -> list[int]:
        return self._plane.engine.vids() if wanted.vid is None else [wanted.vid]

    async def _in_parts(
        self, keys: Iterable[Key], part: Callable[[list[Key]], list[Row]]
    ) -> list[Row]:
        """Make the rows of a large table a part at a time: frames and timers come in between.

        One such answer at a time, whoever asks how often: they are large. The rows of a group are
        of one moment, those of different groups need not be. Each part is written at once: as
        objects they would be ten times as large, and take long to be freed. So the document holds
        its rows as they are on the wire.
        """
        written: list[bytes] = []
        waiting = iter(keys)
        async with self._large:
            since = clock.now()
            while some := list(islice(waiting, PART_KEYS)):
                if made := part(some):
                    written.append(requests.rows(made))
                if clock.now() - since > PART_NS:
                    await asyncio.sleep(0)
                    since = clock.now()
        return cast("list[Row]", msgspec.Raw(b"[" + b",".join(written) + b"]"))

    def _status(self) -> documents.Status:
        plane = self._plane
        return documents.Status(
            switch=plane.config.switch.name,
            version=__version__,
            pid=os.getpid(),
            uptime=rows.seconds(clock.now() - plane.started),
            rows=plane.table_rows,
            balance=self._counters.balance(),
        )

    async def _streams(self, wanted: Wanted) -> documents.Streams:
        if not self._rates.ready(clock.now()):
            self._look()
            await asyncio.sleep(LOOK_SECONDS)
        streams, rates = self._look()
        plane = self._plane
        kept = statistics.streams_wanted(plane, streams, wanted)

        def part(some: list[Stream]) -> list[documents.Stream]:
            return statistics.streams(plane, some, rates)

        return documents.Streams(streams=await self._in_parts(kept, part))

    def _look(self) -> tuple[list[Stream], dict[Hashable, Rate]]:
        streams = self._plane.fastpath.streams()
        return streams, self._rates.look(
            {statistics.stream_key(stream): stream for stream in streams}, clock.now()
        )

    def sample(self) -> Sample:
        """What a scrape shows: totals that never run backwards."""
        plane, everything = self._plane, Wanted()
        name, now = plane.ports.name, clock.now()
        groups, members = plane.engine.group_counts()
        # Anybody can make thousands: the busiest are made into rows, which takes time.
        streams = nlargest(STREAMS_MAX, plane.fastpath.streams(), key=lambda one: one.frames)
        still = {statistics.stream_key(stream): Rate(0.0, 0.0) for stream in streams}
        return Sample(
            switch=plane.config.switch.name,
            uptime=(now - plane.started) / SECOND,
            counters=self._counters.total(),
            port_counters={port.name: self._counters.port_total(port) for port in plane.ports},
            ports=statistics.ports(plane, self._counters, everything),
            groups=groups,
            members={name(port): count for port, count in members.items()},
            mrouters=rows.mrouters(plane.engine.mrouters(now), name, everything),
            queriers=rows.queriers(plane.engine.queriers(now), name, everything),
            streams=statistics.streams(plane, streams, still, settled=False),
            table_rows=plane.table_rows,
            fdb_entries=plane.fastpath.fdb_count,
        )

    # Doing ---------------------------------------------------------------------------------------

    def _static(self, request: Static) -> None:
        plane = self._plane
        group, source = _group(request.group), _source(request.source)
        if address.is_link_local_group(group):
            raise RequestError(
                f"{request.group} is in 224.0.0.0/24, which goes to every port anyway", code=2
            )
        change = plane.engine.static_add if request.add else plane.engine.static_del
        for port in self._all_named(request.port):
            now = clock.now()
            plane.do(plane.engine.advance(now))  # what is due is done, also if this is refused
            try:
                effects = change(
                    vid=request.vlan, group=group, source=source, port=port.id, now=now
                )
            except KeyError:
                raise RequestError(
                    f"no static entry of {request.group} on {port.name}; "
                    "`snoop show mdb` lists them with origin static"
                ) from None
            except Full as error:
                raise RequestError(str(error)) from None
            except ValueError as error:
                raise RequestError(str(error), code=2) from None
            plane.do(effects)

    def _mrouter(self, request: Mrouter) -> None:
        plane = self._plane
        if request.family == "ipv6":
            raise RequestError("this switch does not snoop MLD: IPv6 multicast floods", code=2)
        change = plane.engine.mrouter_add if request.add else plane.engine.mrouter_del
        for port in self._all_named(request.port):
            now = clock.now()
            plane.do(plane.engine.advance(now))
            try:
                effects = change(vid=request.vlan, port=port.id, now=now)
            except KeyError:
                raise RequestError(
                    f"{port.name} is no static router port of vlan {request.vlan}; "
                    "`snoop show mrouters` lists them with origin static"
                ) from None
            except ValueError as error:
                raise RequestError(str(error), code=2) from None
            plane.do(effects)

    def _clear(self, request: Clear) -> None:
        plane, wanted = self._plane, self._wanted(request)
        if request.what == "counters":
            if request.vlan is not None or request.group is not None:
                raise RequestError("clear counters takes no filter but --port", code=2)
            self._counters.clear(wanted)
            return
        if request.what == "fdb" and request.group is not None:
            raise RequestError("clear fdb takes --port and --vlan", code=2)
        for port in self._ids(request.port):
            if request.what == "fdb":
                plane.fastpath.fdb_flush(port=port, vlan=wanted.vid)
                continue
            plane.do(
                plane.engine.clear(vid=wanted.vid, group=wanted.group, port=port, now=clock.now())
            )

    def _query(self, request: Query) -> None:
        plane = self._plane
        group = None if request.group is None else _group(request.group)
        for port in self._ids(request.port):
            try:
                effects = plane.engine.query(
                    vid=request.vlan, group=group, port=port, now=clock.now()
                )
            except KeyError:
                raise RequestError(f"nothing is known of vlan {request.vlan}") from None
            except ValueError as error:
                raise RequestError(str(error), code=2) from None
            plane.do(effects)

    def _explain(self, request: Explain) -> documents.Explained:
        return explain.explain(
            self._plane,
            port=self._named(request.port),
            group=_group(request.group),
            source=_source(request.source),
            vid=request.vlan,
            frame_bytes=request.frame_bytes,
        )

    def _wanted(self, filters: Filter) -> Wanted:
        return Wanted(
            vid=filters.vlan,
            group=None if filters.group is None else _group(filters.group),
            ports=None
            if filters.port is None
            else sum(1 << port.id for port in self._all_named(filters.port)),
        )

    def _ids(self, names: Named | None) -> list[int | None]:
        """Those ports; [None], which is any, for None."""
        return [None] if names is None else [port.id for port in self._all_named(names)]


def _group(text: str) -> Address:
    try:
        group = address.parse(text)
    except ValueError:
        group = address.ANY
    if not address.is_multicast(group):
        raise RequestError(f'"{text}" is not a multicast group, such as 239.1.1.1', code=2)
    return group


def _source(text: str | None) -> Address | None:
    if text is None:
        return None
    try:
        source = address.parse(text)
    except ValueError:
        source = address.UNSPECIFIED
    if source == address.UNSPECIFIED or address.is_bad_source(source):
        raise RequestError(f'"{text}" is not the address of a source, such as 10.0.0.9', code=2)
    return source
