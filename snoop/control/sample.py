"""What one scrape of the metrics is made of; apart, so that only a scraped switch loads more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STREAMS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """What one scrape is made of; the rows are those of `show`."""

    switch: str
    uptime: float
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    ports: list[dict[str, Any]]
    groups: dict[int, int]
    members: dict[str, int]
    mrouters: list[dict[str, Any]]
    queriers: list[dict[str, Any]]
    streams: list[dict[str, Any]]
    table_rows: int
    fdb_entries: int
