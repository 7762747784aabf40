"""IPv6 headers: the chain header by header, Router Alert among options, and building."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import ipv6
from snoop.wire.address import Family, text
from snoop.wire.address import parse as addr
from snoop.wire.errors import WireError
from vectors import sum16

SRC, DST = addr("fe80::2"), addr("ff02::16")
ALERT = "05020000"
MESSAGE = bytes.fromhex("8f006ff90000000104000000ff0e0000000000000000000000010003")
GOLDEN = bytes.fromhex("6000000000240001") + SRC + DST + bytes.fromhex("3a00050200000100") + MESSAGE
# An extension header of eight bytes by its number, and what comes next.
EIGHT = {0: "050200000100", 43: "000001040000", 44: "000000000001", 60: "010400000000"}
CHAINS = st.lists(
    st.tuples(st.sampled_from([43, 44, 51, 60]), st.integers(0, 6)), max_size=ipv6.HEADERS_MAX
)


def packet(first: int, chain: str, payload: bytes = MESSAGE) -> bytes:
    body = bytes.fromhex(chain) + payload
    return b"\x6c\x00\x00\x00" + len(body).to_bytes(2) + bytes((first, 7)) + SRC + DST + body


def chained(*kinds: int) -> tuple[int, str]:
    """Headers of eight bytes in this order, ICMPv6 behind them."""
    following = [*kinds, 58][1:]
    chain = "".join(
        f"{after:02x}00{EIGHT[kind]}" for kind, after in zip(kinds, following, strict=True)
    )
    return (*kinds, 58)[0], chain


def refused(data: bytes, offset: int = 0) -> str:
    with pytest.raises(WireError) as error:
        ipv6.parse(data, offset)
    assert error.value.counter == "ipv6_error"
    return str(error.value)


def test_the_golden_packet():
    """W-4: Hop-by-Hop header with Router Alert, Hop Limit 1."""
    header = ipv6.parse(GOLDEN, 0)
    assert (text(header.src), text(header.dst)) == ("fe80::2", "ff02::16")
    assert (header.protocol, header.ttl, header.tos) == (58, 1, 0)
    assert (header.router_alert, header.fragment) == (True, False)
    assert (header.payload_start, header.payload_end) == (48, 76)
    assert header.family is Family.IPV6


def test_the_golden_packet_is_built_byte_for_byte():
    """W-4; the checksum is put in, whatever stood there."""
    assert ipv6.build(SRC, DST, 58, MESSAGE) == GOLDEN
    assert ipv6.build(SRC, DST, 58, MESSAGE[:2] + b"\xab\xcd" + MESSAGE[4:]) == GOLDEN


def test_offsets_are_those_of_the_frame_and_padding_is_no_payload():
    """B-1."""
    header = ipv6.parse(b"x" * 14 + GOLDEN + b"\xff" * 9, 14)
    assert (header.payload_start, header.payload_end) == (62, 90)


def test_every_cut_is_an_ipv6_error():
    """SNOOP-54."""
    for length in range(len(GOLDEN)):
        refused(GOLDEN[:length])


@pytest.mark.parametrize("version", [0, 4, 5, 7, 15])
def test_another_version_is_an_ipv6_error(version):
    assert "version" in refused(bytes((version << 4,)) + GOLDEN[1:])


def test_class_flow_label_and_hop_limit_are_no_reason():
    header = ipv6.parse(b"\x6a\xbc\xde\xf0" + GOLDEN[4:7] + b"\xff" + GOLDEN[8:], 0)
    assert (header.tos, header.ttl) == (0xAB, 255)


@pytest.mark.parametrize(
    "kinds",
    [
        (),
        (0,),
        (60,),
        (43,),
        (44,),
        (0, 60, 43, 44, 60),
        (60,) * 8,
        (0, 43, 60, 44, 44, 60, 43, 60),
    ],
)
def test_the_chain_is_walked(kinds):
    """W-5, SNOOP-54: an atomic fragment is whole."""
    first, chain = chained(*kinds)
    header = ipv6.parse(packet(first, chain), 0)
    assert (header.protocol, header.fragment) == (58, False)
    assert header.router_alert is (kinds[:1] == (0,))
    assert header.payload_start == 40 + 8 * len(kinds)


@given(CHAINS, st.integers(0, 255).filter(lambda kind: kind not in (0, 43, 44, 51, 60)))
def test_headers_of_any_length_lead_to_what_is_behind(listed, protocol):
    """RFC 8200 4: lengths count eight bytes, those of AH four, those of fragments nothing."""
    body = b""
    following = protocol
    for kind, length in reversed(listed):
        size = {44: 8, 51: 4 * length + 8}.get(kind, 8 * length + 8)
        body = bytes((following, length)) + bytes(size - 2) + body
        following = kind
    header = ipv6.parse(packet(following, body.hex()), 0)
    assert (header.protocol, header.fragment) == (protocol, False)
    assert header.payload_start == 40 + len(body)
    for end in range(len(body)):  # every cut of the chain
        refused(packet(following, body[:end].hex(), b""))


def test_more_headers_than_anybody_sends_are_an_ipv6_error():
    """SNOOP-54: the walk is bounded, whatever the frame holds."""
    assert "more than 8" in refused(packet(*chained(*[60] * 9)))
    assert "more than 8" in refused(packet(*chained(*[43] * 8000)))


@pytest.mark.parametrize("kinds", [(60, 0), (0, 0), (43, 44, 0)])
def test_hop_by_hop_comes_first_or_not_at_all(kinds):
    """RFC 8200 4.1."""
    assert "Hop-by-Hop" in refused(packet(*chained(*kinds)))


@pytest.mark.parametrize("kind", [0, 43, 44, 51, 60])
def test_a_header_that_does_not_fit_is_an_ipv6_error(kind):
    for length in range(8):
        assert "cut short" in refused(packet(kind, "3a" * length, b""))
    if kind != 44:  # which has no length
        assert "past the end" in refused(packet(kind, "3a04" + "00" * 6 + "00" * 8, b""))


@pytest.mark.parametrize(
    ("place", "protocol", "fragment"),
    [
        ("0000", 58, False),
        ("0006", 58, False),  # reserved bits
        ("0001", 58, True),  # a first one
        ("0008", 44, True),  # a last one, of which nobody knows what is in it
        ("fff9", 44, True),
    ],
)
def test_fragments_are_marked(place, protocol, fragment):
    """V-5."""
    header = ipv6.parse(packet(44, f"3aff{place}00000001"), 0)
    assert (header.protocol, header.fragment) == (protocol, fragment)
    assert header.payload_start == 48


def test_a_fragment_stays_one_behind_other_headers():
    header = ipv6.parse(packet(44, "3c00000100000001" + "2c00010400000000" + "3a00000000000001"), 0)
    assert (header.protocol, header.fragment, header.payload_start) == (58, True, 64)


@pytest.mark.parametrize(
    ("options", "present"),
    [
        (ALERT + "0100", True),
        ("0000" + ALERT, True),
        ("0100" + ALERT, True),
        ("00" + ALERT + "00", True),
        ("c20400000000" + ALERT + "01020000", True),
        ("0506000000000000" + ALERT + "0000", True),  # one of another length before it
        ("0104" + ALERT, False),  # inside a padding
        ("05020001" + "0100", False),  # RFC 2711: value 1 is RSVP
        ("050200020100", False),
        ("05ff00000100", False),  # past the end
        ("010000000005", False),  # no room for its length
        ("000000000502", False),
        ("010400000000", False),
    ],
)
def test_router_alert_is_found_among_options(options, present):
    """W-4, W-3: all of them are legal, whatever the list looks like."""
    length = len(options) // 2 + 2
    assert length % 8 == 0
    header = ipv6.parse(packet(0, f"3a{length // 8 - 1:02x}" + options), 0)
    assert header.router_alert is present
    assert header.payload_start == 40 + length


def test_router_alert_counts_in_a_hop_by_hop_header_only():
    """W-4."""
    assert not ipv6.parse(packet(60, "3a00" + ALERT + "0100"), 0).router_alert


def test_building_refuses_what_cannot_be_sent():
    v4, v6 = addr("10.0.0.1"), addr("fe80::1")
    for src, dst in ((v4, v6), (v6, v4)):
        with pytest.raises(ValueError, match="not an IPv6 address"):
            ipv6.build(src, dst, 58, MESSAGE)
    with pytest.raises(ValueError, match="65536 bytes"):
        ipv6.build(v6, v6, 58, bytes(65536 - 8))
    assert ipv6.parse(ipv6.build(v6, v6, 58, bytes(65535 - 8)), 0).payload_end == 65535 + 40


@given(
    st.ip_addresses(v=6, network="2000::/3"),
    st.ip_addresses(v=6, network="ff00::/8"),
    st.sampled_from([17, 58, 103]),
    st.binary(min_size=4, max_size=100),
    st.integers(0, 255),
    st.booleans(),
)
def test_what_is_built_is_read_back(src, dst, protocol, payload, hop_limit, router_alert):
    """MLD-1: the checksum covers the pseudo-header."""
    built = ipv6.build(
        *(src.packed, dst.packed, protocol, payload),
        hop_limit=hop_limit,
        router_alert=router_alert,
    )
    header = ipv6.parse(built, 0)
    assert (header.src, header.dst) == (src.packed, dst.packed)
    assert (header.protocol, header.ttl, header.router_alert) == (protocol, hop_limit, router_alert)
    message = built[header.payload_start : header.payload_end]
    assert message[:2] + message[4:] == payload[:2] + payload[4:]
    length = len(message).to_bytes(4)
    assert sum16(src.packed + dst.packed + length + bytes((0, 0, 0, protocol)) + message) == 0
