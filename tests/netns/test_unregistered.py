"""Groups nobody reported, groups never pruned, and frames that only look like multicast."""

from __future__ import annotations

import pytest

from netns.star import Star, names, star
from snoop.lab import frames

GROUP = "239.7.0.1"


def test_unregistered_group_floods_by_default(net: Star) -> None:
    """SNOOP-32, spec 95."""
    assert net.reached(GROUP) == names(1, 2, 3, 4)


def test_unregistered_goes_to_router_ports_and_to_forced_ones() -> None:
    """SNOOP-32, spec 95: policy "mrouters", `mrouter = "always"` on p2, `flood_unregistered` is per
    port and only matters under "flood"."""
    with star(4, switch={"unregistered": "mrouters"}, ports={"p2": {"mrouter": "always"}}) as net:
        assert net.reached(GROUP) == names(2)
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1, 2)


def test_unregistered_is_dropped_when_asked() -> None:
    """SNOOP-32: "drop" still serves members, link-local groups and the always-flood list."""
    how = {"unregistered": "drop", "always_flood": ["224.0.1.129"]}
    with star(4, switch=how) as net:
        assert net.reached(GROUP) == set()
        assert net.reached("224.0.1.129") == names(1, 2, 3)
        assert net.reached("224.0.0.251") == names(1, 2, 3)
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1)


def test_port_can_be_spared_the_flood() -> None:
    """SNOOP-32: `flood_unregistered = false` on one port."""
    with star(4, ports={"p2": {"flood_unregistered": False}}) as net:
        assert net.reached(GROUP) == names(1, 3)
        net.h(2).join(GROUP)
        net.switch.wait_members(GROUP, {"p2"})
        assert net.reached(GROUP) == names(2)


@pytest.mark.parametrize("group", ["224.0.0.5", "224.0.0.18", "224.0.0.251"])
def test_link_local_groups_are_never_pruned(net: Star, group: str) -> None:
    """SNOOP-15, SNOOP-31, B-15, spec 46 and 94: not even after a report for them."""
    net.h(1).frames([frames.report_v2(group, net.h(1).address, mac=net.h(1).mac)])
    net.report(1, ("TO_EX", "239.7.0.2", []))
    net.switch.wait_members("239.7.0.2", {"p1"})
    assert net.switch.members(group) == set()
    assert net.reached(group) == names(1, 2, 3, 4)


def test_groups_that_share_a_mac_are_independent(net: Star) -> None:
    """SNOOP-35, B-16, spec 96 and 97: 224.1.2.3 and 239.129.2.3; 224.128.0.1 and 224.0.0.1."""
    assert frames.multicast_mac("224.1.2.3") == frames.multicast_mac("239.129.2.3")
    net.report(1, ("TO_EX", "224.1.2.3", []), ("TO_EX", "224.128.0.1", []))
    net.switch.wait_members("224.1.2.3", {"p1"})
    assert net.reached("224.1.2.3") == names(1)
    assert net.reached("239.129.2.3") == names(1, 2, 3, 4)
    assert net.reached("224.128.0.1") == names(1)


def test_mac_that_does_not_fit_the_group_floods_and_is_counted(net: Star) -> None:
    """SNOOP-40, spec 100: the group has one member, the frame another group's MAC."""
    group = "239.7.0.3"
    net.report(1, ("TO_EX", group, []))
    net.switch.wait_members(group, {"p1"})
    assert net.reached(group) == names(1)
    before = net.switch.counters("p0")
    stray = frames.multicast_mac("239.7.0.77")
    assert net.reached(group, destination_mac=stray) == names(1, 2, 3, 4)
    after = net.switch.counters("p0")
    moved = [name for name in after if "mismatch" in name and after[name] == before[name] + 10]
    assert moved, "no counter moved by the ten frames"


def test_second_fragment_goes_where_the_first_goes(net: Star) -> None:
    """SNOOP-39, spec 99: 4 000-byte datagrams in fragments, member only."""
    group = "239.7.0.4"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    net.h(0).send(group, count=50, size=4000, dont_fragment=False)
    net.lab.settle(net.h(0))
    assert net.h(1).app(group).unique == 50
    assert net.h(1).wire(group).fragments == 150
    assert net.h(2).wire(group).frames == 0


def test_nothing_is_pruned_without_a_querier() -> None:
    """Q-15, B-10, spec 85: p1 joined, nobody asks: everybody still gets the stream; once a querier
    is heard and its response time is over, only members do."""
    group = "239.7.0.5"
    with star(4, igmp={"querier": "off"}, pruning=False) as net:
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        assert net.reached(group) == names(1, 2, 3)
        net.query_from(3, "10.0.0.1", response=3.0)
        assert net.reached(group) == names(1, 2, 3), "the table fills for one response time"
        net.switch.wait_pruning(timeout=20)
        assert net.reached(group) == names(1, 3)


def test_no_querier_can_mean_prune() -> None:
    """Q-15: `no_querier = "prune"`."""
    group = "239.7.0.6"
    with star(4, igmp={"querier": "off"}, switch={"no_querier": "prune"}, pruning=False) as net:
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        assert net.reached(group) == names(1)
