"""Ports that come up and go down.

A port that goes down takes along what was learned on it (SM-67). It is down at once for all that is
sent, here and in the fast path; the memberships go a part at a time (`chores`), and until the last
has gone the port does not come up again: it comes back empty. One that comes up is asked in every
VLAN, a part at a time as well: whoever flaps a link must not hold up the others.
"""

from collections.abc import Iterator
from typing import Final

from snoop.proto.chores import Chores
from snoop.proto.context import Context
from snoop.proto.effects import Event, EventKind, Turn
from snoop.proto.instances import Instances
from snoop.proto.port import Port
from snoop.proto.solicitor import Solicitor
from snoop.proto.units import Instant

_ASKED: Final = 2  # a question is made and sent
_LOOKED_AT: Final = 32  # groups without a membership of the port cost together as much as one
_VLAN: Final = 4  # as much as so many of those
_ROUTERS: Final = 8  # up to 64 records


class Carrier:
    """Takes note that ports come and go."""

    __slots__ = ("_chores", "_context", "_instances", "_leaving", "_solicitor", "_times_up")

    def __init__(
        self, context: Context, instances: Instances, solicitor: Solicitor, now: Instant
    ) -> None:
        """Start with nobody under way."""
        self._context = context
        self._instances = instances
        self._solicitor = solicitor
        self._chores = Chores(context.deadlines, now)
        self._leaving: dict[int, bool] = {}  # ports that are emptied; whether they are up again
        self._times_up: dict[int, int] = {}

    def up(self, state: Port, turn: Turn) -> None:
        """Have the port come up; no effect if it is."""
        if state.id in self._leaving:
            self._leaving[state.id] = True
        elif not state.up:
            self._come(state, turn)

    def down(self, state: Port, turn: Turn) -> None:
        """Have the port go down; no effect if it is."""
        if state.id in self._leaving:
            self._leaving[state.id] = False
        elif state.up:
            self._context.set_up(state, False)
            self._solicitor.port_down(state.id)
            turn.add(Event(EventKind.PORT, 0, state.id, {"state": "down"}))
            self._leaving[state.id] = False
            self._chores.begin(self._empty(state), turn)

    def forget(self, state: Port, turn: Turn) -> None:
        """Have nothing under way for a port that is taken away."""
        self.down(state, turn)
        if state.id in self._leaving:
            self._chores.finish(turn)
        self._times_up.pop(state.id, None)

    def _come(self, state: Port, turn: Turn) -> None:
        self._context.set_up(state, True)
        turn.add(Event(EventKind.PORT, 0, state.id, {"state": "up"}))
        self._times_up[state.id] = self._times_up.get(state.id, 0) + 1
        if self._context.params.enabled:
            self._chores.begin(self._ask(state, self._times_up[state.id]), turn)
        self._solicitor.port_up(state.id, self._instances.vids(), turn.now)

    def _ask(self, state: Port, time: int) -> Iterator[int]:
        """Have the hosts behind a port that came up say what they want, in every VLAN (Q-14)."""
        for instance in self._instances:
            if not state.up or self._times_up.get(state.id) != time:
                return  # it went down meanwhile
            if self._instances.holds(instance) and not self._instances.is_waiting(instance):
                instance.querier.port_up(state, self._chores.turn)
            yield _ASKED

    def _empty(self, state: Port) -> Iterator[int]:
        """Take back what was learned on a port that went down."""
        chores, port, looked_at = self._chores, state.id, 0
        for instance in self._instances:
            if not self._instances.holds(instance):
                continue
            instance.groups.pardon(port)
            if instance.mrouters.ports & state.bit:
                instance.mrouters.drop_port(port, chores.turn, static=False)
                yield _ROUTERS
            looked_at += _VLAN
            for group in list(instance.groups):
                looked_at += 1
                if group.drop_member(port, chores.turn, bury=True, reason="port down"):
                    yield 1
                elif looked_at >= _LOOKED_AT:
                    looked_at = 0
                    yield 1
            if looked_at >= _LOOKED_AT:
                looked_at = 0
                yield 1
        if self._leaving.pop(port):
            self._come(state, chores.turn)
