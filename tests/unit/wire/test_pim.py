"""PIM hellos as a router hint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import pim
from snoop.wire.errors import WireError
from vectors import reading, signed, sum16
from vectors.parts import judge_pim

HOLDTIME = "00010002"


def counter_of(payload: bytes) -> str:
    with pytest.raises(WireError) as refused:
        pim.parse_hello(payload)
    return refused.value.counter


@pytest.mark.parametrize(
    ("options", "holdtime"),
    [
        (HOLDTIME + "0069", 105),
        (HOLDTIME + "0000", 0),
        (HOLDTIME + "ffff", pim.HOLDTIME_FOREVER),
        ("", None),
        ("0014000412345678", None),
        ("00130004000000010014000412345678" + HOLDTIME + "001e", 30),
        ("fde80000" + HOLDTIME + "001e", 30),  # an option of length 0
        (HOLDTIME + "001e" + "fde80000", 30),
    ],
)
def test_holdtimes(options, holdtime):
    """Spec 1.9, test idea 107; absent means the default of 105 s."""
    assert pim.parse_hello(signed("20000000" + options)) == pim.Hello(holdtime)
    assert pim.HOLDTIME_DEFAULT_S == 105


@pytest.mark.parametrize("first", ["10", "21", "00", "30", "2f"])
def test_other_versions_and_types_are_ignored(first):
    """Test idea 107: nobody's error, so it is no error counter that moves."""
    assert counter_of(signed(f"{first}000000{HOLDTIME}0069")) == "not_control"


def test_a_wrong_checksum_is_refused():
    """SNOOP-24."""
    good = signed(f"20000000{HOLDTIME}0069")
    for bit in range(8, len(good) * 8):
        broken = bytearray(good)
        broken[bit // 8] ^= 1 << bit % 8
        assert counter_of(bytes(broken)) == "pim_checksum"


@pytest.mark.parametrize(
    "options",
    ["00", "0001", "000100", HOLDTIME, HOLDTIME + "00", "0001000100", "0001000400000069"],
)
def test_options_that_do_not_fit_are_malformed(options):
    assert counter_of(signed("20000000" + options)) == "pim_malformed"


@pytest.mark.parametrize("length", range(4))
def test_less_than_a_header_is_malformed(length):
    assert counter_of(signed("20000000")[:length]) == "pim_malformed"


@given(st.none() | st.integers(0, 65535))
def test_what_is_built_is_read_back(holdtime):
    built = pim.build_hello(holdtime_s=holdtime)
    assert sum16(built) == 0
    assert pim.parse_hello(built) == pim.Hello(holdtime)
    assert pim.parse_hello(memoryview(built)) == pim.Hello(holdtime)


@given(st.binary(max_size=40), st.sampled_from([b"\x20\0", b"\x20\xff", b""]))
def test_any_bytes_are_judged_as_the_oracle_judges_them(data, head):
    payload = signed((head + data).hex()) if len(head + data) >= 4 else head + data
    try:
        hello = pim.parse_hello(payload)
    except WireError as error:
        verdict = f"!{error.counter}"
    else:
        verdict = reading(hello)
    assert verdict == judge_pim(payload)
