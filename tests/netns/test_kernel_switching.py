"""A stream that goes from the rings to the kernel and back all the time arrives as it was sent.

What is lost on its way must have moved a counter, and that only on a machine that is too slow for
the stream; nothing arrives twice, and nothing before what was sent before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from netns.kernel_lab import GROUPS, Middle, middle
from snoop.waiting import comes, wait_until

pytestmark = pytest.mark.half
SECONDS, SWITCHES = 6.0, 1000
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
    made: Middle, group: str, stays: range, turn: Callable[[int], None], *, rate: float, burst: int
) -> int:
    """Send to the group and call `turn` all the while; judge what came at those who stay."""
    sender = made.lab.h(0)
    if burst > 1:  # its kernel cuts a send before it leaves: the frames come all at once
        off = ["tx-udp-segmentation", "off", "tx-gso-partial", "off"]
        sender.run(["ethtool", "-K", "eth0", *off])
    for host in made.lab.hosts:
        host.reset()
    job = sender.start("send", destination=group, count=1 << 24, seconds=SECONDS, rate=rate,
                       segments=burst)  # fmt: skip
    end = time.monotonic() + SECONDS - 0.5
    turns = 0
    while time.monotonic() < end and turns < SWITCHES:
        turn(turns)
        turns += 1
    sent = int(job.result(60)["sent"])
    ring_full = made.fastpath.counters(0)["ring_full"]
    for port in stays:
        host, counters = made.lab.h(port), made.fastpath.counters(port)
        lost = ring_full + sum(counters[name] for name in LOST)
        wait_until(lambda h=host, n=sent - lost: h.app(group).unique >= n, within=10)
        for count in (host.wire(group), host.app(group)):
            found = (count.unique, count.duplicates, count.reordered, count.corrupt)
            assert found == (sent - lost, 0, 0, 0), (host.name, sent, lost, turns)
    return turns


@pytest.mark.parametrize(
    ("ports", "ipv6", "burst", "rate", "peer"),
    [
        (1, False, 1, 10_000, True),
        (1, False, 1, 10_000, False),
        (3, True, 1, 6_000, True),
        (7, False, 1, 2_000, False),
        (1, False, 32, 4_000, False),
        (3, False, 16, 4_000, True),
    ],
)
def test_switched_by_command(ports: int, ipv6: bool, burst: int, rate: int, peer: bool) -> None:
    group, stays = GROUPS[ipv6], range(1, ports + 1)
    with middle(ports + 1, ipv6=ipv6, peer=peer) as made:
        for port in stays:
            made.lab.h(port).join(group)
        made.want(group, stays)

        def turn(number: int) -> None:
            made.fastpath.kernel(bool(number % 2))
            grows(by_kernel if number % 2 else by_rings, made)

        assert streaming(made, group, stays, turn, rate=rate, burst=burst) > 20
        assert by_kernel(made) > 100
        assert by_rings(made) > 100


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("ports", [2, 4])
def test_switched_by_others_who_come_and_go(ports: int, ipv6: bool) -> None:
    """SNOOP-28: each publish makes the slot void; the last port is a member every other time."""
    group, stays = GROUPS[ipv6], range(1, ports)
    with middle(ports + 1, ipv6=ipv6) as made:
        for port in range(1, ports + 1):
            made.lab.h(port).join(group)
        made.want(group, stays)

        def turn(number: int) -> None:
            made.want(group, range(1, ports + number % 2))
            assert grows(lambda m: m.fastpath.counters(0)["rx_frames"], made)
            if number % 16 == 15:
                grows(by_kernel, made)

        assert streaming(made, group, stays, turn, rate=6_000, burst=1) > 100
        assert by_kernel(made) > 100
        assert by_rings(made) > 30
