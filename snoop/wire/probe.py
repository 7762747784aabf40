"""Probes of a loop guard: a frame that a switch sends by each of its ports, and must not get back.

EtherType 0x88b5, which IEEE 802 leaves to local experiments, to a group address of nobody's: every
bridge floods it, no host listens. Behind the header, in network order: "snoop", the version (1),
the switch (8 bytes), its port and the VLAN (2 each), the key (16 bytes of chance), the length of
the label and the label, which says to people whose it is, how many switches of this kind have
passed it on, at most 16, and their ids. What follows is padding.
"""

from struct import Struct
from typing import Final, NamedTuple

from snoop.wire import ether

ETHERTYPE_PROBE: Final = 0x88B5
GROUP_MAC: Final = bytes.fromhex("03736e6f6f70")
SWITCH_BYTES: Final = 8
KEY_BYTES: Final = 16
LABEL_BYTES_MAX: Final = 64
PATH_MAX: Final = 16

_MAGIC: Final = b"snoop\x01"
_FIELDS: Final = Struct(f"!6s{SWITCH_BYTES}sHH{KEY_BYTES}sB")
_FRAME_BYTES_MIN: Final = 60


class Probe(NamedTuple):
    """What a probe says; `label` is text for people, cut to 64 bytes; `path`: who passed it on."""

    switch: bytes
    port: int
    vid: int
    key: bytes
    label: str
    path: tuple[bytes, ...] = ()


def build(probe: Probe, src: bytes) -> bytes:
    """The frame, without a tag."""
    label = probe.label.encode()[:LABEL_BYTES_MAX]
    fields = _FIELDS.pack(_MAGIC, probe.switch, probe.port, probe.vid, probe.key, len(label))
    path = bytes((len(probe.path),)) + b"".join(probe.path)
    frame = ether.build(GROUP_MAC, src, fields + label + path, ETHERTYPE_PROBE)
    return frame.ljust(_FRAME_BYTES_MIN, b"\0")


def parse(frame: bytes) -> Probe | None:
    """Read a frame without its tag; None: it is no probe."""
    if len(frame) < ether.HEADER_BYTES + _FIELDS.size:
        return None
    magic, switch, port, vid, key, size = _FIELDS.unpack_from(frame, ether.HEADER_BYTES)
    start = ether.HEADER_BYTES + _FIELDS.size
    if magic != _MAGIC or size > LABEL_BYTES_MAX or len(frame) <= start + size:
        return None
    label = frame[start : start + size].decode(errors="replace")
    hops, ids = frame[start + size], frame[start + size + 1 :]
    if hops > PATH_MAX or len(ids) < hops * SWITCH_BYTES:
        return None
    path = tuple(ids[at : at + SWITCH_BYTES] for at in range(0, hops * SWITCH_BYTES, SWITCH_BYTES))
    return Probe(switch, port, vid, key, label, path)


def passed_on(frame: bytes, probe: Probe, switch: bytes) -> bytes:
    """The frame of that probe as a switch passes it on: with its id, if there is room."""
    if len(probe.path) >= PATH_MAX:
        return frame
    return build(probe._replace(path=(*probe.path, switch)), frame[6:12])
