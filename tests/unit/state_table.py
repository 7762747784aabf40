"""The v3 state tables (RFC 9776 6.4.1 and 6.4.2) as data: SM-1 to SM-12, and their edges.

Sources are letters, and a row says what becomes of each one's timer. The unit, the model, the
whole switch on a virtual clock and the switch on real interfaces are each held to it, each with
addresses and times of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

UNLISTED = "Z"  # a source that no row names


class Timer(Enum):
    """What a timer runs for after the record."""

    OLD = auto()  # as long as before
    GMI = auto()
    GT = auto()  # what the group timer had left before the record
    ZERO = auto()  # a blocked source


OLD, GMI, GT, ZERO = Timer


@dataclass(frozen=True)
class Filter:
    """INCLUDE(running), or EXCLUDE(running, blocked)."""

    exclude: bool
    running: str = ""
    blocked: str = ""

    def forwards(self, source: str) -> bool:
        return source in self.running or (self.exclude and source not in self.blocked)

    def reports(self) -> list[tuple[str, str]]:
        """Records that make it of nothing, the first of them of the mode."""
        allowed = [("IS_IN", self.running)] if self.running else []
        return [("IS_EX", self.blocked), *allowed] if self.exclude else allowed


@dataclass(frozen=True)
class Row:
    """`group` is the group timer's in EXCLUDE; Q(G) and Q(G, `asked`) follow as the querier."""

    id: str
    before: Filter
    record: str
    listed: str
    sources: dict[str, Timer]
    group: Timer | None = None
    asks_group: bool = False
    asked: str = ""

    @property
    def after(self) -> Filter:
        blocked = "".join(s for s, timer in self.sources.items() if timer is ZERO)
        running = "".join(s for s, timer in self.sources.items() if timer is not ZERO)
        return Filter(self.group is not None, running, blocked)

    @property
    def unanswered(self) -> Filter:
        """When nobody has answered by the end of the last member query time (spec 3.1)."""
        running = "".join(s for s in self.after.running if s not in self.asked)
        if self.asks_group or not self.after.exclude:
            return Filter(False, running)
        return Filter(True, running, self.after.blocked + self.asked)


def _in(running: str) -> Filter:
    return Filter(False, running)


def _ex(running: str = "", blocked: str = "") -> Filter:
    return Filter(True, running, blocked)


ROWS = [
    Row("SM-1", _in("A"), "IS_IN", "B", {"A": OLD, "B": GMI}),
    Row("SM-2", _in("AB"), "IS_EX", "BC", {"B": OLD, "C": ZERO}, GMI),
    Row("SM-3", _ex("A", "B"), "IS_IN", "BC", {"A": OLD, "B": GMI, "C": GMI}, GT),
    Row("SM-4", _ex("AC", "BD"), "IS_EX", "ABE", {"A": OLD, "B": ZERO, "E": GMI}, GMI),
    Row("SM-5", _in("A"), "ALLOW", "B", {"A": OLD, "B": GMI}),
    Row("SM-6", _in("AB"), "BLOCK", "BC", {"A": OLD, "B": OLD}, asked="B"),
    Row("SM-7", _in("AB"), "TO_EX", "BC", {"B": OLD, "C": ZERO}, GMI, asked="B"),
    Row("SM-8", _in("AB"), "TO_IN", "BC", {"A": OLD, "B": GMI, "C": GMI}, asked="A"),
    Row("SM-9", _ex("A", "B"), "ALLOW", "B", {"A": OLD, "B": GMI}, GT),
    Row("SM-10", _ex("A", "B"), "BLOCK", "ABC", {"A": OLD, "B": ZERO, "C": GT}, GT, asked="AC"),
    Row("SM-11", _ex("AD", "B"), "TO_EX", "ABC", {"A": OLD, "B": ZERO, "C": GT}, GMI, asked="AC"),
    Row("SM-12", _ex("AC", "B"), "TO_IN", "BC", {"A": OLD, "B": GMI, "C": GMI}, GT, True, "A"),
]
EDGES = [
    Row("SM-1 again", _in("A"), "IS_IN", "A", {"A": GMI}),
    Row("SM-1 of none", _in("A"), "IS_IN", "", {"A": OLD}),
    Row("SM-4 of X", _ex("A", "B"), "IS_EX", "A", {"A": OLD}, GMI),
    Row("SM-8 of none, the leave of SSM", _in("AB"), "TO_IN", "", {"A": OLD, "B": OLD}, asked="AB"),
    Row("SM-9 of the only one", _ex("", "B"), "ALLOW", "B", {"B": GMI}, GT),
    Row("SM-10 of a new one", _ex(), "BLOCK", "A", {"A": GT}, GT, asked="A"),
    Row("SM-12 of none", _ex("A", "B"), "TO_IN", "", {"A": OLD, "B": ZERO}, GT, True, "A"),
    Row("SM-12 of none, the leave of ASM", _ex(), "TO_IN", "", {}, GT, True),
]
