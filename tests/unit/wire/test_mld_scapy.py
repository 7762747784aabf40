"""scapy as an independent writer and reader of MLD and of IPv6, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import codes, compose_mld, control, messages, pim
from snoop.wire.address import ALL_PIM_ROUTERS6, ANY, Family, text
from snoop.wire.address import parse as addr
from snoop.wire.messages import Leave, Query, Record, RecordType, Report
from unit.wire.test_scapy import examples

inet6 = pytest.importorskip("scapy.layers.inet6")
l2 = pytest.importorskip("scapy.layers.l2")
scapy_pim = pytest.importorskip("scapy.contrib.pim")

MLD = Family.IPV6
MILLISECOND_NS = 1_000_000
SRC_MAC = "02:00:00:00:00:0b"
HOST = "fe80::2"

groups = st.ip_addresses(v=6, network="ff00::/8").map(str)
sources = st.ip_addresses(v=6, network="2001:db8::/32").map(str)
source_lists = st.lists(sources, max_size=8)
record_lists = st.lists(st.tuples(st.sampled_from(RecordType), groups, source_lists), max_size=8)


def ours(message: messages.Message, dst: str) -> bytes:
    return control.build_frame(
        src_mac=bytes.fromhex(SRC_MAC.replace(":", "")),
        src=addr(HOST),
        dst=addr(dst),
        payload=compose_mld.write(message),
    )


def alert():
    """A Hop-by-Hop header as an MLD sender has it."""
    return inet6.IPv6ExtHdrHopByHop(options=[inet6.RouterAlert(), inet6.PadN(optdata=b"")])


def theirs(layer, dst: str, *chain, src: str = HOST, hlim: int = 1) -> bytes:
    tail = addr(dst)[12:].hex(":")
    packet = l2.Ether(dst=f"33:33:{tail}", src=SRC_MAC) / inet6.IPv6(src=src, dst=dst, hlim=hlim)
    for header in chain or (alert(),):
        packet /= header
    return bytes(packet / layer)


def their_report(listed):
    return inet6.ICMPv6MLReport2(
        records=[
            inet6.ICMPv6MLDMultAddrRec(rtype=int(kind), dst=group, sources=listed_sources)
            for kind, group, listed_sources in listed
        ],
        records_number=len(listed),
    )


def our_report(listed) -> Report:
    records = [Record(kind, addr(group), tuple(map(addr, each))) for kind, group, each in listed]
    return Report(2, tuple(records), family=MLD)


@examples
@given(record_lists)
def test_v2_reports_are_the_same_bytes_and_are_read_alike(listed):
    """W-4, MLD-1: headers and checksum as well."""
    built = ours(our_report(listed), "ff02::16")
    assert built == theirs(their_report(listed), "ff02::16")
    assert control.parse(built).message == our_report(listed)
    seen = l2.Ether(built)[inet6.ICMPv6MLReport2]
    assert seen.records_number == len(listed)
    # scapy 2.8 takes records behind the first for that one's payload
    assert [(r.rtype, r.dst, r.sources) for r in seen.records] == [
        (int(kind), group, each) for kind, group, each in listed[:1]
    ]


@examples
@given(
    groups,
    source_lists,
    st.integers(0, 0xFFFF),
    st.booleans(),
    st.integers(0, 7),
    st.integers(0, 255),
)
def test_v2_queries_are_the_same_bytes_and_are_read_alike(group, listed, code, suppress, qrv, qqic):
    """W-11, W-12: scapy leaves both codes alone."""
    layer = inet6.ICMPv6MLQuery2(
        *(), mladdr=group, mrd=code, S=int(suppress), QRV=qrv, QQIC=qqic, sources=listed,
        sources_number=len(listed),
    )  # fmt: skip
    expected = Query(
        *(2, addr(group), tuple(map(addr, listed))),
        *(codes.decode_code16(code) * MILLISECOND_NS, suppress, qrv, codes.decode_code8(qqic), MLD),
    )
    assert control.parse(theirs(layer, group)).message == expected
    if code:
        assert ours(expected, group) == theirs(layer, group)


@examples
@given(groups | st.just("::"), st.integers(1, 0xFFFF))
def test_old_messages_are_the_same_bytes(group, milliseconds):
    """W-14; scapy's general query goes where we say."""
    asked = Query(1, addr(group), (), milliseconds * MILLISECOND_NS, False, 0, 0, MLD)
    dst = "ff02::1" if group == "::" else group
    built = ours(asked, dst)
    assert built == theirs(inet6.ICMPv6MLQuery(mladdr=group, mrd=milliseconds), dst)
    assert control.parse(built).message == asked
    if group != "::":
        said = Report(1, (Record(RecordType.IS_EX, addr(group), ()),), family=MLD)
        assert ours(said, group) == theirs(inet6.ICMPv6MLReport(mladdr=group), group)
        done = theirs(inet6.ICMPv6MLDone(mladdr=group), "ff02::2")
        assert ours(Leave(addr(group)), "ff02::2") == done


@examples
@given(st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535))
def test_mrd_messages_are_the_same_bytes(interval, query_interval, robustness):
    layer = inet6.ICMPv6MRD_Advertisement(
        advinter=interval, queryint=query_interval, robustness=robustness
    )
    said = messages.MrdAdvertisement(interval, query_interval, robustness)
    assert ours(said, "ff02::6a") == theirs(layer, "ff02::6a")
    for message, short, dst in (
        (messages.MrdSolicitation(), inet6.ICMPv6MRD_Solicitation(), "ff02::2"),
        (messages.MrdTermination(), inet6.ICMPv6MRD_Termination(), "ff02::6a"),
    ):
        assert ours(message, dst) == theirs(short, dst)


@examples
@given(
    record_lists,
    st.permutations(["alert", "jumbo", "one", "pad", "unknown"]),
    st.sets(st.sampled_from(["destination", "routing", "fragment"])),
    st.integers(1, 255),
    st.sampled_from([HOST, "::"]),
    st.binary(max_size=20),
)
def test_we_read_scapy_s_frames_behind_any_chain(listed, order, behind, hlim, src, padding):
    """W-4, W-5, MLD-3: Router Alert in any order, other headers behind, padding."""
    option = {
        "alert": inet6.RouterAlert(),
        "jumbo": inet6.HBHOptUnknown(otype=0x1E, optdata=b"\1\2\3\4\5"),
        "one": inet6.Pad1(),
        "pad": inet6.PadN(optdata=b"\0\0\0"),
        "unknown": inet6.HBHOptUnknown(otype=0xC2, optdata=b"\5\2\0\0"),
    }
    further = {
        "destination": inet6.IPv6ExtHdrDestOpt(options=[inet6.PadN(optdata=bytes(9))]),
        "routing": inet6.IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=0),
        "fragment": inet6.IPv6ExtHdrFragment(offset=0, m=0, id=7),
    }
    chain = [inet6.IPv6ExtHdrHopByHop(options=[option[name] for name in order])]
    chain += [further[name] for name in sorted(behind)]
    frame = theirs(their_report(listed), "ff02::16", *chain, src=src, hlim=hlim)
    seen = control.parse(frame + padding)
    assert seen.message == our_report(listed)
    assert (text(seen.ip.src), seen.ip.ttl, seen.ip.router_alert) == (src, hlim, True)


@examples
@given(st.integers(0, 65535), st.booleans())
def test_pim_hellos_of_scapy_are_read(holdtime, more):
    options = [scapy_pim.PIMv2HelloHoldtime(holdtime=holdtime)]
    if more:
        options.insert(0, scapy_pim.PIMv2HelloDRPriority(dr_priority=1))
    packet = (
        inet6.IPv6(src=HOST, dst="ff02::d", hlim=1, nh=103)
        / scapy_pim.PIMv2Hdr()
        / scapy_pim.PIMv2Hello(option=options)
    )
    frame = bytes(l2.Ether(dst="33:33:00:00:00:0d", src=SRC_MAC) / packet)
    assert control.parse(frame).message == pim.Hello(holdtime)
    if not more:
        payload = pim.build_hello(holdtime_s=holdtime)
        built = control.build_frame(
            src_mac=bytes.fromhex(SRC_MAC.replace(":", "")),
            src=addr(HOST),
            dst=ALL_PIM_ROUTERS6,
            payload=payload,
            protocol=103,
            router_alert=False,
        )
        assert built == frame


def test_scapy_finds_no_fault_with_our_general_query():
    """Its own checksum, computed anew, is ours."""
    asked = Query(2, ANY, (), 10_000 * MILLISECOND_NS, False, 2, 125, MLD)
    seen = l2.Ether(ours(asked, "ff02::1"))
    layer = seen[inet6.ICMPv6MLQuery2]
    assert (layer.mladdr, layer.mrd, layer.QRV, layer.QQIC) == ("::", 10_000, 2, 125)
    sent = layer.cksum
    layer.cksum = None
    assert l2.Ether(bytes(seen))[inet6.ICMPv6MLQuery2].cksum == sent
