"""`snoop web` before daemons, clients and names that mean it no good."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netns.browsing import get, served
from netns.spoiling import SPOILED, spoiled
from netns.star import Star, star


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    with star(2, pruning=False) as made:
        made.h(1).join("239.42.0.1")
        made.reached("239.42.0.1")
        yield made


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
