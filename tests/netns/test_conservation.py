"""Every frame is accounted for: what hosts sent, what ports counted, what hosts received."""

from __future__ import annotations

from netns.star import Star, names, verdicts

GROUP, COUNT = "239.16.0.1", 1000


def delta(net: Star, before: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Per port what its counters moved by."""
    after = net.switch.show("counters")["ports"]
    return {
        port: {name: after[port][name] - before[port][name] for name in before[port]}
        for port in after
    }


def test_ports_count_what_hosts_sent_and_received(net: Star) -> None:
    """Spec 139: a thousand datagrams in, each forwarded once, a thousand out of both members."""
    net.h(1).join(GROUP)
    net.h(2).join(GROUP)
    net.switch.wait_members(GROUP, {"p1", "p2"})
    before = net.switch.show("counters")["ports"]
    net.h(0).send(GROUP, count=COUNT, rate=20_000)
    net.lab.settle(net.h(0))
    moved = delta(net, before)
    assert moved["p0"]["forward_group"] == COUNT
    for port, i in (("p1", 1), ("p2", 2)):
        assert net.h(i).app(GROUP).unique == COUNT
        assert moved[port]["tx_frames"] >= COUNT
    lost = {
        (port, name): n
        for port, counts in moved.items()
        for name, n in counts.items()
        if n and ("tx_drop" in name or name == "ring_drops")
    }
    assert lost == {}
    net.conserved()


def test_each_verdict_moves_exactly_its_own_counter(net: Star) -> None:
    """Spec 139: ten frames of a kind move one verdict by ten; the marker frames are broadcast."""
    net.report(1, ("TO_EX", GROUP, []))
    net.report(2, ("IS_IN", GROUP, ["10.0.0.101"]))
    net.switch.wait_members(GROUP, {"p1", "p2"})
    cases = {
        "forward_group": {"group": GROUP},
        "forward_source": {"group": GROUP, "source": "10.0.0.101"},
        "forward_unregistered": {"group": "239.16.0.2"},
        "flood_link_local": {"group": "224.0.0.251"},
    }
    for verdict, how in cases.items():
        before = net.switch.show("counters")["ports"]
        net.reached(**how)
        moved = {n: v for n, v in delta(net, before)["p0"].items() if v and n in verdicts()}
        moved.pop("punt_igmp", None)  # a report of the host's own may fall in between
        assert moved == {verdict: 10, "flood_broadcast": 2}, verdict


def test_group_without_members_is_a_counted_drop(net: Star) -> None:
    """SM-69: the tombstone's frames are `no_member`, not lost without a trace."""
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    assert net.reached(GROUP) == names(1)
    net.h(1).leave(GROUP)
    net.switch.wait_members(GROUP, set())
    before = net.switch.show("counters")["ports"]
    assert net.reached(GROUP) == set()
    moved = delta(net, before)["p0"]
    assert {name: n for name, n in moved.items() if n and "no_member" in name} == {"no_member": 10}
