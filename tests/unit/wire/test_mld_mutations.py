"""Damaged IPv6 frames: only `WireError` ever comes out, and only where the oracle agrees.

As `test_mutations` for IPv4; half the time the payload length and the checksum of what the chain
leads to are made right again.
"""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snoop.wire.address import parse as addr
from snoop.wire.errors import WireError
from snoop.wire.ipv6 import parse as headers
from unit.wire.test_mld import outcome
from unit.wire.test_mutations import damaged
from vectors import load, sum16
from vectors.oracle import judge

MUTATIONS = int(os.environ.get("SNOOP_MUTATIONS", "30000"))
CHUNKS = 5
FRAMES = [vector.data for vector in load("mld_frames.txt")]
VERDICTS = {
    *("!truncated", "!ipv6_error", "!not_control", "!mld_fragment", "!mld_checksum"),
    *("!mld_malformed", "!not_link_local", "!pim_checksum", "mld", "mrd", "pim"),
}


def repaired(frame: bytes) -> bytes:
    """Make the payload length right again, and the checksum, if the chain can be walked."""
    out = bytearray(frame)
    if len(out) < 54:
        return frame
    out[18:20] = min(len(out) - 54, 0xFFFF).to_bytes(2)
    try:
        ip = headers(bytes(out), 14)
    except WireError:
        return bytes(out)
    start, end = ip.payload_start, ip.payload_end
    if end - start >= 4:
        out[start + 2 : start + 4] = bytes(2)
        tail = (end - start).to_bytes(4) + bytes((0, 0, 0, ip.protocol))
        value = sum16(bytes(out[22:54]) + tail + bytes(out[start:end]))
        out[start + 2 : start + 4] = value.to_bytes(2)
    return bytes(out)


@pytest.mark.parametrize("seed", range(CHUNKS))
def test_damaged_frames_are_read_as_the_oracle_reads_them(seed):
    """Idea 133, as far as the codec of IPv6 goes."""
    dice = random.Random(seed)
    seen = set()
    for _ in range(MUTATIONS // CHUNKS):
        frame = damaged(dice.choice(FRAMES), dice)
        if dice.random() < 0.5:
            frame = repaired(frame)
        verdict = outcome(frame)
        assert verdict == judge(frame), frame.hex()
        seen.add(verdict.split()[0])
    assert MUTATIONS < 30000 or seen >= VERDICTS  # or it proves nothing


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FRAMES), st.integers(14, 100), st.binary(max_size=60), st.booleans())
def test_any_bytes_behind_a_good_beginning_are_read_as_the_oracle_reads_them(
    frame, keep, rest, mend
):
    data = frame[:keep] + rest
    data = repaired(data) if mend else data
    assert outcome(data) == judge(data)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([130, 131, 132, 143, 151, 152, 153]),
    st.binary(max_size=120),
    st.sampled_from([addr(group) for group in ("ff02::1", "ff02::6a", "ff0e::1:3")]),
    st.sampled_from([0, 43, 44, 51, 60, 58]),
    st.binary(max_size=40),
)
def test_any_message_behind_any_chain_is_read_as_the_oracle_reads_it(
    kind, rest, group, first, chain
):
    head = b"\x33\x33" + group[12:] + b"\2" * 6 + b"\x86\xdd\x60" + bytes(5) + bytes((first, 1))
    source = b"\xfe\x80" + bytes(13) + b"\2"
    frame = repaired(head + source + group + chain + bytes([kind]) + rest)
    assert outcome(frame) == judge(frame)
