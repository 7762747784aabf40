"""`snoop restart`: another process takes a switch's place, and nobody on the network notices."""

from __future__ import annotations

import json

import pytest

from netns.star import Star, names, star
from snoop.lab import wait_until

GROUP, SSM, SIX = "239.24.0.1", "232.24.0.1", "ff15::2401"
COUNT, RATE = 16_000, 4_000


def serving(net: Star) -> int:
    """Who answers."""
    pid: int = net.switch.show("status")["pid"]
    return pid


@pytest.mark.parametrize("kernel", ["auto", "off"])
def test_streams_lose_nothing_and_memberships_stay(kernel: str) -> None:
    """Three streams of 4000 frames/s, both families, source-specific: for as long as they run the
    switch is handed over and over to new processes.
    """
    with star(5, switch={"kernel": kernel}, mld={}, quiet_ipv6=False) as net:
        hosts, h0 = [net.h(1), net.h(2)], net.h(0)
        for host in hosts:
            host.join(GROUP)
            host.filter(SSM, "include", [h0.address])
            host.join(SIX)
        for group in (GROUP, SSM, SIX):
            net.switch.wait_members(group, {"p1", "p2"})
        net.switch.quick("mdb", "add", "239.24.0.9", "--port", "p3")
        uptime = net.switch.row(GROUP, "p1")
        before = net.switch.counters("p0")["rx_frames"]
        for host in net.lab.hosts:
            host.reset()
        started = serving(net)
        streams = [
            h0.start("send", destination=group, count=COUNT, rate=RATE, size=400)
            for group in (GROUP, SSM, SIX)
        ]
        pauses = []
        while hosts[0].wire(GROUP).datagrams < COUNT * 3 // 4:
            done = json.loads(net.switch.do("restart", "--json"))
            pauses.append(round(done["pause"] * 1000, 1))
            assert serving(net) == done["pid"]
        print("pauses", pauses)
        for stream in streams:
            stream.result()
        net.lab.settle(h0)
        assert serving(net) != started
        assert net.switch.process is not None
        assert net.switch.process.pid == started  # who started it sees the process it began
        for host in hosts:
            for group in (GROUP, SSM, SIX):
                got = host.app(group)
                assert (got.unique, got.duplicates, got.reordered) == (COUNT, 0, 0), group
        row = net.switch.row(GROUP, "p1")
        assert row is not None
        assert uptime is not None
        assert row["uptime"] > uptime["uptime"]
        assert net.switch.counters("p0")["rx_frames"] >= before + 3 * COUNT
        assert net.switch.row("239.24.0.9", "p3") is not None
        assert net.reached(GROUP) == names(1, 2)
        assert net.h(3).wire(GROUP).datagrams == net.h(4).wire(GROUP).datagrams


def test_one_that_cannot_begin_leaves_the_old_one_in_place() -> None:
    """A configuration with a mistake is refused with its sentence, and all goes on."""
    with star(3) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        started = serving(net)
        assert net.switch.config_file is not None
        good = net.switch.config_file.read_text()
        net.switch.config_file.write_text(good.replace("[igmp]\n", "[igmp]\nrobustness = 99\n"))
        refused = net.switch.run("restart")
        assert refused.returncode != 0
        assert "robustness" in refused.stderr
        assert serving(net) == started
        assert net.reached(GROUP) == names(1)
        net.switch.config_file.write_text(good)
        net.switch.do("restart")
        wait_until(lambda: serving(net) != started, within=5, what="the new process")
        assert net.reached(GROUP) == names(1)
