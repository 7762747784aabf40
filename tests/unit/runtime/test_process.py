"""What surrounds the plane: the log, the service manager, the links, the metrics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from snoop.config import loader
from snoop.control import metrics
from snoop.control.sample import STREAMS_MAX, Sample
from snoop.daemon.process import Daemon
from snoop.daemon.restarting import StartError
from snoop.links.interfaces import Links
from snoop.proto.units import SECOND, Instant
from snoop.runtime import events, log, notify
from snoop.runtime.log import Limited
from unit import HANGS_S, shown
from unit.fake_fastpath import link
from unit.scene import Scene


def at(seconds: float) -> Instant:
    return Instant(round((1000 + seconds) * SECOND))


LOGGER = logging.Logger("apart", logging.DEBUG)  # of nobody's, and of no other test


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def lines() -> list[str]:
    handler = Lines()
    LOGGER.handlers[:] = [handler]
    return handler.lines


def test_what_a_peer_repeats_is_logged_a_few_times_and_then_counted(lines: list[str]) -> None:
    """A bound on the log rate."""
    limited = Limited(LOGGER, burst=2, interval_ns=10 * SECOND)
    for number in range(100):
        limited.log(logging.WARNING, "limit p1", f"line {number}", now=at(number / 100))
    limited.log(logging.WARNING, "limit p2", "another subject", now=at(1))
    assert lines == ["line 0", "line 1", "another subject"]
    limited.log(logging.WARNING, "limit p1", "later", now=at(11))
    assert lines[3:] == ["limit p1: 98 more left out", "later"]


def test_subjects_are_bounded(lines: list[str]) -> None:
    limited = Limited(LOGGER)
    for number in range(10_000):
        limited.log(logging.DEBUG, f"subject {number}", "x", now=at(0))
    assert len(limited._subjects) <= 256


def test_a_cable_unplugged_all_day_does_not_fill_the_log(lines: list[str]) -> None:
    """Two hundred times a second: by then nothing but the state itself is news."""
    clock = [at(0)]
    LOGGER.handlers[0].addFilter(log.Sparing(lambda: clock[0]))
    for number in range(4000):
        clock[0] = at(number / 200)
        LOGGER.info("%s: %s%s", "p3", "up", "")
    LOGGER.info("%s: %s%s", "p4", "up", "")
    assert len(lines) <= 2 * log.Sparing.BURST + 1
    assert lines[18:21] == [
        "p3: up",
        "p3: up (more like this is left out for 10 s)",
        "p3: up (1980 like this were left out)",
    ]
    assert lines[-1] == "p4: up"
    for number in range(10_000):
        LOGGER.info("%s: gone", f"v{number}")
    assert lines[-1] == "v9999: gone", "whoever says it for the first time is heard"


def test_who_does_not_read_the_log_holds_nothing_up() -> None:
    """A pipe that is full: lines are left out, and counted when somebody reads again."""
    reading, writing = os.pipe()
    LOGGER.handlers[:] = [log.Unhurried(writing)]
    try:
        for number in range(2000):
            LOGGER.info("%d %s", number, "x" * 200)
        LOGGER.info("long: %s", "y" * 200_000)
        taken = os.read(reading, 1 << 20).decode().splitlines()
        LOGGER.info("again")
        after = os.read(reading, 1 << 20).decode().splitlines()
        os.close(reading)
        LOGGER.info("nobody is there")
    finally:
        os.close(writing)
    assert [line.split()[0] for line in taken] == [str(number) for number in range(len(taken))]
    left_out = 2001 - len(taken)
    assert after == [f"{left_out} lines before this one were left out: nobody took them", "again"]


def test_an_event_is_one_line_of_words() -> None:
    fields = {"group": "239.1.2.3", "reporter": None, "sources": ["10.0.0.9", "10.0.0.8"]}
    assert events.text("join", 7, "p1", fields) == (
        "join p1 vlan 7 group 239.1.2.3 sources {10.0.0.9, 10.0.0.8}"
    )


def test_levels_are_those_of_the_command() -> None:
    assert log.LEVELS == ("debug", "info", "warning", "error")


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sd_notify: READY over the socket that NOTIFY_SOCKET names."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notify.notify("READY=1")
        assert manager.recv(100) == b"READY=1"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            waiting = 0
            with contextlib.suppress(BlockingIOError):
                while other.sendto(b"x", path):
                    waiting += 1
        notify.notify("WATCHDOG=1")  # comes again: it is not worth waiting for
        listening = threading.Timer(0.1, lambda: [manager.recv(100) for _ in range(waiting)])
        listening.start()
        notify.notify("READY=1")
        listening.join()
        assert manager.recv(100) == b"READY=1"
    notify.notify("WATCHDOG=1")  # Nobody listens any more: not our problem.
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.notify("READY=1")


def test_the_watchdog_is_fed_at_twice_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert notify.watchdog_interval() == 1.5
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert notify.watchdog_interval() is None
    monkeypatch.delenv("WATCHDOG_PID")
    for nonsense in ("", "soon", "-5", "0"):
        monkeypatch.setenv("WATCHDOG_USEC", nonsense)
        assert notify.watchdog_interval() is None


def test_links_are_read_from_the_kernel() -> None:
    """Needs no root: reading is free."""
    links = Links()
    links.open()
    try:
        lo = links.by_name("lo")
        assert lo is not None
        assert lo.loopback
        assert lo.ifindex == socket.if_nametoindex("lo")
        assert "lo" not in links.names()
        assert set(links.names()) <= {name for _, name in socket.if_nameindex()}
        assert links.by_name("no-such-if0") is None
    finally:
        links.close()


def test_a_daemon_whose_typed_port_does_not_exist_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snoop.runtime.privileges.missing", list)
    loaded = loader.load(None, ports=[f"no-such-if{n}" for n in range(2)])
    daemon = Daemon(loaded, load=lambda: loaded, path=tmp_path / "sw.sock")
    with pytest.raises(StartError) as caught:
        asyncio.run(daemon.run())
    assert str(caught.value).startswith(
        "ports do not exist in this network namespace: no-such-if0, no-such-if1 (interfaces here: "
    )
    assert not (tmp_path / "sw.sock").exists()


def sample(**changes: object) -> Sample:
    values: dict[str, object] = {
        "switch": "sw0", "uptime": 1.5, "counters": {"internal_errors": 0},
        "port_counters": {"p1": {"rx_frames": 7}},
        "ports": [shown.port("p1")],
        "groups": {(0, "ipv4"): 1}, "members": {"p1": 1},
        "mrouters": [], "queriers": [], "streams": [], "table_rows": 1, "fdb_entries": 0, **changes,
    }  # fmt: skip
    return Sample(**values)  # type: ignore[arg-type]  # built from keywords


async def taken() -> Sample:
    """The same, as a switch gives it."""
    return sample()


def test_metrics_are_served_from_the_control_thread() -> None:
    """A scrape comes in on its own thread and is answered by the loop's."""
    threads: list[int] = []

    async def take() -> Sample:
        threads.append(threading.get_ident())
        return sample()

    async def scene() -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        metrics.Endpoint(f"127.0.0.1:{port}", loop=asyncio.get_running_loop(), sample=take)
        url = f"http://127.0.0.1:{port}/metrics"
        body = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=HANGS_S).read())
        return str(body.decode())

    text = asyncio.run(scene())
    assert threads == [threading.get_ident()]
    assert 'snoop_port_rx_frames_total{port="p1"} 7.0' in text
    assert 'snoop_port_up{port="p1"} 1.0' in text
    assert 'snoop_port_takes_runs{port="p1"} 1.0' in text
    assert 'snoop_groups{family="ipv4",vlan="0"} 1.0' in text


def test_metrics_of_streams_are_bounded() -> None:
    """Anybody can make streams; each would be a set of labels for ever."""
    streams = [
        shown.stream(source=f"10.0.{n >> 8}.{n & 255}", frames=n, registered=False)
        for n in range(3000)
    ]
    families = {one.name: one for one in metrics.metrics(sample(streams=streams))}
    kept = families["snoop_stream_frames"].samples
    assert len(kept) == STREAMS_MAX
    assert min(one.value for one in kept) == 2000


def test_a_link_that_only_gained_an_address_is_not_a_flap() -> None:
    scene = Scene().start()
    scene.join(1)
    scene.links.links["p1"] = link("p1", 11, addresses=frozenset({"fe80::9"}))
    scene.plane.links_changed()
    assert scene.members() == {"p1"}
    assert scene.ports()["p1"]["addresses"] == ["fe80::9"]
