"""What a switch asks after a crash, and how soon it wants to know."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.daemon.resuming import Asking
from snoop.proto.units import SECOND
from snoop.wire import control
from snoop.wire.address import Family
from snoop.wire.messages import Query
from unit.scene import Scene

LATER: Any = None  # no loop: all are asked at once


def asked(scene: Scene) -> dict[Family, float]:
    """The Max Resp Times of what was asked, in seconds."""
    queries = [control.parse(frame).message for _, frame in scene.fastpath.injected]
    assert len(queries) == 2
    return {
        query.family: query.max_response_ns / SECOND
        for query in queries
        if isinstance(query, Query)
    }


@pytest.mark.parametrize(
    ("response", "memberships", "within"), [(10.0, 1, 1.0), (10.0, 4000, 2.0), (0.5, 1, 0.5)]
)
def test_who_joined_in_the_last_moment_is_heard_soon(
    monkeypatch: pytest.MonkeyPatch, response: float, memberships: int, within: float
) -> None:
    """Where there are many they do not all answer at once, and none is given longer than ever."""
    table = {"querier": "on", "query_response_interval": response}
    scene = Scene(igmp={**table, "querier_address": "10.0.0.254"}, mld=table).start()
    scene.join(1)
    scene.fastpath.injected.clear()
    monkeypatch.setattr(
        type(scene.plane.engine), "port_groups", lambda _, port: memberships if port == 1 else 0
    )
    Asking(LATER, scene.plane).ask()
    assert asked(scene) == {Family.IPV4: within, Family.IPV6: within}
