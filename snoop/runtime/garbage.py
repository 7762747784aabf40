"""When the interpreter looks for objects that only hold each other.

A full collection walks everything there is: with the state of 7 000 VLANs 0.1 to 0.2 s, at whatever
moment an allocation happens to start one, and every port's joins wait. So what has lived through
one is never looked at again, and each looks only at what came since: some milliseconds, whatever
the state. The price is that such objects must not end as a ring: a VLAN that ends lets go of its
parts (`Instance.dissolve`), a connection of its transport (`door.py`), and tests look for others.
What nobody thought of, a library's rings maybe, is found in a quiet moment, once an hour.
"""

from __future__ import annotations

import gc
from typing import Final

from snoop.proto.units import SECOND, Instant

_YOUNG: Final = 700  # the interpreter's own
_MIDDLE: Final = 5
_OLD: Final = 1  # a full one after so many of the middle generation: some 10 000 objects
WHOLE_EVERY: Final = 3600 * SECOND


def begin() -> None:
    """Everything is imported and made: begin with nothing to look at."""
    _set_aside()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    if _keep not in gc.callbacks:
        gc.callbacks.append(_keep)


def _set_aside() -> None:
    """Look at everything and never again.

    Twice: the interpreter puts a full collection off until a quarter of what the last one found
    alive has come anew, and the second finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.collect()


def _keep(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()


class WholeLook:
    """When to look at everything, for rings that nobody thought of."""

    def __init__(self, now: Instant) -> None:
        """Wait an hour."""
        self._due = Instant(now + WHOLE_EVERY)

    def look(self, now: Instant, *, quiet: bool) -> bool:
        """Look, if it is time and nobody waits; tell whether that was so."""
        if now < self._due or not quiet:
            return False
        self._due = Instant(now + WHOLE_EVERY)
        gc.unfreeze()
        _set_aside()
        return True
