"""What of a plane survives its process: the engine's state, and what is known beside the engine.

Ports are by name, for their numbers may be others in the next process; instants are of
CLOCK_MONOTONIC, which goes on. All of it is checked before any of it holds (`require_sense`, and
`Engine.load` its own): what comes of a file may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from snoop.fastpath import PORTS_MAX, REASONS
from snoop.proto.announced import Announced, SessionState
from snoop.proto.dumping import require, require_instants
from snoop.proto.engine import Engine
from snoop.proto.loops import Held
from snoop.proto.state import EngineState
from snoop.proto.statics import StaticEntry
from snoop.proto.units import Instant
from snoop.proto.vlans import PortVlans
from snoop.runtime.history import History, RingState
from snoop.runtime.port import Port
from snoop.runtime.ports import OUTSIDE, Ports
from snoop.table.seen import FdbEntry
from snoop.wire.address import Address

COUNT_MAX = 1 << 63
_MAC_BYTES = 6
_NAMES_MAX = 1024


class CountedState(NamedTuple):
    """A port as the fast path has it; `ifindex` 0: no interface. `vlans`: those that it is in,
    `outside` what it had refused when it came into them.
    """

    port: str
    ifindex: int
    counts: dict[str, int]
    vlans: str = ""
    outside: int = 0


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


class HeldState(NamedTuple):
    """A port that the loop guard holds, the port by which its loop goes on, and the VLAN."""

    port: str
    by: str
    vid: int


class OwnState(NamedTuple):
    """The plane's own; `mac` is what our frames come from."""

    started: Instant
    mac: bytes
    internal_errors: int


class PlaneState(NamedTuple):
    """All that survives of a plane."""

    engine: EngineState
    own: OwnState
    ports: tuple[CountedState, ...]
    gone: dict[str, int]
    statics: tuple[FileEntryState, ...]
    fdb: tuple[KnownState, ...]
    history: tuple[RingState, ...]
    held: tuple[HeldState, ...] = ()
    announced: tuple[SessionState, ...] = ()


class PortsNow(NamedTuple):
    """The ports as they are now, for `dump` later."""

    names: dict[int, str]
    counted: tuple[CountedState, ...]
    gone: dict[str, int]
    held: tuple[HeldState, ...]


def ports_now(ports: Ports, held: Mapping[int, Held]) -> PortsNow:
    """Names and numbers: this asks the fast path. `held`: the ports that the loop guard holds."""
    counted = tuple(
        CountedState(
            port.name,
            0 if port.link is None else port.link.ifindex,
            counts := {name: count for name, count in ports.counters(port).items() if count > 0},
            _spelled(ports.vlans(port)),
            counts.get(OUTSIDE, 0) if port.outside is None else port.outside,
        )
        for port in ports
    )
    names = {port.id: port.name for port in ports}
    cut = tuple(HeldState(names[port], names[by], vid) for port, (by, vid, _) in held.items())
    return PortsNow(names, counted, ports.gone, cut)


def dump(
    engine: Engine,
    history: History,
    announced: Announced,
    own: OwnState,
    ports: PortsNow,
    statics: Iterable[StaticEntry],
    fdb: Iterable[FdbEntry],
    now: Instant,
) -> PlaneState:
    """All that survives, of `now`; in the process that has it, or in a copy of that."""
    names = ports.names
    return PlaneState(
        engine=engine.dump(now),
        own=own,
        ports=ports.counted,
        gone=ports.gone,
        statics=tuple(
            FileEntryState(vid, group, source, names[port]) for vid, group, source, port in statics
        ),
        fdb=tuple(
            KnownState(one.vlan, one.mac, names[one.port], Instant(max(0, now - one.age_ns)))
            for one in fdb
            if one.port in names
        ),
        history=history.dump(),
        held=ports.held,
        announced=announced.dump(names),
    )


def require_sense(state: PlaneState, now: Instant) -> None:
    """BadState for what no plane can have."""
    require(len(state.own.mac) == _MAC_BYTES, "no MAC address of the switch")
    require(len(state.ports) <= PORTS_MAX, "too many ports")
    require(0 < state.own.started <= now, "begun later than now")
    require(0 <= state.own.internal_errors < COUNT_MAX, "a counter out of range")
    for each in state.ports:
        require(0 <= each.outside < COUNT_MAX, "a counter out of range")
    for counts in (state.gone, *(each.counts for each in state.ports)):
        require(len(counts) <= _NAMES_MAX, "too many counters")
        require(all(0 <= value < COUNT_MAX for value in counts.values()), "a counter out of range")
    History.require_sense(state.history)
    Announced.require_sense(state.announced, now)
    require(len(state.held) <= PORTS_MAX, "too many ports that are held")
    require(all(0 <= each.vid < 4096 for each in state.held), "held in no VLAN")
    for known in state.fdb:
        require(len(known.mac) == _MAC_BYTES and 0 <= known.vlan < 4096, "no unicast address")
        require_instants(known.heard)


def same(state: PlaneState, ports: Iterable[Port]) -> list[Port]:
    """The ports that are up and behind whose names there is what there was; else the hosts there
    are others, or gone.
    """
    were = {each.port: each.ifindex for each in state.ports}
    return [
        port
        for port in ports
        if port.told_up and port.link is not None and were.get(port.name) == port.link.ifindex
    ]


def learned(state: PlaneState, there: Ports, same: Iterable[Port], now: Instant) -> list[FdbEntry]:
    """The addresses to be known at once: of these ports, those that are in the VLANs they were."""
    were = {each.port: each.vlans for each in state.ports}
    ports = {
        port.name: port.id for port in same if _spelled(there.vlans(port)) == were.get(port.name)
    }
    return [
        FdbEntry(vlan, mac, ports[port], max(0, now - heard))
        for vlan, mac, port, heard in state.fdb
        if port in ports
    ]


def held(state: PlaneState, ports: Iterable[Port], now: Instant) -> dict[int, Held]:
    """The ports that were held, of those that there are; whether the loop is still there is for
    the probes to say.
    """
    numbers = {port.name: port.id for port in ports}
    return {
        numbers[port]: Held(numbers[by], vid, now)
        for port, by, vid in state.held
        if port in numbers and by in numbers
    }


def count_on(state: PlaneState, ports: Ports) -> None:
    """Have numbers go on from what they were; of names that there are no more nothing is known.

    They were read while they moved, so what frames add up to is worked out anew.
    """
    for each in state.ports:
        ports.count_from(each.port, _settled(each.counts))
        port = ports.find(each.port)
        if port is not None:
            same = _spelled(ports.vlans(port)) == each.vlans
            port.outside = each.outside if same else None
    ports.count_gone(_settled(state.gone))


def _spelled(vlans: PortVlans | None) -> str:
    return "" if vlans is None else f"{vlans.pvid} {vlans.tagged:x}"


def _settled(counts: Mapping[str, int]) -> dict[str, int]:
    total = sum(counts.get(name, 0) for name in REASONS)
    return {**counts, "rx_frames": total} if counts else {}


def file_entries(state: PlaneState, ports: Iterable[Port]) -> set[StaticEntry]:
    """What the engine has of the file, of ports that there are."""
    numbers = {port.name: port.id for port in ports}
    return {
        StaticEntry(vid, group, source, numbers[port])
        for vid, group, source, port in state.statics
        if port in numbers
    }
