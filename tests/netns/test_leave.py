"""Leaves: what the switch asks, how long data flows on, who stays, and the fast ways out."""

from __future__ import annotations

from netns.star import BUSY, GMI, LAST_MEMBER, LMQT, QUERIER, SLACK, Star, star
from snoop.lab import frames, wait_until

RATE = 500


def specific_queries(seen: list[bytes], group: str) -> list[bytes]:
    """The group-specific queries among captured frames (24-byte IP header with Router Alert)."""
    address = bytes(map(int, group.split(".")))
    return [frame for frame in seen if frame[38] == 0x11 and frame[42:46] == address]


def last_datagram_after(net: Star, group: str) -> float:
    """A stream runs, h1 leaves: seconds from when that was heard to the last datagram at h1."""
    host = net.h(1)
    host.reset()
    stream = net.h(0).start("send", destination=group, count=120 * RATE, rate=RATE)
    wait_until(lambda: host.wire(group).datagrams > 20, within=20, what="the stream flows")
    host.leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
    came = host.wire(group).datagrams
    then = net.switch.counters("p0")["rx_frames"]
    wait_until(lambda: net.switch.counters("p0")["rx_frames"] > then + 20, within=20)
    assert host.wire(group).datagrams == came, "it has ended"
    stream.stop()
    net.lab.settle(net.h(0))
    return host.wire(group).last_ns / 1e9 - net.happened("leave", group)[0]


def test_traffic_flows_until_the_last_member_time_and_no_longer(net: Star) -> None:
    """SM-26, spec 35: pruned LMQT after the leave, neither earlier nor later."""
    group = "239.5.0.1"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    took = last_datagram_after(net, group)
    assert LMQT - 0.05 <= took <= LMQT + SLACK


def test_leave_is_checked_by_two_specific_queries(net: Star) -> None:
    """SM-23, TM-8, Q-12, spec 35 and 87: MRC is the interval, only the port that spoke is asked."""
    group = "239.5.0.2"
    net.report(1, ("TO_EX", group, []))
    net.h(2).join(group)
    net.switch.wait_members(group, {"p1", "p2"})
    for host in net.lab.hosts:
        host.reset()
    net.report(1, ("TO_IN", group, []))
    net.switch.wait_members(group, {"p2"}, timeout=LMQT + BUSY)
    captured = [c for c in net.h(1).captured() if specific_queries([c.frame], group)]
    assert len(captured) == 2
    gap = (captured[1].time_ns - captured[0].time_ns) / 1e9
    assert LAST_MEMBER / 2 <= gap <= LAST_MEMBER + SLACK  # the first may have been late
    for each in captured:
        assert each.frame[39] == round(LAST_MEMBER * 10)
        assert each.frame[26:30] == bytes(map(int, QUERIER.split(".")))
        assert not each.frame[46] & 0x08, "S must be 0: the timer is not above LMQT"
    assert specific_queries(net.igmp_seen(2), group) == []


def test_another_member_behind_the_port_answers_and_stays(net: Star) -> None:
    """Spec 36, 43, B-4: a crafted leave of a neighbour; the kernel host keeps every datagram."""
    group = "239.5.0.3"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    net.h(1).reset()
    count = round((LMQT + 1) * RATE)
    stream = net.h(0).start("send", destination=group, count=count, rate=RATE)
    wait_until(lambda: net.h(1).wire(group).datagrams > 20, within=20)
    net.report(1, ("TO_IN", group, []), source="10.0.0.77", mac="02:00:00:00:01:77")
    wait_until(lambda: specific_queries(net.igmp_seen(1), group), within=20, what="the query")
    # Answered: the group timer is back above what the check lowered it to.
    wait_until(
        lambda: (net.switch.row(group, "p1") or {}).get("group_timer", 0) > GMI / 2, within=20
    )
    stream.result()
    net.lab.settle(net.h(0))
    assert net.h(1).app(group).unique == count


def test_leave_on_one_port_leaves_the_others_alone(net: Star) -> None:
    """SM-62, spec 37."""
    group = "239.5.0.4"
    net.h(1).join(group)
    net.h(2).join(group)
    net.switch.wait_members(group, {"p1", "p2"})
    net.h(1).leave(group)
    net.switch.wait_members(group, {"p2"}, timeout=LMQT + BUSY)
    assert net.reached(group) == {"h2"}


def test_leave_for_an_unknown_group_asks_nothing(net: Star) -> None:
    """Section 3.2, spec 45: no entry, no query."""
    group = "239.5.0.5"
    net.h(1).frames([frames.leave_v2(group, net.h(1).address, mac=net.h(1).mac)])
    net.report(1, ("TO_IN", group, []), ("BLOCK", group, ["10.0.0.9"]))
    net.report(1, ("TO_EX", "239.5.0.6", []))
    net.switch.wait_members("239.5.0.6", {"p1"})  # reports are handled in order
    net.lab.settle(net.h(1))
    assert net.switch.members(group) == set()
    assert specific_queries(net.igmp_seen(1), group) == []


def test_stream_without_members_does_not_flood_again(net: Star) -> None:
    """SM-69, B-9, spec 98: after the last leave the group is known and empty, not unregistered."""
    group = "239.5.0.7"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    net.h(1).leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
    assert net.reached(group) == set()
    assert net.reached("239.5.0.8") == {"h1", "h2", "h3", "h4"}, "unregistered ones do flood"


def test_fast_leave_prunes_at_once_and_asks_nothing() -> None:
    """SM-64, spec 42: `fast_leave = "on"`."""
    group = "239.5.1.1"
    with star(3, ports={"p1": {"fast_leave": "on"}}) as net:
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        took = last_datagram_after(net, group)
        assert took < LMQT / 2
        assert specific_queries(net.igmp_seen(1), group) == []


def test_tracked_fast_leave_waits_for_the_last_host() -> None:
    """SM-64, spec 44: two IGMPv3 hosts on p1; the first one's leave keeps the port, the second's
    removes it at once."""
    group = "239.5.1.2"
    hosts = {"10.0.0.81": "02:00:00:00:01:81", "10.0.0.82": "02:00:00:00:01:82"}
    with star(3, ports={"p1": {"fast_leave": "tracked"}}) as net:
        for address, mac in hosts.items():
            net.report(1, ("TO_EX", group, []), source=address, mac=mac)

        def tracked() -> set[str]:
            shown = net.switch.show("hosts")["hosts"]
            return {row["address"] for row in shown if row["group"] == group}

        wait_until(lambda: tracked() == set(hosts), within=20, what="both hosts are tracked")
        (first, first_mac), (second, second_mac) = hosts.items()
        net.report(1, ("TO_IN", group, []), source=first, mac=first_mac)
        wait_until(lambda: tracked() == {second}, within=20, what="one host is left")
        assert net.switch.members(group) == {"p1"}
        net.h(1).reset()
        net.report(1, ("TO_IN", group, []), source=second, mac=second_mac)
        net.switch.wait_members(group, set(), timeout=BUSY)
        assert specific_queries(net.igmp_seen(1), group) == []


def test_tracked_fast_leave_asks_a_host_that_may_have_died() -> None:
    """SAY-3: the silent one is believed to be there, so the other's leave is asked about."""
    group = "239.5.1.3"
    silent, leaver = ("10.0.0.83", "02:00:00:00:01:83"), ("10.0.0.84", "02:00:00:00:01:84")
    with star(3, ports={"p1": {"fast_leave": "tracked"}}) as net:
        for address, mac in (silent, leaver):
            net.report(1, ("TO_EX", group, []), source=address, mac=mac)
        net.switch.wait_members(group, {"p1"})
        net.h(1).reset()
        net.report(1, ("TO_IN", group, []), source=leaver[0], mac=leaver[1])
        net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
        assert specific_queries(net.igmp_seen(1), group) != []


def test_host_that_reports_before_it_has_an_address_is_one() -> None:
    """SAY-3: from 0.0.0.0 and from its address it is one row, and leaves at once."""
    group, mac, address = "239.5.1.4", "02:00:00:00:01:85", "10.0.0.85"
    with star(3, ports={"p1": {"fast_leave": "tracked"}}) as net:
        for source in ("0.0.0.0", address):
            net.report(1, ("TO_EX", group, []), source=source, mac=mac)

        def tracked() -> list[str]:
            shown = net.switch.show("hosts")["hosts"]
            return [row["address"] for row in shown if row["group"] == group]

        wait_until(lambda: tracked() == [address], within=20, what="the host has its address")
        net.h(1).reset()
        net.report(1, ("TO_IN", group, []), source=address, mac=mac)
        net.switch.wait_members(group, set(), timeout=BUSY)
        assert specific_queries(net.igmp_seen(1), group) == []
