"""What hosts and cables do to make a trouble of `troubles`; each gets the star and a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netns.star import Star
from snoop.lab import frames, frames_ipv6, wait_until
from snoop.lab.host import Host, Job

EVERYBODY = "ff:ff:ff:ff:ff:ff"
PORTS = ("p0", "p1", "p2", "p3", "p4")
G = "239.30.0.{}"
LASTS = {"query_interval": 10.0}  # what was joined, and refused, lasts until it has been named
UNREGISTERED = {"switch": {"unregistered": "mrouters"}, "igmp": LASTS}
Tables = Mapping[str, Any]
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
    return {**UNREGISTERED, "igmp": {**LASTS, **keys}}


def asked(**keys: Any) -> Tables:
    """The same where somebody is to fall silent."""
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
    if ":" in group:
        origin = net.h(0)
        origin.frames([frames_ipv6.udp(origin.link_local, group, bytes(100), mac=origin.mac)] * 20)
    else:
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


def bad_checksum_of_mld(net: Star, group: str) -> None:
    host = net.h(1)
    frame = frames_ipv6.report_v2([("TO_EX", group, [])], host.link_local, mac=host.mac)
    host.frames([frame[:-1] + bytes([frame[-1] ^ 1])])
    net.lab.settle(host)


UNDER_WAY: list[Job] = []


def stops() -> None:
    """What goes on until it has been named ends."""
    while UNDER_WAY:
        UNDER_WAY.pop().stop()


def goes_on(host: Host, *said: bytes) -> None:
    """The host says it now, and again every second."""
    host.frames(said)
    hexes = [frame.hex() for frame in said]
    UNDER_WAY.append(host.start("frames", frames=hexes, rate=len(said), repeat=1 << 24))


def asks(source: str, **how: Any) -> Set:
    """h3 sends a query: one, which is counted."""

    def make(net: Star, group: str) -> None:
        net.query_from(3, source, **how)
        net.lab.settle(net.h(3))

    return make


def two_ask(net: Star, group: str) -> None:
    """A querier that is older than the other does not give way to it."""
    for i in (2, 3):
        host = net.h(i)
        goes_on(host, frames.query(f"10.0.0.1{i}", mac=host.mac))


def forgotten(net: Star, group: str) -> None:
    """Nobody is taken for a router any more."""
    wait_until(lambda: not net.switch.show("mrouters")["mrouters"], within=20, what="no routers")


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
    goes_on(host, frames.pim_hello(host.address, mac=host.mac, holdtime=4))


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
    UNDER_WAY.append(host.start("frames", frames=[frame.hex()], rate=4000, repeat=1 << 24))


def streams(net: Star, group: str) -> None:
    sending = net.h(0).start("send", destination=group, count=1 << 24, rate=1500, size=1000)
    UNDER_WAY.append(sending)


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


def joins_but(net: Star, group: str) -> None:
    """h1 joins, but for the sender; who sends all the same."""
    net.report(1, ("TO_EX", group, [net.h(0).address]))
    net.switch.wait_members(group, {"p1"})
    sends(net, group)


def joins_source(net: Star, group: str) -> None:
    """h1 asks for somebody else."""
    net.report(1, ("TO_IN", group, ["10.0.0.99"]))
    net.switch.wait_members(group, {"p1"})
    sends(net, group)


def claims_to_route(net: Star, group: str) -> None:
    """h3 says to be more routers than a port may have."""
    host = net.h(3)
    addresses = [f"10.0.7.{number}" for number in range(1, 67)]
    goes_on(host, *(frames.pim_hello(each, mac=host.mac, holdtime=4) for each in addresses))


def two_behind(net: Star, group: str) -> None:
    """More hosts behind p1 than are tracked."""
    behind = net.h(1)
    hosts = (("10.0.0.71", "02:00:00:00:0e:71"), ("10.0.0.72", "02:00:00:00:0e:72"))
    behind.frames([frames.report_v2(group, address, mac=mac) for address, mac in hosts])
    net.lab.settle(behind)


def joins_too_much(net: Star, group: str) -> None:
    """h1 asks for more than a MiB of groups and sources; the group itself comes last."""
    host = net.h(1)
    sources = [f"10.2.{number >> 8}.{number & 255}" for number in range(60)]
    wanted = [f"239.40.{number >> 8}.{number & 255}" for number in range(100)] + [group]
    host.frames(
        [
            frames.report_v3([("TO_IN", each, sources)], host.address, mac=host.mac)
            for each in wanted
        ]
    )
    net.lab.settle(host)


def is_a_router_for_runs(net: Star, group: str) -> None:
    joins(net, group)
    net.query_from(3, "10.0.0.253")
    net.lab.settle(net.h(3))


def breaks_rules(net: Star, group: str) -> None:
    """h1 says more records than it has."""
    host = net.h(1)
    body = bytearray(frames.record("TO_EX", group, []))
    message = frames.message(0x22, 0, "0.0.0.9", bytes(body))
    host.frames([frames.control(message, host.address, "224.0.0.22", mac=host.mac)])
    net.lab.settle(host)


def shares_an_address(net: Star, group: str) -> None:
    """h2 takes the address of h1; both join."""
    readdress(net, 2, net.h(1).address)
    for i in (1, 2):
        net.h(i).join(group)
    net.switch.wait_members(group, {"p1", "p2"})


def has_its_own(net: Star, group: str) -> None:
    readdress(net, 2, net.h(2).address)


def readdress(net: Star, i: int, address: str) -> None:
    host, link = net.h(i), net.h(i).link
    host.call("sysctl", path="net/ipv4/conf/eth0/promote_secondaries", value="1")
    index = link.link_lookup(ifname="eth0")[0]
    old = link.get_addr(index=index, family=2)[0].get_attr("IFA_ADDRESS")
    link.addr("add", index=index, address=address, prefixlen=24)
    link.addr("del", index=index, address=old, prefixlen=24)


def reports_v1(net: Star, group: str) -> None:
    """h1 joins as hosts of IGMPv1 do, and answers late."""
    host = net.h(1)
    host.frames([frames.report_v1(group, host.address, mac=host.mac)])
    net.switch.wait_members(group, {"p1"})
    net.switch.wait_members(group, set())


def comes_twice(net: Star, group: str) -> None:
    """What h0 sends comes in from h2 as well."""
    joins(net, group)
    frame = frames.udp(net.h(0).address, group, mac=net.h(0).mac)
    other = frames.udp(net.h(0).address, group, mac=net.h(2).mac)
    for i, each in ((0, frame), (2, other)):
        net.h(i).frames([each] * 20)
        net.lab.settle(net.h(i))


def sends_astray(net: Star, group: str) -> None:
    """h0 sends to a MAC address that is none of the group's."""
    host = net.h(0)
    astray = frames.udp(
        host.address, group, bytes(1000), mac=host.mac, destination_mac="01:00:5e:7f:00:01"
    )
    UNDER_WAY.append(host.start("frames", frames=[astray.hex()], rate=1500, repeat=1 << 24))
    wait_until(lambda: net.switch.show("streams")["streams"], within=20, what="it comes in")
