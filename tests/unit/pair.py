"""The device and the model side by side: every step goes to both, `compare` holds them together.

Groups and sources are 4-byte addresses.  Forwarding is read from the rows the device published, so
a change the engine forgets to announce is a difference too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from snoop.proto.params import FastLeave, Params, PortParams, QuerierMode
from snoop.proto.units import Instant
from snoop.wire.address import ANY, parse_prefix
from unit.device import START, Device
from unit.families import mld_params
from unit.frames import quick_v2
from unit.model import BLOCKED, EXCLUDE, SECOND, Model, Settings
from unit.spoken import NOBODY, Igmp, Mld, Spoken
from unit.twin import reloaded

ROUTER_PORT = 0
OWN = bytes((10, 0, 0, 100))
LOWER, HIGHER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 200))
KINDS = {1: "IS_IN", 2: "IS_EX", 3: "TO_IN", 4: "TO_EX", 5: "ALLOW", 6: "BLOCK"}

Record = tuple[int, bytes, Sequence[bytes]]


def in_ssm(group: bytes) -> bool:
    return group[0] == 232


class Pair(Device):
    """A device and a model, told the same, in VLAN 0; port 0 is the router's.

    `mld`: the device is told it over IPv6.
    """

    def __init__(
        self,
        *,
        querier: bool,
        ports: int,
        sources: Sequence[bytes],
        fast_leave_ports: frozenset[int] = frozenset(),
        mld: bool = False,
    ) -> None:
        self.mld_spoken = mld
        self.spoken: Spoken = Mld() if mld else Igmp()
        self.sources = sources
        self.ports = range(ports)
        settings = Settings(
            sends_queries=querier,
            address=OWN if querier else None,
            is_ssm=in_ssm,
            fast_leave_ports=fast_leave_ports,
        )
        self.model = Model(settings, START)
        common = {
            "querier": QuerierMode.ON if querier else QuerierMode.OFF,
            "querier_address": self.spoken.sender(OWN),
            "max_groups": 1 << 20,
        }
        if mld:
            params = Params(mld=mld_params(**common))
        else:
            params = Params(ssm_ranges=(parse_prefix("232.0.0.0/8"),), **common)  # type: ignore[arg-type]
        fast = {True: FastLeave.ON, False: FastLeave.OFF}
        own = {
            port: PortParams(name=f"p{port}", fast_leave=fast[port in fast_leave_ports])
            for port in self.ports
        }
        super().__init__(params, own)

    # Steps ---------------------------------------------------------------------------------------

    def elapse(self, duration: int) -> None:
        """Let time pass, waking the engine at its deadlines and at no other moment."""
        self.run_to(Instant(self.now + duration))
        self.model.elapse(self.now)

    def sleep_through(self, duration: int) -> None:
        """Let time pass and wake the engine once, late, as after a stall."""
        self.stall(duration)
        self.advance()

    def stall(self, duration: int) -> None:
        """Let time pass and do not wake the engine at all: what comes next finds it late."""
        self.now = Instant(self.now + duration)
        self.model.elapse(self.now)

    def v3_report(self, port: int, records: Iterable[Record]) -> None:
        records = list(records)
        self.punt(port, self.spoken.report(records, bytes((10, 0, 1, port))))
        for kind, group, sources in records:
            self.model.record(0, port, KINDS[kind], group, set(sources))

    def v1_report(self, port: int, group: bytes) -> None:
        """MLD has nothing as old."""
        if self.mld_spoken:
            self.v2_report(port, group)
            return
        self.punt(port, quick_v2(0x12, group, bytes((10, 0, 1, port))))
        self.model.v1_report(0, port, group)

    def v2_report(self, port: int, group: bytes) -> None:
        self.punt(port, self.spoken.old_report(group, bytes((10, 0, 1, port))))
        self.model.v2_report(0, port, group)

    def leave(self, port: int, group: bytes) -> None:
        self.punt(port, self.spoken.leave(group, bytes((10, 0, 1, port))))
        self.model.leave(0, port, group)

    def general_query(self, router: bytes, qrv: int, qqic: int) -> None:
        """A v3 General Query with Max Resp 10 s; qqic below 128 is seconds."""
        frame = self.spoken.query(NOBODY, [], router, 100, suppress=False, qrv=qrv, qqic=qqic)
        self.punt(ROUTER_PORT, frame)
        self.model.hear_general(router, 10 * SECOND, qrv, qqic * SECOND)

    def v2_general_query(self, router: bytes) -> None:
        self.punt(ROUTER_PORT, self.spoken.old_query(NOBODY, router, 100))
        self.model.hear_older_query()
        self.model.hear_general(router, 10 * SECOND)

    def specific_query(
        self, router: bytes, group: bytes, sources: Sequence[bytes], code: int, suppress: bool
    ) -> None:
        """A v3 specific query that repeats the values in force; code below 128 is 0.1 s."""
        frame = self.spoken.query(
            group,
            sources,
            router,
            code,
            suppress=suppress,
            qrv=self.model.rv,
            qqic=self.model.qi // SECOND,
        )
        self.punt(ROUTER_PORT, frame)
        self.model.hear_specific(router, 0, group, set(sources), code * SECOND // 10, suppress)

    def v2_specific_query(self, router: bytes, group: bytes, code: int) -> None:
        self.punt(ROUTER_PORT, self.spoken.old_query(group, router, code))
        self.model.hear_older_query()
        self.model.hear_specific(router, 0, group, set(), code * SECOND // 10, False)

    def flap(self, port: int) -> None:
        self.port_down(port)
        self.port_up(port)
        self.model.port_gone(port)

    def restart(self) -> None:
        """Go on with an engine that has nothing but what this one dumps."""
        self.engine = reloaded(self.engine, self.params, self.port_params, self.now)

    # Questions -----------------------------------------------------------------------------------

    def engine_state(self) -> dict:
        state = {}
        for row in self.engine.mdb(self.now):
            sources = {s.address[12:]: s.timer or 0 for s in row.sources}
            state[row.group[12:], row.port] = (
                row.filter_mode.value,
                row.group_timer,
                sources,
                self.spoken.compatibility[row.compatibility],
            )
        return state

    def model_state(self) -> dict:
        state = {}
        for (vid, group, port), entry in self.model.entries.items():
            state[group, port] = (
                entry.mode,
                entry.group_expiry - self.now if entry.mode == EXCLUDE else None,
                {s: 0 if e == BLOCKED else e - self.now for s, e in entry.sources.items()},
                self.model.compatibility(vid, group, port),
            )
        return state

    def engine_ports(self, group: bytes, source: bytes) -> int:
        known = self.spoken.group(group)
        any_source = self.table.rows.get((0, known, ANY), 0)
        return self.table.rows.get((0, known, self.spoken.source(source)), any_source)

    def published(self) -> set[bytes]:
        return {group[12:] for _, group, _ in self.table.rows}

    def model_ports(self, group: bytes, source: bytes) -> int:
        ports = 0
        for port in self.ports:
            if self.model.forwards(0, group, source, port):
                ports |= 1 << port
        return ports

    def differences(self) -> set[bytes]:
        """The groups on which engine and model do not agree."""
        ours, theirs = self.engine_state(), self.model_state()
        different = {
            key[0] for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)
        }
        return different | {
            group
            for group in self.published() | {key[0] for key in theirs}
            if any(
                self.engine_ports(group, source) != self.model_ports(group, source)
                for source in self.sources
            )
        }

    def compare(self) -> None:
        """Assert that state, timers and forwarding agree."""
        assert self.engine_state() == self.model_state()
        for group in self.published() | {key[0] for key in self.model_state()}:
            for source in self.sources:
                answer = self.engine_ports(group, source)
                assert answer == self.model_ports(group, source), (group, source)
        assert (self.model.querier or b"") == self._elected()

    def _elected(self) -> bytes:
        for row in self.engine.queriers(self.now):
            if row.role == "non-querier":
                return row.address[12:]
        return b""
