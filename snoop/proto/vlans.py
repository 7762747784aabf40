"""Which VLANs a port is in, and which it has with a tag: IEEE 802.1Q as a bridge port has it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

VID_MAX = 4094


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
    def all(self) -> int:
        """Bit `1 << vid` of each VLAN of the port."""
        return self.tagged | (1 << self.pvid if self.pvid else 0)

    def vids(self) -> Iterator[int]:
        """Every VLAN of the port, lowest first."""
        left = self.all
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
