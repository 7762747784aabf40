"""Mutated frames against the oracle, and what counters must add up to: ideas 133 and 139."""

import os
import random

import pytest
from scapy.utils import checksum as internet_checksum

from snoop.proto.effects import GroupChanged, VlanChanged
from unit import frames
from unit.crossing import hand_up
from unit.device import P1, P2, Device, R
from unit.dut import Dut
from unit.families import MLD
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, S1, S2, S3, TO_EX, TO_IN, G
from vectors.oracle import may_teach

MUTATIONS = int(os.environ.get("SNOOP_MUTATIONS", "30000"))
CHUNKS = 10
LIFETIME = 100  # frames a switch sees before a new one takes its place

SEEDS = [
    frames.v1_query(),
    frames.v2_query(),
    frames.v2_query(G, code=10),
    frames.v3_query(),
    frames.v3_query(G),
    frames.v3_query(G, [S1, S2]),
    frames.v1_report(),
    frames.v2_report(),
    frames.v2_report(vid=10),
    frames.leave(),
    frames.v3_report((TO_EX, G, [])),
    frames.v3_report((TO_IN, G, [S1, S2]), (BLOCK, G, [S3])),
    frames.v3_report((IS_EX, "239.9.9.9", [S1]), (ALLOW, G, [S2]), (IS_IN, G, [S3])),
    frames.mrd_advertisement(),
    frames.mrd_termination(),
    frames.dvmrp_probe(),
    frames.pim_hello(),
]
SEEDS6 = [
    MLD.query(),
    MLD.query(old=True),
    MLD.query(MLD.group, [MLD.s1, MLD.s2]),
    MLD.query(MLD.group, response=1.0),
    MLD.old_report(),
    MLD.leave(),
    MLD.says(TO_EX, src="::"),
    MLD.report((TO_IN, MLD.group, [MLD.s1]), (BLOCK, MLD.group, [MLD.s3])),
    MLD.report((IS_EX, MLD.another, [MLD.s1]), (ALLOW, MLD.group, [MLD.s2])),
    MLD.mrd(),
    MLD.mrd(None),
    MLD.hello(),
]


def resum6(frame: bytes) -> bytes:
    """Make the checksum behind the Hop-by-Hop header, or without one, right again."""
    if len(frame) < 54:
        return frame
    kind, start = frame[20], 54
    if kind == 0 and len(frame) > 62:
        kind, start = frame[54], 62 + 8 * frame[55]
    end = 54 + (frame[18] << 8 | frame[19])
    if not start + 4 <= end <= len(frame):
        return frame
    pseudo = frame[22:54] + (end - start).to_bytes(4, "big") + bytes((0, 0, 0, kind))
    blank = frame[start : start + 2] + b"\0\0" + frame[start + 4 : end]
    value = internet_checksum(pseudo + blank).to_bytes(2, "big")
    return frame[: start + 2] + value + frame[start + 4 :]


def resum(frame: bytes, *, header: bool, message: bool) -> bytes:
    """Make the IP header's or the IGMP message's checksum right again, so deeper checks count."""
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    if len(frame) < at + 20:
        return frame
    out = bytearray(frame)
    length = (out[at] & 15) * 4
    if header and length >= 20 and len(out) >= at + length:
        out[at + 10 : at + 12] = b"\0\0"
        value = internet_checksum(bytes(out[at : at + length]))
        out[at + 10 : at + 12] = value.to_bytes(2, "big")
    end = at + (out[at + 2] << 8 | out[at + 3])
    start = at + length
    if message and start + 4 <= end <= len(out):
        out[start + 2 : start + 4] = b"\0\0"
        value = internet_checksum(bytes(out[start:end]))
        out[start + 2 : start + 4] = value.to_bytes(2, "big")
    return bytes(out)


def mutate(rng: random.Random, seeds: list[bytes]) -> bytes:
    out = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 3)):
        match rng.randrange(6):
            case 0 | 1:
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
            case 2:
                out[rng.randrange(12, len(out))] = rng.randrange(256)
            case 3:
                del out[rng.randrange(15, len(out)) :]
            case 4:
                out += rng.randbytes(rng.randint(1, 20))
            case 5:
                at = rng.randrange(14, len(out))
                out[at : at + 2] = rng.choice([b"\0\0", b"\xff\xff", b"\x01\x00"])
        if len(out) <= 15:
            break
    if out[12:14] == b"\x86\xdd":
        return resum6(bytes(out)) if rng.random() < 0.7 else bytes(out)
    return resum(bytes(out), header=rng.random() < 0.7, message=rng.random() < 0.7)


def known(dut: Device) -> tuple:
    """Everything the switch knows of members, routers and queriers, with timers."""
    engine, now = dut.engine, dut.now
    return list(engine.mdb(now)), list(engine.mrouters(now)), list(engine.queriers(now))


def lived_in() -> Dut:
    """A switch with members, sources, a router and a querier, five seconds later."""
    dut = Dut(ports=4)
    dut.rq(keep=False)
    dut.hear(P1, frames.v3_report((IS_EX, G, [S1]), (IS_IN, G, [S2])))
    dut.hear(P2, frames.v2_report())
    dut.hear(R, frames.pim_hello())
    dut.hear(R, frames.mrd_advertisement())
    dut.wait(5)
    return dut


def lived_in6() -> Device:
    """The same over IPv6."""
    lab = MLD.follower()
    lab.hear(P1, MLD.report((IS_EX, MLD.group, [MLD.s1]), (IS_IN, MLD.another, [MLD.s2])))
    lab.hear(P2, MLD.old_report())
    lab.hear(R, MLD.hello())
    lab.hear(R, MLD.mrd())
    lab.at(15)
    return lab


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_mutated_frames_teach_nothing_unless_they_are_valid(chunk: int) -> None:
    """Idea 133: spec 1.10.  SNOOP_MUTATIONS sets the number: 3x10^4 here, 10^6 for a release."""
    rng = random.Random(chunk)
    refused = 0
    seeds, make = ((SEEDS, lived_in), (SEEDS6, lived_in6))[chunk % 2]
    for _ in range(MUTATIONS // CHUNKS // LIFETIME):
        dut = make()
        before = known(dut)
        for _ in range(LIFETIME):
            frame = mutate(rng, seeds)
            effects = hand_up(dut.engine, port=rng.choice([P1, R]), frame=frame, now=dut.now)
            if may_teach(frame):
                before = known(dut)
                continue
            refused += 1
            assert known(dut) == before, frame.hex()
            changes = [e for e in effects if isinstance(e, GroupChanged | VlanChanged)]
            assert changes == [], frame.hex()
    assert 0.2 < refused / MUTATIONS * CHUNKS < 0.95, "the mutations must reach both answers"


def test_every_seed_of_the_mutations_is_valid() -> None:
    """Idea 133: the oracle does not just say no to everything."""
    assert all(may_teach(seed) for seed in (*SEEDS, *SEEDS6))


@pytest.mark.parametrize("cut", range(1, 60))
def test_frames_cut_short_teach_nothing(cut: int) -> None:
    """Idea 133: every length of every seed (V-1, V-4)."""
    for dut, seeds in ((lived_in(), SEEDS), (lived_in6(), SEEDS6)):
        before = known(dut)
        for seed in seeds:
            if cut < len(seed):
                hand_up(dut.engine, port=P1, frame=seed[:cut], now=dut.now)
                assert known(dut) == before


COUNTED = [
    (frames.v1_report(), "rx_report_v1"),
    (frames.v2_report(), "rx_report_v2"),
    (frames.v3_report((TO_EX, G, [])), "rx_report_v3"),
    (frames.leave(), "rx_leave"),
    (frames.encapsulate(b"\x16\0\0\0\xef\1\2\3", src=frames.HOST, dst=G), "igmp_checksum"),
    (frames.v2_report("10.1.1.1", dst=G), "malformed"),
    (frames.v2_report(src="239.1.1.1"), "bad_source"),
    (frames.v2_report(chksum=1), "ip_error"),
    (frames.v2_report(flags="MF"), "igmp_fragment"),
]


@pytest.mark.parametrize(("frame", "name"), COUNTED, ids=[name for _, name in COUNTED])
def test_each_frame_moves_its_own_counter_by_one(frame: bytes, name: str) -> None:
    """Idea 139: one counter of receipt or refusal per frame, and no other refusal."""
    dut = lived_in()
    names = {name for _, name in COUNTED}
    before = dut.engine.port_counters(P1)
    dut.punt(P1, frame)
    after = dut.engine.port_counters(P1)
    moved = {n: after[n] - before[n] for n in names if after[n] != before[n]}
    assert moved == {name: 1}
