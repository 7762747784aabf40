"""scapy as an independent writer and reader of the same messages, in both directions."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snoop.wire import codes, compose, control, ether, igmp, ipv4, messages, pim
from snoop.wire.address import ALL_IGMPV3_ROUTERS, ALL_PIM_ROUTERS, ALL_SYSTEMS, ANY, text
from snoop.wire.address import parse as addr
from snoop.wire.messages import Record, RecordType
from vectors import load

them = pytest.importorskip("scapy.layers.igmp", reason="this scapy has no scapy.layers.igmp")
scapy_pim = pytest.importorskip("scapy.contrib.pim")
inet = pytest.importorskip("scapy.layers.inet")
l2 = pytest.importorskip("scapy.layers.l2")

TENTH_NS = 100_000_000
SRC_MAC = bytes.fromhex("02000000000b")
HOST = "10.0.0.11"

groups = st.ip_addresses(v=4, network="224.0.0.0/4").map(str)
sources = st.ip_addresses(v=4, network="10.0.0.0/8").map(str)
source_lists = st.lists(sources, max_size=8)
record_lists = st.lists(st.tuples(st.sampled_from(RecordType), groups, source_lists), max_size=8)
examples = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def our_records(listed) -> list[Record]:
    return [
        Record(kind, addr(group), tuple(addr(source) for source in listed_sources))
        for kind, group, listed_sources in listed
    ]


def their_report(listed) -> bytes:
    groups = [
        them.IGMPv3_MR_Group(rtype=int(kind), maddr=group, srcaddrs=listed_sources)
        for kind, group, listed_sources in listed
    ]
    return bytes(them.IGMPv3_MR(records=groups))


@examples
@given(record_lists)
def test_v3_reports_are_the_same_bytes_and_are_read_alike(listed):
    built = compose.build_report(version=3, records=our_records(listed))
    assert built == their_report(listed)
    assert igmp.parse(built) == messages.Report(3, tuple(our_records(listed)))
    seen = them.IGMP(built)
    assert [(r.rtype, r.maddr, r.srcaddrs) for r in seen.records] == [
        (int(kind), group, listed_sources) for kind, group, listed_sources in listed
    ]


@examples
@given(
    groups,
    source_lists,
    st.integers(1, 31744),
    st.booleans(),
    st.integers(0, 7),
    st.integers(0, 31744),
)
def test_v3_queries_are_the_same_bytes_and_are_read_alike(
    group, listed, tenths, suppress, qrv, qqi_s
):
    """W-11, W-13: scapy codes the response time by itself."""
    built = compose.build_query(
        group=addr(group),
        sources=[addr(source) for source in listed],
        max_response_ns=tenths * TENTH_NS,
        suppress=suppress,
        qrv=qrv,
        qqi_s=qqi_s,
    )
    theirs = them.IGMPv3_MQ(
        gaddr=group,
        mrcode=tenths,
        s=int(suppress),
        qrv=qrv,
        qqic=codes.encode_code8(qqi_s),
        srcaddrs=listed,
    )
    assert built == bytes(theirs)
    seen, ours = them.IGMP(built), igmp.parse(built)
    # `fields` has the time; scapy 2.8 codes it back when it is asked for as an attribute
    assert seen.fields["mrcode"] * TENTH_NS == ours.max_response_ns
    assert (seen.gaddr, seen.srcaddrs) == (text(ours.group), [text(s) for s in ours.sources])
    assert (bool(seen.s), seen.qrv, seen.qqic) == (
        ours.suppress,
        ours.qrv,
        codes.encode_code8(ours.qqi_s),
    )


@examples
@given(groups | st.just("0.0.0.0"), st.integers(1, 255))
def test_v2_queries_are_the_same_bytes(group, tenths):
    """W-14."""
    wanted = ANY if group == "0.0.0.0" else addr(group)
    built = compose.build_query(version=2, group=wanted, max_response_ns=tenths * TENTH_NS)
    assert built == bytes(them.IGMP_MQ(gaddr=group, mrcode=tenths))
    assert igmp.parse(built).max_response_ns == tenths * TENTH_NS


@examples
@given(groups)
def test_old_reports_and_leaves_are_the_same_bytes(group):
    record = [Record(RecordType.IS_EX, addr(group), ())]
    assert compose.build_report(version=1, records=record) == bytes(them.IGMP_MR(gaddr=group))
    assert compose.build_report(version=2, records=record) == bytes(them.IGMPv2_MR(gaddr=group))
    assert compose.build_leave(addr(group)) == bytes(them.IGMPv2_LG(gaddr=group))


@examples
@given(st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535))
def test_mrd_messages_are_the_same_bytes(interval, query_interval, robustness):
    built = compose.build_mrd_advertisement(
        interval_s=interval, query_interval_s=query_interval, robustness=robustness
    )
    theirs = them.IGMPv3_MRA(advIntvl=interval, qryIntvl=query_interval, robust=robustness)
    assert built == bytes(theirs)
    assert compose.build_mrd_solicitation() == bytes(them.IGMPv3_MRS())
    # scapy 2.8 gives its termination the type of a solicitation
    assert compose.build_mrd_termination() == bytes(them.IGMPv3_MRT(type=0x32))


@pytest.mark.parametrize("vector", load("messages.txt")[:18], ids=lambda vector: vector.reading)
def test_golden_vectors_have_the_checksums_that_scapy_computes(vector):
    """Spec 1.11."""
    seen = them.IGMP(vector.data)
    seen.chksum = None
    assert bytes(seen) == vector.data


@examples
@given(
    record_lists,
    st.integers(0, 4094),
    st.integers(0, 7),
    st.ip_addresses(v=4, network="10.0.0.0/8").map(str),
)
def test_scapy_reads_our_frames(listed, vid, pcp, src):
    untagged = control.build_frame(
        src_mac=SRC_MAC,
        src=addr(src),
        dst=ALL_IGMPV3_ROUTERS,
        payload=compose.build_report(version=3, records=our_records(listed)),
    )
    seen = l2.Ether(ether.tagged(untagged, pcp << 13 | vid))
    assert (seen.dst, seen.src) == ("01:00:5e:00:00:16", "02:00:00:00:00:0b")
    assert (seen[l2.Dot1Q].vlan, seen[l2.Dot1Q].prio) == (vid, pcp)
    ip = seen[inet.IP]
    assert (ip.src, ip.dst, ip.ttl, ip.tos, ip.ihl) == (src, "224.0.0.22", 1, 0xC0, 6)
    assert isinstance(ip.options[0], inet.IPOption_Router_Alert)
    assert bytes(ip.payload) == their_report(listed)
    sent, ip.chksum = ip.chksum, None
    assert inet.IP(bytes(ip)).chksum == sent


@examples
@given(record_lists, st.booleans(), st.integers(1, 255), st.binary(max_size=20))
def test_we_read_scapy_s_frames(listed, router_alert, ttl, padding):
    options = [inet.IPOption_NOP(), inet.IPOption_Router_Alert()] if router_alert else []
    packet = inet.IP(src=HOST, dst="224.0.0.22", ttl=ttl, options=options, proto=2)
    frame = bytes(
        l2.Ether(dst="01:00:5e:00:00:16", src="02:00:00:00:00:0b") / packet / their_report(listed)
    )
    seen = control.parse(frame + padding)
    assert (text(seen.ip.src), text(seen.ip.dst)) == (HOST, "224.0.0.22")
    assert (seen.ip.ttl, seen.ip.router_alert) == (ttl, router_alert)
    assert seen.message == messages.Report(3, tuple(our_records(listed)))


def test_scapy_reads_our_general_query():
    """Q-2: header and message."""
    frame = control.build_frame(
        src_mac=SRC_MAC,
        src=addr(HOST),
        dst=ALL_SYSTEMS,
        payload=compose.build_query(max_response_ns=100 * TENTH_NS),
    )
    seen = l2.Ether(frame)[them.IGMPv3_MQ]
    assert (seen.mrcode, seen.gaddr, seen.qrv, seen.qqic, seen.srcaddrs) == (
        100,
        "0.0.0.0",
        2,
        125,
        [],
    )


@examples
@given(st.integers(0, 65535), st.booleans())
def test_pim_hellos_of_scapy_are_read(holdtime, more):
    options = [scapy_pim.PIMv2HelloHoldtime(holdtime=holdtime)]
    if more:
        options.insert(0, scapy_pim.PIMv2HelloDRPriority(dr_priority=1))
        options.append(scapy_pim.PIMv2HelloGenerationID(generation_id=0x12345678))
    packet = (
        inet.IP(src=HOST, dst="224.0.0.13", ttl=1, proto=103)
        / scapy_pim.PIMv2Hdr()
        / scapy_pim.PIMv2Hello(option=options)
    )
    frame = bytes(l2.Ether(dst="01:00:5e:00:00:0d", src="02:00:00:00:00:0b") / packet)
    assert control.parse(frame).message == pim.Hello(holdtime)


def test_our_pim_hello_is_the_same_bytes():
    packet = inet.IP(src=HOST, dst="224.0.0.13", ttl=1, tos=0xC0, id=0, flags="DF", proto=103) / (
        scapy_pim.PIMv2Hdr()
        / scapy_pim.PIMv2Hello(option=[scapy_pim.PIMv2HelloHoldtime(holdtime=105)])
    )
    payload = pim.build_hello(holdtime_s=105)
    built = ipv4.build(addr(HOST), ALL_PIM_ROUTERS, ipv4.PROTOCOL_PIM, payload, router_alert=False)
    assert built == bytes(packet)
