"""SAY-51: what happened is told afterwards, and without a gap to what happens."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from typing import Any

import pytest

from netns.star import Star, star
from netns.test_events import Lines
from snoop.lab import frames
from snoop.lab.switch import SNOOP

GROUP = "239.24.0.1"


def events(net: Star, *words: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(net.switch.quick("show", "events", *words, "--json"))[
        "events"
    ]
    assert told == sorted(told, key=lambda event: event["time"])
    return told


def kinds(net: Star, *words: str) -> list[str]:
    return [event["event"] for event in events(net, *words)]


def test_a_join_a_leave_and_an_expiry_are_told_afterwards() -> None:
    with star(3) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.h(1).leave(GROUP)
        net.switch.wait_members(GROUP, set())
        net.report(2, ("TO_EX", GROUP, []))  # and nobody answers for it
        net.switch.wait_members(GROUP, {"p2"})
        net.switch.wait_members(GROUP, set())
        of_group = ("--group", GROUP, "--type", "join", "--type", "leave", "--type", "expire")
        told = [(event["event"], event["port"]) for event in events(net, *of_group)]
        # A leave is told when it is heard, as often as the host says it (RFC 9776 5.1), and the
        # membership's end a question later.
        assert list(dict.fromkeys(told)) == [
            ("join", "p1"), ("leave", "p1"), ("expire", "p1"), ("join", "p2"), ("expire", "p2"),
        ]  # fmt: skip
        first = events(net, *of_group)[0]
        assert first["reporter"] == net.h(1).address
        assert kinds(net, *of_group, "--last", "2") == ["join", "expire"]
        assert kinds(net, *of_group, "--port", "p2") == ["join", "expire"]
        joins = ("--group", "239.24.0.0/16", "--type", "join")
        assert [e["port"] for e in events(net, *joins, "--host", net.h(2).address)] == ["p2"]
        asked = events(net, "--type", "query", "--group", GROUP)
        assert asked, "who left was asked about"
        assert {event["direction"] for event in asked} == {"sent"}
        table = net.switch.do("show", "events", *of_group).splitlines()
        assert table[0].split() == ["Time", "Event", "Port", "Group", "Host", "What"]
        assert [line.split()[1:4] for line in table[1:]] == [[*one, GROUP] for one in told]
        assert net.switch.do("show", "events", "--group", "239.24.9.9") == "nothing that matches\n"


def test_what_operators_did_outlives_a_flood_of_joins() -> None:
    """A port pushes out its own."""
    with star(3, igmp={"query_interval": 60.0}) as net:  # none of them ends meanwhile
        net.switch.do("mdb", "add", GROUP, "--port", "p2")
        net.report(2, ("TO_EX", "239.24.7.7", []))
        net.switch.wait_members("239.24.7.7", {"p2"})
        for block in range(8):
            records = [("TO_EX", f"239.25.{block}.{n}", []) for n in range(150)]
            net.report(1, *records)
        net.switch.wait_members("239.25.7.149", {"p1"})
        assert kinds(net, "--port", "p2", "--type", "join", "--type", "static")[:2] == [
            "static",
            "join",
        ]
        assert len(events(net, "--port", "p1")) <= 256
        assert events(net, "--port", "p1", "--type", "join")[-1]["group"] == "239.25.7.149"


def test_a_monitor_that_begins_in_a_stream_of_joins_misses_none_and_tells_none_twice() -> None:
    with star(3) as net:
        host = net.h(1)
        started, telling = threading.Event(), threading.Event()
        total = 0

        def joins() -> None:
            """Until some time after the monitor has begun to tell."""
            nonlocal total
            more = 200
            while more and total < 50_000:
                groups = [f"239.26.{n // 200}.{n % 200}" for n in range(total, total + 5)]
                records = [("TO_EX", group, []) for group in groups]
                host.frames([frames.report_v3(records, host.address, mac=host.mac)])
                total += 5
                more -= 5 * telling.is_set()
                if total == 150:
                    started.set()

        joining = threading.Thread(target=joins)
        joining.start()
        assert started.wait(20)
        of_joins = ("--type", "join", "--group", "239.26.0.0/16")
        monitor = subprocess.Popen(
            [SNOOP, "--socket", net.switch.socket, "monitor", "--json", *of_joins, "--last", "50"],
            stdout=subprocess.PIPE,
        )
        try:
            lines = Lines(monitor)
            told = [lines.until(lambda e: True)["group"]]
            telling.set()
            joining.join(60)
            last = f"239.26.{(total - 1) // 200}.{(total - 1) % 200}"
            while told[-1] != last:
                told.append(lines.until(lambda e: True)["group"])
        finally:
            telling.set()
            monitor.terminate()
            monitor.communicate(timeout=20)
        numbers = [int(g.split(".")[2]) * 200 + int(g.split(".")[3]) for g in told]
        assert numbers == list(range(numbers[0], total))
        assert max(Counter(told).values()) == 1
        assert 100 <= numbers[0] < total - 100, "it began in the middle"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--last", "0"], "--last"),
        (["--last", "many"], "--last"),
        (["--type", "joins"], "joins"),
        (["--group", "10.0.0.1"], "10.0.0.1"),
        (["--group", "239.1.2.3/16"], "has host bits set"),
        (["--group", "224.0.0.0/3"], "not a prefix of multicast groups"),
        (["--host", "h1"], '"h1"'),
        (["--host", "239.1.1.1"], "239.1.1.1"),
        (["--port", "p77"], "p77"),
        (["--vlan", "5000"], "5000"),
        (["--last", "1", "--last", "2"], "given twice"),
    ],
)
@pytest.mark.parametrize("command", [["show", "events"], ["monitor"]], ids=" ".join)
def test_a_bad_choice_is_a_line_and_exit_2(
    net: Star, command: list[str], words: list[str], said: str
) -> None:
    done = net.switch.run(*command, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
