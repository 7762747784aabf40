"""Kernel hosts of every IGMP version join, stay and get what they asked for; others nothing."""

from __future__ import annotations

import pytest

from netns.star import BUSY, GMI, LMQT, QUERY, Star, names
from snoop.lab import frames, wait_until


def members_get_all_of_it(net: Star, group: str, *, count: int) -> None:
    """And others nothing: two members of four hosts."""
    net.h(1).join(group)
    net.h(2).join(group)
    net.switch.wait_members(group, {"p1", "p2"})
    net.h(0).send(group, count=count, rate=20_000, size=300)
    net.lab.settle(net.h(0))
    for i in (1, 2):
        heard = net.h(i).app(group)
        assert (heard.unique, heard.duplicates, heard.reordered, heard.corrupt) == (count, 0, 0, 0)
        assert net.h(i).wire(group).datagrams == count
    for i in (0, 3, 4):
        assert net.h(i).wire(group).datagrams == 0


def test_members_get_every_datagram_of_a_stream_and_non_members_none(net: Star) -> None:
    """SNOOP-30, spec 93 and 140."""
    members_get_all_of_it(net, "239.2.0.1", count=10_000)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_kernel_host_is_learned_in_its_version(net: Star, version: int) -> None:
    """Spec 31, 140, SM-40: `compatibility` is the host's version, the data follows the member."""
    group = f"239.2.1.{version}"
    net.h(1).igmp_version(version)
    net.h(1).join(group)
    row = net.switch.wait_row(group, "p1", compatibility=f"igmpv{version}", filter_mode="exclude")
    assert row["last_reporter"] == net.h(1).address
    assert 0 < row["group_timer"] <= GMI
    assert net.reached(group) == names(1)


@pytest.mark.parametrize("version", [2, 3])
def test_kernel_host_leaves_in_its_version(net: Star, version: int) -> None:
    """Spec 35: after the last member time the port is pruned, and nobody is flooded instead."""
    group = f"239.2.2.{version}"
    net.h(1).igmp_version(version)
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    net.h(1).leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
    assert net.reached(group) == set()


def test_v1_host_cannot_leave_and_ages_out(net: Star) -> None:
    """Spec 38, SM-43: in IGMPv1 mode a Leave changes nothing; silence for GMI ends it."""
    group = "239.2.3.1"
    net.h(1).igmp_version(1)
    net.h(1).join(group)
    net.switch.wait_row(group, "p1", compatibility="igmpv1")
    net.h(1).leave(group)
    net.h(1).frames([frames.leave_v2(group, net.h(1).address, mac=net.h(1).mac)])
    wait_until(lambda: net.happened("expire", group), within=GMI + BUSY, what="its end")
    (joined,), (gone,) = net.happened("join", group), net.happened("expire", group)
    assert gone - joined >= GMI - 0.05


def members_are_kept(net: Star, group: str) -> None:
    """Three that have joined lose nothing over two membership intervals."""
    rate = 500
    net.switch.wait_members(group, {"p1", "p2", "p3"})
    count = round(2.2 * GMI * rate)
    net.h(0).send(group, count=count, rate=rate)
    net.lab.settle(net.h(0))
    assert [net.h(i).app(group).unique for i in (1, 2, 3)] == [count] * 3
    assert net.h(4).wire(group).datagrams == 0


def test_membership_is_kept_up_by_the_kernels_answers(net: Star) -> None:
    """Spec 33: queried every second.

    IGMPv1 hosts are left out: they take up to 10 s to answer, whatever the query says.
    """
    group = "239.2.4.1"
    for i, version in ((1, 0), (2, 2), (3, 3)):
        net.h(i).igmp_version(version)
        net.h(i).join(group)
    members_are_kept(net, group)


def test_reports_go_to_router_ports_only_and_unchanged(net: Star) -> None:
    """SNOOP-1, SNOOP-9, spec 88: by protocol and type, not by the group they are addressed to."""
    group = "239.2.5.1"
    net.h(2).join(group)
    net.switch.wait_members(group, {"p2"})
    net.switch.quick("mrouter", "add", "--port", "p4")
    try:
        for host in net.lab.hosts:
            host.reset()
        report = frames.report_v2(group, net.h(1).address, mac=net.h(1).mac)
        net.h(1).frames([report])
        wait_until(lambda: report in net.igmp_seen(4), within=20, what="the report at the router")
        net.lab.settle(net.h(1))
        for i in (0, 2, 3):
            assert not [f for f in net.igmp_seen(i) if f[14 + 24] == 0x16], f"h{i} saw a report"
    finally:
        net.switch.quick("mrouter", "del", "--port", "p4")


def test_v2_hosts_on_different_ports_do_not_suppress_each_other(net: Star) -> None:
    """Spec 89, SM-63: three IGMPv2 hosts, three entries that live on, three reports a query."""
    group = "239.2.6.1"
    net.switch.quick("mrouter", "add", "--port", "p4")
    try:
        for i in (1, 2, 3):
            net.h(i).igmp_version(2)
            net.h(i).join(group)
        net.switch.wait_members(group, {"p1", "p2", "p3"})
        net.h(4).reset()

        def answered() -> bool:
            reports = [f for f in net.igmp_seen(4) if f[38] == 0x16 and f[30:34] == f[42:46]]
            return {f[26:30] for f in reports} == {bytes((10, 0, 0, 10 + i)) for i in (1, 2, 3)}

        wait_until(answered, within=2 * QUERY + BUSY, what="a report of each host at the router")
        assert net.switch.members(group) == {"p1", "p2", "p3"}
    finally:
        net.switch.quick("mrouter", "del", "--port", "p4")


def test_sender_that_is_a_member_does_not_get_its_own_frames_back(net: Star) -> None:
    """Spec 93: never back to the ingress port, whoever is a member there."""
    group = "239.2.7.1"
    net.h(0).join(group)
    net.h(1).join(group)
    net.switch.wait_members(group, {"p0", "p1"})
    assert net.reached(group) == names(1)


def test_report_without_a_source_address_is_learned(net: Star) -> None:
    """SNOOP-6, spec 26: proxies and hosts without an address report from 0.0.0.0."""
    group = "239.2.8.1"
    net.report(1, ("TO_EX", group, []), source="0.0.0.0")
    net.switch.wait_members(group, {"p1"})
    assert net.reached(group) == names(1)
