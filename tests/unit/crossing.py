"""What the fast path does to a frame on its way to the control plane and back.

The 802.1Q tag is taken off and becomes fields, and is put back where a frame leaves: as every port
of a switch without VLAN filtering has it. Nothing here shares a line with the switch.
"""

from __future__ import annotations

from snoop.proto.effects import Effect, Transmit
from snoop.proto.engine import Engine
from snoop.proto.units import Instant

_TPID = b"\x81\x00"


def hand_up(
    engine: Engine, *, port: int, frame: bytes, now: Instant, pvid: int = 0
) -> list[Effect]:
    """Give the engine a frame as it is on the wire; not if it is dropped for its tag (VLAN-2)."""
    if frame[12:14] != _TPID:
        return engine.receive(port=port, vid=pvid, frame=frame, now=now)
    tci = int.from_bytes(frame[14:16])
    if len(frame) < 18 or tci & 0x0FFF == 0x0FFF:
        return []
    vid = tci & 0x0FFF or pvid
    return engine.receive(port=port, vid=vid, frame=untagged(frame), tci=tci, now=now)


def untagged(frame: bytes) -> bytes:
    """The frame without its tag."""
    return frame[:12] + frame[16:] if frame[12:14] == _TPID else frame


def on_wire(sent: Transmit) -> bytes:
    """The frame as it leaves."""
    if sent.tci is None:
        return sent.frame
    return sent.frame[:12] + _TPID + sent.tci.to_bytes(2) + sent.frame[12:]
