"""Tagged frames: state per VLAN, tags kept as they are, and what hides behind a second tag."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netns.star import Star, names, star
from snoop.lab import frames, wait_until
from snoop.lab.datagrams import payload

GROUP = "239.10.0.1"
SOURCE = "10.10.0.99"


@pytest.fixture(scope="module")
def trunk() -> Iterator[Star]:
    """Every port carries every tag; pruning does not wait for a querier in each VLAN."""
    with star(4, switch={"no_querier": "prune"}) as made:
        yield made


@pytest.fixture
def net(trunk: Star) -> Star:
    trunk.quiet()
    return trunk


def tagged_report(net: Star, port: int, group: str, vid: int, pcp: int = 0) -> None:
    host = net.h(port)
    report = frames.report_v3([("TO_EX", group, [])], host.address, mac=host.mac)
    host.frames([frames.tagged(report, vid, pcp=pcp)])


def vlans_of(net: Star, group: str) -> set[tuple[int, str]]:
    return {(row["vlan"], row["port"]) for row in net.switch.mdb(group=group)}


def test_report_counts_in_its_own_vlan_only(net: Star) -> None:
    """VLAN-1, VLAN-4, spec 113: VLAN 10 is pruned to p1; VLAN 20 and the untagged are not."""
    tagged_report(net, 1, GROUP, 10)
    wait_until(lambda: vlans_of(net, GROUP) == {(10, "p1")}, within=20, what="the row in VLAN 10")
    assert net.reached(GROUP, source=SOURCE, vid=10) == names(1)
    assert net.reached(GROUP, source=SOURCE, vid=20) == names(1, 2, 3)
    assert net.reached(GROUP, source=SOURCE) == names(1, 2, 3)


def test_kernel_host_on_a_vlan_interface_joins_and_receives(net: Star) -> None:
    """VLAN-5, VLAN-7: tags are moved out of the frame by the kernel on receive and come back."""
    interface = net.lab.add_vlan(net.h(1), 30)
    sender = net.lab.add_vlan(net.h(0), 30)
    group = "239.10.0.2"
    net.h(1).join(group, interface=interface)
    wait_until(lambda: vlans_of(net, group) == {(30, "p1")}, within=20, what="the row in VLAN 30")
    net.h(0).send(group, count=500, interface=sender, rate=5000)
    net.lab.settle(net.h(0))
    assert net.h(1).app(group).unique == 500
    assert net.h(1).wire(group, vid=30).datagrams == 500
    assert net.h(2).wire(group).frames == 0


@pytest.mark.parametrize(("vid", "pcp"), [(10, 0), (10, 5), (4094, 7), (1, 3)])
def test_tag_leaves_as_it_came(net: Star, vid: int, pcp: int) -> None:
    """VLAN-5, VLAN-7, NET-3: VID and priority bits, and every byte behind them."""
    group = "239.10.0.3"
    tagged_report(net, 1, group, vid)
    wait_until(lambda: vlans_of(net, group) == {(vid, "p1")}, within=20)
    sender = net.h(0)
    frame = frames.tagged(
        frames.udp(SOURCE, group, payload(1, 1, 120), mac=sender.mac), vid, pcp=pcp
    )
    net.h(1).record("all")
    net.h(1).reset()
    sender.frames([frame])
    net.lab.settle(sender)
    assert [c.frame for c in net.h(1).captured() if c.frame[:6] == frame[:6]] == [frame]


@pytest.mark.parametrize(("vid", "pcp"), [(10, 5), (4094, 0), (0, 5), (0, 0), (None, 0)])
def test_report_reaches_the_router_port_as_it_came(net: Star, vid: int | None, pcp: int) -> None:
    """VLAN-7, SNOOP-9: it crosses without its tag and leaves with it; a tag of value 0 is one."""
    host = net.h(1)
    frame = frames.report_v3([("TO_EX", "239.10.0.5", [])], host.address, mac=host.mac)
    if vid is not None:
        frame = frames.tagged(frame, vid, pcp=pcp)
    net.switch.do("mrouter", "add", "--port", "p0", *(("--vlan", str(vid)) if vid else ()))
    for each in (net.h(0), net.h(2)):
        each.record("all")
        each.reset()
    host.frames([frame])
    wait_until(lambda: frame in [c.frame for c in net.h(0).captured()], within=20)
    assert frame not in [c.frame for c in net.h(2).captured()]


def test_priority_tag_is_the_untagged_vlan(net: Star) -> None:
    """VLAN-2, spec 114: VID 0 with a priority counts as untagged."""
    group = "239.10.0.4"
    tagged_report(net, 1, group, 0, pcp=5)
    wait_until(lambda: vlans_of(net, group) == {(0, "p1")}, within=20, what="the row in VLAN 0")
    assert net.reached(group, source=SOURCE) == names(1)


def test_vid_4095_is_dropped(net: Star) -> None:
    """VLAN-2, spec 116."""
    assert net.reached(GROUP, source=SOURCE, vid=4095) == set()
    before = net.switch.show("mdb")["mdb"]
    tagged_report(net, 1, GROUP, 4095)
    net.lab.settle(net.h(1))
    assert net.switch.show("mdb")["mdb"] == before == []


@pytest.mark.parametrize("tpid", [0x8100, 0x88A8])
def test_igmp_behind_a_second_tag_is_flooded_unread(net: Star, tpid: int) -> None:
    """VLAN-6, spec 118: flooded in the outer VLAN, no state."""
    host = net.h(1)
    inner = frames.tagged(frames.report_v2(GROUP, host.address, mac=host.mac), 20)
    outer = frames.tagged(inner, 10, tpid=tpid)
    for each in net.lab.hosts:
        each.record("all")
        each.reset()
    host.frames([outer])
    net.lab.settle(host)
    for i in (0, 2, 3):
        assert outer in [c.frame for c in net.h(i).captured()], f"h{i}"
    assert net.switch.mdb(group=GROUP) == []


def test_tagged_query_makes_a_router_port_in_its_vlan_only(net: Star) -> None:
    """SNOOP-5, VLAN-1, spec 117: unregistered data of VLAN 40 reaches it anyway; the record says
    which VLAN."""
    host = net.h(3)
    query = frames.query("10.40.0.1", mac=host.mac, response=0.4)
    host.frames([frames.tagged(query, 40)])

    def records() -> list[tuple[int, str, str]]:
        rows = net.switch.show("mrouters")["mrouters"]
        return [(row["vlan"], row["port"], row["origin"]) for row in rows if row["port"] == "p3"]

    wait_until(lambda: records() == [(40, "p3", "query")], within=20, what="the record in VLAN 40")
    tagged_report(net, 1, GROUP, 40)
    tagged_report(net, 1, GROUP, 50)
    wait_until(lambda: vlans_of(net, GROUP) == {(40, "p1"), (50, "p1")}, within=20)
    assert net.reached(GROUP, source=SOURCE, vid=40) == names(1, 3)
    assert net.reached(GROUP, source=SOURCE, vid=50) == names(1)


def test_unicast_is_learned_per_vlan(net: Star) -> None:
    """Fdb keys are (VLAN, MAC)."""
    net.switch.quick("clear", "fdb")
    station = "02:00:00:00:0f:11"
    # Both ends, so that nothing is learned while the frames that are counted pass.
    for i, mac in ((0, net.h(0).mac), (2, station)):
        learn = frames.tagged(frames.udp("10.0.0.1", "10.0.0.2", mac=mac,
                                         destination_mac="ff:ff:ff:ff:ff:ff"), 10)  # fmt: skip
        net.h(i).frames([learn])
        net.lab.settle(net.h(i))
    rows = [r for r in net.switch.show("fdb")["fdb"] if r["mac"] == station]
    assert [(r["vlan"], r["port"]) for r in rows] == [(10, "p2")]
    how = {"source": SOURCE, "destination_mac": station}
    assert net.reached("10.10.0.50", vid=10, **how) == names(2)
    assert net.reached("10.10.0.50", vid=20, **how) == names(1, 2, 3)


def test_a_vlan_has_a_querier_of_its_own() -> None:
    """`[[vlan]]`: VLAN 10 is asked from its own address, before any host spoke there; the untagged
    one has no querier and floods on."""
    vlan = {"vid": 10, "querier": "on", "querier_address": "10.10.0.254"}
    with star(3, igmp={"querier": "off"}, vlan=[vlan], pruning=False) as net:
        net.h(1).record("all")

        def asked() -> set[tuple[bytes, bytes]]:
            """(tag, sender) of the general queries that h1 got."""
            return {
                (frame[12:16], frame[30:34])
                for frame in (each.frame for each in net.h(1).captured())
                if frame[:6] == bytes.fromhex("01005e000001")
            }

        heard = wait_until(asked, within=20, what="a query of VLAN 10")
        assert heard == {(bytes.fromhex("8100c00a"), bytes((10, 10, 0, 254)))}
        tagged_report(net, 1, GROUP, 10)
        net.report(1, ("TO_EX", GROUP, []))
        wait_until(lambda: vlans_of(net, GROUP) == {(0, "p1"), (10, "p1")}, within=20)
        wait_until(
            lambda: net.reached(GROUP, source=SOURCE, vid=10) == names(1), within=20, what="pruning"
        )
        assert net.reached(GROUP, source=SOURCE) == names(1, 2)
