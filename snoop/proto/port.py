"""One port: its settings, whether it is up, what it holds, its counters."""

from typing import NamedTuple

from snoop.proto.counters import Counts, restored, zeros
from snoop.proto.filters import GroupFilter
from snoop.proto.hosts import Reporter
from snoop.proto.params import MrouterMode, PortParams
from snoop.proto.settings import mark_of
from snoop.proto.shares import PortHoldings
from snoop.proto.units import STOPPED, Instant, Ports
from snoop.proto.witnesses import Witnesses
from snoop.wire.address import IPV4, IPV6, Family

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
    max_groups6: int = 0
    up_since: Instant = STOPPED


class Port:
    """State of one port; made and dropped by the engine.

    `params` are its settings for IPv4, `mld` those for IPv6; what is not a family's is in `params`.
    """

    __slots__ = (
        "_reporters",
        "added",
        "bit",
        "counts",
        "filter",
        "filter6",
        "holdings",
        "horizon",
        "id",
        "mld",
        "params",
        "up",
        "up_since",
        "witnesses",
    )

    def __init__(self, port: int, params: PortParams, *, max_hosts: int, now: Instant) -> None:
        """Start down and empty."""
        self.id = port
        self.bit: Ports = 1 << port
        self.horizon: Ports = self.bit  # itself and the ports of its split horizon
        self.added = now
        self.up = False
        self.up_since: Instant = STOPPED
        self.holdings = PortHoldings()
        self.counts: Counts = zeros()
        self._reporters: dict[Reporter, Reporter] = {}
        self.witnesses = Witnesses()
        self.configure(params, max_hosts=max_hosts)

    def configure(self, params: PortParams, *, max_hosts: int) -> None:
        """Take new settings."""
        self.params = params
        self.mld = params.of(IPV6)
        vlans = 0 if params.vlans is None else params.vlans.all.bit_count()
        self.holdings.limit(max_state=params.max_state, max_hosts=max_hosts, vlans=vlans)
        self.filter = GroupFilter(IPV4, params.deny_groups, params.allow_groups)
        self.filter6 = GroupFilter(IPV6, self.mld.deny_groups, self.mld.allow_groups)

    @property
    def is_restricted(self) -> bool:
        """True if its settings may take something away that was learned."""
        return any(
            own.mrouter is MrouterMode.NEVER or own.querier_guard or not own.explicit_tracking
            for own in (self.params, self.mld)
        )

    @property
    def shapes_vlans(self) -> bool:
        """True if its settings show in the view of an instance, so that it is said anew."""
        return any(
            own.mrouter is MrouterMode.ALWAYS or own.flood_unregistered is not None
            for own in (self.params, self.mld)
        )

    def differs_in_vlans_alone(self, wanted: PortParams) -> bool:
        """Tell whether other settings change nothing but which VLANs it is in."""
        return self.params.without_vlans() == wanted.without_vlans()

    def of(self, family: Family) -> PortParams:
        """Its settings for a family."""
        return self.params if family is IPV4 else self.mld

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
            max_groups6=self.mld.max_groups,
            up_since=self.up_since,
        )

    def load(self, state: PortState) -> None:
        """Take up what was dumped of the port of this name."""
        self.added = state.added
        self.up = state.up
        self.up_since = state.up_since
        self.counts = restored(state.counts)
