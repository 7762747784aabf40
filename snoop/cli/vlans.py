"""VLANs for eyes: a table of them, those of a port in a cell, what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from snoop.cli import human
from snoop.cli.human import NONE
from snoop.cli.layout import Table, table
from snoop.control import documents
from snoop.control.tagged import Tagging, Vlan, VlanFamily

RANGES_MAX = 4
"""Of a port that are in its cell; `show ports --json` has all of them."""
SEEN_MAX = 16
_FAMILIES = {"ipv4": "IGMP", "ipv6": "MLD"}


def of_port(tagging: Tagging | None) -> str | None:
    """10; 10,20-29 native 1; at most a few of the ranges, and how many there are."""
    if tagging is None:
        return None
    shown = tagging.tagged
    if len(shown) > RANGES_MAX:
        shown = [*shown[: RANGES_MAX - 1], "…", shown[-1]]
    text = ",".join(shown)
    if tagging.pvid is None:
        return text
    return f"{text} native {tagging.pvid}" if text else str(tagging.pvid)


def table_of(document: documents.Vlans) -> Table:
    """A row a VLAN: its ports, and what each family does there; VLANs that are alike in one."""
    runs: list[list[Vlan]] = []
    for row in document.vlans:
        if runs and _continues(runs[-1][-1], row):
            runs[-1].append(row)
        else:
            runs.append([row])
    firsts = [run[0] for run in runs]
    lines = []
    for run in runs:
        families = {one.family: one for one in run[0].families}
        vids = human.vlan(run[0].vid) if len(run) == 1 else f"{run[0].vid}-{run[-1].vid}"
        cells = (_family(families.get(family)) for family in _FAMILIES)
        lines.append((vids, *cells, str(sum(one.groups for one in run[0].families))))
    made = table(
        ("VLAN", *_FAMILIES.values(), "Groups"),
        lines,
        right=("Groups",),
        fold=tuple(_FAMILIES.values()),
    )
    made.insert("VLAN", "Ports", [_ports(row) for row in firsts])
    made.insert("VLAN", "Name", [row.name for row in firsts])
    made.notes = [] if document.filtering else [_unfiltered(document)]
    return made


def _continues(before: Vlan, row: Vlan) -> bool:
    """Is this the VLAN after that one, with nothing to tell them apart but the number?"""
    return (row.vid, row.name, before.name) == (before.vid + 1, None, None) and (
        row.ports,
        row.families,
    ) == (before.ports, before.families)


def _unfiltered(document: documents.Vlans) -> str:
    seen = ["untagged" if row.vid == 0 else str(row.vid) for row in document.vlans]
    more = f" and {len(seen) - SEEN_MAX} more" if len(seen) > SEEN_MAX else ""
    known = f"; seen so far: {', '.join(seen[:SEEN_MAX])}{more}" if seen else ""
    return (
        "this switch does not filter by VLAN ([switch] vlan_filtering): every port is in every "
        f"VLAN, and tags pass as they are{known}"
    )


def _ports(row: Vlan) -> str:
    """p1-p3 PVID; p9 tagged."""
    untagged = human.ports(one.port for one in row.ports if not one.tagged)
    tagged = human.ports(one.port for one in row.ports if one.tagged)
    marked = ((untagged, "PVID"), (tagged, "tagged"))
    return "; ".join(f"{names} {mark}" for names, mark in marked if names)


def _family(one: VlanFamily | None) -> str:
    if one is None or (one.role == "none" and not one.groups and not one.pruning):
        return NONE
    return one.role if one.pruning else f"{one.role}, floods"


def name(made: Table, document: documents.Document) -> Table:
    """Say below a table what its VLANs are called."""
    called = document.vlan_names
    if called is UNSET or "VLAN" not in made.headings:
        return made
    at = list(made.headings).index("VLAN")
    shown = dict.fromkeys(line[at] for line in made.lines)
    made.notes += _called(called, [int(vid) for vid in shown if vid.isdecimal()])
    return made


def _called(called: dict[int, str], vids: Sequence[int]) -> list[str]:
    named = [f"{vid} {called[vid]}" for vid in vids if vid in called]
    if not named:
        return []
    more = f" and {len(named) - SEEN_MAX} more: snoop show vlans" if named[SEEN_MAX:] else ""
    return [f"VLANs: {', '.join(named[:SEEN_MAX])}{more}"]
