"""What the engine wants done. It returns these and does nothing itself.

The caller carries them out in the order given: `Transmit` on the wire, `GroupChanged` and
`VlanChanged` by asking the engine for the view and publishing it, `Event` to whoever watches.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from snoop.proto.units import Instant, Ports
from snoop.wire.address import Address, Family

_PCP_CONTROL: Final = 6


class Frame(NamedTuple):
    """A frame without its 802.1Q tag, its VLAN, and the TCI of the tag it has; None: it has none.

    A named tuple for the cost, like those of `wire.headers`.
    """

    data: bytes
    vid: int
    tci: int | None


def own_frame(vid: int, data: bytes) -> Frame:
    """A frame that the switch makes: tagged in a VLAN, with priority 6 (Q-16)."""
    return Frame(data, vid, _PCP_CONTROL << 13 | vid if vid else None)


class Transmit(NamedTuple):
    """Send an untagged frame in VLAN `vid` on every port of the set (bit `1 << port`).

    The fast path tags it; `tci` is of the tag that it came with, whose priority it keeps, and
    `came_from` the port that it is passed on from, None for one of our own. A named tuple, like
    `Frame`: nearly every frame makes one.
    """

    vid: int
    ports: Ports
    frame: bytes
    tci: int | None = None
    came_from: int | None = None


class GroupChanged(NamedTuple):
    """The forwarding state of one group changed: ask `Engine.group_view`."""

    vid: int
    group: Address


class VlanChanged(NamedTuple):
    """Router ports, the active flag or the policy of a VLAN changed: ask `Engine.vlan_view`."""

    vid: int
    family: Family


class EventKind(StrEnum):
    """What an event is about, by the word that people and JSON read (INTERFACE.md 2)."""

    JOIN = "join"
    LEAVE = "leave"
    EXPIRE = "expire"
    QUERY = "query"
    MROUTER = "mrouter"
    QUERIER = "querier"
    PORT = "port"
    LIMIT = "limit"
    FILTER = "filter"
    TABLE_FULL = "table_full"
    WARNING = "warning"
    CONFIG = "config"
    STATIC = "static"
    CLEAR = "clear"
    # The runtime's own.
    NEIGHBOUR = "neighbour"
    RING_REOPENED = "ring_reopened"
    RESTARTED = "restarted"
    MAC_CLAIMED = "mac_claimed"
    RESUMED = "resumed"
    LOOP = "loop"
    TOPOLOGY = "topology"


class By(StrEnum):
    """Who changed what an operator may set, by the word that people and JSON read."""

    COMMAND = "command"
    FILE = "file"


class Event(NamedTuple):
    """Something an operator may want to see.

    `fields` holds JSON-ready values; addresses are text, times are seconds.
    """

    kind: EventKind
    vid: int
    port: int | None
    fields: Mapping[str, object]


Effect: TypeAlias = Transmit | GroupChanged | VlanChanged | Event


class Turn:
    """One input being dealt with: when it is, and what it wants done so far."""

    __slots__ = ("effects", "now")

    def __init__(self, now: Instant) -> None:
        """Start with nothing to do."""
        self.now = now
        self.effects: list[Effect] = []

    def add(self, effect: Effect) -> None:
        """Have one more thing done, after those before it."""
        self.effects.append(effect)
