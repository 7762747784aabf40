"""The device under test of the conformance tests: `Device` as an operator or a neighbour sees it.

Keys and values are those of the configuration, frames are scapy's, and the tests ask for rows of
the mdb, router ports, queriers, frames sent, and above all which ports a frame leaves by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from snoop.proto.effects import Transmit
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
from snoop.proto.units import SECOND, Instant, seconds
from snoop.wire.address import Family, parse_prefix, text
from unit import frames
from unit.crossing import on_wire
from unit.device import Device, R, address, ports_of
from unit.frames import S1, G, Sent
from unit.reference import Verdict

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


@lru_cache(maxsize=4096)
def _data(group: str, src: str, vid: int | None) -> bytes:
    return frames.data(group, src, vid=vid)


@dataclass(frozen=True)
class Transmission:
    """A frame that left, when (seconds), and by which ports."""

    at: float
    ports: frozenset[int]
    frame: bytes

    @property
    def sent(self) -> Sent:
        return Sent(self.frame)


class Dut(Device):
    """A switch with ports R, P1..P5 (ids 0..5), all up."""

    def __init__(
        self, *, ports: int = 6, port_params: dict[int, dict] | None = None, **params: object
    ) -> None:
        self.floods = ["224.0.1.129"]
        self.heard: set[bytes] = set()
        self._rq_due: Instant | None = None
        given = port_params or {}
        super().__init__(
            Params(switch_mac=SWITCH_MAC, **_convert(params)),
            {n: PortParams(name=f"p{n}", **_convert(given.get(n, {}))) for n in range(ports)},
            floods=self.floods,
        )

    # Time ----------------------------------------------------------------------------------------

    def wait(self, duration: float) -> None:
        self.run_to(Instant(self.now + seconds(duration)))

    def just_before(self, when: float) -> None:
        """One nanosecond before: nothing due then may have happened."""
        self.run_to(Instant(self._origin + seconds(when) - 1))

    def run_to(self, target: Instant) -> None:
        assert target >= self.now
        while self._rq_due is not None and self._rq_due <= target:
            super().run_to(self._rq_due)
            self.rq()
        super().run_to(target)

    def advance(self) -> None:
        super().advance()
        later = self.engine.next_deadline()
        assert later is None or later > self.now, "advance left its deadline in place"

    # The world -----------------------------------------------------------------------------------

    def punt(self, port: int, frame: bytes) -> frozenset[int]:
        self.heard.add(frame)
        return super().punt(port, frame)

    def rq(self, *, keep: bool = True, **how: object) -> None:
        """The real querier asks on R, and again every 125 s if `keep`."""
        self.hear(R, frames.v3_query(**how))
        self._rq_due = Instant(self.now + 125 * SECOND) if keep else None

    def silence_rq(self) -> None:
        self._rq_due = None

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
        self.mdb.set_floods((address(group), 128) for group in self.floods)
        self.take(self.engine.configure(self.params, dict(self.port_params), now=self.now))

    def mrouter(self, port: int, vid: int = 0) -> None:
        """A static router port."""
        self.take(self.engine.mrouter_add(vid=vid, port=port, now=self.now))

    @property
    def transmissions(self) -> list[Transmission]:
        """What has left since `zero`."""
        return [
            Transmission(when, ports_of(effect.ports), on_wire(effect))
            for when, effect in self.effects
            if isinstance(effect, Transmit)
        ]

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

    def groups(self, port: int | None = None, vid: int | None = None) -> set[str]:
        """The groups with a dynamic row, of one port or VLAN if given."""
        return {
            text(row.group)
            for row in self.engine.mdb(self.now)
            if port in (None, row.port) and vid in (None, row.vid)
        }

    def compatibility(self, port: int, group: str = G) -> str:
        row = self.row(port, group)
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
