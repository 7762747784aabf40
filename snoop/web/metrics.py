"""The exposition of all switches: each switch's own metrics, with a label `switch`.

A switch that does not answer has `snoop_up` 0 and no other series.
"""

from __future__ import annotations

import asyncio

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from snoop.control.client import Refused
from snoop.control.exposition import of_all
from snoop.control.metrics import Moved
from snoop.control.sample import Sample, taken
from snoop.web.asking import Line, Unreachable

SCRAPES_MAX = 4  # switches asked at once


class Scraped:
    """What scrapes before have shown, and that one goes on at a time."""

    def __init__(self) -> None:
        self.one = asyncio.Lock()
        self.moved: dict[str, Moved] = {}


async def exposition(
    found: dict[str, str], scraped: Scraped, *, everything: bool = False
) -> tuple[bytes, str]:
    """The text and its type; with `everything` also counters that never moved."""
    async with scraped.one:
        at_once = asyncio.Semaphore(SCRAPES_MAX)
        asked = [_sample(path, at_once) for path in found.values()]
        samples = dict(zip(found, await asyncio.gather(*asked), strict=True))
        for name in scraped.moved.keys() - found.keys():
            del scraped.moved[name]
        body = await asyncio.to_thread(of_all, samples, scraped.moved, everything=everything)
        return body, CONTENT_TYPE_LATEST


async def _sample(path: str, at_once: asyncio.Semaphore) -> Sample | None:
    line = Line(path)
    try:
        async with at_once:
            return taken(bytes(await line.raw("sample")))
    except (Refused, Unreachable, msgspec.DecodeError):
        return None
    finally:
        line.close()
