"""Which VLANs a port is in, and which it has with a tag: IEEE 802.1Q as a bridge port has it."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from snoop.proto.units import Ports

VID_MAX = 4094

Vids: TypeAlias = int
"""A set of VLANs: bit `1 << vid`."""

EVERY: Final[Vids] = (1 << VID_MAX + 1) - 1
"""All of them, VLAN 0 too: of a port of a switch that does not filter."""


class PortVlans(NamedTuple):
    """The VLANs of a port of a switch that filters by VLAN.

    `pvid`: the VLAN of frames without a tag, in and out (an access port's, a trunk's native); 0:
    frames without a tag are refused (VLAN-2, 3). `tagged`: bit `1 << vid` of each VLAN that
    leaves with a tag (VLAN-5); that of `pvid` is never set.
    """

    pvid: int
    tagged: int = 0

    def has(self, vid: int) -> bool:
        """Tell whether the port is a member of a VLAN."""
        return bool(vid) and (vid == self.pvid or bool(self.tagged >> vid & 1))

    @property
    def all(self) -> Vids:
        """Every VLAN of the port."""
        return self.tagged | (1 << self.pvid if self.pvid else 0)

    def vids(self) -> Iterator[int]:
        """Every VLAN of the port, lowest first."""
        return vids(self.all)


def vids(left: Vids) -> Iterator[int]:
    """The VLANs of a set, lowest first."""
    while left:
        lowest = left & -left
        yield lowest.bit_length() - 1
        left ^= lowest


def ranges(vlans: int) -> list[str]:
    """A set of VLANs, a bit each, as a file has them: ["10", "20-29"]."""
    found = []
    first = 0
    while vlans:
        gap = (vlans & -vlans).bit_length() - 1
        vlans >>= gap
        first += gap
        many = (~vlans & vlans + 1).bit_length() - 1
        found.append(str(first) if many == 1 else f"{first}-{first + many - 1}")
        vlans >>= many
        first += many
    return found


def access(vid: int) -> PortVlans:
    """An access port: one VLAN, without tags."""
    return PortVlans(vid)


def trunk(vids: Iterable[int], native: int = 0) -> PortVlans:
    """A trunk: VLANs with a tag, and one without if there is a native one."""
    tagged = 0
    for vid in vids:
        tagged |= 1 << vid
    return trunk_of(tagged, native)


def trunk_of(vlans: int, native: int = 0) -> PortVlans:
    """The same of a set of VLANs, a bit each."""
    return PortVlans(native, vlans & ~(1 << native))


class Moved(NamedTuple):
    """What became of a port's VLANs."""

    left: Vids
    joined: Vids


class VlanPorts:
    """Which ports each VLAN has: the one place that says it.

    A port of a switch that does not filter is in every VLAN.
    """

    __slots__ = ("_everywhere", "_ports", "_vids")

    def __init__(self) -> None:
        """Start without ports."""
        self._vids: dict[Ports, Vids] = {}  # of each port, by its bit
        self._ports: dict[int, Ports] = {}  # of VLANs that some port was put in by name
        self._everywhere: Ports = 0

    def __len__(self) -> int:
        """How many VLANs have ports that were put there by name."""
        return len(self._ports)

    def ports(self, vid: int) -> Ports:
        """The ports of a VLAN, up or down."""
        return self._ports.get(vid, self._everywhere)

    def of(self, bit: Ports) -> Vids:
        """The VLANs of a port."""
        return self._vids.get(bit, 0)

    def vids(self) -> list[int]:
        """The VLANs that have ports which were put there by name, lowest first."""
        return sorted(self._ports)

    def put(self, bit: Ports, vlans: PortVlans | None, was: PortVlans | None = None) -> Moved:
        """Have a port in these VLANs, None: in all of them; return what changed.

        From where it `was` to all of them it also leaves the one that it had without a tag: to
        that VLAN belongs now what has a tag, and what was learned there was learned of others.
        """
        left, joined = self._move(bit, EVERY if vlans is None else vlans.all)
        if vlans is None and was is not None and was.pvid:
            left |= 1 << was.pvid
        return Moved(left, joined)

    def take(self, bit: Ports) -> None:
        """Have a port in none: it goes away."""
        self._move(bit, 0)
        del self._vids[bit]

    def _move(self, bit: Ports, wanted: Vids) -> Moved:
        was, self._vids[bit] = self._vids.get(bit, 0), wanted
        moved = Moved(was & ~wanted, wanted & ~was)
        ports = self._ports
        if was != wanted and EVERY in (was, wanted):
            self._everywhere ^= bit
            for vid in ports:
                ports[vid] = ports[vid] & ~bit | (bit if wanted >> vid & 1 else 0)
        else:
            for vid in vids(moved.left):
                ports[vid] &= ~bit
        everywhere = self._everywhere
        if wanted != EVERY:
            for vid in vids(moved.joined or (wanted if was == EVERY else 0)):
                ports[vid] = ports.get(vid, everywhere) | bit
        if moved.left or wanted == EVERY:
            for vid in [vid for vid, its in ports.items() if its == everywhere]:
                del ports[vid]
        return moved
