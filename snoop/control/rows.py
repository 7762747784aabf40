"""The engine's and the fast path's state as rows of the documents: names, text, seconds.

Pure functions from views to `documents`; sorted, filtered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from snoop.config.names import Called
from snoop.control import documents
from snoop.control.matching import Groups, Host
from snoop.printable import natural
from snoop.proto.units import SECOND, Duration, Ports
from snoop.proto.views import DepartureRow, HostRow, MdbRow, MrouterRow, QuerierRow, RefusalRow
from snoop.table.seen import FdbEntry
from snoop.wire import address
from snoop.wire.address import Address, Family, mac_text

PortName = Callable[[int], str]
GroupName = Callable[[int, Address, Address | None], Called]
OfGroup = TypeVar("OfGroup", MdbRow, HostRow, RefusalRow, DepartureRow)

LAYER2 = "l2"
"""What stands for the family of a group by its MAC address."""

_FAMILIES = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: each None means any."""

    vid: int | None = None
    groups: Groups | None = None
    ports: Ports | None = None
    family: Family | None = None
    host: Host | None = None
    source: Address | None = None

    @property
    def group(self) -> Address | None:
        """The group, if it is one that is asked for."""
        return None if self.groups is None else self.groups.only

    def takes(
        self,
        *,
        vid: int,
        group: Address | None = None,
        port: int | None = None,
        family: Family | None = None,
    ) -> bool:
        """Does a row with these keys pass? A key the row does not have is not asked for."""
        if self.family is not None:
            if group is not None and address.mac_of(group) is not None:
                return False
            own = family if group is None else address.family(group)
            if own not in (None, self.family):
                return False
        return (
            (self.vid is None or self.vid == vid)
            and (self.groups is None or group is None or self.groups.has(group))
            and (port is None or self.has(port))
        )

    def is_of(self, addr: Address, mac: bytes) -> bool:
        """Does a row of this host pass?"""
        return self.host is None or self.host.is_at(addr, mac)

    def has(self, port: int) -> bool:
        """Is the port one of those asked for?"""
        return self.ports is None or bool(self.ports >> port & 1)


def family(which: Family) -> str:
    return _FAMILIES[which]


def family_of(word: str | None) -> Family | None:
    """The family of that name, None for None."""
    return next((which for which, name in _FAMILIES.items() if name == word), None)


@overload
def seconds(duration: Duration | int) -> float: ...
@overload
def seconds(duration: Duration | int | None) -> float | None: ...
def seconds(duration: Duration | int | None) -> float | None:
    return None if duration is None else round(duration / SECOND, 6)


def text(addr: Address | None) -> str | None:
    return None if addr is None else address.text(addr)


def nameless(vid: int, group: Address, source: Address | None) -> Called:
    """What groups are called where nobody gave them names."""
    return Called()


def mdb(
    rows: Iterable[MdbRow],
    port: PortName,
    wanted: Wanted,
    tracked: Iterable[HostRow] | None = None,
    called: GroupName = nameless,
) -> list[documents.Entry]:
    """`show mdb`: one row a port of a group, by vlan, group, port.

    `tracked`, the hosts of these rows, tells which are of a host that is asked for.
    """
    kept = of_groups(rows, wanted, lambda row: (port(row.port), row.origin))
    if wanted.source is not None:
        kept = [row for row in kept if any(s.address == wanted.source for s in row.sources)]
    if tracked is not None:
        kept = list(_of_host(kept, tracked, wanted))
    return [_entry(row, port, called) for row in kept]


def _of_host(
    rows: Iterable[MdbRow], tracked: Iterable[HostRow], wanted: Wanted
) -> Iterator[MdbRow]:
    """Those that the host wants, as it is tracked; where nobody is, those it was last to ask."""
    wants: dict[tuple[int, Address, int], bool] = {}
    for host in tracked:
        key = host.vid, host.group, host.port
        wants[key] = wants.get(key, False) or wanted.is_of(host.address, host.mac)
    for row in rows:
        asked_last = wanted.host is not None and wanted.host.address == row.last_reporter
        if wants.get((row.vid, row.group, row.port), asked_last):
            yield row


def _entry(row: MdbRow, port: PortName, called: GroupName) -> documents.Entry:
    only = row.sources[0].address if row.sources and len(row.sources) == 1 else None
    names = called(row.vid, row.group, only)
    return documents.Entry(
        vlan=row.vid,
        family=LAYER2 if row.family is None else family(row.family),
        group=address.group_text(row.group),
        port=port(row.port),
        filter_mode=row.filter_mode.value,
        sources=[
            documents.Source(
                address=address.text(source.address),
                timer=seconds(source.timer),
                forwarding=source.forwarding,
                static=source.static,
            )
            for source in sorted(row.sources, key=lambda source: source.address)
        ]
        if row.sources
        else [],
        group_timer=seconds(row.group_timer),
        origin=row.origin,
        compatibility=row.compatibility,
        uptime=seconds(row.uptime),
        last_reporter=text(row.last_reporter),
        name=names.name,
        announced=names.announced,
    )


def mrouters(rows: Iterable[MrouterRow], port: PortName, wanted: Wanted) -> list[documents.Mrouter]:
    """`show mrouters`: one row a reason for a router port."""
    kept = [row for row in rows if wanted.takes(vid=row.vid, port=row.port, family=row.family)]
    kept.sort(
        key=lambda row: (
            row.vid,
            row.family,
            natural(port(row.port)),
            row.origin,
            row.address or b"",
        )
    )
    return [
        documents.Mrouter(
            vlan=row.vid,
            family=family(row.family),
            port=port(row.port),
            origin=row.origin,
            address=text(row.address),
            timer=seconds(row.timer),
            uptime=seconds(row.uptime),
        )
        for row in kept
    ]


def queriers(
    rows: Iterable[QuerierRow],
    port: PortName,
    prunes: Callable[[int, Family], bool],
    wanted: Wanted,
) -> list[documents.Querier]:
    """`show querier`: one row a VLAN and family."""
    kept = [row for row in rows if wanted.takes(vid=row.vid, family=row.family)]
    kept.sort(key=lambda row: (row.vid, row.family))
    return [
        documents.Querier(
            vlan=row.vid,
            family=family(row.family),
            role=row.role,
            address=text(row.address),
            port=None if row.port is None else port(row.port),
            version=row.version,
            timer=seconds(row.timer),
            query_interval=seconds(row.query_interval),
            query_response_interval=seconds(row.query_response_interval),
            robustness=row.robustness,
            uptime=seconds(row.uptime),
            last_member_query_interval=seconds(row.last_member_query_interval),
            group_membership_interval=seconds(row.group_membership_interval),
            pruning=prunes(row.vid, row.family),
        )
        for row in kept
    ]


def hosts(
    rows: Iterable[HostRow], port: PortName, wanted: Wanted, called: GroupName = nameless
) -> list[documents.Host]:
    """`show hosts`: one row a tracked host of a group on a port, by vlan, group, port, address."""
    return [
        documents.Host(
            vlan=row.vid,
            family=family(row.family),
            group=address.text(row.group),
            port=port(row.port),
            address=address.text(row.address),
            mac=mac_text(row.mac),
            filter_mode=row.filter_mode.value,
            sources=[address.text(source) for source in sorted(row.sources)],
            timer=seconds(row.timer),
            first_heard=seconds(row.first_heard),
            last_heard=seconds(row.last_heard),
            unanswered=row.unanswered,
            **called(row.vid, row.group, None)._asdict(),
        )
        for row in of_groups(rows, wanted, lambda row: (natural(port(row.port)), row.address))
        if wanted.is_of(row.address, row.mac)
        and (wanted.source is None or wanted.source in row.sources)
    ]


def of_groups(
    rows: Iterable[OfGroup], wanted: Wanted, last: Callable[[OfGroup], Any]
) -> list[OfGroup]:
    """Those that are wanted, sorted; `last` decides between rows of one group."""
    kept = [row for row in rows if wanted.takes(vid=row.vid, group=row.group, port=row.port)]
    kept.sort(key=lambda row: (row.vid, row.group, last(row)))
    return kept


def fdb(
    entries: Iterable[FdbEntry], port: PortName, wanted: Wanted, sticky: Ports = 0
) -> list[documents.Station]:
    """`show fdb`: one row a unicast address; `sticky`: the ports whose addresses stay."""
    kept = [entry for entry in entries if wanted.takes(vid=entry.vlan, port=entry.port)]
    kept.sort(key=lambda entry: (entry.vlan, entry.mac))
    return [
        documents.Station(
            vlan=entry.vlan,
            mac=mac_text(entry.mac),
            port=port(entry.port),
            age=seconds(entry.age_ns),
            rival=None if entry.rival is None else port(entry.rival),
            sticky=bool(sticky >> entry.port & 1),
            claimed=None if entry.rival is None else seconds(entry.claimed_ns),
        )
        for entry in kept
    ]
