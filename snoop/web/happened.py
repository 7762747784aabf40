"""What happened in the last quarter of an hour, as lines that the switch has written.

Kept are KEPT_MAX of them and KEPT_BYTES_MAX; more than RATE_MAX a second are passed over and
counted, for nobody can read them and each costs every viewer.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

from snoop.runtime.fanout import Head, head_of

KEPT_SECONDS = 900.0
KEPT_MAX = 3000
KEPT_BYTES_MAX = 4 << 20
RATE_MAX = 200


class Happened:
    """The time line of one switch."""

    def __init__(self) -> None:
        self._lines: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._new: deque[bytes] = deque()
        self._new_bytes = 0
        self._left_out = 0
        self._second = 0.0
        self._count = 0

    def add(self, line: bytes, *, past: bool = False) -> Head:
        """Take a line; returns its head. `past`: it is of before we came, whatever the rate.

        What `head_of` raises of a line that is none of a switch is the caller's.
        """
        head = head_of(line)
        second = monotonic() // 1
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count > RATE_MAX and not past:
            self._left_out += 1
            return head
        self._lines.append((head.time, line))
        self._bytes += len(line)
        while len(self._lines) > KEPT_MAX or self._bytes > KEPT_BYTES_MAX:
            self._forget_oldest()
        self._new.append(line)
        self._new_bytes += len(line)
        while len(self._new) > KEPT_MAX or self._new_bytes > KEPT_BYTES_MAX:
            self._new_bytes -= len(self._new.popleft())
        return head

    @property
    def room(self) -> bool:
        """May more be told in this second?"""
        return self._count < RATE_MAX

    def all(self, now: float) -> bytes:
        """All that are kept, as a JSON list, oldest first; `now` is the time of day."""
        while self._lines and now - self._lines[0][0] > KEPT_SECONDS:
            self._forget_oldest()
        return b"[" + b",".join(line for _, line in self._lines) + b"]"

    def new(self) -> tuple[bytes, int] | None:
        """Those since the last call, and how many were left out; None if there are none."""
        if not self._new and not self._left_out:
            return None
        told = b"[" + b",".join(self._new) + b"]", self._left_out
        self._forget_new()
        return told

    def forget(self) -> None:
        """The switch is another one."""
        self._lines.clear()
        self._bytes = 0
        self._forget_new()

    def _forget_oldest(self) -> None:
        self._bytes -= len(self._lines.popleft()[1])

    def _forget_new(self) -> None:
        self._new.clear()
        self._new_bytes = self._left_out = 0
