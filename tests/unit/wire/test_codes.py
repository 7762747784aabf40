"""Time codes: every code, every encoding, and the effective times that timers must use."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import codes

S = 1_000_000_000
TENTH = S // 10


def rfc_value(code: int) -> int:
    """RFC 9776 4.1.1 as arithmetic: mant and exp below the top bit, (16 + mant) * 2^(exp + 3)."""
    exponent, mantissa = divmod(code - 128, 16)
    return code if code < 128 else (16 + mantissa) * 2 ** (3 + exponent)


VALUES = [rfc_value(code) for code in range(256)]


def test_every_code_means_what_the_rfc_says():
    """W-11."""
    assert [codes.decode_code8(code) for code in range(256)] == VALUES


def test_codes_rise_with_their_values():
    assert all(a < b for a, b in pairwise(VALUES))


def test_every_code_survives_the_round_trip():
    assert [codes.encode_code8(value) for value in VALUES] == list(range(256))


def test_every_value_gets_the_next_lower_code():
    """W-13, over the whole range and past its end."""
    code = 0
    for value in range(33_000):
        while code < 255 and VALUES[code + 1] <= value:
            code += 1
        assert codes.encode_code8(value) == code, value


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (0x7F, 127),
        (0x80, 128),
        (0x81, 136),
        (0x89, 200),  # RFC 6636's worked example
        (0x8F, 248),
        (0x90, 256),
        (0xA0, 512),
        (0xFF, 31744),
    ],
)
def test_checked_values_of_the_spec(code, value):
    """Spec 1.4; test idea 12."""
    assert codes.decode_code8(code) == value
    assert codes.encode_code8(value) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [(129, 0x80), (199, 0x88), (255, 0x8F), (1000, 0xAF), (10230, 0xE3), (10**9, 0xFF)],
)
def test_checked_encodings_of_the_spec(value, code):
    """Spec 1.4."""
    assert codes.encode_code8(value) == code


def test_a_negative_time_has_no_code():
    for encode in (codes.encode_code8, codes.encode_code16):
        with pytest.raises(ValueError, match="no code for -1"):
            encode(-1)


def rfc_value16(code: int) -> int:
    """RFC 9777 5.1.3: (4096 + mant) * 2^(exp + 3)."""
    exponent, mantissa = divmod(code - 0x8000, 0x1000)
    return code if code < 0x8000 else (0x1000 + mantissa) * 2 ** (3 + exponent)


VALUES16 = [rfc_value16(code) for code in range(0x10000)]


def test_every_code_of_sixteen_bits_means_what_the_rfc_says():
    """W-12."""
    assert [codes.decode_code16(code) for code in range(0x10000)] == VALUES16
    assert all(a < b for a, b in pairwise(VALUES16))
    assert VALUES16[-1] == codes.CODE16_MAX


def test_every_code_of_sixteen_bits_survives_the_round_trip():
    """W-12, W-13: its value, and every value up to that of the next code."""
    for code, (value, following) in enumerate(pairwise(VALUES16)):
        assert codes.encode_code16(value) == code
        assert codes.encode_code16(following - 1) == code
    assert codes.encode_code16(codes.CODE16_MAX) == codes.encode_code16(10**12) == 0xFFFF


@pytest.mark.parametrize(
    ("code", "value"),
    [(0x2710, 10000), (0x8000, 32768), (0x9000, 65536), (0xFFFF, 8387584)],
)
def test_checked_values_of_sixteen_bits(code, value):
    """Spec 1.4, idea 14."""
    assert codes.decode_code16(code) == value
    assert codes.mld_max_response_ns(2, code) == value * S // 1000
    assert codes.mld_max_response_code(2, value * S // 1000) == code


def test_mld_version_1_is_linear_and_clipped():
    """W-14: 0x9000 is 36.864 s; less than a millisecond leaves no time, and is not sent."""
    assert codes.mld_max_response_ns(1, 0x9000) == 36_864 * S // 1000
    assert codes.mld_max_response_code(1, 36_864 * S // 1000) == 0x9000
    assert codes.mld_max_response_code(1, 70 * S) == 0xFFFF
    assert codes.mld_max_response_code(2, 70 * S) == 0x9117  # W-13: 69.816 s
    assert codes.mld_max_response_code(1, 1) == codes.mld_max_response_code(2, 1) == 1


def test_v2_is_linear_and_clipped():
    """W-14, test idea 13."""
    assert codes.max_response_code(2, 20 * S) == 200
    assert codes.max_response_ns(2, 200) == 20 * S
    assert codes.max_response_ns(2, 255) == 25 * S + 5 * TENTH
    assert codes.max_response_code(2, 25 * S + 6 * TENTH) == 255
    assert codes.effective_max_response_ns(2, 60 * S) == 25 * S + 5 * TENTH


def test_v3_is_coded():
    """Test idea 15: LMQI 25.5 s goes out as 0x8f and is 24.8 s to everybody."""
    assert codes.max_response_code(3, 25 * S + 5 * TENTH) == 0x8F
    assert codes.effective_max_response_ns(3, 25 * S + 5 * TENTH) == 24 * S + 8 * TENTH
    assert codes.max_response_ns(3, 0x80) == 12 * S + 8 * TENTH


def test_v1_has_no_code_and_means_ten_seconds():
    """Spec 1.3."""
    assert codes.max_response_code(1, 3 * S) == 0
    assert codes.max_response_ns(1, 0) == 10 * S
    assert codes.effective_max_response_ns(1, 3 * S) == 10 * S


@pytest.mark.parametrize("version", [2, 3])
def test_a_tiny_time_is_not_sent_as_zero(version):
    """W-10: a v2 query with code 0 is a v1 query."""
    assert codes.max_response_code(version, 1) == 1
    assert codes.effective_max_response_ns(version, 1) == TENTH


def test_a_query_interval_under_a_second_is_not_sent_as_zero():
    """W-15: QQIC 0 means 125 s to the receiver."""
    assert codes.query_interval_code(S // 2) == 1
    assert codes.effective_query_interval_ns(S // 2) == S


def test_query_interval_is_coded():
    assert codes.query_interval_code(125 * S) == 125
    assert codes.query_interval_code(200 * S + S // 2) == 0x89
    assert codes.effective_query_interval_ns(130 * S) == 128 * S
    assert codes.effective_query_interval_ns(10**6 * S) == 31744 * S


@given(st.sampled_from([2, 3]), st.integers(TENTH, 4000 * S))
def test_an_effective_time_is_never_longer_and_codes_to_itself(version, duration):
    """W-13."""
    effective = codes.effective_max_response_ns(version, duration)
    assert 0 < effective <= duration
    assert codes.effective_max_response_ns(version, effective) == effective
