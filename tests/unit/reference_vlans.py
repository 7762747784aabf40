"""A bridge with VLANs, slow and obvious: frame in at a port, frames out at others, byte for byte.

The yardstick of how the fast path classifies, keeps to members, keeps horizons apart, learns and
spells tags, by rings and by the kernel's short cut. What a frame is and who wants its group it asks
`reference.Table`, of the frame with the tag of its VLAN, all ports members of everything there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from snoop.proto.vlans import VID_MAX, PortVlans
from unit.reference import Reason, Table

TAG, SERVICE_TAG = b"\x81\x00", b"\x88\xa8"
NOTHING_LEARNED = (Reason.DROP_RESERVED_MAC, Reason.DROP_SOURCE_MAC, Reason.DROP_TRUNCATED)


@dataclass(slots=True)
class Bridge:
    """`ports` filter, and are all up; `fdb` is (VLAN, address) to port."""

    ports: Mapping[int, PortVlans]
    groups: Table
    horizons: Mapping[int, int] = field(default_factory=dict)
    fdb: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def vid_of(self, port: int, frame: bytes) -> int:
        """VLAN-2, 6: of the 802.1Q tag if it names one, else the port's; 0: none."""
        own = int.from_bytes(frame[14:16], "big") & 0xFFF if frame[12:14] == TAG else 0
        return own or self.ports[port].pvid

    def takes(self, port: int, frame: bytes) -> bool:
        """VLAN-3: whether the port is in the frame's VLAN."""
        vid = self.vid_of(port, frame)
        return 1 <= vid <= VID_MAX and self.ports[port].has(vid)

    def forward(self, port: int, frame: bytes) -> dict[int, bytes]:
        """What leaves where; the source is learned."""
        if not self.takes(port, frame):
            return {}
        vid = self.vid_of(port, frame)
        bare = without_tag(frame)
        verdict = self.groups.decide(port, with_tag(bare, vid))
        if verdict.reason in NOTHING_LEARNED:
            return {}
        wanted = {other for other in self.ports if verdict.ports >> other & 1}
        known = self.fdb.get((vid, frame[:6]))
        self.fdb[vid, frame[6:12]] = port
        if known is not None:
            wanted = {known}
        apart = self.horizons.get(port, 0)
        return {
            other: self.spelled(other, vid, frame, bare)
            for other in sorted(wanted - {port})
            if self.ports[other].has(vid) and not (apart and self.horizons.get(other) == apart)
        }

    def spelled(self, port: int, vid: int, frame: bytes, bare: bytes) -> bytes:
        """VLAN-5: without the tag where the port has the VLAN so, with its own priority elsewhere.

        A trunk's native VLAN keeps the tag in front of a further one, which would be taken for the
        VLAN at the other end.
        """
        tagged = frame[12:14] == TAG
        hidden = tagged and bare[12:14] == TAG and bool(self.ports[port].tagged)
        if self.ports[port].pvid == vid and not hidden:
            return bare
        return with_tag(bare, (frame[14] & 0xF0) << 8 | vid if tagged else vid)


def without_tag(frame: bytes) -> bytes:
    """The frame without an 802.1Q tag, if it begins with one."""
    return frame[:12] + frame[16:] if frame[12:14] == TAG else frame


def with_tag(frame: bytes, tci: int, kind: bytes = TAG) -> bytes:
    """The frame with a further tag, in front of those it has."""
    return frame[:12] + kind + tci.to_bytes(2, "big") + frame[12:]
