"""What is sent in one VLAN stays in it, whatever it is, and leaves each port as that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, LLC, STP, Dot3, Ether

from netns.star import names
from netns.vlans import ONE, TEN, TWENTY, VlanStar, access, vlan_star
from snoop.lab import frames, frames_ipv6, wait_until
from snoop.lab.datagrams import payload
from snoop.lab.host import Host

HERE, THERE = "239.20.0.1", "239.20.0.2"
STATION = "02:00:00:00:0f:01"  # sends what a host would not
BROADCAST = "ff:ff:ff:ff:ff:ff"
LL = "fe80::ff:fe00:f01"


@pytest.fixture(scope="module")
def rooms() -> Iterator[VlanStar]:
    with vlan_star(ipv6=True) as made:
        yield made


@pytest.fixture
def net(rooms: VlanStar) -> VlanStar:
    rooms.quiet()
    return rooms


def udp4(to: str, **how: Any) -> bytes:
    return frames.udp("10.0.0.99", to, payload(1, 1, 120), mac=STATION, **how)


def udp6(to: str) -> bytes:
    return frames_ipv6.udp(LL, to, payload(1, 1, 120), mac=STATION)


def other(destination: str, ethertype: int) -> bytes:
    return bytes(Ether(src=STATION, dst=destination, type=ethertype)) + bytes(range(60))


def arp() -> bytes:
    asked = ARP(op=1, hwsrc=STATION, psrc="10.0.0.99", pdst="10.0.0.12")
    return bytes(Ether(src=STATION, dst=BROADCAST) / asked) + bytes(18)


def solicitation() -> bytes:
    ether = Ether(src=STATION, dst="33:33:ff:00:00:12")
    return bytes(
        ether / IPv6(src=LL, dst="ff02::1:ff00:12", hlim=255) / ICMPv6ND_NS(tgt="fd00::12")
    )


def bpdu() -> bytes:
    return bytes(Dot3(src=STATION, dst="01:80:c2:00:00:00") / LLC() / STP()).ljust(60, b"\0")


FLOODED: dict[str, Callable[[Host], bytes]] = {
    "unicast nobody knows": lambda _: udp4("10.0.0.77", destination_mac="02:00:00:00:0f:77"),
    "unicast to a host of the other VLAN": lambda far: udp4(far.address, destination_mac=far.mac),
    "broadcast": lambda _: udp4("255.255.255.255", destination_mac=BROADCAST),
    "an ARP request for a host of the other": lambda _: arp(),
    "IPv4 multicast nobody joined": lambda _: udp4("239.20.99.99"),
    "224.0.0.5": lambda _: udp4("224.0.0.5"),
    "mDNS": lambda _: udp4("224.0.0.251"),
    "IPv6 multicast nobody joined": lambda _: udp6("ff0e::20:99"),
    "ff02::1": lambda _: udp6("ff02::1"),
    "mDNS of IPv6": lambda _: udp6("ff02::fb"),
    "a neighbour solicitation": lambda _: solicitation(),
    "multicast that is not IP (PTP)": lambda _: other("01:1b:19:00:00:00", 0x88F7),
    "an ethertype nobody knows": lambda _: other(BROADCAST, 0x9999),
    "spanning tree (L2-1)": lambda _: bpdu(),
}
CONTROL = {
    "an IGMP general query": lambda: frames.query(
        "10.0.99.1", mac=STATION, response=0.4, interval=1
    ),
    "an IGMP specific query": lambda: frames.query("10.0.99.1", HERE, mac=STATION, response=0.4),
    "an IGMPv1 report": lambda: frames.report_v1(HERE, "10.0.0.99", mac=STATION),
    "an IGMPv2 report": lambda: frames.report_v2(HERE, "10.0.0.99", mac=STATION),
    "an IGMPv3 report": lambda: frames.report_v3([("TO_EX", HERE, [])], "10.0.0.99", mac=STATION),
    "a leave": lambda: frames.leave_v2(HERE, "10.0.0.99", mac=STATION),
    "a PIM hello": lambda: frames.pim_hello("10.0.99.1", holdtime=1, mac=STATION),
    "an MLD query": lambda: frames_ipv6.query(LL, mac=STATION, response=0.4, interval=1),
    "an MLDv1 report": lambda: frames_ipv6.report_v1("ff0e::20:1", LL, mac=STATION),
    "an MLDv2 report": lambda: frames_ipv6.report_v2(
        [("TO_EX", "ff0e::20:1", [])], LL, mac=STATION
    ),
    "an MLD done": lambda: frames_ipv6.done("ff0e::20:1", LL, mac=STATION),
    "a PIM hello of IPv6": lambda: frames_ipv6.pim_hello(LL, holdtime=1, mac=STATION),
}


@pytest.mark.parametrize("kind", FLOODED)
def test_what_is_flooded_reaches_its_whole_vlan_and_nobody_else(net: VlanStar, kind: str) -> None:
    """VLAN-1, VLAN-3, VLAN-5: from an access port and from a trunk, priority kept on trunks."""
    frame = FLOODED[kind](net.h(2))
    assert net.reached_by(0, frame, vid=TEN) == access(TEN) - names(0)
    assert net.reached_by(4, frame, vid=TEN, pcp=5) == access(TEN) - names(4)
    assert net.reached_by(5, frame, vid=ONE) == names(6)


def test_what_no_switch_forwards_reaches_nobody(net: VlanStar) -> None:
    """L2-1: LLDP, in a VLAN as without."""
    frame = other("01:80:c2:00:00:0e", 0x88CC)
    assert net.reached_by(0, frame, vid=TEN) == set()
    assert net.reached_by(4, frame, vid=TEN) == set()


@pytest.mark.parametrize("kind", CONTROL)
def test_what_snooping_reads_leaves_its_vlan_no_more_than_data(net: VlanStar, kind: str) -> None:
    """VLAN-1, spec 113, 117: nor does anybody's state of the other VLAN change."""
    before = state_of(net, TWENTY)
    for sender in (0, 4):
        assert net.reached_by(sender, CONTROL[kind](), vid=TEN) <= access(TEN)
    assert state_of(net, TWENTY) == before


def state_of(net: VlanStar, vid: int) -> list[Any]:
    """Groups, router ports and roles there: what does not pass with time."""
    shown = net.switch.show("querier", vlan=vid)["queriers"]
    return [
        sorted((row["group"], row["port"]) for row in net.switch.mdb(vlan=vid)
               if not row["group"].startswith("ff02:")),
        net.switch.show("mrouters", vlan=vid)["mrouters"],
        sorted((row["family"], row["role"], row["address"]) for row in shown),
    ]  # fmt: skip


def test_a_join_in_one_vlan_delivers_nothing_in_the_other(net: VlanStar) -> None:
    """VLAN-1: one group, one source, both VLANs; kernel hosts join one after the other."""
    source = "10.0.0.10"
    net.h(1).join(HERE)
    net.switch.wait_members(HERE, {"p1"}, vlan=TEN)

    def twenty(*hosts: int) -> None:
        """The stream of VLAN 20 reaches them; the report is crafted, and nobody answers for it."""
        net.report_in(5, HERE, TWENTY)
        net.switch.wait_members(HERE, {f"p{host}" for host in hosts}, vlan=TWENTY)
        assert net.reached(HERE, source=source, sender=2) == names(*hosts)

    assert net.reached(HERE, source=source) == names(1)
    twenty(5)
    net.h(3).join(HERE, source)
    twenty(3, 5)
    assert net.reached(HERE, source=source) == names(1)
    net.h(1).leave(HERE)
    net.switch.wait_members(HERE, set(), vlan=TEN)
    assert net.reached(HERE, source=source) == set()
    twenty(3, 5)


def test_a_join_of_ipv6_in_one_vlan_delivers_nothing_in_the_other(net: VlanStar) -> None:
    group = "ff0e::20:2"
    net.h(2).join(group)
    net.switch.wait_members(group, {"p2"}, vlan=TWENTY)
    net.report_in(4, group, TEN)
    net.switch.wait_members(group, {"p4"}, vlan=TEN)
    assert net.reached(group, source="fd00::99") == names(4)
    assert net.reached(group, source="fd00::99", sender=3) == names(2)


def test_addresses_are_learned_per_vlan(net: VlanStar) -> None:
    """The same station at p1 in VLAN 10 and at p4 in VLAN 20: two entries, each in its own."""
    net.switch.quick("clear", "fdb")
    hello = udp4("255.255.255.255", destination_mac=BROADCAST)
    net.reached_by(1, hello, vid=TEN)
    net.reached_by(4, hello, vid=TWENTY)

    def places() -> set[tuple[int, str]]:
        rows = net.switch.show("fdb")["fdb"]
        return {(row["vlan"], row["port"]) for row in rows if row["mac"] == STATION}

    wait_until(lambda: places() == {(TEN, "p1"), (TWENTY, "p4")}, within=20, what=str(places()))
    for vid, sender, station in ((TEN, 0, 1), (TWENTY, 2, 4)):
        host = net.h(sender)
        to_it = frames.udp(host.address, "10.0.0.99", mac=host.mac, destination_mac=STATION)
        assert net.reached_by(sender, to_it, vid=vid) == names(station)


def test_kernel_hosts_reach_their_own_vlan_over_access_and_trunk(net: VlanStar) -> None:
    """ARP, ping, TCP in oversize frames and runs of UDP: access to trunk and back, whole; the same
    addresses in the other VLAN hear nothing of it."""
    lab, one, far = net.lab, net.h(0), net.h(4)
    if "eth0.10" not in {link.get_attr("IFLA_IFNAME") for link in far.link.get_links()}:
        lab.add_vlan(far, TEN)
        lab.add_vlan(far, TWENTY)
        for host in (one, net.h(2)):
            lab.add_address(host, "10.10.0.10")
    assert one.run(["ping", "-c1", "-w10", "10.10.0.14"]).returncode == 0
    for i in (1, 2, 3, 5, 6):
        net.h(i).call("tap", on=True, tcp=True)
        net.h(i).record("all")
        net.h(i).reset()
    far.call("tcp_serve", port=7001, verify=True)
    one.call("tcp_serve", port=7001, verify=True)
    for sender, to in ((one, "10.10.0.14"), (far, "10.10.0.10")):
        done = sender.start("tcp_send", destination=to, port=7001, blocks=40).result(60)
        assert done["intact"]
    for i in (2, 3, 6):
        heard = [c.frame for c in net.h(i).captured() if c.frame[6:12] == mac_of(one)]
        assert heard == [], f"h{i}"
    group = "239.20.0.7"
    far.join(group, interface="eth0.10")
    net.switch.wait_members(group, {"p4"}, vlan=TEN)
    one.send(group, count=2000, rate=10_000, segments=10, size=1000, stream=7)
    net.settle(one)
    assert far.app(group, interface="eth0.10").unique == 2000
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1", "p4"}, vlan=TEN)
    far.send(group, count=2000, rate=10_000, segments=10, size=1000, stream=8, interface="eth0.10")
    net.settle(far)
    assert net.h(1).app(group).unique == 2000
    for i in (2, 3, 6):
        assert net.h(i).wire(group).frames == 0, f"h{i}"


def mac_of(host: Host) -> bytes:
    return bytes.fromhex(host.mac.replace(":", ""))


@pytest.mark.parametrize("vid", [TWENTY, ONE, 30, 4094])
def test_a_tag_of_no_vlan_of_the_port_is_refused_by_name(net: VlanStar, vid: int) -> None:
    """VLAN-3, spec 115: no state of it, one `vlan_filtered` each; an access port takes its own VID
    tagged, and gives it untagged."""
    frame = udp4("239.20.99.98")
    report = frames.report_v3([("TO_EX", THERE, [])], "10.0.0.99", mac=STATION)
    query = frames.query("10.0.99.1", mac=STATION)
    before = net.switch.counters("p0")["vlan_filtered"]
    sent = [frames.tagged(each, vid, pcp=3) for each in (frame, report, query)]
    assert [name for name, came in net.received(0, sent).items() if came] == []
    assert net.switch.counters("p0")["vlan_filtered"] == before + len(sent)
    assert net.switch.mdb(group=THERE) == []
    assert all(row["port"] != "p0" for row in net.switch.show("mrouters")["mrouters"])
    own = net.received(0, [frames.tagged(frame, TEN, pcp=3)])
    assert own["h1"] == [frame]
    assert own["h4"] == own["h5"] == [frames.tagged(frame, TEN, pcp=3)]
    assert own["h2"] == own["h3"] == own["h6"] == []


def test_untagged_frames_of_a_trunk_without_native_vlan_are_refused(net: VlanStar) -> None:
    """VLAN-2, VLAN-3: also with a priority tag; where there is a native VLAN they are in it."""
    frame = udp4("239.20.99.97")
    priority = frames.tagged(frame, 0, pcp=6)
    before = net.switch.counters("p4")["vlan_filtered"]
    assert not any(net.received(4, [frame, priority]).values())
    # What h4's own IPv6 says without a tag is refused as well.
    assert net.switch.counters("p4")["vlan_filtered"] >= before + 2
    got = net.received(5, [frame, priority])
    assert got.pop("h6") == [frame, frame]
    assert not any(got.values())


def test_what_the_kernel_redirects_stays_in_its_vlan(net: VlanStar) -> None:
    """VLAN-1, VLAN-3: while TCP runs from h0 to h1 by the short cut, h1's address is no way into
    VLAN 10 for others, by any tag; from the trunk it is one."""
    one, two = net.h(0), net.h(1)
    two.call("tcp_serve", port=7003, verify=True)
    for _ in range(2):
        done = one.start("tcp_send", destination=two.address, port=7003, blocks=20).result(60)
        assert done["intact"]
    known = wait_until(
        lambda: [row for row in net.switch.show("fdb")["fdb"] if row["mac"] == two.mac], within=20
    )
    assert {(row["vlan"], row["port"]) for row in known} == {(TEN, "p1")}
    frame = udp4(two.address, destination_mac=two.mac)
    assert net.reached_by(2, frame, vid=TWENTY) == access(TWENTY) - names(2)
    assert net.reached_by(4, frame, vid=TWENTY) == access(TWENTY) - names(4)
    assert net.reached_by(6, frame, vid=ONE) == names(5)
    assert not any(net.received(2, [frames.tagged(frame, TEN)]).values())
    assert net.reached_by(4, frame, vid=TEN, pcp=4) == names(1)


def test_every_frame_is_accounted_for(net: VlanStar) -> None:
    """Spec 139: by verdict where it came in, by port where it left, tagged or not."""
    net.report_in(1, HERE, TEN)
    net.report_in(5, HERE, TEN)
    net.switch.wait_members(HERE, {"p1", "p5"}, vlan=TEN)
    sent = [udp4(HERE)] * 10 + [udp4("239.20.99.1")] * 5 + [frames.tagged(udp4(HERE), TWENTY)] * 7
    before = net.switch.show("counters")["ports"]
    net.received(0, sent)
    after = net.switch.show("counters")["ports"]
    moved = {name: after["p0"][name] - before["p0"][name] for name in after["p0"]}
    assert (moved["forward_group"], moved["forward_unregistered"]) == (10, 5)
    assert moved["vlan_filtered"] == 7
    due = {"h1": 15, "h4": 5, "h5": 15}
    for host in net.lab.hosts:
        got = host.wire(HERE).datagrams + host.wire("239.20.99.1").datagrams
        left = after[host.port]["tx_frames"] - before[host.port]["tx_frames"]
        assert left >= got == due.get(host.name, 0), host.name
