"""`Device` with the words of `snoop.proto`, for the tests of it.

Port 0 is `R`, the router's side; frames are built by `snoop.wire`, which has tests of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from snoop.proto.effects import GroupChanged, Transmit, VlanChanged
from snoop.proto.params import Params, PortParams
from snoop.proto.units import seconds
from snoop.proto.views import QuerierRow
from snoop.wire import compose, control, ether, pim
from snoop.wire.address import ANY, Family, parse, text
from snoop.wire.messages import Query, Record, RecordType
from unit.device import Device, R, ports_of
from unit.frames import HOST, IS_EX, RQ, G

OWN = "10.0.0.100"


def mac_of(address: str) -> bytes:
    return (b"\x02\x06" if ":" in address else b"\x02\x00") + parse(address)[12:]


def frame(
    payload: bytes, *, src: str, dst: str, vid: int = 0, tagged: bool | None = None, **how: object
) -> bytes:
    """A frame as it is on the wire: tagged with priority 6 in a VLAN, or as told."""
    how.setdefault("src_mac", mac_of(src))
    bare = control.build_frame(src=parse(src), dst=parse(dst), payload=payload, **how)  # type: ignore[arg-type]  # keywords are the callee's
    return ether.tagged(bare, 6 << 13 | vid if (vid if tagged is None else tagged) else None)


def record(kind: int, group: str = G, sources: Sequence[str] = ()) -> Record:
    return Record(RecordType(kind), parse(group), tuple(parse(source) for source in sources))


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


class Lab(Device):
    """Ports R, P1, P2, P3, all up, and what came out of the engine since the last `clear`."""

    family = Family.IPV4

    def __init__(
        self,
        *,
        ports: int = 4,
        port: dict[int, dict[str, object]] | None = None,
        up: bool = True,
        **params: object,
    ) -> None:
        given = port or {}
        super().__init__(
            Params(**params),  # type: ignore[arg-type]  # keywords are the callee's
            {n: PortParams(name=f"p{n}", **given.get(n, {})) for n in range(ports)},  # type: ignore[arg-type]
            up=up,
        )

    def hear(self, port: int, frame: bytes) -> frozenset[int]:
        """To the engine, whatever the fast path would do with it."""
        return self.punt(port, frame)

    def holds(self, group: str = G, vid: int = 0) -> bool:
        return self.engine.group_view(vid, parse(group)) is not None

    def mrouters(self, vid: int = 0) -> frozenset[int]:
        return ports_of(self.engine.vlan_view(vid, self.family).mrouters)

    def is_active(self, vid: int = 0) -> bool:
        return self.engine.vlan_view(vid, self.family).active

    def role(self) -> str:
        return self.querier_row().role

    def querier_row(self) -> QuerierRow:
        """Of VLAN 0."""
        rows = self.engine.queriers(self.now)
        return next(row for row in rows if (row.vid, row.family) == (0, self.family))

    def reaches(self, group: str, source: str, *, ingress: int = R, vid: int = 0) -> frozenset[int]:
        """Where the fast path sends data, by what was published."""
        others = self.table.up & self.table.members_of(vid) & ~(1 << ingress)
        return ports_of(self.table.lookup(vid, parse(group), parse(source), others).ports)

    @staticmethod
    def address_of(said: str) -> bytes:
        return parse(said)

    def group_changes(self) -> int:
        return sum(isinstance(effect, GroupChanged) for _, effect in self.effects)

    def vlan_changes(self) -> int:
        return sum(isinstance(effect, VlanChanged) for _, effect in self.effects)

    def queries(self) -> list[tuple[float, frozenset[int], Query]]:
        """(when, ports, query) of every query sent or passed on."""
        found = []
        for when, effect in self.effects:
            if isinstance(effect, Transmit):
                message = control.parse(effect.frame).message
                if isinstance(message, Query):
                    found.append((when, ports_of(effect.ports), message))
        return found

    def asked(self) -> list[tuple[float, frozenset[int], str, set[str], bool]]:
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
