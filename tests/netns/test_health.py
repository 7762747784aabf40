"""Whether a stream was whole when it came in: RTP and MPEG-TS of real senders, in the rings and in
the kernel, against a model that remembers every number.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable
from typing import Any

import pytest

from netns.media import RTP_TS, Told, damaged, packet, packets, rtp, sender
from netns.said import named
from netns.star import Star, star
from snoop.lab import wait_until
from unit.causes import rows

GROUP, GROUP6, OTHER, THIRD = "239.33.0.1", "ff05::33:1", "239.33.0.2", "239.33.0.3"
FOURTH, FIFTH = "239.33.0.4", "239.33.0.5"
PACE_S = 0.0005
WHOLE = 20


def send(net: Star, group: str, datagrams: Iterable[bytes], port: int = 5004) -> None:
    """At a pace, so that the kernel has most of a stream where it may."""
    with sender(net.h(0), group, port) as out:
        for datagram in datagrams:
            out.send(datagram)
            time.sleep(PACE_S)


def lost(net: Star, group: str, count: int) -> None:
    """So many are: what does not come within a second is."""

    def seen() -> bool:
        found = [row["health"] for row in net.switch.streams(group=group)]
        return any(health is not None and health["lost"] == count for health in found)

    wait_until(seen, within=20, what=f"{count} of {group} are lost")


def arrived(net: Star, group: str, frames: int) -> dict[str, Any] | None:
    """`health` of a group's only stream, when so many of it are in."""

    def all_in() -> list[dict[str, Any]]:
        rows = net.switch.streams(group=group)
        assert len(rows) <= 1
        return rows if rows and rows[0]["frames"] >= frames else []

    rows = wait_until(all_in, within=20, what=f"{frames} of {group}")
    assert rows[0]["frames"] == frames
    found: dict[str, Any] | None = rows[0]["health"]
    return found


@pytest.mark.parametrize(("kernel", "group"), [("auto", GROUP), ("auto", GROUP6), ("off", GROUP)])
def test_numbers_say_what_was_lost_before_it_came_in(kernel: str, group: str) -> None:
    """From the ring's first datagrams on, over the change into the kernel; the sequence wraps."""
    first, count = 65_000, 900
    told = Told(first + 1)
    switch = {"kernel": kernel}
    with star(2, pruning=False, quiet_ipv6=group != GROUP6, switch=switch) as net:
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        numbers = list(damaged(random.Random(33), first, count))
        for number in numbers:
            told.take(number)
        send(net, group, map(rtp, numbers[:WHOLE]))
        arrived(net, group, WHOLE)  # of a stream's first pass nothing is looked at
        send(net, group, map(rtp, numbers[WHOLE:]))
        lost(net, group, told.lost)
        found = arrived(net, group, count)
        assert found is not None
        assert found["kind"] == "rtp"
        assert (found["lost"], found["reordered"]) == (told.lost, told.reordered)
        assert told.lost > 20 < told.duplicates
        assert found["duplicates"] == told.duplicates
        assert count - WHOLE <= found["packets"] <= count
        assert found["damaged"] < 10
        kernels = net.switch.counters("p0")["kernel_frames"]
        assert kernels > count // 2 if kernel == "auto" else kernels == 0


def test_transport_packets_are_read_alone_and_inside_rtp(net: Star) -> None:
    """A packet that is missing is told; one that comes twice, or announces it, is none."""
    for group, inside in ((GROUP, False), (OTHER, True)):
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        bodies = [packets(i * 6) for i in range(60)]
        bodies[40] = packets(40 * 6)[:-188] + packet(0x100, 40 * 6 + 5)  # the last one twice
        announced = bytes((0x47, 1, 0, 0x39, 1, 0x80)) + bytes(182)
        bodies += [announced + packets(10, count=6), packets(15), packets(22)]  # one is missing
        send(net, group, [rtp(i, body, kind=RTP_TS) if inside else body
                          for i, body in enumerate(bodies)])  # fmt: skip
        found = arrived(net, group, len(bodies))
        assert found is not None
        assert found["kind"] == ("rtp+ts" if inside else "ts")
        assert (found["continuity_errors"], found["lost"]) == (1, 0)


def test_what_is_watched_is_said_wherever_streams_are(net: Star) -> None:
    """RTP, and something else beside it."""
    net.h(1).join(THIRD)
    net.switch.wait_members(THIRD, {"p1"})
    send(net, THIRD, map(rtp, range(5_000, 5_100)))
    send(net, THIRD, (random.Random(1).randbytes(99) for _ in range(20)), port=7)
    found = arrived(net, THIRD, 120)
    assert found is not None
    assert (found["lost"], found["restarts"], found["damaged"]) == (0, 0, None)
    assert found["packets"] >= 90
    explained = net.switch.run("explain", "--stream", "--group", THIRD).stdout
    assert f"it came in whole at p0, {found['packets']} datagrams of RTP" in explained
    assert "rtp whole" in net.switch.do("show", "streams", "--group", THIRD)
    send(net, THIRD, map(rtp, [*range(5_100, 5_150), *range(5_153, 5_200)]))
    lost(net, THIRD, 3)
    found = arrived(net, THIRD, 217)
    assert found is not None
    assert found["lost"] == 3
    assert found["longest_gap_ms"] > 1
    assert "rtp 3 lost" in net.switch.do("show", "streams", "--group", THIRD)
    explained = net.switch.run("explain", "--stream", "--group", THIRD).stdout
    assert f"with 3 of {found['packets'] + 3} datagrams missing (RTP), the last " in explained
    named(net, rows()["the stream was damaged before it came in"])
    problems = json.loads(net.switch.run("check", "--json").stdout)["findings"]
    said = [
        one["finding"] for one in problems if one["cause"] == "damaged" and THIRD in one["subject"]
    ]
    assert said == [
        f"came in at p0 with 3 of {found['packets'] + 3} datagrams missing: lost before the switch"
    ]
    config = net.switch.config
    net.switch.configure({**config, "switch": {**config.get("switch", {}), "health": "off"}})
    net.switch.do("reload")
    assert arrived(net, THIRD, 217) is None
    net.switch.configure(config)
    net.switch.do("reload")
    again = arrived(net, THIRD, 217)
    assert again is not None
    assert (again["packets"], again["lost"]) == (found["packets"], 3)


def test_what_is_late_is_no_damage_and_what_goes_on_elsewhere_is_said(net: Star) -> None:
    """A path that changes the order loses nothing, and `check` names nobody."""
    net.h(1).join(FOURTH)
    net.switch.wait_members(FOURTH, {"p1"})
    numbers = [*range(20), *(n ^ 1 for n in range(20, 100)), *range(40_000, 40_050)]
    send(net, FOURTH, [rtp(n, packets(n * 6), kind=RTP_TS) for n in numbers])
    found = arrived(net, FOURTH, len(numbers))
    assert found is not None
    assert (found["lost"], found["continuity_errors"], found["reordered"]) == (0, 0, 40)
    assert (found["restarts"], found["damaged"]) == (1, None)
    assert "rtp+ts 40 late, 1 anew" in net.switch.do("show", "streams", "--group", FOURTH)
    explained = net.switch.run("explain", "--stream", "--group", FOURTH).stdout
    assert "what a receiver misses was lost behind the switch\n" in explained
    assert "its numbers went on far away once: its sender began anew, or more than" in explained
    problems = json.loads(net.switch.run("check", "--json").stdout)["findings"]
    assert not [one for one in problems if FOURTH in one["subject"]]


def test_what_the_switch_has_lost_itself_is_not_said_to_be_behind_it(net: Star) -> None:
    """More than the MTU of the port where it leaves."""
    net.h(1).join(FIFTH)
    net.switch.wait_members(FIFTH, {"p1"})
    send(net, FIFTH, map(rtp, range(50)))
    net.lab.set_mtu(1, 1000)
    try:
        wait_until(
            lambda: net.switch.show("ports", port="p1")["ports"][0]["mtu"] == 1000,
            within=20,
            what="it is known",
        )
        send(net, FIFTH, (rtp(n, bytes(1200)) for n in range(50, 60)))
        arrived(net, FIFTH, 60)
        explained = net.switch.run("explain", "--stream", "--group", FIFTH).stdout
    finally:
        net.lab.set_mtu(1, 1500)
    assert "or is among the 10 frames that the switch itself has lost at p1\n" in explained
