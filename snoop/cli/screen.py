"""What `snoop watch` shows, as a function of the state, the view and the terminal's size.

A row a group (or an unwanted stream), a column a port: ● the port gets it as a member, r as a
router port, f because it floods, ○ a member that gets nothing right now, > where it comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snoop.cli import summary
from snoop.cli.human import age, bit_rate, plain
from snoop.cli.summary import Everything
from snoop.control import documents

if TYPE_CHECKING:
    from rich.console import ConsoleDimensions, Group
    from rich.table import Table

SORTS = ("rate", "group", "members")
_FRAME_LINES = 8


@dataclass(slots=True)
class View:
    """What the keys change. `typing`: the filter being typed, None when it is not."""

    sort: str = "rate"
    filter: str = ""
    typing: str | None = None
    members_only: bool = False
    unwanted_only: bool = False
    scroll: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One group of one VLAN."""

    vlan: int
    group: str
    members: frozenset[str]
    ingress: frozenset[str]
    egress: frozenset[str]
    bits_per_s: float
    registered: bool


def lines(document: Everything, view: View) -> list[Line]:
    """The rows, filtered and sorted as the view asks."""
    members = summary.members(document)
    streams = summary.streams(document)
    made = [
        Line(
            vlan=key[0],
            group=key[1],
            members=frozenset(members.get(key, ())),
            ingress=frozenset(one.port for one in streams.get(key, ())),
            egress=frozenset(port for one in streams.get(key, ()) for port in one.egress),
            bits_per_s=sum(one.bits_per_s for one in streams.get(key, ())),
            registered=key in members or any(one.registered for one in streams[key]),
        )
        for key in members.keys() | streams.keys()
    ]
    wanted = [
        line
        for line in made
        if view.filter in line.group
        and (line.members or not view.members_only)
        and (not line.members or not view.unwanted_only)
    ]
    orders = {
        "rate": lambda line: (-line.bits_per_s, line.vlan, _number(line.group)),
        "group": lambda line: (line.vlan, _number(line.group)),
        "members": lambda line: (-len(line.members), line.vlan, _number(line.group)),
    }
    return sorted(wanted, key=orders[view.sort])


def warnings(document: Everything) -> list[str]:
    """What must not be overlooked; `snoop check` looks closer."""
    said = []
    for row in document.queriers:
        where = f"vlan {row.vlan}: " if row.vlan else ""
        nobody = row.role == "none" and row.address is None
        if nobody and any(m.vlan == row.vlan for m in document.mdb):
            said.append(f"{where}no querier, memberships will end")
        elif row.role == "querier" and row.address in (None, "0.0.0.0"):
            said.append(f"{where}our queries come from 0.0.0.0")
    for port in document.ports:
        if port.state == "missing" or port.problem:
            said.append(f"{port.name}: {port.problem or 'missing'}")
    return said


def render(document: Everything, view: View, size: ConsoleDimensions, keys: str) -> Group:
    """The whole screen for a terminal of that size."""
    from rich.console import Group
    from rich.text import Text

    said = warnings(document)
    shown = lines(document, view)
    room = max(1, size.height - _FRAME_LINES - min(2, len(said)))
    view.scroll = min(view.scroll, max(0, len(shown) - room))
    page = shown[view.scroll : view.scroll + room]
    ports = document.ports
    # A group, its rate and the two ends take 36 columns, each port what its name takes.
    width, fitting = 36, []
    for port in ports:
        width += max(2, len(port.name)) + 1
        if width > size.width:
            break
        fitting.append(port.name)
    more = f", {len(ports) - len(fitting)} ports do not fit" if len(fitting) < len(ports) else ""
    filtered = view.typing if view.typing is not None else view.filter
    state = f"sort {view.sort}" + (f"  filter {filtered}" if filtered else "")
    if view.typing is not None:
        state = f"filter: {view.typing}_ (Enter)"
    parts: list[Any] = [Text(_head(document), no_wrap=True, overflow="ellipsis")]
    parts += [Text(_querier(row), no_wrap=True) for row in document.queriers[:1]]
    parts += [Text(f"! {text}", style="bold red", no_wrap=True) for text in said[:2]]
    parts.append(Text(""))
    parts.append(_matrix(page, fitting, document))
    parts.append(Text(""))
    place = f"{view.scroll + 1 if page else 0}-{view.scroll + len(page)} of {len(shown)}"
    parts.append(Text(f"{place}{more}  {state}", style="dim", no_wrap=True))
    parts.append(Text(keys, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _head(document: Everything) -> str:
    status, sums = document.status, summary.totals(document)
    return (
        f"{status.switch} up {age(status.uptime)}  {sums.ports_up}/{sums.ports} ports  "
        f"{bit_rate(sums.bits_per_s)}  {summary.dropped(sums)}"
    )


def _querier(row: documents.Querier) -> str:
    if row.role == "none":
        if row.address is not None:
            return f"querier: none, asked from {row.address} on {plain(row.port)}"
        return "querier: none"
    who = "this switch" if row.role == "querier" else f"on {plain(row.port)}"
    return (
        f"querier: {plain(row.address)} ({who}), IGMPv{row.version}, "
        f"every {age(row.query_interval)}"
    )


def _matrix(page: list[Line], ports: list[str], document: Everything) -> Table:
    from rich.table import Table

    routers = {(row.vlan, row.port) for row in document.mrouters}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("Group", no_wrap=True)
    table.add_column("Rate", justify="right", no_wrap=True)
    for port in ports:
        table.add_column(port, justify="center", no_wrap=True)
    for line in page:
        group = line.group if not line.vlan else f"{line.group}%{line.vlan}"
        cells = [_cell(line, port, (line.vlan, port) in routers) for port in ports]
        style = None if line.registered else "yellow"
        table.add_row(group, bit_rate(line.bits_per_s) if line.ingress else "", *cells, style=style)
    return table


def _cell(line: Line, port: str, router: bool) -> str:
    if port in line.ingress and port not in line.egress:
        return ">"
    if port in line.members:
        return "●" if port in line.egress else "○"
    if port in line.egress:
        return "r" if router else "f"
    return "·"


def _number(group: str) -> tuple[int, ...]:
    """Groups in numeric order; IPv6 ones after, by text."""
    try:
        return tuple(int(part) for part in group.split("."))
    except ValueError:
        return (256, *group.encode())
