"""Every verdict of the fast path, by the name that C gives it, and what is said of it.

What its counter counts: for the manual, `show counters --explain`, metrics. And, where it is the
same for all ports, why a frame goes there or not: for `explain`, which otherwise looks at what each
port has joined. A test compares the names with those of the compiled module.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """`counts`: one line; `because`: what `explain` says of every port, None if that differs."""

    counts: str
    because: str | None = None


REASONS = {
    "forward_group": Reason("frames forwarded by the group's row for any source"),
    "forward_source": Reason("frames forwarded by the group's row for their source"),
    "forward_unregistered": Reason(
        "frames of groups nobody joined, sent where [switch] unregistered says"
    ),
    "forward_unicast": Reason("frames to a known unicast address"),
    "forward_l2_group": Reason("frames that are not IP, of a group with static entries by its MAC"),
    "storm_to_routers": Reason(
        "frames of groups nobody joined that came over [[port]] storm_limit: sent to router ports "
        "alone"
    ),
    "flood_link_local": Reason(
        "frames to 224.0.0.0/24, which go everywhere",
        "flooded: 224.0.0.0/24 always goes to every port (RFC 4541 2.1.2)",
    ),
    "flood_ipv6_link_local": Reason(
        "frames to groups that IPv6 itself needs (neighbour discovery, routers, MLD, MRD, PIM, "
        "DHCP, mDNS), which go everywhere",
        "flooded: IPv6 itself needs this group, so it always goes to every port",
    ),
    "flood_always": Reason(
        "frames to groups of [switch] always_flood",
        "flooded: the group is in [switch] always_flood",
    ),
    "flood_no_querier": Reason(
        "multicast frames flooded because no querier is known, or snooping is off",
        'flooded: no querier is known, so nothing is pruned: [igmp] querier = "on" makes this '
        'switch one, [switch] no_querier = "prune" prunes all the same',
    ),
    "flood_broadcast": Reason(
        "broadcast frames",
        "flooded: broadcast",
    ),
    "flood_unknown_unicast": Reason(
        "frames to a unicast address not learned",
        "flooded: the address is not learned",
    ),
    "flood_ipv6_multicast": Reason(
        "IPv6 multicast frames: MLD is not snooped",
        "flooded: IPv6 multicast floods: MLD is not snooped",
    ),
    "flood_l2_multicast": Reason(
        "multicast frames that are not IP, or behind a second tag",
        "flooded: not IP multicast",
    ),
    "mac_ip_mismatch": Reason(
        "frames whose group and MAC address do not belong together, flooded",
        "flooded: the MAC address is not the group's",
    ),
    "punt_igmp": Reason(
        "IGMP frames handed to the control plane",
        "IGMP: the control plane decides",
    ),
    "punt_mld": Reason(
        "MLD messages handed to the control plane",
        "MLD: the control plane decides",
    ),
    "punt_probe": Reason(
        "probes of loop guards handed to the control plane: those of other switches, and our own, "
        "which only a loop brings back",
        "a probe of a loop guard: the control plane passes on those of other switches",
    ),
    "no_member": Reason("dropped: the group is known, but nobody wants this source"),
    "no_egress": Reason("dropped: no other port to send it to"),
    "same_port": Reason("dropped: the destination is behind the port it came from"),
    "split_horizon": Reason("dropped: all that it would go to are of its port's split_horizon"),
    "truncated": Reason(
        "dropped: not captured whole",
        "dropped: not captured whole",
    ),
    "reserved_mac": Reason(
        "dropped: to 01:80:c2:00:00:01-0f, which no bridge forwards",
        "dropped: no bridge forwards what is sent there",
    ),
    "vlan_invalid": Reason(
        "dropped: VLAN id 4095",
        "dropped: VLAN id 4095",
    ),
    "vlan_filtered": Reason(
        "dropped: of a VLAN that the port is not a member of",
        "dropped: the port is not a member of its VLAN",
    ),
    "ip_error": Reason(
        "dropped: bad IPv4 header of a multicast frame",
        "dropped: its IPv4 header is bad",
    ),
    "ipv6_error": Reason(
        "dropped: bad IPv6 header or extension headers of a multicast frame",
        "dropped: its IPv6 header or an extension header is bad",
    ),
    "ipv6_scope": Reason(
        "dropped: to ff00::/16 or ff01::/16 (any flags), which never leave a host",
        "dropped: groups of that scope never leave a host (RFC 4291 2.7)",
    ),
    "source_mac": Reason(
        "dropped: source address is multicast or zero",
        "dropped: its source address is multicast or zero",
    ),
    "port_down": Reason(
        "dropped: came in while the port was down",
        "dropped: the port it comes in at is down",
    ),
    "punt_full": Reason(
        "dropped: the port's queue of IGMP and MLD is full",
        "dropped: the port's queue of IGMP and MLD is full",
    ),
    "rate_limited": Reason(
        "dropped: IGMP or MLD over [[port]] igmp_rate",
        "dropped: IGMP or MLD over [[port]] igmp_rate",
    ),
    "control_size": Reason(
        "dropped: IGMP or MLD longer than the port's MTU allows a frame to be",
        "dropped: IGMP or MLD longer than the port's MTU allows",
    ),
    "loop": Reason(
        "dropped: came in at a port that is held, being part of a loop",
        "dropped: the port it comes in at is held, being part of a loop",
    ),
    "probe_limited": Reason(
        "dropped: more than 200 probes of loop guards a second",
        "dropped: more probes of loop guards than there can be",
    ),
    "storm_broadcast": Reason(
        "dropped: broadcast over [[port]] storm_limit", "dropped: over [[port]] storm_limit"
    ),
    "storm_unknown_unicast": Reason(
        "dropped: to unknown unicast addresses, over [[port]] storm_limit",
        "dropped: over [[port]] storm_limit",
    ),
    "storm_unregistered": Reason(
        "dropped: of groups nobody joined, over [[port]] storm_limit",
        "dropped: over [[port]] storm_limit",
    ),
}
