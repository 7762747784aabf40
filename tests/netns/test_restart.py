"""`snoop restart`: another process takes a switch's place, and nobody on the network notices."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from netns.star import Star, names, star
from snoop.control.client import NoDaemon
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


def test_restarts_in_a_row_leave_a_switch_that_lives() -> None:
    """Each is asked for while the process before, whose child it is, has still to go."""
    with star(8, pruning=False) as net:
        pids = []

        def restarted() -> bool:
            with contextlib.suppress(NoDaemon):  # the one that answered was just going
                pids.append(net.switch.restart()["pid"])
                return True
            return False

        for _ in range(8):
            wait_until(restarted, within=20, what="another")
        assert len({*pids}) == 8
        wait_until(lambda: still(net, pids[-1]), within=20, what="the last one is the switch")
        wait_until(lambda: not Path(f"/proc/{pids[-2]}").exists(), within=20, what="others went")
        assert still(net, pids[-1])


def still(net: Star, pid: int) -> bool:
    with contextlib.suppress(NoDaemon):
        return serving(net) == pid
    return False


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
        wait_until(lambda: not still(net, started), within=20, what="the new process")
        assert net.reached(GROUP) == names(1)


# What a new process runs before anything else: it dies or hangs where it would say something.
FAULT = """
import os, signal
if "SNOOP_HANDOVER_FD" in os.environ:
    how, stage = os.environ["SNOOP_TEST_FAULT"].split()
    from snoop.daemon import messages
    send = messages.send
    def faulty(sock, kind, *rest):
        if kind == stage:
            if how == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            while True:
                signal.pause()
        send(sock, kind, *rest)
    messages.send = faulty
"""


@pytest.mark.parametrize("fault", ["die hello", "hang hello", "die prepared", "hang serving"])
def test_a_new_process_that_dies_or_hangs_costs_no_frame(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step, the last of them when the old loops have stopped."""
    (tmp_path / "sitecustomize.py").write_text(FAULT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SNOOP_TEST_FAULT", fault)
    with star(3) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.h(1).reset()
        stream = net.h(0).start("send", destination=GROUP, count=COUNT // 2, rate=RATE, size=400)
        refused = net.switch.run("restart", "--timeout", "1")
        assert refused.returncode == 1
        assert "the old process goes on" in refused.stderr
        stream.result()
        net.lab.settle(net.h(0))
        got = net.h(1).app(GROUP)
        assert (got.unique, got.duplicates, got.reordered) == (COUNT // 2, 0, 0)
        assert net.switch.process is not None
        assert serving(net) == net.switch.process.pid
