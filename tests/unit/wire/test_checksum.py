"""The Internet checksum against the RFC's own words."""

from hypothesis import given
from hypothesis import strategies as st

from snoop.wire.checksum import checksum, is_valid
from vectors import sum16


def test_the_example_of_rfc_1071():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D


def test_zeros_sum_to_zero_and_ones_to_all_ones():
    """Both are 0 modulo 0xffff; only a string of zeros has the sum 0."""
    assert checksum(b"") == 0xFFFF
    assert checksum(bytes(40)) == 0xFFFF
    assert checksum(b"\xff\xff") == 0
    assert checksum(b"\xff\xfe\x00\x01") == 0
    assert not is_valid(bytes(8))
    assert is_valid(b"\xff\xff")


@given(st.binary(max_size=1600))
def test_it_is_the_sum_word_by_word(data):
    assert checksum(data) == sum16(data)
    assert is_valid(data) == (sum16(data) == 0)


@given(st.binary(min_size=4, max_size=64), st.integers(0, 511))
def test_every_single_bit_error_is_seen(data, bit):
    """V-8."""
    blank = data[:2] + b"\0\0" + data[4:]
    good = blank[:2] + checksum(blank).to_bytes(2) + blank[4:]
    assert is_valid(good)
    bad = bytearray(good)
    bad[bit // 8 % len(bad)] ^= 1 << bit % 8
    assert not is_valid(bytes(bad))
