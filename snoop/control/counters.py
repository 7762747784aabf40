"""What every counter counts, one line each: for the manual, `show counters --explain`, metrics.

The control plane's lines are beside its counters (`proto/counters.py`); here are the fast path's,
whose names come from C. A test compares the names with those of the compiled module.
"""

from __future__ import annotations

from snoop.proto.counters import COUNTERS

VERDICTS = {
    "forward_group": "frames forwarded by the group's row for any source",
    "forward_source": "frames forwarded by the group's row for their source",
    "forward_unregistered": "frames of groups nobody joined, sent where [switch] unregistered says",
    "forward_unicast": "frames to a known unicast address",
    "flood_link_local": "frames to 224.0.0.0/24, which go everywhere",
    "flood_always": "frames to groups of [switch] always_flood",
    "flood_no_querier": "multicast frames flooded because no querier is known, or snooping is off",
    "flood_broadcast": "broadcast frames",
    "flood_unknown_unicast": "frames to a unicast address not learned",
    "flood_ipv6_multicast": "IPv6 multicast frames: MLD is not snooped",
    "flood_l2_multicast": "multicast frames that are not IP, or behind a second tag",
    "mac_ip_mismatch": "frames whose group and MAC address do not belong together, flooded",
    "punt_igmp": "IGMP frames handed to the control plane",
    "no_member": "dropped: the group is known, but nobody wants this source",
    "no_egress": "dropped: no other port to send it to",
    "same_port": "dropped: the destination is behind the port it came from",
    "truncated": "dropped: not captured whole",
    "reserved_mac": "dropped: to 01:80:c2:00:00:01-0f, which no bridge forwards",
    "vlan_invalid": "dropped: VLAN id 4095",
    "ip_error": "dropped: bad IPv4 header of a multicast frame",
    "source_mac": "dropped: source address is multicast or zero",
    "port_down": "dropped: came in while the port was down",
    "punt_full": "dropped: the port's queue of IGMP for the control plane is full",
    "rate_limited": "dropped: IGMP over [[port]] igmp_rate",
    "control_size": "dropped: IGMP longer than the port's MTU allows a frame to be",
}
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
    "punt_copies": "forwarded frames of which the control plane got a copy (PIM)",
    "punt_copies_lost": "such copies lost",
    "punt_stale": "IGMP frames of punt_igmp left unread: two seconds behind others of their port",
    "fdb_learned": "unicast addresses learned",
    "fdb_moved": "unicast addresses that moved here from another port",
    "fdb_evicted": "unicast addresses evicted by newer ones",
    "fdb_move_damped": "frames with the address of a host that is heard at another port, where "
    "the address stayed; both are served, unless that port is sticky",
    "inject_frames": "frames sent by the control plane",
    "inject_drops": "frames the control plane could not send",
    "shortcut_frames": "unicast frames redirected inside the kernel; not in rx_frames",
    "ring_full": "lost by the kernel because the receive ring was full; not in rx_frames",
    "ring_stuck": "lost because a receive ring had stopped at a frame with an offload that "
    "the kernel cannot describe to it; not in rx_frames",
    "ring_reopened": "times the receive rings were opened again for that",
}
OWN = {"internal_errors": "control frames lost to a mistake in this program"}


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
