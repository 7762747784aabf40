"""When our own General Queries go: the startup queries, then one every query interval (Q-1)."""

from typing import NamedTuple

from snoop.proto.dumping import require, require_instants
from snoop.proto.loading import Load
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after, port_ids


class ScheduleState(NamedTuple):
    """A schedule that survives."""

    due: Instant
    startup_left: int
    asked_at: Instant = STOPPED
    asked: tuple[int, ...] = ()


class Schedule:
    """The next one, `due`; `NEVER` while we do not ask. And the last: when, and to which ports."""

    __slots__ = ("_asked", "_asked_at", "_scope", "_startup_left", "due")

    def __init__(self, scope: Scope) -> None:
        """Start with none to come."""
        self._scope = scope
        self.stop()

    def stop(self) -> None:
        """Have none to come."""
        self._startup_left = 0
        self.due: Instant = NEVER
        self._asked_at: Instant = STOPPED
        self._asked: Ports = 0

    def begin(self, now: Instant, *, startup: bool) -> None:
        """Begin with one that goes out now."""
        queries = self._scope.params.effective_startup_query_count
        self._startup_left = queries - 1 if startup else 0
        self._next(now)

    def ask(self, now: Instant) -> Ports:
        """The ports that one goes to which goes out now: all there are."""
        self._asked_at, self._asked = now, self._scope.up
        return self._asked

    def has_asked(self, port: Port) -> bool:
        """Tell whether the last one went to a port since that came up."""
        return bool(self._asked & port.bit) and STOPPED < port.up_since <= self._asked_at

    def forget(self, port: int) -> None:
        """Forget a port, which goes away."""
        self._asked &= ~(1 << port)

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
        return ScheduleState(
            self.due, self._startup_left, self._asked_at, (*port_ids(self._asked),)
        )

    def load(self, state: ScheduleState, into: Load) -> None:
        """Take up what was dumped."""
        require_instants(state.due, state.startup_left)
        require(state.due > 0, "a schedule of the first instant")
        into.require_past(state.asked_at)
        self.due, self._startup_left = state.due, state.startup_left
        self._asked_at, self._asked = state.asked_at, into.mask(state.asked)
