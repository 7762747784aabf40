"""What one switch says, asked in three rhythms, and what of it goes to the page.

- quick: the groups of which something has just happened;
- fast: streams, ports, who asks, who routes;
- slow: all of it, and what `check` finds in it.

A page must cost the switch little, however large it is: after each look there is a rest of as many
times as long as the look took, so that all of them together stay below five hundredths of a
processor, within the bounds of its rhythm.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Struct

from snoop.cli import summary
from snoop.cli.findings import Facts, look, looks
from snoop.control import documents
from snoop.web import matrix
from snoop.web.asking import Line
from snoop.web.matrix import Known, Numbers, Row

UNWANTED_BITS_PER_S = 1e6
LOOKS, LOOK_SECONDS = 3, 0.1
GROUPS_MAX = 32
"""Groups asked for one by one; of more the whole table is asked for."""


class PortRow(Struct, frozen=True, kw_only=True):
    """A port as the page shows it; rates are of the last look."""

    name: str
    state: str
    kind: str
    description: str | None
    device: str
    mac: str | None
    speed_mbit: int | None
    rx_bits_per_s: float
    tx_bits_per_s: float
    lost: int
    lost_per_s: float
    pruned: int
    refused: int
    groups: int
    routers: list[str]
    problem: str | None
    vlans: str


class Summary(Struct, frozen=True, kw_only=True):
    """The top of the page."""

    switch: str
    version: str
    uptime: float
    ports: int
    ports_up: int
    groups: int
    streams: int
    in_kernel: int
    bits_per_s: float
    lost: int
    lost_per_s: float
    pruned: int
    refused: int
    queriers: list[documents.Querier]
    mrouters: list[documents.Mrouter]
    vlan_names: dict[int, str]


QUERIERS_MAX = 64


class Looked:
    """The state of a switch as far as it has been looked at."""

    def __init__(self) -> None:
        self.known = Known()
        self.numbers = Numbers()
        self.findings: list[documents.Finding] = []
        self.fdb: list[documents.Station] = []
        self.status: documents.Status | None = None
        self.queriers: list[documents.Querier] = []
        self.vlan_names: dict[int, str] = {}
        self.rows: dict[int, Row] = {}
        self.more = 0
        self.port_rows: list[PortRow] = []
        self._no_ports: dict[str, str] = {}
        self._counted: tuple[float, dict[str, documents.Counts]] | None = None
        self._before: tuple[float, dict[str, documents.Port]] | None = None

    async def fast(self, line: Line) -> None:
        """Streams and what they depend on, but for the members."""
        self.known.streams = (await line.show(documents.Streams)).streams
        ports = await line.show(documents.Ports)
        self._no_ports = ports.refused
        self._take_ports(ports.ports)
        queriers = await line.show(documents.Queriers)
        self.queriers = queriers.queriers
        self.vlan_names = {} if queriers.vlan_names is UNSET else queriers.vlan_names
        self.known.mrouters = (await line.show(documents.Mrouters)).mrouters
        self.remake()

    async def quick(self, line: Line, groups: Iterable[str]) -> None:
        """The members and streams of some groups; of many, all."""
        groups = list(groups)
        if len(groups) > GROUPS_MAX:
            self.known.mdb = matrix.by_place((await line.show(documents.Mdb)).mdb)
        else:
            for group in groups:
                await self._group(line, group)
        self.remake()

    async def _group(self, line: Line, group: str) -> None:
        known = self.known
        entries = (await line.show(documents.Mdb, group=group)).mdb
        refused = (await line.show(documents.Witnesses, group=group)).refused
        streams = (await line.show(documents.Streams, group=group)).streams
        mdb = {place: row for place, row in known.mdb.items() if place[1] != group}
        known.mdb = mdb | matrix.by_place(entries)
        known.refused = [row for row in known.refused if row.group != group] + refused
        known.streams = [row for row in known.streams if row.group != group] + streams

    async def slow(self, line: Line) -> None:
        """All of it, and what is wrong with it."""
        config = await line.show(documents.Config)
        counters = await line.show(documents.Counters)
        since = time.monotonic()
        self.fdb = (await line.show(documents.Fdb)).fdb
        balance = []
        for number in range(LOOKS):
            if number:
                await asyncio.sleep(LOOK_SECONDS)
            self.status = await line.show(documents.Status)
            balance.append(self.status.balance)
        await self.fast(line)
        self.known.mdb = matrix.by_place((await line.show(documents.Mdb)).mdb)
        witnesses = await line.show(documents.Witnesses)
        self.known.refused = witnesses.refused
        self.remake()
        before = self._counted
        if before is None:  # a storm is to be seen at once, and not by the next look alone
            before = since, counters.ports
            counters, since = await line.show(documents.Counters), time.monotonic()
        self._counted = since, counters.ports
        facts = Facts(
            seen=self._everything(),
            config=config.with_hosts(),
            fdb_entries=len(self.fdb),
            stations=Counter(port for port, _ in {(row.port, row.mac) for row in self.fdb}),
            counters=counters.counters,
            port_counters=counters.ports,
            unbalanced=looks.unbalanced(balance),
            unwanted_bits_per_s=UNWANTED_BITS_PER_S,
            rates=looks.rates(before[1], counters.ports, max(0.1, since - before[0])),
            disputed=[row for row in self.fdb if row.rival is not None],
            fdb=self.fdb,
            witnesses=witnesses,
        )
        names = summary.names(facts.seen)
        self.findings = looks.named(await asyncio.to_thread(look, facts), names)

    def remake(self) -> None:
        """The rows anew, of what is known."""
        made, self.more = matrix.rows(self.known, self.numbers)
        self.rows = {row.id: row for row in made}

    def rates(self) -> dict[int, list[float]]:
        """Of each row with a stream: bits/s to three places, frames/s, seconds silent."""
        return {
            self.numbers.of(one.vlan, one.group, one.source, one.port): [
                float(f"{one.bits_per_s:.3g}"),
                float(f"{one.frames_per_s:.3g}"),
                round(one.idle) if one.idle > matrix.STILL_MIN_SECONDS else 0,
            ]
            for one in self.known.streams
        }

    def top(self) -> Summary:
        """The top of the page; of many queriers, first where nobody asks."""
        seen = self._everything()
        sums = summary.totals(seen)
        ordered = sorted(self.queriers, key=lambda row: (row.role != "none", row.vlan, row.family))
        return Summary(
            switch=seen.status.switch,
            version=seen.status.version,
            uptime=seen.status.uptime,
            ports=sums.ports,
            ports_up=sums.ports_up,
            groups=sums.groups,
            streams=sums.streams,
            in_kernel=sums.in_kernel,
            bits_per_s=sums.bits_per_s,
            lost=sums.lost,
            lost_per_s=sum(port.lost_per_s for port in self.port_rows),
            pruned=sums.pruned,
            refused=sums.refused,
            queriers=ordered[:QUERIERS_MAX],
            mrouters=self.known.mrouters[:QUERIERS_MAX],
            vlan_names=self.vlan_names,
        )

    def _everything(self) -> summary.Everything:
        assert self.status is not None
        return summary.Everything(
            status=self.status,
            ports=self.known.ports,
            queriers=self.queriers,
            mrouters=self.known.mrouters,
            mdb=[row for entries in self.known.mdb.values() for row in entries.values()],
            streams=self.known.streams,
            vlan_names=self.vlan_names,
            no_ports=self._no_ports,
        )

    def _take_ports(self, ports: list[documents.Port]) -> None:
        now, before = time.monotonic(), self._before
        self.known.ports = ports
        self._before = now, {port.name: port for port in ports}
        routers: dict[str, set[str]] = {}
        for row in self.known.mrouters:
            routers.setdefault(row.port, set()).add(row.origin)
        seconds = 0.0 if before is None else max(0.1, now - before[0])
        self.port_rows = [
            _port_row(
                port,
                None if before is None else before[1].get(port.name),
                seconds,
                sorted(routers.get(port.name, ())),
            )
            for port in ports
        ]


def _port_row(
    port: documents.Port, before: documents.Port | None, seconds: float, routers: list[str]
) -> PortRow:
    def rate(name: str) -> float:
        if before is None:
            return 0.0
        moved: int = getattr(port, name) - getattr(before, name)
        return max(0, moved) / seconds

    vlans = ""
    if port.vlans is not None:
        untagged = [] if port.vlans.pvid is None else [f"{port.vlans.pvid} untagged"]
        vlans = ", ".join([*untagged, *port.vlans.tagged])
    return PortRow(
        name=port.name,
        state=port.stands,
        kind=port.kind,
        description=port.description,
        device=port.device,
        mac=port.mac,
        speed_mbit=port.speed_mbit,
        rx_bits_per_s=float(f"{8 * rate('rx_bytes'):.3g}"),
        tx_bits_per_s=float(f"{8 * rate('tx_bytes'):.3g}"),
        lost=port.lost,
        lost_per_s=float(f"{rate('lost'):.3g}"),
        pruned=port.pruned,
        refused=port.refused,
        groups=port.groups,
        routers=routers,
        problem=port.problem,
        vlans=vlans,
    )


encode = msgspec.json.Encoder().encode
