"""How long one go of a large answer takes before frames, timers and others have a turn."""

from __future__ import annotations

import asyncio

from snoop.proto.units import MILLISECOND
from snoop.runtime import clock

PART_NS = 6 * MILLISECOND


class Go:
    """One go after the other, each begun when the one before has rested."""

    def __init__(self) -> None:
        self._since = clock.now()

    async def rest(self) -> None:
        """Let others have a turn, if this go has taken long enough."""
        if clock.now() - self._since > PART_NS:
            await asyncio.sleep(0)
            self._since = clock.now()
