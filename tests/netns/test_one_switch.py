"""An interface is a port of one switch only (F-15)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from netns.star import Star
from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import SNOOP, Snoop


def second(lab: Lab, *ports: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Another `snoop run` beside the lab's, with a runtime directory of its own."""
    command = [*before, str(SNOOP), "--socket", str(lab.directory / "other.sock"), "run"]
    for port in ports:
        command += ["--port", port]
    with namespaces.inside(lab.namespace):
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refused(result: subprocess.CompletedProcess[str], first: Snoop, port: str) -> None:
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("snoop: ")]
    assert len(lines) == 1
    assert f'{port}: cannot be opened: it is a port of the switch "first"' in lines[0]
    assert f"(pid {first.process.pid})" in lines[0]


def test_second_switch_on_a_port_is_refused_and_names_the_first() -> None:
    with Lab(3) as lab:
        first = lab.switch(["p0", "p1"], config={"switch": {"name": "first"}})
        refused(second(lab, "p1", "p2"), first, "p1")
        refused(second(lab, "p1", before=("unshare", "--mount", "--ipc")), first, "p1")
        assert lab.port_attribute("p2", "IFLA_PROMISCUITY") == 0
        # It has only looked: the first goes on, and frames arrive once.
        lab.h(1).reset()
        lab.h(0).send("239.1.1.1", count=100)
        lab.settle(lab.h(0), [lab.h(1)])
        assert lab.h(1).wire("239.1.1.1").datagrams == 100
        assert first.run("check").returncode in (0, 1)
        Star(lab, first).conserved()


def test_port_that_is_taken_joins_when_the_other_switch_dies() -> None:
    """Added by a reload it is down alone; a kill -9 frees it."""
    with Lab(3) as lab:
        first = lab.switch(["p0", "p1"], config={"switch": {"name": "first"}})
        other = lab.switch(["p2"], config={"switch": {"name": "other"}})
        other.configure({"switch": {"name": "other"}, "port": [{"name": "p2"}, {"name": "p1"}]})
        other.hang_up()

        def states() -> dict[str, str]:
            return {row["name"]: row["state"] for row in other.show("ports")["ports"]}

        wait_until(lambda: states() == {"p1": "down", "p2": "up"}, within=20)
        row = next(row for row in other.show("ports")["ports"] if row["name"] == "p1")
        assert f'it is a port of the switch "first" (pid {first.process.pid})' in row["problem"]
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: states() == {"p1": "up", "p2": "up"}, within=20)
        # And the other way round: what vanishes and returns is its own again.
        lab.unplug("p1")
        wait_until(lambda: states()["p1"] == "missing", within=20)
        lab.replug(1)
        wait_until(lambda: states()["p1"] == "up", within=20)
        refused_by_other = second(lab, "p1")
        assert 'of the switch "other"' in refused_by_other.stderr


def test_same_names_in_another_namespace_are_other_interfaces() -> None:
    with Lab(2) as lab, Lab(2) as elsewhere:
        lab.switch()
        there = elsewhere.switch()
        assert {row["state"] for row in there.show("ports")["ports"]} == {"up"}


@contextmanager
def squatter(namespace: str, ifindex: int, uid: int = 65534) -> Iterator[None]:
    """A process of no privilege that has bound the name."""
    code = (
        f"import os, socket, time; os.setuid({uid}); s = socket.socket(socket.AF_UNIX); "
        f"s.bind('\\0snoop/port/{ifindex}'); s.listen(); print('bound', flush=True); time.sleep(60)"
    )
    process = namespaces.spawn(namespace, [sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"bound\n"
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_nobody_without_privilege_can_keep_a_switch_from_starting() -> None:
    with Lab(2) as lab, squatter(lab.namespace, namespaces.index_of(lab.link, "p0")):
        switch = lab.switch()
        assert "of user 65534, who may not run a switch" in switch.log
        assert {row["state"] for row in switch.show("ports")["ports"]} == {"up"}


def test_the_user_of_the_units_is_believed() -> None:
    """Whose /run/snoop is; by its word a second switch, of root, is refused."""
    user = 4711
    shared = (
        f'mkdir -p /run/snoop && mount -t tmpfs -o mode=755,uid={user} none /run/snoop && exec "$@"'
    )
    with Lab(1) as lab, squatter(lab.namespace, namespaces.index_of(lab.link, "p0"), user):
        ended = second(lab, "p0", before=("unshare", "--mount", "sh", "-c", shared, "sh"))
        assert ended.returncode == 1
        assert "p0: cannot be opened: it is a port of another switch (pid " in ended.stderr


def test_who_connects_to_a_claim_and_stays_costs_nothing() -> None:
    with Lab(2) as lab:
        first = lab.switch(config={"switch": {"name": "first"}})
        index = namespaces.index_of(lab.link, "p0")
        with namespaces.inside(lab.namespace):
            idle = []
            for _ in range(200):
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(2)
                sock.connect(f"\0snoop/port/{index}")
                assert sock.recv(64) == b"first"
                idle.append(sock)
        held = len(os.listdir(f"/proc/{first.process.pid}/fd"))
        assert held < 100
        refused(second(lab, "p0"), first, "p0")
        for sock in idle:
            sock.close()
