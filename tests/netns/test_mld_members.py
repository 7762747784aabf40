"""Kernel hosts of both MLD versions join, filter, stay, fall silent and leave; others get none."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from netns.discovery import deafen, hear_again
from netns.star import BUSY, GMI, LMQT, QUERY, ROBUSTNESS, SLACK, Star, names, star
from netns.test_members import members_are_kept, members_get_all_of_it
from snoop.lab import frames_ipv6, wait_until

A, B, C = "fd00::a:1", "fd00::a:2", "fd00::a:3"
RATE = 500
OQPI = ROBUSTNESS * QUERY + 0.4 / 2


@pytest.fixture(scope="module")
def shared() -> Iterator[Star]:
    """Two kernels of IPv6 hosts; the switch asks in both families."""
    with star(5, mld={}, quiet_ipv6=False, switch={"unregistered": "mrouters"}) as made:
        yield made


def test_members_get_every_datagram_of_a_stream_and_non_members_none(net: Star) -> None:
    """SNOOP-50."""
    members_get_all_of_it(net, "ff0e::2:0:1", count=5_000)


@pytest.mark.parametrize("version", [1, 2])
def test_kernel_host_is_learned_in_its_version_and_leaves_in_it(net: Star, version: int) -> None:
    """Spec 122, SM-45, SNOOP-57: pruned after the last listener time, and nobody is flooded."""
    group = f"ff0e::2:1:{version}"
    net.h(1).mld_version(version)
    net.h(1).join(group)
    row = net.switch.wait_row(group, "p1", compatibility=f"mldv{version}", filter_mode="exclude")
    assert (row["family"], row["last_reporter"]) == ("ipv6", net.h(1).link_local)
    assert 0 < row["group_timer"] <= GMI
    assert net.reached(group) == names(1)
    net.h(1).leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
    assert net.reached(group) == set()


@pytest.mark.parametrize("scope", ["ff02", "ff05", "ff08"])
def test_every_scope_is_pruned(net: Star, scope: str) -> None:
    """SNOOP-52, SNOOP-56: link-local groups as well; of two that share a MAC address only the one
    that was joined arrives."""
    group, twin = f"{scope}::2:2:1", f"{scope}::1:0:2:2:1"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    assert net.reached(group) == names(1)
    assert net.reached(twin) == set()


def test_membership_is_kept_up_by_the_kernels_answers(net: Star) -> None:
    """MLD-8: both versions, queried every second."""
    group = "ff0e::2:3:1"
    for i, version in ((1, 0), (2, 1), (3, 2)):
        net.h(i).mld_version(version)
        net.h(i).join(group)
    members_are_kept(net, group)


def test_host_that_falls_silent_ages_out(net: Star) -> None:
    """TM-4, SNOOP-11, spec 122: MALI after its last report, and its stream with it."""
    group, host = "ff0e::2:4:1", net.h(1)
    host.join(group)
    net.switch.wait_members(group, {"p1"})
    try:
        deafen(host)
        stream = net.h(0).start("send", destination=group, count=120 * RATE, rate=RATE)
        before = time.time()
        row = net.switch.row(group, "p1")
        after = time.time()
        assert row is not None
        net.switch.wait_members(group, set(), timeout=GMI + BUSY)
        stream.stop()
    finally:
        hear_again(host)
    net.lab.settle(net.h(0))
    left = row["group_timer"]
    assert before + left - 0.05 <= host.wire(group).last_ns / 1e9 <= after + left + SLACK
    assert before + left - 0.05 <= net.happened("expire", group)[-1] <= after + left + SLACK


def test_each_port_gets_its_own_sources(net: Star) -> None:
    """SNOOP-37, SM-60: MCAST_JOIN_SOURCE_GROUP in ff3e::/32; a source more, a source less, none."""
    group = "ff3e::2:5:1"
    net.h(1).join(group, A)
    net.h(2).join(group, A, B)
    row = net.switch.wait_row(group, "p1", filter_mode="include", forwarding={A})
    assert row["group_timer"] is None
    net.switch.wait_row(group, "p2", forwarding={A, B})
    assert net.reached_from([A, B, C], group) == {A: names(1, 2), B: names(2), C: set()}
    net.h(1).filter(group, "include", [A, C])
    net.switch.wait_row(group, "p1", forwarding={A, C})
    net.h(2).filter(group, "include", [B])
    net.switch.wait_row(group, "p2", forwarding={B}, timeout=LMQT + BUSY)
    assert net.reached_from([A, B, C], group) == {A: names(1), B: names(2), C: names(1)}
    net.h(1).leave(group)
    net.h(2).leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
    assert net.reached_from([A, B], group) == {A: set(), B: set()}


def test_filter_changes_between_the_modes(net: Star) -> None:
    """SM-7 to SM-12: exclude a source, another, none; then include one, and leave."""
    group = "ff0e::2:6:1"
    net.h(1).filter(group, "exclude", [A])
    blocked = {"filter_mode": "exclude", "timeout": LMQT + BUSY}
    net.switch.wait_row(group, "p1", blocked={A}, **blocked)
    assert net.reached_from([A, B], group) == {A: set(), B: names(1)}
    net.h(1).filter(group, "exclude", [B])
    net.switch.wait_row(group, "p1", blocked={B}, **blocked)
    assert net.reached_from([A, B], group) == {A: names(1), B: set()}
    net.h(1).filter(group, "exclude", [])
    net.switch.wait_row(group, "p1", blocked=set(), **blocked)
    assert net.reached_from([A, B], group) == {A: names(1), B: names(1)}
    net.h(1).filter(group, "include", [C])
    net.switch.wait_row(group, "p1", filter_mode="include", forwarding={C}, timeout=LMQT + BUSY)
    assert net.reached_from([A, B, C], group) == {A: set(), B: set(), C: names(1)}
    net.h(1).leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)


def test_any_source_join_in_the_ssm_range_creates_nothing(net: Star) -> None:
    """SM-46: of a version 1 host, and of one that joins any source; the source-specific join in
    the same range counts."""
    group, other = "ff3e::2:7:1", "ff3e::2:7:2"
    net.h(1).mld_version(1)
    net.h(1).join(group)
    net.h(2).join(group)
    net.h(2).join(other, A)
    net.switch.wait_row(other, "p2", forwarding={A}, compatibility="mldv2")
    net.lab.settle(net.h(1))
    assert net.switch.members(group) == set()


def test_hosts_of_both_versions_share_a_port(net: Star) -> None:
    """SM-45: beside a version 1 host BLOCK is ignored; it sees what the other excludes."""
    group, elder = "ff0e::2:8:1", "fe80::e1de"
    net.h(1).filter(group, "exclude", [A])
    net.switch.wait_row(group, "p1", blocked={A}, timeout=LMQT + BUSY)
    net.h(1).frames([frames_ipv6.report_v1(group, elder, mac="02:00:00:00:e1:de")])
    net.switch.wait_row(group, "p1", compatibility="mldv1")
    assert net.reached_from([A, B], group) == {A: names(1), B: names(1)}


def test_reports_go_to_router_ports_only_and_unchanged(net: Star) -> None:
    """SNOOP-57, SNOOP-9: by what they are, wherever they are addressed to."""
    group, host = "ff0e::2:9:1", net.h(1)
    net.h(2).join(group)
    net.switch.wait_members(group, {"p2"})
    net.h(4).frames(
        [frames_ipv6.query("fe80::ffff:0:0:1", response=0.4, interval=1, mac=net.h(4).mac)]
    )
    wait_until(lambda: net.switch.show("mrouters")["mrouters"], within=20, what="a router port")
    for each in net.lab.hosts:
        each.reset()
    who = {"source": host.link_local, "mac": host.mac}
    said = [
        frames_ipv6.report_v1(group, **who),
        frames_ipv6.report_v2([("IS_EX", group, [])], **who),
        frames_ipv6.report_v2([("IS_EX", group, [])], destination="ff02::1", **who),
        frames_ipv6.done(group, **who),
    ]
    host.frames(said)
    wait_until(lambda: set(said) <= set(net.igmp_seen(4)), within=20, what="all at the router")
    net.lab.settle(host)
    for i in (0, 2, 3):
        assert not set(said) & set(net.igmp_seen(i)), f"h{i} saw a report"
    wait_until(lambda: not net.switch.show("mrouters")["mrouters"], within=OQPI + BUSY)


def test_host_that_boots_is_a_member_again(net: Star) -> None:
    """MLD-3, SNOOP-53: its link goes and comes, its first reports come from `::`."""
    group, host = "ff0e::2:10:1", net.h(1)
    host.join(group)
    net.switch.wait_members(group, {"p1"})
    host.run(["ip", "link", "set", "eth0", "down"])
    wait_until(lambda: not net.switch.members(group), within=GMI + BUSY, what="gone with the link")
    host.run(["ip", "link", "set", "eth0", "up"])
    net.switch.wait_members(group, {"p1"}, timeout=QUERY + BUSY)
    assert net.reached(group) == names(1)


def test_last_listener_query_is_asked_and_answered(net: Star) -> None:
    """SM-45, MLD-4, MLD-8: a done is checked by two specific queries to the group, from our
    link-local address; who stays says so, and the stream goes on."""
    group, host = "ff0e::2:11:1", net.h(1)
    host.join(group)
    net.switch.wait_members(group, {"p1"})
    host.reset()
    gone = frames_ipv6.done(group, "fe80::9", mac="02:00:00:00:00:09")
    host.frames([gone])
    packed = frames_ipv6.pton(group)

    def asked() -> list[bytes]:
        return [f for f in net.igmp_seen(1) if f[62:63] == b"\x82" and f[70:86] == packed]

    wait_until(lambda: len(asked()) == ROBUSTNESS, within=LMQT + BUSY, what="two specific queries")
    for query in asked():
        assert query[38:54] == packed, "to the group itself"
        assert query[22:24] == b"\xfe\x80", "from a link-local address"
        assert len(query) == 14 + 40 + 8 + 28, "of version 2"
    net.lab.settle(net.h(0))
    assert net.reached(group) == names(1)
