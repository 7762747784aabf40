"""What the engine wants done. It returns these and does nothing itself.

The caller carries them out in the order given: `Transmit` on the wire, `GroupChanged` and
`VlanChanged` by asking the engine for the view and publishing it, `Event` to whoever watches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from snoop.proto.units import Ports
from snoop.wire.address import Address, Family


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send `frame`, complete with its tag, on every port of the set (bit `1 << port`)."""

    ports: Ports
    frame: bytes


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """The forwarding state of one group changed: ask `Engine.group_view`."""

    vid: int
    group: Address


@dataclass(frozen=True, slots=True)
class VlanChanged:
    """Router ports, the active flag or the policy of a VLAN changed: ask `Engine.vlan_view`."""

    vid: int
    family: Family


@dataclass(frozen=True, slots=True)
class Event:
    """Something an operator may want to see.

    `kind` is one of "join" "leave" "expire" "query" "mrouter" "querier" "port" "limit" "filter"
    "table_full" "warning" "config". `fields` holds JSON-ready values; addresses are text, times
    are seconds.
    """

    kind: str
    vid: int
    port: int | None
    fields: Mapping[str, object] = field(default_factory=dict)


Effect: TypeAlias = Transmit | GroupChanged | VlanChanged | Event
