"""What of a plane survives its process: the engine's state, and what is known beside the engine.

Ports are by name, for their numbers may be others in the next process; instants are of
CLOCK_MONOTONIC, which goes on. All of it is checked before any of it holds (`require_sense`, and
`Engine.load` its own): what comes of a file may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from snoop.fastpath import PORTS_MAX, REASONS
from snoop.proto.dumping import require, require_instants
from snoop.proto.state import EngineState
from snoop.proto.statics import StaticEntry
from snoop.proto.units import Instant
from snoop.runtime.history import History, RingState
from snoop.runtime.port import Port
from snoop.runtime.ports import Ports
from snoop.table.seen import FdbEntry
from snoop.wire.address import Address

COUNT_MAX = 1 << 63
_MAC_BYTES = 6
_NAMES_MAX = 1024


class CountedState(NamedTuple):
    """A port as the fast path has it; `ifindex` 0: no interface."""

    port: str
    ifindex: int
    counts: dict[str, int]


class FileEntryState(NamedTuple):
    """A static entry that the engine has because the file says so."""

    vid: int
    group: Address
    source: Address | None
    port: str


class KnownState(NamedTuple):
    """Where a unicast address was heard last, and when."""

    vlan: int
    mac: bytes
    port: str
    heard: Instant


class PlaneState(NamedTuple):
    """All that survives of a plane. `mac`: what our own frames come from."""

    engine: EngineState
    started: Instant
    mac: bytes
    internal_errors: int
    ports: tuple[CountedState, ...]
    gone: dict[str, int]
    statics: tuple[FileEntryState, ...]
    fdb: tuple[KnownState, ...]
    history: tuple[RingState, ...]


def require_sense(state: PlaneState, now: Instant) -> None:
    """BadState for what no plane can have."""
    require(len(state.mac) == _MAC_BYTES, "no MAC address of the switch")
    require(len(state.ports) <= PORTS_MAX, "too many ports")
    require(0 < state.started <= now, "begun later than now")
    for counts in (state.gone, *(each.counts for each in state.ports)):
        require(len(counts) <= _NAMES_MAX, "too many counters")
        require(all(0 <= value < COUNT_MAX for value in counts.values()), "a counter out of range")
    History.require_sense(state.history)
    for known in state.fdb:
        require(len(known.mac) == _MAC_BYTES and 0 <= known.vlan < 4096, "no unicast address")
        require_instants(known.heard)


def known(
    entries: Iterable[FdbEntry], names: Mapping[int, str], now: Instant
) -> Iterator[KnownState]:
    """The fast path's unicast addresses, those of ports that there are."""
    for entry in entries:
        name = names.get(entry.port)
        if name is not None:
            heard = Instant(max(0, now - entry.age_ns))
            yield KnownState(entry.vlan, entry.mac, name, heard)


def learned(state: PlaneState, ports: Mapping[str, int], now: Instant) -> list[FdbEntry]:
    """The addresses to be known at once: those of the ports named, with their numbers."""
    return [
        FdbEntry(vlan, mac, ports[port], max(0, now - heard))
        for vlan, mac, port, heard in state.fdb
        if port in ports
    ]


def replaced(state: PlaneState, ports: Iterable[Port]) -> list[Port]:
    """The ports behind whose names there is not what there was: the hosts there are others."""
    were = {each.port: each.ifindex for each in state.ports}
    return [
        port
        for port in ports
        if port.link is None or were.get(port.name, port.link.ifindex) != port.link.ifindex
    ]


def count_on(state: PlaneState, ports: Ports) -> None:
    """Have numbers go on from what they were; of names that there are no more nothing is known.

    They were read while they moved, so what frames add up to is worked out anew.
    """
    for port, ifindex, counts in state.ports:
        del ifindex
        ports.count_from(port, _settled(counts))
    ports.count_gone(_settled(state.gone))


def _settled(counts: Mapping[str, int]) -> dict[str, int]:
    total = sum(counts.get(name, 0) for name in REASONS)
    return {**counts, "rx_frames": total} if counts else {}


def file_entries(state: PlaneState, ports: Mapping[str, int]) -> set[StaticEntry]:
    """What the engine has of the file, of ports that there are."""
    return {
        StaticEntry(vid, group, source, ports[port])
        for vid, group, source, port in state.statics
        if port in ports
    }
