"""`snoop restart` under its clients: who asks has his answer, who listens goes on with the next."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import pytest

from netns.media import rtp, sender
from netns.star import Star, star
from snoop.control.client import Client, NoDaemon, Refused
from snoop.lab import wait_until
from snoop.lab.switch import SNOOP
from snoop.namespace import inside

GROUP = "239.24.1.1"


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    metrics = {"listen": "127.0.0.1:9571"}
    with star(3, metrics=metrics) as made:
        yield made


@contextmanager
def monitor(net: Star) -> Iterator[Queue[dict[str, Any]]]:
    """What `snoop monitor --json` prints."""
    command = [SNOOP, "--socket", net.switch.socket, "monitor", "--json"]
    lines: Queue[dict[str, Any]] = Queue()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        out = process.stdout

        def read() -> None:
            for line in out:
                lines.put(json.loads(line))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield lines
        finally:
            process.terminate()
            thread.join()


def test_a_monitor_goes_on_with_every_next_process(net: Star) -> None:
    """Three in a row; each event once, none missing, and a line that says who it is from then."""
    with monitor(net) as lines:
        numbers = itertools.count(100)

        def heard() -> bool:
            """A monitor takes a moment to start."""
            net.h(1).join(f"239.24.1.{next(numbers)}")
            return not lines.empty()

        wait_until(heard, within=30, every=0.5, what="the first that it hears")
        seen = [lines.get()]
        pids = []
        for number in range(3):
            pids.append(json.loads(net.switch.do("restart", "--json"))["pid"])
            net.h(1).join(f"239.24.1.{20 + number}")
            while seen[-1].get("group") != f"239.24.1.{20 + number}":
                seen.append(lines.get(timeout=20))
    kinds = [event["event"] for event in seen]
    assert [event["pid"] for event in seen if event["event"] == "handover"] == pids
    assert kinds.count("restarted") == 3
    joined = [event["group"] for event in seen if event["event"] == "join"]
    assert sorted(joined) == sorted({*joined})
    status = net.switch.show("status")
    assert status["pid"] == pids[-1]


def test_who_asks_meanwhile_is_answered(net: Star) -> None:
    """Commands, changes and scrapes without a pause between them, through three hand-overs. A port
    that is added is waited for: one of each hand-over's is just being opened.
    """
    ended = threading.Event()
    failures: list[BaseException] = []
    rounds = [0, 0, 0]
    net.lab.link.link("add", ifname="added", kind="veth", peer={"ifname": "other"})

    def ask() -> None:
        with kept(failures):
            while not ended.is_set():
                with Client(net.switch.socket) as client:
                    client.call("static", add=True, group="239.24.1.50", port="p2")
                    client.call("show", what="mdb")
                    client.call("static", add=False, group="239.24.1.50", port="p2")
                rounds[0] += 1

    def scrape() -> None:
        with kept(failures), inside(net.lab.namespace):
            while not ended.is_set():
                with urllib.request.urlopen("http://127.0.0.1:9571/metrics", timeout=20) as page:
                    assert b"snoop_port_rx_frames_total" in page.read()
                rounds[1] += 1

    def add() -> None:
        with kept(failures):
            while not ended.is_set():
                with Client(net.switch.socket) as client:
                    assert client.call("port_add", port="added")["port"] == "added"
                    client.call("port_set", port="added", options=["fast_leave=on"])
                    client.call("reload")
                    client.call("port_del", port="added")
                rounds[2] += 1

    threads = [threading.Thread(target=each) for each in (ask, scrape, add)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = list(rounds)
        net.switch.do("restart")
        wait_until(
            lambda before=before: (
                failures or all(now > then for now, then in zip(rounds, before, strict=True))
            ),
            within=20,
            what="all are answered by the new one",
        )
    ended.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert net.switch.row("239.24.1.50", "p2") is None
    assert "added" not in {row["name"] for row in net.switch.show("ports")["ports"]}


def known(net: Star) -> list[dict[str, Any]]:
    """What `show events` has."""
    with Client(net.switch.socket) as client:
        events: list[dict[str, Any]] = client.call("events")["events"]
    return events


@contextmanager
def kept(failures: list[BaseException]) -> Iterator[None]:
    """Of a thread: what it raises is for the test to say."""
    try:
        yield
    except (OSError, AssertionError, NoDaemon, Refused) as error:
        failures.append(error)


def test_counters_streams_and_uptime_go_on(net: Star) -> None:
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    net.h(0).start("send", destination=GROUP, count=500, rate=1000, size=100).result()
    net.lab.settle(net.h(0))

    def stream() -> dict[str, Any]:
        return next(row for row in net.switch.streams() if row["group"] == GROUP)

    before, up = stream(), net.switch.show("status")["uptime"]
    assert before["frames"] == 500
    events = known(net)[-20:]  # of a port the oldest go, when new ones come
    net.switch.do("restart")
    after = stream()
    assert (after["frames"], after["bytes"]) == (500, before["bytes"])
    assert after["age"] > before["age"]
    assert after["egress"] == before["egress"]
    assert net.switch.show("status")["uptime"] > up
    again = known(net)
    at = again.index(events[0])
    assert again[at : at + len(events)] == events
    net.h(0).start("send", destination=GROUP, count=500, rate=1000, size=100).result()
    net.lab.settle(net.h(0))
    assert stream()["frames"] == 1000


def test_what_is_known_of_a_stream_s_health_goes_on(net: Star) -> None:
    """Of what was lost before it came here, nothing is forgotten and nothing added."""
    group = "239.24.1.2"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})

    def send(numbers: Iterable[int], frames: int) -> dict[str, Any]:
        with sender(net.h(0), group) as out:
            for number in numbers:
                out.send(rtp(number))
        wait_until(lambda: row()["frames"] == frames, within=20, what=f"{frames} frames")
        found: dict[str, Any] = row()["health"]
        return found

    def row() -> dict[str, Any]:
        return next(iter(net.switch.streams(group=group)), {"frames": 0})

    send(range(10), 10)  # of a stream's first pass nothing is looked at
    before = send([*range(10, 60), *range(63, 163)], 160)
    wait_until(lambda: row()["health"]["lost"] == 3, within=20, what="three are lost")
    net.switch.do("restart")
    assert row()["health"]["packets"] == before["packets"]
    after = send([*range(163, 200), *range(202, 302)], 297)
    wait_until(lambda: row()["health"]["lost"] == 5, within=20, what="two more")
    assert (after["reordered"], after["restarts"]) == (0, 0)
    assert after["packets"] == before["packets"] + 137


def test_queries_go_on_as_they_were_to_go_out(net: Star) -> None:
    """One a second, and none besides: of a start, of a group."""
    host = net.h(2)
    host.record("control")
    host.reset()

    def queries() -> list[int]:
        """When each came: an IP header with Router Alert, type 0x11."""
        return [each.time_ns for each in host.captured() if each.frame[38:39] == b"\x11"]

    wait_until(queries, within=20, what="the first one")
    for _ in range(3):
        net.switch.do("restart")
    wait_until(lambda: len(queries()) >= 4, within=20, what="the fourth")
    times = queries()
    apart = [(later - at) / 1e9 for at, later in itertools.pairwise(times)]
    assert all(0.5 < each < 1.9 for each in apart), apart
