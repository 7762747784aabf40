"""How deep a port's rings and its queue to the control plane are: all ports share what there is."""

from __future__ import annotations

from snoop.config.schema import SwitchTable

RING_SLOT_BYTES = 2048
_RINGS_BYTES = 256 << 20


def ring_slots(switch: SwitchTable, ports: int, used: int) -> int:
    """As deep as 256 MiB in all allow: a deep ring outlasts the moments the loop has no core. Of
    ports that came one by one the first have most of it.
    """
    if switch.ring_slots:
        return switch.ring_slots
    slots = _RINGS_BYTES // RING_SLOT_BYTES
    share = min(slots // ports, slots - used)
    return max(512, min(8192, 1 << max(1, share).bit_length() - 1))


def punt_bytes(ports: int) -> int:
    """Some 40 000 reports, what `igmp_burst` lets come at once, or 128 MiB of all ports."""
    return max(256 << 10, min(4 << 20, 1 << ((128 << 20) // ports).bit_length() - 1))
