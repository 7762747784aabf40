"""One port: its settings, whether it is up, what it has used of its limits, its counters."""

from typing import TYPE_CHECKING

from snoop.proto.counters import Counts, zeros
from snoop.proto.filters import GroupFilter
from snoop.proto.hosts import Reporter
from snoop.proto.params import PortParams
from snoop.proto.units import Instant, Ports

if TYPE_CHECKING:
    from snoop.proto.shares import Stake

_REPORTERS_MAX = 1024  # names shared between entries; losing one costs memory, nothing else


class Port:
    """State of one port; made and dropped by the switch."""

    __slots__ = (
        "_host_limit",
        "_reporters",
        "added",
        "bit",
        "counts",
        "filter",
        "host_count",
        "id",
        "member_count",
        "opened_vlans",
        "params",
        "stakes",
        "state_bytes",
        "up",
    )

    def __init__(self, port: int, params: PortParams, *, max_hosts: int, now: Instant) -> None:
        """Start down and empty."""
        self.id = port
        self.bit: Ports = 1 << port
        self.added = now
        self.up = False
        self.member_count = 0
        self.host_count = 0
        self.opened_vlans = 0
        self.state_bytes = 0
        self.stakes: dict[int, Stake] = {}  # by VLAN
        self.counts: Counts = zeros()
        self._reporters: dict[Reporter, Reporter] = {}
        self.configure(params, max_hosts=max_hosts)

    @property
    def vacancy(self) -> int:
        """Return how many more hosts may be tracked."""
        return self._host_limit - self.host_count

    def configure(self, params: PortParams, *, max_hosts: int) -> None:
        """Take new settings."""
        self.params = params
        self._host_limit = max_hosts
        self.filter = GroupFilter(params.deny_groups, params.allow_groups)

    def shared(self, who: Reporter) -> Reporter:
        """Return one object for all equal names, so that many entries of a host share it."""
        if len(self._reporters) >= _REPORTERS_MAX:
            self._reporters.clear()
        return self._reporters.setdefault(who, who)
