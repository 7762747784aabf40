"""IPv4 headers: V-4 check by check, options, fragments, and building."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import ipv4
from snoop.wire.address import parse as addr
from snoop.wire.address import text
from snoop.wire.errors import WireError
from vectors import sum16

GOLDEN = bytes.fromhex("46c00020000040000102e9080a00000bef010203940400001600f8faef010203")
PAYLOAD = GOLDEN[24:]


def packet(
    *,
    options: str = "",
    first: int | None = None,
    total: int | None = None,
    flags: int = 0,
    payload: bytes = PAYLOAD,
) -> bytes:
    """An IPv4 packet with a right checksum and whatever else is asked for."""
    extra = bytes.fromhex(options)
    size = 20 + len(extra)
    head = bytearray(GOLDEN[:20]) + extra
    head[0] = 0x40 | size // 4 if first is None else first
    head[2:4] = (size + len(payload) if total is None else total).to_bytes(2)
    head[6:8] = flags.to_bytes(2)
    head[10:12] = bytes(2)
    covered = max((head[0] & 15) * 4, 20)
    head[10:12] = sum16(bytes(head + payload)[:covered]).to_bytes(2)
    return bytes(head) + payload


def counter_of(data: bytes, offset: int = 0) -> str:
    with pytest.raises(WireError) as refused:
        ipv4.parse(data, offset)
    return refused.value.counter


def test_the_golden_packet():
    """Spec 1.11; W-2: the header has 24 bytes."""
    header = ipv4.parse(GOLDEN, 0)
    assert (text(header.src), text(header.dst)) == ("10.0.0.11", "239.1.2.3")
    assert (header.protocol, header.ttl, header.tos) == (2, 1, 0xC0)
    assert header.router_alert
    assert not header.fragment
    assert (header.payload_start, header.payload_end) == (24, 32)


def test_the_golden_packet_is_built_byte_for_byte():
    """W-1."""
    assert ipv4.build(addr("10.0.0.11"), addr("239.1.2.3"), 2, PAYLOAD) == GOLDEN


def test_offsets_are_those_of_the_frame():
    header = ipv4.parse(b"x" * 18 + GOLDEN, 18)
    assert (header.payload_start, header.payload_end) == (42, 50)


@pytest.mark.parametrize("padding", [1, 6, 18, 1000])
def test_padding_is_not_payload(padding):
    """B-1: the end comes from Total Length."""
    assert ipv4.parse(GOLDEN + b"\xff" * padding, 0).payload_end == 32


def test_every_cut_is_an_ip_error():
    """Test idea 8, V-4: Total Length is more than there is."""
    for length in range(len(GOLDEN)):
        assert counter_of(GOLDEN[:length]) == "ip_error"


def test_every_flipped_bit_of_the_header_is_an_ip_error():
    """Test idea 7, V-4."""
    for bit in range(24 * 8):
        broken = bytearray(GOLDEN)
        broken[bit // 8] ^= 1 << bit % 8
        assert counter_of(bytes(broken)) == "ip_error", bit


def test_the_payload_is_not_in_the_header_checksum():
    assert ipv4.parse(GOLDEN[:-1] + b"\x00", 0).payload_end == 32


@pytest.mark.parametrize("first", [0x06, 0x36, 0x56, 0x66, 0xF6])
def test_another_version_is_an_ip_error(first):
    assert counter_of(packet(options="94040000", first=first)) == "ip_error"


@pytest.mark.parametrize("ihl", [0, 1, 4])
def test_a_header_length_under_20_is_an_ip_error(ihl):
    assert counter_of(packet(first=0x40 | ihl)) == "ip_error"


def test_a_header_longer_than_the_datagram_is_an_ip_error():
    assert counter_of(packet(first=0x48)) == "ip_error"
    assert counter_of(packet(total=19)) == "ip_error"
    assert ipv4.parse(packet(total=20), 0).payload_start == 20  # an empty datagram is legal


@pytest.mark.parametrize(
    ("options", "present"),
    [
        ("", False),
        ("94040000", True),
        ("01" * 36 + "94040000", True),  # IHL 15 with Router Alert last
        ("94040000" + "00000000", True),
        ("01" + "4408050000000000" + "010101" + "94040000", True),
        ("88020101" + "94040000", True),  # an option of the least length
        ("00000000" + "94040000", False),  # behind the end of the list
        ("94040001", False),  # RFC 2113: only value 0 is defined
        ("9403000000000000", False),
        ("4400000094040000", False),  # length 0 would never advance
        ("4401000094040000", False),
        ("010101ff", False),  # no room for its length
        ("44ff000094040000", False),  # past the end
        ("01010194", False),
        ("01019404", False),
    ],
)
def test_router_alert_is_found_among_options(options, present):
    """W-2, W-3, test ideas 9 and 10: all of them are legal, whatever the list looks like."""
    header = ipv4.parse(packet(options=options), 0)
    assert header.router_alert is present
    assert header.payload_start == 20 + len(options) // 2


@pytest.mark.parametrize(
    ("flags", "fragment"),
    [
        (0x0000, False),
        (0x4000, False),  # DF
        (0x8000, False),  # reserved
        (0x2000, True),  # MF: a first fragment
        (0x0001, True),  # offset 8: a last one
        (0x1FFF, True),
        (0x3000, True),
    ],
)
def test_fragments_are_marked(flags, fragment):
    """V-5, test idea 23."""
    assert ipv4.parse(packet(flags=flags), 0).fragment is fragment


def test_building_refuses_what_cannot_be_sent():
    v4, v6 = addr("10.0.0.1"), addr("fe80::1")
    for src, dst in ((v4, v6), (v6, v4)):
        with pytest.raises(ValueError, match="not an IPv4 address"):
            ipv4.build(src, dst, 2, b"")
    with pytest.raises(ValueError, match="65536 bytes"):
        ipv4.build(v4, v4, 2, bytes(65536 - 24))
    assert ipv4.parse(ipv4.build(v4, v4, 2, bytes(65535 - 24)), 0).payload_end == 65535


@given(
    st.ip_addresses(v=4),
    st.ip_addresses(v=4),
    st.integers(0, 255),
    st.binary(max_size=100),
    st.integers(0, 255),
    st.integers(0, 255),
    st.booleans(),
    st.integers(0, 65535),
)
def test_what_is_built_is_read_back(src, dst, protocol, payload, ttl, tos, router_alert, ident):
    built = ipv4.build(
        addr(str(src)),
        addr(str(dst)),
        protocol,
        payload,
        ttl=ttl,
        tos=tos,
        router_alert=router_alert,
        ident=ident,
    )
    header = ipv4.parse(built, 0)
    assert (text(header.src), text(header.dst)) == (str(src), str(dst))
    assert (header.protocol, header.ttl, header.tos) == (protocol, ttl, tos)
    assert header.router_alert is router_alert
    assert built[header.payload_start : header.payload_end] == payload
    assert int.from_bytes(built[4:6]) == ident
    assert sum16(built[: header.payload_start]) == 0
