"""Damaged frames: only `WireError` ever comes out, and only where an independent reading agrees.

The damage is done to good frames, and half the time the lengths and checksums are made right
again, so that it reaches the checks behind them. `oracle.judge` reads every result with code of
its own.
"""

import random
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snoop.wire import compose, control
from snoop.wire.address import ALL_IGMPV3_ROUTERS
from snoop.wire.address import parse as addr
from snoop.wire.errors import COUNTERS, WireError
from snoop.wire.messages import Record, RecordType
from vectors import load, reading, sum16
from vectors.oracle import judge

FRAMES = [vector.data for vector in load("frames.txt")]
ELSEWHERE = [
    *("!pim_checksum", "!pim_malformed"),
    *("!ipv6_error", "!mld_fragment", "!mld_checksum", "!mld_malformed", "!not_link_local"),
]
PAYLOADS = [vector.data for vector in load("messages.txt")]


def outcome(frame: bytes) -> str:
    """The reading of a frame, or `!counter`; any other exception goes through to the test."""
    try:
        seen = control.parse(frame)
    except WireError as error:
        return f"!{error.counter}"
    return reading(seen.message)


def wrapped(payload: bytes, dst: str) -> bytes:
    return control.build_frame(
        src_mac=bytes.fromhex("02000000000b"), src=addr("10.0.0.1"), dst=addr(dst), payload=payload
    )


def repaired(frame: bytearray) -> bytearray:
    """Make Total Length and the checksums of a packet right again."""
    start = 14
    if len(frame) < start + 20:
        return frame
    size = (frame[start] & 15) * 4
    frame[start + 2 : start + 4] = min(len(frame) - start, 0xFFFF).to_bytes(2)
    if size < 20 or len(frame) < start + size:
        return frame
    frame[start + 10 : start + 12] = bytes(2)
    frame[start + 10 : start + 12] = sum16(bytes(frame[start : start + size])).to_bytes(2)
    body = start + size
    if len(frame) >= body + 4:
        frame[body + 2 : body + 4] = bytes(2)
        frame[body + 2 : body + 4] = sum16(bytes(frame[body:])).to_bytes(2)
    return frame


def damaged(frame: bytes, dice: random.Random) -> bytes:
    """One to four changes: a bit, a byte, a byte of a telling value, a cut, some bytes more."""
    out = bytearray(frame)
    for _ in range(dice.randint(1, 4)):
        start = 34 if len(out) > 34 and dice.random() < 0.7 else 0  # mostly in the message
        at = dice.randrange(start, len(out)) if out else 0
        match dice.randrange(6):
            case 0 if out:
                out[at] ^= 1 << dice.randrange(8)
            case 1 if out:
                out[at] = dice.randrange(256)
            case 2 if out:
                out[at] = dice.choice((0, 1, 4, 0x0A, 0x11, 0x22, 0x7F, 0x81, 0xE0, 0xEF, 0xFF))
            case 3:
                del out[at:]
            case 4:
                out[at:at] = dice.randbytes(dice.choice((1, 2, 4, 8)))
            case _:
                del out[at : at + dice.choice((1, 2, 4, 8))]
    if dice.random() < 0.5:
        out = repaired(out)
    return bytes(out)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_frames_are_read_as_the_oracle_reads_them(seed):
    """Test idea 133, as far as the codec goes."""
    dice = random.Random(seed)
    corpus = FRAMES + [
        wrapped(payload, dst) for payload in PAYLOADS for dst in ("224.0.0.1", "224.0.0.106")
    ]
    seen = set()
    for _ in range(8_000):
        frame = damaged(dice.choice(corpus), dice)
        verdict = outcome(frame)
        assert verdict == judge(frame), frame.hex()
        seen.add(verdict.split()[0])
    # The damage reaches every refusal and every kind of message, or it proves nothing.
    assert seen >= {f"!{counter}" for counter in COUNTERS} - {*ELSEWHERE}
    assert seen >= {"query", "report", "leave", "mrd", "dvmrp", "unknown", "pim"}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_raise_nothing_but_wire_error(data):
    assert outcome(data) == judge(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FRAMES), st.integers(14, 60), st.binary(max_size=60))
def test_any_bytes_behind_a_good_beginning_raise_nothing_but_wire_error(frame, keep, rest):
    data = frame[:keep] + rest
    assert outcome(data) == judge(data)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([0x11, 0x12, 0x13, 0x16, 0x17, 0x22, 0x30, 0x31, 0x32]),
    st.binary(max_size=80),
    st.sampled_from(["224.0.0.1", "224.0.0.106", "239.1.2.3"]),
)
def test_any_message_with_a_right_checksum_is_read_as_the_oracle_reads_it(kind, rest, dst):
    frame = bytes(repaired(bytearray(wrapped(bytes([kind]) + rest, dst))))
    assert outcome(frame) == judge(frame)


def report(count: int) -> bytes:
    listed = [Record(RecordType.TO_EX, addr("239.1.2.3"), ())] * count
    return control.build_frame(
        src_mac=bytes(6),
        src=addr("10.0.0.1"),
        dst=ALL_IGMPV3_ROUTERS,
        payload=compose.build_report(version=3, records=listed),
    )


def test_the_cost_of_a_report_is_linear_in_its_records():
    """Forty times the records cost forty times the processor, not sixteen hundred times."""

    def cost(frame: bytes) -> float:
        best = float("inf")
        for _ in range(5):
            began = thread_time()
            for _ in range(5):
                control.parse(frame)
            best = min(best, thread_time() - began)
        return best

    assert cost(report(8000)) < 200 * cost(report(200))
