"""Every way a stream fails to arrive, set up on purpose: the rows of the table in
`snoop/TROUBLESHOOTING.md`, by the words of their second column.

h0 sends, h1 and h2 listen, h3 is what a trouble needs besides, h4 never says IGMP. Each trouble has
a group of its own, since the switch remembers streams for longer than a test waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netns.star import Star
from snoop.lab import frames, wait_until

EVERYBODY = "ff:ff:ff:ff:ff:ff"
PORTS = ("p0", "p1", "p2", "p3", "p4")
G = "239.30.0.{}"
UNREGISTERED = {"switch": {"unregistered": "mrouters"}}
Tables = Mapping[str, Mapping[str, Any]]
Set = Callable[[Star, str], None]


@dataclass(frozen=True)
class Trouble:
    """`tables`: what the configuration has besides, `ports` of ports; `make`: what hosts do."""

    make: Set
    tables: Tables = field(default_factory=dict)
    ports: Tables = field(default_factory=dict)
    group: str = ""
    explain: tuple[str, ...] = ("--port", "p0")
    undo: Set | None = None


def at(port: str, **keys: Any) -> Tables:
    return {port: keys}


def igmp(**keys: Any) -> Tables:
    """Keys of that table, where what nobody has joined is pruned."""
    return {**UNREGISTERED, "igmp": keys}


def nothing(_: Star, group: str) -> None:
    """The configuration is the trouble."""


def joins(net: Star, group: str) -> None:
    """h1 joins as a kernel does."""
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})


def joins_at(i: int) -> Set:
    def make(net: Star, group: str) -> None:
        net.report(i, ("TO_EX", group, []))
        net.switch.wait_members(group, {f"p{i}"})

    return make


def sends(net: Star, group: str) -> None:
    net.h(0).send(group, count=20, rate=1000)
    net.lab.settle(net.h(0))


def reports(*groups: str, **how: Any) -> Set:
    """h1 reports the group, or these, in a frame with those fields."""

    def make(net: Star, group: str) -> None:
        net.report(1, *(("TO_EX", each, []) for each in groups or (group,)), **how)
        net.lab.settle(net.h(1))

    return make


def reports_v2(net: Star, group: str) -> None:
    host = net.h(1)
    host.frames([frames.report_v2(group, host.address, mac=host.mac)])
    net.lab.settle(host)


def bad_checksum(net: Star, group: str) -> None:
    host = net.h(1)
    frame = bytearray(frames.report_v2(group, host.address, mac=host.mac))
    frame[40] ^= 0xFF
    host.frames([bytes(frame)])
    net.lab.settle(host)


def asks(source: str, **how: Any) -> Set:
    """h3 sends a query."""

    def make(net: Star, group: str) -> None:
        net.query_from(3, source, **how)
        net.lab.settle(net.h(3))

    return make


def two_ask(net: Star, group: str) -> None:
    """A querier that is older than the other does not give way to it."""
    net.query_from(2, "10.0.0.12")
    net.query_from(3, "10.0.0.13")
    net.lab.settle(net.h(3))


def forgotten(net: Star, group: str) -> None:
    """Nobody is taken for a router any more."""
    wait_until(lambda: not net.switch.show("mrouters")["mrouters"], within=8, what="no routers")


def both(*steps: Set) -> Set:
    def make(net: Star, group: str) -> None:
        for step in steps:
            step(net, group)

    return make


def sends_tagged(net: Star, group: str) -> None:
    sender = net.h(0)
    frame = frames.udp(sender.address, group, mac=sender.mac)
    sender.frames([frames.tagged(frame, 10)] * 20)
    net.lab.settle(sender)


def joins_tagged(net: Star, group: str) -> None:
    host = net.h(1)
    report = frames.report_v3([("TO_EX", group, [])], host.address, mac=host.mac)
    host.frames([frames.tagged(report, 10)])
    net.lab.settle(host)


def sends_from_elsewhere(net: Star, group: str) -> None:
    sender = net.h(0)
    sender.frames([frames.udp("172.17.0.5", group, mac=sender.mac)] * 20)
    net.lab.settle(sender)


def sends_with_ttl_one(net: Star, group: str) -> None:
    sender = net.h(0)
    sender.frames([frames.udp(sender.address, group, mac=sender.mac, ttl=1)] * 20)
    net.lab.settle(sender)


def says_hello(net: Star, group: str) -> None:
    host = net.h(3)
    host.frames([frames.pim_hello(host.address, mac=host.mac, holdtime=4)])
    net.lab.settle(host)


def speaks(i: int) -> Set:
    """A host is heard, by something else than IGMP."""

    def make(net: Star, group: str) -> None:
        host = net.h(i)
        frame = frames.udp(host.address, "10.0.0.255", mac=host.mac, destination_mac=EVERYBODY)
        host.frames([frame])
        net.lab.settle(host)

    return make


def add_other(net: Star, i: int) -> None:
    """A host gets a second interface that leads elsewhere, as a container host has."""
    link = net.h(i).link
    link.link("add", ifname="other", kind="veth", peer="beyond")
    index = link.link_lookup(ifname="other")[0]
    link.link("set", index=index, state="up")
    link.addr("add", index=index, address="172.18.0.1", prefixlen=16)


def drop_other(i: int) -> Set:
    def undo(net: Star, group: str) -> None:
        net.h(i).call("leave_all")
        link = net.h(i).link
        link.link("del", index=link.link_lookup(ifname="other")[0])

    return undo


def joins_elsewhere(net: Star, group: str) -> None:
    speaks(4)(net, group)
    add_other(net, 4)
    net.h(4).join(group, interface="other")
    sends(net, group)


def sends_elsewhere(net: Star, group: str) -> None:
    joins(net, group)
    add_other(net, 0)
    net.h(0).send(group, count=20, interface="other")


def goes_down(port: str) -> Set:
    def make(net: Star, group: str) -> None:
        net.lab.set_port(port, "down")

    return make


def goes_up(port: str) -> Set:
    def undo(net: Star, group: str) -> None:
        net.lab.set_port(port, "up")

    return undo


def carries_an_address(net: Star, group: str) -> None:
    index = net.lab.link.link_lookup(ifname="p2")[0]
    net.lab.link.addr("add", index=index, address="192.0.2.1", prefixlen=24)


def carries_none(net: Star, group: str) -> None:
    index = net.lab.link.link_lookup(ifname="p2")[0]
    net.lab.link.flush_addr(index=index)


def something_on_top(net: Star, group: str) -> None:
    index = net.lab.link.link_lookup(ifname="p2")[0]
    net.lab.link.link("add", ifname="mv0", kind="macvlan", link=index, macvlan_mode="private")


def nothing_on_top(net: Star, group: str) -> None:
    net.lab.link.link("del", index=net.lab.link.link_lookup(ifname="mv0")[0])


def small_mtu(net: Star, group: str) -> None:
    net.lab.set_mtu(1, 1000)
    joins(net, group)
    net.h(0).send(group, count=20, size=1300)


def large_mtu(net: Star, group: str) -> None:
    net.lab.set_mtu(1, 1500)


def two_leave(net: Star, group: str) -> None:
    """Of two viewers behind p1 one leaves."""
    behind = net.h(1)
    hosts = (("10.0.0.71", "02:00:00:00:0e:71"), ("10.0.0.72", "02:00:00:00:0e:72"))
    behind.frames([frames.report_v2(group, address, mac=mac) for address, mac in hosts])
    net.switch.wait_members(group, {"p1"})
    behind.frames([frames.leave_v2(group, hosts[0][0], mac=hosts[0][1])])
    net.lab.settle(behind)


def steals(net: Star, group: str) -> None:
    """h3 speaks with the address of h2, who is there."""
    for i in (2, 3, 2, 3):
        source = net.h(2)
        frame = frames.udp(source.address, "10.0.0.255", mac=source.mac, destination_mac=EVERYBODY)
        net.h(i).frames([frame])
        net.lab.settle(net.h(i))


def storms(net: Star, group: str) -> None:
    host = net.h(2)
    frame = frames.udp(host.address, "10.0.0.255", mac=host.mac, destination_mac=EVERYBODY)
    host.start("frames", frames=[frame.hex()], rate=4000, repeat=16_000)


def streams(net: Star, group: str) -> None:
    net.h(0).start("send", destination=group, count=6000, rate=1500, size=1000)


def floods_igmp(net: Star, group: str) -> None:
    host = net.h(2)
    host.frames([frames.report_v2(group, host.address, mac=host.mac)] * 300)


def falls_silent(net: Star, group: str) -> None:
    """h1 reports once and goes on speaking; h2 answers, and the stream goes on."""
    net.h(2).join(group)
    net.report(1, ("TO_EX", group, []))
    net.switch.wait_members(group, {"p1", "p2"})
    net.switch.wait_members(group, {"p2"})
    speaks(1)(net, group)
    sends(net, group)


def filters_by_reverse_path(net: Star, group: str) -> None:
    """Linux drops queries from where it has no route to; the hosts answer none."""
    for i in (1, 2):
        net.h(i).call("sysctl", path="net/ipv4/conf/all/rp_filter", value="1")
        net.h(i).join(group)
    net.switch.wait_members(group, {"p1", "p2"})
    net.switch.wait_members(group, set())


def filters_nothing(net: Star, group: str) -> None:
    for i in (1, 2):
        net.h(i).call("sysctl", path="net/ipv4/conf/all/rp_filter", value="0")


DENIED = {"p1": {"deny_groups": ["239.30.0.0/24"]}}
SSDP, KNX = "239.255.255.250", "224.0.23.12"
TROUBLES = {
    # Who asks, who routes
    "nobody asks, and the switch prunes": Trouble(
        joins, {"igmp": {"querier": "off"}, "switch": {"no_querier": "prune"}}
    ),
    "nobody asks, and everything floods": Trouble(
        both(joins, streams), {"igmp": {"querier": "off"}}
    ),
    "we ask from no address": Trouble(nothing, igmp(querier_address="0.0.0.0")),
    "somebody asks with our address": Trouble(asks("10.0.0.254"), undo=forgotten),
    "a lower address asks in our place": Trouble(asks("10.0.0.13"), undo=forgotten),
    "the querier is of an older version": Trouble(
        asks("10.0.0.13", version=2), igmp(querier="off"), undo=forgotten
    ),
    "two others ask": Trouble(two_ask, igmp(querier="off"), undo=forgotten),
    "the router has no address": Trouble(
        both(joins, asks("0.0.0.0")), igmp(mrouter_on_null_source=False)
    ),
    "the router is not believed": Trouble(
        both(joins, asks("10.0.0.253")), ports=at("p3", mrouter="never"), undo=forgotten
    ),
    "a host says that it routes": Trouble(both(joins_at(3), says_hello), undo=forgotten),
    # Joins that are refused
    "a filter refuses the join": Trouble(reports(), UNREGISTERED, DENIED),
    "the join names no source in the SSM range": Trouble(
        reports(), UNREGISTERED, group="232.30.0.1"
    ),
    "joins of this version are ignored": Trouble(reports_v2, igmp(ignore_v2=True)),
    "the join has no Router Alert": Trouble(reports(alert=False), igmp(require_router_alert=True)),
    "the join has a TTL of its own": Trouble(reports(ttl=8), igmp(ttl_check=True)),
    "the join is damaged": Trouble(bad_checksum),
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
        lambda net, group: net.report(1, ("TO_IN", group, ["10.0.0.99"])),
        group="232.30.0.2",
        explain=("--port", "p0", "--source", "10.0.0.10"),
    ),
    "the source is of another network": Trouble(both(joins, sends_from_elsewhere)),
    "the TTL is 1 and the members are behind a router": Trouble(
        both(says_hello, sends_with_ttl_one), undo=forgotten
    ),
    "the sender tags, the listener does not": Trouble(
        both(joins, sends_tagged), explain=("--port", "p0", "--vlan", "10")
    ),
    "the listener tags, the sender does not": Trouble(both(joins_tagged, sends)),
    "two groups have one MAC address": Trouble(
        reports("239.32.0.1", "239.160.0.1"), group="239.32.0.1"
    ),
    "somebody uses another's MAC address": Trouble(steals),
    "one host does not answer": Trouble(falls_silent),
    "nobody answers: the querier's address and a reverse path filter": Trouble(
        filters_by_reverse_path, igmp(querier_address="192.168.99.1"), undo=filters_nothing
    ),
    # Ports
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
    "snooping is off": Trouble(nothing, igmp(enabled=False)),
}
