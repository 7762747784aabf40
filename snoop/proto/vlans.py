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

    def vids(self) -> Iterator[int]:
        """Every VLAN of the port, lowest first."""
        left = self.tagged | (1 << self.pvid if self.pvid else 0)
        while left:
            lowest = left & -left
            yield lowest.bit_length() - 1
            left ^= lowest


def access(vid: int) -> PortVlans:
    """An access port: one VLAN, without tags."""
    return PortVlans(vid)


def trunk(vids: Iterable[int], native: int = 0) -> PortVlans:
    """A trunk: VLANs with a tag, and one without if there is a native one."""
    tagged = 0
    for vid in vids:
        tagged |= 1 << vid
    return PortVlans(native, tagged & ~(1 << native))
