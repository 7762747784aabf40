"""`show witnesses`: what a switch has seen of hosts, as rows.

Pure functions from views to `witnessed`, as in `rows`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from snoop.control import witnessed
from snoop.control.rows import GroupName, PortName, Wanted, family, nameless, of_groups, seconds
from snoop.printable import natural
from snoop.proto.units import Ports, port_ids
from snoop.proto.views import AskedRow, DepartureRow, RefusalRow, ShunnedRow, WitnessRow
from snoop.wire import address
from snoop.wire.address import mac_text


def _at(row: RefusalRow | WitnessRow | DepartureRow | ShunnedRow, port: PortName) -> dict[str, Any]:
    """Where it was seen, and of whom."""
    return {
        "vlan": row.vid,
        "family": family(row.family),
        "port": port(row.port),
        "address": address.text(row.address),
    }


def refused(
    rows: Iterable[RefusalRow], port: PortName, wanted: Wanted, called: GroupName = nameless
) -> list[witnessed.Refused]:
    """`refused`: one row a port, group and reason; `called`: what groups are called."""
    return [
        witnessed.Refused(
            **_at(row, port),
            group=address.text(row.group),
            why=row.why,
            mac=mac_text(row.mac),
            count=row.count,
            **called(row.vid, row.group, None)._asdict(),
            age=seconds(row.age),
        )
        for row in of_groups(rows, wanted, lambda row: (port(row.port), row.why))
        if wanted.is_of(row.address, row.mac)
    ]


def hosts(rows: Iterable[WitnessRow], port: PortName, wanted: Wanted) -> list[witnessed.Witness]:
    """`hosts`: one row a host of a port."""
    return [
        witnessed.Witness(
            **_at(row, port),
            mac=mac_text(row.mac),
            version=row.version,
            first_heard=seconds(row.first_heard),
            last_heard=seconds(row.last_heard),
            answered=seconds(row.answered),
            unanswered=row.unanswered,
            left=row.left,
            moved=row.moved,
        )
        for row in rows
        if wanted.takes(vid=row.vid, port=row.port, family=row.family)
        and wanted.is_of(row.address, row.mac)
    ]


def gone(rows: Iterable[DepartureRow], port: PortName, wanted: Wanted) -> list[witnessed.Gone]:
    """`gone`: one row a port and group."""
    return [
        witnessed.Gone(
            **_at(row, port),
            group=address.text(row.group),
            how=row.how,
            mac=mac_text(row.mac),
            age=seconds(row.age),
            last_heard=seconds(row.last_heard),
            unanswered=row.unanswered,
            others=[
                witnessed.Name(address=address.text(other), mac=mac_text(mac))
                for mac, other in row.others
            ],
        )
        for row in of_groups(rows, wanted, lambda row: natural(port(row.port)))
        if wanted.is_of(row.address, row.mac)
    ]


def routers(rows: Iterable[ShunnedRow], port: PortName, wanted: Wanted) -> list[witnessed.Shunned]:
    """`routers`: one row a router of a port, and what it says to be one by."""
    return [
        witnessed.Shunned(
            **_at(row, port),
            origin=row.origin,
            why=row.why,
            count=row.count,
            age=seconds(row.age),
        )
        for row in rows
        if wanted.takes(vid=row.vid, port=row.port) and wanted.is_of(row.address, b"")
    ]


def asked(rows: Iterable[AskedRow], port: PortName, wanted: Wanted) -> list[witnessed.Asked]:
    """`asked`: one row a query."""

    def names(ports: Ports) -> list[str]:
        return sorted((port(each) for each in port_ids(ports) if wanted.has(each)), key=natural)

    return [
        witnessed.Asked(
            vlan=row.vid,
            family=family(row.family),
            address=address.text(row.address),
            port=None if row.port is None else port(row.port),
            version=row.version,
            age=seconds(row.age),
            left=seconds(row.left),
            answers=row.answers,
            ports=names(row.ports),
            answered=names(row.answered),
            silent=names(row.silent),
        )
        for row in rows
        if wanted.takes(vid=row.vid, family=row.family)
    ]
