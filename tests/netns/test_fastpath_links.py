"""The fast path on interfaces that go down, come back and disappear.

It runs on veths of a namespace of its own, without the runtime: nobody tells it what the links do.
"""

from __future__ import annotations

import subprocess
import time

from netns.test_decision import in_new_namespace
from netns.test_shortcut import UDP, Hosts, frame, mac, running, switch
from snoop.fastpath import REASONS, FastPath
from snoop.lab import wait_until
from unit import frames


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True)


def passes_while(fastpath: FastPath, seconds: float) -> int:
    """How often the loop goes round while nothing is sent for a while."""
    before = fastpath.worker_stats().passes
    time.sleep(seconds)  # the measurement itself
    return fastpath.worker_stats().passes - before


def settle(fastpath: FastPath) -> None:
    """Wait until the kernel's own frames (neighbour discovery) have ceased."""
    wait_until(lambda: passes_while(fastpath, 0.2) <= 2, within=20)


@in_new_namespace
def test_loop_sleeps_though_a_port_is_down_or_gone() -> None:
    """A socket in error must not keep an idle switch awake."""
    with switch() as fastpath:
        hosts = Hosts()
        ip("link set p1 down")
        settle(fastpath)
        ip("link del p2")
        settle(fastpath)
        hosts.send(0, frame(0, 1, UDP))
        wait_until(lambda: fastpath.counters(0)["flood_unknown_unicast"] > 0, within=20)
        for port in (1, 2):
            wait_until(lambda port=port: fastpath.counters(port)["tx_down"] > 0, within=20)
        settle(fastpath)
        for port in range(3):
            counters = fastpath.counters(port)
            assert counters["rx_frames"] == sum(counters[name] for name in REASONS)


@in_new_namespace
def test_port_that_comes_back_forwards_and_punts_as_before() -> None:
    """Also its control ring: the kernel leaves and joins the fanout group at each flap."""
    with switch() as fastpath:
        hosts = Hosts()
        for _ in range(3):
            ip("link set p0 down")
            ip("link set p0 up")
        wait_until(lambda: "LOWER_UP" in link("p0"), within=20)
        hosts.send(0, frame(0, 1, UDP, 7))
        hosts.until(1, frame(0, 1, UDP, 7))
        hosts.send(0, frames.v2_report())
        punted: list[bytes] = []

        def arrived() -> bool:
            punted.extend(p.frame for p in fastpath.drain(100_000) if p.port == 0)
            return bool(punted)

        wait_until(arrived, within=20)
        assert punted == [frames.v2_report()]


def link(name: str) -> str:
    return subprocess.run(["ip", "link", "show", name], capture_output=True, text=True).stdout


def jumbo(number: int) -> bytes:
    """An unknown-unicast frame too long for a ring slot; `number` is in its payload."""
    head = mac(9) + mac(0) + b"\x12\x34"
    return head + number.to_bytes(2, "big") * 2000


@in_new_namespace
def test_oversize_frames_are_not_mixed_up_by_a_link_flap() -> None:
    """The error of the flap waits in front of the frames that came before it."""
    with switch(run=False, mtu=9000) as fastpath:
        hosts = Hosts()
        for number in range(3):
            hosts.send(0, jumbo(number))
        ip("link set p0 down")
        ip("link set p0 up")
        wait_until(lambda: "LOWER_UP" in link("p0"), within=20)
        for number in range(3, 6):
            hosts.send(0, jumbo(number))
        with running(fastpath):
            got = hosts.until(1, jumbo(5))
        assert got == [jumbo(number) for number in range(6)]
        assert fastpath.counters(0)["truncated"] == 0
