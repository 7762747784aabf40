"""Sixty thousand broken frames: no crash, no state, every one counted, and forwarding goes on.

Each frame is broken so that spec 1.10 forbids learning from it, whatever else it may
look like: a single flipped bit under a checksum, a cut, or a body that breaks a rule of its type.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from socket import inet_aton

import pytest

from netns.star import QUERIER, names, star
from snoop.lab import frames, wait_until

PER_PORT, PORTS, RATE = 20_000, (1, 2, 3), 8_000
GROUP, SOURCE = "239.12.0.1", "10.0.0.66"
IP_AT, IP_LENGTH = 14, 24
BODY_AT = IP_AT + IP_LENGTH


def good_messages() -> list[bytes]:
    """Valid messages of every type, all with a 24-byte IP header."""
    three = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    return [
        frames.report_v1(GROUP, SOURCE, alert=True),
        frames.report_v2(GROUP, SOURCE),
        frames.leave_v2(GROUP, SOURCE),
        frames.report_v3([("TO_EX", GROUP, [])], SOURCE),
        frames.report_v3([("IS_IN", GROUP, three), ("ALLOW", "239.12.0.2", three)], SOURCE),
        frames.query("10.0.0.1", version=1, alert=True),
        frames.query("10.0.0.1", version=2),
        frames.query("10.0.0.1"),
        frames.query("10.0.0.1", GROUP, three),
        frames.mrd_advertisement("10.0.0.1"),
    ]


MESSAGES = good_messages()
Breaker = Callable[[random.Random], bytes]


def flipped_in_body(dice: random.Random) -> bytes:
    """One bit under the IGMP checksum; the type byte is left alone, unknown types are legal."""
    frame = bytearray(dice.choice(MESSAGES))
    frame[dice.randrange(BODY_AT + 1, len(frame))] ^= 1 << dice.randrange(8)
    return bytes(frame)


def flipped_in_header(dice: random.Random) -> bytes:
    """One bit under the IP header checksum."""
    frame = bytearray(dice.choice(MESSAGES))
    frame[dice.randrange(IP_AT, BODY_AT)] ^= 1 << dice.randrange(8)
    return bytes(frame)


def cut_short(dice: random.Random) -> bytes:
    """Fewer bytes than the IP total length promises, down to a bare Ethernet header."""
    frame = dice.choice(MESSAGES)
    return frame[: dice.randrange(14, len(frame))]


def length_class(dice: random.Random) -> bytes:
    """A query of 9, 10 or 11 bytes with a good checksum belongs to no version (W-10)."""
    body = struct.pack("!BBH4s", 0x11, 10, 0, bytes(4)) + dice.randbytes(dice.randrange(1, 4))
    return frames.control(frames.summed(body), "10.0.0.1", "224.0.0.1")


def overrun(dice: random.Random) -> bytes:
    """A report whose last record, or a query whose source list, claims more than there is."""
    claim = dice.randrange(100, 65536)
    if dice.random() < 0.5:
        first = frames.record("TO_EX", GROUP, [])
        last = struct.pack("!BBH4s", 4, 0, claim, inet_aton("239.12.0.3"))
        body = struct.pack("!BBHHH", 0x22, 0, 0, 0, 2) + first + last
        return frames.control(frames.summed(body), SOURCE, "224.0.0.22")
    rest = struct.pack("!BBH", 2, 125, claim)
    return frames.control(frames.message(0x11, 10, GROUP, rest), "10.0.0.1", GROUP)


def not_a_group(dice: random.Random) -> bytes:
    """A report for an address that is not multicast (test idea 25)."""
    address = f"{dice.randrange(1, 224)}.1.2.3"
    body = frames.message(0x16, 0, address)
    return frames.control(body, SOURCE, GROUP)


def bad_source(dice: random.Random) -> bytes:
    """From a multicast, broadcast or loopback address (V-10)."""
    source = dice.choice(["239.1.1.1", "255.255.255.255", "127.0.0.1"])
    return frames.report_v3([("TO_EX", GROUP, [])], source)


def garbage(dice: random.Random) -> bytes:
    """Random bytes behind a multicast IPv4 Ethernet header; version 0 keeps it from being IP."""
    noise = dice.randbytes(dice.randrange(0, 200))
    return bytes.fromhex("01005e0c0001020000000166") + b"\x08\x00" + b"\x05" + noise


BREAKERS: tuple[Breaker, ...] = (
    flipped_in_body,
    flipped_in_header,
    cut_short,
    length_class,
    overrun,
    not_a_group,
    bad_source,
    garbage,
)
BUILT, POOL = (length_class, overrun, not_a_group, bad_source), 250


def broken(seed: int, count: int) -> list[bytes]:
    """Frames by all breakers in turn; what scapy has to build comes out of a pool, it is slow."""
    dice = random.Random(seed)
    pools = {each: [each(dice) for _ in range(POOL)] for each in BUILT}
    result = []
    for _ in range(count):
        breaker = dice.choice(BREAKERS)
        frame = dice.choice(pools[breaker]) if breaker in pools else breaker(dice)
        result.append(frames.tagged(frame, 0, pcp=5) if dice.random() < 0.1 else frame)
    return result


@pytest.mark.half
def test_sixty_thousand_broken_frames_change_nothing() -> None:
    """V-4, V-8, V-9, V-10, SNOOP-10, W-10, W-23, spec 133 and 139."""
    ports = {f"p{i}": {"igmp_rate": 0} for i in PORTS}
    with star(5, ports=ports) as net:
        net.h(4).join(GROUP)
        net.switch.wait_members(GROUP, {"p4"})
        before = net.switch.counters()
        jobs = []
        for i in PORTS:
            hexes = [frame.hex() for frame in broken(i, PER_PORT)]
            jobs.append(net.h(i).start("frames", frames=hexes, rate=RATE))
        for job in jobs:
            done = job.result(60)
            assert done["sent"] == PER_PORT, done
        for i in PORTS:
            net.lab.settle(net.h(i))

        def moved() -> dict[str, int]:
            after = net.switch.counters()
            return {name: after[name] - before[name] for name in after}

        refused = ("control_ip_error", "igmp_checksum", "malformed", "bad_source", "truncated")
        wait_until(
            lambda: (
                sum(moved().get(name, 0) for name in ("ip_error", *refused))
                >= 0.98 * PER_PORT * len(PORTS)
            ),
            within=30,
            what="every broken frame is counted for what it is",
        )
        counted = moved()
        for name in ("ip_error", "igmp_checksum", "malformed", "bad_source"):
            assert counted[name] > 1000, (name, counted)
        assert counted["internal_errors"] == 0
        assert net.switch.process.poll() is None
        rows = net.switch.mdb()
        assert [(row["group"], row["port"]) for row in rows] == [(GROUP, "p4")]
        assert net.switch.show("mrouters")["mrouters"] == []
        (querier,) = net.switch.show("querier", family="ipv4")["queriers"]
        assert (querier["role"], querier["address"]) == ("querier", QUERIER)
        assert net.reached(GROUP) == names(4)


def test_unknown_igmp_type_floods_unread() -> None:
    """SNOOP-8, spec 28: type 0x40 with a broken checksum goes to all other ports unchanged."""
    with star(4) as net:
        host = net.h(1)
        frame = frames.control(bytes((0x40, 1, 0xDE, 0xAD, 1, 2, 3, 4)), SOURCE, GROUP)
        for each in net.lab.hosts:
            each.reset()
        host.frames([frame])
        net.lab.settle(host)
        for i in (0, 2, 3):
            wait_until(lambda i=i: frame in net.igmp_seen(i), within=20, what=f"it is at h{i}")
            assert net.igmp_seen(i).count(frame) == 1
        assert net.switch.mdb() == []


def test_report_in_fragments_is_never_learned() -> None:
    """V-5, SNOOP-13, B-26, spec 23: seen on the router port only, counted."""
    with star(4, ports={"p2": {"mrouter": "always"}}) as net:
        host = net.h(1)
        whole = frames.report_v3([("TO_EX", GROUP, [])], SOURCE)
        parts = [fragment(whole, 0, 8, more=True), fragment(whole, 8, 8, more=False)]
        for each in net.lab.hosts:
            each.reset()
        host.frames(parts)
        net.lab.settle(host)
        wait_until(lambda: net.switch.counters("p1")["igmp_fragment"] == 2, within=20)

        def at_router() -> list[bytes]:
            return [f for f in net.igmp_seen(2) if f in parts]

        wait_until(lambda: len(at_router()) == len(parts), within=20, what="both at the router")
        assert at_router() == parts
        assert not [f for i in (0, 3) for f in net.igmp_seen(i) if f in parts]
        assert net.switch.mdb() == []


def fragment(frame: bytes, offset: int, length: int, *, more: bool) -> bytes:
    """Bytes `offset` to `offset + length` of the message as an IP fragment."""
    body = frame[BODY_AT + offset : BODY_AT + offset + length]
    header = bytearray(frame[IP_AT:BODY_AT])
    header[2:4] = struct.pack("!H", IP_LENGTH + len(body))
    header[6:8] = struct.pack("!H", more << 13 | offset >> 3)
    header[10:12] = bytes(2)
    header[10:12] = struct.pack("!H", frames.checksum(bytes(header)))
    return frame[:IP_AT] + bytes(header) + body
