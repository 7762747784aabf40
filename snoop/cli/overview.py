"""`snoop show`: the switch on one screen."""

from __future__ import annotations

from snoop.cli import human, summary
from snoop.cli.human import age, bit_rate, count, many, plain, vlan
from snoop.cli.layout import Table, table
from snoop.cli.summary import Everything
from snoop.control import documents
from snoop.printable import natural

LINES_MAX = 8
VLANS_MAX = 3


def render(document: Everything) -> list[str | Table]:
    """The document for eyes."""
    return [
        _title(document),
        "",
        *_queriers(document.queriers),
        _routers(document.mrouters),
        "",
        _ports(document),
        "",
        _groups(document),
    ]


def _title(document: Everything) -> str:
    status, sums = document.status, summary.totals(document)
    served = f" ({summary.in_kernel(sums)})" if sums.in_kernel else ""
    return (
        f"{status.switch}: up {age(status.uptime)}, {sums.ports_up} of {many(sums.ports, 'port')} "
        f"up, {many(sums.groups, 'group')},\n"
        f"{many(sums.streams, 'stream')}{served} with {bit_rate(sums.bits_per_s)}, "
        f"{summary.dropped(sums)}"
    )


def _queriers(rows: list[documents.Querier]) -> list[str]:
    """The VLANs without a querier first: those are the ones to look at.

    Without one of MLD nothing is said: hosts join IPv6 groups of their own wherever they are.
    """
    rows = [row for row in rows if row.family == "ipv4" or row.address is not None]
    ordered = sorted(rows, key=lambda row: (row.role != "none", row.vlan))
    lines = [_querier(row) for row in ordered[:VLANS_MAX]]
    if len(rows) > VLANS_MAX:
        lines.append(f"and {many(len(rows) - VLANS_MAX, 'more vlan')}: snoop show querier")
    return lines


def _querier(row: documents.Querier) -> str:
    where = f"vlan {row.vlan}: " if row.vlan else ""
    if row.role == "none":
        if row.address is not None:  # asked, but by nobody who could be elected
            return f"{where}asked from {row.address} on {plain(row.port)}"
        return f'{where}no querier: memberships are not refreshed; [igmp] querier = "on"'
    every = f"every {age(row.query_interval)}, {human.PROTOCOLS[row.family]}v{row.version}"
    if row.role == "querier":
        return f"{where}this switch is the querier ({plain(row.address)}), {every}"
    return (
        f"{where}querier {plain(row.address)} on {plain(row.port)}, {every}, {age(row.timer)} left"
    )


def _routers(rows: list[documents.Mrouter]) -> str:
    if not rows:
        return "no router ports"
    ports: dict[str, set[str]] = {}
    for row in rows:
        ports.setdefault(row.port, set()).add(row.origin)
    shown = ", ".join(
        f"{port} ({'/'.join(sorted(why))})"
        for port, why in sorted(ports.items(), key=lambda one: natural(one[0]))
    )
    return f"router ports: {shown}"


def _ports(document: Everything) -> Table:
    groups: dict[str, set[str]] = {}
    for row in document.mdb:
        groups.setdefault(row.port, set()).add(row.group)
    shown = _busiest(document.ports)
    made = table(
        ("Port", "State", "Groups", "Rx", "Tx", "Lost", "Pruned", ""),
        [
            (
                port.name,
                port.stands,
                str(len(groups.get(port.name, ()))),
                count(port.rx_frames),
                count(port.tx_frames),
                count(port.lost),
                count(port.pruned),
                (port.problem or "")[:26],
            )
            for port in shown
        ],
        right=("Groups", "Rx", "Tx", "Lost", "Pruned"),
    ).insert("Port", "Description", [port.description for port in shown])
    if len(document.ports) > LINES_MAX:
        made.notes.append(f"and {len(document.ports) - LINES_MAX} more: snoop show ports")
    return made


def _busiest(ports: list[documents.Port]) -> list[documents.Port]:
    """Those with something wrong, then those that carry most; by name."""
    worst = sorted(ports, key=lambda p: (p.stands == "up", not p.problem, -p.rx_frames))
    return sorted(worst[:LINES_MAX], key=lambda port: natural(port.name))


def _groups(document: Everything) -> Table:
    members = summary.members(document)
    rates = {
        key: sum(stream.bits_per_s for stream in seen)
        for key, seen in summary.streams(document).items()
    }
    keys = sorted(members.keys() | rates.keys(), key=lambda key: (-rates.get(key, 0.0), key))
    lines = [
        (
            vlan(key[0]),
            key[1],
            bit_rate(rates[key]) if key in rates else human.NONE,
            human.ports(members.get(key, ())) or human.NONE,
        )
        for key in keys[:LINES_MAX]
    ]
    names = summary.names(document)
    made = table(
        ("VLAN", "Group", "Rate", "Members"), lines, right=("Rate",), fold=("Members",)
    ).insert("Group", "Name", [names.get(group) for _, group in keys[:LINES_MAX]])
    if len(keys) > LINES_MAX:
        made.notes.append(f"and {len(keys) - LINES_MAX} more: snoop show mdb, snoop show streams")
    return made
