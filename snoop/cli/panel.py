"""The pages of `snoop watch` about ports: all of them with their rates, and the hosts of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from snoop.cli import summary, vlans
from snoop.cli.human import age, bit_rate, called, count, plain
from snoop.cli.layout import Table, table
from snoop.cli.screen import Line, Size, framed, room
from snoop.cli.summary import Everything
from snoop.cli.view import View
from snoop.control import documents
from snoop.control.witnessed import Witness

NARROW = 80


@dataclass(frozen=True, slots=True)
class Rates:
    """What a port carries, bits/s: None before there were two looks."""

    into: float | None = None
    out: float | None = None


@dataclass(frozen=True, slots=True)
class Guests:
    """The hosts: those heard, and what the tracked ones want."""

    heard: list[Witness]
    hosts: list[documents.Host]


def rates(
    before: Mapping[str, documents.Port], now: list[documents.Port], seconds: float
) -> dict[str, Rates]:
    """From two looks at the ports; a counter that was cleared in between says nothing."""
    found = {}
    for port in now:
        old = before.get(port.name)
        if (
            old is None
            or seconds <= 0
            or port.rx_bytes < old.rx_bytes
            or port.tx_bytes < old.tx_bytes
        ):
            found[port.name] = Rates()
            continue
        found[port.name] = Rates(
            into=(port.rx_bytes - old.rx_bytes) * 8 / seconds,
            out=(port.tx_bytes - old.tx_bytes) * 8 / seconds,
        )
    return found


def speed(mbit: int | None) -> str:
    """10 Gbit/s, 2.5 Gbit/s, 100 Mbit/s; "" if it has none."""
    if not mbit:
        return ""
    return f"{mbit / 1000:g} Gbit/s" if mbit >= 1000 else f"{mbit} Mbit/s"


def share(rate: float | None, mbit: int | None) -> str:
    """A rate against the link's; "" if either is not known."""
    if rate is None or not mbit:
        return ""
    percent = rate / (mbit * 10_000)
    return "<1%" if 0 < percent < 1 else f"{percent:.0f}%"


def ports(
    document: Everything, view: View, size: Size, carried: Mapping[str, Rates], guests: Guests
) -> list[Line]:
    """A row a port: its state, its rates against its link's, who is behind it."""
    hosts: dict[str, set[tuple[str, str]]] = {}
    for one in guests.heard:
        hosts.setdefault(one.port, set()).add((one.mac, one.address))
    groups: dict[str, int] = {}
    for row in document.mdb:
        groups[row.port] = groups.get(row.port, 0) + 1
    cells = []
    for port in document.ports:
        at = carried.get(port.name, Rates())
        cells.append(
            (
                port.name, port.stands, speed(port.speed_mbit),
                _rate(at.into), share(at.into, port.speed_mbit),
                _rate(at.out), share(at.out, port.speed_mbit),
                count(port.lost), str(groups.get(port.name, 0)),
                str(len(hosts.get(port.name, ()))),
            )
        )  # fmt: skip
    headings = ("Port", "State", "Link", "In", "%", "Out", "%", "Lost", "Groups", "Hosts")
    made = table(headings, cells, right=headings[2:])
    # At the end: what does not fit is cut.
    made.insert("Hosts", "VLANs", [vlans.of_port(port.vlans) for port in document.ports])
    last = made.headings[-1]
    made.insert(last, "Description", [port.description for port in document.ports])
    shown = _narrow(made, size, "Link", "%").text(None)
    labels = [port.name for port in document.ports]
    return _listed(document, view, size, labels, shown, f"{len(labels)} ports  Enter: its hosts")


def hosts(
    document: Everything, view: View, size: Size, carried: Mapping[str, Rates], guests: Guests
) -> list[Line]:
    """A row a host behind one port: when it was heard, what it left unanswered, what it wants."""
    wanted: dict[tuple[str, str], list[str]] = {}
    names = summary.names(document)
    for row in guests.hosts:
        group = f"{row.group}%{row.vlan}" if row.vlan else row.group
        if row.port == view.port:
            wanted.setdefault((row.address, row.mac), []).append(
                called(group, names.get(row.group))
            )
    heard = {(one.address, one.mac): one for one in guests.heard if one.port == view.port}
    cells = []
    for key in sorted(wanted.keys() | heard.keys(), key=lambda key: (_address(key[0]), key[1])):
        one, groups = heard.get(key), wanted.get(key, [])
        cells.append(
            (
                *key,
                "" if one is None else f"v{one.version}",
                "" if one is None else age(one.last_heard),
                "" if one is None else str(one.unanswered),
                f"{len(groups)}: {', '.join(groups)}" if groups else "0",
            )
        )
    headings = ("Host", "MAC", "Ver", "Heard", "Unanswered", "Groups")
    made = table(headings, cells, right=("Heard", "Unanswered"))
    shown = _narrow(made, size, "MAC").text(None)
    labels = [" ".join(cell) for cell in cells]
    return _listed(document, view, size, labels, shown, _port(document, view, carried))


def _narrow(made: Table, size: Size, *less: str) -> Table:
    """Without what is wanted least, on a terminal with fewer than 80 columns."""
    if size.width >= NARROW:
        return made
    kept = [at for at, heading in enumerate(made.headings) if heading not in less]
    made.headings = [made.headings[at] for at in kept]
    made.lines = [[line[at] for at in kept] for line in made.lines]
    return made


def _port(document: Everything, view: View, carried: Mapping[str, Rates]) -> str:
    port = next((port for port in document.ports if port.name == view.port), None)
    if port is None:
        return f"{view.port} is no port any more"
    at = carried.get(port.name, Rates())
    parts = [
        f"{called(port.name, port.description)} {port.stands}",
        speed(port.speed_mbit),
        f"mtu {plain(port.mtu)}",
    ]
    if port.vlans is not None:
        parts.append(f"vlan {vlans.of_port(port.vlans)}")
    parts.append(f"in {_rate(at.into)} {share(at.into, port.speed_mbit)}".rstrip())
    parts.append(f"out {_rate(at.out)} {share(at.out, port.speed_mbit)}".rstrip())
    return "  ".join(part for part in parts if part)


def _listed(
    document: Everything, view: View, size: Size, labels: list[str], shown: list[str], title: str
) -> list[Line]:
    """A table with its heading, as far as there is room."""
    view.settle(labels, view.columns, room(document, size))
    head, *lines = shown
    body = [Line(head, "bold")]
    page = lines[view.top : view.top + view.room]
    body += [
        Line(text, "reverse" if at == view.at else "") for at, text in enumerate(page, view.top)
    ]
    place = f"{view.top + 1 if page else 0}-{view.top + len(page)} of {len(labels)}"
    search = f"  search {view.search}" if view.search else ""
    return framed(document, view, size, body, f"{title}  {place}{search}  Esc: back")


def _rate(bits_per_s: float | None) -> str:
    return "" if bits_per_s is None else bit_rate(bits_per_s)


def _address(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(map(int, parts)) if all(map(str.isdecimal, parts)) else (256, *text.encode())
