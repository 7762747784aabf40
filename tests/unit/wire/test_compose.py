"""IGMP payloads, written: the golden vectors, the round trip, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import codes, compose, igmp, messages
from snoop.wire.address import ANY, UNSPECIFIED, mapped
from snoop.wire.address import parse as addr
from snoop.wire.messages import Record, RecordType

S = 1_000_000_000
G = addr("239.1.2.3")
S1, S2 = addr("192.0.2.1"), addr("192.0.2.2")

groups = st.ip_addresses(v=4, network="224.0.0.0/4").map(lambda ip: mapped(ip.packed))
sources = st.ip_addresses(v=4, network="10.0.0.0/8").map(lambda ip: mapped(ip.packed))
source_lists = st.lists(sources, max_size=20).map(tuple)
records = st.builds(Record, st.sampled_from(RecordType), groups, source_lists)


def v3(kind: RecordType, *listed: bytes) -> bytes:
    return compose.build_report(version=3, records=[Record(kind, G, listed)])


@pytest.mark.parametrize(
    ("built", "golden"),
    [
        (compose.build_query(version=1, max_response_ns=10 * S), "1100eeff00000000"),
        (compose.build_query(version=2, max_response_ns=10 * S), "1164ee9b00000000"),
        (compose.build_query(version=2, max_response_ns=S, group=G), "110afdf0ef010203"),
        (compose.build_query(max_response_ns=10 * S), "1164ec1e00000000027d0000"),
        (compose.build_query(max_response_ns=S, group=G), "110afb73ef010203027d0000"),
        (
            compose.build_query(max_response_ns=S, group=G, suppress=True),
            "110af373ef0102030a7d0000",
        ),
        (
            compose.build_query(max_response_ns=S, group=G, sources=(S1, S2)),
            "110a776def010203027d0002c0000201c0000202",
        ),
        (
            compose.build_report(version=1, records=[Record(RecordType.IS_EX, G, ())]),
            "1200fcfaef010203",
        ),
        (
            compose.build_report(version=2, records=[Record(RecordType.TO_EX, G, ())]),
            "1600f8faef010203",
        ),
        (compose.build_leave(G), "1700f7faef010203"),
        (v3(RecordType.IS_IN, S1), "220029f70000000101000001ef010203c0000201"),
        (v3(RecordType.IS_EX), "2200eaf90000000102000000ef010203"),
        (v3(RecordType.TO_IN), "2200e9f90000000103000000ef010203"),
        (v3(RecordType.TO_EX), "2200e8f90000000104000000ef010203"),
        (v3(RecordType.ALLOW, S1), "220025f70000000105000001ef010203c0000201"),
        (v3(RecordType.BLOCK, S1), "220024f70000000106000001ef010203c0000201"),
        (
            compose.build_mrd_advertisement(interval_s=20, query_interval_s=125, robustness=2),
            "3014cf6c007d0002",
        ),
        (compose.build_mrd_solicitation(), "3100ceff"),
        (compose.build_mrd_termination(), "3200cdff"),
    ],
)
def test_golden_vectors(built, golden):
    """Spec 1.11; Q-2; test idea 75."""
    assert built.hex() == golden


@given(
    groups | st.just(ANY),
    source_lists,
    st.integers(S // 10, 4000 * S),
    st.booleans(),
    st.integers(0, 9),
    st.integers(0, 40_000),
)
def test_a_v3_query_is_read_back(group, listed, max_response_ns, suppress, qrv, qqi_s):
    listed = () if group == ANY else listed
    query = igmp.parse(
        compose.build_query(
            group=group,
            sources=listed,
            max_response_ns=max_response_ns,
            suppress=suppress,
            qrv=qrv,
            qqi_s=qqi_s,
        )
    )
    assert query == messages.Query(
        version=3,
        group=group,
        sources=listed,
        max_response_ns=codes.effective_max_response_ns(3, max_response_ns),  # W-13
        suppress=suppress,
        qrv=qrv if qrv <= 7 else 0,  # W-15
        qqi_s=codes.decode_code8(codes.encode_code8(qqi_s)),
    )


@given(groups | st.just(ANY), st.integers(1, 40 * S))
def test_a_v2_query_is_read_back(group, max_response_ns):
    query = igmp.parse(compose.build_query(version=2, group=group, max_response_ns=max_response_ns))
    assert (query.version, query.group, query.qrv, query.qqi_s) == (2, group, 0, 0)
    assert query.max_response_ns == codes.effective_max_response_ns(2, max_response_ns)


@given(st.lists(records, max_size=20))
def test_a_v3_report_is_read_back(listed):
    """W-28: in order."""
    payload = compose.build_report(version=3, records=listed)
    assert igmp.parse(payload) == messages.Report(3, tuple(listed))


@given(groups, st.sampled_from([1, 2]))
def test_an_old_report_is_read_back_as_is_ex_of_its_group(group, version):
    """SM-41."""
    record = Record(RecordType.IS_EX, group, ())
    payload = compose.build_report(version=version, records=[record])
    assert igmp.parse(payload) == messages.Report(version, (record,))
    assert igmp.parse(compose.build_leave(group)) == messages.Leave(group)


@given(st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535))
def test_an_mrd_advertisement_is_read_back(interval, query_interval, robustness):
    built = compose.build_mrd_advertisement(
        interval_s=interval, query_interval_s=query_interval, robustness=robustness
    )
    assert igmp.parse(built) == messages.MrdAdvertisement(interval, query_interval, robustness)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"version": 0}, "no IGMP version 0"),
        ({"version": 4}, "no IGMP version 4"),
        ({"version": 1, "group": G}, "no group-specific query"),
        ({"version": 2, "group": G, "sources": (S1,)}, "need version 3"),
        ({"version": 2, "suppress": True}, "need version 3"),
        ({"sources": (S1,)}, "sources need a group"),
        ({"group": S1}, "not an IPv4 multicast group"),
        ({"group": UNSPECIFIED}, "not an IPv4 multicast group"),
        ({"group": addr("ff02::1")}, "not an IPv4 multicast group"),
        ({"group": G, "sources": (addr("fe80::1"),)}, "not an IPv4 source"),
        ({"qqi_s": -1}, "no code for -1"),
    ],
)
def test_a_query_that_cannot_be_is_refused(wrong, message):
    """Spec 1.3: what we would call malformed from others we do not send."""
    with pytest.raises(ValueError, match=message):
        compose.build_query(max_response_ns=S, **wrong)


@pytest.mark.parametrize(
    ("version", "listed", "message"),
    [
        (0, [Record(RecordType.IS_EX, G, ())], "no IGMP version 0"),
        (2, [], "has one group"),
        (1, [Record(RecordType.IS_EX, G, ())] * 2, "has one group"),
        (2, [Record(RecordType.ALLOW, G, (S1,))], "cannot say ALLOW"),
        (2, [Record(RecordType.TO_IN, G, ())], "cannot say TO_IN"),
        (2, [Record(RecordType.IS_EX, G, (S1,))], "cannot say IS_EX"),
        (2, [Record(RecordType.IS_EX, S1, ())], "not an IPv4 multicast group"),
        (3, [Record(RecordType.IS_EX, S1, ())], "not an IPv4 multicast group"),
        (3, [Record(RecordType.ALLOW, G, (ANY,))], "not an IPv4 source"),
    ],
)
def test_a_report_that_cannot_be_is_refused(version, listed, message):
    with pytest.raises(ValueError, match=message):
        compose.build_report(version=version, records=listed)


def test_a_leave_needs_a_group():
    with pytest.raises(ValueError, match="not an IPv4 multicast group"):
        compose.build_leave(ANY)
