"""The kernel's selftests of a bridge with VLANs, and Infix's, asked of this switch from outside.

What bridge_vlan_aware.sh, bridge_mdb.sh, bridge_mdb_max.sh, bridge_mdb_port_down.sh,
bridge_igmp.sh, bridge_mld.sh and bridge_port_isolation.sh look for, in words and frames of our own.
Elsewhere: bridge_vlan_mcast.sh in `test_vlan_queriers.py`, Infix's igmp_vlan and
bridge_vlan_separation in `test_vlan_switches.py`, its bridge_vlan (a neighbour that untags) in
`test_vlan_neighbours.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from scapy.layers.l2 import Ether

from netns.star import Star, names, star
from netns.vlans import ONE, TEN, TWENTY, VlanStar, access, vlan_star
from snoop.lab import frames, wait_until
from snoop.lab.datagrams import payload

STATION = "02:00:00:00:0d:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"
GROUP, GROUP6, MAC = "239.25.0.1", "ff0e::25:1", "01:00:00:01:02:03"


@pytest.fixture(scope="module")
def rooms() -> Iterator[VlanStar]:
    with vlan_star(ipv6=True) as made:
        yield made


@pytest.fixture
def net(rooms: VlanStar) -> VlanStar:
    rooms.quiet()
    return rooms


def to_station(source: str = "02:00:00:00:0d:02") -> bytes:
    return frames.udp("10.0.0.98", "10.0.0.99", mac=source, destination_mac=STATION)


def from_station(to: str = BROADCAST) -> bytes:
    return frames.udp("10.0.0.99", "10.0.0.98", mac=STATION, destination_mac=to)


def layer2(to: str) -> bytes:
    return bytes(Ether(src=STATION, dst=to, type=0x9999)) + bytes(50)


# --- bridge_vlan_aware.sh, bridge_vlan_unaware.sh


@pytest.mark.parametrize("aware", [True, False])
def test_ping_learning_and_flooding(aware: bool) -> None:
    """Ping of both families; an unknown address floods, a learned one goes to its port, until it
    ages or its port goes down."""
    switch = {"vlan_filtering": aware, "fdb_ageing": 10.0}
    with star(4, switch=switch, quiet_ipv6=False, pruning=False) as net:
        for address in (net.h(1).address, net.h(1).address6):
            assert net.h(0).run(["ping", "-c1", "-w10", address]).returncode == 0
        for host in net.lab.hosts:
            host.record("all")
        assert who_gets(net, 0, to_station()) == names(1, 2, 3)
        net.h(1).frames([from_station()])
        net.lab.settle(net.h(1))
        assert who_gets(net, 0, to_station()) == names(1)
        net.lab.set_port("p1", "down")
        wait_until(
            lambda: all(row["mac"] != STATION for row in net.switch.show("fdb")["fdb"]), within=20
        )
        net.lab.set_port("p1", "up")
        wait_until(lambda: net.switch.show("ports")["ports"][1]["state"] == "up", within=20)
        assert who_gets(net, 0, to_station()) == names(1, 2, 3)


def who_gets(net: Star, sender: int, frame: bytes) -> set[str]:
    for host in net.lab.hosts:
        host.reset()
    net.h(sender).frames([frame])
    net.lab.settle(net.h(sender))
    return {h.name for h in net.lab.hosts if frame in [c.frame for c in h.captured()]}


@pytest.mark.parametrize("tpid", [0x88A8, 0x9100])
def test_another_tag_type_is_no_tag(net: VlanStar, tpid: int) -> None:
    """other_tpid: in the PVID's VLAN, whatever id it says, and behind the tag as it came."""
    frame = frames.tagged(from_station(), TWENTY, pcp=3, tpid=tpid)
    assert net.reached_by(0, frame, vid=TEN) == access(TEN) - names(0)
    assert net.reached_by(6, frame, vid=ONE) == names(5)
    assert net.reached_by(4, frame, vid=TEN, pcp=2) == access(TEN) - names(4)


@pytest.mark.parametrize("pcp", [0, 7])
def test_priority_tags_are_in_the_pvid_and_keep_the_priority_on_trunks(
    net: VlanStar, pcp: int
) -> None:
    """8021p, VLAN-2, spec 114: untagged at access ports."""
    frame = from_station()
    got = net.received(0, [frames.tagged(frame, 0, pcp=pcp)])
    assert got["h1"] == [frame]
    assert got["h4"] == got["h5"] == [frames.tagged(frame, TEN, pcp=pcp)]
    assert not any(got[f"h{i}"] for i in (2, 3, 6))


@pytest.mark.parametrize("tag", [None, (0x8100, 0), (0x8100, 6 << 13), (0x88A8, TEN)])
def test_without_a_pvid_what_has_no_tag_is_dropped(
    net: VlanStar, tag: tuple[int, int] | None
) -> None:
    """drop_untagged: untagged, with a priority tag, with one of 802.1ad."""
    frame = from_station()
    if tag:
        frame = frames.tagged(frame, tag[1] & 0xFFF, pcp=tag[1] >> 13, tpid=tag[0])
    before = net.switch.counters("p4")["vlan_filtered"]
    assert not any(net.received(4, [frame]).values())
    # What h4's own IPv6 says without a tag is refused as well.
    assert net.switch.counters("p4")["vlan_filtered"] >= before + 1


def test_a_vlan_that_leaves_a_port_takes_nothing_else_with_it() -> None:
    """vlan_deletion: what the port still has goes on, what it has no more ends both ways."""
    with vlan_star() as net:
        frame = from_station()
        assert "h4" in net.reached_by(0, frame, vid=TEN)
        net.switch.do("port", "set", "p4", "trunk=20")
        net.members = {**net.members, "h4": {TWENTY: True}}
        assert net.reached_by(0, frame, vid=TEN) == names(1, 5)
        assert net.reached_by(2, frame, vid=TWENTY) == names(3, 4, 5)
        assert net.reached_by(4, frame, vid=TWENTY) == names(2, 3, 5)
        assert not any(net.received(4, [frames.tagged(frame, TEN)]).values())
        net.switch.do("port", "set", "p4", "trunk=20", "native=10")
        net.members = {**net.members, "h4": {TWENTY: True, TEN: False}}
        assert net.reached_by(0, frame, vid=TEN) == names(1, 4, 5)
        assert net.reached_by(4, frame, vid=TEN) == names(0, 1, 5)


# --- bridge_mdb.sh, Infix's static_multicast_filters


def test_static_entries_hold_in_their_vlan(net: VlanStar) -> None:
    """cfg and fwd tests: added and deleted by VLAN."""
    frame = frames.udp("10.0.0.10", GROUP, payload(1, 1, 99), mac=STATION)
    holds_in_its_vlan(net, GROUP, frame)


def test_static_entries_by_mac_hold_in_their_vlan(net: VlanStar) -> None:
    """The same of layer 2, with Infix's MAC: IP to it is not concerned, another MAC floods."""
    holds_in_its_vlan(net, MAC, layer2(MAC))
    net.switch.do("mdb", "add", MAC, "--port", "p1", "--port", "p4", "--vlan", "10")
    assert net.reached_by(0, layer2(MAC), vid=TEN) == names(1, 4)
    assert net.reached_by(0, layer2("01:00:00:01:02:04"), vid=TEN) == access(TEN) - names(0)
    ip = frames.udp("10.0.0.10", "239.25.9.9", mac=STATION, destination_mac=MAC)
    assert net.reached_by(0, ip, vid=TEN) == access(TEN) - names(0)
    net.switch.do("mdb", "del", MAC, "--port", "p1", "--port", "p4", "--vlan", "10")
    refused = net.switch.run("mdb", "add", "00:01:02:03:04:05", "--port", "p1")
    assert refused.returncode == 2


def holds_in_its_vlan(net: VlanStar, group: str, frame: bytes) -> None:
    assert net.reached_by(0, frame, vid=TEN) == access(TEN) - names(0)
    net.switch.do("mdb", "add", group, "--port", "p4", "--vlan", "10")
    assert net.reached_by(0, frame, vid=TEN) == names(4)
    assert net.reached_by(2, frame, vid=TWENTY) == access(TWENTY) - names(2)
    net.switch.do("mdb", "del", group, "--port", "p4", "--vlan", "10")
    assert net.reached_by(0, frame, vid=TEN) == access(TEN) - names(0)


def test_a_static_entry_of_one_source_in_one_vlan(net: VlanStar) -> None:
    """fwd_test, (S, G): the other source, and the other VLAN, are not concerned."""
    group = "239.25.0.2"
    net.switch.do("mdb", "add", group, "--port", "p5", "--source", "10.0.0.1", "--vlan", "20")
    wanted, other = (frames.udp(f"10.0.0.{i}", group, mac=STATION) for i in (1, 2))
    assert net.reached_by(2, wanted, vid=TWENTY) == names(5)
    assert net.reached_by(2, other, vid=TWENTY) == set()
    assert net.reached_by(0, other, vid=TEN) == access(TEN) - names(0)
    net.switch.do("mdb", "del", group, "--port", "p5", "--source", "10.0.0.1", "--vlan", "20")


def test_where_no_vlan_is_said_it_is_the_ports_own(net: VlanStar) -> None:
    """cfg_test_port_common; ours: the PVID, or a refusal that names the VLANs of the trunk."""
    net.switch.do("mdb", "add", GROUP, "--port", "p1")
    frame = frames.udp("10.0.0.10", GROUP, mac=STATION)
    assert net.reached_by(0, frame, vid=TEN) == names(1)
    net.switch.do("mdb", "del", GROUP, "--port", "p1")
    refused = net.switch.run("mdb", "add", GROUP, "--port", "p4")
    assert refused.returncode == 2
    assert "p4 is a trunk without native, of VLAN 10, 20" in refused.stderr
    refused = net.switch.run("mdb", "add", GROUP, "--port", "p1", "--vlan", "99")
    assert refused.returncode in (1, 2)
    assert "10" in refused.stderr


def test_clear_forgets_by_vlan(net: VlanStar) -> None:
    """cfg_test_flush: by VLAN, by port, not the other's."""
    for vid, i in ((TEN, 1), (TEN, 5), (TWENTY, 3), (TWENTY, 5)):
        net.report_in(i, GROUP, vid)
    net.switch.wait_members(GROUP, {"p1", "p5"}, vlan=TEN)
    net.switch.wait_members(GROUP, {"p3", "p5"}, vlan=TWENTY)
    net.switch.quick("clear", "mdb", "--vlan", "10", "--port", "p5")
    assert net.switch.members(GROUP, vlan=TEN) == {"p1"}
    assert net.switch.members(GROUP, vlan=TWENTY) == {"p3", "p5"}
    net.switch.quick("clear", "mdb", "--vlan", "20")
    assert net.switch.members(GROUP, vlan=TEN) == {"p1"}
    assert net.switch.members(GROUP, vlan=TWENTY) == set()


def test_the_kernels_own_format_has_the_vlan(net: VlanStar) -> None:
    """What `bridge -j mdb show` prints of an entry in a VLAN."""
    net.report_in(1, GROUP, TEN)
    net.switch.wait_members(GROUP, {"p1"}, vlan=TEN)
    shown = json.loads(net.switch.quick("show", "mdb", "--format", "bridge"))
    rows = [row for each in shown for row in each["mdb"] if row["grp"] == GROUP]
    assert [(row["port"], row["vid"]) for row in rows] == [("p1", TEN)]


# --- bridge_mdb_max.sh


def test_groups_of_a_port_are_limited_in_each_vlan() -> None:
    """mcast_max_groups of a (port, VLAN): the third of VLAN 10 is refused, VLAN 20 is not asked."""
    own = [{"vid": TEN, "querier_address": "10.0.10.254", "port_max_groups": 2},
           {"vid": TWENTY, "querier_address": "10.0.20.254"}]  # fmt: skip
    with vlan_star(own=own) as net:
        groups = [f"239.25.1.{i}" for i in range(1, 5)]
        for group in groups:
            net.report_in(4, group, TEN)
            net.report_in(4, group, TWENTY)
        wait_until(lambda: len(net.switch.mdb(vlan=TWENTY)) == 4, within=20)
        assert {row["group"] for row in net.switch.mdb(vlan=TEN)} == set(groups[:2])
        net.report_in(5, groups[3], TEN)
        net.switch.wait_members(groups[3], {"p5"}, vlan=TEN)


# --- bridge_igmp.sh, bridge_mld.sh: each VLAN its own filters


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_filters_of_one_group_differ_by_vlan(net: VlanStar, family: str) -> None:
    """v3 include and exclude, SM-1 to SM-12 by sample: INCLUDE {a} in VLAN 10 and EXCLUDE {a} in
    VLAN 20 of one group; then each blocks, allows and leaves for itself."""
    six = family == "ipv6"
    group = GROUP6 if six else GROUP
    a, b = ("fd00::a1", "fd00::b1") if six else ("10.0.0.201", "10.0.0.202")
    net.h(1).join(group, a)
    net.h(3).filter(group, "exclude", [a])
    net.switch.wait_row(group, "p1", filter_mode="include", forwarding={a})
    net.switch.wait_row(group, "p3", filter_mode="exclude", blocked={a})

    def sources(sender: int) -> dict[str, set[str]]:
        return net.reached_from([a, b], group, sender=sender)

    assert sources(0) == {a: names(1), b: set()}
    assert sources(2) == {a: set(), b: names(3)}
    net.h(1).filter(group, "exclude", [b])
    net.switch.wait_row(group, "p1", filter_mode="exclude", blocked={b})
    assert sources(0) == {a: names(1), b: set()}
    assert sources(2) == {a: set(), b: names(3)}
    net.h(3).leave(group)
    net.switch.wait_members(group, set(), vlan=TWENTY)
    assert sources(0) == {a: names(1), b: set()}
    assert sources(2) == {a: set(), b: set()}


def test_a_port_that_goes_down_forgets_in_all_its_vlans_and_no_other_port_does(
    net: VlanStar,
) -> None:
    """bridge_mdb_port_down.sh, SM-67."""
    for vid in (TEN, TWENTY):
        net.report_in(4, GROUP, vid)
        net.report_in(5, GROUP, vid)
        net.switch.wait_members(GROUP, {"p4", "p5"}, vlan=vid)
    net.lab.set_port("p4", "down")
    for vid in (TEN, TWENTY):
        net.switch.wait_members(GROUP, {"p5"}, vlan=vid)
    net.lab.set_port("p4", "up")
    wait_until(lambda: net.switch.show("ports")["ports"][4]["state"] == "up", within=20)


# --- bridge_port_isolation.sh


def test_ports_of_one_split_horizon_do_not_reach_each_other() -> None:
    """ping_ipv4, ping_ipv6, flooding: two isolated ports and one that is not; and streams."""
    mesh = {"split_horizon": "mesh"}
    with star(4, ports={"p0": mesh, "p1": mesh}, quiet_ipv6=False, pruning=False) as net:
        for address in (net.h(1).address, net.h(1).address6):
            assert net.h(0).run(["ping", "-c1", "-W1", address]).returncode != 0
            assert net.h(2).run(["ping", "-c1", "-w10", address]).returncode == 0
        for host in net.lab.hosts:
            host.record("all")
            host.reset()
        net.h(0).frames([to_station()])
        net.lab.settle(net.h(0), [net.h(2), net.h(3)])
        net.lab.settle(net.h(2))
        got = {h.name for h in net.lab.hosts if to_station() in [c.frame for c in h.captured()]}
        assert got == names(2, 3)
        net.switch.wait_pruning()
        for i in (1, 2):
            net.h(i).join(GROUP)
        net.switch.wait_members(GROUP, {"p1", "p2"})
        for sender, wanted in ((0, names(2)), (3, names(1, 2))):
            for host in net.lab.hosts:
                host.reset()
            net.h(sender).send(GROUP, count=100, rate=2000, stream=sender + 1)
            net.lab.settle(net.h(sender), [net.h(2), net.h(3 if sender == 0 else 1)])
            net.lab.settle(net.h(2))
            assert {h.name for h in net.lab.hosts if h.wire(GROUP).frames} == wanted
