"""A receive ring that the kernel stopped filling for good (F-8) is opened again: a guest behind a
tap may send what it likes, and its port goes on.
"""

from __future__ import annotations

import threading

import pytest

from netns.star import IGMP, Star
from snoop.lab import Lab, frames, wait_until
from testbed.guest import GSO_UDP, Guest

GUEST = "02:00:00:00:09:01"
ADDRESS = "10.0.0.90"
G = "239.1.2.3"


def ufo(group: str = G) -> bytes:
    """A datagram of 4000 bytes in one piece, as a guest with UFO sends it."""
    return frames.udp(ADDRESS, group, bytes(4000), mac=GUEST)


def send_ufo(guest: Guest, frame: bytes) -> None:
    guest.send(frame, gso_type=GSO_UDP, gso_size=1480, header=42, checksum=(34, 6))


def test_one_ufo_frame_does_not_silence_a_port() -> None:
    """On either ring; memberships stay, everything lost is counted, `check` says what it was."""
    with Lab(3) as lab, Guest(lab.namespace, lab.link, "vm0", GUEST) as guest:
        switch = lab.switch([*lab.ports, "vm0"], config={"igmp": IGMP})
        star = Star(lab, switch)
        lab.wait_pruning(lab.h(0), lab.h(1), lab.h(2))
        guest.send(frames.report_v2(G, ADDRESS, mac=GUEST))
        lab.h(1).join(G)
        switch.wait_members(G, {"vm0", "p1"})
        uptime = switch.row(G, "vm0")["uptime"]
        for ring, frame in enumerate((ufo(), igmp_ufo())):
            send_ufo(guest, frame)
            wait_until(
                lambda ring=ring: switch.counters("vm0")["ring_reopened"] == ring + 1, within=20
            )
            arrives(lab, guest)
            guest.send(frames.report_v2(G, ADDRESS, mac=GUEST))
        assert switch.row(G, "vm0")["uptime"] > uptime  # no flap: the membership is the same one
        counts = switch.counters("vm0")
        assert counts["ring_stuck"] >= 2
        assert counts["ring_full"] == 0
        assert "ring_reopened vm0" in switch.log
        check = switch.run("check")
        assert check.returncode == 1
        assert "receive ring stopped" in check.stdout
        assert "less traffic" not in check.stdout
        star.conserved()


def igmp_ufo() -> bytes:
    """The same, for the ring of IGMP: a report too long for the wire."""
    return frames.control(bytes(4000), ADDRESS, "224.0.0.22", mac=GUEST)


def arrives(lab: Lab, guest: Guest) -> None:
    host = lab.h(1)
    host.reset()
    for i in range(20):
        guest.send(frames.udp(ADDRESS, G, bytes([i]) * 50, mac=GUEST))
    wait_until(lambda: host.wire(G, ADDRESS).datagrams == 20, within=20)


@pytest.mark.half
def test_a_guest_that_does_it_all_the_time_costs_the_others_nothing() -> None:
    with Lab(3) as lab, Guest(lab.namespace, lab.link, "vm0", GUEST) as guest:
        switch = lab.switch([*lab.ports, "vm0"], config={"igmp": IGMP})
        lab.wait_pruning(lab.h(0), lab.h(1), lab.h(2))
        lab.h(1).join(G)
        switch.wait_members(G, {"p1"})
        lab.h(1).reset()
        over = threading.Event()

        def attack() -> None:
            while not over.wait(0.001):
                send_ufo(guest, ufo("239.9.9.9"))

        attacker = threading.Thread(target=attack)
        attacker.start()
        try:
            lab.h(0).send(G, count=6000, rate=2000)
            lab.settle(lab.h(0))
        finally:
            over.set()
            attacker.join()
        assert lab.h(1).app(G).unique == 6000
        assert 1 <= switch.counters("vm0")["ring_reopened"] <= 4  # pauses of 1, 2, 4 s
        wait_until(lambda: not guest_is_deaf(lab, guest), within=20)
        Star(lab, switch).conserved()


def guest_is_deaf(lab: Lab, guest: Guest) -> bool:
    lab.h(1).reset()
    guest.send(frames.udp(ADDRESS, G, bytes(50), mac=GUEST))
    lab.settle(lab.h(0))
    return lab.h(1).wire(G, ADDRESS).frames == 0
