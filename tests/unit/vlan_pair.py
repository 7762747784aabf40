"""A switch that filters and a model of each VLAN side by side: each step goes to both.

Port 0 is a trunk of both VLANs, with the routers; the others are moved about. A model knows nothing
of VLANs: it is told what its VLAN's ports hear, and that a port is gone when it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from snoop.proto.params import Params, PortParams, QuerierMode
from snoop.proto.units import Instant
from snoop.proto.vlans import PortVlans, access, trunk
from snoop.table.mdb import compile_vlan
from snoop.table.members import VLAN_DEFAULT
from snoop.wire import ether
from snoop.wire.address import ANY, Family, parse_prefix
from unit.device import START, Device
from unit.families import mld_params
from unit.model import BLOCKED, EXCLUDE, SECOND, Model, Settings
from unit.pair import KINDS, OWN, ROUTER_PORT, Record, in_ssm
from unit.spoken import NOBODY, Igmp, Mld, Spoken
from unit.twin import reloaded

VIDS = (10, 20)
PLACES: dict[str, PortVlans] = {
    "access 10": access(10),
    "access 20": access(20),
    "trunk": trunk([10, 20]),
    "trunk, native 10": trunk([20], native=10),
    "trunk, native 20": trunk([10, 20], native=20),
    "trunk of 20": trunk([20]),
    "elsewhere": access(30),
}


class VlanPair(Device):
    """A device and a model of each VLAN, told the same."""

    def __init__(
        self, *, querier: bool, ports: int, sources: Sequence[bytes], mld: bool = False
    ) -> None:
        self.spoken: Spoken = Mld() if mld else Igmp()
        self.sources = sources
        self.ports = range(ports)
        settings = Settings(sends_queries=querier, address=OWN if querier else None, is_ssm=in_ssm)
        self.models = {vid: Model(settings, START) for vid in VIDS}
        common = {
            "querier": QuerierMode.ON if querier else QuerierMode.OFF,
            "querier_address": self.spoken.sender(OWN),
            "max_groups": 1 << 20,
        }
        if mld:
            params = Params(vlan_filtering=True, mld=mld_params(**common))
        else:
            ssm = (parse_prefix("232.0.0.0/8"),)
            params = Params(vlan_filtering=True, ssm_ranges=ssm, **common)  # type: ignore[arg-type]
        own = {port: PortParams(name=f"p{port}", vlans=PLACES["trunk"]) for port in self.ports}
        super().__init__(params, own)
        for family in Family:  # VLANs without a row are read, too
            view = self.engine.vlan_view(VLAN_DEFAULT, family)
            self.mdb.set_vlan(compile_vlan(view, params, own))
        self.elapse(1)  # queriers begin in turn

    # Steps ---------------------------------------------------------------------------------------

    def elapse(self, duration: int) -> None:
        """Let time pass, waking the engine at its deadlines."""
        self.run_to(Instant(self.now + duration))
        for model in self.models.values():
            model.elapse(self.now)

    def heard(self, port: int, vid: int, frame: bytes, *, queued: bool = False) -> Model | None:
        """A frame of a VLAN comes in; the model that hears of it too, None if nobody does.

        It is tagged unless the VLAN is the port's own. `queued`: the fast path took it before.
        """
        vlans = self.port_params[port].vlans
        assert vlans is not None
        sent = frame if vlans.pvid == vid else ether.tagged(frame, 3 << 13 | vid)
        (self.punt if queued else self.hear)(port, sent)
        return self.models[vid] if vlans.has(vid) else None

    def v3_report(
        self, port: int, vid: int, records: Iterable[Record], *, queued: bool = False
    ) -> None:
        records = list(records)
        frame = self.spoken.report(records, bytes((10, 0, 1, port)))
        model = self.heard(port, vid, frame, queued=queued)
        for kind, group, sources in records if model is not None else ():
            assert model is not None
            model.record(0, port, KINDS[kind], group, set(sources))

    def v2_report(self, port: int, vid: int, group: bytes) -> None:
        frame = self.spoken.old_report(group, bytes((10, 0, 1, port)))
        if (model := self.heard(port, vid, frame)) is not None:
            model.v2_report(0, port, group)

    def leave(self, port: int, vid: int, group: bytes) -> None:
        frame = self.spoken.leave(group, bytes((10, 0, 1, port)))
        if (model := self.heard(port, vid, frame)) is not None:
            model.leave(0, port, group)

    def general_query(self, vid: int, router: bytes) -> None:
        frame = self.spoken.query(NOBODY, [], router, 100, suppress=False, qrv=2, qqic=125)
        if (model := self.heard(ROUTER_PORT, vid, frame)) is not None:
            model.hear_general(router, 10 * SECOND, 2, 125 * SECOND)

    def specific_query(
        self, vid: int, router: bytes, group: bytes, sources: Sequence[bytes], code: int
    ) -> None:
        model = self.models[vid]
        frame = self.spoken.query(
            group, sources, router, code, suppress=False, qrv=model.rv, qqic=model.qi // SECOND
        )
        if self.heard(ROUTER_PORT, vid, frame) is not None:
            model.hear_specific(router, 0, group, set(sources), code * SECOND // 10, False)

    def move(self, port: int, place: str) -> None:
        """Put a port into other VLANs; what was heard in those it leaves is gone."""
        was, now = self.port_params[port].vlans, PLACES[place]
        assert was is not None
        self.become(**{f"p{port}": PortParams(name=f"p{port}", vlans=now)})
        for vid, model in self.models.items():
            if was.has(vid) and not now.has(vid):
                model.port_gone(port)

    def flap(self, port: int) -> None:
        self.port_down(port)
        self.port_up(port)
        for model in self.models.values():
            model.port_gone(port)

    def restart(self) -> None:
        """Go on with an engine that has nothing but what this one dumps."""
        self.engine = reloaded(self.engine, self.params, self.port_params, self.now)

    # Questions -----------------------------------------------------------------------------------

    def engine_state(self) -> dict:
        return {
            (row.vid, row.group[12:], row.port): (
                row.filter_mode.value,
                row.group_timer,
                {s.address[12:]: s.timer or 0 for s in row.sources},
            )
            for row in self.engine.mdb(self.now)
        }

    def model_state(self) -> dict:
        return {
            (vid, group, port): (
                entry.mode,
                entry.group_expiry - self.now if entry.mode == EXCLUDE else None,
                {s: 0 if e == BLOCKED else e - self.now for s, e in entry.sources.items()},
            )
            for vid, model in self.models.items()
            for (_, group, port), entry in model.entries.items()
        }

    def compare(self) -> None:
        """State, timers, queriers and forwarding agree in each VLAN, and nothing is of another."""
        assert self.engine_state() == self.model_state()
        published = {(vid, group) for vid, group, _ in self.table.rows}
        known = {(vid, self.spoken.group(group)) for vid, group, _ in self.model_state()}
        assert known <= published
        assert {vid for vid, _ in published} <= set(VIDS)
        for vid, group in published:
            for source in self.sources:
                wanted = sum(
                    1 << port
                    for port in self.ports
                    if self.models[vid].forwards(0, group[12:], source, port)
                )
                rows = self.table.rows
                anyone = rows.get((vid, group, ANY), 0)
                found = rows.get((vid, group, self.spoken.source(source)), anyone)
                assert found & self.table.members_of(vid) == wanted, (vid, group, source)
        others = {
            row.vid: row.address[12:]
            for row in self.engine.queriers(self.now)
            if row.role == "non-querier"
        }
        assert others == {vid: m.querier for vid, m in self.models.items() if m.querier}
