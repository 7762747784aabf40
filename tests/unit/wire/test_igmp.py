"""IGMP payloads, read: the vector file, every cut, trailing bytes, and the limits of size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import compose, igmp, messages
from snoop.wire.address import ANY
from snoop.wire.address import parse as addr
from snoop.wire.errors import WireError
from snoop.wire.messages import Record, RecordType
from vectors import load, reading, signed
from vectors.oracle import judge_igmp

VECTORS = load("messages.txt")
ACCEPTED = [vector for vector in VECTORS if not vector.reading.startswith(("!", "unknown"))]
GOLDEN = VECTORS[:19]  # spec 1.11
G = addr("239.1.2.3")


def outcome(payload: bytes) -> str:
    """The reading of a payload, or `!counter`."""
    try:
        return reading(igmp.parse(payload))
    except WireError as error:
        return f"!{error.counter}"


def opinion(payload: bytes) -> str:
    """The oracle's reading of a payload that was sent where its type belongs."""
    to_snoopers = payload[:1] in (b"\x30", b"\x32")
    general = len(payload) < 8 or not any(payload[4:8]) or (len(payload) == 8 and not payload[1])
    if payload[:1] == b"\x11" and not general:
        return judge_igmp(payload, payload[4:8])
    return judge_igmp(payload, bytes([224, 0, 0, 106 if to_snoopers else 1]))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.data.hex()[:24] or "empty")
def test_vectors(vector):
    """Spec 1.11 and the cases of 1.2 to 1.8; test ideas 1, 2, 5, 6, 12-14, 16-20, 25, 27-29."""
    assert outcome(vector.data) == vector.reading


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector.data.hex()[:24])
def test_a_golden_message_cut_anywhere_is_refused(vector):
    """V-8, V-9: no prefix of a message is a message."""
    for length in range(len(vector.data)):
        assert outcome(vector.data[:length]) in ("!igmp_checksum", "!malformed"), length


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda vector: vector.data.hex()[:24])
def test_every_cut_is_judged_alike_by_the_oracle(vector):
    """V-8, V-9, W-23: as it stands, and with a checksum that has been made right again."""
    for length in range(len(vector.data)):
        cut = vector.data[:length]
        assert outcome(cut) == opinion(cut), length
        if length >= 4:
            assert outcome(signed(cut.hex())) == opinion(signed(cut.hex())), length


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda vector: vector.data.hex()[:24])
def test_trailing_bytes_count_in_the_checksum_and_nowhere_else(vector):
    """W-22, test idea 6: inside the checksum they are ignored, outside of it they break it."""
    tail = "0102030405060708"
    assert outcome(vector.data + bytes.fromhex(tail)) == "!igmp_checksum"
    if vector.data[0] != 0x11 or len(vector.data) > 8:  # a longer v1 or v2 query is a v3 one
        assert outcome(signed(vector.data.hex() + tail)) == vector.reading


@pytest.mark.parametrize("code", ["00", "64"])
def test_the_length_of_a_query_is_its_version(code):
    """W-10, test ideas 2 and 3."""
    query = f"11{code}000000000000"
    version = {"00": "v1", "64": "v2"}[code]
    assert outcome(signed(query)).startswith(f"query {version} general")
    for extra in (1, 2, 3):
        assert outcome(signed(query + "00" * extra)) == "!malformed"
    for extra in (4, 5, 100):
        assert outcome(signed(query + "00" * extra)).startswith("query v3 general")


def test_memoryview_is_as_good_as_bytes():
    data = b"xx" + VECTORS[6].data + b"yy"
    message = igmp.parse(memoryview(data)[2:-2])
    assert reading(message) == VECTORS[6].reading
    assert isinstance(message.group, bytes)
    assert all(isinstance(source, bytes) for source in message.sources)


def test_a_general_query_says_any_and_a_specific_one_its_group():
    assert igmp.parse(bytes.fromhex("1164ee9b00000000")).group == ANY
    assert igmp.parse(bytes.fromhex("110afdf0ef010203")).group == G


def test_nothing_is_read_past_an_unknown_type():
    """V-7, SNOOP-8: not even a length."""
    known = {0x11, 0x12, 0x13, 0x16, 0x17, 0x22, 0x30, 0x31, 0x32}
    for kind in set(range(256)) - known:
        assert igmp.parse(bytes([kind])) == messages.Unknown(kind)
        assert igmp.parse(bytes([kind]) + b"\xff" * 40) == messages.Unknown(kind)
    for kind in known:
        assert outcome(bytes([kind])) == "!igmp_checksum"


def test_messages_without_fields_differ():
    assert messages.MrdSolicitation() != messages.MrdTermination()
    assert messages.Dvmrp() == messages.Dvmrp()


@pytest.mark.parametrize("count", [183, 1100])
def test_a_full_report_gives_every_group(count):
    """W-26, test ideas 21 and 22: an Ethernet frame's worth and a jumbo frame's worth."""
    records = [
        Record(RecordType.TO_EX, addr(f"239.1.{i // 256}.{i % 256}"), ()) for i in range(count)
    ]
    payload = compose.build_report(version=3, records=records)
    assert len(payload) == 8 + 8 * count
    assert igmp.parse(payload).records == tuple(records)


def test_a_report_with_365_sources():
    """W-26."""
    sources = tuple(addr(f"10.0.{i // 256}.{i % 256}") for i in range(365))
    payload = compose.build_report(version=3, records=[Record(RecordType.ALLOW, G, sources)])
    assert len(payload) == 1500 - 24
    assert igmp.parse(payload).records[0].sources == sources


def test_a_query_with_366_sources():
    """Spec 1.3."""
    sources = tuple(addr(f"10.0.{i // 256}.{i % 256}") for i in range(366))
    payload = compose.build_query(max_response_ns=10**9, group=G, sources=sources)
    assert len(payload) == 1500 - 24
    assert igmp.parse(payload).sources == sources


def test_a_bad_record_anywhere_refuses_the_whole_report():
    """W-23, test idea 19, B-27: also behind good ones, also the last of many."""
    good = [Record(RecordType.TO_EX, G, ())] * 5
    payload = compose.build_report(version=3, records=good)
    for position in range(5):
        broken = bytearray(payload)
        broken[8 + 8 * position + 2 : 8 + 8 * position + 4] = (400).to_bytes(2)
        assert outcome(signed(broken.hex())) == "!malformed"
        broken = bytearray(payload)
        broken[8 + 8 * position + 4] = 10  # a group that is none
        assert outcome(signed(broken.hex())) == "!malformed"


@given(st.integers(0, 0xFFFF), st.binary(max_size=64))
def test_any_claimed_count_is_bounded_by_the_bytes_present(count, rest):
    """Never more records than bytes for them, whatever the head says."""
    payload = signed("220000000000" + count.to_bytes(2).hex() + rest.hex())
    assert outcome(payload) == opinion(payload)
    if 8 * count > len(rest):
        assert outcome(payload) == "!malformed"
