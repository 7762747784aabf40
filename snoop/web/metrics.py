"""The exposition of all switches: each switch's own metrics, with a label `switch`.

A switch that does not answer has `snoop_up` 0 and no other series. All are asked at once, and one
that takes its time costs the others nothing but ANSWER_SECONDS, which is less than Prometheus
waits. Who scrapes more often than once in FRESH_SECONDS gets what the last one got.
"""

from __future__ import annotations

import asyncio
import time
from math import inf

from prometheus_client import CONTENT_TYPE_LATEST

from snoop.control.client import Refused
from snoop.control.exposition import of_all
from snoop.control.metrics import Moved
from snoop.control.sample import Sample, taken
from snoop.web.asking import NONSENSE, Line, Unreachable

ANSWER_SECONDS = 5.0
FRESH_SECONDS = 1.0


class Scraped:
    """What scrapes before have shown, and that one goes on at a time."""

    def __init__(self) -> None:
        self.one = asyncio.Lock()
        self.moved: dict[str, Moved] = {}
        self.last: dict[bool, tuple[float, bytes]] = {}
        """By whether it was everything: when, and what."""


async def exposition(
    found: dict[str, str], scraped: Scraped, *, everything: bool = False
) -> tuple[bytes, str]:
    """The text and its type; with `everything` also counters that never moved."""
    async with scraped.one:
        at, body = scraped.last.get(everything, (-inf, b""))
        if time.monotonic() - at > FRESH_SECONDS:
            samples, _ = await sampled(found)
            for name in scraped.moved.keys() - found.keys():
                del scraped.moved[name]
            body = await asyncio.to_thread(of_all, samples, scraped.moved, everything=everything)
            scraped.last[everything] = time.monotonic(), body
        return body, CONTENT_TYPE_LATEST


async def sampled(found: dict[str, str]) -> tuple[dict[str, Sample | None], dict[str, str]]:
    """What each says within ANSWER_SECONDS, by name; why it says nothing, of those that do not."""
    told = dict(zip(found, await asyncio.gather(*map(_sample, found.values())), strict=True))
    samples = {name: one if isinstance(one, Sample) else None for name, one in told.items()}
    return samples, {name: one for name, one in told.items() if isinstance(one, str)}


async def _sample(path: str) -> Sample | str:
    line = Line(path)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return taken(bytes(await line.raw("sample")))
    except TimeoutError:
        return f"the switch at {path} has not answered for {ANSWER_SECONDS:g} s"
    except (Refused, Unreachable) as error:
        return str(error)
    except NONSENSE as error:
        return f"the answer of {path} cannot be read: {error}"
    finally:
        line.close()
