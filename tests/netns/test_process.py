"""The daemon as a process: how it starts, refuses to, ends, dies, and reads its file again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netns.star import IGMP, Star, names, star
from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import SNOOP, Snoop

GROUP = "239.13.0.1"


def promiscuity(net: Star) -> list[int]:
    return [net.lab.port_attribute(port, "IFLA_PROMISCUITY") for port in net.lab.ports]


def refusal(
    lab: Lab, *words: str, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """A `snoop run` that must not start: its status and its words."""
    with namespaces.inside(lab.namespace):
        return subprocess.run(
            [*prefix, SNOOP, "--socket", lab.directory / "refused.sock", *words],
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_zero_and_leaves_the_ports_as_they_were(number: signal.Signals) -> None:
    """INTERFACE.md 2; promiscuous mode is the socket's and goes with it."""
    with Lab(3) as lab:
        switch = lab.switch(config={"igmp": IGMP})
        net = Star(lab, switch)
        assert promiscuity(net) == [1, 1, 1]
        assert switch.stop(number) == 0
        assert promiscuity(net) == [0, 0, 0]
        assert not Path(switch.socket).exists()
        assert "Traceback" not in switch.log


def test_after_sigkill_ports_are_quiet_and_a_new_start_works_at_once() -> None:
    """The kernel undoes promiscuous mode and isolation soon after we die; neither that nor the
    socket file that is left keeps the next one from starting."""
    with star(4) as net:
        assert net.switch.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: promiscuity(net) == [0] * 4, within=20)
        net.switch.start()
        assert promiscuity(net) == [1] * 4
        assert net.switch.stop(signal.SIGKILL) == -signal.SIGKILL
        net.switch.start()
        wait_until(lambda: promiscuity(net) == [1] * 4, within=20)
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.switch.wait_pruning(timeout=60)
        assert net.reached(GROUP) == names(1)


def test_second_daemon_on_one_socket_is_refused_and_the_first_lives() -> None:
    with star(3) as net:
        second = subprocess.run(
            [SNOOP, "--socket", net.switch.socket, "run", "--port", "p0"],
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=lambda: namespaces.enter(net.lab.namespace),
        )
        assert second.returncode == 1
        assert one_line(second.stderr)
        assert str(net.switch.socket) in second.stderr
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})


def one_line(text: str) -> bool:
    """Exactly one line, with no traceback in it."""
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


def test_missing_port_is_named() -> None:
    with Lab(2) as lab:
        done = refusal(lab, "run", "--port", "p0", "--port", "nosuch")
    assert done.returncode == 1
    assert one_line(done.stderr)
    assert "nosuch" in done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("run",), "--port"),
        (("run", "--port", "p0,colour=red"), "colour"),
        (("run", "--port", "p0", "--querier-address", "10.0.0.256"), "10.0.0.256"),
        (("run", "--config", "/nonexistent/snoop.toml"), "/nonexistent/snoop.toml"),
        (("show", "weather"), "weather"),
    ],
)
def test_usage_and_configuration_errors_exit_with_two(words: tuple[str, ...], named: str) -> None:
    """INTERFACE.md 2: one line that says what is wrong."""
    with Lab(1) as lab:
        done = refusal(lab, *words)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    assert one_line(done.stderr)


def test_wrong_value_in_the_file_is_named_with_what_is_allowed() -> None:
    """INTERFACE.md 4: the file is checked whole before anything opens."""
    with Lab(1) as lab:
        file = lab.directory / "wrong.toml"
        file.write_text('[switch]\nunregistered = "some"\n[[port]]\nname = "p0"\n')
        done = refusal(lab, "run", "--config", str(file))
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert all(word in done.stderr for word in ("unregistered", "some", "flood", "mrouters"))


def test_missing_privileges_are_named() -> None:
    """One line that says which capability to give it, status 1."""
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv is part of util-linux"
    with Lab(1) as lab:
        done = refusal(
            lab,
            "run",
            "--port",
            "p0",
            prefix=(setpriv, "--bounding-set", "-net_raw,-net_admin", "--inh-caps", "-all"),
        )
    assert done.returncode == 1, done.stderr
    assert one_line(done.stderr)
    assert "net_raw" in done.stderr.lower()


def test_reload_applies_the_difference_and_loses_no_member() -> None:
    """SIGHUP with another policy for unregistered groups; the member's stream
    has no gap and its row keeps its age."""
    with star(4) as net:
        net.h(1).join(GROUP)
        before = net.switch.wait_row(GROUP, "p1")
        assert net.reached("239.13.0.2") == names(1, 2, 3)
        net.h(1).reset()
        count = 2000
        stream = net.h(0).start("send", destination=GROUP, count=count, rate=2000)
        config = dict(net.switch.config)
        config["switch"] = {"unregistered": "drop"}
        net.switch.configure(config)
        net.switch.hang_up()
        wait_until(
            lambda: (
                net.switch.show("config")["config"]["switch"]["unregistered"] == "drop"
                if "config" in net.switch.show("config")
                else net.switch.show("config")["switch"]["unregistered"] == "drop"
            ),
            within=20,
            what="the new policy is in force",
        )
        stream.result()
        net.lab.settle(net.h(0))
        assert net.h(1).app(GROUP).unique == count
        row = net.switch.row(GROUP, "p1")
        assert row is not None
        assert row["uptime"] > before["uptime"]
        assert net.reached("239.13.0.2") == set()


def test_bad_file_on_reload_changes_nothing() -> None:
    with star(3) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.switch.config_file.write_text("[switch]\nunregistered = 7\n")
        net.switch.hang_up()
        wait_until(lambda: "unregistered" in net.switch.log, within=20, what="it complains")
        assert net.switch.members(GROUP) == {"p1"}
        assert net.reached(GROUP) == names(1)


def test_reload_adds_and_removes_a_port() -> None:
    with star(4) as net:
        net.h(1).join(GROUP)
        net.h(3).join(GROUP)
        net.switch.wait_members(GROUP, {"p1", "p3"})
        config = dict(net.switch.config)
        all_ports = config["port"]
        net.switch.configure({**config, "port": all_ports[:3]})
        net.switch.hang_up()
        net.switch.wait_members(GROUP, {"p1"})
        wait_until(
            lambda: net.lab.port_attribute("p3", "IFLA_PROMISCUITY") == 0,
            within=20,
            what="the port is let go",
        )
        net.switch.configure({**config, "port": all_ports})
        net.switch.hang_up()
        net.switch.wait_members(GROUP, {"p1", "p3"})
        assert net.reached(GROUP) == names(1, 3)


def test_lab_that_is_killed_takes_the_daemon_and_the_agents_with_it() -> None:
    """INTERFACE.md 1: nothing is left behind, even by SIGKILL, but names that the next lab
    sweeps away."""
    story = (
        "import sys, time; from snoop.lab import Lab\n"
        "lab = Lab(2).open(); switch = lab.switch()\n"
        "print(lab.prefix, switch.process.pid, lab.hosts[0].process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    here = Path(namespaces.__file__).parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", story],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(here)},
    )
    assert child.stdout
    prefix, *pids = child.stdout.readline().split()
    child.kill()
    child.communicate()
    wait_until(
        lambda: not any(alive(int(pid)) for pid in pids), within=20, what="its processes are gone"
    )
    namespaces.sweep()
    assert namespaces.named(prefix) == []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.half
def test_idle_switch_uses_no_processor() -> None:
    """Waiting: after the spin it sleeps. Ticks of 10 ms in a silent second."""
    with star(
        3, igmp={"query_interval": 30.0, "query_response_interval": 5.0}, pruning=False
    ) as net:
        busy = least_busy(net.switch)
        assert busy < 10, f"{busy} ticks in the quietest second"


def least_busy(switch: Snoop) -> int:
    """User and system ticks in the quietest of some seconds, told by the daemon's own stat file."""
    import time

    def ticks() -> int:
        fields = Path(f"/proc/{switch.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    spent = []
    for _ in range(3):
        before, end = ticks(), time.monotonic() + 1
        wait_until(lambda end=end: time.monotonic() >= end, within=20)
        spent.append(ticks() - before)
    return min(spent)


def test_snooping_can_be_switched_off_and_on_while_it_runs() -> None:
    """Spec 121, SM-67, VLAN-8: off: everything floods and no state is kept; on: an empty table that
    the next general query fills."""
    with star(4) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1)
        config = dict(net.switch.config)
        net.switch.configure({**config, "igmp": {**config["igmp"], "enabled": False}})
        net.switch.hang_up()
        net.switch.wait_members(GROUP, set())
        assert net.reached(GROUP) == names(1, 2, 3)
        net.switch.configure(config)
        net.switch.hang_up()
        net.switch.wait_members(GROUP, {"p1"}, timeout=60)
        net.switch.wait_pruning(timeout=60)
        assert net.reached(GROUP) == names(1)
