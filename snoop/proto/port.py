"""One port: its settings, whether it is up, what it holds, its counters."""

from typing import NamedTuple

from snoop.proto.counters import Counts, restored, zeros
from snoop.proto.filters import GroupFilter
from snoop.proto.hosts import Reporter
from snoop.proto.params import PortParams
from snoop.proto.settings import mark_of
from snoop.proto.shares import PortHoldings
from snoop.proto.units import Instant, Ports
from snoop.proto.witnesses import Witnesses

_REPORTERS_MAX = 1024  # names shared between entries; losing one costs memory, nothing else


class PortState(NamedTuple):
    """A port that survives, by its name; `mark` and the limits are of the settings it had."""

    id: int
    name: str
    added: Instant
    up: bool
    counts: dict[str, int]
    mark: int
    max_groups: int
    max_state: int


class Port:
    """State of one port; made and dropped by the engine."""

    __slots__ = (
        "_reporters",
        "added",
        "bit",
        "counts",
        "filter",
        "holdings",
        "id",
        "params",
        "up",
        "witnesses",
    )

    def __init__(self, port: int, params: PortParams, *, max_hosts: int, now: Instant) -> None:
        """Start down and empty."""
        self.id = port
        self.bit: Ports = 1 << port
        self.added = now
        self.up = False
        self.holdings = PortHoldings()
        self.counts: Counts = zeros()
        self._reporters: dict[Reporter, Reporter] = {}
        self.witnesses = Witnesses()
        self.configure(params, max_hosts=max_hosts)

    def configure(self, params: PortParams, *, max_hosts: int) -> None:
        """Take new settings."""
        self.params = params
        self.holdings.limit(max_state=params.max_state, max_hosts=max_hosts)
        self.filter = GroupFilter(params.deny_groups, params.allow_groups)

    def shared(self, who: Reporter) -> Reporter:
        """One object for all equal names, so that many entries of a host share it."""
        if len(self._reporters) >= _REPORTERS_MAX:
            self._reporters.clear()
        return self._reporters.setdefault(who, who)

    @property
    def mark(self) -> int:
        """A number that tells its settings from others."""
        return mark_of(self.params)

    def dump(self) -> PortState:
        """What survives."""
        params = self.params
        return PortState(
            id=self.id,
            name=params.name,
            added=self.added,
            up=self.up,
            counts={name: count for name, count in self.counts.items() if count},
            mark=self.mark,
            max_groups=params.max_groups,
            max_state=params.max_state,
        )

    def load(self, state: PortState) -> None:
        """Take up what was dumped of the port of this name."""
        self.added = state.added
        self.up = state.up
        self.counts = restored(state.counts)
