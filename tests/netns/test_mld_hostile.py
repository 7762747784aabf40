"""One host that floods MLD of every kind, beside a stream that is watched and a host that joins."""

from __future__ import annotations

import random

import pytest

from snoop.lab import Host, Lab, frames_ipv6, wait_until

GROUP, SECONDS, RATE = "ff0e::30:1", 8, 15_000
QUERIER = "fe80::1"  # wins any election
JOINS = 100  # fewer than a port's certain share of groups, of which none ends meanwhile


def attacks(victim: Host) -> list[bytes]:
    """Groups, hosts, sources without end, leaves in the victim's name, queries, routers, junk."""
    drawn = random.Random(30)
    sent = [
        frames_ipv6.report_v2(
            [("TO_EX", f"ff0e::66:{n:x}", [])],
            f"fe80::bad:{n:x}",
            mac=f"02:66:00:00:{n >> 8:02x}:{n & 255:02x}",
        )
        for n in range(1500)
    ]
    for n in range(300):
        who = f"fe80::bad:{n:x}"
        sources = ["2001:db8::1", "2001:db8::2"]
        many = [("TO_IN", f"ff3e::{n:x}:{k:x}", sources) for k in range(20)]
        damaged = bytearray(frames_ipv6.report_v2([("TO_EX", "ff0e::30:2", [])], who))
        damaged[drawn.randrange(14, len(damaged))] ^= 0xFF
        leave = [("TO_IN", GROUP, [])]
        sent += [
            frames_ipv6.report_v2(many, who),
            frames_ipv6.done(GROUP, who),
            frames_ipv6.report_v2(leave, who),
            frames_ipv6.report_v2(leave, victim.link_local, mac=victim.mac),
            frames_ipv6.query(QUERIER, response=0.001),
            frames_ipv6.query(QUERIER, GROUP, response=0.001),
            frames_ipv6.query(QUERIER, GROUP, version=1, response=0.001),
            frames_ipv6.query("::", GROUP),
            frames_ipv6.pim_hello(who, holdtime=65535),
            frames_ipv6.report_v2([("TO_EX", "ff02::1", []), ("TO_EX", "ff01::1", [])], "::"),
            bytes(damaged),
        ]
    drawn.shuffle(sent)
    return sent


@pytest.mark.alone
def test_a_flood_of_mld_costs_nobody_a_stream_or_a_join() -> None:
    """SM-68, Q-18, V-9, as the hostile game has it for IGMP."""
    mld = {"querier": "on", "query_interval": 20.0, "query_response_interval": 2.0}
    with Lab(4, quiet_ipv6=False) as lab:
        switch = lab.switch(config={"mld": mld, "switch": {"unregistered": "drop"}})
        switch.wait_pruning(family="ipv6")
        watcher, joiner = lab.h(1), lab.h(2)
        watcher.join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        frames = [frame.hex() for frame in attacks(watcher)]
        repeat = RATE * SECONDS // len(frames)
        flood = lab.h(3).start("frames", frames=frames, rate=RATE, repeat=repeat)
        stream = lab.h(0).start("send", destination=GROUP, count=2000 * SECONDS, rate=2000)
        wait_until(lambda: switch.counters("p3")["punt_mld"] > RATE / 10, within=5)
        for n in range(JOINS):
            joiner.join(f"ff0e::77:{n:x}")
            switch.wait_members(f"ff0e::77:{n:x}", {"p2"}, timeout=2.0)
            joiner.leave(f"ff0e::77:{n:x}")
        stream.result()
        lab.settle(lab.h(0))
        got = watcher.app(GROUP)
        assert (got.unique, got.duplicates, got.reordered) == (2000 * SECONDS, 0, 0)
        assert switch.show("counters")["counters"]["internal_errors"] == 0
        flood.result()
