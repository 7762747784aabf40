"""A healthy switch as `check` sees it, and what a test changes of it."""

from __future__ import annotations

from typing import Any

import msgspec

from snoop.cli.findings import Facts
from snoop.cli.summary import Everything
from snoop.config import effective, loader
from snoop.control.documents import Config, Status
from unit.shown import entry, port, querier, stream


def facts(**changes: Any) -> Facts:
    """A healthy switch: one member that gets its stream."""
    raw = {"port": [{"name": f"p{n}"} for n in range(4)], **changes.pop("raw", {})}
    rows: dict[str, Any] = {
        "ports": [port(f"p{n}") for n in range(4)],
        "queriers": [querier()],
        "mrouters": [],
        "mdb": [entry("p1")],
        "streams": [stream()],
    }
    rows |= {name: changes.pop(name) for name in rows.keys() & changes.keys()}
    status = Status(switch="sw0", version="0", pid=1, uptime=75.0, rows=1, balance={})
    values: dict[str, Any] = {
        "seen": Everything(status=status, **rows),
        "config": msgspec.convert(effective.whole(loader.check(raw, where="t")), Config),
        "fdb_entries": 4,
        "stations": {f"p{n}": 1 for n in range(4)},
        "counters": {"internal_errors": 0},
        "port_counters": {f"p{n}": {"rx_frames": 5, "ring_full": 0} for n in range(4)},
        "unbalanced": {},
        "unwanted_bits_per_s": 1e6,
        **changes,
    }
    return Facts(**values)
