"""A switch without sockets: engine, table compiler and reference decision, on a virtual clock.

`Device` does what the runtime does and nothing more: it hands frames and time in, applies the
effects that come out, and compiles exactly the groups and VLANs the effects name, so a change the
engine forgets to announce shows as a wrong port set. `Dut`, `Lab` and `Pair` are this device with
questions and words of their own. Times are seconds since the start or since `zero`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

from snoop.proto.effects import Effect, Event, GroupChanged, Transmit, VlanChanged
from snoop.proto.engine import Engine
from snoop.proto.params import Params, PortParams
from snoop.proto.statics import StaticEntry
from snoop.proto.units import SECOND, Instant, seconds
from snoop.proto.views import MdbRow
from snoop.table.mdb import Mdb, compile_group, compile_vlan
from snoop.table.members import EVERYBODY, compile_members
from snoop.wire.address import text
from unit.crossing import hand_up, on_wire, untagged
from unit.frames import G
from unit.reference import Table

START = Instant(1_000 * SECOND)
R, P1, P2, P3, P4, P5 = range(6)
Itself = TypeVar("Itself", bound="Device")


def address(text: str) -> bytes:
    """An address as the engine names it: an IPv4 one is v4-mapped."""
    given = ip_address(text)
    return bytes(10) + b"\xff\xff" + given.packed if given.version == 4 else given.packed


def static(port: int, group: str, source: str | None = None, vid: int = 0) -> StaticEntry:
    return StaticEntry(vid, address(group), None if source is None else address(source), port)


def ports_of(mask: int) -> frozenset[int]:
    return frozenset(port for port in range(mask.bit_length()) if mask >> port & 1)


class Entry(NamedTuple):
    """One dynamic mdb row, times in seconds; a blocked source has time 0."""

    mode: str
    timer: float | None
    sources: dict[str, float]


class Device:
    """Ports with these parameters, all up unless told otherwise."""

    def __init__(
        self, params: Params, ports: Mapping[int, PortParams], *, up: bool = True,
        floods: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self.now = self._origin = START
        self.params = params
        self.engine = Engine(params=params, now=self.now)
        self.port_params = dict(ports)
        self.mdb = Mdb()
        self.mdb.set_floods((address(group), 128) for group in floods)
        self.table = Table()
        self.effects: list[tuple[float, Effect]] = []
        self._place()
        for port, own in ports.items():
            self.take(self.engine.port_add(port, own, now=self.now))
        for port in ports if up else ():
            self.port_up(port)

    # Time ----------------------------------------------------------------------------------------

    @property
    def time(self) -> float:
        return (self.now - self._origin) / SECOND

    def clear(self) -> None:
        """Forget what the engine has said."""
        self.effects.clear()

    def zero(self) -> None:
        """Call this moment 0, too."""
        self._origin = self.now
        self.clear()

    def at(self: Itself, when: float) -> Itself:
        """Run the timers until then, each at its own deadline."""
        self.run_to(Instant(self._origin + seconds(when)))
        return self

    def run_to(self, target: Instant) -> None:
        while (due := self.engine.next_deadline()) is not None and due <= target:
            self.now = max(self.now, due)
            self.advance()
        self.now = target

    def advance(self) -> None:
        self.take(self.engine.advance(self.now))

    # What happens --------------------------------------------------------------------------------

    def hear(self, port: int, frame: bytes) -> frozenset[int]:
        """A frame comes in by `port`; the ports the same frame leaves by."""
        verdict = self.table.decide(port, frame)
        if not verdict.punt:
            return ports_of(verdict.ports)
        return ports_of(verdict.ports) | self.punt(port, frame)

    def punt(self, port: int, frame: bytes) -> frozenset[int]:
        """Give a frame to the engine, whatever the fast path would do with it."""
        pvid = self.table.pvids.get(port, 0)
        effects = self.take(hand_up(self.engine, port=port, frame=frame, now=self.now, pvid=pvid))
        filters = bool(self.table.pvids)  # then each port has its own spelling of the tag
        egress = frozenset(
            number
            for effect in effects
            if isinstance(effect, Transmit)
            and (effect.frame == untagged(frame) if filters else on_wire(effect) == frame)
            for number in ports_of(effect.ports)
        )
        assert port not in egress, "a frame left by its ingress port"
        return egress

    def port_up(self, port: int) -> None:
        self.table.up |= 1 << port
        self.take(self.engine.port_up(port, now=self.now))

    def port_down(self, port: int) -> None:
        self.table.up &= ~(1 << port)
        self.take(self.engine.port_down(port, now=self.now))

    def become(self, params: Params | None = None, **ports: PortParams) -> list[Effect]:
        """Take new settings; ports by their names."""
        self.params = self.params if params is None else params
        for number, own in self.port_params.items():
            self.port_params[number] = ports.get(own.name, own)
        self._place()
        return self.take(self.engine.configure(self.params, self.port_params, now=self.now))

    def _place(self) -> None:
        """Have the fast path know which VLANs ports are in, and whom they are kept apart from."""
        vlans = {port: own.vlans for port, own in self.port_params.items() if own.vlans is not None}
        self.mdb.set_members(compile_members(vlans) if vlans else EVERYBODY)
        self.table.pvids = {port: its.pvid for port, its in vlans.items()}
        names = sorted({own.split_horizon or "" for own in self.port_params.values()} | {""})
        self.table.horizons = {
            port: names.index(own.split_horizon or "") for port, own in self.port_params.items()
        }

    def add_static(
        self, port: int, group: str = G, source: str | None = None, vid: int = 0
    ) -> list[Effect]:
        """As an operator's command does; so does `remove_static`."""
        return self.take(self.engine.static_add(static(port, group, source, vid), now=self.now))

    def remove_static(
        self, port: int, group: str = G, source: str | None = None, vid: int = 0
    ) -> list[Effect]:
        return self.take(self.engine.static_del(static(port, group, source, vid), now=self.now))

    def take(self, effects: list[Effect]) -> list[Effect]:
        """Apply what a call of the engine has said."""
        for effect in effects:
            match effect:
                case GroupChanged(vid=vid, group=group):
                    self.mdb.set_group(
                        vid, group, compile_group(self.engine.group_view(vid, group))
                    )
                case VlanChanged(vid=vid, family=family):
                    view = self.engine.vlan_view(vid, family)
                    self.mdb.set_vlan(compile_vlan(view, self.params, self.port_params))
                case Transmit() | Event():
                    pass
                case _:
                    raise AssertionError(effect)
        self.effects += [(self.time, effect) for effect in effects]
        self.table.apply(self.mdb.staged())
        self.mdb.published()
        return effects

    # Questions -----------------------------------------------------------------------------------

    def row(self, port: int, group: str = G, vid: int = 0) -> MdbRow | None:
        """The dynamic mdb row of one port."""
        wanted = (vid, address(group), port, "dynamic")
        for row in self.engine.mdb(self.now):
            if (row.vid, row.group, row.port, row.origin) == wanted:
                return row
        return None

    def entry(self, port: int, group: str = G, vid: int = 0) -> Entry | None:
        row = self.row(port, group, vid)
        if row is None:
            return None
        timers = {text(source.address): (source.timer or 0) / SECOND for source in row.sources}
        assert all(s.forwarding == (timers[text(s.address)] > 0) for s in row.sources)
        timer = None if row.group_timer is None else row.group_timer / SECOND
        return Entry(row.filter_mode.value, timer, timers)

    def count(self, name: str, port: int | None = None) -> int:
        counters = self.engine.counters() if port is None else self.engine.port_counters(port)
        return counters[name]

    def events(self, kind: str | None = None) -> list[Event]:
        said = (effect for _, effect in self.effects if isinstance(effect, Event))
        return [event for event in said if kind in (None, event.kind)]
