"""What all instances of a switch share: settings, ports, the heap of deadlines, counters.

Nothing is decided here, and nothing known of any instance: each reaches this through its `scope`.
"""

from collections.abc import Callable
from typing import NamedTuple

from snoop.proto.counters import Counts, restored, zeros
from snoop.proto.deadlines import Deadlines
from snoop.proto.dumping import Dump, require_instants
from snoop.proto.effects import Event, EventKind, Frame, Transmit, Turn
from snoop.proto.params import MrouterMode, Params, PortParams, Unregistered
from snoop.proto.port import Port
from snoop.proto.settings import Settings
from snoop.proto.shares import SwitchHoldings
from snoop.proto.units import SECOND, Instant, Ports, port_ids
from snoop.proto.vlans import Moved
from snoop.wire.address import Family

_QUIET = 10 * SECOND  # between two events that say the same (spec 1.10 note b: limited logs)
_QUIET_MAX = 4096


class QuietState(NamedTuple):
    """Something that was said, and until when it is not said again."""

    kind: str
    port: int | None
    reason: str
    until: Instant
    family: str = "ipv4"


class ContextState(NamedTuple):
    """What is shared and survives; the ports are beside it, the rest is known to its owners."""

    counts: dict[str, int]
    quiet: tuple[QuietState, ...]
    emptied: tuple[tuple[int, Family], ...]


class _UpIn(dict[int, Ports]):
    """The ports of a VLAN that are up, worked out when it is asked about first."""

    __slots__ = ("_context",)

    def __init__(self, context: "Context") -> None:
        self._context = context

    def __missing__(self, vid: int) -> Ports:
        ports = self[vid] = self._context.up & self._context.vlans.ports(vid)
        return ports


class Context:
    """The shared state.

    `up` are the ports that are up, `up_in` by VLAN: all that anything is sent to there (VLAN-5).
    """

    __slots__ = (
        "_quiet",
        "always_mrouters",
        "counts",
        "deadlines",
        "emptied",
        "flooded",
        "flooded6",
        "holdings",
        "params",
        "ports",
        "settings",
        "up",
        "up_in",
        "vlans",
    )

    def __init__(self, params: Params) -> None:
        """Start without ports."""
        self.settings = Settings(params)
        self.vlans = self.settings.vlans  # the ports of each
        self.params = params  # of the switch as a whole
        self.holdings = SwitchHoldings(self.settings)
        self.deadlines = Deadlines()
        self.ports: dict[int, Port] = {}
        self.up: Ports = 0
        self.up_in = _UpIn(self)
        self.always_mrouters: dict[Family, Ports] = {}
        self.flooded: Ports = 0
        self.flooded6: Ports = 0
        self.refresh_masks()
        self.emptied: dict[tuple[int, Family], None] = {}  # instances that may have nothing left
        self.counts: Counts = zeros()
        self._quiet: dict[tuple[str, int | None, str, str], int] = {}

    def take(self, params: Params) -> None:
        """Have new settings; each `scope` is told to follow them."""
        self.settings.take(params)
        self.params = params

    # Ports ---------------------------------------------------------------------------------------

    def add_port(self, port: int, params: PortParams, now: Instant) -> None:
        """Have a port, which is down; `refresh_masks` when all that changed is said."""
        its = self.ports[port] = Port(port, params, max_hosts=self.params.max_hosts, now=now)
        self.vlans.put(its.bit, params.vlans)
        self.up_in.clear()

    def configure_port(self, port: Port, params: PortParams) -> Moved:
        """Have new settings of a port; return what becomes of its VLANs; `refresh_masks` then."""
        was = port.params.vlans
        port.configure(params, max_hosts=self.params.max_hosts)
        moved = self.vlans.put(port.bit, params.vlans, was)
        self.up_in.clear()
        return moved

    def remove_port(self, port: int) -> None:
        """Forget a port, but not what it has counted; `refresh_masks` then."""
        its = self.ports.pop(port)
        self.vlans.take(its.bit)
        self.up_in.clear()
        for name, value in its.counts.items():
            self.counts[name] += value
        for key in [key for key in self._quiet if key[1] == port]:
            del self._quiet[key]

    def set_up(self, port: Port, up: bool) -> None:
        """Take note that a port came up or went down."""
        port.up = up
        if not up:
            port.witnesses.forget()
            port.witnesses.excuse()
        self.up = self.up | port.bit if up else self.up & ~port.bit
        self.up_in.clear()

    def refresh_masks(self) -> None:
        """Recompute the port sets that follow from the ports."""
        self.up = 0
        self.up_in.clear()
        horizons: dict[str, Ports] = {}
        for port in self.ports.values():
            if port.up:
                self.up |= port.bit
            name = port.params.split_horizon
            if name is not None:
                horizons[name] = horizons.get(name, 0) | port.bit
        for port in self.ports.values():
            port.horizon = horizons.get(port.params.split_horizon or "", port.bit)
        floods = self.params.unregistered is Unregistered.FLOOD
        for family in Family:
            flooded: Ports = 0
            always: Ports = 0
            for port in self.ports.values():
                params = port.params if family is Family.IPV4 else port.mld
                own = params.flood_unregistered
                if floods if own is None else own:
                    flooded |= port.bit
                if params.mrouter is MrouterMode.ALWAYS:
                    always |= port.bit
            self.always_mrouters[family] = always
            if family is Family.IPV4:
                self.flooded = flooded
            else:
                self.flooded6 = flooded

    # What is said --------------------------------------------------------------------------------

    def send(
        self,
        ports: Ports,
        frame: Frame,
        counter: str,
        turn: Turn,
        *,
        came_from: int | None = None,
    ) -> None:
        """Have `frame` sent on those of `ports` that are up and in its VLAN, and count it there.

        `came_from` is the port that it is passed on from, None for one of our own.
        """
        ports &= self.up_in[frame.vid]
        if not ports:
            return
        for port in port_ids(ports):
            self.ports[port].counts[counter] += 1
        turn.add(Transmit(frame.vid, ports, frame.data, frame.tci, came_from))

    def warn(
        self,
        kind: EventKind,
        vid: int,
        port: int | None,
        reason: str,
        turn: Turn,
        **fields: object,
    ) -> None:
        """Say something that may happen a thousand times a second, once in a while."""
        key = (kind, port, reason, str(fields.get("family", "ipv4")))
        if self._quiet.get(key, 0) > turn.now:
            return
        if len(self._quiet) >= _QUIET_MAX:
            self._quiet.clear()
        self._quiet[key] = turn.now + _QUIET
        turn.add(Event(kind, vid, port, {"reason": reason, **fields}))

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self.counts = zeros()
        for port in self.ports.values():
            port.counts = zeros()

    # What survives -------------------------------------------------------------------------------

    def dump(self, out: Dump) -> ContextState:
        """What survives."""
        quiet = [
            QuietState(str(kind), port, reason, Instant(until), family)
            for (kind, port, reason, family), until in self._quiet.items()
            if until > out.now
        ]
        quiet.sort(key=str)  # the order says nothing
        counts = {name: count for name, count in self.counts.items() if count}
        return ContextState(counts, tuple(quiet), tuple(self.emptied))

    def load(self, state: ContextState, port_id: Callable[[int], int]) -> None:
        """Take up what was dumped; `port_id` says which port a number stands for now."""
        self.counts = restored(state.counts)
        self.emptied = dict.fromkeys(state.emptied)
        for kind, port, reason, until, family in state.quiet[:_QUIET_MAX]:
            require_instants(until)
            self._quiet[kind, None if port is None else port_id(port), reason, family] = until
