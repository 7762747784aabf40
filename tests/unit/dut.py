"""The device under test: engine, table compiler and a simulated fast path, on a virtual clock.

`Dut` does what the runtime does and nothing more: it hands frames and time in, applies the effects
that come out, and compiles exactly the groups and VLANs the effects name.  Tests then ask what an
operator or a neighbour could see: rows of the mdb, router ports, queriers, frames sent, and above
all which ports a frame leaves by.  Times are seconds since the start or since `zero()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address

from snoop.proto.effects import Event, GroupChanged, Transmit, VlanChanged
from snoop.proto.engine import Engine
from snoop.proto.params import (
    FastLeave,
    MrouterMode,
    NoQuerier,
    NullSource,
    Params,
    PortParams,
    QuerierMode,
    QueryScope,
    TimerProfile,
    Unregistered,
)
from snoop.table.mdb import Mdb, compile_group, compile_vlan
from snoop.wire.address import Family, parse_prefix
from unit import frames
from unit.crossing import hand_up, on_wire
from unit.frames import S1, G, Sent
from unit.reference import Table, Verdict

SECOND = 1_000_000_000
START = 5_000 * SECOND
R, P1, P2, P3, P4, P5 = range(6)
ALL = frozenset(range(6))
SWITCH_MAC = bytes.fromhex("02aabbccdd01")
OWN = "10.0.0.254"

_IN_SECONDS = {
    "query_interval",
    "query_response_interval",
    "last_member_query_interval",
    "startup_query_interval",
}
_NULL_SOURCE = {False: NullSource.NO, True: NullSource.YES, "fallback": NullSource.FALLBACK}
_ENUMS = {
    "mrouter_on_null_source": _NULL_SOURCE.__getitem__,
    "querier": QuerierMode,
    "timer_profile": TimerProfile,
    "unregistered": Unregistered,
    "no_querier": NoQuerier,
    "specific_query_scope": QueryScope,
    "mrouter": MrouterMode,
    "fast_leave": FastLeave,
}
_PREFIXES = {"ssm_ranges", "deny_groups", "allow_groups"}


def address(text: str) -> bytes:
    """An IPv4 address as the engine names it: v4-mapped."""
    return bytes(10) + b"\xff\xff" + IPv4Address(text).packed


def text(mapped: bytes) -> str:
    return str(IPv4Address(mapped[12:]))


def ports_of(mask: int) -> frozenset[int]:
    return frozenset(port for port in range(256) if mask >> port & 1)


@lru_cache(maxsize=4096)
def _data(group: str, src: str, vid: int | None) -> bytes:
    return frames.data(group, src, vid=vid)


@dataclass(frozen=True)
class Entry:
    """One dynamic mdb row, times in seconds; a blocked source has time 0."""

    mode: str
    timer: float | None
    sources: dict[str, float]


@dataclass(frozen=True)
class Transmission:
    """A frame that left, when (seconds), and by which ports."""

    at: float
    ports: frozenset[int]
    frame: bytes

    @property
    def sent(self) -> Sent:
        return Sent(self.frame)


class Dut:
    """A switch with ports R, P1..P5 (ids 0..5), all up."""

    def __init__(
        self, *, ports: int = 6, port_params: dict[int, dict] | None = None, **params: object
    ) -> None:
        self.now = START
        self._origin = START
        self.params = Params(switch_mac=SWITCH_MAC, **_convert(params))
        self.engine = Engine(params=self.params, now=self.now)
        self.port_params: dict[int, PortParams] = {}
        self.mdb = Mdb()
        self.floods = ["224.0.1.129"]
        self.mdb.set_floods(address(group) for group in self.floods)
        self.table = Table()
        self.events: list[Event] = []
        self.transmissions: list[Transmission] = []
        self.heard: set[bytes] = set()
        self._rq_due: int | None = None
        for port in range(ports):
            own = PortParams(name=f"p{port}", **_convert((port_params or {}).get(port, {})))
            self.port_params[port] = own
            self._apply(self.engine.port_add(port, own, now=self.now))
        for port in range(ports):
            self.port_up(port)

    # Time ----------------------------------------------------------------------------------------

    @property
    def time(self) -> float:
        return (self.now - self._origin) / SECOND

    def zero(self) -> None:
        """Call this moment 0 and forget what was sent."""
        self._origin = self.now
        self.transmissions.clear()
        self.events.clear()

    def at(self, seconds: float) -> None:
        """Run the timers until `seconds`, each at its own deadline."""
        self._run_to(self._origin + round(seconds * SECOND))

    def wait(self, seconds: float) -> None:
        self._run_to(self.now + round(seconds * SECOND))

    def just_before(self, seconds: float) -> None:
        """One nanosecond before: nothing due at `seconds` may have happened."""
        self._run_to(self._origin + round(seconds * SECOND) - 1)

    def _run_to(self, target: int) -> None:
        assert target >= self.now
        while True:
            due = self.engine.next_deadline()
            rq = self._rq_due
            upcoming = min((t for t in (due, rq) if t is not None), default=None)
            if upcoming is None or upcoming > target:
                break
            if due is not None and due <= upcoming:
                assert due >= self.now or due + SECOND // 10 >= self.now
                self.now = max(due, self.now)
                self._apply(self.engine.advance(self.now))
                later = self.engine.next_deadline()
                assert later is None or later > self.now, "advance left its deadline in place"
            else:
                assert rq is not None
                self.now = rq
                self._rq_due = rq + 125 * SECOND
                self.hear(R, frames.v3_query())
        self.now = target

    # The world -----------------------------------------------------------------------------------

    def hear(self, port: int, frame: bytes) -> frozenset[int]:
        """A frame comes in by `port`; the ports the same frame leaves by."""
        verdict = self.table.decide(port, frame)
        if not verdict.punt:
            return ports_of(verdict.ports)
        return ports_of(verdict.ports) | self.punt(port, frame)

    def punt(self, port: int, frame: bytes) -> frozenset[int]:
        """Give a frame to the control plane, whatever the fast path would do with it."""
        self.heard.add(frame)
        effects = hand_up(self.engine, port=port, frame=frame, now=self.now)
        egress: frozenset[int] = frozenset()
        for effect in effects:
            if isinstance(effect, Transmit) and on_wire(effect) == frame:
                egress |= ports_of(effect.ports)
        assert port not in egress, "a frame left by its ingress port"
        self._apply(effects)
        return egress

    def rq(self, *, keep: bool = True, **how: object) -> None:
        """The real querier asks on R, and again every 125 s if `keep`."""
        self.hear(R, frames.v3_query(**how))
        self._rq_due = self.now + 125 * SECOND if keep else None

    def silence_rq(self) -> None:
        self._rq_due = None

    def port_up(self, port: int) -> None:
        self.table.up |= 1 << port
        self._apply(self.engine.port_up(port, now=self.now))

    def port_down(self, port: int) -> None:
        self.table.up &= ~(1 << port)
        self._apply(self.engine.port_down(port, now=self.now))

    def configure(
        self,
        *,
        ports: dict[int, dict] | None = None,
        always_flood: Sequence[str] | None = None,
        **params: object,
    ) -> None:
        """Reload with some keys changed."""
        self.params = replace(self.params, **_convert(params))
        for port, own in (ports or {}).items():
            self.port_params[port] = replace(self.port_params[port], **_convert(own))
        self.floods = self.floods if always_flood is None else list(always_flood)
        self.mdb.set_floods(address(group) for group in self.floods)
        self._apply(self.engine.configure(self.params, dict(self.port_params), now=self.now))

    def mrouter(self, port: int, vid: int = 0) -> None:
        """A static router port."""
        self._apply(self.engine.mrouter_add(vid=vid, port=port, now=self.now))

    def apply(self, effects: list) -> None:
        """Effects of an engine call a test makes itself."""
        self._apply(effects)

    def _apply(self, effects: list) -> None:
        for effect in effects:
            match effect:
                case Transmit(ports=ports):
                    sent = Transmission(self.time, ports_of(ports), on_wire(effect))
                    self.transmissions.append(sent)
                case GroupChanged(vid=vid, group=group):
                    view = self.engine.group_view(vid, group)
                    self.mdb.set_group(vid, group, compile_group(view))
                case VlanChanged(vid=vid, family=family):
                    view = self.engine.vlan_view(vid, family)
                    self.mdb.set_vlan(compile_vlan(view, self.params, self.port_params))
                case Event():
                    self.events.append(effect)
                case _:
                    raise AssertionError(effect)
        self.table.apply(self.mdb.staged())
        self.mdb.published()

    # Questions -----------------------------------------------------------------------------------

    def forwards(
        self, group: str = G, src: str = S1, *, by: int = R, vid: int | None = None
    ) -> frozenset[int]:
        """The ports a data frame leaves by that comes in by `by`."""
        return ports_of(self.decide(group, src, by=by, vid=vid).ports)

    def decide(
        self, group: str = G, src: str = S1, *, by: int = R, vid: int | None = None
    ) -> Verdict:
        return self.table.decide(by, _data(group, src, vid))

    def mdb_row(self, port: int, group: str = G, vid: int = 0):
        """The dynamic mdb row of one port, None if there is none."""
        for row in self.engine.mdb(self.now):
            key = (row.vid, row.group, row.port, str(row.origin))
            if key == (vid, address(group), port, "dynamic"):
                return row
        return None

    def entry(self, port: int, group: str = G, vid: int = 0) -> Entry | None:
        row = self.mdb_row(port, group, vid)
        if row is None:
            return None
        sources = {}
        for source in row.sources:
            timer = 0.0 if source.timer is None else source.timer / SECOND
            assert source.forwarding == (timer > 0)
            sources[text(source.address)] = timer
        timer = None if row.group_timer is None else row.group_timer / SECOND
        return Entry(row.filter_mode.value, timer, sources)

    def groups(self, port: int | None = None, vid: int | None = None) -> set[str]:
        """The groups with a dynamic row, of one port or VLAN if given."""
        return {
            text(row.group)
            for row in self.engine.mdb(self.now)
            if port in (None, row.port) and vid in (None, row.vid)
        }

    def compatibility(self, port: int, group: str = G) -> str:
        row = self.mdb_row(port, group)
        assert row is not None
        return str(row.compatibility)

    def mdb_ports_in_mode(self, compatibility: str) -> set[int]:
        """Ports with a row in that compatibility mode."""
        rows = self.engine.mdb(self.now)
        return {row.port for row in rows if row.compatibility == compatibility}

    def mrouters(self, vid: int = 0) -> dict[int, set[str]]:
        """Router ports with the origins of their records."""
        found: dict[int, set[str]] = {}
        for row in self.engine.mrouters(self.now):
            if row.vid == vid and row.family is Family.IPV4:
                found.setdefault(row.port, set()).add(str(row.origin))
        return found

    def querier(self, vid: int = 0):
        """The querier row of a VLAN."""
        for row in self.engine.queriers(self.now):
            if row.vid == vid and row.family is Family.IPV4:
                return row
        return None

    def role(self, vid: int = 0) -> str:
        row = self.querier(vid)
        return "none" if row is None else str(row.role)

    def counter(self, name: str, port: int) -> int:
        return self.engine.port_counters(port).get(name, 0)

    def made(self) -> Iterator[Transmission]:
        """What the switch sent of its own, as opposed to passed on."""
        return (t for t in self.transmissions if t.frame not in self.heard)

    def general_queries(self) -> list[Transmission]:
        return [t for t in self.made() if t.sent.is_general]

    def specific_queries(self) -> list[Transmission]:
        return [t for t in self.made() if t.sent.is_query and not t.sent.is_general]


def _convert(given: dict[str, object]) -> dict[str, object]:
    """Seconds to durations, texts to the enum or address the field wants."""
    converted: dict[str, object] = {}
    for name, value in given.items():
        if name in _IN_SECONDS:
            value = round(float(value) * SECOND)  # type: ignore[arg-type]  # a number by its key
        elif name == "querier_address":
            value = address(str(value))
        elif name in _ENUMS:
            value = _ENUMS[name](value)
        elif name in _PREFIXES:
            value = tuple(parse_prefix(prefix) for prefix in value)
        converted[name] = value
    return converted


def non_querier(**params: object) -> Dut:
    """A switch that hears rq (10.0.0.1, v3) on R, has its table filled and prunes; time 0."""
    dut = Dut(**params)
    dut.rq()
    dut.wait(10)
    dut.zero()
    return dut


def own_querier(*, router: bool = True, **params: object) -> Dut:
    """A switch that is the querier, with a static router on R unless told not to; time 0.

    Startup queries are over: the next General Query is 125 s away at the earliest.
    """
    dut = Dut(**{"querier": "on", "querier_address": OWN, **params})
    if router:
        dut.mrouter(R)
    dut.wait(32)
    dut.zero()
    return dut
