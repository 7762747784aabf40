"""What every part of one instance works with: which it is, its settings, ways to say things.

An instance is a (VLAN, family), RFC 9166's word. Its parts (`groups`, `querier`, `mrouter`, …) hold
their scope and, of each other, only those below them; what joins them is `instance`. Nothing here
knows any of them. There is one maker of `GroupChanged`, here.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from snoop.proto.asked import Asked
from snoop.proto.context import Context
from snoop.proto.effects import Event, EventKind, GroupChanged, Turn, VlanChanged, own_frame
from snoop.proto.params import Params
from snoop.proto.port import Port
from snoop.proto.shares import InstanceHoldings, Stake
from snoop.proto.timings import Timings
from snoop.proto.units import Ports
from snoop.wire.address import IPV6, Address, Family

Hook: TypeAlias = Callable[[Turn], None]
"""How a part tells the instance that something changed which concerns the parts above it."""


class Scope:
    """The leaf of one instance."""

    __slots__ = (
        "_settings",
        "arm",
        "asked",
        "context",
        "disarm",
        "family",
        "holdings",
        "params",
        "timings",
        "vid",
    )

    def __init__(self, context: Context, vid: int, family: Family) -> None:
        """Start with our own timings, and nothing held."""
        self.context = context
        self._settings = context.settings.of_family(family)
        self.vid = vid
        self.family = family
        self.holdings = InstanceHoldings(context.holdings, vid, family)
        self.follow()
        self.timings: Timings = self.params.timings
        self.asked = Asked()
        self.arm: Final = context.deadlines.arm
        self.disarm: Final = context.deadlines.disarm

    def follow(self) -> None:
        """Have the settings of this VLAN, as far as they may be its own, that hold now."""
        self.params: Params = self._settings.of(self.vid)

    @property
    def members(self) -> Ports:
        """The ports of this VLAN, up or down."""
        return self.context.vlans.ports(self.vid)

    @property
    def up(self) -> Ports:
        """The ports of this VLAN that are up."""
        return self.context.up_in[self.vid]

    @property
    def is_deserted(self) -> bool:
        """True if the switch filters, and no port is in this VLAN."""
        return self.context.params.vlan_filtering and not self.members

    def is_ssm(self, group: Address) -> bool:
        """Tell whether `group` is only ever wanted from sources that are named (SM-46)."""
        return group in self._settings.ssm

    def adopt(self, timings: Timings) -> None:
        """Put timings in force, for timers started from now on (TM-33): ours, or the querier's."""
        self.timings = timings

    def stake(self, port: Port) -> Stake:
        """What `port` holds here."""
        return self.holdings.stake(port.holdings)

    def emptied(self) -> None:
        """Have somebody look whether anything is left of the instance."""
        self.context.emptied[self.vid, self.family] = None

    # What is said --------------------------------------------------------------------------------

    def send(self, ports: Ports, frame: bytes, counter: str, turn: Turn) -> None:
        """Have a frame of our own sent on those of `ports` that are up, and count it there."""
        self.context.send(ports, own_frame(self.vid, frame), counter, turn)

    def tell(self, kind: EventKind, port: int | None, turn: Turn, **fields: object) -> None:
        """Say that something happened."""
        if self.family is IPV6:
            fields["family"] = "ipv6"
        turn.add(Event(kind, self.vid, port, fields))

    def warn(
        self, kind: EventKind, port: int | None, reason: str, turn: Turn, **fields: object
    ) -> None:
        """Say something that may happen a thousand times a second, once in a while."""
        if self.family is IPV6:
            fields["family"] = "ipv6"
        self.context.warn(kind, self.vid, port, reason, turn, **fields)

    def group_changed(self, group: Address, turn: Turn) -> None:
        """Say that the view of `group` changed."""
        turn.add(GroupChanged(self.vid, group))

    def vlan_changed(self, turn: Turn) -> None:
        """Say that the view of the instance changed."""
        turn.add(VlanChanged(self.vid, self.family))
