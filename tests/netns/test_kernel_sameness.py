"""The same tables and frames for the rings, for the kernel's programs and for the reference.

Every flow is sent again and again while tables change, so that the kernel serves what it can; what
each host gets must not tell by which way it came: byte for byte, with its virtio header. Nor may
the counters of ports, reasons and streams.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack

import pytest

from netns.kernel_frames import VIDS, Flow, some_flows
from netns.kernel_sides import VNET, Side, side
from netns.test_decision import in_new_namespace
from netns.test_vlan_decision import some_vlans
from snoop.fastpath import REASONS
from snoop.lab import wait_until
from snoop.proto.vlans import PortVlans
from snoop.table.mdb import Mdb, VlanRow
from snoop.table.members import EVERYBODY, compile_members
from snoop.wire.address import ANY, Family, of_mac, parse
from unit.reference import Table
from unit.reference_vlans import Bridge, without_tag

PORTS = 6
UP = (1 << PORTS) - 1
SMALL = {5: 1000}
GROUPS = [parse(g) for g in ("239.1.2.3", "232.1.1.1", "ff3e::1234", "ff05::5")]
SOURCES = [parse(s) for s in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")]
L2_GROUP = of_mac(bytes.fromhex("01000ccccccc"))
WARM_ROUNDS, TABLES, ROUNDS = 90, 12, 6
Arrival = tuple[int, bytes]  # at which host, and what
NOT_ALIKE = ("kernel_frames", "shortcut_frames")  # the ways' own


class Told:
    """What the table is to say, for both fast paths and for the reference."""

    def __init__(self, rng: random.Random, *, filters: bool, peer: bool) -> None:
        self.rng, self.filters, self.peer = rng, filters, peer
        self.mdb, self.table = Mdb(), Table(up=UP)
        self.vlans: dict[int, PortVlans] = {}
        self.horizons: dict[int, int] = {}

    def change(self, sides: list[Side]) -> None:
        """Other VLANs, groups, policies, ports that are down, horizons."""
        rng = self.rng
        for port in range(PORTS):
            if port not in self.vlans or rng.random() < 0.15:
                self.vlans[port] = some_vlans(rng)
        self.horizons = {port: rng.choice((0, 0, 1, 2)) for port in range(PORTS)}
        self.table.up = UP & ~(1 << rng.randrange(PORTS)) if rng.random() < 0.4 else UP
        self.table.horizons = dict(self.horizons)
        self.rows()
        self.mdb.set_members(compile_members(self.vlans) if self.filters else EVERYBODY)
        delta = self.mdb.staged()
        for each in sides:
            for port, vlans in self.vlans.items():
                each.fastpath.port_set(
                    port, up=bool(self.table.up >> port & 1), mtu=SMALL.get(port, 1500),
                    coalesce=False, horizon=self.horizons[port], peer=self.peer,
                    filters=self.filters, pvid=vlans.pvid if self.filters else 0,
                )  # fmt: skip
            each.fastpath.publish(delta)
        self.mdb.published()
        self.table.apply(delta._replace(members=(), member_deletes=()))

    def rows(self) -> None:
        rng = self.rng
        for vid in (0, *VIDS):
            for group in (*GROUPS, L2_GROUP):
                rows = {ANY: rng.getrandbits(PORTS)} if rng.random() < 0.7 else {}
                if rows and group != L2_GROUP:
                    rows[rng.choice(SOURCES)] = rng.getrandbits(PORTS)
                self.mdb.set_group(vid, group, rows)
            for family in Family:
                active, bridged = rng.random() < 0.8, rng.random() < 0.1
                ports = rng.getrandbits(PORTS) & 9, rng.getrandbits(PORTS)
                bridged &= family is Family.IPV6
                row = VlanRow(vid, family, active, *ports, rng.random() < 0.5, bridged=bridged)
                self.mdb.set_vlan(row)
        floods = [(parse("232.1.1.1"), 128), (parse("ff05::"), 16)]
        self.mdb.set_floods(each for each in floods if rng.random() < 0.3)

    def leaving(self, port: int, frame: bytes) -> dict[int, bytes]:
        """By the reference: which bytes leave where."""
        if not self.table.up >> port & 1:
            return {}
        if not self.filters:
            ports = self.table.decide(port, frame).ports
            return {other: frame for other in range(PORTS) if ports >> other & 1}
        bridge = Bridge(self.vlans, self.table, self.horizons, {})
        return bridge.forward(port, frame)


def fits(port: int, flow: Flow, frame: bytes) -> bool:
    """As a wire of that MTU would: a tag of the VLAN is beside it."""
    size = VNET.unpack(flow.vnet)[3]
    length = size + 42 if size else len(without_tag(frame))
    return length <= SMALL.get(port, 1500) + 14


class Sent:
    """Frames on their way through both switches."""

    def __init__(self, told: Told, sides: list[Side], flows: list[Flow]) -> None:
        self.told, self.sides, self.flows = told, sides, flows
        self.number = 0
        self.rx = 0
        self.missing: dict[str, Counter[Arrival]] = {each.name: Counter() for each in sides}
        self.surplus: dict[str, Counter[Arrival]] = {each.name: Counter() for each in sides}
        self.heads = {each.name: Counter[tuple[int, bytes]]() for each in sides}
        self.reasons: list[Counter[str]] = [Counter() for _ in range(PORTS)]

    def round(self) -> None:
        """Each flow once, and wait until all of it is where it should be."""
        for flow in self.told.rng.sample(self.flows, len(self.flows)):
            self.number += 1
            frame = flow.numbered(self.number)
            leaving = self.told.leaving(flow.port, frame)
            first = self.sides[0].fastpath
            self.reasons[flow.port][first.explain(flow.port, frame).reason] += 1
            for each in self.sides:
                for other, data in leaving.items():
                    if fits(other, flow, data):
                        self.missing[each.name][other, data] += 1
                each.ends.send(flow.port, frame, flow.vnet)
        self.rx += len(self.flows)
        for each in self.sides:
            self.settle(each)

    def settle(self, each: Side) -> None:
        try:
            wait_until(lambda: self.arrived(each), within=20, every=0.001)
            wait_until(lambda: each.total("rx_frames") >= self.rx, within=20, every=0.001)
        except AssertionError:
            missing = [(port, data.hex()) for port, data in self.missing[each.name]]
            raise AssertionError(f"{each.name}: {each.total('rx_frames')} {missing}") from None

    def arrived(self, each: Side) -> bool:
        """Nothing is missing; what is too much is found in the end."""
        missing = self.missing[each.name]
        for host in range(PORTS):
            for head, frame in each.ends.received(host):
                self.heads[each.name][host, head] += 1
                if missing[host, frame] == 1:
                    del missing[host, frame]
                else:
                    missing[host, frame] -= 1
        for arrival in [arrival for arrival, count in missing.items() if count <= 0]:
            self.surplus[each.name][arrival] -= missing.pop(arrival)
        return not missing


def streams_of(each: Side) -> dict[tuple[object, ...], tuple[int, int]]:
    """Their counts; where the last frame went depends on which of several flows it was of."""
    return {
        (s.vlan, s.source, s.group, s.port): (s.frames, s.bytes) for s in each.fastpath.streams()
    }


@pytest.mark.parametrize("peer", [False, True], ids=["plain", "peer"])
@pytest.mark.parametrize("filters", [False, True], ids=["transparent", "vlans"])
@in_new_namespace
def test_nobody_can_tell_by_which_way_a_frame_came(filters: bool, peer: bool) -> None:
    """V-4, VLAN-1 to 7, SNOOP-30 to 42, 50 to 58, Q-15, NET-3, NET-4; conservation of both ways."""
    play(random.Random(f"{filters} {peer}"), filters=filters, peer=peer)


def play(rng: random.Random, *, filters: bool, peer: bool) -> None:
    with ExitStack() as stack:
        sides = [
            stack.enter_context(side(name, PORTS, kernel=kernel, mtus=SMALL, streams_max=512))
            for name, kernel in (("r", False), ("k", True))
        ]
        told = Told(rng, filters=filters, peer=peer)
        told.change(sides)
        sent = Sent(told, sides, some_flows(rng, told.vlans, set(SMALL)))
        for _ in range(WARM_ROUNDS):
            sent.round()
        warm = sides[1].total("kernel_frames")
        for _ in range(TABLES):
            told.change(sides)
            for _ in range(ROUNDS):
                sent.round()
        compare(sent)
        served = sides[1].total("kernel_frames") - warm
        assert served > TABLES * ROUNDS * len(sent.flows) / 10, served


def compare(sent: Sent) -> None:
    rings, kernel = sent.sides
    assert sent.surplus == {each.name: Counter() for each in sent.sides}
    assert sent.heads["r"] == sent.heads["k"]
    for port in range(PORTS):
        by_rings, by_kernel = (each.fastpath.counters(port) for each in sent.sides)
        for name in NOT_ALIKE:
            del by_rings[name], by_kernel[name]
        assert by_kernel == by_rings, port
        reasons = {name: by_kernel[name] for name in REASONS if by_kernel[name]}
        assert reasons == dict(sent.reasons[port])
        assert by_kernel["rx_frames"] == sum(reasons.values())
    assert streams_of(kernel) == streams_of(rings)
