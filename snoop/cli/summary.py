"""What one screen says of a whole switch: for `snoop show` and `snoop watch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GroupKey = tuple[int, str]
"""VLAN and group."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the document of `gather`."""

    ports_up: int
    ports: int
    groups: int
    streams: int
    bits_per_s: float
    drops: int


def gather(call: Callable[..., Any]) -> dict[str, Any]:
    """The state as the `show` commands give it; `call` asks the switch."""
    document: dict[str, Any] = {"status": call("show", what="status")}
    for what in ("ports", "querier", "mrouters", "mdb", "streams"):
        document |= call("show", what=what)
    return document


def totals(document: dict[str, Any]) -> Totals:
    """How much there is of everything."""
    ports, streams = document["ports"], document["streams"]
    return Totals(
        ports_up=sum(port["state"] == "up" for port in ports),
        ports=len(ports),
        groups=len(members(document)),
        streams=len(streams),
        bits_per_s=sum(stream["bits_per_s"] for stream in streams),
        drops=sum(sum(port["drops"].values()) for port in ports),
    )


def members(document: dict[str, Any]) -> dict[GroupKey, set[str]]:
    """The ports that want each group."""
    found: dict[GroupKey, set[str]] = {}
    for row in document["mdb"]:
        found.setdefault((row["vlan"], row["group"]), set()).add(row["port"])
    return found


def streams(document: dict[str, Any]) -> dict[GroupKey, list[dict[str, Any]]]:
    """The streams of each group."""
    found: dict[GroupKey, list[dict[str, Any]]] = {}
    for row in document["streams"]:
        found.setdefault((row["vlan"], row["group"]), []).append(row)
    return found
