"""A fast path for tests without root: the API of `snoop.fastpath.FastPath`, and a memory.

Ports open unless told otherwise; what is published goes to the reference table, which decides
frames too; what is injected is kept as (ports, frame), and frames to be punted are put into
`waiting`.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from snoop.fastpath import REASONS, STATS, Verdict
from snoop.links.direct import Direct
from snoop.links.interfaces import Link
from snoop.links.runs import Runs
from snoop.table.mdb import Delta
from snoop.table.seen import FdbEntry, PortOpened, PortSetup, Punted, Stream, Watched
from snoop.wire import ether
from snoop.wire.address import Address, Family
from unit import HANGS_S
from unit.reference import Reason, Table


@dataclass
class FakeFastPath:
    """`refused`: ifindex to errno."""

    refused: dict[int, int] = field(default_factory=dict)
    opened: dict[int, int] = field(default_factory=dict)
    states: dict[int, tuple[bool, int, bool]] = field(default_factory=dict)
    isolated: dict[int, bool] = field(default_factory=dict)
    isolates_in_place: bool = False
    """As with the switch's own program."""
    bypasses: dict[int, bool] = field(default_factory=dict)
    flaps: list[int] = field(default_factory=list)
    rates: dict[int, tuple[int, int]] = field(default_factory=dict)
    peers: dict[int, bytes | None] = field(default_factory=dict)
    table: Table = field(default_factory=Table)
    publishes: int = 0
    behind: int = 0
    """How often a loop is found going by an older table."""
    unpublishable: bool = False
    injected: list[tuple[int, bytes]] = field(default_factory=list)
    verdict: Verdict | None = None  # what `explain` says whatever the table has
    waiting: list[Punted] = field(default_factory=list)
    seen: list[Stream] = field(default_factory=list)
    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    stuck: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    kernel_refusal: int = 0
    """The errno for which the kernel serves no streams."""
    allowed: list[bool] = field(default_factory=list)
    watched: Watched = Watched.NONE
    folds: int = 0
    reopened: list[int] = field(default_factory=list)
    disputed: list[FdbEntry] = field(default_factory=list)
    flushed: list[tuple[int | None, int | None]] = field(default_factory=list)
    aged: list[tuple[int, int]] = field(default_factory=list)
    learned: list[FdbEntry] = field(default_factory=list)
    ahead: dict[int, bool] = field(default_factory=dict)
    rings_only: dict[int, bool] = field(default_factory=dict)
    guards: dict[int, tuple[bool, bool, int, int]] = field(default_factory=dict)
    """Guarded, held, addresses let through, storm limit."""
    decisions: list[int] = field(default_factory=list)
    """How many publishes there had been, each time that all was decided."""
    untagged: dict[int, int] = field(default_factory=dict)
    """By VLAN, the ports that have it without a tag."""

    def port_open(self, port: int, ifindex: int, setup: PortSetup) -> PortOpened:
        self._allow(ifindex)
        assert port not in self.opened
        self.opened[port] = ifindex
        self.isolated[port] = setup.isolate
        self.bypasses[port] = setup.qdisc_bypass
        return PortOpened(setup.isolate, None if setup.isolate else "not asked for")

    def _allow(self, ifindex: int) -> None:
        if ifindex in self.refused:
            number = self.refused[ifindex]
            raise OSError(number, f"socket: {os.strerror(number)}")

    def reap(self) -> int:
        self.behind = max(0, self.behind - 1)
        return self.behind

    def kernel(self, allowed: bool) -> None:
        if allowed and self.kernel_refusal:
            raise OSError(self.kernel_refusal, os.strerror(self.kernel_refusal))
        self.allowed.append(allowed)

    def health(self, watched: Watched) -> None:
        self.watched = watched

    def kernel_fold(self) -> int:
        self.folds += 1
        return sum(stream.in_kernel for stream in self.seen)

    def port_stuck(self, port: int) -> bool:
        return port in self.stuck

    def program(self, port: int) -> int:
        return port

    def program_lost(self, fd: int) -> bool:
        return fd in self.lost

    def port_reopen(self, port: int, ifindex: int, setup: PortSetup) -> PortOpened:
        assert self.opened[port] == ifindex
        self._allow(ifindex)
        self.stuck.discard(port)
        self.lost.discard(port)
        self.reopened.append(port)
        return PortOpened(setup.isolate, None if setup.isolate else "not asked for")

    def adopt(self, port: int, prepared: object, setup: PortSetup) -> PortOpened:
        raise AssertionError(port, prepared, setup)

    def port_isolate(self, port: int, isolate: bool) -> bool:
        if self.isolates_in_place:
            self.isolated[port] = isolate
        return self.isolates_in_place

    def port_bypass(self, port: int, bypass: bool) -> None:
        assert port in self.opened
        self.bypasses[port] = bypass

    def port_flapped(self, port: int) -> None:
        assert port in self.opened
        self.flaps.append(port)

    def port_close(self, port: int) -> None:
        del self.opened[port]
        self.table.up &= ~(1 << port)
        self.states.pop(port, None)

    def port_set(
        self, port: int, *, up: bool, mtu: int, coalesce: bool = True,
        watched: bool = False, sticky: bool = False, igmp_rate: int = 0, igmp_burst: int = 1,
        filters: bool = False, pvid: int = 0, horizon: int = 0,
        peer: bool = False, peer_mac: bytes = bytes(6), ahead: bool = False,
        guard: bool = False, held: bool = False, reserved: int = 0, storm_limit: int = 0,
        names: bool = False, rings_only: bool = False,
    ) -> None:  # fmt: skip
        assert port in self.opened
        self.states[port] = (up, mtu, coalesce)
        self.table.up = self.table.up & ~(1 << port) | up << port
        self.peers[port] = peer_mac if peer else None
        self.rates[port] = (igmp_rate, igmp_burst)
        self.rings_only[port] = rings_only
        self.table.horizons[port] = horizon
        self.ahead[port] = ahead
        self.guards[port] = (guard, held, reserved, storm_limit)
        self.table.guard = self.table.guard & ~(1 << port) | guard << port
        self.table.names = self.table.names & ~(1 << port) | names << port
        self.table.held = self.table.held & ~(1 << port) | held << port
        self.table.reserved[port] = reserved
        self.table.pvids.pop(port, None)
        if filters:
            self.table.pvids[port] = pvid

    @property
    def rows(self) -> dict[tuple[int, Address, Address], int]:
        """(vid, group, source) to port set."""
        return self.table.rows

    @property
    def vlans(self) -> dict[int, tuple[bool, int, int]]:
        """By VLAN whether IPv4 is pruned, its router ports, where unregistered groups go."""
        return {
            vid: (row.active, row.mrouters, row.unregistered)
            for (vid, family), row in self.table.vlans.items()
            if family is Family.IPV4
        }

    def publish(self, delta: Delta) -> None:
        self.publishes += 1
        if self.unpublishable:
            raise OSError(errno.ENOMEM, "publish: out of memory")
        self.table.apply(delta)
        self.untagged.update((row.vid, row.untagged) for row in delta.members)

    def drain(self, budget: int) -> list[Punted]:
        """As the real one: whole frames, until they cost as much as the budget."""
        taken: list[Punted] = []
        while self.waiting and sum(one.cost for one in taken) < budget:
            taken.append(self.waiting.pop(0))
        return taken

    def decided(self) -> None:
        self.decisions.append(self.publishes)

    def verdicts(self, reason: str) -> dict[int, int]:
        return {port: counts[reason] for port, counts in self.counts.items() if reason in counts}

    def inject(
        self, vid: int, ports: int, frame: bytes, tci: int | None = None,
        came_from: int | None = None,
    ) -> int:  # fmt: skip
        assert tci is None or tci & 0xFFF == vid
        self.injected.append((ports, ether.tagged(frame, tci)))
        return ports

    def counters(self, port: int) -> dict[str, int]:
        return {**dict.fromkeys(STATS, 0), **dict.fromkeys(REASONS, 0), **self.counts.get(port, {})}

    def fdb(self) -> Iterator[FdbEntry]:
        return iter([FdbEntry(0, b"\x02\0\0\0\0\x07", 1, 1_500_000_000)])

    def fdb_load(self, entries: Sequence[FdbEntry]) -> int:
        self.learned += entries
        return len(entries)

    @property
    def fdb_count(self) -> int:
        return len(list(self.fdb()))

    @property
    def fdb_disputes(self) -> int:
        return len(self.disputed)

    def fdb_disputed(self, within_ns: int, *, most: int) -> list[FdbEntry]:
        return self.disputed[:most]

    def fdb_flush(self, port: int | None = None, vlan: int | None = None) -> int:
        self.flushed.append((port, vlan))
        return 0

    def fdb_age(self, silent_ns: int, *, but_port: int) -> int:
        self.aged.append((silent_ns, but_port))
        return 0

    def streams(self) -> Iterator[Stream]:
        return iter(self.seen)

    def explain(self, port: int, frame: bytes) -> Verdict:
        if self.verdict is not None:
            return self.verdict
        case = self.table.decide(port, frame)
        registered = case.reason in (
            Reason.FORWARD_GROUP, Reason.FORWARD_SOURCE, Reason.DROP_NO_MEMBER,
        )  # fmt: skip
        vlan = int.from_bytes(frame[14:16], "big") & 0xFFF if frame[12:14] == b"\x81\0" else 0
        vlan = vlan or self.table.pvids.get(port, 0)
        untagged = self.untagged.get(vlan, 0) if port in self.table.pvids else None
        return Verdict(
            REASONS[case.reason], case.reason, case.ports, case.punt, registered, vlan, untagged
        )


@dataclass
class AsideFastPath(FakeFastPath):
    """Its ports are made by threads, while `go` is set."""

    go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()

    def prepare(self, ifindex: int, setup: PortSetup) -> int:
        del setup
        assert self.go.wait(HANGS_S)
        self._allow(ifindex)
        return ifindex

    def adopt(self, port: int, prepared: object, setup: PortSetup) -> PortOpened:
        assert isinstance(prepared, int)
        return self.port_open(port, prepared, setup)

    def discard(self, prepared: object) -> None:
        del prepared


def link(name: str, ifindex: int, **changes: object) -> Link:
    """An interface that is up, with a MAC made from its index."""
    values: dict[str, object] = {
        "name": name,
        "ifindex": ifindex,
        "up": True,
        "admin_up": True,
        "mtu": 1500,
        "mac": bytes([2, 0, 0, 0, *divmod(ifindex, 256)]),
        "master": 0,
        **changes,
    }
    return Link(**values)  # type: ignore[arg-type]  # built from keywords


@dataclass
class FakeLinks:
    """Interfaces by name; assign to change them."""

    links: dict[str, Link]

    def by_name(self, name: str) -> Link | None:
        return self.links.get(name)

    def bare(self) -> list[Link]:
        return list(self.links.values())

    def set_alias(self, ifindex: int, alias: str) -> None:
        for name, one in self.links.items():
            if one.ifindex == ifindex:
                self.links[name] = replace(one, alias=alias)

    def read(self) -> None:
        """They are what they are."""


@dataclass
class FakeNeighbours:
    """Hosts that take runs, unless told otherwise by ifindex."""

    refusing: dict[int, str] = field(default_factory=dict)
    sitting: dict[int, set[str]] = field(default_factory=dict)
    macs: dict[int, bytes | None] = field(default_factory=dict)
    qdiscs: dict[int, str] = field(default_factory=dict)
    followed: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)

    def knows(self, ifindex: int) -> bool:
        return ifindex not in self.unknown

    def runs(self, ifindex: int) -> Runs:
        because = self.refusing.get(ifindex)
        return Runs(True, "a host") if because is None else Runs(False, because)

    def direct(self, ifindex: int) -> Direct:
        mac = self.macs.get(ifindex)
        return Direct(mac, "a host" if mac else "no veth")

    def guests(self, ifindex: int) -> set[str]:
        return self.sitting.get(ifindex, set())

    def qdisc(self, ifindex: int) -> str:
        return self.qdiscs.get(ifindex, "noqueue")

    def follow(self, ifindexes: Iterable[int]) -> None:
        self.followed = set(ifindexes)
