"""Every way a stream fails to arrive, set up on purpose: the rows of the table in
`snoop/TROUBLESHOOTING.md`, by the words of their second column.

h0 sends, h1 and h2 listen, h3 is what a trouble needs besides, h4 never says IGMP. Each trouble has
a group of its own, since the switch remembers streams for longer than a test waits.
"""

from __future__ import annotations

from netns.troublemakers import (
    LASTS,
    UNREGISTERED,
    Trouble,
    asked,
    asks,
    at,
    bad_checksum,
    bad_checksum_of_mld,
    both,
    breaks_rules,
    carries_an_address,
    carries_none,
    claims_to_route,
    comes_twice,
    drop_other,
    falls_silent,
    filters_by_reverse_path,
    filters_nothing,
    floods_igmp,
    forgotten,
    goes_down,
    goes_up,
    has_its_own,
    igmp,
    is_a_router_for_runs,
    joins,
    joins_at,
    joins_but,
    joins_elsewhere,
    joins_source,
    joins_tagged,
    joins_too_much,
    large_mtu,
    nothing,
    nothing_on_top,
    reports,
    reports_v1,
    reports_v2,
    says_hello,
    sends,
    sends_astray,
    sends_elsewhere,
    sends_from_elsewhere,
    sends_tagged,
    sends_with_ttl_one,
    shares_an_address,
    small_mtu,
    something_on_top,
    speaks,
    steals,
    storms,
    streams,
    two_ask,
    two_behind,
    two_leave,
)
from netns.troublemakers_vlans import (
    asks_within,
    is_refused,
    moves_back,
    moves_to,
    reports_as,
    sends_within,
)

DENIED = {"p1": {"deny_groups": ["239.30.0.0/24"]}}
FILTERS = {"switch": {"vlan_filtering": True, "unregistered": "mrouters"}}
TEN, MESH, OUTSIDE = {"access": 10}, {"split_horizon": "mesh"}, "239.31.0.9"
NETWORKS = [
    {"vid": 1, "querier_address": "10.1.0.254"},
    {"vid": 10, "querier_address": "10.10.0.254"},
]
SSDP, KNX = "239.255.255.250", "224.0.23.12"
TROUBLES = {
    # Who asks, who routes
    "nobody asks, and the switch prunes": Trouble(
        joins, {"igmp": {"querier": "off"}, "switch": {"no_querier": "prune"}}
    ),
    "nobody asks, and everything floods": Trouble(
        both(joins, streams), {"igmp": {"querier": "off"}}
    ),
    "we ask from no address": Trouble(nothing, asked(querier_address="0.0.0.0")),
    "somebody asks with our address": Trouble(asks("10.0.0.254"), undo=forgotten),
    "a lower address asks in our place": Trouble(asks("10.0.0.13"), undo=forgotten),
    "the querier is of an older version": Trouble(
        asks("10.0.0.13", version=2), asked(querier="off"), undo=forgotten
    ),
    "two others ask": Trouble(two_ask, asked(querier="off"), undo=forgotten),
    "the router has no address": Trouble(
        both(joins, asks("0.0.0.0")), asked(mrouter_on_null_source=False)
    ),
    "the router is not believed": Trouble(
        both(joins, asks("10.0.0.253")), ports=at("p3", mrouter="never"), undo=forgotten
    ),
    "a host says that it routes": Trouble(
        both(joins_at(3), says_hello), {"igmp": LASTS}, undo=forgotten
    ),
    # Joins that are refused
    "a filter refuses the join": Trouble(reports(), UNREGISTERED, DENIED),
    "the join names no source in the SSM range": Trouble(
        reports(), UNREGISTERED, group="232.30.0.1"
    ),
    "joins of this version are ignored": Trouble(reports_v2, igmp(ignore_v2=True)),
    "the join has no Router Alert": Trouble(reports(alert=False), igmp(require_router_alert=True)),
    "the join has a TTL of its own": Trouble(reports(ttl=8), igmp(ttl_check=True)),
    "the join is damaged": Trouble(bad_checksum),
    "the join breaks the rules": Trouble(breaks_rules),
    "the port has all the groups it may": Trouble(
        reports("239.31.0.1", "239.31.0.2"), UNREGISTERED, at("p1", max_groups=1), "239.31.0.2"
    ),
    "the table is full": Trouble(
        reports("239.31.0.3", "239.31.0.4"), igmp(max_groups=1), group="239.31.0.4"
    ),
    "the host names more sources than are kept": Trouble(
        lambda net, group: net.report(1, ("TO_IN", group, ["10.0.0.10", "10.0.0.99"])),
        igmp(max_sources=1),
    ),
    "a host asks for more than its port may hold": Trouble(
        joins_too_much, UNREGISTERED, at("p1", max_state=1)
    ),
    "more hosts than are tracked": Trouble(two_behind, igmp(max_hosts=1)),
    "more routers than a port may have": Trouble(claims_to_route, undo=forgotten),
    "a host floods IGMP": Trouble(floods_igmp, ports=at("p2", igmp_rate=10, igmp_burst=10)),
    # Hosts
    "one of two viewers leaves": Trouble(two_leave, UNREGISTERED, at("p1", fast_leave="on")),
    "nobody has joined": Trouble(sends, UNREGISTERED),
    "the listener joined on another interface": Trouble(
        joins_elsewhere, UNREGISTERED, undo=drop_other(4)
    ),
    "the sender sends by another interface": Trouble(sends_elsewhere, undo=drop_other(0)),
    "nobody sends": Trouble(joins),
    "listeners of discovery never join": Trouble(sends, UNREGISTERED, group=SSDP),
    "one listener joined, another never does": Trouble(both(speaks(2), joins, sends), group=KNX),
    "the listener wants another source": Trouble(
        joins_source,
        {"igmp": LASTS},
        group="232.30.0.2",
        explain=("--port", "p0", "--source", "10.0.0.10"),
    ),
    "the listener asked to be spared this source": Trouble(
        joins_but, {"igmp": LASTS}, explain=("--port", "p0", "--source", "10.0.0.10")
    ),
    "one stream comes in at two ports": Trouble(
        comes_twice, explain=("--port", "p0", "--source", "10.0.0.10")
    ),
    "its frames have a MAC address of another group": Trouble(sends_astray),
    "the source is of another network": Trouble(
        both(joins, sends_from_elsewhere), explain=("--stream",)
    ),
    "the host loses what it gets": Trouble(both(joins, sends), explain=("--stream",)),
    "the TTL is 1 and the members are behind a router": Trouble(
        both(says_hello, sends_with_ttl_one), undo=forgotten
    ),
    "the sender tags, the listener does not": Trouble(
        both(joins, sends_tagged), explain=("--port", "p0", "--vlan", "10")
    ),
    "the listener tags, the sender does not": Trouble(both(joins_tagged, sends)),
    "a host sends with a tag into an access port": Trouble(
        is_refused(1, 20),
        FILTERS,
        {"p0": TEN, "p1": TEN},
        explain=("--port", "p1", "--tagged", "20"),
    ),
    "a host sends without a tag into a trunk that has no native VLAN": Trouble(
        is_refused(1), FILTERS, {"p0": TEN, "p1": {"trunk": [10, 20]}}, explain=("--port", "p1")
    ),
    "the listener's port is in another VLAN than the sender's": Trouble(
        both(joins, sends_within), FILTERS, {"p0": TEN, "p1": {"access": 20}}
    ),
    "the listener's port was taken out of the VLAN of its stream": Trouble(
        both(joins, sends_within, moves_to("p1", 20)),
        FILTERS,
        {"p0": TEN, "p1": TEN},
        undo=moves_back("p1"),
    ),
    "a VLAN has ports and nobody asks in it": Trouble(
        both(joins, asks_within("10.0.0.13")),
        {**FILTERS, "igmp": {"querier": "off"}},
        {"p0": TEN, "p1": TEN, "p3": TEN},
        undo=forgotten,
    ),
    "a static entry is on a port outside its VLAN": Trouble(
        sends_within,
        {**FILTERS, "static": [{"group": OUTSIDE, "vlan": 10, "ports": ["p1"]}]},
        {"p0": TEN, "p1": {"access": 20}},
        OUTSIDE,
    ),
    "the other end of a trunk has another native VLAN": Trouble(
        reports_as(3, "10.10.0.7"),
        {**FILTERS, "vlan": NETWORKS},
        at("p3", trunk=[10], native=1),
    ),
    "sender and listener are of one split horizon": Trouble(
        both(joins, sends_within), UNREGISTERED, {"p0": MESH, "p1": MESH}
    ),
    "two groups have one MAC address": Trouble(
        reports("239.32.0.1", "239.160.0.1"), group="239.32.0.1"
    ),
    "somebody uses another's MAC address": Trouble(
        steals, explain=("--port", "p0", "--to", "02:00:00:00:01:02")
    ),
    "one host does not answer": Trouble(falls_silent),
    "a host of IGMPv1 has too little time": Trouble(reports_v1, asked()),
    "two hosts have one address": Trouble(shares_an_address, undo=has_its_own),
    "nobody answers: the querier's address and a reverse path filter": Trouble(
        filters_by_reverse_path, asked(querier_address="192.168.99.1"), undo=filters_nothing
    ),
    # Ports
    "runs of datagrams go to a router": Trouble(
        is_a_router_for_runs, ports=at("p3", coalesce="always"), undo=forgotten
    ),
    "the listener's port is down": Trouble(both(joins, goes_down("p1")), undo=goes_up("p1")),
    "the sender's port is down": Trouble(both(joins, sends, goes_down("p0")), undo=goes_up("p0")),
    "the port does not exist": Trouble(
        lambda net, group: net.lab.unplug("p2"), undo=lambda net, group: net.lab.replug(2)
    ),
    "the host itself uses the port": Trouble(carries_an_address, undo=carries_none),
    "other interfaces sit on the port": Trouble(something_on_top, undo=nothing_on_top),
    "the frames are larger than the port's MTU": Trouble(
        small_mtu, explain=("--stream",), undo=large_mtu
    ),
    "a storm": Trouble(storms),
    "an unwanted stream floods": Trouble(streams),
    "a stream uses a group of 224.0.0.0/24": Trouble(streams, group="224.0.0.200"),
    "snooping is off": Trouble(nothing, asked(enabled=False)),
    # IPv6
    "nobody asks over IPv6": Trouble(reports(), {"mld": {"querier": "off"}}, group="ff0e::30:1"),
    "a filter refuses the join over IPv6": Trouble(
        reports(),
        UNREGISTERED,
        at("p1", deny_groups=["ff0e::30:0/112"]),
        group="ff0e::30:2",
    ),
    "nobody has joined over IPv6": Trouble(sends, UNREGISTERED, group="ff0e::30:3"),
    "the join over IPv6 is damaged": Trouble(bad_checksum_of_mld, group="ff0e::30:4"),
}
