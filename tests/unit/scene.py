"""A plane on a fake fast path, with ports p0 to p3, and what a test may have happen to it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from snoop.config import loader
from snoop.config.loader import Loaded
from snoop.config.settings import Settings
from snoop.control import requests
from snoop.control.answers import Answers
from snoop.control.changes import Changes
from snoop.control.requests import Show
from snoop.control.telling import Replay
from snoop.daemon import surviving
from snoop.daemon.surviving import SwitchState
from snoop.runtime.fanout import Fanout, Listener
from snoop.runtime.hosts import Hosts
from snoop.runtime.openings import Openings
from snoop.runtime.plane import Plane
from snoop.table.seen import Punted
from snoop.wire import address, compose, ether, ipv4
from snoop.wire.messages import Record, RecordType
from unit.fake_fastpath import FakeFastPath, FakeLinks, FakeNeighbours, link
from unit.fake_pairs import FakePairs

G, S = address.parse("239.1.2.3"), address.parse("10.0.0.9")
HOST = address.parse("10.0.0.11")
ALL_V3 = address.parse("224.0.0.22")


class Scene:
    """A plane with ports p0..p3 on a fake fast path."""

    def __init__(self, *, refused: dict[int, int] | None = None, **tables: Any) -> None:
        self.raw: dict[str, Any] = {
            "igmp": {"querier": "on", "querier_address": "10.0.0.254"},
            "switch": {"no_querier": "prune"},
            "port": [{"name": f"p{n}"} for n in range(4)],
            **tables,
        }
        self.fastpath = FakeFastPath(refused=refused or {})
        self.links = FakeLinks({f"p{n}": link(f"p{n}", 10 + n) for n in range(4)})
        self.neighbours = FakeNeighbours()
        self.openings: Openings | None = None
        self.events, self.captures = Fanout(), Fanout()

    def start(self, state: SwitchState | None = None) -> Scene:
        self.settings = Settings(self.loaded())
        if state is not None:
            surviving.take_up(state, self.settings)
        self.plane = Plane(
            self.settings.config,
            fastpath=self.fastpath,  # type: ignore[arg-type]  # the same methods
            links=self.links,
            events=self.events,
            captures=self.captures,
            neighbours=self.neighbours,
            openings=self.openings,
            state=None if state is None else state.plane,
        )
        self.pairs = FakePairs(self.links)
        hosts = Hosts(self.pairs, self.links, "sw0")
        changes = Changes(self.settings, self.plane, self.links, hosts, self.loaded)
        self.answers = Answers(self.plane, changes=changes)
        if state is not None and self.plane.refused is None:
            self.answers.counters.take_up(state.cleared)
        return self

    def loaded(self) -> Loaded:
        """As if the tables were a file."""
        return loader.settle(loader.Document(None, "", self.raw, self.raw))

    def configure(self, **tables: Any) -> None:
        self.raw |= tables
        self.settings.follow(self.loaded())
        self.plane.configure(self.settings.config)

    def report(self, port: int, *records: Record) -> None:
        """A v3 report comes in at a port."""
        self.fastpath.waiting.append(Punted(port, 0, self.report_frame(*records), 0))
        self.plane.punted()

    @staticmethod
    def report_frame(*records: Record) -> bytes:
        packet = ipv4.build(HOST, ALL_V3, 2, compose.build_report(version=3, records=records))
        return ether.build(ether.multicast_mac(ALL_V3), b"\x02\0\0\0\x01\x0b", packet)

    def join(self, port: int) -> None:
        self.report(port, Record(RecordType.TO_EX, G, ()))

    def ask(self, request: Any) -> Any:
        """As a client gets it."""
        return msgspec.json.decode(requests.encode(asyncio.run(self.answers.answer(request))))

    def members(self) -> set[str]:
        return {row["port"] for row in self.ask(Show(what="mdb"))["mdb"]}

    def ports(self) -> dict[str, Any]:
        return {row["name"]: row for row in self.ask(Show(what="ports"))["ports"]}


async def heard(listener: Listener | Replay) -> list[dict[str, Any]]:
    """What a client would get next."""
    return [msgspec.json.decode(line) for line in await listener.next()]


def turns_beside(scene: Scene, request: Any) -> tuple[int, Any]:
    """How often somebody else had a turn while this was answered, and the answer."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def ask() -> object:
        beside = asyncio.ensure_future(count())
        answer = await scene.answers.answer(request)
        beside.cancel()
        return msgspec.json.decode(requests.encode(answer))

    answer = asyncio.run(ask())
    return turns, answer
