"""The metrics of all switches, of whom some do not answer: the others' come in time."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from snoop.web import metrics


def test_one_that_hangs_costs_the_others_nothing_but_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are asked at once: however many hang, it is that once; and each is named with why."""
    monkeypatch.setattr(metrics, "ANSWER_SECONDS", 0.3)
    hung = {}
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    for number in range(5):
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(tmp_path / f"hung{number}.sock"))
        one.listen()
        hung[f"hung{number}"] = one
    found = {path.stem: str(path) for path in tmp_path.glob("*.sock")}
    less_than_one_after_the_other = 1.4
    asked = asyncio.wait_for(metrics.sampled(found), less_than_one_after_the_other)
    samples, why = asyncio.run(asked)
    assert samples == dict.fromkeys(found)
    assert set(why) == set(found) == {"dead", *hung}
    assert "no switch listens" in why["dead"]
    assert all("not answered for 0.3 s" in why[name] for name in hung)
    body, _ = asyncio.run(metrics.exposition(found, metrics.Scraped()))
    assert body.count(b"snoop_up{") == 6
    for one in hung.values():
        one.close()
