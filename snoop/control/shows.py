"""What is shown: each document of a `show`, of a running switch, and the sample of a scrape.

Large tables are made a part at a time, so that nobody's frames wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from snoop import __version__
from snoop.control import documents, privileged, rows, statistics, testimony, vlans, witnessed
from snoop.control.flows import Flows, Which
from snoop.control.matching import Host
from snoop.control.parts import Parts, picked
from snoop.control.rows import Wanted
from snoop.control.sample import STREAMS_MAX, Sample
from snoop.control.tagged import Vlan
from snoop.control.tally import Tally
from snoop.links import ethtool
from snoop.links.ethtool import Device, Devices
from snoop.links.interfaces import Link
from snoop.printable import natural
from snoop.proto.hosts import NO_ADDRESS
from snoop.proto.units import SECOND
from snoop.proto.views import HostRow, WitnessRow
from snoop.runtime import clock, privileges
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port
from snoop.table.seen import FdbEntry, Stream
from snoop.wire.address import Address, Family, family

# How long a loop may take to go by the table that was published last: far more than a batch takes.
SEEN_SECONDS, SEEN_TRIES = 0.001, 200
DEVICES_SECONDS = 1.0
"""How long devices are waited for; then what they said before is shown."""

_OF_VLANS = ("mdb", "hosts", "witnesses", "mrouters", "querier", "fdb", "streams")

Keys = list[tuple[int, Address]]


def _chosen(keys: Keys, wanted: Wanted) -> Keys:
    """Those of a prefix that is asked for."""
    return [key for key in keys if wanted.takes(vid=key[0], group=key[1])]


class Shows:
    """Shows the state of one plane; `config` shows its configuration, `unloadable` why its file
    could not be loaded now, `why` names the reasons for the privileges that the process has kept.
    """

    def __init__(
        self,
        plane: Plane,
        counters: statistics.Counters,
        *,
        config: Callable[[], object],
        unloadable: Callable[[], str | None],
        why: Mapping[str, str] | None = None,
    ) -> None:
        self._plane = plane
        self._counters = counters
        self._config = config
        self._unloadable = unloadable
        self._why = why or {}
        self._devices = Devices()
        self._parts = Parts()
        self._flows = Flows(plane, self._parts)

    async def show(self, what: str, wanted: Wanted) -> object:
        """Make the document of `show WHAT`."""
        document = await self._shown(what, wanted)
        if not isinstance(document, documents.Document):
            return document
        ports = ((port.name, port.table.description) for port in self._plane.ports)
        descriptions = {name: description for name, description in ports if description}
        names = self._vlan_names()
        besides: dict[str, Any] = {}
        if descriptions and what != "ports":
            besides["descriptions"] = descriptions
        if names and what in _OF_VLANS:
            besides["vlan_names"] = names
        return msgspec.structs.replace(document, **besides) if besides else document

    def _vlan_names(self) -> dict[int, str]:
        """What the file calls VLANs."""
        return {vlan.vid: vlan.name for vlan in self._plane.config.vlan if vlan.name is not None}

    async def _shown(self, what: str, wanted: Wanted) -> object:
        tables: dict[str, Callable[[Wanted], Awaitable[object]]] = {
            "streams": self._streams,
            "mdb": self._mdb,
            "hosts": self._hosts,
            "witnesses": self._witnesses,
            "fdb": self._fdb,
            "querier": self._queriers,
            "mrouters": self._mrouters,
            "vlans": self._vlans,
            "ports": self._ports,
        }
        if what in tables:
            return await tables[what](wanted)
        match what:
            case "counters":
                return self._counters.show(wanted)
            case "config":
                return self._config()
            case "status":
                return self._status()
            case "privileges":
                return privileged.shown(privileges.found(), self._why)
            case _:
                raise AssertionError(what)

    async def count(self, what: str, wanted: Wanted) -> documents.Count:
        """Make the numbers of `show WHAT --count`."""
        counted = Tally(what)
        keys = self._plane.engine.keys(vid=wanted.vid, group=wanted.group)
        match what:
            case "mdb":
                async for entries in self._parts.made(keys, self._entries(wanted)):
                    counted.add(entries)
            case "hosts":
                async for hosts in self._parts.made(keys, self._joins(wanted)):
                    counted.add(hosts)
            case "streams":
                streams = self._plane.ports.streams()
                async for some in self._parts.made(streams, await self._which(wanted)):
                    counted.add(some)
            case _:
                raise AssertionError(what)
        return counted.document()

    async def _mdb(self, wanted: Wanted) -> documents.Mdb:
        plane = self._plane
        keys = plane.engine.keys(vid=wanted.vid, group=wanted.group)
        table = await self._parts.rows(keys, self._entries(wanted))
        await self._seen(lambda: plane.lags(wanted.vid, wanted.group))
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
        joins = await self._parts.rows(keys, self._joins(wanted))
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
        own = {address async for some in self._parts.made(ports, heard) for address in some}
        own |= {
            address async for some in self._parts.made(engine.keys(), tracked) for address in some
        }
        return own.difference(NO_ADDRESS)

    async def _witnesses(self, wanted: Wanted) -> documents.Witnesses:
        witnesses, name = self._plane.engine.witnesses, self._plane.ports.name
        vid, group = wanted.vid, wanted.group

        def refused(ports: list[int]) -> list[witnessed.Refused]:
            found = witnesses.refused(clock.now(), ports, vid=vid, group=group)
            return testimony.refused(found, name, wanted, self._plane.names.of)

        def hosts(ports: list[int]) -> list[witnessed.Witness]:
            return testimony.hosts(witnesses.hosts(clock.now(), ports, vid=vid), name, wanted)

        def gone(ports: list[int]) -> list[witnessed.Gone]:
            found = witnesses.gone(clock.now(), ports, vid=vid, group=group)
            return testimony.gone(found, name, wanted)

        def routers(ports: list[int]) -> list[witnessed.Shunned]:
            return testimony.routers(witnesses.shunned(clock.now(), ports, vid=vid), name, wanted)

        def asked(vids: list[int]) -> list[witnessed.Asked]:
            return testimony.asked(witnesses.asked(clock.now(), vids), name, wanted)

        ports = [port.id for port in self._named(wanted)]
        return documents.Witnesses(
            refused=await self._parts.rows(ports, refused),
            hosts=await self._parts.rows(ports, hosts),
            gone=await self._parts.rows(ports, gone),
            asked=await self._parts.rows(self._vids(wanted), asked),
            routers=await self._parts.rows(ports, routers),
        )

    async def _fdb(self, wanted: Wanted) -> documents.Fdb:
        plane = self._plane
        name, sticky = plane.ports.name, plane.ports.sticky

        def part(entries: list[FdbEntry]) -> list[documents.Station]:
            return rows.fdb(entries, name, wanted, sticky)

        entries = await picked(plane.fastpath.fdb(), lambda one: True)
        entries.sort(key=lambda entry: (entry.vlan, entry.mac))
        return documents.Fdb(fdb=await self._parts.rows(entries, part))

    async def _queriers(self, wanted: Wanted) -> documents.Queriers:
        await self._seen()
        made = await self._parts.rows(self._vids(wanted), self._askers(wanted))
        return documents.Queriers(queriers=made)

    def _askers(self, wanted: Wanted) -> Callable[[list[int]], list[documents.Querier]]:
        plane = self._plane

        def part(vids: list[int]) -> list[documents.Querier]:
            found = plane.engine.queriers(clock.now(), vids)
            return rows.queriers(found, plane.ports.name, plane.prunes, wanted)

        return part

    async def _mrouters(self, wanted: Wanted) -> documents.Mrouters:
        made = await self._parts.rows(self._vids(wanted), self._routers(wanted))
        return documents.Mrouters(mrouters=made)

    def _routers(self, wanted: Wanted) -> Callable[[list[int]], list[documents.Mrouter]]:
        plane = self._plane

        def part(vids: list[int]) -> list[documents.Mrouter]:
            return rows.mrouters(plane.engine.mrouters(clock.now(), vids), plane.ports.name, wanted)

        return part

    async def _ports(self, wanted: Wanted) -> documents.Ports:
        await self._ask_devices()
        return documents.Ports(
            ports=await self._parts.rows(self._named(wanted), self._port_rows),
            refused=self._plane.ports.refused,
        )

    async def _ask_devices(self) -> None:
        """Have devices asked that were asked long ago, by the thread that may wait for it."""
        now = clock.now()
        links = (port.link for port in self._plane.ports if port.link is not None)
        old = self._devices.old(links, now)
        if not old:
            return
        told = asyncio.Event()

        def answered(said: list[tuple[Link, Device]]) -> None:
            self._devices.learn(said, now)
            told.set()

        self._plane.asking.ask(partial(ethtool.ask, old), answered)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), DEVICES_SECONDS)

    def _named(self, wanted: Wanted) -> list[Port]:
        """The ports that are wanted, by name."""
        known = (port for port in self._plane.ports if wanted.has(port.id))
        return sorted(known, key=lambda port: natural(port.name))

    def _port_rows(self, some: list[Port]) -> list[documents.Port]:
        return statistics.ports(self._plane, self._counters, self._devices, some)

    async def _vlans(self, wanted: Wanted) -> documents.Vlans:
        plane, engine = self._plane, self._plane.engine
        named = [(port.name, vlans.of(plane, port)) for port in self._named(wanted)]
        members = [(name, of) for name, of in named if of is not None]
        filtering = plane.config.switch.vlan_filtering
        vids = vlans.inhabited(of for _, of in members) if filtering else await self._seen_vids()
        if wanted.vid is not None:
            vids = [vid for vid in vids if vid == wanted.vid]
        held: Counter[tuple[int, Family]] = Counter()

        def count(keys: Keys) -> list[tuple[int, Family]]:
            views = (engine.group_view(*key) for key in keys)
            return [(view.vid, family(view.group)) for view in views if view and view.members]

        async for some in self._parts.made(engine.keys(vid=wanted.vid), count):
            held.update(some)
        called = self._vlan_names()

        def part(vids: list[int]) -> list[Vlan]:
            now = clock.now()
            return [
                vlans.vlan(
                    vid,
                    members,
                    engine.queriers(now, [vid]),
                    held,
                    {each: plane.prunes(vid, each) for each in Family},
                    wanted,
                    called,
                )
                for vid in vids
            ]

        rows = await self._parts.rows(vids, part)
        return documents.Vlans(vlans=rows, filtering=filtering)

    async def _seen_vids(self) -> list[int]:
        """The VLANs of which anything has come in, where the switch does not filter."""
        stations = await picked(self._plane.fastpath.fdb(), lambda one: True)
        return sorted({*self._plane.engine.vids(), *(one.vlan for one in stations)})

    async def _seen(self, lags: Callable[[], bool] = lambda: False) -> None:
        """Come back when no loop forwards by an older table than what is said."""
        for _ in range(SEEN_TRIES):
            if not lags() and not self._plane.fastpath.reap():
                break
            await asyncio.sleep(SEEN_SECONDS)

    def _vids(self, wanted: Wanted) -> list[int]:
        return self._plane.engine.vids() if wanted.vid is None else [wanted.vid]

    def _status(self) -> documents.Status:
        plane = self._plane
        return documents.Status(
            switch=plane.config.switch.name,
            version=__version__,
            pid=os.getpid(),
            uptime=rows.seconds(clock.now() - plane.started),
            rows=plane.table_rows,
            balance=self._counters.balance(),
            kernel=plane.kernel.mode.value,
            kernel_streams=plane.kernel.streams,
            kernel_because=plane.kernel.because,
            nice=os.getpriority(os.PRIO_PROCESS, 0),
            unkept=plane.unkept,
            unloadable=self._unloadable(),
        )

    async def _streams(self, wanted: Wanted) -> documents.Streams:
        return documents.Streams(streams=await self._flows.rows(await self._which(wanted)))

    async def _sends(self, own: set[Address], wanted: Wanted) -> list[documents.Stream]:
        def which(some: list[Stream]) -> list[Stream]:
            return statistics.of_host(statistics.streams_wanted(some, wanted), own, ())

        return await self._flows.rows(which)

    async def _which(self, wanted: Wanted) -> Which:
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

    async def sample(self) -> Sample:
        """What a scrape shows: totals that never run backwards."""
        plane, everything = self._plane, Wanted()
        name, now = plane.ports.name, clock.now()
        # Anybody can make thousands: the busiest are made into rows, which takes time.
        streams, served = await self._flows.busiest(STREAMS_MAX)
        await self._ask_devices()
        ports = await self._parts.all(self._named(everything), self._port_rows)
        mrouters = await self._parts.all(self._vids(everything), self._routers(everything))
        queriers = await self._parts.all(self._vids(everything), self._askers(everything))
        groups, members = plane.engine.group_counts()
        return Sample(
            switch=plane.config.switch.name,
            uptime=(now - plane.started) / SECOND,
            counters=self._counters.total(),
            port_counters={port.name: self._counters.port_total(port) for port in plane.ports},
            ports=ports,
            groups={(vid, rows.family(of)): count for (vid, of), count in groups.items()},
            members={
                name(port.id): sum(members.get((port.id, of), 0) for of in Family)
                for port in plane.ports
            },
            mrouters=mrouters,
            queriers=queriers,
            streams=streams,
            table_rows=plane.table_rows,
            fdb_entries=plane.fastpath.fdb_count,
            vlan_names=self._vlan_names(),
            paths=served,
        )
