"""VLANs, reserved addresses, links and the on-off switch: test ideas 113-121 (spec 6)."""

import pytest

from unit import frames
from unit.device import P1, P2, P3, R
from unit.dut import ALL, Dut, non_querier, own_querier
from unit.frames import G, v2_report


def two_vlans() -> Dut:
    """A querier on R in VLANs 10 and 20, tables filled."""
    dut = Dut()
    for vid in (10, 20):
        dut.hear(R, frames.v3_query(vid=vid))
    dut.wait(10)
    dut.zero()
    return dut


def test_report_counts_in_its_own_vlan() -> None:
    """Idea 113: VLAN-1; B-20."""
    dut = two_vlans()
    dut.hear(P1, v2_report(vid=10))
    assert dut.groups(vid=10) == {G}
    assert dut.groups(vid=20) == set()
    assert dut.groups(vid=0) == set()
    assert dut.forwards(by=P3, vid=10) == {P1, R}
    assert dut.forwards(by=P3, vid=20) == ALL - {P3}
    assert dut.forwards(by=P3) == ALL - {P3}


def test_tagged_reports_and_queries_keep_their_tag() -> None:
    """Idea 113: VLAN-4, VLAN-5: forwarded bytes are the bytes that came, tag included."""
    dut = two_vlans()
    assert dut.hear(P1, v2_report(vid=10, pcp=3)) == {R}
    assert dut.hear(R, frames.v3_query(vid=10, pcp=6)) == ALL - {R}


def test_our_queries_in_a_vlan_are_tagged() -> None:
    """Idea 113: Q-16: PCP 6; a check of a leave in VLAN 10 carries tag 10."""
    dut = own_querier(router=False)
    dut.hear(P1, v2_report(vid=10))
    dut.wait(40)
    dut.zero()
    dut.hear(P1, frames.leave(vid=10))
    queries = dut.specific_queries()
    assert [t.sent.vid for t in queries] == [10]
    assert queries[0].sent.pcp == 6


def test_priority_tag_is_untagged_traffic() -> None:
    """Idea 114: VLAN-2: VID 0 with PCP 5."""
    dut = non_querier()
    dut.hear(P1, v2_report(vid=0, pcp=5))
    assert dut.groups(vid=0) == {G}
    assert dut.forwards(by=P3) == {P1, R}
    assert dut.forwards(by=P3, vid=0) == {P1, R}


def test_vid_4095_is_dropped() -> None:
    """Idea 116: VLAN-2."""
    dut = non_querier()
    frame = v2_report(vid=4095)
    assert dut.hear(P1, frame) == frozenset()
    assert dut.punt(P1, frame) == frozenset()
    assert dut.groups() == set()


def test_router_port_counts_in_its_own_vlan() -> None:
    """Idea 117: SNOOP-20, VLAN-1."""
    dut = Dut()
    dut.hear(R, frames.v3_query(vid=10))
    assert set(dut.mrouters(10)) == {R}
    assert dut.mrouters(20) == {}
    assert dut.mrouters(0) == {}
    assert dut.role(0) == "none"
    assert dut.role(10) == "non-querier"


def test_igmp_behind_two_tags_is_not_looked_at() -> None:
    """Idea 118: VLAN-6: flooded in the outer VLAN."""
    dut = two_vlans()
    inner = v2_report(vid=20)
    frame = inner[:12] + b"\x81\x00\x00\x0a" + inner[12:]
    assert dut.hear(P1, frame) == ALL - {P1}
    dut.punt(P1, frame)
    service = inner[:12] + b"\x88\xa8\x00\x0a" + inner[12:]
    assert dut.hear(P1, service) == ALL - {P1}
    dut.punt(P1, service)
    assert dut.groups() == set()


@pytest.mark.parametrize("last", range(0x30))
def test_reserved_bridge_addresses(last: int) -> None:
    """Idea 119: L2-1, L2-3."""
    frame = bytes.fromhex(f"0180c20000{last:02x}") + bytes.fromhex("020000000001") + bytes(48)
    expected = frozenset() if 1 <= last <= 15 else ALL - {P1}
    assert non_querier().hear(P1, frame) == expected


def test_link_down_forgets_the_port_at_once() -> None:
    """Idea 120: SM-67, SNOOP-12: entries and router record; up again: empty."""
    dut = non_querier()
    dut.mrouter(P3)
    for port in (P1, P2):
        dut.hear(port, v2_report())
    dut.hear(P1, frames.pim_hello())
    dut.port_down(P1)
    assert dut.groups(P1) == set()
    assert P1 not in dut.mrouters()
    assert dut.groups(P2) == {G}
    dut.port_up(P1)
    assert dut.groups(P1) == set()
    assert P1 not in dut.mrouters()
    assert dut.forwards(by=R) == {P2, P3}


def test_flap_of_one_port_leaves_the_others_alone() -> None:
    """Idea 120: querier, router ports and members of other ports survive."""
    dut = non_querier()
    dut.hear(P2, v2_report())
    before = (dut.role(), set(dut.mrouters()), dut.entry(P2))
    dut.port_down(P1)
    dut.port_up(P1)
    assert (dut.role(), set(dut.mrouters()), dut.entry(P2)) == before


def test_link_of_the_router_down_takes_its_port_out() -> None:
    """Idea 120: SM-67; SNOOP-28."""
    dut = non_querier(unregistered="mrouters")
    dut.hear(P1, v2_report())
    dut.port_down(R)
    assert dut.mrouters() == {}
    assert dut.hear(P1, v2_report()) == frozenset()


def test_removed_port_is_forgotten() -> None:
    """Idea 120: SM-67."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.hear(P2, v2_report())
    dut.table.up &= ~(1 << P1)
    dut.take(dut.engine.port_remove(P1, now=dut.now))
    assert dut.groups(P1) == set()
    assert dut.forwards(by=P3) == {P2, R}
    dut.wait(300)


def test_snooping_off_floods_and_on_again_starts_empty() -> None:
    """Idea 121: VLAN-8, SM-67."""
    dut = non_querier(unregistered="mrouters")
    dut.hear(P1, v2_report())
    assert dut.forwards(by=P3) == {P1, R}
    dut.configure(enabled=False)
    assert dut.forwards(by=P3) == ALL - {P3}
    assert dut.hear(P2, v2_report()) == ALL - {P2}
    assert dut.groups() == set()
    dut.configure(enabled=True)
    assert dut.groups() == set()
    assert dut.mrouters() == {}
    dut.rq()
    dut.wait(10)
    assert dut.forwards(by=P3) == {R}


def test_snooping_off_keeps_nothing_ticking() -> None:
    """Idea 121: no timers, no queries."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.configure(enabled=False)
    dut.zero()
    dut.wait(1000)
    assert list(dut.made()) == []
