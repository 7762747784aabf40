"""What is shown: each document of a `show`, of a running switch, and the sample of a scrape.

Large tables are made a part at a time, so that nobody's frames wait for them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from heapq import nlargest
from itertools import islice
from typing import TypeVar, cast

from snoop import __version__
from snoop.control import documents, requests, rows, statistics, testimony, witnessed
from snoop.control.matching import Host
from snoop.control.parts import Go
from snoop.control.rates import Rate, Rates
from snoop.control.rows import Wanted
from snoop.control.sample import STREAMS_MAX, Sample
from snoop.control.tally import Tally
from snoop.printable import natural
from snoop.proto.units import SECOND
from snoop.proto.views import HostRow, WitnessRow
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.table.seen import FdbEntry, Stream
from snoop.wire.address import UNSPECIFIED, Address, Family

# How long the first `show streams` watches before it says how fast they are.
LOOK_SECONDS = 0.25
PART_KEYS = 8  # groups whose rows are made in one go, at least
# How long a loop may take to go by the table that was published last: far more than a batch takes.
SEEN_SECONDS, SEEN_TRIES = 0.001, 50

Keys = list[tuple[int, Address]]
Key = TypeVar("Key")
Row = TypeVar("Row")


def _chosen(keys: Keys, wanted: Wanted) -> Keys:
    """Those of a prefix that is asked for."""
    return [key for key in keys if wanted.takes(vid=key[0], group=key[1])]


class Shows:
    """Shows the state of one plane; `config` shows its configuration."""

    def __init__(
        self, plane: Plane, counters: statistics.Counters, *, config: Callable[[], object]
    ) -> None:
        self._plane = plane
        self._counters = counters
        self._config = config
        self._rates = Rates()
        self._large = asyncio.Lock()

    async def show(self, what: str, wanted: Wanted) -> object:
        """Make the document of `show WHAT`."""
        tables: dict[str, Callable[[Wanted], Awaitable[object]]] = {
            "streams": self._streams,
            "mdb": self._mdb,
            "hosts": self._hosts,
            "witnesses": self._witnesses,
            "fdb": self._fdb,
            "querier": self._queriers,
            "mrouters": self._mrouters,
        }
        if what in tables:
            return await tables[what](wanted)
        match what:
            case "ports":
                return documents.Ports(ports=statistics.ports(self._plane, self._counters, wanted))
            case "counters":
                return self._counters.show(wanted)
            case "config":
                return self._config()
            case "status":
                return self._status()
            case _:
                raise AssertionError(what)

    async def count(self, what: str, wanted: Wanted) -> documents.Count:
        """Make the numbers of `show WHAT --count`."""
        counted = Tally(what)
        keys = self._plane.engine.keys(vid=wanted.vid, group=wanted.group)
        match what:
            case "mdb":
                async for entries in self._parts(keys, self._entries(wanted)):
                    counted.add(entries)
            case "hosts":
                async for hosts in self._parts(keys, self._joins(wanted)):
                    counted.add(hosts)
            case "streams":
                streams = self._plane.fastpath.streams()
                async for some in self._parts(streams, await self._which(wanted)):
                    counted.add(some)
            case _:
                raise AssertionError(what)
        return counted.document()

    async def _mdb(self, wanted: Wanted) -> documents.Mdb:
        plane = self._plane
        keys = plane.engine.keys(vid=wanted.vid, group=wanted.group)
        table = await self._in_parts(keys, self._entries(wanted))
        return documents.Mdb(switch=plane.config.switch.name, mdb=table)

    def _entries(self, wanted: Wanted) -> Callable[[Keys], list[documents.Entry]]:
        engine, name = self._plane.engine, self._plane.ports.name
        called = self._plane.names.of

        def part(keys: Keys) -> list[documents.Entry]:
            now, keys = clock.now(), _chosen(keys, wanted)
            tracked = None if wanted.host is None else engine.hosts(now, keys)
            return rows.mdb(engine.mdb(now, keys), name, wanted, tracked, called)

        return part

    async def _hosts(self, wanted: Wanted) -> documents.Hosts:
        keys = self._plane.engine.keys(vid=wanted.vid, group=wanted.group)
        joins = await self._in_parts(keys, self._joins(wanted))
        if wanted.host is None:
            return documents.Hosts(hosts=joins)
        own = await self._own(wanted.host)
        return documents.Hosts(
            hosts=joins,
            sends=await self._sends(own, wanted) if own else None,
            refused=(await self._witnesses(wanted)).refused,
        )

    def _joins(self, wanted: Wanted) -> Callable[[Keys], list[documents.Host]]:
        engine, name = self._plane.engine, self._plane.ports.name
        called = self._plane.names.of

        def part(keys: Keys) -> list[documents.Host]:
            return rows.hosts(
                engine.hosts(clock.now(), _chosen(keys, wanted)), name, wanted, called
            )

        return part

    async def _own(self, host: Host) -> set[Address]:
        """The addresses that a host is known to have."""
        if host.address is not None:
            return {host.address}
        engine = self._plane.engine

        def named(rows: Iterable[WitnessRow | HostRow]) -> list[Address]:
            return [row.address for row in rows if host.is_at(row.address, row.mac)]

        def heard(ports: list[int]) -> list[Address]:
            return named(engine.witnesses.hosts(clock.now(), ports))

        def tracked(keys: Keys) -> list[Address]:
            return named(engine.hosts(clock.now(), keys))

        ports = [port.id for port in self._plane.ports]
        own = {address async for some in self._parts(ports, heard) for address in some}
        own |= {address async for some in self._parts(engine.keys(), tracked) for address in some}
        return own - {UNSPECIFIED}

    async def _witnesses(self, wanted: Wanted) -> documents.Witnesses:
        witnesses, name = self._plane.engine.witnesses, self._plane.ports.name
        vid, group = wanted.vid, wanted.group

        def refused(ports: list[int]) -> list[witnessed.Refused]:
            found = witnesses.refused(clock.now(), ports, vid=vid, group=group)
            return testimony.refused(found, name, wanted)

        def hosts(ports: list[int]) -> list[witnessed.Witness]:
            return testimony.hosts(witnesses.hosts(clock.now(), ports, vid=vid), name, wanted)

        def gone(ports: list[int]) -> list[witnessed.Gone]:
            found = witnesses.gone(clock.now(), ports, vid=vid, group=group)
            return testimony.gone(found, name, wanted)

        def routers(ports: list[int]) -> list[witnessed.Shunned]:
            return testimony.routers(witnesses.shunned(clock.now(), ports, vid=vid), name, wanted)

        def asked(vids: list[int]) -> list[witnessed.Asked]:
            return testimony.asked(witnesses.asked(clock.now(), vids), name, wanted)

        known = (port.id for port in self._plane.ports if wanted.has(port.id))
        ports = sorted(known, key=lambda port: natural(name(port)))
        return documents.Witnesses(
            refused=await self._in_parts(ports, refused),
            hosts=await self._in_parts(ports, hosts),
            gone=await self._in_parts(ports, gone),
            asked=await self._in_parts(self._vids(wanted), asked),
            routers=await self._in_parts(ports, routers),
        )

    async def _fdb(self, wanted: Wanted) -> documents.Fdb:
        plane = self._plane
        name, sticky = plane.ports.name, plane.ports.sticky

        def part(entries: list[FdbEntry]) -> list[documents.Station]:
            return rows.fdb(entries, name, wanted, sticky)

        entries = []
        go = Go()
        for entry in plane.fastpath.fdb():
            entries.append(entry)
            await go.rest()
        entries.sort(key=lambda entry: (entry.vlan, entry.mac))
        return documents.Fdb(fdb=await self._in_parts(entries, part))

    async def _queriers(self, wanted: Wanted) -> documents.Queriers:
        plane = self._plane
        engine, name = plane.engine, plane.ports.name

        def part(vids: list[int]) -> list[documents.Querier]:
            return rows.queriers(engine.queriers(clock.now(), vids), name, plane.prunes, wanted)

        for _ in range(SEEN_TRIES):  # no loop goes by an older table than what is said of pruning
            if not plane.fastpath.reap():
                break
            await asyncio.sleep(SEEN_SECONDS)
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
        of one moment, those of different groups need not be. Each part is written at once, so the
        document holds its rows as they are on the wire.
        """
        parts = self._parts(keys, part)
        written = [requests.rows(made) async for made in parts if made]
        return cast("list[Row]", requests.listed(written))

    async def _parts(
        self, keys: Iterable[Key], part: Callable[[list[Key]], list[Row]]
    ) -> AsyncIterator[list[Row]]:
        waiting = iter(keys)
        async with self._large:
            go = Go()
            while some := list(islice(waiting, PART_KEYS)):
                yield part(some)
                await go.rest()

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
        return documents.Streams(streams=await self._flows(await self._which(wanted)))

    async def _sends(self, own: set[Address], wanted: Wanted) -> list[documents.Stream]:
        def which(some: list[Stream]) -> list[Stream]:
            return statistics.of_host(statistics.streams_wanted(some, wanted), own, ())

        return await self._flows(which)

    async def _flows(self, which: Callable[[list[Stream]], list[Stream]]) -> list[documents.Stream]:
        """Rows of streams, and how fast they are."""
        if not self._rates.ready(clock.now()):
            self._look()
            await asyncio.sleep(LOOK_SECONDS)
        streams, rates = self._look()
        plane = self._plane
        kept = [one async for some in self._parts(streams, which) for one in some]

        def part(some: list[Stream]) -> list[documents.Stream]:
            return statistics.streams(plane, some, rates)

        return await self._in_parts(statistics.in_order(plane, kept), part)

    async def _which(self, wanted: Wanted) -> Callable[[list[Stream]], list[Stream]]:
        """Which of some streams are wanted: of a host those that it sends or has joined."""
        if wanted.host is None:
            return lambda some: statistics.streams_wanted(some, wanted)
        engine, own = self._plane.engine, await self._own(wanted.host)

        def which(some: list[Stream]) -> list[Stream]:
            some = statistics.streams_wanted(some, wanted)
            keys = dict.fromkeys((stream.vlan, stream.group) for stream in some)
            tracked = engine.hosts(clock.now(), keys)
            joined = (row for row in tracked if wanted.is_of(row.address, row.mac))
            return statistics.of_host(some, own, joined)

        return which

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
            groups={(vid, rows.family(of)): count for (vid, of), count in groups.items()},
            members={
                name(port.id): sum(members.get((port.id, of), 0) for of in Family)
                for port in plane.ports
            },
            mrouters=rows.mrouters(plane.engine.mrouters(now), name, everything),
            queriers=rows.queriers(plane.engine.queriers(now), name, plane.prunes, everything),
            streams=statistics.streams(plane, streams, still, settled=False),
            table_rows=plane.table_rows,
            fdb_entries=plane.fastpath.fdb_count,
        )
