"""Frames that were handed up and not decided, for another process: that part of `Plane`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from snoop.table.seen import Punted

if TYPE_CHECKING:
    from snoop.fastpath import FastPath


class Undecided:
    """What `Plane` has, and these need."""

    fastpath: FastPath
    _unread: deque[Punted]
    _undecided: bool

    def punted(self) -> int:
        """Take a batch."""
        raise NotImplementedError

    def drained(self, budget: int) -> tuple[Punted, ...]:
        """All that waits to be decided, when no loop runs any more."""
        while more := self.fastpath.drain(budget):
            self._unread.extend(more)
            self._undecided = True
        return tuple(self._unread)

    def go_on_with(self, unread: Iterable[Punted]) -> None:
        """Decide what another process has left undecided, before the first loop runs."""
        self._unread.extend(unread)
        self._undecided = True
        self.punted()
