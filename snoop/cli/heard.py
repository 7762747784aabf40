"""`show witnesses` for eyes: hosts heard, queries, what ended, what was refused, and routers that
are not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from snoop.cli import human
from snoop.cli.human import age, count, plain, vlan
from snoop.cli.layout import Table, table
from snoop.control import documents
from snoop.control.witnessed import Asked, Gone, Refused, Shunned, Witness


def hosts(document: documents.Witnesses) -> Table:
    """Who was heard on which port, and whether it answers queries."""
    return table(
        ("VLAN", "Port", "Host", "MAC", "Ver", "First", "Last", "Answered", "Missed"),
        [
            (vlan(row.vlan), row.port, row.address, row.mac, f"v{row.version}",
             age(row.first_heard), age(row.last_heard), age(row.answered), _silence(row))
            for row in document.hosts
        ],
        right=("First", "Last", "Answered"),
    )  # fmt: skip


def _silence(row: Witness) -> str:
    return "left" if row.left else "moved" if row.moved else str(row.unanswered)


def beside(document: documents.Witnesses) -> Iterator[Table | str]:
    """What stands below the hosts, each part if there is any."""
    parts = {
        "Queries, and who answered:": _asked(document.asked),
        "Memberships that ended:": _gone(document.gone),
        "Joins that were refused:": refusals(document.refused),
        "Routers that are not believed:": _routers(document.routers),
    }
    for title, made in parts.items():
        if made.lines:
            yield f"\n{title}"
            yield made


def _asked(rows: Iterable[Asked]) -> Table:
    return table(
        ("VLAN", "Querier", "Port", "Ver", "Ago", "Hosts", "Answered at", "Silent"),
        [
            (vlan(row.vlan), row.address, plain(row.port), f"v{row.version}", age(row.age),
             count(row.answers), human.ports(row.answered) or human.NONE,
             "waiting" if row.left else human.ports(row.silent) or human.NONE)
            for row in rows
        ],
        right=("Ago", "Hosts"),
        fold=("Answered at", "Silent"),
    )  # fmt: skip


def _gone(rows: Iterable[Gone]) -> Table:
    return table(
        ("VLAN", "Group", "Port", "How", "Host", "MAC", "Ago", "Missed"),
        [
            (vlan(row.vlan), row.group, row.port, row.how, row.address, row.mac, age(row.age),
             plain(row.unanswered))
            for row in rows
        ],
        right=("Ago", "Missed"),
    )  # fmt: skip


def refusals(rows: Iterable[Refused], *, whose: bool = True) -> Table:
    """Joins in vain; not `whose`: of one host."""
    made = table(
        ("VLAN", "Group", "Port", "Why", "Times", "Last"),
        [
            (vlan(row.vlan), row.group, row.port, row.why, count(row.count), age(row.age))
            for row in rows
        ],
        right=("Times", "Last"),
    )  # fmt: skip
    if whose:
        made.insert("Why", "MAC", [row.mac for row in rows])
        made.insert("Why", "Host", [row.address for row in rows])
    return made


def _routers(rows: Iterable[Shunned]) -> Table:
    return table(
        ("VLAN", "Port", "Address", "Said by", "Why not", "Times", "Last"),
        [
            (vlan(row.vlan), row.port, row.address, row.origin, row.why, count(row.count),
             age(row.age))
            for row in rows
        ],
        right=("Times", "Last"),
    )  # fmt: skip
