"""The streams that the fast path has seen, and how fast they are, thousands a part at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from heapq import merge, nlargest

from snoop.control import documents, paths, statistics
from snoop.control.parts import Go, Parts
from snoop.control.rates import Look, Rates
from snoop.printable import natural
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.table.seen import Stream

# How long the first `show streams` watches before it says how fast they are.
LOOK_SECONDS = 0.25
SORTED = 512  # in one go

Which = Callable[[list[Stream]], list[Stream]]
"""Those of some streams that are wanted."""


class Flows:
    """Shows the streams of one plane."""

    def __init__(self, plane: Plane, parts: Parts) -> None:
        self._plane = plane
        self._parts = parts
        self._rates = Rates()
        self._one = asyncio.Lock()  # thousands of them are held meanwhile

    async def rows(self, which: Which) -> list[documents.Stream]:
        """The rows of those that are wanted, in order."""
        async with self._one:
            if not self._rates.ready(clock.now()):
                await self._look()
                await asyncio.sleep(LOOK_SECONDS)
            streams, look = await self._look()
            kept = await self._parts.all(streams, which)

            def part(some: list[Stream]) -> list[documents.Stream]:
                return statistics.streams(self._plane, some, look)

            return await self._parts.rows(await self._in_order(kept), part)

    async def busiest(self, most: int) -> tuple[list[documents.Stream], dict[str, int]]:
        """The rows of those that carried most, without their rates; how many of all who serves."""
        busiest: list[Stream] = []
        served = dict.fromkeys(paths.SERVERS, 0)
        go = Go()
        for stream in self._plane.ports.streams():
            busiest.append(stream)
            served[paths.path(stream)] += 1
            if len(busiest) >= 2 * most:
                busiest = _busiest(busiest, most)
            await go.rest()

        def part(some: list[Stream]) -> Iterable[documents.Stream]:
            return statistics.streams(self._plane, some, None, settled=False)

        return await self._parts.all(_busiest(busiest, most), part), served

    async def _look(self) -> tuple[list[Stream], Look]:
        look, streams = self._rates.look(clock.now()), []
        go = Go()
        for stream in self._plane.ports.streams():
            look.add(statistics.stream_key(stream), stream)
            streams.append(stream)
            await go.rest()
        self._rates.keep(look)
        return streams, look

    async def _in_order(self, some: list[Stream]) -> Iterator[Stream]:
        """By vlan, group, source, port."""
        places = {port.id: natural(port.name) for port in self._plane.ports}

        def key(one: Stream) -> tuple[object, ...]:
            return one.vlan, one.group, one.source, places.get(one.port, ())

        runs = []
        go = Go()
        for start in range(0, len(some), SORTED):
            runs.append(sorted(some[start : start + SORTED], key=key))
            await go.rest()
        return merge(*runs, key=key)


def _busiest(some: list[Stream], most: int) -> list[Stream]:
    return nlargest(most, some, key=lambda one: one.frames)
