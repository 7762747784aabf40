"""Real neighbours on a trunk: Open vSwitch with access ports and both native modes, a router on a
stick with smcroute. They tag and untag by their own code, not by ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netns.test_offloads import offloads_off
from netns.vlans import ONE, TEN, TWENTY, VlanStar, vlan_star
from snoop.lab import wait_until
from snoop.lab.host import Host
from testbed.daemons import OpenVswitchTrunk, SmcrouteOnAStick

GROUP, OTHER = "239.23.0.1", "239.23.0.2"
COUNT = 300
TRUNK = 4


@contextmanager
def behind_ovs(native: int | None, **trunk: str) -> Iterator[tuple[VlanStar, dict[int, Host]]]:
    """Open vSwitch at p4, and behind it a host in each VLAN; at 10.0.0.(100+VID)."""
    vids = [TEN, TWENTY, *([native] if native else [])]
    ours: dict[str, Any] = {"trunk": [TEN, TWENTY]}
    if native:
        ours["native"] = native
    ports = {"p0": TEN, "p1": TEN, "p2": TWENTY, "p3": TWENTY, "p4": ours,
             "p5": {"trunk": [TEN, TWENTY], "native": ONE}}  # fmt: skip
    with vlan_star(vlans=ports, igmp={"query_interval": 3.0}) as net:
        far = net.h(TRUNK)
        behind = {vid: net.lab.add_beyond(far) for vid in vids}
        for vid, host in behind.items():
            net.lab.add_address(host, f"10.0.0.{100 + vid}")
        # Open vSwitch takes unfinished checksums for finished ones, whoever brings them.
        for host in (*net.lab.hosts, *behind.values()):
            offloads_off(host.namespace, "eth0")
        access = {f"down{number}": vid for number, vid in enumerate(behind)}
        with OpenVswitchTrunk(far, access, **trunk) as ovs:
            ovs.start("")
            yield net, behind


def crosses(net: VlanStar, near: Host, far: Host, vid: int, *, stream: int) -> None:
    """Kernel hosts of one VLAN: ping, a join of each end, the stream whole and nobody else's."""
    address = f"10.0.0.{100 + vid}"
    assert near.run(["ping", "-c2", "-W2", address]).returncode == 0
    group = f"239.23.1.{vid}"
    far.join(group)
    net.switch.wait_members(group, {"p4"}, vlan=vid)
    near.send(group, count=COUNT, rate=1000, stream=stream)
    net.lab.settle(near, [far, *(h for h in net.within(vid) if h not in (near, net.h(TRUNK)))])
    assert far.app(group).unique == COUNT
    near.join(OTHER)
    net.switch.wait_members(OTHER, {near.port}, vlan=vid)
    far.send(OTHER, count=COUNT, rate=1000, stream=stream + 1, source=address)
    net.lab.settle(far, [near])
    assert near.app(OTHER, address).unique == COUNT
    near.leave(OTHER)
    net.switch.wait_members(OTHER, set(), vlan=vid)


@pytest.mark.alone  # the socket of its userspace datapath overflows where others take the processor
@pytest.mark.parametrize(
    ("native", "trunk"),
    [
        (None, {"trunks": "10,20"}),
        (ONE, {"vlan_mode": "native-untagged", "tag": "1", "trunks": "1,10,20"}),
    ],
    ids=["trunk", "native-untagged"],
)
def test_hosts_behind_the_access_ports_of_open_vswitch(native: int | None, trunk: Any) -> None:
    """VLAN-5, VLAN-7: another's tags are ours and ours are its; each VLAN by itself."""
    with behind_ovs(native, **trunk) as (net, behind):
        pairs = {TEN: net.h(0), TWENTY: net.h(2), **({ONE: net.h(6)} if native else {})}
        for host in (*net.lab.hosts, *behind.values()):
            host.reset()
        for number, (vid, near) in enumerate(pairs.items()):
            crosses(net, near, behind[vid], vid, stream=10 * number + 1)
        for vid, far in behind.items():
            for elsewhere in set(pairs) - {vid}:
                assert far.wire(f"239.23.1.{elsewhere}").frames == 0, (vid, elsewhere)
            # Our queries arrive there without a tag, from the querier of that VLAN alone.
            asked = {c.frame[26:30] for c in far.captured() if c.frame[38:39] == b"\x11"}
            assert len(asked) <= 1


@pytest.mark.alone
def test_native_tagged_frames_of_open_vswitch_are_what_they_say() -> None:
    """`vlan_mode=native-tagged`: it sends its native VLAN with a tag. A trunk of ours that has it
    native takes both, as an access port takes its own VID; what it sends back has no tag."""
    modes = {"vlan_mode": "native-tagged", "tag": "1", "trunks": "1,10,20"}
    with behind_ovs(ONE, **modes) as (net, behind):
        near, far = net.h(6), behind[ONE]
        assert near.run(["ping", "-c2", "-W2", f"10.0.0.{100 + ONE}"]).returncode == 0
        crosses(net, net.h(0), behind[TEN], TEN, stream=1)
        far.join(GROUP)
        net.switch.wait_members(GROUP, {"p4"}, vlan=ONE)
        near.send(GROUP, count=COUNT, rate=1000, stream=3)
        net.lab.settle(near, [far])
        assert far.app(GROUP).unique == COUNT


def stick(net: VlanStar) -> tuple[Host, Host, Host]:
    """The router at p4, and a host of each VLAN that has it for a gateway."""
    router, ten, twenty = net.h(TRUNK), net.h(0), net.h(2)
    net.lab.add_vlan(router, TEN)
    net.lab.add_vlan(router, TWENTY)
    router.call("sysctl", path="net/ipv4/ip_forward", value="1")
    for host, vid, other in ((ten, TEN, TWENTY), (twenty, TWENTY, TEN)):
        net.lab.add_address(host, f"10.{vid}.0.1{host.name[1:]}")
        host.link.route("add", dst=f"10.{other}.0.0/24", gateway=f"10.{vid}.0.14")
    return router, ten, twenty


def test_a_router_on_a_stick_routes_between_the_vlans() -> None:
    """Unicast by the kernel of the host on the trunk, a stream by smcroute: the router joins it in
    VLAN 10, the receiver in VLAN 20. What nobody routes does not pass."""
    assert not SmcrouteOnAStick.missing()
    with vlan_star() as net:
        router, ten, twenty = stick(net)
        done = ten.run(["ping", "-c3", "-i0.2", "-W2", "10.20.0.12"])
        assert done.returncode == 0, done.stdout
        assert "ttl=63" in done.stdout
        twenty.join(GROUP)
        net.switch.wait_members(GROUP, {"p2"}, vlan=TWENTY)
        with SmcrouteOnAStick(router) as daemon:
            daemon.start(GROUP)
            net.switch.wait_members(GROUP, {"p4"}, vlan=TEN)
            ten.send(
                GROUP, ttl=8, source="10.10.0.10", stream=1
            )  # the kernel's route comes with it
            wait_until(lambda: twenty.app(GROUP).unique, within=10, what="it has been routed")
            net.settle(ten)
            net.settle(router)
            for host in net.lab.hosts:
                host.reset()
            for group, stream in ((GROUP, 2), (OTHER, 3)):
                ten.send(group, count=1000, rate=4000, ttl=8, source="10.10.0.10", stream=stream)
            net.settle(ten)
            net.settle(router)
            wait_until(lambda: twenty.app(GROUP).unique == 1000, within=5, what="all is routed")
            assert router.wire(GROUP, vid=TEN).unique == 1000
            for i in (1, 3, 6):
                assert net.h(i).wire(GROUP).frames == 0, f"h{i}"
            assert twenty.wire(OTHER).frames == 0
            assert net.h(1).wire(OTHER).unique == 1000
        twenty.call("tcp_serve", port=7002, verify=True)
        pushed = ten.start("tcp_send", destination="10.20.0.12", port=7002, blocks=20).result(60)
        assert pushed["intact"]
