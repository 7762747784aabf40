"""How long a switch of many ports takes to serve and to go. Bounds are for machines with others."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from snoop.lab import namespaces, wait_until
from snoop.namespace import inside

MANY, FAR = (f"sn{os.getpid()}-{name}" for name in ("many", "far"))
_BPF_SYSCALL, _PROG_QUERY, _TCX_INGRESS = 321, 16, 46


@contextlib.contextmanager
def cabled(ports: int) -> Iterator[list[int]]:
    """So many veth pairs from one namespace to another, all up; the indexes in the first."""
    made = []
    try:
        made = [namespaces.create(name, quiet_ipv6=True) for name in (MANY, FAR)]
        names = [f"p{n}" for n in range(ports)]
        pairs = [f"link add {name} type veth peer name {name} netns {FAR}" for name in names]
        ups = [f"link set {name} up" for name in names]
        for where, lines in ((MANY, [*pairs, *ups]), (FAR, ups)):
            batch = ["ip", "-n", where, "-b", "-"]
            subprocess.run(batch, input="\n".join(lines), text=True, check=True)
        yield [namespaces.index_of(made[0], name) for name in names]
    finally:
        for each in made:
            each.close()
        namespaces.remove(MANY, FAR)


def programs(ifindexes: list[int]) -> int:
    """How many there are at these interfaces."""
    libc, count = ctypes.CDLL(None, use_errno=True), 0
    with inside(MANY):
        for ifindex in ifindexes:
            asked = bytearray(
                struct.pack("=IIIIQI", ifindex, _TCX_INGRESS, 0, 0, 0, 0).ljust(64, b"\0")
            )
            buffer = (ctypes.c_char * len(asked)).from_buffer(asked)
            libc.syscall(_BPF_SYSCALL, _PROG_QUERY, buffer, len(asked))
            count += struct.unpack_from("=I", asked, 24)[0]
    return count


def curtains() -> int:
    with inside(MANY):
        listed = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True)
    return listed.stdout.count("hook ingress")


@contextlib.contextmanager
def started(ports: int, where: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A switch that is ready, and how long that took. `where`: for what a killed one leaves."""
    given = [word for n in range(ports) for word in ("--port", f"p{n}")]
    socket = str(where / "many.sock")
    command = [sys.executable, "-m", "snoop", "--socket", socket, "run", *given]
    begun = time.monotonic()
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with namespaces.spawn(MANY, command, stdout=pipe, stderr=null) as switch:
        try:
            assert switch.stdout is not None
            assert switch.stdout.readline() == b"ready\n"
            yield switch, time.monotonic() - begun
        finally:
            switch.kill()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of a system call")
@pytest.mark.alone
@pytest.mark.parametrize(("ports", "ready_within", "gone_within"), [(16, 1, 0.6), (200, 4, 2)])
def test_many_ports_serve_and_go_at_once(
    ports: int, ready_within: float, gone_within: float, tmp_path: Path
) -> None:
    """Twice the goals, and what one port takes. Programs come later, and go later."""
    with cabled(ports) as ifindexes:
        with started(1, tmp_path) as (_, base):
            pass
        with started(ports, tmp_path) as (switch, ready):
            # No port is without either: they keep the host's stack off it.
            assert curtains() + programs(ifindexes) >= ports
            wait_until(lambda: programs(ifindexes) == ports, within=20)
            wait_until(lambda: not curtains(), within=5)
            begun = time.monotonic()
            switch.terminate()
            assert switch.wait(30) == 0
            gone = time.monotonic() - begun
        wait_until(lambda: not programs(ifindexes), within=20)
        print(f"{ports} ports: ready {ready:.2f} s (one: {base:.2f} s), gone {gone:.2f} s")
        assert ready < ready_within + base
        assert gone < gone_within


def packet_sockets() -> int:
    with inside(MANY):
        return len(Path("/proc/thread-self/net/packet").read_text().splitlines()) - 1


def left_by_a_killed_one(ifindexes: list[int], where: Path) -> int:
    """How many of its sockets are there when it is gone."""
    with started(len(ifindexes), where) as (switch, _):
        wait_until(lambda: programs(ifindexes) == len(ifindexes), within=20)
        begun = time.monotonic()
        switch.kill()
        switch.wait(60)
        left = packet_sockets()
        print(f"{len(ifindexes)} ports: gone {time.monotonic() - begun:.2f} s, {left} sockets left")
    assert not programs(ifindexes), "the next one's would wait behind them"
    return left


def test_a_killed_switch_is_gone_before_its_sockets_and_another_can_begin_at_once(
    tmp_path: Path,
) -> None:
    """The kernel closes them behind it. Whoever is started while it is still taken apart waits."""
    with cabled(8) as ifindexes:
        # Now and then the kernel is quick with all of them: somebody holds its lock on interfaces.
        assert any(left_by_a_killed_one(ifindexes, tmp_path) for _ in range(3))
        with started(8, tmp_path) as (switch, _):
            wait_until(lambda: programs(ifindexes) == 8, within=20)
            switch.kill()  # and not waited for
            with started(8, tmp_path) as (_, ready):
                print(f"the next after {ready:.2f} s")
                wait_until(lambda: packet_sockets() == 5 * 8, within=60)
