"""The snooping table in the shape of `bridge -j -d -s mdb show`, for tools that read that; VLANs in
that of `bridge vlan show`.

As the kernel bridge: a (*, G) entry per port with its filter mode and source list, an (S, G) entry
for each source of a port, blocked if the port refuses it, and then one more, flagged, on each
EXCLUDE port of the group that does not list the source. Timers are those of the (*, G) entries; the
kernel shows none for the others. A group by its MAC address has neither mode nor sources.
`tests/netns/test_bridge_format.py` compares the two.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from snoop.cli.session import Session
from snoop.control import documents
from snoop.printable import natural

Entry = dict[str, Any]

_NAME_CHARS = 16
_ROUTER_TYPES = {"static": "permanent"}


def gather(session: Session, **filters: object) -> list[dict[str, Any]]:
    """The document of a running switch; the filters are those of `show mdb`."""
    return mdb(session.show(documents.Mdb, **filters), session.show(documents.Mrouters).mrouters)


def mdb(table: documents.Mdb, mrouters: list[documents.Mrouter]) -> list[dict[str, Any]]:
    """The document, from those of `show mdb` and `show mrouters`."""
    device = table.switch
    entries: list[Entry] = []
    for _, rows in itertools.groupby(table.mdb, key=lambda row: (row.vlan, row.group)):
        group = list(rows)
        listed: dict[str, set[str]] = {}  # Source: the ports that have it, in the table's order.
        for row in group:
            for source in row.sources:
                listed.setdefault(source.address, set()).add(row.port)
        for row in group:
            entries += _entries(device, row, listed)
    routers: dict[tuple[int, str], Entry] = {}
    for router in mrouters:
        known = routers.get((router.vlan, router.port))
        # One entry a port of a VLAN, as the kernel has it: the reason that lasts longest.
        if known is None or known["type"] != "permanent":
            routers[router.vlan, router.port] = {
                "port": router.port,
                "timer": _timer(router.timer),
                "type": _ROUTER_TYPES.get(router.origin, "temp"),
            } | ({"vid": router.vlan} if router.vlan else {})
    return [{"mdb": entries, "router": {device: list(routers.values())} if routers else {}}]


def gather_vlans(session: Session, **filters: object) -> documents.Vlans:
    """The VLANs of a running switch; the filters are those of `show vlans`."""
    return session.show(documents.Vlans, **filters)


def vlans(document: documents.Vlans) -> list[dict[str, Any]]:
    """Those of each port, as `bridge -j vlan show` has them."""
    ports: dict[str, list[dict[str, Any]]] = {}
    for row in document.vlans:
        for one in row.ports:
            own: dict[str, Any] = {"vlan": row.vid}
            flags = [*(["PVID"] * one.pvid), *([] if one.tagged else ["Egress Untagged"])]
            if flags:
                own["flags"] = flags
            ports.setdefault(one.port, []).append(own)
    return [{"ifname": name, "vlans": ports[name]} for name in sorted(ports, key=natural)]


def vlan_lines(document: documents.Vlans) -> str:
    """The same for eyes, as `bridge vlan show` prints it."""
    lines = [f"{'port':<{_NAME_CHARS}}  {'vlan-id':<9}"]
    for port in vlans(document):
        name = port["ifname"]
        for one in port["vlans"]:
            lines.append(
                " ".join([f"{name:<{_NAME_CHARS}} ", str(one["vlan"]), *one.get("flags", ())])
            )
            name = ""
    return "\n".join(lines)


def _entries(device: str, row: documents.Entry, listed: dict[str, set[str]]) -> list[Entry]:
    """Of one port; `listed` are the sources that any port of the group has, and which do."""
    static = row.origin == "static"
    include = row.filter_mode == "include"
    own = {source.address: source for source in row.sources}
    entries = []
    if not (static and include):
        entries.append(_entry(device, row, static=static))
    for source, ports in listed.items():
        if source in own:
            flags = [] if own[source].forwarding else ["blocked"]
            said = own[source].static
            entries.append(_entry(device, row, source, static=said, flags=flags))
        elif not include and row.port not in ports:
            entries.append(_entry(device, row, source, static=False, flags=["added_by_star_ex"]))
    return entries


def _entry(
    device: str,
    row: documents.Entry,
    source: str | None = None,
    *,
    static: bool,
    flags: Iterable[str] = (),
) -> Entry:
    """One entry, its fields in the order of iproute2."""
    entry: Entry = {"index": 0, "dev": device, "port": row.port, "grp": row.group}
    if source is not None:
        entry["src"] = source
    entry["state"] = "permanent" if static else "temp"
    if row.compatibility is not None:
        entry["filter_mode"] = row.filter_mode if source is None else "include"
    learned = [one for one in row.sources if one.timer is not None or not one.static]
    if source is None and learned:
        entry["source_list"] = [
            {"address": one.address, "timer": _timer(one.timer).lstrip()} for one in learned
        ]
    entry["protocol"] = "static" if static else "kernel"
    entry["flags"] = list(flags)
    if row.vlan:
        entry["vid"] = row.vlan
    entry["timer"] = _timer(row.group_timer if source is None else None)
    return entry


def _timer(seconds: float | None) -> str:
    """As iproute2 prints it: whole seconds in four columns, hundredths; 0.00 for none."""
    hundredths = round((seconds or 0.0) * 100)
    return f"{hundredths // 100:4}.{hundredths % 100:02}"
