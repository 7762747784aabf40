"""`proto.receiving` and `proto.forwarding`: what is believed, counted and passed on where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.proto.effects import Transmit
from snoop.proto.params import MrouterMode, QueryScope
from snoop.wire import compose
from unit.device import P1, P2, P3, R
from unit.frames import HOST, RQ, TO_EX, G, H
from unit.proto_lab import Lab, follower, frame, hello, leave, old_report, query, record, v3

UNKNOWN = frame(b"\x40\x00\xde\xad", src=HOST, dst=G)
MTRACE = frame(b"\x1f\x00\x00\x00", src=HOST, dst="224.0.0.2")
SOLICITATION = frame(compose.build_mrd_solicitation(), src=HOST, dst="224.0.0.2")


def broken_checksum(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


def fragment(data: bytes) -> bytes:
    """The same with the MF flag set, its header checksum right."""
    changed = bytearray(data)
    ip = 18 if data[12:14] == b"\x81\x00" else 14
    changed[ip + 6] |= 0x20
    total = int.from_bytes(changed[ip + 10 : ip + 12]) + 0xFFFF - 0x2000
    changed[ip + 10 : ip + 12] = (total % 0xFFFF).to_bytes(2)
    return bytes(changed)


@pytest.mark.parametrize("data", [old_report(1), old_report(2), v3(record(TO_EX)), v3(), leave()])
def test_what_hosts_say_goes_to_router_ports_only(data: bytes) -> None:
    """SNOOP-1, 3: members of the group do not hear it (B-12)."""
    lab = follower()
    lab.hear(P2, v3(record(TO_EX)))
    assert lab.hear(P1, data) == {R}
    assert lab.hear(R, data) == set()


def test_without_router_reports_are_learned_and_go_nowhere() -> None:
    """SNOOP-4."""
    lab = Lab()
    assert lab.hear(P1, old_report(2)) == set()
    assert lab.holds()
    assert lab.count("report_no_router", P1) == 1


def test_router_port_that_is_down_is_no_way_out() -> None:
    lab = Lab(port={P3: {"mrouter": MrouterMode.ALWAYS}})
    assert lab.hear(P1, old_report(2)) == {P3}
    lab.take(lab.engine.port_down(P3, now=lab.now))
    assert lab.hear(P1, old_report(2)) == set()
    assert lab.count("report_no_router", P1) == 1


def test_reports_can_be_let_out_of_other_ports() -> None:
    """SNOOP-2: to the ports named."""
    lab = follower(report_flood=1 << P3 | 1 << P1)
    assert lab.hear(P1, old_report(2)) == {R, P3}


@pytest.mark.parametrize("data", [UNKNOWN, MTRACE, SOLICITATION])
def test_types_we_do_not_act_on_are_flooded(data: bytes) -> None:
    """SNOOP-8: unread, whatever their checksum."""
    lab = follower()
    assert lab.hear(P1, data) == {R, P2, P3}
    assert list(lab.engine.groups()) == []


def test_unknown_types_do_not_open_vlans() -> None:
    """What is not read makes no state, the VLAN's included."""
    lab = follower()
    data = frame(b"\x40\x00\xde\xad", src=HOST, dst=G, vid=7)
    assert lab.hear(P1, data) == {R, P2, P3}
    assert lab.engine.vids() == [0]


def test_queries_go_everywhere_but_back() -> None:
    """SNOOP-7."""
    lab = follower()
    assert lab.hear(R, query()) == {P1, P2, P3}
    assert lab.hear(P1, query(src="0.0.0.0")) == {R, P2, P3}
    assert lab.hear(R, query(G)) == {P1, P2, P3}


def test_specific_queries_can_be_kept_to_members_and_routers() -> None:
    """SNOOP-7: the knob; static members count."""

    lab = follower(specific_query_scope=QueryScope.MEMBERS)
    lab.hear(P1, v3(record(TO_EX)))
    lab.add_static(P2)
    assert lab.hear(R, query(G)) == {P1, P2}
    assert lab.hear(P3, query(G, src="10.0.0.3")) == {R, P1, P2}
    assert lab.hear(P2, query(H, src="10.0.0.4")) == {R, P3}
    assert lab.hear(R, query()) == {P1, P2, P3}


def test_hellos_are_learned_from_and_left_to_the_fast_path() -> None:
    """SNOOP-24."""
    lab = Lab()
    assert lab.hear(R, hello()) == set()
    assert lab.mrouters() == {R}
    assert lab.count("rx_pim_hello", R) == 1


def test_fragments_go_to_router_ports_and_teach_nothing() -> None:
    """SNOOP-13, V-5."""
    lab = follower()
    data = fragment(v3(record(TO_EX)))
    assert lab.hear(P1, data) == {R}
    assert lab.hear(P1, fragment(v3(record(TO_EX), vid=9))) == set()
    assert not lab.holds()
    assert lab.count("igmp_fragment", P1) == 2
    assert lab.engine.vids() == [0]


@pytest.mark.parametrize(
    ("data", "counter"),
    [
        (broken_checksum(v3(record(TO_EX))), "igmp_checksum"),
        (v3(record(TO_EX), src="239.1.1.1", src_mac=b"\x02\0\0\0\0\1"), "bad_source"),
        (frame(b"\x11\0\xee\xff\0\0\0\0", src=RQ, dst="224.0.0.22"), "malformed"),
        (v3(record(TO_EX))[:20], "ip_error"),
        (v3(record(TO_EX))[:9], "truncated"),
        (v3(record(TO_EX), dst_mac=b"\x02\0\0\0\0\2"), "not_control"),
        (v3(record(TO_EX), dst_mac=b"\xff" * 6), "not_control"),
    ],
)
def test_bad_frame_is_counted_once_and_goes_nowhere(data: bytes, counter: str) -> None:
    """Spec 1.10, SNOOP-10."""
    lab = follower()
    before = lab.engine.port_counters(P1)
    assert lab.hear(P1, data) == set()
    after = lab.engine.port_counters(P1)
    assert {name for name in after if after[name] != before[name]} == {counter}
    assert after[counter] == 1
    assert list(lab.engine.groups()) == []


def test_our_own_frames_that_come_back_are_ignored() -> None:
    """V-1, idea 30, B-32."""
    lab = Lab()
    mac = lab.params.switch_mac
    assert lab.hear(R, query(src_mac=mac)) == set()
    assert lab.hear(R, v3(record(TO_EX), src_mac=mac)) == set()
    assert lab.hear(R, fragment(v3(src_mac=mac))) == set()
    assert (lab.mrouters(), lab.role()) == (set(), "none")
    assert lab.count("own_frame", R) == 2


@pytest.mark.parametrize("checked", [False, True])
def test_ttl_is_counted_and_checked_on_request(checked: bool) -> None:
    """W-8: not learned, but forwarded as its type says."""
    lab = follower(ttl_check=checked)
    assert lab.hear(P1, old_report(2, ttl=2)) == {R}
    assert lab.holds() is not checked
    assert lab.count("ttl_not_one", P1) == 1


def test_router_alert_is_required_of_those_who_set_it() -> None:
    """W-7: v1 senders, PIM and DVMRP do not."""
    lab = Lab(require_router_alert=True)
    lab.hear(R, query(router_alert=False))
    lab.hear(P1, v3(record(TO_EX), router_alert=False))
    lab.hear(P1, leave(router_alert=False))
    assert (lab.mrouters(), lab.holds(), lab.role()) == (set(), False, "none")
    assert lab.count("no_router_alert") == 3
    lab.hear(R, hello())
    lab.hear(P1, old_report(1, H))
    lab.hear(P1, v3(record(TO_EX)))
    assert (lab.mrouters(), lab.holds(H), lab.holds()) == ({R}, True, True)


def test_disabled_snooping_is_a_plain_bridge() -> None:
    """VLAN-8, idea 121: off drops all that was learned, on starts empty."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.params = replace(lab.params, enabled=False)
    lab.take(lab.engine.configure(lab.params, {}, now=lab.now))
    assert (lab.holds(), lab.mrouters(), lab.is_active(), lab.role()) == (
        False,
        set(),
        False,
        "none",
    )
    for data in (v3(record(TO_EX)), query(), UNKNOWN, broken_checksum(leave()), fragment(v3())):
        assert lab.hear(P1, data) == {R, P2, P3}
    assert lab.hear(R, hello()) == set()
    assert (lab.holds(), lab.mrouters(), lab.role()) == (False, set(), "none")
    lab.clear()
    lab.at(1000)
    assert lab.effects == []
    lab.params = replace(lab.params, enabled=True)
    lab.take(lab.engine.configure(lab.params, {}, now=lab.now))
    lab.hear(R, query())
    lab.hear(P1, v3(record(TO_EX)))
    assert (lab.holds(), lab.mrouters(), lab.role()) == (True, {R}, "non-querier")


def test_forwarded_bytes_are_the_bytes_received() -> None:
    """SNOOP-9: tag, padding, options and unknown flags included."""
    lab = Lab()
    lab.hear(R, query(vid=10))
    data = v3(record(TO_EX)) + bytes(6)
    tci = 3 << 13 | 10
    effects = lab.engine.receive(port=P1, vid=10, frame=data, tci=tci, now=lab.now)
    assert Transmit(10, 1 << R, data, tci, P1) in effects
    effects = lab.engine.receive(port=P1, vid=10, frame=data, now=lab.now)
    assert Transmit(10, 1 << R, data, None, P1) in effects
    assert lab.engine.vids() == [0, 10]
    assert lab.mrouters(0) == set()


def test_counters_add_up_over_ports_past_ones_included() -> None:
    """Counts by type and version; each port its own, the switch the sum."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P2, old_report(2))
    lab.hear(P2, leave())
    lab.hear(R, query(G))
    for port, expected in {
        P1: {"rx_report_v3": 1, "record_to_ex": 1, "tx_query_v3": 3, "tx_query_own": 1},
        P2: {"rx_report_v2": 1, "rx_leave": 1, "record_is_ex": 1, "record_to_in": 1},
        R: {"rx_query_v3": 2, "rx_query_general": 1, "rx_query_group": 1, "tx_leave": 1},
    }.items():
        counts = lab.engine.port_counters(port)
        assert {name: counts[name] for name in expected} == expected
    lab.take(lab.engine.port_remove(P2, now=lab.now))
    assert lab.count("rx_report_v2") == 1
    lab.engine.clear_counters()
    assert set(lab.engine.counters().values()) == {0}


def test_frames_of_ports_that_are_down_or_gone_are_ignored() -> None:
    lab = follower()
    lab.take(lab.engine.port_down(P1, now=lab.now))
    assert lab.hear(P1, v3(record(TO_EX))) == set()
    assert lab.count("port_down", P1) == 1
    lab.take(lab.engine.port_remove(P1, now=lab.now))
    assert lab.hear(P1, v3(record(TO_EX))) == set()
    assert not lab.holds()


def test_v3_hosts_under_an_older_setting_are_used_and_warned_about() -> None:
    """SNOOP-17: once per interval."""
    lab = Lab(version=2)
    for _ in range(5):
        lab.hear(P1, v3(record(TO_EX)))
    assert lab.holds()
    assert len(lab.events("warning")) == 1


def test_tag_of_our_queries() -> None:
    """Q-16: PCP 6 where there is a tag."""
    from snoop.proto.params import QuerierMode

    lab = Lab(querier=QuerierMode.ON)
    effects = lab.engine.receive(port=P1, vid=10, frame=v3(record(TO_EX)), now=lab.now)
    (sent,) = [effect for effect in effects if isinstance(effect, Transmit)]
    assert (sent.vid, sent.tci) == (10, 6 << 13 | 10)
    effects = lab.engine.query(vid=0, group=None, port=None, now=lab.now)
    assert [each.tci for each in effects if isinstance(each, Transmit)] == [None]
