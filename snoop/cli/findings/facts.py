"""What a search reads, what it yields, and the words they share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Row = dict[str, Any]

NEAR_LIMIT = 0.9


@dataclass(frozen=True, slots=True)
class Finding:
    """`severity`: "problem" or "note"; `subject`: a port, a group, a VLAN or the switch."""

    severity: str
    subject: str
    finding: str
    do: str


@dataclass(frozen=True)
class Facts:
    """What the `show` commands answered. `unbalanced`: rx_frames less verdicts, by port."""

    config: dict[str, Any]
    ports: list[Row]
    queriers: list[Row]
    mrouters: list[Row]
    mdb: list[Row]
    streams: list[Row]
    fdb_entries: int
    stations: dict[str, int]  # Unicast addresses behind each port.
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    unbalanced: dict[str, int]
    unwanted_bits_per_s: float
    refused_per_s: dict[str, float] = field(default_factory=dict)
    """Control frames over `igmp_rate`, now, of the ports that send such."""
    disputed: list[Row] = field(default_factory=list)  # Unicast addresses claimed in vain.

    @cached_property
    def members(self) -> dict[int, list[Row]]:
        """The learned rows of the mdb by VLAN: a flood makes many of both."""
        rows: dict[int, list[Row]] = defaultdict(list)
        for row in self.mdb:
            if row["origin"] == "dynamic":
                rows[row["vlan"]].append(row)
        return rows

    @cached_property
    def routers(self) -> dict[int, list[Row]]:
        """The router records by VLAN."""
        rows: dict[int, list[Row]] = defaultdict(list)
        for row in self.mrouters:
            rows[row["vlan"]].append(row)
        return rows

    @cached_property
    def groups(self) -> dict[tuple[int, str], list[Row]]:
        """The rows of the mdb by VLAN and group."""
        rows: dict[tuple[int, str], list[Row]] = defaultdict(list)
        for row in self.mdb:
            rows[row["vlan"], row["group"]].append(row)
        return rows


def problem(subject: str, finding: str, do: str) -> Finding:
    return Finding("problem", subject, finding, do)


def note(subject: str, finding: str, do: str) -> Finding:
    return Finding("note", subject, finding, do)


def many(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def vlan(vid: int) -> str:
    return f"vlan {vid}" if vid else "switch"


def igmp(facts: Facts, vid: int) -> Row:
    """The settings of a VLAN: its own [[vlan]], or [igmp]."""
    own = (vlan for vlan in facts.config["vlan"] if vlan["vid"] == vid)
    found: Row = next(own, facts.config["igmp"])
    return found


def is_up(facts: Facts, port: str) -> bool:
    return any(one["name"] == port and one["state"] == "up" for one in facts.ports)
