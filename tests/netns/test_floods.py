"""Floods: what one host can do to the others, and to the tables, by sending a lot."""

from __future__ import annotations

import pytest

from netns.star import Star, star
from snoop.lab import frames, wait_until
from snoop.lab.datagrams import payload

GROUP = "239.14.0.1"


@pytest.mark.alone
def test_data_flood_does_not_cost_a_port_its_igmp() -> None:
    """Control frames first: joins sent into a full-speed flood of the same port
    are all learned."""
    groups = [f"239.14.1.{i}" for i in range(1, 101)]
    # Nobody answers for them: none may end while the last is on its way.
    with star(3, igmp={"query_interval": 20.0}) as net:
        host = net.h(1)
        for other in (net.h(0), net.h(2)):
            other.call("tap", on=False)  # the flood is to be as fast as it can
        flood = [
            frames.udp(host.address, GROUP, payload(1, i, 64), mac=host.mac).hex()
            for i in range(2000)
        ]
        job = host.start("frames", frames=flood, repeat=60)
        for group in groups:
            net.report(1, ("TO_EX", group, []))

        def learned() -> bool:
            return {row["group"] for row in net.switch.mdb()} >= set(groups)

        wait_until(learned, within=20, what="all hundred groups are in the table")
        job.result(60)


def test_flood_of_addresses_evicts_and_never_grows() -> None:
    """The fdb is bounded; a known pair of hosts still talks."""
    limit = 256
    with star(3, switch={"fdb_max": limit}) as net:
        host = net.h(1)
        one = frames.udp("10.0.0.1", "10.0.0.2", destination_mac="ff:ff:ff:ff:ff:ff")
        noise = [
            one[:6] + b"\x02\x00\x00\x01" + i.to_bytes(2, "big") + one[12:] for i in range(4000)
        ]
        host.frames(noise, rate=20_000)
        net.lab.settle(host)
        assert len(net.switch.show("fdb")["fdb"]) <= limit
        assert net.switch.counters("p1")["fdb_evicted"] > 0
        net.h(2).call("listen")
        net.h(0).send(net.h(2).address, count=50)
        net.lab.settle(net.h(0))
        assert net.h(2).app(net.h(2).address).unique == 50


def test_groups_over_the_ports_limit_are_refused_and_counted() -> None:
    """SM-68, spec 73: `max_groups` of a port; the others keep theirs."""
    with star(3, ports={"p1": {"max_groups": 3}}) as net:
        for i in range(1, 6):
            net.report(1, ("TO_EX", f"239.14.2.{i}", []))
        net.report(2, ("TO_EX", "239.14.2.9", []))
        net.switch.wait_members("239.14.2.9", {"p2"})
        kept = {row["group"] for row in net.switch.mdb() if row["port"] == "p1"}
        assert kept == {f"239.14.2.{i}" for i in (1, 2, 3)}
        assert net.switch.counters("p1")["port_limit"] == 2


def test_denied_groups_cannot_be_joined() -> None:
    with star(3, ports={"p1": {"deny_groups": ["239.255.0.0/16"]}}) as net:
        net.report(1, ("TO_EX", "239.255.1.1", []))
        net.report(1, ("TO_EX", "239.14.3.1", []))
        net.switch.wait_members("239.14.3.1", {"p1"})
        assert net.switch.members("239.255.1.1") == set()
        assert net.switch.counters("p1")["group_filtered"] == 1


def test_many_streams_at_once_all_arrive(net: Star) -> None:
    """Interleaved flows of many groups: each member gets its own and none of the others'."""
    groups = {f"239.14.4.{i}": 1 + i % 3 for i in range(60)}
    sender, rounds = net.h(0), 20
    burst = [
        frames.udp(sender.address, group, payload(3, n, 120), mac=sender.mac)
        for n in range(rounds)
        for group in groups
    ]
    for i in (1, 2, 3):
        net.report(i, *(("TO_EX", group, []) for group, j in groups.items() if i == j))
    wait_until(lambda: len(net.switch.mdb()) >= 60, within=20, what="sixty rows")
    for host in net.lab.hosts:
        host.reset()
    sender.frames(burst)
    net.lab.settle(sender)
    for group, i in groups.items():
        assert net.h(i).wire(group).unique == rounds
    for j in (1, 2, 3):
        strangers = [g for g, i in groups.items() if i != j and net.h(j).wire(g).frames]
        assert strangers == []
    assert not [group for group in groups if net.h(4).wire(group).frames]
