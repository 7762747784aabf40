"""What every counter counts, one line each: for the manual, `show counters --explain`, metrics.

The control plane's lines are beside its counters (`proto/counters.py`), those of verdicts are in
`reasons.py`; here are the fast path's others. A test compares the names with those of C.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from snoop.control.reasons import REASONS
from snoop.proto.counters import COUNTERS

VERDICTS = {name: reason.counts for name, reason in REASONS.items()}
STATS = {
    "rx_frames": "frames received; the sum of all verdicts",
    "rx_bytes": "bytes received",
    "tx_frames": "frames sent, each part of a coalesced send counted",
    "tx_bytes": "bytes sent",
    "tx_sends": "sends handed to the kernel; tx_frames / tx_sends is the gain of coalescing",
    "tx_coalesced": "frames that left as part of a coalesced send",
    "tx_full": "not sent: the egress was full",
    "tx_mtu": "not sent: larger than the egress MTU",
    "tx_down": "not sent: the egress was down or gone",
    "tx_error": "not sent: any other error",
    "tx_offload": "not sent: a large frame with an offload inside a tunnel that is not understood",
    "rx_oversize": "frames larger than a ring slot, read whole beside it",
    "punt_copies": "forwarded frames of which the control plane got a copy (PIM, announcements of "
    "sessions, BPDUs that tell of a topology change)",
    "punt_copies_lost": "such copies not made: too many, or its queue was full",
    "punt_stale": "frames of punt_igmp and punt_mld left unread: two seconds behind others of "
    "their port",
    "fdb_learned": "unicast addresses learned",
    "fdb_moved": "unicast addresses that moved here from another port",
    "fdb_evicted": "unicast addresses evicted by newer ones",
    "fdb_move_damped": "frames with the address of a host that is heard at another port, where "
    "the address stayed; both are served, unless that port is sticky",
    "inject_frames": "frames sent by the control plane",
    "inject_drops": "frames the control plane could not send",
    "shortcut_frames": "unicast frames redirected inside the kernel; not in rx_frames",
    "kernel_frames": "multicast frames served inside the kernel; in rx_frames too",
    "ring_full": "lost by the kernel because the receive ring was full; not in rx_frames",
    "ring_stuck": "lost because a receive ring had stopped at a frame with an offload that "
    "the kernel cannot describe to it; not in rx_frames",
    "ring_reopened": "times the receive rings were opened again for that, or for a lost program",
}
LOST = frozenset(
    (
        *("tx_full", "tx_mtu", "tx_down", "tx_error", "tx_offload", "inject_drops"),
        *("ring_full", "ring_stuck", "truncated", "punt_full", "punt_stale"),
    )
)
"""Drops of what should have been delivered."""
PRUNED = frozenset(("no_member", "no_egress", "same_port", "split_horizon"))
"""Drops of what nobody asked for, which is what a switch is for."""
REFUSED = frozenset(
    (
        *("reserved_mac", "vlan_invalid", "vlan_filtered", "ip_error", "ipv6_error", "ipv6_scope"),
        *("source_mac", "port_down", "rate_limited", "control_size"),
        *("loop", "probe_limited", "storm_broadcast", "storm_unknown_unicast"),
        "storm_unregistered",
    )
)
"""Drops of what must not pass: damaged, forbidden, or more than a port may send."""
OWN = {"internal_errors": "control frames lost to a mistake in this program"}


DROPPED = {
    "lost": "Frames that should have been delivered and were not.",
    "pruned": "Frames that nobody asked for.",
    "refused": "Frames that must not pass: damaged, forbidden, or too many.",
}


class Dropped(NamedTuple):
    """The drops of a port or of a switch, by what they mean to its user."""

    lost: int
    pruned: int
    refused: int


def dropped(counts: Mapping[str, int]) -> Dropped:
    """The sums of a set of counters."""
    pruned = sum(counts.get(name, 0) for name in PRUNED)
    refused = sum(counts.get(name, 0) for name in REFUSED)
    return Dropped(lost=sum(counts.get(name, 0) for name in LOST), pruned=pruned, refused=refused)


def meaning(counter: str) -> str:
    """The line of a counter; of one that both planes have, the control plane's for `control_`."""
    for known in (VERDICTS, STATS, OWN, COUNTERS):
        if counter in known:
            return known[counter]
    own = COUNTERS.get(counter.removeprefix("control_"))
    return counter.replace("_", " ") if own is None else f"in the control plane: {own}"


def everything() -> dict[str, str]:
    """Every counter there can be, in alphabetical order."""
    names = {*VERDICTS, *STATS, *OWN, *COUNTERS}
    names |= {f"control_{name}" for name in COUNTERS if name in VERDICTS or name in STATS}
    return {name: meaning(name) for name in sorted(names)}
