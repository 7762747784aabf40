"""`show` for eyes: the document of each noun as a table that fits 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import UNSET

from snoop.cli import heard, human, vlans
from snoop.cli.human import NONE, age, bit_rate, count, many, plain, vlan
from snoop.cli.layout import Table, table
from snoop.control import documents
from snoop.control.counters import REFUSED
from snoop.printable import natural

Document = TypeVar("Document", bound=documents.Document)


class Noun(NamedTuple, Generic[Document]):
    """A document of `show`, how it is drawn, and what is said if there is nothing in it."""

    kind: type[Document]
    table: Callable[[Document], Table]
    empty: str = ""


def mdb(document: documents.Mdb) -> Table:
    lines = []
    groups: dict[tuple[int, str], int] = {}
    for row in document.mdb:
        groups.setdefault((row.vlan, row.group), len(groups))
    rows = sorted(document.mdb, key=lambda row: (groups[row.vlan, row.group], natural(row.port)))
    for row in rows:
        blocked = [s.address for s in row.sources if not s.forwarding]
        wanted = [s.address for s in row.sources if s.forwarding]
        if row.filter_mode == "exclude":
            sources = f"all but {plain(blocked)}" if blocked else "any"
            left = row.group_timer
        else:
            sources = plain(wanted)
            timers = [s.timer for s in row.sources if s.timer is not None]
            left = max(timers, default=None)
        lines.append(
            (
                vlan(row.vlan),
                row.group,
                row.port,
                sources,
                "static" if row.origin == "static" else age(left),
                _version(row.compatibility),
                plain(row.last_reporter),
            )
        )
    return table(
        ("VLAN", "Group", "Port", "Sources", "Left", "Ver", "Last reporter"),
        lines,
        right=("Left",),
        fold=("Sources",),
    ).insert("Group", "Name", [human.named(row) for row in rows])


def mrouters(document: documents.Mrouters) -> Table:
    return table(
        ("VLAN", "Port", "Because of", "Address", "Left", "Up"),
        [
            (
                vlan(row.vlan),
                row.port,
                row.origin,
                plain(row.address),
                age(row.timer),
                age(row.uptime),
            )
            for row in document.mrouters
        ],
        right=("Left", "Up"),
    ).insert("VLAN", "IP", _families(document.mrouters))


def _families(rows: Sequence[documents.Querier | documents.Mrouter]) -> list[str | None]:
    """A column for those that are not told apart by a group."""
    both = any(row.family == "ipv6" for row in rows)
    return [human.FAMILIES[row.family] if both else None for row in rows]


def querier(document: documents.Queriers) -> Table:
    return table(
        ("VLAN", "Role", "Querier", "Port", "Ver", "Every", "Answer", "RV", "Prunes", "Left", "Up"),
        [
            (
                vlan(row.vlan),
                row.role,
                plain(row.address),
                plain(row.port),
                f"v{row.version}" if row.address is not None else NONE,
                age(row.query_interval),
                age(row.query_response_interval),
                str(row.robustness),
                "yes" if row.pruning else "not yet",
                age(row.timer),
                age(row.uptime),
            )
            for row in document.queriers
        ],
        right=("Every", "Answer", "RV", "Left", "Up"),
    ).insert("VLAN", "IP", _families(document.queriers))


def ports(document: documents.Ports) -> Table:
    made = table(
        ("Port", "State", "Mrouter", "Leave", "Rx", "Rx bytes", "Tx", "Tx bytes", "Lost", "Pruned"),
        [
            (
                row.name,
                row.stands,
                row.mrouter,
                row.fast_leave,
                count(row.rx_frames),
                count(row.rx_bytes),
                count(row.tx_frames),
                count(row.tx_bytes),
                count(row.lost),
                count(row.pruned),
            )
            for row in document.ports
        ],
        right=("Rx", "Rx bytes", "Tx", "Tx bytes", "Lost", "Pruned"),
    ).insert("State", "VLANs", [vlans.of_port(row.vlans) for row in document.ports])
    made.insert("Port", "Description", [row.description for row in document.ports])
    problems = [f"{row.name}: {row.problem}" for row in document.ports if row.problem]
    reasons: dict[str, list[str]] = {}
    for row in document.ports:
        if not row.takes_runs and row.state != "missing":
            reasons.setdefault(row.takes_runs_because, []).append(row.name)
    lone = [f"no runs to {human.ports(names)}: {because}" for because, names in reasons.items()]
    refused = [
        f"{row.name}: {row.refused} refused ({_refused(row)})"
        for row in document.ports
        if row.refused
    ]
    own = [f"the host's own: {row.name}" for row in document.ports if row.kind == "host"]
    direct = human.ports(row.name for row in document.ports if row.direct)
    made.notes = (
        own
        + problems
        + refused
        + lone
        + ([f"can be handed frames directly: {direct}"] if direct else [])
    )
    return made


def _refused(row: documents.Port) -> str:
    return ", ".join(f"{name} {number}" for name, number in row.drops.items() if name in REFUSED)


def counters(document: documents.Counters) -> Table:
    names = list(document.ports)
    lines = [
        (name, count(total), *(count(document.ports[port].get(name, 0)) for port in names))
        for name, total in document.counters.items()
        if total
    ]
    if len(names) > 6:  # More columns than 80 characters hold: the switch alone.
        return table(("Counter", "Switch"), [line[:2] for line in lines], right=("Switch",))
    return table(("Counter", "Switch", *names), lines, right=("Switch", *names))


def fdb(document: documents.Fdb) -> Table:
    return table(
        ("VLAN", "Address", "Port", "Age", "Claimed by"),
        [
            (
                vlan(r.vlan),
                r.mac,
                r.port + (" (sticky)" if r.sticky else ""),
                age(r.age),
                r.rival or "",
            )
            for r in document.fdb
        ],
        right=("Age",),
    )


def hosts(document: documents.Hosts) -> Table:
    return table(
        ("VLAN", "Group", "Port", "Host", "Mode", "Sources", "Left"),
        [
            (
                vlan(row.vlan),
                row.group,
                row.port,
                row.address,
                row.filter_mode,
                plain(row.sources),
                age(row.timer),
            )
            for row in document.hosts
        ],
        right=("Left",),
        fold=("Sources",),
    ).insert("Group", "Name", [human.named(row) for row in document.hosts])


def count_of(document: documents.Count) -> str:
    """12 entries, 5 groups, 1 port; of events: 3 events, 2 join, 1 leave."""

    def one_of(names: str) -> str:
        return f"{names[:-3]}y" if names.endswith("ies") else names.removesuffix("s")

    return ", ".join(many(number, one_of(names), names) for names, number in document.count.items())


def describe(made: Table, document: documents.Document) -> Table:
    """Put what ports are called beside them, or below where they have no column of their own."""
    called = document.descriptions
    if called is UNSET:
        return made
    if "Port" in made.headings:
        at = list(made.headings).index("Port")
        ports = [line[at].split(" ")[0] for line in made.lines]
        return made.insert("Port", "Description", [called.get(port) for port in ports])
    if isinstance(document, documents.Counters):
        shown = set(document.ports) & set(made.headings)
    elif isinstance(document, documents.Streams):
        shown = {port for row in document.streams for port in (row.port, *row.egress)}
    else:
        return made
    said = [f"{port}: {called[port]}" for port in sorted(shown & called.keys(), key=natural)]
    made.notes += [", ".join(said)] if said else []
    return made


def beside(document: documents.Document) -> Iterator[Table | str]:
    """Below the table: what a host sends, and what it was refused; what else was witnessed."""
    if isinstance(document, documents.Witnesses):
        yield from heard.beside(document)
    if not isinstance(document, documents.Hosts) or document.sends is UNSET:
        return
    if document.sends:
        yield "\nIt sends:"
        yield streams(documents.Streams(streams=document.sends))
    elif document.sends is None:
        yield "what it sends is not known by its MAC: ask by its address"
    else:
        yield "it sends nothing"
    if document.refused:
        yield "\nIt was refused:"
        yield heard.refusals(document.refused, whose=False)


def streams(document: documents.Streams) -> Table:
    made = table(
        ("VLAN", "Group", "Source", "From", "Rate", "Frames/s", "Idle", "To"),
        [
            (
                vlan(row.vlan),
                row.group,
                row.source,
                row.port,
                bit_rate(row.bits_per_s),
                count(round(row.frames_per_s)),
                age(row.idle),
                f"{human.ports(row.egress) or NONE} {_mark(row)}".rstrip(),
            )
            for row in document.streams
        ],
        right=("Rate", "Frames/s", "Idle"),
        fold=("To",),
    ).insert("Group", "Name", [human.named(row) for row in document.streams])
    made.insert("Idle", "Came in", [came_in(row.health) for row in document.streams])
    served = any(row.path == "kernel" for row in document.streams)
    return made.insert("Idle", "By", [row.path if served else None for row in document.streams])


def came_in(health: documents.Health | None) -> str | None:
    """What its own numbers say of it; None: nothing."""
    if health is None:
        return None
    words = [
        f"{count(number)} {what}"
        for number, what in (
            (health.lost, "lost"),
            (health.continuity_errors, "errors"),
            (health.reordered, "late"),
            (health.duplicates, "twice"),
            (health.restarts, "anew"),
        )
        if number
    ]
    return f"{health.kind} {', '.join(words) or 'whole'}"


def note(document: documents.Document) -> list[str]:
    """Lines below the table: why streams go further than their members."""
    if not isinstance(document, documents.Streams):
        return []
    marks = {_mark(row) for row in document.streams}
    return [f"{mark} {why}" for mark, why in (*_FLOODS.values(), _UNREGISTERED) if mark in marks]


_FLOODS = {
    "flood_no_querier": ("~", "no querier is known, or snooping is off: nothing is pruned"),
    "flood_always": ("+", "in [switch] always_flood: goes to every port, whoever has joined"),
    "flood_link_local": ("#", "224.0.0.0/24 goes to every port, whoever has joined"),
    "flood_ipv6_link_local": ("#", "groups that IPv6 itself needs go to every port"),
    "flood_ipv6_multicast": ("=", "MLD is not snooped: IPv6 multicast goes to every port"),
}
_UNREGISTERED = ("*", "nobody has joined this group: it goes where unregistered groups go")


def _mark(row: documents.Stream) -> str:
    """The mark behind the ports that a stream goes to, or ""."""
    mark, _ = _FLOODS.get(row.reason, _UNREGISTERED)
    return mark if row.reason in _FLOODS or not row.registered else ""


def config(document: Mapping[str, Any]) -> str:
    """Every key, whatever the switch has; then, as comments, what is not of the file, and what it
    has not become yet.
    """
    from snoop.config import toml

    shown = {name: table for name, table in document.items() if name not in ("origins", "pending")}
    text = "\n".join(toml.lines(shown)).strip()
    for key, origin in document.get("origins", {}).items():
        text += f"\n# by a command: {key}" if origin == "command" else ""
    for key, value in document.get("pending", {}).items():
        text += f"\n# waits for a restart: {key} = {toml.value(value)}"
    return text


def _version(compatibility: str | None) -> str:
    if compatibility is None:
        return NONE
    return compatibility.removeprefix("igmp").removeprefix("mld")


NOUNS: dict[str, Noun[Any]] = {
    "mdb": Noun(documents.Mdb, mdb, "no groups: no host has joined one"),
    "mrouters": Noun(
        documents.Mrouters,
        mrouters,
        "no router ports: no querier or router heard, none configured",
    ),
    "querier": Noun(documents.Queriers, querier, "no vlan has any state yet"),
    "ports": Noun(documents.Ports, ports),
    "counters": Noun(documents.Counters, counters),
    "vlans": Noun(documents.Vlans, vlans.table_of, "no VLAN has a port"),
    "fdb": Noun(documents.Fdb, fdb, "no addresses learned"),
    "hosts": Noun(documents.Hosts, hosts, "no hosts tracked"),
    "streams": Noun(documents.Streams, streams, "no multicast seen"),
    "witnesses": Noun(documents.Witnesses, heard.hosts, "no host has been heard"),
}
