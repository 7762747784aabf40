"""Real frames through the fast path and through the reference bridge: the same comes out.

Random VLANs of ports, split horizons, groups and tags; every host's frames are compared byte for
byte, in their order as far as a switch promises one. A host's address is at another port in each
VLAN, so that nothing moves.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from netns.test_decision import in_new_namespace
from netns.test_shortcut import Hosts, mac, switch
from netns.vlans import stage
from snoop.fastpath import FastPath
from snoop.lab import wait_until
from snoop.proto.vlans import PortVlans, access, trunk
from snoop.table.mdb import Mdb, VlanRow
from snoop.wire.address import ANY, Family, of_mac, parse
from unit import frames, frames6
from unit.reference import Table
from unit.reference_vlans import SERVICE_TAG, Bridge, with_tag, without_tag

PORTS = 6
UP = (1 << PORTS) - 1
VIDS = (10, 20, 30)
OTHER_VIDS = (0, 99, 4095)
GROUPS = [parse(g) for g in ("239.1.2.3", "232.1.1.1", "ff3e::1234", "ff05::5")]
SOURCES = [parse(s) for s in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")]
L2_GROUP = bytes.fromhex("01000ccccccc")
TABLES, BURSTS, FRAMES = 12, 12, 25


def some_vlans(rng: random.Random) -> PortVlans:
    if rng.random() < 0.5:
        return access(rng.choice(VIDS))
    vids = [vid for vid in VIDS if rng.random() < 0.7]
    return trunk(vids, rng.choice((0, *VIDS)))


def some_groups(rng: random.Random, mdb: Mdb) -> None:
    for vid in VIDS:
        for group in (*GROUPS, of_mac(L2_GROUP)):
            rows = {ANY: rng.getrandbits(PORTS)} if rng.random() < 0.7 else {}
            if rows and group in GROUPS:
                rows[rng.choice(SOURCES)] = rng.getrandbits(PORTS)
            mdb.set_group(vid, group, rows)
        for family in Family:
            active = rng.random() < 0.8
            row = VlanRow(vid, family, active, rng.getrandbits(PORTS) & 9, rng.getrandbits(PORTS))
            mdb.set_vlan(row)


def bare_frames() -> list[bytes]:
    """Without tag; the addresses of unicast and of who sends are yet to come."""
    data = [frames.data(g, s) for g in ("239.1.2.3", "232.1.1.1", "239.9.9.9")
            for s in ("192.0.2.1", "192.0.2.2", "192.0.2.3")]  # fmt: skip
    data += [frames6.data(g, s) for g in ("ff3e::1234", "ff05::5", "ff02::1:ff00:5")
             for s in ("2001:db8::1", "2001:db8::2")]  # fmt: skip
    raw = [bytes(6) + b"\x12\x34" + bytes(46)]
    return [*data, *(dst + rest for rest in raw for dst in (b"\xff" * 6, L2_GROUP, bytes(6)))]


BARE = bare_frames()


def host_at(port: int, vid: int) -> int:
    """The host that sends by that port in that VLAN."""
    return (port + vid // 10) % PORTS


def some_frame(rng: random.Random, bridge: Bridge, port: int, number: int) -> bytes:
    """Half of them unicast; every kind of tag; no two alike."""
    bare = rng.choice(BARE) + number.to_bytes(8, "big")
    if bare[:6] == bytes(6) or rng.random() < 0.4:
        bare = mac(rng.randrange(PORTS + 2)) + bare[6:]
    priority = rng.choice((0, 0xA000, 0x1000, 0xF000))
    vid = rng.choice((*VIDS, *VIDS, *OTHER_VIDS))
    match rng.randrange(10):
        case 0 | 1 | 2:
            frame = bare
        case 3 | 4 | 5 | 6:
            frame = with_tag(bare, priority | vid)
        case 7:
            frame = with_tag(bare, priority | vid, SERVICE_TAG)
        case 8:
            frame = with_tag(with_tag(bare, rng.choice(VIDS)), priority | vid)
        case _:
            frame = with_tag(with_tag(bare, 0x2014, SERVICE_TAG), priority | vid)
    sender = mac(host_at(port, bridge.vid_of(port, frame)))
    return frame[:6] + sender + frame[12:]


class Twin:
    """The fast path and the bridge, told the same."""

    def __init__(self, fastpath: FastPath, rng: random.Random) -> None:
        self.fastpath, self.rng, self.hosts = fastpath, rng, Hosts(PORTS)
        self.mdb, self.groups = Mdb(), Table(up=UP)
        self.bridge = Bridge({}, self.groups)
        self.expected: list[Counter[bytes]] = [Counter() for _ in range(PORTS)]
        self.got: list[Counter[bytes]] = [Counter() for _ in range(PORTS)]
        self.number = 0

    def put(self) -> None:
        """Other VLANs, horizons and groups."""
        ports = {port: some_vlans(self.rng) for port in range(PORTS)}
        horizons = {port: self.rng.choice((0, 0, 1, 2)) for port in ports}
        some_groups(self.rng, self.mdb)
        stage(self.fastpath, self.mdb, ports, horizons)
        delta = self.mdb.staged()
        self.fastpath.publish(delta)
        self.mdb.published()
        # in `Table` all are members: the bridge says who is
        self.groups.apply(delta._replace(members=(), member_deletes=()))
        known = {(e.vlan, e.mac): e.port for e in self.fastpath.fdb()}
        assert all(ports[port].has(vid) for (vid, _), port in known.items())
        self.bridge = Bridge(ports, self.groups, horizons, known)

    def burst(self, port: int) -> None:
        """Frames of one port, until they have been taken and those that leave have arrived."""
        taken = self.fastpath.counters(port)["rx_frames"] + FRAMES
        for _ in range(FRAMES):
            self.number += 1
            frame = some_frame(self.rng, self.bridge, port, self.number)
            verdict = self.fastpath.explain(port, frame)
            leaving = self.bridge.forward(port, frame)
            for other, data in leaving.items():
                self.expected[other][data] += 1
            if frame[0] & 1:  # of unicast the fdb says more than is known by now
                assert verdict.ports == sum(1 << other for other in leaving), frame.hex()
            for other in leaving if verdict.untagged is not None else ():
                bare = leaving[other] == without_tag(frame)
                assert verdict.untagged >> other & 1 == bare, frame.hex()
            self.hosts.send(port, frame)
        counters = self.fastpath.counters
        wait_until(lambda: counters(port)["rx_frames"] >= taken, within=20, every=0.002)
        wait_until(self.arrived, within=20, every=0.002)

    def arrived(self) -> bool:
        """Nothing is missing; what is too much is found in the end."""
        for host in range(PORTS):
            self.got[host].update(self.hosts.received(host))
        return all(got >= expected for got, expected in zip(self.got, self.expected, strict=True))


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("seed", range(2))
@in_new_namespace
def test_what_leaves_is_what_the_reference_lets_leave(seed: int, shortcut: bool) -> None:
    """VLAN-1 to 6, split horizons, fdb: each port's frames, every byte of them."""
    rng = random.Random(seed)
    with switch(ports=PORTS, shortcut=shortcut) as fastpath:
        for port in range(PORTS):  # whatever they say themselves would be counted
            Path(f"/proc/sys/net/ipv6/conf/h{port}/disable_ipv6").write_text("1")
        twin = Twin(fastpath, rng)
        for _ in range(TABLES):
            twin.put()
            for _ in range(BURSTS):
                twin.burst(rng.randrange(PORTS))
        by_the_kernel = sum(fastpath.counters(port)["shortcut_frames"] for port in range(PORTS))
        assert (by_the_kernel > 0) == shortcut
        surplus = [list(got - want) for got, want in zip(twin.got, twin.expected, strict=True)]
        assert surplus == [[]] * PORTS
        assert min(sum(got.values()) for got in twin.got) > 100
