"""What one hostile host may send, by name: each attack yields bursts of whole frames.

An attack is a function of a `random.Random` and of the `World`, so a seed names a whole history.
Standard library only; runs inside the attacker's namespace.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from hostile.packets import (
    IGMP,
    PIM,
    UDP,
    any_address,
    any_group,
    any_mac,
    group_mac,
    ipv4,
    message,
    query,
    record,
    report,
    summed,
    tagged,
    udp,
)

PARTS_MAX = 500
"""Of one frame. A processor's queue holds a thousand: more, and the kernel loses what others send
at that instant, be there a switch, a bridge or nothing at all behind the sender's interface."""
RECORD_TYPES = range(8)  # 0 and 7 do not exist


@dataclass(frozen=True, slots=True)
class World:
    """Who is there. MACs as 6 bytes, addresses as text; `group` is the victim's, from `source`."""

    mac: bytes
    address: str
    victim_mac: bytes
    victim: str
    source_mac: bytes
    source: str
    switch_mac: bytes
    querier: str
    group: str
    join_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames to send in this order, `repeat` times over, at `rate` a second (0: all it can).

    `vnet`: each has a `struct virtio_net_hdr` before it, as a guest's driver or a GSO sender has.
    """

    frames: Sequence[bytes]
    repeat: int = 1
    rate: float = 0.0
    vnet: bool = False


Attack = Callable[[Random, World], Iterator[Burst]]


# Reports -----------------------------------------------------------------------------------------


def report_flood(random: Random, world: World) -> Iterator[Burst]:
    """Joins of as many groups as there are, in every version, some with a bad checksum."""
    frames = []
    for _ in range(3000):
        group, kind = any_group(random), random.choice((0x12, 0x16, 0x22))
        if kind == 0x22:
            body = report([record(random.choice(RECORD_TYPES), group)])
            frame = ipv4(world.address, "224.0.0.22", body, mac=world.mac)
        else:
            frame = ipv4(world.address, group, message(kind, 0, group), mac=world.mac)
        if random.random() < 0.1:
            frame = frame[:-1] + bytes((frame[-1] ^ 0xFF,))
        frames.append(frame)
    yield Burst(frames, repeat=20)


def fat_reports(random: Random, world: World) -> Iterator[Burst]:
    """Reports of 30 and of 183 records, and of one record with hundreds of sources."""
    frames = []
    for _ in range(20):
        many = [record(random.choice((2, 4)), any_group(random)) for _ in range(183)]
        some = [
            record(random.choice((1, 5)), any_group(random), [any_address(random)] * 8)
            for _ in range(30)
        ]
        wide = [record(1, any_group(random), [any_address(random) for _ in range(360)])]
        for records in (many, some, wide):
            frames.append(ipv4(world.address, "224.0.0.22", report(records), mac=world.mac))
    yield Burst(frames, repeat=500)


def vlan_joins(random: Random, world: World) -> Iterator[Burst]:
    """A join in every VLAN there is."""
    frames = []
    for vid in random.sample(range(1, 4095), 2000):
        group = any_group(random)
        frame = ipv4(world.address, group, message(0x16, 0, group), mac=world.mac)
        frames.append(tagged(frame, vid))
    yield Burst(frames, repeat=5)


def state_bomb(random: Random, world: World) -> Iterator[Burst]:
    """Groups times sources times VLANs, as many as fit into a second."""
    for vid in random.sample(range(1, 100), 8):
        frames = []
        for _ in range(60):
            sources = [any_address(random) for _ in range(64)]
            records = [record(1, any_group(random), sources) for _ in range(5)]
            frame = ipv4(world.address, "224.0.0.22", report(records), mac=world.mac)
            frames.append(tagged(frame, vid))
        yield Burst(frames)


def many_hosts(random: Random, world: World) -> Iterator[Burst]:
    """The victim's group and others joined by thousands of forged hosts."""
    frames = []
    for _ in range(3000):
        group = random.choice((world.group, *world.join_groups, any_group(random)))
        body = report([record(4, group)])
        frames.append(ipv4(any_address(random), "224.0.0.22", body, mac=any_mac(random)))
    yield Burst(frames, repeat=5)


def churn(random: Random, world: World) -> Iterator[Burst]:
    """Join and leave what others watch, thousands of times: every leave asks for questions."""
    frames = []
    for group in (world.group, *world.join_groups):
        frames += [
            ipv4(world.address, group, message(0x16, 0, group), mac=world.mac),
            ipv4(world.address, "224.0.0.2", message(0x17, 0, group), mac=world.mac),
            ipv4(world.address, "224.0.0.22", report([record(4, group)]), mac=world.mac),
            ipv4(world.address, "224.0.0.22", report([record(3, group)]), mac=world.mac),
        ]
    yield Burst(frames, repeat=2000)


def forged_leaves(random: Random, world: World) -> Iterator[Burst]:
    """Leaves, TO_IN{} and BLOCK in the victim's name, by address, by MAC and by both."""
    frames = []
    for mac in (world.mac, world.victim_mac):
        for group in (world.group, *world.join_groups):
            leave = message(0x17, 0, group)
            frames.append(ipv4(world.victim, "224.0.0.2", leave, mac=mac))
            records = [record(3, group), record(6, group, [world.source])]
            frames.append(ipv4(world.victim, "224.0.0.22", report(records), mac=mac))
    yield Burst(frames, repeat=500, rate=random.choice((0, 1000)))


# Queries -----------------------------------------------------------------------------------------


def a_query(random: Random, world: World) -> bytes:
    """Any query at all: from anybody, to anybody, with any values."""
    sender = random.choice(
        ("0.0.0.0", "10.0.0.1", "10.0.0.253", world.querier, world.source, any_address(random))
    )
    group = random.choice(("0.0.0.0", world.group, *world.join_groups))
    code = random.choice((0, 1, 10, 100, 0x80, 0xFF))
    sources = random.choice(([], [], [world.source], [any_address(random)]))
    version = random.choice((1, 2, 3, 3, 3))
    body = query(
        group,
        code,
        qrv=random.choice((0, 1, 2, 7, 15)),
        qqic=random.choice((0, 1, 125, 0xFF)),
        version=version,
        sources=sources if group != "0.0.0.0" else [],
    )
    true = "224.0.0.1" if group == "0.0.0.0" else group
    destination = random.choice((true, true, true, "239.255.9.9", "224.0.0.1", world.group))
    to = random.choice((None, None, None, group_mac("239.255.9.9"), b"\xff" * 6))
    return ipv4(
        sender,
        destination,
        body,
        mac=random.choice((world.mac, world.mac, any_mac(random))),
        to=to,
        ttl=random.choice((1, 1, 1, 0, 64)),
    )


def queries_at_ease(random: Random, world: World) -> Iterator[Burst]:
    """A few queries, each of which is believed or not."""
    yield Burst([a_query(random, world) for _ in range(20)], rate=20)


def query_flood(random: Random, world: World) -> Iterator[Burst]:
    """Queries as fast as it can: each goes to every port, and every host answers."""
    yield Burst([a_query(random, world) for _ in range(500)], repeat=20)


def cut(random: Random, world: World) -> Iterator[Burst]:
    """F-1 and its kin: specific queries that the hosts concerned do not see, or hardly."""
    frames = []
    for sender in ("0.0.0.0", "10.0.0.1", world.querier, world.address):
        for group in (world.group, *world.join_groups):
            for destination, to in (
                ("239.255.9.9", None),
                (group, group_mac("239.255.9.9")),
                (group, None),
            ):
                body = query(group, 1, qrv=2, qqic=125, version=random.choice((2, 3)))
                frames.append(ipv4(sender, destination, body, mac=world.mac, to=to))
    random.shuffle(frames)
    yield Burst(frames, rate=100)


def displace(random: Random, world: World) -> Iterator[Burst]:
    """F-2: wins the election with the worst values there are, and asks no more."""
    code, qqic, qrv = random.choice(((1, 1, 1), (0xFF, 0xFF, 7), (0xFF, 1, 1), (1, 0xFF, 7)))
    body = query("0.0.0.0", code, qrv=qrv, qqic=qqic, version=random.choice((1, 2, 3)))
    yield Burst([ipv4("10.0.0.1", "224.0.0.1", body, mac=world.mac)])


# Routers -----------------------------------------------------------------------------------------


def false_routers(random: Random, world: World) -> Iterator[Burst]:
    """PIM hellos, DVMRP probes and MRD messages of a thousand routers, farewells included."""
    frames = []
    for _ in range(1000):
        source = random.choice((world.address, world.querier, any_address(random)))
        hold = random.choice((0, 1, 105, 0xFFFF))
        hello = summed(struct.pack("!BBHHHH", 0x20, 0, 0, 1, 2, hold))
        kind = random.choice((0x13, 0x14, 0x15, 0x30, 0x31, 0x32))
        other = summed(struct.pack("!BBHHH", kind, random.randrange(256), 0, 125, 2))
        destination = {0x30: "224.0.0.106", 0x32: "224.0.0.106", 0x13: "224.0.0.4"}.get(
            kind, "224.0.0.2"
        )
        frames += [
            ipv4(source, "224.0.0.13", hello, protocol=PIM, options=b"", mac=world.mac),
            ipv4(source, destination, other, mac=world.mac),
        ]
    yield Burst(frames, repeat=random.choice((1, 20)))


# Liars and floods --------------------------------------------------------------------------------


def mac_theft(random: Random, world: World) -> Iterator[Burst]:
    """The victim's and the sender's MAC addresses as sources of its own frames (F-12)."""
    filling = bytes(50)
    frames = [
        b"\xff" * 6 + mac + b"\x88\xb6" + filling
        for mac in (world.victim_mac, world.source_mac, world.switch_mac)
    ]
    yield Burst(frames, repeat=400, rate=1000)


def mac_flood(random: Random, world: World) -> Iterator[Burst]:
    """A hundred thousand source addresses."""
    frames = [any_mac(random) + any_mac(random) + b"\x88\xb6" + bytes(46) for _ in range(20_000)]
    yield Burst(frames, repeat=2)


def data_flood(random: Random, world: World) -> Iterator[Burst]:
    """Small frames to everybody, to strangers and to groups nobody joined."""
    small = udp(bytes(18))
    frames = []
    for _ in range(500):
        group = any_group(random)
        frames += [
            ipv4(any_address(random), group, small, protocol=UDP, options=b"", mac=world.mac),
            b"\xff" * 6 + world.mac + b"\x88\xb6" + bytes(46),
        ]
    yield Burst(frames, repeat=10, rate=10_000)


def other_sources(random: Random, world: World) -> Iterator[Burst]:
    """Data to the victim's group from sources it has not asked for."""
    frames = [
        ipv4(
            any_address(random),
            world.group,
            udp(random.randbytes(200)),
            protocol=UDP,
            options=b"",
            mac=world.mac,
        )
        for _ in range(500)
    ]
    yield Burst(frames, repeat=4, rate=4000)


def garbage(random: Random, world: World) -> Iterator[Burst]:
    """Frames that are wrong in every way, most of them nearly right."""
    whole = [
        ipv4(world.address, "224.0.0.22", report([record(4, world.group)]), mac=world.mac),
        a_query(random, world),
        ipv4(world.address, world.group, udp(bytes(40)), protocol=UDP, mac=world.mac),
    ]
    frames = []
    for _ in range(3000):
        frame = bytearray(random.choice(whole))
        for _ in range(random.randrange(1, 4)):
            frame[random.randrange(len(frame))] = random.randrange(256)
        cut_at = random.choice((len(frame), random.randrange(14, len(frame) + 1)))
        made = bytes(frame[:cut_at])
        way = random.randrange(6)
        if way == 0:
            made = tagged(made, random.randrange(1 << 16), random.choice((0x8100, 0x88A8)))
        elif way == 1:
            made = tagged(tagged(made, 5), 6)
        elif way == 2:
            made = b"\x01\x80\xc2\x00\x00" + bytes((random.randrange(16),)) + made[6:]
        elif way == 3:
            made += random.randbytes(random.randrange(64))
        frames.append(made)
    yield Burst(frames, repeat=5)


def fragments(random: Random, world: World) -> Iterator[Burst]:
    """IGMP and data in fragments that never become whole."""
    frames = []
    for _ in range(1000):
        frames.append(
            ipv4(
                world.address,
                random.choice((world.group, "224.0.0.22")),
                random.randbytes(64),
                protocol=random.choice((IGMP, UDP)),
                fragment=random.choice((0x2000, 0x2003, 0x0004)),
                mac=world.mac,
            )
        )
    yield Burst(frames, repeat=5)


def super_frames(random: Random, world: World) -> Iterator[Burst]:
    """Frames of up to 64 KiB with every kind of segmentation asked for, sensible or not."""
    frames = []
    for _ in range(200):
        size = random.choice((100, 1400, 9000, 40_000, 65_000))
        gso_size = random.choice((0, 1, 512, 1400, 60_000))
        size = min(size, PARTS_MAX * max(gso_size, 1))
        protocol = random.choice((6, UDP, UDP, 132))
        body = bytearray(udp(bytes(size)) if protocol == UDP else bytes(size))
        if protocol == 6:
            body[12:14] = b"\x50\x10"
        to = random.choice((None, world.victim_mac, world.source_mac, any_mac(random)))
        destination = world.victim if to else random.choice((world.group, any_group(random)))
        frame = ipv4(
            world.address,
            destination,
            bytes(body),
            protocol=protocol,
            options=b"",
            mac=world.mac,
            to=to,
        )
        if random.random() < 0.2:
            frame = tagged(frame, random.randrange(4096))
        kind = random.choice((0, 1, 3, 5, 0x81))
        header = struct.pack(
            "=BBHHHH",
            random.choice((0, 1, 1, 2)),
            kind,
            random.choice((42, 54, 34, 14)),
            gso_size if kind else 0,
            random.choice((34, 34, 50)),
            random.choice((6, 16, 16)),
        )
        frames.append(header + frame)
    yield Burst(frames, repeat=5, rate=2000, vnet=True)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        report_flood,
        fat_reports,
        vlan_joins,
        state_bomb,
        many_hosts,
        churn,
        forged_leaves,
        queries_at_ease,
        query_flood,
        cut,
        displace,
        false_routers,
        mac_theft,
        mac_flood,
        data_flood,
        other_sources,
        garbage,
        fragments,
        super_frames,
    )
}
