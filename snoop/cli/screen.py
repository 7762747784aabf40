"""What `snoop watch` shows, as a function of the state, the view and the terminal's size.

A row a group (or an unwanted stream), a column a port: ● the port gets it as a member, r as a
router port, f because it floods, ○ a member that gets nothing right now, > where it comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from snoop.cli import summary
from snoop.cli.findings.facts import is_local
from snoop.cli.human import age, bit_rate, called, plain
from snoop.cli.summary import Everything
from snoop.cli.view import View
from snoop.control import documents

_FRAME_LINES = 6
_GROUP_MAX = 39  # an IPv6 group
_RATE = 11

LEGEND = (
    "In the table of groups, a column a port:",
    "  ●  gets it, as a member          ○  a member, and gets nothing now",
    "  r  gets it, as a router port     f  gets it because it floods",
    "  >  it comes in here              ·  gets nothing of it",
    "  N: ports with members. Yellow: nobody has joined it.",
    "",
    "  arrows, PgUp PgDn, Home End, hjkl: move over groups and ports",
    "  <  first port                    >  last port",
    "  /  search a group, name or port  n  N  the next, the one before",
    "  f  show only what has a text     s  sort by rate, group, members",
    "  v  show only one VLAN, by its id or its name; 0: untagged",
    "  m  only what has members         u  only what has none",
    "  p  ports, their rates and hosts: Enter shows the hosts of one, Esc goes back",
    "  q  quit                          any key closes this",
)
KEYS = "? legend  q quit  arrows move  / search  f filter  v vlan  s sort  p ports"


class Line(NamedTuple):
    """A line of the screen; `style` is "", "bold", "dim", "red", "yellow" or "reverse"."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One group of one VLAN."""

    vlan: int
    group: str
    members: frozenset[str]
    ingress: frozenset[str]
    egress: frozenset[str]
    bits_per_s: float
    registered: bool
    name: str | None = None
    vlan_name: str = ""

    @property
    def text(self) -> str:
        """What a search or a filter looks at."""
        return f"{self.label} {self.name or ''} {self.vlan_name}".rstrip()

    def is_in(self, vlan: str) -> bool:
        """Is it of the VLAN of that id or name? "": of any."""
        return vlan in ("", str(self.vlan)) or vlan.lower() == self.vlan_name.lower()

    @property
    def label(self) -> str:
        return self.group if not self.vlan else f"{self.group}%{self.vlan}"


class Size(NamedTuple):
    """A terminal's."""

    width: int
    height: int


def rows(document: Everything, view: View) -> list[Row]:
    """The rows, filtered and sorted as the view asks."""
    members = summary.members(document)
    streams = summary.streams(document)
    names = summary.names(document)
    made = [
        Row(
            vlan=key[0],
            group=key[1],
            members=frozenset(members.get(key, ())),
            ingress=frozenset(one.port for one in streams.get(key, ())),
            egress=frozenset(port for one in streams.get(key, ()) for port in one.egress),
            bits_per_s=sum(one.bits_per_s for one in streams.get(key, ())),
            registered=key in members or any(one.registered for one in streams[key]),
            name=names.get(key[1]),
            vlan_name=document.vlan_names.get(key[0], ""),
        )
        for key in members.keys() | streams.keys()
    ]
    wanted = [
        row
        for row in made
        if row.is_in(view.vlan)
        and view.filter.lower() in row.text.lower()
        and (row.members or not view.members_only)
        and (not row.members or not view.unwanted_only)
    ]
    orders = {
        "rate": lambda row: (-row.bits_per_s, row.vlan, _number(row.group)),
        "group": lambda row: (row.vlan, _number(row.group)),
        "members": lambda row: (-len(row.members), row.vlan, _number(row.group)),
    }
    return sorted(wanted, key=orders[view.sort])


def warnings(document: Everything) -> list[str]:
    """What must not be overlooked; `snoop check` looks closer."""
    said = []
    ending = {
        (row.vlan, row.family)
        for row in document.mdb
        if row.origin == "dynamic" and not is_local(row.group)
    }
    for row in document.queriers:
        where = f"vlan {row.vlan}: " if row.vlan else ""
        where += "IPv6: " if row.family == "ipv6" else ""
        if row.role == "none" and row.address is None and (row.vlan, row.family) in ending:
            said.append(f"{where}no querier, memberships will end")
        elif row.role == "querier" and row.address in (None, "0.0.0.0"):
            said.append(f"{where}our queries come from 0.0.0.0")
    for port in document.ports:
        if port.state == "missing" or port.problem:
            said.append(f"{called(port.name, port.description)}: {port.problem or 'missing'}")
    return said


def framed(
    document: Everything, view: View, size: Size, body: list[Line], status: str
) -> list[Line]:
    """A page between what stands on every one; as many lines as the terminal has, none longer."""
    said = warnings(document)[:2]
    lines = [Line(_head(document))]
    asking = [row for row in document.queriers if view.vlan in ("", str(row.vlan))]
    lines += [Line(_querier(row)) for row in (asking or document.queriers)[:1]]
    lines += [Line(f"! {text}", "red") for text in said]
    if view.legend:
        body, status = [Line(text) for text in LEGEND], ""
    elif view.typing is not None:
        what, text = view.typing
        status = f"{what}: {text}_  (Enter; Esc: not)"
    foot = [Line(status, "dim"), Line(KEYS, "dim")]
    lines = [*lines, Line(""), *body][: max(0, size.height - len(foot))]
    lines += [Line("")] * (size.height - len(foot) - len(lines)) + foot
    return [Line(line.text[: size.width].rstrip(), line.style) for line in lines][: size.height]


def room(document: Everything, size: Size) -> int:
    """How many rows a page has room for."""
    head = min(1, len(document.queriers)) + min(2, len(warnings(document)))
    return max(1, size.height - _FRAME_LINES + 1 - head)


def render(document: Everything, view: View, size: Size) -> list[Line]:
    """The page of groups for a terminal of that size."""
    shown = rows(document, view)
    names = [port.name for port in document.ports]
    view.settle([row.text for row in shown], names, room(document, size))
    page = shown[view.top : view.top + view.room]
    wide = max([len("Group"), *(len(row.label) for row in page)])
    wide = min(wide, _GROUP_MAX, max(15, size.width - 24))
    called_wide = min(max((len(row.name or "") for row in shown), default=0), size.width // 4)
    if called_wide:
        called_wide = max(called_wide, len("Name"))
    fitting: list[str] = []
    width = wide + _RATE + 6 + (called_wide and called_wide + 1)
    for name in names[view.left :]:
        width += max(2, len(name)) + 1
        if width > size.width and fitting:
            break
        fitting.append(name)
    columns = " ".join(name.center(max(2, len(name))) for name in fitting)
    name = f" {'Name':<{called_wide}}" if called_wide else ""
    body = [Line(f"{'Group':<{wide}}{name} {'Rate':>{_RATE}}  N {columns}", "bold")]
    routers = {(row.vlan, row.port) for row in document.mrouters}
    for at, row in enumerate(page, view.top):
        cells = " ".join(
            _cell(row, name, (row.vlan, name) in routers).center(max(2, len(name)))
            for name in fitting
        )
        rate = bit_rate(row.bits_per_s) if row.ingress else ""
        if called_wide:
            name = f" {(row.name or '')[:called_wide]:<{called_wide}}"
        label = f"{row.label[:wide]:<{wide}}{name}"
        text = f"{label} {rate:>{_RATE}} {len(row.members):>2} {cells}"
        style = "reverse" if at == view.at else "" if row.registered else "yellow"
        body.append(Line(text, style))
    return framed(document, view, size, body, _status(view, page, shown, names, fitting))


def _status(
    view: View, page: list[Row], shown: list[Row], names: list[str], fitting: list[str]
) -> str:
    parts = [f"{view.top + 1 if page else 0}-{view.top + len(page)} of {len(shown)} groups"]
    if len(fitting) < len(names):
        parts.append(f"ports {fitting[0]}-{fitting[-1]} of {len(names)} (left, right)")
    parts.append(f"sort {view.sort}")
    if view.members_only or view.unwanted_only:
        parts.append("members only" if view.members_only else "unwanted only")
    if view.vlan:
        parts.append(f"vlan {view.vlan}")
    if view.filter:
        parts.append(f"filter {view.filter}")
    if view.search:
        parts.append(f"search {view.search}")
    return "  ".join(parts)


def _head(document: Everything) -> str:
    status, sums = document.status, summary.totals(document)
    parts = (
        f"{status.switch} up {age(status.uptime)}",
        f"{sums.ports_up}/{sums.ports} ports",
        bit_rate(sums.bits_per_s),
        summary.dropped(sums),
        summary.in_kernel(sums),
    )
    return "  ".join(part for part in parts if part)


def _querier(row: documents.Querier) -> str:
    where = f"vlan {row.vlan} querier" if row.vlan else "querier"
    if row.role == "none":
        if row.address is not None:
            return f"{where}: none, asked from {row.address} on {plain(row.port)}"
        return f"{where}: none"
    who = "this switch" if row.role == "querier" else f"on {plain(row.port)}"
    return (
        f"{where}: {plain(row.address)} ({who}), IGMPv{row.version}, "
        f"every {age(row.query_interval)}"
    )


def _cell(row: Row, port: str, router: bool) -> str:
    if port in row.ingress and port not in row.egress:
        return ">"
    if port in row.members:
        return "●" if port in row.egress else "○"
    if port in row.egress:
        return "r" if router else "f"
    return "·"


def _number(group: str) -> tuple[int, ...]:
    """Groups in numeric order; IPv6 ones after, by text."""
    try:
        return tuple(int(part) for part in group.split("."))
    except ValueError:
        return (256, *group.encode())
