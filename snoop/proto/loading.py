"""One load under way: which port a number stands for now, and the timers.

A port is a name: the same name may have another number in another configuration. What was dumped of
a port that is not there any more is loaded all the same, under a number that no port has, and then
taken away as of any port that is removed (`fitting`).
"""

from collections.abc import Iterable
from typing import Final

from snoop.proto.context import Context
from snoop.proto.deadlines import Owner
from snoop.proto.dumping import Timer, require, require_instants
from snoop.proto.port import Port
from snoop.proto.shares import PortHoldings, Stake
from snoop.proto.units import STOPPED, Instant, Ports

PORTS_MAX: Final = 256  # numbers from here on are nobody's


class Load:
    """What owners of state ask while they load themselves."""

    __slots__ = ("_departed", "_ports", "_timers", "context", "now", "ranks")

    def __init__(self, context: Context, now: Instant) -> None:
        """Start with no port known."""
        self.context = context
        self.now = now
        self._ports: dict[int, Port] = {}
        self._departed: dict[int, PortHoldings] = {}
        self._timers: set[int] = set()
        self.ranks: dict[Stake, int] = {}

    # Ports ---------------------------------------------------------------------------------------

    def stands_for(self, number: int, port: Port) -> None:
        """Have `number` in what was dumped stand for `port`."""
        require(0 <= number < PORTS_MAX, f"no port has the number {number}")
        require(number not in self._ports, f"port {number} twice")
        self._ports[number] = port

    def port(self, number: int) -> Port:
        """The port that something belongs to."""
        port = self._ports.get(number)
        require(port is not None, f"nothing is known of port {number}")
        assert port is not None
        return port

    def port_id(self, number: int) -> int:
        """The id of the port that something belongs to."""
        return self.port(number).id

    def place(self, number: int) -> int:
        """The id of a port that was only seen, and may be gone since."""
        port = self._ports.get(number)
        if port is not None:
            return port.id
        return number if number not in self.context.ports else number + 2 * PORTS_MAX

    def mask(self, numbers: Iterable[int]) -> Ports:
        """A set of ports as their ids are now."""
        mask = 0
        for number in numbers:
            mask |= self.port(number).bit
        return mask

    def holdings(self, number: int) -> PortHoldings:
        """What a port holds; below 0: one that was removed before the dump."""
        if number >= 0:
            return self.port(number).holdings
        return self._departed.setdefault(number, PortHoldings())

    def reorder(self) -> None:
        """Have what each port holds in the order it was: all instances are loaded."""
        for holdings in (
            *(port.holdings for port in self._ports.values()),
            *self._departed.values(),
        ):
            for stake in holdings.stakes.values():
                require(stake in self.ranks, "something charged to no stake")
            holdings.reorder(self.ranks)

    # Timers --------------------------------------------------------------------------------------

    def timer(self, owner: Owner, timer: Timer, needed: Instant) -> None:
        """Arm `owner` as it was; it has to fire at `needed` at the latest (`STOPPED`: no need)."""
        require_instants(timer.at)
        if timer.at != STOPPED:
            require(
                0 < timer.number <= self.context.deadlines.numbered,
                f"a timer of number {timer.number}",
            )
            require(timer.number not in self._timers, "two timers of one number")
            self._timers.add(timer.number)
            self.context.deadlines.restore(owner, timer.at, timer.number)
        require(needed == STOPPED or STOPPED < timer.at <= needed, "a timer that fires too late")

    def require_past(self, *instants: Instant) -> None:
        """Hold to instants that have been."""
        require_instants(*instants)
        require(max(instants) <= self.now, "something that has not been yet")
