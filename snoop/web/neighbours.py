"""Which switches of this machine are linked, and by which ports: from their address tables.

Pure. A port of A leads to B if it has heard an interface of B. And a station that both know sits
behind the port of one that leads to the other: where all that A and B both know agrees on one pair
of ports, they are linked by it, be it through something that has no address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from snoop.control import documents

Key = tuple[int, str]
"""VLAN and MAC address."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a switch knows: its own interfaces' addresses by port, where it has heard which."""

    own: Mapping[str, str]
    stations: Mapping[Key, str]
    macs: frozenset[str] = field(default_factory=frozenset)


class Link(Struct, frozen=True, kw_only=True):
    """Two ports of two switches; `sure`: one has heard the other's own address there."""

    switch: str
    port: str
    other: str
    other_port: str | None
    sure: bool


def seen(ports: bytes, fdb: bytes) -> Seen:
    """Of `show ports` and `show fdb` as they were answered; msgspec.DecodeError."""
    own = {
        port.mac: port.name
        for port in msgspec.json.decode(ports, type=documents.Ports).ports
        if port.mac is not None
    }
    rows = msgspec.json.decode(fdb, type=documents.Fdb).fdb
    return Seen(own, {(row.vlan, row.mac): row.port for row in rows}, frozenset(own))


def links(known: Mapping[str, Seen]) -> list[Link]:
    """All of them, each once."""
    names = sorted(known)
    found = []
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            found += _between(name, known[name], other, known[other])
    return found


def _between(name: str, a: Seen, other: str, b: Seen) -> list[Link]:
    there = _heard(a, b)  # ports of A that have heard B
    here = _heard(b, a)
    if there and here and len(there) == len(here) == 1:
        return [_link(name, there.pop(), other, here.pop(), sure=True)]
    pairs: Counter[tuple[str, str]] = Counter()
    for key in a.stations.keys() & b.stations.keys():
        if key[1] not in a.macs | b.macs:
            pairs[a.stations[key], b.stations[key]] += 1
    agreed = [
        (port, end)
        for port in there or {pair[0] for pair in pairs}
        for end in here or {pair[1] for pair in pairs}
        if _votes(pairs, port, end)
    ]
    if len(agreed) == 1:  # of several, each may be it
        (port, end), sure = agreed[0], bool(there or here)
        return [_link(name, port, other, end, sure=sure)]
    if there:
        return [_link(name, sorted(there)[0], other, None, sure=True)]
    return [_link(other, sorted(here)[0], name, None, sure=True)] if here else []


def _link(switch: str, port: str, other: str, end: str | None, *, sure: bool) -> Link:
    return Link(switch=switch, port=port, other=other, other_port=end, sure=sure)


def _heard(one: Seen, other: Seen) -> set[str]:
    """Its ports where it has heard an interface of the other."""
    return {port for (_, mac), port in one.stations.items() if mac in other.own}


def _votes(pairs: Counter[tuple[str, str]], port: str, end: str) -> int:
    """Stations that sit where they must if `port` and `end` are linked, unless one sits elsewhere.

    On B's side it is behind `port` and not behind `end`, on A's side the other way round.
    """
    agreed = 0
    for (at, bt), count in pairs.items():
        if (at == port) == (bt == end):
            return 0
        agreed += count
    return agreed
