"""A join storm, and a death: what the whole switch does with them (spec 6, ideas below)."""

from __future__ import annotations

import signal

import pytest

from netns.star import names, star
from snoop.lab import frames as made
from snoop.lab import wait_until

GROUP = "239.1.2.3"
STORM_GROUPS, STORM_PORTS, PER_REPORT = 4000, 8, 183


def group(number: int) -> str:
    return f"239.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


@pytest.mark.alone
def test_join_storm_is_learned_whole_while_data_flows() -> None:
    """Idea 134: 4 000 groups on each of 8 ports at once; a stream meanwhile loses nothing."""
    slow = {"query_interval": 60.0, "query_response_interval": 10.0}
    with star(
        STORM_PORTS + 2, igmp={**slow, "max_groups": 8192}, switch={"no_querier": "prune"},
        pruning=False,
    ) as net:  # fmt: skip
        listener = net.h(STORM_PORTS)
        sender = net.h(STORM_PORTS + 1)
        listener.join(GROUP)
        net.switch.wait_members(GROUP, {listener.port})
        groups = [group(n) for n in range(STORM_GROUPS)]
        storms = []
        stream = sender.start("send", destination=GROUP, count=4000, rate=2000.0)
        for i in range(STORM_PORTS):
            host = net.h(i)
            reports = [
                made.report_v3(
                    [("TO_EX", each, ()) for each in groups[at : at + PER_REPORT]],
                    host.address,
                    mac=host.mac,
                )
                for at in range(0, STORM_GROUPS, PER_REPORT)
            ]
            batch = [frame.hex() for frame in reports]
            storms.append(host.start("frames", frames=batch, rate=0.0, repeat=1))
        for storm in storms:
            assert storm.result(60)["refused"] == 0
        stream.result(60)
        net.lab.settle(sender)
        got = listener.wire(GROUP)
        assert got.datagrams == got.unique == 4000
        wanted = STORM_GROUPS * STORM_PORTS
        wait_until(
            lambda: len(net.switch.mdb()) >= wanted, within=60, what="every join is in the table"
        )
        rows = net.switch.mdb()
        assert len({(row["group"], row["port"]) for row in rows}) == wanted + 1
        for port in net.lab.ports[:STORM_PORTS]:
            assert net.switch.counters(port)["punt_full"] == 0


def test_killed_and_started_again_it_floods_then_prunes_anew() -> None:
    """Idea 136: kill -9, and no snapshot: flood until a querier has been answered, then the table
    is rebuilt. With one: test_crash.py.
    """
    query, response = 5.0, 4.0  # Time enough to see the flood.
    igmp = {"query_interval": query, "query_response_interval": response}
    with star(5, igmp=igmp, switch={"state": False}) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1)
        assert net.switch.stop(signal.SIGKILL) == -signal.SIGKILL
        net.switch.start()
        assert net.reached(GROUP) == names(1, 2, 3, 4)
        net.switch.wait_members(GROUP, {"p1"}, timeout=3 * query + response)
        net.switch.wait_pruning(timeout=20)
        assert net.reached(GROUP) == names(1)
