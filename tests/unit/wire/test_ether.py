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


def test_untagged():
    header = ether.parse(frame("0800"))
    assert header == (DST, SRC, 0, 0, False, 0x0800, 14)


def test_tagged_moves_the_payload_by_four():
    """VLAN-4; VLAN-2: priority, drop eligible and id share the tag, which here has all three."""
    header = ether.parse(frame("8100d00a0800"))
    assert header == (DST, SRC, 10, 6, True, 0x0800, 18)
    assert frame("8100d00a0800")[header.offset :] == b"payload"


def test_priority_tag_is_vid_0_and_still_a_tag():
    """VLAN-2, VLAN-7."""
    header = ether.parse(frame("8100a0000800"))
    assert (header.vid, header.pcp, header.tagged) == (0, 5, True)


def test_vid_4095_is_refused_and_4094_is_not():
    """VLAN-2."""
    assert ether.parse(frame("8100effe0800")).vid == 4094
    with pytest.raises(WireError) as refused:
        ether.parse(frame("8100ffff0800"))
    assert refused.value.counter == "vlan_filtered"


@pytest.mark.parametrize(
    ("middle", "vid", "ethertype"),
    [("88a8000a0800", 0, 0x88A8), ("8100000a810000140800", 10, 0x8100)],
)
def test_nothing_is_looked_for_behind_an_unknown_or_second_tag(middle, vid, ethertype):
    """VLAN-6."""
    header = ether.parse(frame(middle))
    assert (header.vid, header.ethertype) == (vid, ethertype)


@pytest.mark.parametrize(("middle", "size"), [("0800", 14), ("8100000a0800", 18)])
def test_every_cut_is_truncated(middle, size):
    """V-1."""
    whole = frame(middle)
    for length in range(size):
        with pytest.raises(WireError) as refused:
            ether.parse(whole[:length])
        assert refused.value.counter == "truncated"
    assert ether.parse(whole[:size]).offset == size


@given(
    st.binary(min_size=6, max_size=6),
    st.binary(min_size=6, max_size=6),
    st.binary(max_size=64),
    st.integers(0, 4094),
    st.integers(0, 7),
    st.sampled_from([None, True, False]),
)
def test_what_is_built_is_read_back(dst, src, payload, vid, pcp, tagged):
    whole = ether.build(dst, src, payload, 0x0800, vid=vid, pcp=pcp, tagged=tagged)
    header = ether.parse(whole)
    has_tag = vid != 0 if tagged is None else tagged
    assert header.tagged is has_tag
    assert (header.vid, header.pcp) == ((vid, pcp) if has_tag else (0, 0))
    assert (header.dst, header.src, header.ethertype) == (dst, src, 0x0800)
    assert whole[header.offset :] == payload


@pytest.mark.parametrize(
    "wrong",
    [{"vid": 4095}, {"vid": -1}, {"vid": 1, "pcp": 8}, {"vid": 1, "pcp": -1}],
)
def test_no_frame_is_built_with_an_impossible_tag(wrong):
    with pytest.raises(ValueError, match="no such VLAN tag"):
        ether.build(DST, SRC, b"", **wrong)


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
