"""What a live switch shows: true of groups that flood, of streams that stopped, of frames that went
nowhere; in any locale, and once for every port that is named."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from netns.star import Star, star
from snoop.lab import wait_until
from snoop.lab.switch import SNOOP

GROUP = "239.23.0.1"


def streams(net: Star, group: str) -> Any:
    """The one row of a group."""
    rows = json.loads(net.switch.quick("show", "streams", "--group", group, "--json"))["streams"]
    assert len({row["source"] for row in rows}) == 1, rows
    return rows[0]


def test_a_group_that_floods_has_its_members_all_the_same() -> None:
    """SAY-4: without a querier, and in `always_flood`."""
    always = {"always_flood": ["239.255.0.1"]}
    with star(3, igmp={"querier": "off"}, switch=always, pruning=False) as net:
        for group in (GROUP, "239.255.0.1"):
            net.h(1).join(group)
            net.switch.wait_members(group, {"p1"})
            net.reached(group)
            row = streams(net, group)
            assert row["registered"], row
            assert row["reason"].startswith("flood_")
        net.reached("239.23.0.2")
        assert not streams(net, "239.23.0.2")["registered"]


def test_a_stream_that_stopped_shows_where_it_would_go_now(net: Star) -> None:
    """SAY-17."""
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    net.reached(GROUP)
    assert streams(net, GROUP)["egress"] == ["p1"]
    net.h(2).join(GROUP)
    net.switch.wait_members(GROUP, {"p1", "p2"})
    wait_until(lambda: streams(net, GROUP)["egress"] == ["p1", "p2"], within=20)
    net.h(1).leave(GROUP)
    net.switch.wait_members(GROUP, {"p2"})
    wait_until(lambda: streams(net, GROUP)["egress"] == ["p2"], within=20)


def test_pruned_frames_are_not_lost(net: Star) -> None:
    """SAY-15."""
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    net.switch.do("clear", "counters")
    net.reached(GROUP, sender=1, count=50)
    rows = json.loads(net.switch.quick("show", "ports", "--json"))["ports"]
    (port,) = (row for row in rows if row["name"] == "p1")
    assert port["pruned"] >= 50
    assert [row["lost"] for row in rows] == [0] * len(rows)


def test_every_port_that_is_named_is_meant(net: Star) -> None:
    """SAY-9."""
    group = "239.23.0.9"
    both = ("--port", "p1", "--port", "p2")
    net.switch.do("mdb", "add", group, *both)
    assert net.switch.members(group) == {"p1", "p2"}
    assert net.reached(group) == {"h1", "h2"}
    net.switch.do("mdb", "del", group, *both)
    assert net.switch.members(group) == set()


def test_a_pipe_in_an_ascii_locale_gets_a_row_a_line(net: Star) -> None:
    """SAY-11, SAY-16."""
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    net.reached(GROUP)
    for words in (["show"], ["show", "mdb"], ["show", "streams"], ["show", "ports"]):
        done = subprocess.run(
            [SNOOP, "--socket", net.switch.socket, *words],
            env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "40"},
            capture_output=True,
            timeout=30,
            check=True,
        )
        lines = done.stdout.decode("ascii").splitlines()
        assert all(line == line.rstrip() for line in lines)
        assert done.stderr == b""
