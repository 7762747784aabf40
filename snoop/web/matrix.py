"""Streams × ports: a row a stream, a cell a port, each cell one letter of `Cell`.

Pure: from the documents of one switch to rows. Most of a row is what is the same for all rows of
its VLAN and family; the rest follows from its own egress, members and refusals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from math import inf

from msgspec import Struct

from snoop.control import documents, witnessed
from snoop.control.tagged import vids

ROWS_MAX = 4096
STILL_MIN_SECONDS, STILL_MAX_SECONDS = 3.0, 60.0
TAGGED_HEADER_BYTES = 18
DAMAGED_SECONDS = 60.0
STILL_GAPS = 10
"""A stream has stopped when it has been silent for ten of its usual gaps, within those bounds."""


class Cell(StrEnum):
    """What one port has to do with one stream."""

    INGRESS = "i"
    MEMBER = "m"  # a host asked for it, and it is sent there
    WAITING = "w"  # a host asked for it, and there is no such stream
    MISSING = "x"  # a host asked for it, it comes in, and it cannot be or is not sent there
    OTHER = "o"  # hosts want the group from other sources
    FLOODED = "f"
    PRUNED = "p"
    REFUSED = "r"  # a host asked for it, and was refused
    STATIC = "s"
    ROUTER = "q"
    DOWN = "d"
    HELD = "h"  # part of a loop
    OUTSIDE = "-"  # not in that VLAN
    NONE = "."


WRONG = frozenset((Cell.WAITING, Cell.MISSING, Cell.REFUSED))
"""What somebody looks for who looks for trouble."""

Place = tuple[int, str]
"""VLAN and group."""


class Came(Struct, frozen=True, kw_only=True):
    """Whether a stream was whole when it came in; `recently`: something has been missing of late.

    What `health` of `show streams` counts, but for what moves with every datagram.
    """

    kind: str
    lost: int
    reordered: int
    duplicates: int
    continuity_errors: int
    restarts: int
    longest_gap_ms: float
    recently: bool


class Row(Struct, frozen=True, kw_only=True):
    """A stream as it comes in at `port`, or, `source` and `port` None, a group that was asked for.

    `state`: "running", "stopped" (`idle` seconds ago) or "none". `cells`: a letter of `Cell` for
    each port, in their order. `announced`: what a sender calls it, beside the configured `name`.
    """

    id: int
    vlan: int
    family: str
    group: str
    source: str | None
    port: str | None
    state: str
    cells: str
    name: str | None = None
    announced: str | None = None
    local: bool = False
    wrong: bool = False
    path: str | None = None
    reason: str | None = None
    ttl: int | None = None
    members: int = 0
    health: Came | None = None


@dataclass(slots=True)
class Known:
    """What the rows are made of; `mdb` by VLAN and group, then by port."""

    ports: list[documents.Port] = field(default_factory=list)
    mrouters: list[documents.Mrouter] = field(default_factory=list)
    mdb: dict[Place, dict[str, documents.Entry]] = field(default_factory=dict)
    refused: list[witnessed.Refused] = field(default_factory=list)
    streams: list[documents.Stream] = field(default_factory=list)


class Numbers:
    """A number a row, the same for as long as the row is there."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}
        self._next = 1

    def of(self, *key: object) -> int:
        """The number of a key."""
        if key not in self._known:
            self._known[key] = self._next
            self._next += 1
        return self._known[key]

    def keep(self, numbers: set[int]) -> None:
        """Forget the others."""
        self._known = {key: each for key, each in self._known.items() if each in numbers}


def by_place(entries: Iterable[documents.Entry]) -> dict[Place, dict[str, documents.Entry]]:
    """Entries of `show mdb`, by VLAN and group, then by port."""
    found: dict[Place, dict[str, documents.Entry]] = {}
    for entry in entries:
        found.setdefault((entry.vlan, entry.group), {})[entry.port] = entry
    return found


def rows(known: Known, numbers: Numbers) -> tuple[list[Row], int]:
    """The rows in the order of VLAN, group and source; how many more there are than are shown.

    Of more than ROWS_MAX, those with members stay, and the fastest.
    """
    making = _Making(known)
    streams = known.streams
    running = {(one.vlan, one.group) for one in streams}
    asked = dict.fromkeys((*known.mdb, *((one.vlan, one.group) for one in known.refused)))
    places = [place for place in asked if place not in running]
    more = max(0, len(streams) + len(places) - ROWS_MAX)
    if more:
        streams = sorted(streams, key=lambda one: (not one.registered, -one.bits_per_s))[:ROWS_MAX]
        places = places[: ROWS_MAX - len(streams)]
    made = [making.of_stream(one, numbers) for one in streams]
    made += [making.of_place(place, numbers) for place in places]
    made.sort(key=_order)
    numbers.keep({row.id for row in made})
    return made, more


def stopped(stream: documents.Stream) -> bool:
    """Has it been silent for much longer than it usually is?"""
    gap = stream.age / max(1, stream.frames - 1)
    return stream.idle > min(max(STILL_MIN_SECONDS, STILL_GAPS * gap), STILL_MAX_SECONDS)


def is_local(group: str) -> bool:
    """Is it a group that never leaves a link: 224.0.0.0/24, ff02::/16?"""
    return group.startswith("224.0.0.") or (group[:2].lower() == "ff" and group[3:4] in "12")


class _Making:
    def __init__(self, known: Known) -> None:
        self._ports = known.ports
        # Frames that the sender's kernel left whole are cut at the egress, and none is lost there.
        self._largest = {
            port.name: port.mtu + TAGGED_HEADER_BYTES
            for port in known.ports
            if port.mtu is not None and port.drops.get("tx_mtu")
        }
        self._at = {port.name: number for number, port in enumerate(known.ports)}
        self._mdb = known.mdb
        self._routers = {(row.vlan, row.family, row.port) for row in known.mrouters}
        self._refused: dict[Place, dict[str, witnessed.Refused]] = {}  # by port
        for row in known.refused:
            self._refused.setdefault((row.vlan, row.group), {})[row.port] = row
        self._plain: dict[tuple[int, str], list[str]] = {}

    def of_stream(self, stream: documents.Stream, numbers: Numbers) -> Row:
        place = (stream.vlan, stream.group)
        entries = self._mdb.get(place, {})
        still = stopped(stream)
        cells = self._base(stream.vlan, Cell.PRUNED)
        egress = set(stream.egress)
        for name in egress:
            self._put(cells, name, self._served(stream, name, entries.get(name), still))
        for name, entry in entries.items():
            if name not in egress:
                self._put(cells, name, _unserved(entry, stream.source, still))
        for name in self._refused.get(place, ()):
            if name not in entries:
                self._put(cells, name, Cell.REFUSED)
        self._put(cells, stream.port, Cell.INGRESS)
        came = _came(stream.health)
        made = "".join(cells)
        return Row(
            id=numbers.of(stream.vlan, stream.group, stream.source, stream.port),
            vlan=stream.vlan,
            family=stream.family,
            group=stream.group,
            source=stream.source,
            port=stream.port,
            state="stopped" if still else "running",
            cells=made,
            name=stream.name,
            announced=stream.announced,
            local=is_local(stream.group),
            wrong=not WRONG.isdisjoint(made) or (came is not None and came.recently),
            path=stream.path,
            reason=stream.reason,
            ttl=stream.ttl,
            members=len(entries),
            health=came,
        )

    def of_place(self, place: Place, numbers: Numbers) -> Row:
        vlan, group = place
        entries, refused = self._mdb.get(place, {}), self._refused.get(place, {})
        known: list[documents.Entry | witnessed.Refused] = [*entries.values(), *refused.values()]
        told = known[0]
        cells = self._base(vlan, Cell.NONE)
        for name in refused:
            self._put(cells, name, Cell.REFUSED)
        for name, entry in entries.items():
            self._put(cells, name, Cell.STATIC if entry.origin == "static" else Cell.WAITING)
        local = is_local(group)
        made = "".join(cells)
        return Row(
            id=numbers.of(vlan, group),
            vlan=vlan,
            family=told.family,
            group=group,
            source=None,
            port=None,
            state="none",
            cells=made,
            name=told.name,
            announced=told.announced,
            local=local,
            # Every host joins groups of its link that nobody sends to.
            wrong=not local and not WRONG.isdisjoint(made),
            members=len(entries),
        )

    def _base(self, vlan: int, cell: Cell) -> list[str]:
        """What each port has that has nothing to do with it."""
        key = vlan, cell.value
        if key not in self._plain:
            self._plain[key] = [str(_apart(port, vlan) or cell) for port in self._ports]
        return self._plain[key].copy()

    def _put(self, cells: list[str], name: str, cell: Cell) -> None:
        at = self._at.get(name)
        if at is not None and (cells[at] not in "dh-" or cell is Cell.INGRESS):
            cells[at] = cell.value

    def _served(
        self, stream: documents.Stream, name: str, entry: documents.Entry | None, still: bool
    ) -> Cell:
        if stream.frames and stream.bytes / stream.frames > self._largest.get(name, inf):
            return Cell.MISSING
        if entry is not None and entry.origin == "static":
            return Cell.STATIC
        if entry is not None and takes(entry, stream.source):
            return Cell.WAITING if still else Cell.MEMBER
        if (stream.vlan, stream.family, name) in self._routers:
            return Cell.ROUTER
        return Cell.FLOODED


def _unserved(entry: documents.Entry, source: str, still: bool) -> Cell:
    """Of a port with members to which it is not sent."""
    if not takes(entry, source):
        return Cell.OTHER
    return Cell.WAITING if still else Cell.MISSING


def _apart(port: documents.Port, vlan: int) -> Cell | None:
    """What keeps every stream of a VLAN from a port."""
    if port.vlans is not None and not vids(port.vlans) >> vlan & 1:
        return Cell.OUTSIDE
    if port.loop:
        return Cell.HELD
    return None if port.state == "up" else Cell.DOWN


def _came(found: documents.Health | None) -> Came | None:
    if found is None:
        return None
    return Came(
        kind=found.kind,
        lost=found.lost,
        reordered=found.reordered,
        duplicates=found.duplicates,
        continuity_errors=found.continuity_errors,
        restarts=found.restarts,
        longest_gap_ms=round(found.longest_gap_ms),
        recently=found.damaged is not None and found.damaged <= DAMAGED_SECONDS,
    )


def takes(entry: documents.Entry, source: str) -> bool:
    """Does this membership take what comes from that source?"""
    for one in entry.sources:
        if one.address == source:
            return one.forwarding
    return entry.filter_mode == "exclude"


def _order(row: Row) -> tuple[object, ...]:
    return row.vlan, *address_order(row.group), *address_order(row.source or ""), row.port or ""


def address_order(text: str) -> tuple[int, bytes, str]:
    """As numbers where they are addresses, IPv4 first."""
    try:
        packed = ip_address(text).packed
    except ValueError:
        return 0, b"", text
    return len(packed), packed, ""
