"""Whose address it is: forged, doubled and moving MAC addresses, and floods of them (F-12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netns.star import Star, star
from netns.test_l2 import ethernet, mac_bytes
from snoop.lab import wait_until
from snoop.lab.host import Host, Job

PROBES, ETHERTYPE = 50, 0x88B7


@pytest.fixture
def own() -> Iterator[Star]:
    with star(4, pruning=False) as made:
        yield made


def probe(destination: str, source: str, number: int) -> bytes:
    head = mac_bytes(destination) + mac_bytes(source) + ETHERTYPE.to_bytes(2, "big")
    return head + number.to_bytes(2, "big") + bytes(60)


def probes_at(host: Host, destination: str) -> set[int]:
    """The numbers of the probes to an address that arrived at a host."""
    return {
        int.from_bytes(got.frame[14:16], "big")
        for got in host.captured()
        if got.frame[:6] == mac_bytes(destination)
        and got.frame[12:14] == ETHERTYPE.to_bytes(2, "big")
    }


def say(host: Host, to: str, source: str | None = None) -> None:
    host.frames([ethernet(to, source or host.mac)])


def steal(net: Star, thief: Host, victim: Host, rate: float, seconds: float) -> Job:
    """The thief sends with the victim's address, `rate` frames a second (0: all it can)."""
    frame = ethernet(net.h(0).mac, victim.mac).hex()
    return thief.start("frames", frames=[frame], rate=rate, repeat=1 << 40, seconds=seconds)


@pytest.mark.alone
@pytest.mark.parametrize("rate", [1000.0, 0.0])
def test_thief_of_an_address_gets_one_that_is_still_used_no_more(own: Star, rate: float) -> None:
    """The victim says something every 300 ms; both ports are named by event and `check`."""
    h0, victim, thief = own.h(0), own.h(1), own.h(2)
    h0.call("tap", on=False)  # nobody asks what it gets, and reading all that takes a processor
    say(h0, victim.mac)
    say(victim, h0.mac)
    talk = ethernet(h0.mac, victim.mac).hex()
    victim.start("frames", frames=[talk], rate=1 / 0.3, repeat=100)  # ends with its host
    stealing = steal(own, thief, victim, rate, 3.0)
    wait_until(lambda: own.switch.counters("p2")["fdb_moved"] > 0, within=20)
    victim.record("all")
    sent = [probe(victim.mac, h0.mac, i) for i in range(PROBES)]
    assert h0.frames(sent, rate=25)["refused"] == 0
    own.lab.settle(h0)
    assert len(probes_at(victim, victim.mac)) >= PROBES - 1
    stealing.result(60)
    wait_until(lambda: fdb_row(own, victim.mac)["port"] == "p1", within=20)
    assert fdb_row(own, victim.mac)["rival"] == "p2"
    check = own.switch.run("check").stdout
    assert f"p2: claims {victim.mac}, which is heard at p1" in check
    assert f"mac_claimed p2 mac {victim.mac} held_at p1" in own.switch.log
    assert own.switch.counters("p2")["fdb_move_damped"] > 100


def test_thief_who_claims_an_address_once_is_told_of_by_its_return(own: Star) -> None:
    """`check` names him, so the log and the events do."""
    h0, victim, thief = own.h(0), own.h(1), own.h(2)
    say(victim, h0.mac)
    own.lab.settle(victim)
    say(thief, h0.mac, source=victim.mac)
    own.lab.settle(thief)
    say(victim, h0.mac)
    line = f"mac_claimed p2 mac {victim.mac} held_at p1"
    wait_until(lambda: line in own.switch.log, within=20, what="the event")
    assert f"p2: claims {victim.mac}, which is heard at p1" in own.switch.run("check").stdout


def fdb_row(net: Star, mac: str) -> dict[str, Any]:
    return next(row for row in net.switch.show("fdb")["fdb"] if row["mac"] == mac)


def test_tcp_goes_on_while_its_address_is_stolen(own: Star) -> None:
    """By the short cut and the rings alike: what the kernel carries keeps its address too."""
    h0, victim, thief = own.h(0), own.h(1), own.h(2)
    victim.call("tcp_serve", port=7000, verify=True)
    say(victim, h0.mac)
    own.lab.settle(victim)
    stealing = steal(own, thief, victim, 1000.0, 3.0)
    wait_until(lambda: own.switch.counters("p2")["rx_frames"] > 10, within=20)
    sending = h0.start("tcp_send", destination=victim.address, port=7000, blocks=800)
    result = sending.result(60)
    assert result["intact"]
    assert result["sent"] == result["received"]
    stealing.result(30)
    assert own.switch.counters("p0")["shortcut_frames"] > 100


def test_address_that_really_moves_is_found_at_once(own: Star) -> None:
    """A VM that migrates, a phone that roams: silent at the old port, one frame from the new."""
    h0, old, new = own.h(0), own.h(1), own.h(3)
    say(old, h0.mac)
    for number, host in enumerate((new, old, new)):
        say(host, "ff:ff:ff:ff:ff:ff", source=old.mac)
        own.lab.settle(host)
        host.record("all")
        host.reset()
        h0.frames([probe(old.mac, h0.mac, number)])
        wait_until(lambda host=host, n=number: n in probes_at(host, old.mac), within=20)
        # It stays there, for longer than a false claim would be held off.
        wait_until(lambda: own.switch.show("fdb")["fdb"] and settled(own, old.mac), within=20)


def settled(net: Star, mac: str) -> bool:
    return bool(fdb_row(net, mac)["age"] > 1.2)


def test_sticky_port_keeps_its_addresses() -> None:
    with star(3, pruning=False, ports={"p1": {"sticky": True}}) as net:
        h0, server, thief = net.h(0), net.h(1), net.h(2)
        say(server, h0.mac)
        net.lab.settle(server)
        for _ in range(3):
            say(thief, h0.mac, source=server.mac)
        net.lab.settle(thief)
        row = fdb_row(net, server.mac)
        assert (row["port"], row["rival"], row["sticky"]) == ("p1", "p2", True)
        assert net.switch.counters("p2")["fdb_move_damped"] == 3


@pytest.mark.alone
def test_flood_of_addresses_evicts_only_the_flooders() -> None:
    """Others' unicast is not flooded, and `check` names the port."""
    with star(4, pruning=False, switch={"fdb_max": 512}) as net:
        h0, victim, flooder, other = (net.h(i) for i in range(4))
        for host in (h0, victim, other):
            say(host, h0.mac if host is not h0 else victim.mac)
        net.lab.settle(other)
        made_up = [
            ethernet(h0.mac, f"02:77:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}:01").hex()
            for n in range(20_000)
        ]
        flooder.start("frames", frames=made_up, repeat=5).result(60)
        other.record("all")
        victim.record("all")
        h0.frames([probe(victim.mac, h0.mac, i) for i in range(PROBES)])
        net.lab.settle(h0)
        assert len(probes_at(victim, victim.mac)) == PROBES
        assert not probes_at(other, victim.mac)
        fdb = net.switch.show("fdb")["fdb"]
        assert len(fdb) <= 512
        assert {victim.mac, other.mac} <= {row["mac"] for row in fdb}
        assert "p2: 5" in (check := net.switch.run("check").stdout), check
        assert "behind this port: it floods addresses" in check
