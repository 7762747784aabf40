"""What one scrape of the metrics is made of; apart, so that only a scraped switch loads more."""

from __future__ import annotations

from dataclasses import dataclass, field

from snoop.control import documents

STREAMS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """What one scrape is made of; the rows are those of `show`."""

    switch: str
    uptime: float
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    ports: list[documents.Port]
    groups: dict[tuple[int, str], int]
    members: dict[str, int]
    mrouters: list[documents.Mrouter]
    queriers: list[documents.Querier]
    streams: list[documents.Stream]
    table_rows: int
    fdb_entries: int
    vlan_names: dict[int, str] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)
    """How many streams each serves."""
