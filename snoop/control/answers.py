"""What the daemon answers: each request to the plane, each result to plain data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from snoop.config import effective, resolve
from snoop.config.addresses import GroupPrefix
from snoop.control import documents, named, requests, rows, statistics, telling
from snoop.control.changes import Changes
from snoop.control.explaining import answer
from snoop.control.requests import (
    Capture,
    Clear,
    Events,
    Explain,
    Monitor,
    Mrouter,
    PortAdd,
    PortDel,
    PortSet,
    Query,
    Reload,
    Request,
    RequestError,
    Restart,
    Scrape,
    Show,
    Static,
)
from snoop.control.sample import Findings, Sample, told
from snoop.control.shows import Shows
from snoop.control.telling import Replay
from snoop.proto.filters import PrefixList
from snoop.proto.groups import Full
from snoop.proto.statics import StaticEntry
from snoop.runtime import clock
from snoop.runtime.fanout import Fanout, Listener
from snoop.runtime.plane import Plane
from snoop.wire import address
from snoop.wire.address import Family

_ALWAYS_FLOOD6 = PrefixList(GroupPrefix(one).prefix for one in resolve.ALWAYS_FLOOD6)


class Answers:
    """Answers requests about one plane. `changes` are to its configuration, `config` shows what
    that has become; without, what the plane goes by. `unloadable`: why its file could not be loaded
    now. `why`: of the privileges kept. `findings`: what `check` finds.
    """

    def __init__(
        self,
        plane: Plane,
        *,
        changes: Changes,
        config: Callable[[], object] | None = None,
        unloadable: Callable[[], str | None] = lambda: None,
        why: Mapping[str, str] | None = None,
        findings: Callable[[], Awaitable[Findings | None]] | None = None,
    ) -> None:
        self._plane = plane
        self._findings = findings
        self._changes = changes
        self.counters = statistics.Counters(plane)
        self._shows = Shows(
            plane,
            self.counters,
            config=config or (lambda: effective.whole(plane.config)),
            unloadable=unloadable,
            why=why,
        )

    async def answer(self, request: Request) -> object:
        """The result; RequestError for what cannot be done."""
        match request:
            case Show():
                wanted = named.wanted(self._plane.ports, request)
                if request.count:
                    return await self._shows.count(request.what, wanted)
                return await self._shows.show(request.what, wanted)
            case Events():
                return await self._events(request)
            case Scrape():
                return told(await self.sample())
            case Static():
                self._static(request)
            case Mrouter():
                self._mrouter(request)
            case Clear():
                self._clear(request)
            case Query():
                self._query(request)
            case Explain():
                return await answer.explain(self._plane, self.counters.port, request)
            case Restart():
                raise RequestError("only a process can hand over", code=1)
            case Reload():
                return await self._changes.reload()
            case PortAdd():
                return await self._changes.port_add(request)
            case PortDel():
                self._changes.port_del(request)
            case PortSet():
                return await self._changes.port_set(request)
            case _:
                raise AssertionError(request)
        return None

    async def sample(self) -> Sample:
        """What a scrape shows: totals that never run backwards."""
        found = None if self._findings is None else await self._findings()
        return replace(await self._shows.sample(), findings=found)

    def listen(
        self, request: Monitor | Capture, *, events: Fanout, captures: Fanout
    ) -> Listener | Replay:
        """A listener for a stream request; RequestError for a port that is none."""
        plane = self._plane
        if isinstance(request, Capture):
            if request.port is not None:
                named.port(plane.ports, request.port)
            return captures.listen(lambda head: request.port in (None, head.port))
        wanted = telling.choice(request, plane.ports, plane.history)
        listener = events.listen(wanted)
        if request.last is None:
            return listener
        # In the same turn: nothing happens between what was and what is listened for.
        return Replay(plane.history.lines(), wanted, request.last, listener)

    async def _events(self, request: Events) -> documents.Events | documents.Count:
        plane = self._plane
        wanted = telling.choice(request, plane.ports, plane.history)
        lines = await telling.last(plane.history.lines(), wanted, request.last)
        if request.count:
            return documents.Count(count=telling.count(lines))
        return documents.Events(events=requests.listed(lines))

    def _static(self, request: Static) -> None:
        plane = self._plane
        group, source = named.static_group(request.group), named.source(request.source)
        if address.is_link_local_group(group):
            raise RequestError(
                f"{request.group} is in 224.0.0.0/24, which goes to every port anyway", code=2
            )
        if group in _ALWAYS_FLOOD6:
            raise RequestError(
                f"{request.group} goes to every port anyway: IPv6 itself needs it", code=2
            )
        change = plane.engine.static_add if request.add else plane.engine.static_del
        for port, vid in named.ports_in(plane, request.port, request.vlan, new=request.add):
            now = clock.now()
            plane.do(plane.engine.advance(now))  # what is due is done, also if this is refused
            try:
                effects = change(StaticEntry(vid, group, source, port.id), now=now)
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
        plane, family = self._plane, rows.family_of(request.family) or Family.IPV4
        change = plane.engine.mrouter_add if request.add else plane.engine.mrouter_del
        for port, vid in named.ports_in(plane, request.port, request.vlan, new=request.add):
            now = clock.now()
            plane.do(plane.engine.advance(now))
            try:
                effects = change(vid=vid, port=port.id, family=family, now=now)
            except KeyError:
                of = " for IPv6" if family is Family.IPV6 else ""
                raise RequestError(
                    f"{port.name} is no static router port of vlan {vid}{of}; "
                    "`snoop show mrouters` lists them with origin static"
                ) from None
            except ValueError as error:
                raise RequestError(str(error), code=2) from None
            plane.do(effects)

    def _clear(self, request: Clear) -> None:
        plane, wanted = self._plane, named.wanted(self._plane.ports, request)
        if request.what == "counters":
            if (request.vlan, request.group, request.family) != (None, None, None):
                raise RequestError("clear counters takes no filter but --port", code=2)
            self.counters.clear(wanted)
            return
        if request.what == "fdb" and (request.group, request.family) != (None, None):
            raise RequestError("clear fdb takes --port and --vlan", code=2)
        # Not a prefix: what is forgotten is named.
        group = None if request.group is None else named.group(request.group)
        for port in named.port_ids(plane.ports, request.port):
            if request.what == "fdb":
                plane.fastpath.fdb_flush(port=port, vlan=wanted.vid)
                continue
            effects = plane.engine.clear(
                vid=wanted.vid, family=wanted.family, group=group, port=port, now=clock.now()
            )
            plane.do(effects)

    def _query(self, request: Query) -> None:
        plane = self._plane
        group = None if request.group is None else named.group(request.group)
        family = rows.family_of(request.family)
        if group is not None and family not in (None, address.family(group)):
            raise RequestError(f"{request.group} is not of {request.family}", code=2)
        of = family or (Family.IPV4 if group is None else address.family(group))
        vid = named.only_vlan(plane, request.vlan)
        for port in named.port_ids(plane.ports, request.port):
            try:
                effects = plane.engine.query(
                    vid=vid, group=group, port=port, family=of, now=clock.now()
                )
            except KeyError:
                what = "MLD in vlan" if of is Family.IPV6 else "vlan"
                raise RequestError(f"nothing is known of {what} {vid}") from None
            except ValueError as error:
                raise RequestError(str(error), code=2) from None
            plane.do(effects)
