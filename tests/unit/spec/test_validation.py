"""Parsing and validation as seen from outside the engine: test ideas 1-30 (spec 6)."""

import struct

import pytest

from unit import frames
from unit.device import P1, P2, P3, Entry, R
from unit.dut import ALL, OWN, Dut, non_querier, own_querier
from unit.frames import (
    HOST,
    IS_EX,
    S1,
    S2,
    TO_EX,
    TO_IN,
    G,
    encapsulate,
    query_body,
    report_body,
    v2_report,
    v3_report,
    with_checksum,
)

G2 = "239.1.2.4"
SECOND = 1_000_000_000


def nothing_happened(dut: Dut, port: int, frame: bytes, counter: str) -> None:
    """The frame changes no state, is not passed on, and moves its counter by one."""
    before = dut.count(counter, port)
    groups, routers, querier = dut.groups(), dut.mrouters(), dut.querier()
    assert dut.punt(port, frame) == frozenset()
    assert (dut.groups(), dut.mrouters(), dut.querier()) == (groups, routers, querier)
    assert list(dut.made()) == []
    assert dut.count(counter, port) == before + 1


@pytest.mark.parametrize(
    ("frame", "version"),
    [(frames.v1_query(), 1), (frames.v2_query(), 2), (frames.v3_query(), 3)],
    ids=["v1", "v2", "v3"],
)
def test_version_of_a_query_is_told_by_its_length_and_code(frame: bytes, version: int) -> None:
    """Idea 1: W-10, SNOOP-5; B-13: with and without options."""
    dut = Dut()
    dut.hear(R, frame)
    assert dut.querier().version == version
    assert dut.querier().port == R
    assert dut.mrouters() == {R: {"query"}}


@pytest.mark.parametrize("length", [9, 10, 11])
def test_query_of_a_length_between_the_versions_is_dropped(length: int) -> None:
    """Idea 2: W-10."""
    dut = Dut()
    dut.zero()
    body = with_checksum(b"\x11\x64" + bytes(length - 2))
    frame = encapsulate(body, src=frames.RQ, dst="224.0.0.1")
    nothing_happened(dut, R, frame, "malformed")


def test_padding_does_not_turn_a_v2_query_into_v3() -> None:
    """Idea 3: the IP length rules, not the frame's; B-1."""
    dut = Dut()
    frame = frames.v2_query(router_alert=False, pad=b"\xff")
    assert len(frame) == 60
    dut.hear(R, frame)
    row = dut.querier()
    assert (row.version, row.robustness) == (2, 2)
    assert row.query_interval == 125 * SECOND


def test_padding_is_not_read_as_records() -> None:
    """Idea 4: B-1."""
    dut = non_querier()
    extra = report_body([(TO_EX, G2, [])])[8:]
    frame = v3_report((TO_EX, G, []), pad=extra, router_alert=False)
    assert len(frame) == 60
    dut.hear(P1, frame)
    assert dut.groups() == {G}


def test_wrong_checksum_is_not_learned_and_not_passed_on() -> None:
    """Idea 5: V-8, SNOOP-10."""
    dut = non_querier()
    for bit in range(16):
        body = bytearray(frames.v2_report()[38:])
        body[2 + bit // 8] ^= 1 << bit % 8
        frame = encapsulate(bytes(body), src=HOST, dst=G)
        nothing_happened(dut, P1, frame, "igmp_checksum")


def test_bytes_after_the_records_count_in_the_checksum() -> None:
    """Idea 6: W-22; B-14."""
    dut = non_querier()
    body = report_body([(TO_EX, G, [])])
    trailer = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    outside = encapsulate(body + trailer, src=HOST, dst="224.0.0.22")
    nothing_happened(dut, P1, outside, "igmp_checksum")
    inside = encapsulate(with_checksum(body + trailer), src=HOST, dst="224.0.0.22")
    assert dut.hear(P1, inside) == {R}
    assert dut.groups() == {G}


def test_bad_ip_header_checksum_is_dropped_for_reports_and_for_data() -> None:
    """Idea 7: V-4, SNOOP-36; the control plane has a counter of its own."""
    dut = non_querier()
    report = v2_report(chksum=0x1234)
    assert dut.hear(P1, report) == frozenset()
    nothing_happened(dut, P1, report, "ip_error")
    dut.hear(P1, v2_report())
    broken = frames.data(chksum=0x1234)
    assert dut.hear(R, broken) == frozenset()
    assert dut.table.decide(R, broken).reason == "ip_error"
    assert dut.count("ip_error", R) == 0


def test_total_length_past_the_captured_bytes_is_an_ip_error() -> None:
    """Idea 8: V-4."""
    dut = non_querier()
    frame = v2_report()
    nothing_happened(dut, P1, v2_report(len=len(frame) - 14 + 1), "ip_error")
    assert dut.hear(P1, v2_report(len=len(frame) - 14 + 1)) == frozenset()


def test_header_full_of_options_is_parsed() -> None:
    """Idea 9: W-3; B-13."""
    dut = non_querier()
    frame = v2_report(router_alert=False, options=frames.long_options())
    assert frame[14] & 15 == 15
    dut.hear(P1, frame)
    assert dut.groups(P1) == {G}


def test_router_alert_is_asked_for_only_on_request() -> None:
    """Idea 10: W-2, W-7."""
    bare = v2_report(router_alert=False)
    dut = non_querier()
    dut.hear(P1, bare)
    assert dut.groups(P1) == {G}
    strict = non_querier(require_router_alert=True)
    before = sum(strict.engine.port_counters(P1).values())
    strict.hear(P1, bare)
    assert strict.groups() == set()
    assert sum(strict.engine.port_counters(P1).values()) > before
    strict.hear(P1, v2_report())
    assert strict.groups(P1) == {G}
    strict.hear(P2, frames.v1_report())
    assert strict.groups(P2) == {G}, "v1 senders never set Router Alert (W-7)"


def test_ttl_other_than_one_is_used_unless_checked() -> None:
    """Idea 11: W-8."""
    dut = non_querier()
    dut.hear(P1, v2_report(ttl=2))
    assert dut.groups(P1) == {G}
    assert dut.count("ttl_not_one", P1) == 1
    strict = non_querier(ttl_check=True)
    assert strict.hear(P1, v2_report(ttl=2)) == {R}
    assert strict.groups() == set()
    assert strict.count("ttl_not_one", P1) == 1


def test_float_codes_of_a_v3_query_are_adopted() -> None:
    """Idea 12: W-11."""
    dut = Dut()
    dut.hear(R, frames.v3_query(qqic=0x89, code=0x80))
    assert dut.querier().query_interval == 200 * SECOND
    assert dut.querier().query_response_interval == round(12.8 * SECOND)


def test_code_of_a_v2_query_is_linear() -> None:
    """Idea 13: W-14."""
    dut = Dut()
    dut.hear(R, frames.v2_query(code=200))
    assert dut.querier().query_response_interval == 20 * SECOND


def test_unrepresentable_interval_is_rounded_down_and_used_as_sent() -> None:
    """Idea 15: W-13, TM-10: 25.5 s is sent as 24.8 s and LMQT counts with that."""
    dut = own_querier(last_member_query_interval=25.5, query_interval=1000.0)
    assert dut.querier().last_member_query_interval == round(24.8 * SECOND)
    dut.hear(P1, v2_report())
    dut.at(1)
    dut.hear(P1, frames.leave())
    assert dut.entry(P1) == Entry("exclude", 49.6, {})
    dut.at(100)
    asked = dut.specific_queries()
    assert [t.sent.code for t in asked] == [0x8F, 0x8F]
    assert [t.at for t in asked] == [1.0, 25.8]


def test_zero_qrv_and_qqic_mean_our_own_values() -> None:
    """Idea 16: W-15."""
    dut = Dut()
    dut.hear(R, frames.v3_query(qrv=3, qqic=60))
    dut.hear(R, frames.v3_query(qrv=0, qqic=0))
    assert dut.querier().robustness == 2
    assert dut.querier().query_interval == 125 * SECOND


def record(kind: int, group: str, sources: int = 0, aux: bytes = b"", claim: int | None = None):
    """A raw group record with aux data and a source count that may lie."""
    listed = b"".join(bytes((192, 0, 2, n + 1)) for n in range(sources))
    head = struct.pack("!BBH", kind, len(aux) // 4, sources if claim is None else claim)
    return head + bytes(map(int, group.split("."))) + listed + aux


def raw_report(*records: bytes, count: int | None = None, **how: object) -> bytes:
    head = struct.pack("!BBHHH", 0x22, 0, 0, 0, len(records) if count is None else count)
    body = with_checksum(head + b"".join(records))
    return encapsulate(body, src=HOST, dst="224.0.0.22", **how)


def test_unknown_record_type_is_stepped_over() -> None:
    """Idea 17: W-20."""
    dut = non_querier()
    odd = record(9, "239.9.9.9", sources=2, aux=b"abcd")
    dut.hear(P1, raw_report(odd, record(TO_EX, G)))
    assert dut.groups() == {G}


def test_aux_data_is_stepped_over() -> None:
    """Idea 18: W-21; B-25."""
    dut = non_querier()
    dut.hear(P1, raw_report(record(TO_EX, G, aux=b"x" * 12), record(TO_EX, G2)))
    assert dut.groups() == {G, G2}


def test_report_with_a_record_past_its_end_changes_nothing() -> None:
    """Idea 19: W-23; B-27."""
    dut = non_querier()
    frame = raw_report(record(TO_EX, G), record(TO_EX, G2, claim=400))
    nothing_happened(dut, P1, frame, "malformed")


def test_more_records_claimed_than_present_changes_nothing() -> None:
    """Idea 19: W-23."""
    dut = non_querier()
    nothing_happened(dut, P1, raw_report(record(TO_EX, G), count=2), "malformed")


def test_report_without_records_is_only_passed_on() -> None:
    """Idea 20: W-24."""
    dut = non_querier()
    assert dut.hear(P1, v3_report()) == {R}
    assert dut.groups() == set()


def many(count: int) -> list[str]:
    return [f"239.2.{n >> 8}.{n & 255}" for n in range(count)]


@pytest.mark.parametrize("count", [183, 1100])
def test_long_reports_are_read_to_the_end(count: int) -> None:
    """Ideas 21 and 22: W-26; B-25: 1500 bytes, and 9000."""
    dut = non_querier()
    frame = v3_report(*((TO_EX, group, []) for group in many(count)))
    assert len(frame) == 14 + 24 + 8 + 8 * count
    dut.hear(P1, frame)
    assert dut.groups(P1) == set(many(count))


def test_fragments_are_never_learned_and_seen_by_routers_only() -> None:
    """Idea 23: SNOOP-13, V-5; B-26."""
    dut = non_querier()
    body = report_body([(TO_EX, group, []) for group in many(4)])
    first = encapsulate(body[:24], src=HOST, dst="224.0.0.22", flags="MF", id=7)
    second = encapsulate(body[24:], src=HOST, dst="224.0.0.22", frag=3, id=7)
    assert dut.hear(P1, first) == {R}
    assert dut.hear(P1, second) == {R}
    assert dut.groups() == set()
    assert dut.count("igmp_fragment", P1) == 2


def test_unfragmented_looking_first_fragment_is_not_learned_either() -> None:
    """Idea 23: a first fragment that holds a whole message."""
    dut = non_querier()
    assert dut.hear(P1, v2_report(flags="MF")) == {R}
    assert dut.groups() == set()


def test_general_query_to_another_address_is_ignored() -> None:
    """Idea 24: V-9, note (a)."""
    dut = Dut(querier="on", querier_address=OWN)
    dut.zero()
    frame = frames.v3_query(dst="224.0.0.22")
    dut.punt(R, frame)
    assert dut.mrouters() == {}
    assert dut.role() == "querier"
    assert dut.count("malformed", R) == 1


def test_report_for_a_unicast_address_is_malformed() -> None:
    """Idea 25: V-9."""
    dut = non_querier()
    nothing_happened(dut, P1, v2_report("10.1.1.1", dst=G), "malformed")


def test_source_address_of_a_report() -> None:
    """Idea 26: V-10, SNOOP-6; B-19."""
    dut = non_querier()
    for source in ("239.1.1.1", "255.255.255.255", "127.0.0.1"):
        nothing_happened(dut, P1, v2_report(src=source), "bad_source")
    assert dut.hear(P1, v2_report(src="0.0.0.0")) == {R}
    assert dut.groups(P1) == {G}


def test_report_from_another_subnet_is_accepted() -> None:
    """Idea 26: V-10, any unicast source."""
    dut = non_querier()
    dut.hear(P1, v2_report(src="198.51.100.7"))
    assert dut.groups(P1) == {G}


def test_sources_without_a_group_are_malformed() -> None:
    """Idea 27: spec 1.3."""
    dut = Dut()
    dut.zero()
    nothing_happened(dut, R, frames.v3_query(None, [S1]), "malformed")


def test_unknown_type_is_flooded_unread() -> None:
    """Idea 28: SNOOP-8, V-7: not even the checksum."""
    dut = non_querier()
    groups, routers = dut.groups(), dut.mrouters()
    frame = encapsulate(b"\x40\x00\xba\xad\xef\x01\x02\x03", src=HOST, dst=G)
    assert dut.hear(P1, frame) == ALL - {P1}
    short = encapsulate(b"\x40", src=HOST, dst=G)
    assert dut.hear(P1, short) == ALL - {P1}
    assert (dut.groups(), dut.mrouters()) == (groups, routers)


@pytest.mark.parametrize("kind", [0x14, 0x15, 0x1E, 0x1F])
def test_known_types_we_do_not_act_on_are_flooded(kind: int) -> None:
    """Idea 28: SNOOP-8, second half."""
    dut = non_querier()
    frame = encapsulate(with_checksum(bytes((kind,)) + bytes(15)), src=HOST, dst="224.0.0.2")
    assert dut.hear(P1, frame) == ALL - {P1}


def test_unknown_flag_bits_pass_through_unchanged() -> None:
    """Idea 29: SNOOP-9; B-31: `hear` compares the bytes that leave with those that came."""
    dut = Dut()
    body = bytearray(query_body())
    body[8] |= 0x70
    frame = encapsulate(with_checksum(bytes(body)), src=frames.RQ, dst="224.0.0.1")
    assert dut.hear(R, frame) == ALL - {R}
    assert dut.querier().robustness == 2


def test_our_own_query_reflected_makes_no_router_port() -> None:
    """Idea 30: V-1, Q-7; B-32."""
    dut = own_querier(router=False)
    dut.wait(125)
    own = dut.general_queries()[-1].frame
    dut.punt(P1, own)
    assert dut.mrouters() == {}
    assert dut.role() == "querier"


def test_impossible_sources_in_a_record_are_left_out() -> None:
    """Idea 26, for sources: W-27: the rest of the record is kept."""
    dut = non_querier()
    bad = ["239.1.1.1", "0.0.0.0", "255.255.255.255"]
    dut.hear(P1, v3_report((TO_IN, G, [S1, *bad, S2])))
    assert set(dut.entry(P1).sources) == {S1, S2}


def test_records_for_groups_that_are_not_multicast_reject_the_report() -> None:
    """Idea 25, for v3: V-9 \"report group multicast, records fit\"."""
    dut = non_querier()
    nothing_happened(dut, P1, v3_report((IS_EX, "10.1.1.1", [])), "malformed")
    assert dut.forwards(by=P3) == ALL - {P3}
