"""Changes that commands wait for, a port that opens for one: a hand-over waits for them as well, or
who asked would never hear what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class UnderWay:
    """How many there are."""

    def __init__(self) -> None:
        self._count = 0
        self._none: asyncio.Event | None = None

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """While a change is made and waited for."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            if self._none is not None and not self._count:
                self._none.set()

    async def ended(self, seconds: float) -> bool:
        """Until there is none, if nobody begins another; False: there still is one then."""
        if self._count:
            self._none = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._none.wait(), seconds)
            self._none = None
        return not self._count
