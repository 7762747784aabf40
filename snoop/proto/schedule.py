"""When our own General Queries go: the startup queries, then one every query interval (Q-1)."""

from typing import NamedTuple

from snoop.proto.dumping import require, require_instants
from snoop.proto.scope import Scope
from snoop.proto.units import NEVER, Duration, Instant, after


class ScheduleState(NamedTuple):
    """A schedule that survives."""

    due: Instant
    startup_left: int


class Schedule:
    """The next one, `due`; `NEVER` while we do not ask."""

    __slots__ = ("_scope", "_startup_left", "due")

    def __init__(self, scope: Scope) -> None:
        """Start with none to come."""
        self._scope = scope
        self.stop()

    def stop(self) -> None:
        """Have none to come."""
        self._startup_left = 0
        self.due: Instant = NEVER

    def begin(self, now: Instant, *, startup: bool) -> None:
        """Begin with one that goes out now."""
        queries = self._scope.params.effective_startup_query_count
        self._startup_left = queries - 1 if startup else 0
        self._next(now)

    def hasten(self, now: Instant) -> None:
        """Wait for the next one no longer than intervals are now."""
        self.due = min(self.due, after(now, self._interval()))

    def sent(self, now: Instant) -> None:
        """Have the next one come after the one that was due and goes out now."""
        late = now - self.due >= self._interval()  # we were stopped: do not catch up
        self._next(now if late else self.due)

    def _interval(self) -> Duration:
        params = self._scope.params
        if self._startup_left > 0:
            return params.effective_startup_query_interval
        return params.query_interval

    def _next(self, last: Instant) -> None:
        self.due = after(last, self._interval())
        self._startup_left = max(0, self._startup_left - 1)

    def dump(self) -> ScheduleState:
        """What survives."""
        return ScheduleState(self.due, self._startup_left)

    def load(self, state: ScheduleState) -> None:
        """Take up what was dumped."""
        require_instants(state.due, state.startup_left)
        require(state.due > 0, "a schedule of the first instant")
        self.due, self._startup_left = state
