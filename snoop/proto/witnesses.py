"""What a port's hosts asked in vain: which join, why it was refused, who asked last (SAY-2).

For people who look for what is wrong: nothing is decided by it, nobody is charged for it, and it
begins anew with the process. A host asks again at each query, so what is not heard for a membership
interval nobody wants any more.
"""

from collections.abc import Iterator
from typing import Final

from snoop.proto.hosts import Reporter
from snoop.proto.units import Instant
from snoop.proto.views import Refusal
from snoop.wire.address import Address

REFUSALS_MAX: Final = 64  # a port; the one not heard for longest goes

# What the port itself is refused, whichever of its hosts asks.
_OF_PORT: Final = frozenset(
    (Refusal.FILTER, Refusal.PORT_LIMIT, Refusal.TABLE_FULL, Refusal.STATE_LIMIT)
)


class Refused:
    """Joins of one group that were refused for one reason."""

    __slots__ = ("at", "count", "who")

    def __init__(self) -> None:
        """Start with none."""
        self.who: Reporter = b""
        self.at = Instant(0)
        self.count = 0


class Witnesses:
    """What one port has seen."""

    __slots__ = ("_refused",)

    def __init__(self) -> None:
        """Start with nothing."""
        self._refused: dict[tuple[int, Address, Refusal], Refused] = {}  # last heard last

    def refuse(self, vid: int, group: Address, why: Refusal, who: Reporter, now: Instant) -> None:
        """Remember a join that was refused."""
        key = vid, group, why
        known = self._refused.pop(key, None)
        if known is None:
            known = Refused()
            if len(self._refused) >= REFUSALS_MAX:
                del self._refused[next(iter(self._refused))]
        self._refused[key] = known
        known.who, known.at = who, now
        known.count += 1

    def admit(self, vid: int, group: Address, who: Reporter) -> None:
        """Take note that the port has the group after all, by a report of `who`."""
        self._drop(vid, group, who, _OF_PORT)

    def leave(self, vid: int, group: Address, who: Reporter) -> None:
        """Take note that `who` no longer wants what it was refused."""
        self._drop(vid, group, who, frozenset())

    def _drop(self, vid: int, group: Address, who: Reporter, also: frozenset[Refusal]) -> None:
        if not self._refused:
            return
        for why in Refusal:
            known = self._refused.get((vid, group, why))
            if known is not None and (known.who == who or why in also):
                del self._refused[vid, group, why]

    def forget(self, vid: int | None = None, group: Address | None = None) -> None:
        """Forget what was refused, of one VLAN or group or all."""
        for key in list(self._refused):
            if vid in (None, key[0]) and group in (None, key[1]):
                del self._refused[key]

    def refusals(self) -> Iterator[tuple[int, Address, Refusal, Refused]]:
        """Go through what was refused, however long ago."""
        for (vid, group, why), known in self._refused.items():
            yield vid, group, why, known
