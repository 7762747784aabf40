"""A stream that goes from the rings to the kernel and back all the time arrives as it was sent.

What is lost on its way must have moved a counter, and that only on a machine that is too slow for
the stream; nothing arrives twice, and nothing before what was sent before it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmark import traffic
from netns.kernel_lab import GROUPS, Middle, middle
from snoop.waiting import comes, wait_until
from snoop.wire.address import ANY, parse

pytestmark = pytest.mark.half
SECONDS, SOURCE_S, SWITCHES = 3.5, 3.0, 1000
PATIENCE = 40.0  # a slot that is renewed before the next frame comes sends none to the rings
LOST = ("tx_full", "tx_error", "tx_down", "tx_mtu")


def by_rings(made: Middle) -> int:
    counters = made.fastpath.counters(0)
    return counters["rx_frames"] - counters["kernel_frames"]


def by_kernel(made: Middle) -> int:
    return made.fastpath.counters(0)["kernel_frames"]


def grows(count: Callable[[Middle], int], made: Middle) -> bool:
    """A few frames more go that way, soon."""
    before = count(made)
    return comes(lambda: count(made) > before + 2, within=1, every=0.0005)


def streaming(
    made: Middle,
    group: str,
    stays: range,
    turn: Callable[[int], None],
    *,
    rate: float,
    burst: int,
    by_rings_min: int,
) -> int:
    """Send to the group and call `turn` all the while, until enough has gone either way; judge what
    came at those who stay.
    """
    sender = made.lab.h(0)
    if burst > 1:  # its kernel cuts a send before it leaves: the frames come all at once
        off = ["tx-udp-segmentation", "off", "tx-gso-partial", "off"]
        sender.run(["ethtool", "-K", "eth0", *off])
    for host in made.lab.hosts:
        host.reset()
    job = sender.start("send", destination=group, count=1 << 24, rate=rate, segments=burst)
    end = time.monotonic() + SECONDS
    turns = 0

    def goes_on() -> bool:
        if by_rings(made) > by_rings_min and by_kernel(made) > 100:
            return time.monotonic() < end and turns < SWITCHES
        return time.monotonic() < end + PATIENCE

    while goes_on():
        turn(turns)
        turns += 1
    sent = int(job.stop()["sent"])
    ring_full = made.fastpath.counters(0)["ring_full"]
    for port in stays:
        host, counters = made.lab.h(port), made.fastpath.counters(port)
        lost = ring_full + sum(counters[name] for name in LOST)
        wait_until(lambda h=host, n=sent - lost: h.app(group).unique >= n, within=20)
        for count in (host.wire(group), host.app(group)):
            found = (count.unique, count.duplicates, count.reordered, count.corrupt)
            assert found == (sent - lost, 0, 0, 0), (host.name, sent, lost, turns)
    return turns


def source(made: Middle, group: str, seconds: float) -> subprocess.Popen[str]:
    """20 000 frames/s from the first host, each by itself."""
    host = made.lab.h(0)
    address = host.address6 if ":" in group else host.address
    return subprocess.Popen(
        [
            *(traffic.BUILD / "source", "--netns", host.namespace, "--interface", "eth0"),
            *("--source", address, "--group", group, "--groups", "1", "--size", "84"),
            *("--rate", "20000", "--seconds", str(seconds), "--frames", "0"),
            *("--port", "5004", "--mac", "", "--vlan", "0"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def receivers(made: Middle, group: str, stays: range) -> Iterator[traffic.Sink]:
    """Programs in C count, and look at every sequence number; the hosts' agents rest."""
    for port in stays:
        made.lab.h(port).close()
    sink = traffic.Sink([made.lab.h(port).namespace for port in stays], "gro")
    try:
        for number, _ in enumerate(stays):
            sink.join(number, 1, group)
        sink.reset()
        yield sink
    finally:
        sink.close()


@pytest.mark.parametrize(
    ("ports", "ipv6", "ssm", "runs"),
    [(1, False, False, 0), (3, True, True, 0), (7, False, True, 0xAA), (3, True, False, 0xFF)],
)
def test_switched_a_thousand_times(ports: int, ipv6: bool, ssm: bool, runs: int) -> None:
    """By command, as soon as a few frames have gone either way; `runs`: ports that take runs."""
    group, stays = GROUPS[ipv6], range(1, ports + 1)
    traffic.build()
    with middle(ports + 1, ipv6=ipv6) as made:
        host = made.lab.h(0)
        sender = parse(host.address6 if ipv6 else host.address) if ssm else ANY
        for port in range(ports + 1):
            made.fastpath.port_set(port, up=True, mtu=1500, coalesce=bool(runs >> port & 1))
        made.want(group, stays, source=sender)
        turns = 0
        with receivers(made, group, stays) as sink:
            job = source(made, group, SOURCE_S + PATIENCE)
            end = time.monotonic() + SOURCE_S

            def goes_on() -> bool:
                if turns > 20 and by_kernel(made) > 100 and by_rings(made) > 100:
                    return time.monotonic() < end and turns < SWITCHES
                return job.poll() is None

            while goes_on():
                made.fastpath.kernel(bool(turns % 2))
                grows(by_kernel if turns % 2 else by_rings, made)
                turns += 1
            job.terminate()
            sent = int(json.loads(job.communicate(timeout=30)[0].splitlines()[-1])["sent"])
            full = made.fastpath.counters(0)["ring_full"]
            for number, port in enumerate(stays):
                counters = made.fastpath.counters(port)
                lost = full + sum(counters[name] for name in LOST)
                wait_until(
                    lambda n=number, least=sent - lost: sink.read()[n]["datagrams"] >= least,
                    within=20,
                )
                got = sink.read()[number]
                assert got["datagrams"] == sent - lost, (port, got, sent, lost, turns)
                assert lost or not got["gaps"], (port, got, sent, turns)
        assert turns > 20
        assert by_kernel(made) > 100
        assert by_rings(made) > 100


@pytest.mark.parametrize(
    ("ports", "burst", "rate", "peer"),
    [(1, 32, 4_000, False), (3, 48, 4_000, True)],
)
def test_bursts_are_not_overtaken(ports: int, burst: int, rate: int, peer: bool) -> None:
    """What the kernel has sent of a burst waits behind it; the loop may be on another processor."""
    group, stays = GROUPS[False], range(1, ports + 1)
    with middle(ports + 1, peer=peer) as made:
        for port in stays:
            made.lab.h(port).join(group)
        made.want(group, stays)

        def turn(number: int) -> None:
            made.fastpath.kernel(bool(number % 2))
            grows(by_kernel if number % 2 else by_rings, made)

        how = {"rate": rate, "burst": burst, "by_rings_min": 100}
        assert streaming(made, group, stays, turn, **how) > 20
        assert by_kernel(made) > 100
        assert by_rings(made) > 100


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("ports", [4])
def test_switched_by_others_who_come_and_go(ports: int, ipv6: bool) -> None:
    """SNOOP-28: each publish makes the slot void; the last port is a member every other time."""
    group, stays = GROUPS[ipv6], range(1, ports)
    with middle(ports + 1, ipv6=ipv6) as made:
        for port in range(1, ports + 1):
            made.lab.h(port).join(group)
        made.want(group, stays)

        def turn(number: int) -> None:
            made.want(group, range(1, ports + number % 2))
            before = made.fastpath.counters(0)["rx_frames"]
            wait_until(lambda: made.fastpath.counters(0)["rx_frames"] > before + 2, within=20)
            if number % 16 == 15:
                grows(by_kernel, made)

        how = {"rate": 6_000, "burst": 1, "by_rings_min": 30}
        assert streaming(made, group, stays, turn, **how) > 100
        assert by_kernel(made) > 100
        assert by_rings(made) > 30
