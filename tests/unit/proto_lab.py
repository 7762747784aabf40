"""An engine with ports and literal times, for the tests of `snoop.proto`.

Port 0 is `R`, the router's side; frames are built by `snoop.wire`, which has tests of its own.
Times are seconds since the start of the lab.
"""

from __future__ import annotations

from collections.abc import Sequence

from snoop.proto.effects import Effect, Event, GroupChanged, Transmit, VlanChanged
from snoop.proto.engine import Engine
from snoop.proto.params import Params, PortParams
from snoop.proto.units import SECOND, Instant, seconds
from snoop.proto.views import MdbRow
from snoop.wire import compose, control, ether, pim
from snoop.wire.address import ANY, Family, parse, text
from snoop.wire.messages import Query, Record, RecordType
from unit.crossing import hand_up, on_wire

R, P1, P2, P3 = range(4)
G, H, SSM = "239.1.2.3", "239.1.2.4", "232.1.1.1"
S1, S2, S3 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
RQ, OWN, HOST, OTHER = "10.0.0.1", "10.0.0.100", "10.0.0.11", "10.0.0.12"
START = 1_000 * SECOND
IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = RecordType


def mac_of(address: str) -> bytes:
    return b"\x02\x00" + parse(address)[12:]


def frame(
    payload: bytes, *, src: str, dst: str, vid: int = 0, tagged: bool | None = None, **how: object
) -> bytes:
    """A frame as it is on the wire: tagged with priority 6 in a VLAN, or as told."""
    how.setdefault("src_mac", mac_of(src))
    bare = control.build_frame(src=parse(src), dst=parse(dst), payload=payload, **how)  # type: ignore[arg-type]  # keywords are the callee's
    return ether.tagged(bare, 6 << 13 | vid if (vid if tagged is None else tagged) else None)


def record(kind: RecordType, group: str = G, sources: Sequence[str] = ()) -> Record:
    return Record(kind, parse(group), tuple(parse(source) for source in sources))


def v3(*records: Record, src: str = HOST, **how: object) -> bytes:
    payload = compose.build_report(version=3, records=records)
    return frame(payload, src=src, dst="224.0.0.22", **how)


def old_report(version: int, group: str = G, *, src: str = HOST, **how: object) -> bytes:
    payload = compose.build_report(version=version, records=(record(IS_EX, group),))
    how.setdefault("router_alert", version == 2)
    return frame(payload, src=src, dst=group, **how)


def leave(group: str = G, *, src: str = HOST, **how: object) -> bytes:
    return frame(compose.build_leave(parse(group)), src=src, dst="224.0.0.2", **how)


def query(
    group: str | None = None,
    sources: Sequence[str] = (),
    *,
    src: str = RQ,
    version: int = 3,
    suppress: bool = False,
    response: float = 10.0,
    qrv: int = 2,
    qqi: int = 125,
    **how: object,
) -> bytes:
    payload = compose.build_query(
        version=version,
        group=ANY if group is None else parse(group),
        sources=tuple(parse(source) for source in sources),
        suppress=suppress,
        max_response_ns=seconds(response),
        qrv=qrv,
        qqi_s=qqi,
    )
    return frame(payload, src=src, dst=group or "224.0.0.1", **how)


def hello(holdtime: int | None = None, *, src: str = RQ) -> bytes:
    payload = pim.build_hello(holdtime_s=holdtime)
    return frame(payload, src=src, dst="224.0.0.13", protocol=103, router_alert=False)


class Lab:
    """Ports R, P1, P2, P3, all up, and what came out of the engine since the last `clear`."""

    def __init__(
        self,
        *,
        ports: int = 4,
        port: dict[int, dict[str, object]] | None = None,
        up: bool = True,
        **params: object,
    ) -> None:
        self.now = Instant(START)
        self.params = Params(**params)  # type: ignore[arg-type]  # keywords are the callee's
        self.engine = Engine(params=self.params, now=self.now)
        self.port_params: dict[int, PortParams] = {}
        self.effects: list[tuple[float, Effect]] = []
        for number in range(ports):
            own = PortParams(name=f"p{number}", **(port or {}).get(number, {}))  # type: ignore[arg-type]
            self.port_params[number] = own
            self.did(self.engine.port_add(number, own, now=self.now))
        for number in range(ports if up else 0):
            self.did(self.engine.port_up(number, now=self.now))

    # -- what happens --------------------------------------------------------------------------

    @property
    def time(self) -> float:
        return (self.now - START) / SECOND

    def did(self, effects: list[Effect]) -> list[Effect]:
        self.effects += [(self.time, effect) for effect in effects]
        return effects

    def at(self, when: float) -> Lab:
        """Let time pass, stopping at each deadline."""
        target = Instant(START + seconds(when))
        while (due := self.engine.next_deadline()) is not None and due <= target:
            self.now = max(self.now, due)
            self.did(self.engine.advance(self.now))
        self.now = target
        return self

    def hear(self, port: int, data: bytes) -> set[int]:
        """Give a frame to the engine; return the ports it is forwarded to."""
        effects = self.did(hand_up(self.engine, port=port, frame=data, now=self.now))
        return {
            number
            for effect in effects
            if isinstance(effect, Transmit) and on_wire(effect) == data
            for number in ports_of(effect.ports)
        }

    def clear(self) -> None:
        self.effects.clear()

    # -- what is ---------------------------------------------------------------------------------

    def row(self, port: int, group: str = G, vid: int = 0) -> MdbRow | None:
        for row in self.engine.mdb(self.now):
            if (row.vid, row.group, row.port, row.origin) == (vid, parse(group), port, "dynamic"):
                return row
        return None

    def state(self, port: int, group: str = G) -> tuple[str, float | None, dict[str, float]] | None:
        """(mode, group timer, {source: timer}) in seconds; a blocked source has 0."""
        row = self.row(port, group)
        if row is None:
            return None
        timers = {text(s.address): (s.timer or 0) / SECOND for s in row.sources}
        timer = None if row.group_timer is None else row.group_timer / SECOND
        return row.filter_mode.value, timer, timers

    def holds(self, group: str = G, vid: int = 0) -> bool:
        return self.engine.group_view(vid, parse(group)) is not None

    def mrouters(self, vid: int = 0) -> set[int]:
        return ports_of(self.engine.vlan_view(vid, Family.IPV4).mrouters)

    def is_active(self, vid: int = 0) -> bool:
        return self.engine.vlan_view(vid, Family.IPV4).active

    def role(self) -> str:
        return self.engine.queriers(self.now)[0].role

    def count(self, name: str, port: int | None = None) -> int:
        counters = self.engine.counters() if port is None else self.engine.port_counters(port)
        return counters[name]

    def events(self, kind: str) -> list[Event]:
        return [e for _, e in self.effects if isinstance(e, Event) and e.kind == kind]

    def group_changes(self) -> int:
        return sum(isinstance(effect, GroupChanged) for _, effect in self.effects)

    def vlan_changes(self) -> int:
        return sum(isinstance(effect, VlanChanged) for _, effect in self.effects)

    def queries(self) -> list[tuple[float, set[int], Query]]:
        """(when, ports, query) of every query sent or passed on."""
        found = []
        for when, effect in self.effects:
            if isinstance(effect, Transmit):
                message = control.parse(effect.frame).message
                if isinstance(message, Query):
                    found.append((when, ports_of(effect.ports), message))
        return found

    def asked(self) -> list[tuple[float, set[int], str, set[str], bool]]:
        """(when, ports, group or "", sources, S) of every query sent or passed on."""
        return [
            (
                when,
                ports,
                "" if message.group == ANY else text(message.group),
                {text(source) for source in message.sources},
                message.suppress,
            )
            for when, ports, message in self.queries()
        ]


def ports_of(mask: int) -> set[int]:
    return {port for port in range(256) if mask >> port & 1}


def querier(**params: object) -> Lab:
    """A lab whose switch is the querier, past its startup queries: the next is at 156.25 s."""
    from snoop.proto.params import QuerierMode

    lab = Lab(querier=QuerierMode.ON, querier_address=parse(OWN), **params)
    lab.at(40)
    lab.clear()
    return lab


def follower(**params: object) -> Lab:
    """A lab that hears the querier RQ on R since 0 s, and prunes since 10 s."""
    lab = Lab(**params)
    lab.hear(R, query())
    lab.at(10)
    lab.clear()
    return lab
