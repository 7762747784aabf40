"""`snoop web` before daemons, clients and names that mean it no good."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from netns.browsing import get, served
from netns.spoiling import SPOILED, spoiled
from netns.star import Star, star
from snoop.lab import wait_until
from snoop.lab.frames import udp
from snoop.web import watching
from snoop.web.viewers import Viewer


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    with star(3, pruning=False) as made:
        made.h(1).join("239.42.0.1")
        made.reached("239.42.0.1")
        yield made


@pytest.fixture(scope="module")
def at(net: Star) -> Iterator[tuple[str, int]]:
    with served(str(net.switch.socket)) as place:
        yield place


def test_who_says_what_no_switch_says_spoils_nothing(net: Star, tmp_path: Path) -> None:
    """Noise, endless lines, other types, senseless numbers: each is called what it is."""
    with (
        spoiled(Path(net.switch.socket), tmp_path) as sockets,
        served(str(net.switch.socket), *sockets.values()) as place,
        ThreadPoolExecutor(len(sockets)) as pool,
    ):
        asked = {
            kind: pool.submit(get, place, f"/api/{Path(path).stem}/picture")
            for kind, path in sockets.items()
        }
        for kind, picture in asked.items():
            status, told = picture.result(60)
            assert (status, kind) == (200, kind)
            health = told["health"]
            assert health["state"] in SPOILED[kind][1], (kind, health)
            assert health["text"] or health["state"] == "running", kind
        own = Path(net.switch.socket).stem
        states = {one["name"]: one["state"] for one in get(place, "/api/switches")[1]["switches"]}
        assert states[own] == "running"
        assert get(place, f"/api/{own}/picture")[1]["health"]["state"] == "running"
        assert get(place, "/metrics")[0] == 200


@pytest.mark.parametrize("head", ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"])
def test_who_says_more_than_a_question_before_he_has_his_answer_is_hung_up_on(
    net: Star, at: tuple[str, int], head: str
) -> None:
    """Question after question behind one that has no end, and whatever an upgrade is followed by:
    it would all wait in memory.
    """
    with socket.create_connection(at, timeout=20) as flooding:
        live = f"GET /api/switch/live HTTP/1.1\r\nHost: localhost\r\n{head}\r\n"
        flooding.sendall(live.encode())
        assert flooding.recv(12) == b"HTTP/1.1 200"
        more = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200_000
        with pytest.raises(ConnectionError):
            flooding.sendall(more)
    assert get(at, "/", Cookie="a" * 9000)[0] == 200  # of all that localhost serves


def test_a_page_goes_on_with_the_process_that_takes_over(net: Star, at: tuple[str, int]) -> None:
    """Nobody who looks is told of anything but the next picture."""
    with socket.create_connection(at, timeout=20) as page:
        page.sendall(b"GET /api/switch/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines = page.makefile("rb")

        def picture() -> tuple[dict[str, Any], set[bytes]]:
            """The health of the next one, and what else was told before it."""
            before = set()
            for line in lines:
                if line == b"event: picture\n":
                    return json.loads(next(lines)[len("data: ") :])["health"], before
                before.add(line.partition(b"\n")[0])
            raise ConnectionError

        health, _ = picture()
        while health["state"] == "new":
            health, _ = picture()
        net.switch.do("restart")
        again, before = picture()
    assert (health["state"], again["state"]) == ("running", "running")
    assert again["since"] > health["since"]
    assert b"event: health" not in before


def test_a_storm_is_seen_by_whoever_opens_the_page(net: Star) -> None:
    """At the first look, for which nothing has been counted before."""
    host = net.h(2)
    frame = udp(host.address, "10.0.0.255", bytes(64), mac=host.mac)
    storm = host.start(
        "frames", frames=[(b"\xff" * 6 + frame[6:]).hex()], rate=5000, repeat=1 << 24
    )
    wait_until(lambda: net.switch.counters("p2")["flood_broadcast"] > 100, within=20, what="it")
    with served(str(net.switch.socket)) as place:
        found = get(place, "/api/switch/picture")[1]["findings"]
    storm.stop()
    assert ("storm", "p2") in {(one["cause"], one["subject"]) for one in found}


def test_what_nobody_looks_at_is_watched_no_longer(
    net: Star, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whoever comes later begins anew, and is told of nothing twice."""
    monkeypatch.setattr(watching, "LINGER_SECONDS", 0.2)

    async def look() -> None:
        watch, viewer = watching.Watch(str(net.switch.socket)), Viewer()
        watch.enter(viewer)
        async with asyncio.timeout(20):
            while watch.health.state != "running":
                await asyncio.sleep(0.02)
            watch.leave(viewer)
            assert not watch.idle
            while not watch.idle:
                await asyncio.sleep(0.02)

    asyncio.run(look())
