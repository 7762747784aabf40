"""`snoop monitor`: what happens is told as it does, what operators change included."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from netns.star import Star, star
from snoop.lab import wait_until
from snoop.lab.switch import SNOOP

Told = dict[str, Any]


class Lines:
    """JSON objects, one a line, from a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pending = b""
        self._objects: list[Told] = []

    def until(self, wanted: Callable[[Told], bool], nudge: Callable[[], None] = bool) -> Told:
        """The next that is wanted; `nudge` is done again until it comes."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()

        def found() -> Told | None:
            nudge()
            if not self._objects and select.select([pipe], [], [], 0.2)[0]:
                *lines, self._pending = (self._pending + os.read(pipe, 65536)).split(b"\n")
                self._objects += [json.loads(line) for line in lines]
            while self._objects:
                if wanted(each := self._objects.pop(0)):
                    return each
            return None

        got = wait_until(found, within=30, what="the event")
        assert got is not None
        return got


@contextmanager
def monitored(net: Star) -> Iterator[Lines]:
    """A monitor that has begun to tell."""

    def rejoin() -> None:  # a monitor takes a moment to start
        net.switch.quick("clear", "mdb", "--group", "239.15.0.6")
        net.report(2, ("TO_EX", "239.15.0.6", []))

    monitor = subprocess.Popen(
        [SNOOP, "--socket", net.switch.socket, "monitor", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        lines = Lines(monitor)
        lines.until(lambda e: e["event"] == "join", nudge=rejoin)
        yield lines
    finally:
        monitor.terminate()
        monitor.communicate(timeout=20)


def test_monitor_tells_joins_and_leaves_as_they_happen() -> None:
    group = "239.15.0.5"
    with star(3) as net, monitored(net) as lines:
        net.h(1).join(group)
        joined = lines.until(lambda e: e["event"] == "join" and e.get("group") == group)
        assert joined["port"] == "p1"
        assert isinstance(joined["time"], (int, float))
        net.h(1).leave(group)
        left = lines.until(lambda e: e["event"] in ("leave", "expire") and e.get("group") == group)
        assert left["port"] == "p1"


def test_monitor_tells_what_operators_change_and_how() -> None:
    """SAY-20: `mdb add`, `mdb del`, `clear mdb`, and static entries of a file that is reloaded."""
    group, source = "239.15.0.7", "10.0.0.9"
    with star(3) as net, monitored(net) as lines:

        def told(kind: str) -> Told:
            told = lines.until(lambda e: e["event"] == kind and e.get("group") == group)
            return {key: value for key, value in told.items() if key not in ("time", "event")}

        entry = {"vlan": 0, "port": "p1", "group": group, "source": source, "name": None}
        for command, change in (("add", "added"), ("del", "removed")):
            net.switch.do("mdb", command, group, "--port", "p1", "--source", source)
            assert told("static") == {**entry, "change": change, "by": "command"}
        for entries, change in (([group], "added"), ([], "removed")):
            static = [{"group": each, "ports": ["p2"]} for each in entries]
            net.switch.configure({**net.switch.config, "static": static})
            net.switch.quick("reload")
            of_file = {**entry, "port": "p2", "source": None, "change": change, "by": "file"}
            assert told("static") == of_file
        net.report(1, ("TO_EX", group, []))
        net.switch.wait_members(group, {"p1"})
        net.switch.quick("clear", "mdb", "--group", group)  # it lasts three seconds
        assert told("clear") == {
            "name": None,
            "vlan": 0,
            "port": None,
            "group": group,
            "memberships": 1,
            "by": "command",
        }
