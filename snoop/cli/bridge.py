"""The snooping table in the shape of `bridge -j -d -s mdb show`, for tools that read that.

As the kernel bridge: a (*, G) entry per port with its filter mode and source list, an (S, G) entry
for each source of an INCLUDE port, and a blocked one for each source an EXCLUDE port refuses.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

_ROUTER_TYPES = {"static": "permanent"}


def mdb(table: dict[str, Any], mrouters: dict[str, Any]) -> list[dict[str, Any]]:
    """The document, from those of `show mdb` and `show mrouters`."""
    device = table["switch"]
    entries: list[Row] = []
    for row in table["mdb"]:
        entries += _entries(device, row)
    routers: dict[str, Row] = {}
    for row in mrouters["mrouters"]:
        known = routers.get(row["port"])
        # One entry a port, as the kernel has it: the reason that lasts longest.
        if known is None or known["type"] != "permanent":
            routers[row["port"]] = {
                "port": row["port"],
                "timer": _timer(row["timer"]),
                "type": _ROUTER_TYPES.get(row["origin"], "temp"),
            }
    return [{"mdb": entries, "router": {device: list(routers.values())} if routers else {}}]


def _entries(device: str, row: Row) -> list[Row]:
    static = row["origin"] == "static"
    head = {"index": 0, "dev": device, "port": row["port"], "grp": row["group"]}
    tail: Row = {
        "state": "permanent" if static else "temp",
        "filter_mode": row["filter_mode"],
        "protocol": "static" if static else "kernel",
        "flags": [],
    }
    vlan = {"vid": row["vlan"]} if row["vlan"] else {}
    include = row["filter_mode"] == "include"
    whole = {**head, **tail, **vlan, "timer": _timer(row["group_timer"])}
    if row["sources"]:
        whole["source_list"] = [
            {"address": source["address"], "timer": _timer(source["timer"])}
            for source in row["sources"]
        ]
    entries = [] if static and include else [whole]
    for source in row["sources"]:
        if include or not source["forwarding"]:
            entries.append(
                {
                    **head,
                    "src": source["address"],
                    **tail,
                    "filter_mode": "include",
                    "flags": [] if source["forwarding"] else ["blocked"],
                    **vlan,
                    "timer": _timer(source["timer"]),
                }
            )
    return entries


def _timer(seconds: float | None) -> str:
    """As iproute2 prints it: whole seconds in four columns, hundredths; 0.00 for none."""
    hundredths = round((seconds or 0.0) * 100)
    return f"{hundredths // 100:4}.{hundredths % 100:02}"
