"""What ports that flood the control plane cost a port that does not (F-3, F-4).

The floods are programs of the bench, as fast as they go; the quiet host is a kernel that joins. The
bound of the median and the count of losses are strict; the slowest join is judged with patience,
since hosts and switch share the cores of whatever machine this is.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from benchmark import traffic
from netns.star import Star, star
from snoop.lab import wait_until

STREAM, COUNT, RATE = "239.91.0.1", 6000, 2000.0
JOINED, JOINS, GAP_MS, LIMIT_MS = "239.90.0", 60, 20, 2000
MEDIAN_MS, SLOWEST_MS = 50.0, 1000.0
FLOOD_S = 60.0  # at most; it is ended when the test is done
SOURCE, VIEWER, QUIET, FIRST_FLOODER = 0, 1, 2, 3


@contextmanager
def flooded(net: Star, kinds: Sequence[str]) -> Iterator[None]:
    """Each kind from a port of its own, from before the block to its end."""
    processes = []
    try:
        for host, kind in zip(net.lab.hosts[FIRST_FLOODER:], kinds, strict=False):
            words = [host.namespace, "eth0", host.address, kind, "0", str(FLOOD_S)]
            # Sessions of their own, as strangers have; the scheduler weighs sessions.
            processes.append(
                subprocess.Popen(
                    [traffic.BUILD / "storm", *words],
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
        for port in net.lab.ports[FIRST_FLOODER : FIRST_FLOODER + len(kinds)]:
            wait_until(
                lambda port=port: net.switch.counters(port)["rx_frames"] > 1000,
                within=20,
                what=f"{port} floods",
            )
        yield
        assert all(process.poll() is None for process in processes), "a flood ended early"
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.alone
@pytest.mark.parametrize(
    "kinds",
    [
        ("v2", "records183"),
        ("checksum", "records30", "vlans", "query", "unknown", "sources", "pim"),
    ],
    ids=["two", "seven"],
)
def test_join_of_a_quiet_port_is_served_while_others_flood(kinds: tuple[str, ...]) -> None:
    traffic.build()
    calm = {"query_interval": 60.0, "query_response_interval": 10.0, "startup_query_interval": 15.0}
    with star(
        FIRST_FLOODER + len(kinds), igmp=calm, switch={"no_querier": "prune"}, pruning=False
    ) as net:
        viewer, quiet, source = net.h(VIEWER), net.h(QUIET), net.h(SOURCE)
        for host in net.lab.hosts:
            host.call("tap", on=False)  # the floods are to be as fast as they can
        viewer.join(STREAM)
        # Registered, so that they are pruned; by a host that is not there.
        net.report(VIEWER, *(("TO_EX", f"{JOINED}.{n}", ()) for n in range(1, JOINS + 1)))
        wait_until(lambda: len(net.switch.mdb()) > JOINS, within=10, what="the groups are known")
        with flooded(net, kinds):
            stream = source.start("send", destination=STREAM, count=COUNT, rate=RATE)
            seen = traffic.run(
                "joins",
                *(source.namespace, source.address, quiet.namespace, quiet.address, "eth0"),
                *(f"{JOINED}.1", str(JOINS), str(GAP_MS), str(LIMIT_MS)),
                within_s=JOINS * LIMIT_MS / 1000,
            )
            stream.result(60)
        viewer.call("tap", on=True)
        net.lab.settle(source, [viewer])
        check = net.switch.run("check", "--json", within=60)
        got = viewer.app(STREAM)
        assert got.datagrams == got.unique == COUNT
        assert seen["lost"] == 0, seen
        assert seen["p50"] <= MEDIAN_MS, seen
        assert seen["max"] <= SLOWEST_MS, seen
        assert net.switch.counters(quiet.port)["punt_full"] == 0
        findings = [
            (each["subject"], each["finding"]) for each in json.loads(check.stdout)["findings"]
        ]
        named = {subject for subject, text in findings if "flooded IGMP" in text}
        over = {
            port
            for port in net.lab.ports[FIRST_FLOODER:]
            if net.switch.counters(port)["rate_limited"]
        }
        assert named == over
        # Seven share two cores: not all of them get as far as their rate.
        assert over
        assert not any(
            subject in (source.port, viewer.port, quiet.port) and "IGMP" in text
            for subject, text in findings
        )
