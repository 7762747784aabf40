"""Addresses: one 16-byte form for both families, and the ranges that the rules speak of."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.proto.filters import PrefixList
from snoop.wire import address
from snoop.wire.address import ANY, Family, mapped, parse, text


@given(st.ip_addresses(v=4))
def test_ipv4_text_survives_the_round_trip(ip):
    packed = parse(str(ip))
    assert packed == bytes.fromhex("00000000000000000000ffff") + ip.packed
    assert text(packed) == str(ip)


@given(st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None))
def test_ipv6_text_survives_the_round_trip(ip):
    assert parse(str(ip)) == ip.packed
    assert text(ip.packed) == str(ip)


def test_a_mapped_ipv6_text_is_the_ipv4_address():
    assert parse("::ffff:10.0.0.1") == parse("10.0.0.1")


@pytest.mark.parametrize("bad", ["", "10.0.0", "10.0.0.256", "host", "10.0.0.0/8", "01.2.3.4"])
def test_what_is_no_address_is_refused(bad):
    with pytest.raises(ValueError, match=r"does not appear to be"):
        parse(bad)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_byte_order_is_numeric_order(a, b):
    """Q-4: the election compares addresses."""
    assert (mapped(a.packed) < mapped(b.packed)) == (a < b)


def test_any_is_not_the_unspecified_address():
    """Q-5: a sender 0.0.0.0 is not "any source"."""
    assert address.UNSPECIFIED != ANY
    assert text(address.UNSPECIFIED) == "0.0.0.0"


def test_family_follows_from_the_prefix():
    assert address.family(parse("239.1.2.3")) is Family.IPV4
    assert address.family(parse("ff02::1")) is Family.IPV6


@pytest.mark.parametrize(
    ("addr", "multicast", "link_local"),
    [
        ("223.255.255.255", False, False),
        ("224.0.0.0", True, True),
        ("224.0.0.255", True, True),
        ("224.0.1.0", True, False),
        ("239.255.255.255", True, False),
        ("240.0.0.0", False, False),
        ("0.0.0.0", False, False),
        ("ff02::1", True, False),
        ("fe80::e000:1", False, False),
        ("::e000:1", False, False),
    ],
)
def test_multicast_and_link_local_ranges(addr, multicast, link_local):
    """SNOOP-15, SNOOP-31: 224.0.0.0/24 is the block that is never pruned."""
    assert address.is_multicast(parse(addr)) is multicast
    assert address.is_link_local_group(parse(addr)) is link_local


@pytest.mark.parametrize(
    ("addr", "bad"),
    [
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("126.255.255.255", False),
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("128.0.0.0", False),
        ("223.255.255.255", False),
        ("224.0.0.0", True),
        ("239.255.255.255", True),
        ("240.0.0.0", False),
        ("255.255.255.254", False),
        ("255.255.255.255", True),
    ],
)
def test_sources_that_are_no_host(addr, bad):
    """V-10."""
    assert address.is_bad_source(parse(addr)) is bad


def test_prefix_lengths_count_the_mapped_bits():
    assert address.parse_prefix("232.0.0.0/8") == (parse("232.0.0.0"), 104)
    assert address.parse_prefix("ff3e::/32") == (parse("ff3e::"), 32)
    assert address.parse_prefix("239.1.1.1") == (parse("239.1.1.1"), 128)
    with pytest.raises(ValueError, match="host bits"):
        address.parse_prefix("239.255.1.0/16")


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_prefix_lists_agree_with_ipaddress(base, length, ip):
    network = ip_network((base, length), strict=False)
    listed = PrefixList([address.parse_prefix(str(network))])
    assert (mapped(ip.packed) in listed) == (ip in network)


def test_an_ipv6_address_is_in_no_ipv4_prefix():
    assert parse("::efff:1") not in PrefixList([address.parse_prefix("0.0.0.0/0")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_SYSTEMS", "224.0.0.1"),
        ("ALL_ROUTERS", "224.0.0.2"),
        ("ALL_DVMRP_ROUTERS", "224.0.0.4"),
        ("ALL_PIM_ROUTERS", "224.0.0.13"),
        ("ALL_IGMPV3_ROUTERS", "224.0.0.22"),
        ("ALL_SNOOPERS", "224.0.0.106"),
        ("BROADCAST", "255.255.255.255"),
    ],
)
def test_well_known_addresses(name, value):
    """Spec 1.2."""
    assert text(getattr(address, name)) == value
