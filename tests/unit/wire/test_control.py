"""Whole frames through the validation chain of spec 1.10."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import compose, control, ether, ipv4, messages, pim
from snoop.wire.address import ALL_PIM_ROUTERS, ALL_SYSTEMS, UNSPECIFIED, text
from snoop.wire.address import parse as addr
from snoop.wire.errors import COUNTERS, WireError
from snoop.wire.messages import Record, RecordType
from vectors import load, reading
from vectors.oracle import judge

VECTORS = load("frames.txt")
GOOD = [vector for vector in VECTORS if not vector.reading.startswith("!")]
WHOLE = [vector for vector in VECTORS if vector.reading not in ("!truncated", "!ip_error")]
SRC_MAC = bytes.fromhex("02000000000b")
HOST = addr("10.0.0.11")
G = addr("239.1.2.3")
REPORT = compose.build_report(version=2, records=[Record(RecordType.IS_EX, G, ())])
QUERY = compose.build_query(max_response_ns=10**10)


def frame(payload: bytes = REPORT, **changes) -> bytes:
    return control.build_frame(
        **{"src_mac": SRC_MAC, "src": HOST, "dst": G, "payload": payload} | changes
    )


def outcome(data: bytes) -> str:
    """The reading of a frame, or `!counter`."""
    try:
        return reading(control.parse(data).message)
    except WireError as error:
        return f"!{error.counter}"


def refused(data: bytes) -> WireError:
    with pytest.raises(WireError) as error:
        control.parse(data)
    return error.value


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_vectors(vector):
    """Spec 1.10 step by step; test ideas 1, 3, 4, 7-11, 23, 24, 26, 28, 106-108, 118."""
    assert outcome(vector.data) == vector.reading


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_the_oracle_reads_the_vectors_alike(vector):
    """What the other tests lean on is held to the same data."""
    assert judge(vector.data) == vector.reading


def test_the_vectors_visit_every_counter():
    """A refusal without a vector would be one that nobody has seen."""
    frames = VECTORS + load("mld_frames.txt")
    assert {v.reading[1:] for v in frames if v.reading.startswith("!")} >= set(COUNTERS) - {
        "igmp_checksum"
    }
    assert {v.reading[1:] for v in load("messages.txt")} & set(COUNTERS) == {
        "igmp_checksum",
        "malformed",
    }


@pytest.mark.parametrize("vector", GOOD, ids=range(len(GOOD)))
def test_every_cut_is_truncated_or_an_ip_error(vector):
    """V-1, V-4, test idea 8: nothing of a cut IPv4 frame is used, padding aside."""
    parsed = control.parse(vector.data)
    for length in range(parsed.ip.payload_end):
        cut = outcome(vector.data[:length])
        assert cut in ("!truncated", "!ip_error"), length


@pytest.mark.parametrize("vector", WHOLE, ids=range(len(WHOLE)))
@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\x04\x00\x00\x00\xef\x01\x02\x04"])
def test_padding_changes_nothing(vector, fill):
    """B-1, test ideas 3 and 4: the IP header says where the message ends."""
    assert outcome(vector.data + fill * 40) == vector.reading


def test_the_result_shows_what_policy_needs():
    """W-7, W-8: judged by the engine, carried by the parser."""
    seen = control.parse(frame(ttl=3, router_alert=False, src=UNSPECIFIED))
    assert (seen.ether.dst.hex(), seen.ether.src) == ("01005e010203", SRC_MAC)
    assert (seen.ip.ttl, seen.ip.router_alert, seen.ip.fragment) == (3, False, False)
    assert (text(seen.ip.src), text(seen.ip.dst)) == ("0.0.0.0", "239.1.2.3")


def test_what_we_send_is_what_the_rfc_asks_for():
    """W-1, Q-2."""
    sent = control.parse(frame(QUERY, dst=ALL_SYSTEMS))
    assert (sent.ip.ttl, sent.ip.tos, sent.ip.router_alert) == (1, 0xC0, True)
    assert sent.ether.dst.hex() == "01005e000001"
    assert frame(QUERY, dst=ALL_SYSTEMS)[12:15].hex() == "080046"


def test_a_fragment_still_tells_where_to_send_it():
    """SNOOP-13, test idea 23: the addresses are known although nothing is learned."""
    data = bytearray(frame())
    data[20] = 0x20  # MF
    data[24:26] = bytes(2)
    data[24:26] = ipv4.checksum(bytes(data[14:38])).to_bytes(2)
    error = refused(bytes(data))
    assert error.counter == "igmp_fragment"
    assert error.ether is not None
    assert error.ip is not None
    assert error.ip.fragment
    assert error.ip.dst == G


def test_an_error_carries_what_had_been_read():
    """The counter belongs to a port."""
    whole = frame()
    no_header = refused(whole[:13])
    assert (no_header.ether, no_header.ip) == (None, None)
    no_ip = refused(whole[:30])
    assert no_ip.ether is not None
    assert no_ip.ip is None
    bad_sum = refused(whole[:-1] + b"\xff")
    assert bad_sum.counter == "igmp_checksum"
    assert bad_sum.ip is not None
    assert bad_sum.ip.src == HOST
    assert str(bad_sum).startswith("igmp_checksum")


def test_an_unknown_type_passes_every_later_check():
    """V-7, SNOOP-8, test idea 28: broken checksum, impossible source, no length."""
    for kind in (0x14, 0x15, 0x1E, 0x1F, 0x40, 0xFF):
        for payload in (bytes([kind]), bytes([kind]) + b"\xde\xad\xbe"):
            seen = control.parse(frame(payload, src=addr("239.1.1.1")))
            assert seen.message == messages.Unknown(kind)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_general_query_goes_to_all_systems(version):
    """V-9, test idea 24."""
    query = compose.build_query(version=version, max_response_ns=10**10)
    assert outcome(frame(query, dst=ALL_SYSTEMS)).startswith(f"query v{version} general")
    for other in ("224.0.0.22", "224.0.0.2", "239.1.2.3"):
        assert outcome(frame(query, dst=addr(other))) == "!malformed"


@pytest.mark.parametrize("version", [2, 3])
def test_a_specific_query_goes_to_its_group(version):
    """V-9: the hosts of the group have not seen any other (F-1)."""
    query = compose.build_query(version=version, max_response_ns=10**9, group=G)
    assert outcome(frame(query, dst=G)).startswith(f"query v{version} 239.1.2.3")
    for other in ("224.0.0.1", "224.0.0.22", "239.1.2.4", "239.129.2.3"):
        assert outcome(frame(query, dst=addr(other))) == "!malformed"


def test_pim_hello_is_control():
    """SNOOP-24."""
    seen = control.parse(
        frame(pim.build_hello(holdtime_s=30), dst=ALL_PIM_ROUTERS, protocol=ipv4.PROTOCOL_PIM)
    )
    assert seen.message == pim.Hello(30)


@pytest.mark.parametrize("mac", ["020000000001", "ffffffffffff", "01005e010204", "333300000001"])
def test_the_wrong_mac_address_is_bridged_and_not_learned(mac):
    """Spec 1.10 note c, SNOOP-40, B-33."""
    assert outcome(frame(dst_mac=bytes.fromhex(mac))) == "!not_control"


@given(st.integers(0, 255), st.booleans())
def test_what_is_built_is_read_back(ttl, router_alert):
    data = frame(ttl=ttl, router_alert=router_alert)
    seen = control.parse(data)
    assert seen.message == messages.Report(2, (Record(RecordType.IS_EX, G, ()),))
    assert (seen.ip.ttl, seen.ip.router_alert) == (ttl, router_alert)
    assert seen.ether == ether.parse(data)
    assert judge(data) == reading(seen.message)
