"""What every part of the engine works on: settings, ports, VLANs, the heap of deadlines.

Nothing is decided here. The parts (`vlan`, `querier`, `mrouter`, `group`, `queries`, `learning`,
`forwarding`) hold a reference to the one `Switch` and append their effects to the list they are
given.
"""

from typing import TYPE_CHECKING

from snoop.proto.counters import Counts, zeros
from snoop.proto.deadlines import Deadlines
from snoop.proto.effects import Effect, Event, Transmit
from snoop.proto.filters import PrefixList
from snoop.proto.params import MrouterMode, Params, Unregistered
from snoop.proto.port import Port
from snoop.proto.units import SECOND, Instant, Ports, port_ids

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan

_QUIET = 10 * SECOND  # between two events that say the same (spec 1.10 note b: limited logs)
_QUIET_MAX = 4096


class Switch:
    """The shared state."""

    __slots__ = (
        "_quiet",
        "always_mrouters",
        "counts",
        "deadlines",
        "emptied",
        "flooded",
        "group_count",
        "params",
        "ports",
        "ssm",
        "state_bytes",
        "up",
        "vlan_params",
        "vlans",
    )

    def __init__(self, params: Params) -> None:
        """Start without ports and VLANs."""
        self.deadlines = Deadlines()
        self.ports: dict[int, Port] = {}
        self.vlans: dict[int, Vlan] = {}
        self.up: Ports = 0
        self.always_mrouters: Ports = 0
        self.flooded: Ports = 0
        self.group_count = 0
        self.state_bytes = 0
        self.emptied: set[int] = set()  # VLANs that may have nothing left
        self.counts: Counts = zeros()
        self._quiet: dict[tuple[str, int | None, str], int] = {}
        self.configure(params)

    def configure(self, params: Params) -> None:
        """Take new settings."""
        self.params = params
        self.vlan_params = dict(params.vlans)
        self.ssm = PrefixList(params.ssm_ranges)

    def refresh_masks(self) -> None:
        """Recompute the port sets that follow from the ports."""
        self.up = 0
        self.always_mrouters = 0
        self.flooded = 0
        floods = self.params.unregistered is Unregistered.FLOOD
        for port in self.ports.values():
            own = port.params.flood_unregistered
            if floods if own is None else own:
                self.flooded |= port.bit
            if port.up:
                self.up |= port.bit
            if port.params.mrouter is MrouterMode.ALWAYS:
                self.always_mrouters |= port.bit

    def send(self, ports: Ports, frame: bytes, counter: str, effects: list[Effect]) -> None:
        """Have `frame` sent on those of `ports` that are up, and count it there."""
        ports &= self.up
        if not ports:
            return
        for port in port_ids(ports):
            self.ports[port].counts[counter] += 1
        effects.append(Transmit(ports, frame))

    def warn(
        self,
        kind: str,
        vid: int,
        port: int | None,
        reason: str,
        now: Instant,
        effects: list[Effect],
        **fields: object,
    ) -> None:
        """Say something that may happen a thousand times a second, once in a while."""
        key = (kind, port, reason)
        if self._quiet.get(key, 0) > now:
            return
        if len(self._quiet) >= _QUIET_MAX:
            self._quiet.clear()
        self._quiet[key] = now + _QUIET
        effects.append(Event(kind, vid, port, {"reason": reason, **fields}))

    def retire(self, counts: Counts) -> None:
        """Keep what a port that goes away has counted."""
        for name, value in counts.items():
            self.counts[name] += value

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self.counts = zeros()
        for port in self.ports.values():
            port.counts = zeros()
