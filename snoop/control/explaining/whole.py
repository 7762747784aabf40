"""What `explain` says of a stream by its own numbers: lost before the switch, in it, or behind."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.control import arrived
from snoop.control.arrived import KINDS
from snoop.control.explaining import ways
from snoop.control.explaining.case import Case, ago, listed
from snoop.proto.units import SECOND, Duration
from snoop.runtime import clock
from snoop.table.seen import Health

_PAUSE_NS = SECOND


def notes(case: Case) -> Iterator[str]:
    """Of a stream whose health is known."""
    found = None if case.live is None else case.live.health
    if found is None:
        return
    port, kind = case.ingress.name, KINDS[found.kind]
    what = arrived.missing(found)
    if what:
        last = ago(Duration(max(0, clock.now() - found.damaged_ns)))
        yield (
            f"it came in at {port} with {what} ({kind}), the last {last}: that was lost before the "
            "switch"
        )
    else:
        yield f"it came in whole at {port}, {found.packets} datagrams of {kind}: {_behind(case)}"
    yield from _interrupted(found)


def _behind(case: Case) -> str:
    """Where a receiver's losses are to be looked for."""
    lost = ways.lost(case)
    if not lost:
        return "what a receiver misses was lost behind the switch"
    at = listed([*lost])
    return (
        f"what a receiver misses was lost behind the switch, or is among the {sum(lost.values())} "
        f"frames that the switch itself has lost at {at}"
    )


def _interrupted(found: Health) -> Iterator[str]:
    pause = f"the longest pause between two datagrams was {found.longest_gap_ns / SECOND:.1f} s"
    if found.restarts:
        times = "once" if found.restarts == 1 else f"{found.restarts} times"
        yield (
            f"its numbers went on far away {times}: its sender began anew, or more than 3000 "
            f"datagrams in a row were lost before the switch; {pause}"
        )
    elif found.longest_gap_ns >= _PAUSE_NS:
        yield pause
