"""Probes of a loop guard: a frame that a switch sends by each of its ports, and must not get back.

IPv4 to 224.0.0.254, protocol 253, which RFC 4727 and RFC 3692 leave to experiments, from 0.0.0.0,
TTL 1: every bridge floods it, no host listens, and none counts it as lost. Behind the header, in
network order: "snoop", the version (1), the switch (8 bytes), its port and the VLAN (2 each), how
often it has held a port or let one go (4), the key (16 bytes of chance), the length of the label
and the label, which says to people whose it is, how many switches of this kind have passed it on,
at most 16, and their ids. The rest is padding.
"""

from struct import Struct
from typing import Final, NamedTuple

from snoop.wire import ether, ipv4
from snoop.wire.address import UNSPECIFIED
from snoop.wire.address import parse as address

PROTOCOL_PROBE: Final = 253
GROUP: Final = address("224.0.0.254")
GROUP_MAC: Final = ether.multicast_mac(GROUP)
SWITCH_BYTES: Final = 8
KEY_BYTES: Final = 16
LABEL_BYTES_MAX: Final = 64
PATH_MAX: Final = 16

_MAGIC: Final = b"snoop\x01"
_FIELDS: Final = Struct(f"!6s{SWITCH_BYTES}sHHI{KEY_BYTES}sB")
_START: Final = ether.HEADER_BYTES + 20
_FRAME_BYTES_MIN: Final = 60


class Probe(NamedTuple):
    """What a probe says; `label` is text for people, cut to 64 bytes; `path`: who passed it on;
    `changes`: how often its switch has held a port or let one go.
    """

    switch: bytes
    port: int
    vid: int
    key: bytes
    label: str
    path: tuple[bytes, ...] = ()
    changes: int = 0


def build(probe: Probe, src: bytes) -> bytes:
    """The frame, without a tag."""
    label = probe.label.encode()[:LABEL_BYTES_MAX]
    fields = _FIELDS.pack(
        _MAGIC, probe.switch, probe.port, probe.vid, probe.changes, probe.key, len(label)
    )
    path = bytes((len(probe.path),)) + b"".join(probe.path)
    packet = ipv4.build(
        UNSPECIFIED, GROUP, PROTOCOL_PROBE, fields + label + path, router_alert=False
    )
    return ether.build(GROUP_MAC, src, packet).ljust(_FRAME_BYTES_MIN, b"\0")


def is_one(frame: bytes) -> bool:
    """Is a frame without its tag one that the fast path hands up as a probe?"""
    return frame[:6] == GROUP_MAC and frame[12:14] == b"\x08\x00" and frame[23] == PROTOCOL_PROBE


def parse(frame: bytes) -> Probe | None:
    """Read a frame without its tag, whose IPv4 header is valid; None: it is no probe."""
    if len(frame) < _START + _FIELDS.size or frame[ether.HEADER_BYTES] != 0x45:
        return None
    magic, switch, port, vid, changes, key, size = _FIELDS.unpack_from(frame, _START)
    start = _START + _FIELDS.size
    if magic != _MAGIC or size > LABEL_BYTES_MAX or len(frame) <= start + size:
        return None
    label = frame[start : start + size].decode(errors="replace")
    hops, ids = frame[start + size], frame[start + size + 1 :]
    if hops > PATH_MAX or len(ids) < hops * SWITCH_BYTES:
        return None
    path = tuple(ids[at : at + SWITCH_BYTES] for at in range(0, hops * SWITCH_BYTES, SWITCH_BYTES))
    return Probe(switch, port, vid, key, label, path, changes)


def passed_on(frame: bytes, probe: Probe, switch: bytes) -> bytes:
    """The frame of that probe as a switch passes it on: with its id, if there is room."""
    if len(probe.path) >= PATH_MAX:
        return frame
    return build(probe._replace(path=(*probe.path, switch)), frame[6:12])
