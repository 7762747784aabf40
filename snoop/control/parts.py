"""Large answers a part at a time: frames, timers and others have their turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import TypeVar, cast

from snoop.control import requests
from snoop.proto.units import MILLISECOND
from snoop.runtime import clock

PART_NS = 6 * MILLISECOND
PART_KEYS = 8  # groups whose rows are made in one go, at least

Key = TypeVar("Key")
Row = TypeVar("Row")


class Go:
    """One go after the other, each begun when the one before has rested."""

    def __init__(self) -> None:
        self._since = clock.now()

    async def rest(self) -> None:
        """Let others have a turn, if this go has taken long enough."""
        if clock.now() - self._since > PART_NS:
            await asyncio.sleep(0)
            self._since = clock.now()


async def picked(some: Iterable[Row], wanted: Callable[[Row], bool]) -> list[Row]:
    """Those of thousands that are wanted."""
    found = []
    go = Go()
    for one in some:
        if wanted(one):
            found.append(one)
        await go.rest()
    return found


class Parts:
    """Makes large answers, one at a time, whoever asks how often."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def made(
        self, keys: Iterable[Key], part: Callable[[list[Key]], Iterable[Row]]
    ) -> AsyncIterator[list[Row]]:
        """What `part` makes of the keys, some of them at a time.

        The rows of a group are of one moment, those of different groups need not be.
        """
        waiting = iter(keys)
        async with self._one:
            go = Go()
            while some := list(islice(waiting, PART_KEYS)):
                yield list(part(some))
                await go.rest()

    async def rows(self, keys: Iterable[Key], part: Callable[[list[Key]], list[Row]]) -> list[Row]:
        """The rows of a document. Each part is written at once, so that the document holds its rows
        as they are on the wire.
        """
        written = [requests.rows(made) async for made in self.made(keys, part) if made]
        made = requests.listed(written)
        await asyncio.sleep(0)  # all of it is copied once more on its way out: 11 MB take 20 ms
        return cast("list[Row]", made)

    async def all(
        self, keys: Iterable[Key], part: Callable[[list[Key]], Iterable[Row]]
    ) -> list[Row]:
        """All of it, to work with."""
        return [row async for some in self.made(keys, part) for row in some]
