"""A station whose unicast flows while another port claims its address, at many rates, first or
second, with both ends or after a flood: beside the kernel's bridge, where who spoke last is served.

Each theft has addresses of its own, so all of them go on at once on the same three cables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from netns.star import star
from netns.test_l2 import ethernet, mac_bytes
from netns.test_stations import ETHERTYPE, probe, probes_at, say
from snoop.lab import Lab, wait_until
from snoop.lab.host import Host

SECONDS, STREAM_S = 2.0, 1.4
PROBES_S, TALK_S = 150, 20  # the victim says something every 50 ms
# Until its next word, when the dispute begins; and a frame under way while the map changes.
LOST_MAX = 1 / TALK_S / STREAM_S + 0.01


@dataclass(frozen=True)
class Theft:
    name: str
    rate: float  # claims a second; 0: all it can
    first: bool = False  # it is heard before the victim is
    both_ends: bool = False
    flood: int = 0  # made-up addresses between two claims


THEFTS = (
    Theft("second, slow", 5),
    Theft("second, fast", 1000),
    Theft("first, slow", 5, first=True),
    Theft("first, steady", 50, first=True),
    Theft("first, fast", 1000, first=True),
    Theft("both ends", 100, both_ends=True),
    Theft("both ends, first", 100, first=True, both_ends=True),
    Theft("after a flood", 0, flood=2000),
)


def victim_mac(number: int) -> str:
    return f"02:66:00:00:00:{number:02x}"


def sender_mac(number: int) -> str:
    return f"02:66:00:00:01:{number:02x}"


def claims(number: int, theft: Theft, to: str) -> list[str]:
    stolen = [victim_mac(number)] + [sender_mac(number)] * theft.both_ends
    made_up = [ethernet(to, f"02:77:{n >> 8:02x}:{n & 255:02x}:00:01") for n in range(theft.flood)]
    frames = [ethernet(to, mac) for mac in stolen]
    return [frame.hex() for frame in (*made_up, *frames * (50 if theft.flood else 1))]


def losses(sender: Host, victim: Host, thief: Host, lab: Lab) -> dict[str, float]:
    """The share of the stream to each victim that did not reach it."""
    victim.record("all")
    sender.record("all")
    say(sender, victim.mac)
    for number, theft in enumerate(THEFTS):
        say(sender, victim_mac(number), sender_mac(number))
        if theft.first:
            say(thief, sender_mac(number), victim_mac(number))
    lab.settle(thief)
    talk = [ethernet(sender_mac(n), victim_mac(n)).hex() for n in range(len(THEFTS))]
    talking = victim.start(
        "frames", frames=talk, rate=TALK_S * len(talk), repeat=int(TALK_S * SECONDS)
    )
    mine = {mac_bytes(victim_mac(n)) for n in range(len(THEFTS))}
    wait_until(lambda: spoken(sender, mine) >= 4 * len(mine), within=20, what="the victims talk")
    stealing = [
        thief.start(
            "frames",
            frames=claims(number, theft, sender.mac),
            rate=theft.rate,
            repeat=int(theft.rate * SECONDS) or 10,
        )
        for number, theft in enumerate(THEFTS)
    ]
    sent = int(PROBES_S * STREAM_S)
    stream = [
        probe(victim_mac(n), sender_mac(n), i) for i in range(sent) for n in range(len(THEFTS))
    ]
    sender.frames(stream, rate=PROBES_S * len(THEFTS))
    lab.settle(sender)
    got = arrived(victim)
    for job in (*stealing, talking):
        job.result(60)
    return {theft.name: 1 - len(got[n]) / sent for n, theft in enumerate(THEFTS)}


def spoken(sender: Host, macs: set[bytes]) -> int:
    return sum(each.frame[6:12] in macs for each in sender.captured())


def arrived(victim: Host) -> list[set[int]]:
    """The numbers of the probes that the victims got; none came twice."""
    numbers = {mac_bytes(victim_mac(n)): n for n in range(len(THEFTS))}
    got: list[set[int]] = [set() for _ in THEFTS]
    for each in victim.captured():
        if each.frame[:6] in numbers and each.frame[12:14] == ETHERTYPE.to_bytes(2, "big"):
            seen = got[numbers[each.frame[:6]]]
            number = int.from_bytes(each.frame[14:16], "big")
            assert number not in seen
            seen.add(number)
    return got


@contextmanager
def bridged() -> Iterator[Lab]:
    with Lab(3) as lab:
        lab.bridge()
        yield lab


@pytest.mark.half  # who speaks when is what it is about
def test_victim_of_a_theft_loses_nothing_where_a_bridge_loses_much() -> None:
    with star(3, pruning=False, switch={"fdb_max": 512}) as net:
        ours = losses(net.h(0), net.h(1), net.h(2), net.lab)
        assert net.switch.counters("p0")["shortcut_frames"] > 100
    with bridged() as lab:
        bridge = losses(lab.h(0), lab.h(1), lab.h(2), lab)
    text = "".join(f"\n{name}: lost {ours[name]:.1%}, bridge {bridge[name]:.1%}" for name in ours)
    print(text)
    assert all(lost <= LOST_MAX for lost in ours.values()), text
    assert max(bridge.values()) > 0.2, text  # they were thefts


def test_victim_is_served_at_its_first_word_after_the_theft() -> None:
    """The thief was first, and claimed it a hundred times against the victim's word."""
    with star(3, pruning=False) as net:
        sender, victim, thief = net.h(0), net.h(1), net.h(2)
        mac = victim_mac(0)
        for _ in range(100):
            say(thief, sender.mac, mac)
            say(victim, sender.mac, mac)
        for _ in range(5):
            say(thief, sender.mac, mac)
        net.lab.settle(thief)
        say(victim, sender.mac, mac)
        net.lab.settle(victim)
        victim.record("all")
        sender.frames([probe(mac, sender.mac, number) for number in range(10)])
        net.lab.settle(sender)
        assert probes_at(victim, mac) == set(range(10))


def test_address_that_was_disputed_moves_at_its_first_word() -> None:
    """Two hosts fought for it; then it talks at a third port only, and is named there soon."""
    with star(4, pruning=False) as net:
        sender, old, thief, new = (net.h(i) for i in range(4))
        mac = victim_mac(0)
        for _ in range(10):
            say(old, sender.mac, mac)
            say(thief, sender.mac, mac)
        say(old, sender.mac, mac)
        net.lab.settle(old)
        new.record("all")
        say(new, sender.mac, mac)
        net.lab.settle(new)
        sender.frames([probe(mac, sender.mac, number) for number in range(10)])
        net.lab.settle(sender)
        assert probes_at(new, mac) == set(range(10))

        def moved() -> bool:
            say(new, sender.mac, mac)
            rows = net.switch.show("fdb")["fdb"]
            return bool(next(row for row in rows if row["mac"] == mac)["port"] == "p3")

        wait_until(moved, within=20, what="two seconds of silence at the old port")
