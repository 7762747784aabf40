"""Streams in the kernel beside hosts with more flows than there are slots."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from netns.kernel_world import streaming
from netns.star import Star, star

FLOWS = Path(__file__).with_name("flows.py")


@pytest.mark.alone
def test_stream_beside_hosts_with_countless_flows() -> None:
    """One host of the worker of the stream's port, one of another; each flow comes three times."""
    switch = {"unregistered": "mrouters", "workers": 2}
    with star(5, mld={}, quiet_ipv6=False, switch=switch) as net:
        flood_beside_streams(net, flows=10_000, rounds=3)


def flood_beside_streams(net: Star, flows: int, rounds: int) -> None:
    with streaming(net) as streams:
        before = net.switch.counters("p0")["kernel_frames"]
        begun = streams.sent
        command = [sys.executable, "-E", "-S", FLOWS, "eth0", str(flows), str(rounds)]
        floods = [net.h(host).spawn(command) for host in (3, 4)]
        try:
            assert [flood.wait(90) for flood in floods] == [0, 0]
        finally:
            for flood in floods:
                flood.kill()
        streams.go_on()
        served = net.switch.counters("p0")["kernel_frames"] - before
        assert served > streams.sent - begun  # half of both
    for name in ("p3", "p4"):
        counters = net.switch.counters(name)
        taken = counters["no_egress"] + counters["no_member"] + counters["ring_full"]
        assert taken > 0.9 * flows * rounds
    streams.whole(1, 2)
