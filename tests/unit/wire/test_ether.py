"""Ethernet headers, the 802.1Q tag, and group MAC addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import ether
from snoop.wire.address import parse as addr
from snoop.wire.errors import WireError

DST = bytes.fromhex("01005e010203")
SRC = bytes.fromhex("02000000000b")


def frame(middle: str) -> bytes:
    return DST + SRC + bytes.fromhex(middle) + b"payload"


def test_header_is_read():
    assert ether.parse(frame("0800")) == (DST, SRC, 0x0800)


@pytest.mark.parametrize("tag", ["88a8000a", "81000014"])
def test_nothing_is_looked_for_behind_a_tag_that_is_still_there(tag):
    """VLAN-6."""
    assert ether.parse(frame(tag + "0800")).ethertype == int(tag[:4], 16)


def test_every_cut_is_truncated():
    """V-1."""
    whole = frame("0800")
    for length in range(14):
        with pytest.raises(WireError) as refused:
            ether.parse(whole[:length])
        assert refused.value.counter == "truncated"
    assert ether.parse(whole[:14]).ethertype == 0x0800


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6), st.binary(max_size=64))
def test_what_is_built_is_read_back(dst, src, payload):
    whole = ether.build(dst, src, payload, 0x0800)
    assert ether.parse(whole) == (dst, src, 0x0800)
    assert whole[ether.HEADER_BYTES :] == payload


@pytest.mark.parametrize(
    ("tci", "middle"),
    [
        (None, "0800"),
        (10, "8100000a0800"),
        (0xD00A, "8100d00a0800"),
        (0xA000, "8100a0000800"),
        (0, "810000000800"),
    ],
)
def test_tag_goes_back_behind_the_addresses(tci, middle):
    """VLAN-7: priority, drop eligible and id share it; one of value 0 is a tag too."""
    assert ether.tagged(frame("0800"), tci) == frame(middle)


def test_no_frame_is_built_with_a_short_address():
    with pytest.raises(ValueError, match="6 bytes"):
        ether.build(DST[:5], SRC, b"")
    with pytest.raises(ValueError, match="6 bytes"):
        ether.build(DST, SRC + b"\0", b"")


@pytest.mark.parametrize(
    ("group", "mac"),
    [
        ("224.1.2.3", "01005e010203"),
        ("239.129.2.3", "01005e010203"),
        ("224.128.0.1", "01005e000001"),
        ("224.0.0.1", "01005e000001"),
        ("239.0.0.251", "01005e0000fb"),
        ("239.128.0.22", "01005e000016"),
        ("239.255.255.255", "01005e7fffff"),
        ("ff05::1", "333300000001"),
        ("ff02::1:ff12:3456", "3333ff123456"),
    ],
)
def test_group_mac_addresses(group, mac):
    """W-6 and the golden pairs of spec 1.11."""
    assert ether.multicast_mac(addr(group)).hex() == mac
