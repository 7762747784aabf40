"""The reference decision: the order of spec 5, one frame per branch."""

import pytest

from snoop.table.mdb import Delta, Row, VlanRow
from snoop.table.members import VLAN_DEFAULT, Members
from snoop.wire.address import ANY, Family, parse
from unit import frames
from unit.frames import S1, S2, G
from unit.reference import Reason, Table

UP = 0b111111
IN = 5
OTHERS = UP & ~(1 << IN)
GROUP, SOURCE = parse(G), parse(S1)


def table(**vlan: object) -> Table:
    t = Table(up=UP)
    row = {"active": True, "mrouters": 0b1, "unregistered": 0b1000} | vlan
    t.apply(
        Delta(
            upserts=(Row(0, GROUP, ANY, 0b10), Row(0, GROUP, SOURCE, 0b100)),
            vlans=(VlanRow(vid=0, family=Family.IPV4, **row),),
        )
    )
    return t


def raw(dst: str, ethertype: int = 0x1234, src: str = "02:00:00:00:00:01") -> bytes:
    macs = bytes.fromhex(dst.replace(":", "")) + bytes.fromhex(src.replace(":", ""))
    return macs + ethertype.to_bytes(2, "big") + bytes(46)


def test_source_row_then_group_row_then_policy() -> None:
    """SNOOP-30, 32, 33; router ports are added to each."""
    t = table()
    assert t.decide(IN, frames.data(G, S1)) == (t.decide(IN, frames.data(G, S1)))
    assert t.decide(IN, frames.data(G, S1)).ports == 0b101
    assert t.decide(IN, frames.data(G, S1)).reason is Reason.FORWARD_SOURCE
    assert t.decide(IN, frames.data(G, S2)).ports == 0b011
    assert t.decide(IN, frames.data(G, S2)).reason is Reason.FORWARD_GROUP
    other = t.decide(IN, frames.data("239.9.9.9", S1))
    assert (other.ports, other.reason) == (0b1001, Reason.FORWARD_UNREGISTERED)


def test_never_back_to_the_ingress_port() -> None:
    t = table()
    assert t.decide(1, frames.data(G, S2)).ports == 0b1
    assert t.decide(0, frames.data(G, S2)).ports == 0b10


def test_registered_group_nobody_wants_is_dropped_by_name() -> None:
    """SM-69, SNOOP-33."""
    t = table(mrouters=0)
    t.apply(Delta(upserts=(Row(0, GROUP, ANY, 0),)))
    assert t.decide(IN, frames.data(G, S2)).reason is Reason.DROP_NO_MEMBER


def test_policy_drop_keeps_router_ports_out_too() -> None:
    """SNOOP-32: the operator's deviation; registered groups still reach router ports."""
    t = table(unregistered=0, unregistered_mrouters=False)
    assert t.decide(IN, frames.data("239.9.9.9")).reason is Reason.DROP_NO_EGRESS
    assert t.decide(IN, frames.data(G, S2)).ports & 1


def test_inactive_or_unknown_vlan_floods() -> None:
    """Q-15, VLAN-8."""
    assert table(active=False).decide(IN, frames.data(G)).reason is Reason.FLOOD_NO_QUERIER
    verdict = table().decide(IN, frames.data(G, vid=77))
    assert (verdict.reason, verdict.ports) == (Reason.FLOOD_NO_QUERIER, OTHERS)


def test_default_vlan_row_holds_for_vlans_without_one() -> None:
    t = table()
    t.apply(Delta(vlans=(VlanRow(VLAN_DEFAULT, Family.IPV4, True, 0, 0b10000),)))
    assert t.decide(IN, frames.data(G, vid=77)).ports == 0b10000


def test_link_local_groups_flood_even_if_registered() -> None:
    """SNOOP-31."""
    t = table()
    t.apply(Delta(upserts=(Row(0, parse("224.0.0.251"), ANY, 0b10),)))
    verdict = t.decide(IN, frames.data("224.0.0.251"))
    assert (verdict.reason, verdict.ports) == (Reason.FLOOD_LINK_LOCAL, OTHERS)


def test_always_flood_group_floods_even_if_registered() -> None:
    """SNOOP-42."""
    t = table()
    t.apply(Delta(floods=((GROUP, 128),)))
    assert t.decide(IN, frames.data(G)).reason is Reason.FLOOD_ALWAYS
    t.apply(Delta(flood_deletes=((GROUP, 128),)))
    assert t.decide(IN, frames.data(G)).reason is Reason.FORWARD_SOURCE


@pytest.mark.parametrize(
    ("frame", "reason", "ports"),
    [
        (raw("01:80:c2:00:00:01"), Reason.DROP_RESERVED_MAC, 0),
        (raw("01:80:c2:00:00:0f"), Reason.DROP_RESERVED_MAC, 0),
        (raw("01:80:c2:00:00:00"), Reason.FLOOD_L2_MULTICAST, OTHERS),
        (raw("01:80:c2:00:00:10"), Reason.FLOOD_L2_MULTICAST, OTHERS),
        (raw("ff:ff:ff:ff:ff:ff"), Reason.FLOOD_BROADCAST, OTHERS),
        (raw("02:00:00:00:00:09"), Reason.FLOOD_UNKNOWN_UNICAST, OTHERS),
        (raw("33:33:00:00:00:01", 0x86DD), Reason.FLOOD_IPV6_MULTICAST, OTHERS),
        (raw("01:00:5e:01:02:03"), Reason.FLOOD_L2_MULTICAST, OTHERS),
        (raw("02:00:00:00:00:09", src="03:00:00:00:00:01"), Reason.DROP_SOURCE_MAC, 0),
        (raw("02:00:00:00:00:09", src="00:00:00:00:00:00"), Reason.DROP_SOURCE_MAC, 0),
        (raw("02:00:00:00:00:09")[:13], Reason.DROP_TRUNCATED, 0),
        (frames.data(vid=4095), Reason.DROP_VLAN_INVALID, 0),
        (frames.data(chksum=1), Reason.DROP_IP_ERROR, 0),
        (frames.data(len=1000), Reason.DROP_IP_ERROR, 0),
        (frames.data(mac="01:00:5e:01:02:04"), Reason.FLOOD_MAC_IP_MISMATCH, OTHERS),
        (frames.data("10.0.0.5", mac="01:00:5e:00:00:05"), Reason.FLOOD_MAC_IP_MISMATCH, OTHERS),
        (frames.v2_report(), Reason.PUNT_IGMP, 0),
    ],
)
def test_one_frame_per_branch(frame: bytes, reason: Reason, ports: int) -> None:
    """Ideas 100, 116, 119: L2-1, VLAN-2, SNOOP-34, 36, 40."""
    verdict = table().decide(IN, frame)
    assert (verdict.reason, verdict.ports) == (reason, ports)
    assert verdict.punt == (reason is Reason.PUNT_IGMP)


def test_unicast_igmp_is_bridged() -> None:
    """Spec 1.10 note (c): B-33."""
    frame = frames.v2_report(mac="02:00:00:00:00:99")
    assert table().decide(IN, frame).reason is Reason.FLOOD_UNKNOWN_UNICAST


def test_pim_hello_floods_and_is_shown_to_the_control_plane() -> None:
    """SNOOP-24."""
    verdict = table().decide(IN, frames.pim_hello())
    assert (verdict.reason, verdict.ports, verdict.punt) == (Reason.FLOOD_LINK_LOCAL, OTHERS, True)


def test_port_that_is_down_takes_nothing_in_and_gives_nothing_out() -> None:
    t = table()
    t.up &= ~0b10
    assert t.decide(1, frames.data(G)).reason is Reason.DROP_PORT_DOWN
    assert not t.decide(IN, frames.data(G, S2)).ports & 0b10


def test_frame_of_a_vlan_the_port_is_not_in_is_dropped() -> None:
    """Idea 115: VLAN-3, and a frame leaves by members only."""
    t = table()
    t.apply(Delta(members=(Members(0, 0b1011),)))
    assert t.decide(IN, frames.data(G, S1)).reason is Reason.DROP_VLAN_FILTERED
    assert t.decide(1, raw("ff:ff:ff:ff:ff:ff")).ports == 0b1001
    assert t.decide(IN, frames.data(G, S1, vid=7)).reason is not Reason.DROP_VLAN_FILTERED


def test_pvid_is_the_vlan_of_frames_that_bring_none() -> None:
    """VLAN-1, VLAN-2."""
    t = table()
    t.pvids[IN] = 7
    t.apply(Delta(vlans=(VlanRow(7, Family.IPV4, True, 0, 0b10000),)))
    assert t.decide(IN, frames.data(G, S1)).ports == 0b10000
    assert t.decide(IN, frames.data(G, S1, vid=0)).ports == 0b10000
    assert t.decide(1, frames.data(G, S1)).ports == 0b101
