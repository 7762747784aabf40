"""Whether a stream was whole when it came in: what its own numbers say, as a row and in words."""

from __future__ import annotations

from snoop.control import carried
from snoop.control.rows import seconds
from snoop.proto.units import MILLISECOND, Instant
from snoop.table.seen import Health

KINDS = {"rtp": "RTP", "ts": "MPEG-TS", "rtp+ts": "MPEG-TS in RTP"}


def row(found: Health | None, now: Instant) -> carried.Health | None:
    """`health` of a row of `show streams`."""
    if found is None:
        return None
    return carried.Health(
        kind=found.kind,
        packets=found.packets,
        lost=found.lost,
        reordered=found.reordered,
        duplicates=found.duplicates,
        longest_gap_ms=round(found.longest_gap_ns / MILLISECOND, 1),
        continuity_errors=found.continuity_errors,
        restarts=found.restarts,
        damaged=seconds(max(0, now - found.damaged_ns)) if found.damaged_ns else None,
    )


def missing(found: carried.Health | Health) -> str:
    """What was missing of it; "": nothing."""
    words = []
    if found.lost:
        words.append(f"{found.lost} of {found.packets + found.lost} datagrams missing")
    if found.continuity_errors:
        words.append(f"{found.continuity_errors} gaps in its transport packets")
    return " and ".join(words)
