"""What one screen says of a whole switch: for `snoop show` and `snoop watch`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from msgspec import UNSET

from snoop.cli.human import count, named
from snoop.control import documents

Document = TypeVar("Document", bound=documents.Document)
GroupKey = tuple[int, str]
"""VLAN and group."""


@dataclass(frozen=True, slots=True)
class Everything:
    """The state of a switch."""

    status: documents.Status
    ports: list[documents.Port]
    queriers: list[documents.Querier]
    mrouters: list[documents.Mrouter]
    mdb: list[documents.Entry]
    streams: list[documents.Stream]
    vlan_names: dict[int, str] = field(default_factory=dict)
    no_ports: dict[str, str] = field(default_factory=dict)
    """Interfaces that a pattern matches and that cannot be ports, and why."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over everything."""

    ports_up: int
    ports: int
    groups: int
    streams: int
    in_kernel: int
    bits_per_s: float
    lost: int
    pruned: int
    refused: int


class Asked(Protocol):
    """A session or a client."""

    def show(self, kind: type[Document], **filters: object) -> Document:
        """The state that a document of `show` holds."""


def gather(asked: Asked) -> Everything:
    """The state as the `show` commands give it."""
    status, ports = asked.show(documents.Status), asked.show(documents.Ports)
    queriers, mrouters = asked.show(documents.Queriers), asked.show(documents.Mrouters)
    # Streams before members: a member that joins in between is not missing anything.
    streams = asked.show(documents.Streams).streams
    named = queriers.vlan_names
    return Everything(
        status=status,
        ports=ports.ports,
        no_ports=ports.refused,
        queriers=queriers.queriers,
        mrouters=mrouters.mrouters,
        streams=streams,
        mdb=asked.show(documents.Mdb).mdb,
        vlan_names={} if named is UNSET else named,
    )


def totals(document: Everything) -> Totals:
    """How much there is of everything."""
    ports, streams = document.ports, document.streams
    return Totals(
        ports_up=sum(port.stands == "up" for port in ports),
        ports=len(ports),
        groups=len(members(document)),
        streams=len(streams),
        in_kernel=sum(stream.path == "kernel" for stream in streams),
        bits_per_s=sum(stream.bits_per_s for stream in streams),
        lost=sum(port.lost for port in ports),
        pruned=sum(port.pruned for port in ports),
        refused=sum(port.refused for port in ports),
    )


def dropped(sums: Totals) -> str:
    """What was not delivered, in words."""
    refused = f", {count(sums.refused)} refused" if sums.refused else ""
    return f"{count(sums.lost)} lost, {count(sums.pruned)} pruned{refused}"


def in_kernel(sums: Totals) -> str:
    """How many of the streams the kernel serves, in words; "" if none."""
    return f"{sums.in_kernel} of {sums.streams} in the kernel" if sums.in_kernel else ""


def members(document: Everything) -> dict[GroupKey, set[str]]:
    """The ports that want each group."""
    found: dict[GroupKey, set[str]] = {}
    for row in document.mdb:
        found.setdefault((row.vlan, row.group), set()).add(row.port)
    return found


def names(document: Everything) -> dict[str, str]:
    """What people call groups and ports, of those that have a name; what senders do, in quotes."""
    called: dict[str, str] = {}
    rows: list[documents.Entry | documents.Stream] = [*document.mdb, *document.streams]
    for row in rows:
        name = named(row)
        if name is not None and (row.name or row.group not in called):
            called[row.group] = name
    return called | {port.name: port.description for port in document.ports if port.description}


def streams(document: Everything) -> dict[GroupKey, list[documents.Stream]]:
    """The streams of each group."""
    found: dict[GroupKey, list[documents.Stream]] = {}
    for row in document.streams:
        found.setdefault((row.vlan, row.group), []).append(row)
    return found
