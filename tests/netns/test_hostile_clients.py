"""Local programs that hold every connection they can, against a daemon with few descriptors
(F-10, F-11): the operator, the scrape and the ports still get what they need."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from netns.star import IGMP, Star, names
from snoop.lab import Lab, namespaces, wait_until

LISTEN = ("127.0.0.1", 9571)
DESCRIPTORS = 160
GROUP = "239.19.1.1"


def holding(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.half
def test_clients_that_hold_what_they_can_cost_a_bounded_part() -> None:
    config = {"igmp": IGMP, "metrics": {"listen": f"{LISTEN[0]}:{LISTEN[1]}"}}
    with Lab(4) as lab, contextlib.ExitStack() as stack:
        switch = lab.switch(config=config, through=["prlimit", f"--nofile={DESCRIPTORS}"])
        net = Star(lab, switch)
        lab.wait_pruning(lab.h(0), lab.h(1), lab.h(-1))
        pid, path = net.switch.process.pid, net.switch.socket
        before, calm = holding(pid), threads(pid)

        def hold_control(count: int, first: bytes = b"") -> None:
            for _ in range(count):
                client = stack.enter_context(socket.socket(socket.AF_UNIX))
                client.connect(path)
                client.sendall(first)

        def hold_metrics(count: int, first: bytes = b"") -> None:
            with namespaces.inside(lab.namespace):
                for _ in range(count):
                    client = stack.enter_context(socket.create_connection(LISTEN, timeout=20))
                    client.sendall(first)

        def scrape() -> bytes:
            url = f"http://{LISTEN[0]}:{LISTEN[1]}/metrics"
            with (
                namespaces.inside(lab.namespace),
                urllib.request.urlopen(url, timeout=20) as answer,
            ):
                return bytes(answer.read())

        hold_control(300)
        hold_control(50, b'{"request": "sh')
        hold_control(50, b'{"request": "monitor"}\n')
        hold_metrics(300)
        hold_metrics(50, b"GET /metrics HTTP/1.1\r\nX: ")
        assert b"snoop_uptime_seconds" in scrape()
        assert net.switch.show("ports")["ports"], "the operator gets in"
        places = DESCRIPTORS // 16
        assert holding(pid) <= before + 2 * places + 2
        assert threads(pid) <= calm + 8

        # A port that is made anew finds its descriptors, and the host's stack is kept off it.
        lab.unplug("p2")
        wait_until(lambda: state(net, "p2")["state"] == "missing", within=20, what="p2 is gone")
        lab.replug(2)
        wait_until(lambda: state(net, "p2")["state"] == "up", within=20, what="p2 is back")
        assert state(net, "p2")["isolated"] is True
        assert state(net, "p2")["problem"] is None
        net.h(2).join(GROUP)
        net.switch.wait_members(GROUP, {"p2"})
        assert net.reached(GROUP) == names(2)

        # Nobody who waits keeps the process busy: a tenth of a processor would be much.
        ticks, started = cpu_ticks(pid), os.times().elapsed
        wait_until(lambda: os.times().elapsed - started > 1.5, within=20, what="time to pass")
        assert cpu_ticks(pid) - ticks < 0.3 * os.sysconf("SC_CLK_TCK")
        net.conserved()
        assert "Traceback" not in net.switch.log


def state(net: Star, port: str) -> dict[str, object]:
    return next(row for row in net.switch.show("ports")["ports"] if row["name"] == port)


def test_who_has_taken_the_port_of_the_metrics_keeps_nobody_from_forwarding() -> None:
    """While a switch is away any user may; it is served as soon as it can be."""
    config = {"igmp": IGMP, "metrics": {"listen": f"{LISTEN[0]}:{LISTEN[1]}"}}
    with Lab(2) as lab:
        with namespaces.inside(lab.namespace):
            squatter = socket.create_server(LISTEN)
        try:
            switch = lab.switch(config=config)
            assert "cannot serve [metrics] listen = " in switch.log
            assert "trying again" in switch.log
            lab.h(1).join("239.1.1.1")
            switch.wait_members("239.1.1.1", {"p1"})
        finally:
            squatter.close()
        wait_until(lambda: "is served now" in switch.log, within=20, what="its turn has come")
        with namespaces.inside(lab.namespace), socket.create_connection(LISTEN, 5) as asking:
            asking.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert b" 200 OK" in asking.recv(64)
        assert switch.stop() == 0


def test_it_ends_well_while_clients_ask() -> None:
    """A request that is half way through must not reach what has been freed."""
    config = {"igmp": IGMP, "metrics": {"listen": f"{LISTEN[0]}:{LISTEN[1]}"}}
    with Lab(3) as lab, contextlib.ExitStack() as stack:
        switch = lab.switch(config=config)
        for number in range(40):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(switch.socket))
            asked = b'{"request": "show", "what": "ports"}\n' * 20
            client.sendall(b'{"request": "monitor"}\n' if number % 2 else asked)
        assert switch.stop(signal.SIGTERM) == 0
        assert "Traceback" not in switch.log
