"""Ports that come up and go down.

A port that goes down takes along what was learned on it (SM-67). It is down at once for all that is
sent, here and in the fast path; the memberships go a part at a time (`chores`), and until the last
has gone the port does not come up again: it comes back empty. One that comes up is asked in every
VLAN, a part at a time as well: whoever flaps a link must not hold up the others.

A port that leaves a VLAN is emptied there alone, one that joins is asked there alone.
"""

from typing import NamedTuple

from snoop.proto.chores import Chores
from snoop.proto.context import Context
from snoop.proto.dumping import Timer, require, timer_of
from snoop.proto.effects import Event, EventKind, Turn
from snoop.proto.instance import Instance
from snoop.proto.instances import Instances
from snoop.proto.loading import Load
from snoop.proto.port import Port
from snoop.proto.rounds import Round, RoundState
from snoop.proto.solicitor import Solicitor
from snoop.proto.units import NEVER, STOPPED
from snoop.proto.vlans import Moved


class CarrierState(NamedTuple):
    """Who is under way, as it survives."""

    timer: Timer
    leaving: tuple[tuple[int, bool], ...]
    times_up: tuple[tuple[int, int], ...]
    rounds: tuple[RoundState, ...]


class Carrier:
    """Takes note that ports come and go."""

    __slots__ = ("_chores", "_context", "_instances", "_leaving", "_solicitor", "_times_up")

    def __init__(self, context: Context, instances: Instances, solicitor: Solicitor) -> None:
        """Start with nobody under way."""
        self._context = context
        self._instances = instances
        self._solicitor = solicitor
        self._chores: Chores[Round] = Chores(context.deadlines, self._step)
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
            self._chores.begin(Round(state, empties=True), turn)

    def forget(self, state: Port, turn: Turn) -> None:
        """Have nothing under way for a port that is taken away."""
        self.down(state, turn)
        if any(each.port is state for each in self._chores.waiting):
            self._chores.finish(turn)
        self._times_up.pop(state.id, None)

    def move(self, state: Port, moved: Moved, turn: Turn) -> None:
        """Follow the port's VLANs, which are others now."""
        if any(each.port is state and each.empties for each in self._chores.waiting):
            self._chores.finish(turn)  # before it is back where something is left of it
        left = self._instances.among(moved.left)
        if left:
            state.witnesses.forget_in(moved.left)
            self._chores.begin(Round(state, empties=True, within=left), turn)
        joined = self._instances.among(moved.joined)
        if joined and state.up:
            time = self._times_up.get(state.id, 0)
            self._chores.begin(Round(state, empties=False, time=time, within=joined), turn)
            self._solicit(state, joined, turn)

    def _come(self, state: Port, turn: Turn) -> None:
        self._context.set_up(state, True)
        state.up_since = turn.now
        turn.add(Event(EventKind.PORT, 0, state.id, {"state": "up"}))
        time = self._times_up[state.id] = self._times_up.get(state.id, 0) + 1
        self._chores.begin(Round(state, empties=False, time=time), turn)
        self._solicit(state, self._instances.among(self._context.vlans.of(state.bit)), turn)

    def _solicit(self, state: Port, where: list[Instance], turn: Turn) -> None:
        keys = [(each.vid, each.family) for each in where]
        self._solicitor.port_up(state.id, keys, turn.now)

    def _step(self, its: Round, turn: Turn) -> int | None:
        """Go a step of a round: a port's hosts are asked (Q-14), or it is emptied (SM-67)."""
        port = its.port
        if its.empties:
            cost = its.step(self._instances, turn)
            if cost is None and not its.is_partial and self._leaving.pop(port.id):
                self._come(port, turn)
            return cost
        if not port.up or self._times_up.get(port.id, 0) != its.time:
            return None  # it went down meanwhile
        return its.step(self._instances, turn)

    # What survives -------------------------------------------------------------------------------

    def dump(self) -> CarrierState:
        """What survives."""
        return CarrierState(
            timer=timer_of(self._chores),
            leaving=tuple(self._leaving.items()),
            times_up=tuple(self._times_up.items()),
            rounds=tuple(each.dump(self._instances) for each in self._chores.waiting),
        )

    def load(self, state: CarrierState, into: Load) -> None:
        """Take up what was dumped; the instances are there."""
        self._leaving = {into.port_id(number): back for number, back in state.leaving}
        self._times_up = {into.port_id(number): times for number, times in state.times_up}
        rounds = [Round.load(each, self._instances, into) for each in state.rounds]
        emptied = [each.port for each in rounds if each.empties and not each.is_partial]
        numbers = sorted(port.id for port in emptied)
        require(numbers == sorted(self._leaving), "ports that are emptied by nobody, or twice")
        require(not any(port.up for port in emptied), "a port up while emptied")
        self._chores.waiting.extend(rounds)
        into.timer(self._chores, state.timer, NEVER if rounds else STOPPED)
