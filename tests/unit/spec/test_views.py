"""What the engine shows and tells: rows, events, counters, and how it behaves when it wakes late.

The fields are those of interface 3; the events those of `snoop monitor`.
"""

import pytest

from snoop.proto.units import SECOND
from snoop.wire.address import text
from unit import frames
from unit.device import P1, P2, P3, Entry, R, address
from unit.dut import OWN, Dut, non_querier, own_querier
from unit.frames import HOST, IS_EX, IS_IN, S1, S2, TO_EX, TO_IN, G, leave, v2_report, v3_report


def kinds(dut: Dut, *wanted: str) -> list[tuple[str, int | None]]:
    return [(e.kind, e.port) for e in dut.events() if e.kind in wanted]


# Rows --------------------------------------------------------------------------------------------


def test_mdb_row_says_since_when_and_who_last() -> None:
    """Interface 3: uptime and last_reporter, and they survive a refresh."""
    dut = non_querier()
    dut.hear(P1, v2_report(src="10.0.0.11"))
    dut.at(30)
    dut.hear(P1, v2_report(src="10.0.0.12"))
    row = dut.row(P1)
    assert (row.uptime, text(row.last_reporter)) == (30 * SECOND, "10.0.0.12")
    assert (row.origin, row.compatibility) == ("dynamic", "igmpv2")


def test_static_and_dynamic_entries_are_one_row() -> None:
    """Interface 3, N-7: the key is the port; a static source has no timer and is forwarded."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.add_static(P1, source=S1)
    (row,) = (r for r in dut.engine.mdb(dut.now) if r.port == P1)
    assert (row.origin, row.group_timer) == ("dynamic", 270 * SECOND)
    assert [(s.address, s.timer, s.forwarding, s.static) for s in row.sources] == [
        (address(S1), None, True, True)
    ]
    dut.add_static(P1)
    (row,) = (r for r in dut.engine.mdb(dut.now) if r.port == P1)
    assert (row.origin, row.group_timer) == ("static", None)


def test_blocked_source_has_no_timer_and_is_not_forwarded() -> None:
    """Interface 3: `forwarding: false` and `timer: null`."""
    dut = non_querier()
    dut.hear(P1, v3_report((IS_EX, G, [S2])))
    dut.hear(P1, v3_report((IS_IN, G, [S1])))
    sources = {text(s.address): (s.timer, s.forwarding) for s in dut.row(P1).sources}
    assert sources == {S1: (270 * SECOND, True), S2: (None, False)}


def test_mrouter_row_says_since_when() -> None:
    """Interface 3."""
    dut = own_querier(router=False)
    dut.hear(R, frames.pim_hello(105))
    dut.at(40)
    dut.hear(R, frames.pim_hello(105))
    (row,) = dut.engine.mrouters(dut.now)
    assert (row.uptime, row.timer, row.origin) == (40 * SECOND, 105 * SECOND, "pim")


def test_querier_row_of_ours_and_of_another() -> None:
    """Interface 3, Q-17: ours has no port and no timer."""
    ours = own_querier().querier()
    assert (text(ours.address), ours.port, ours.timer) == (OWN, None, None)
    assert (ours.version, ours.robustness) == (3, 2)
    dut = non_querier()
    row = dut.querier()
    assert (row.role, text(row.address), row.port) == ("non-querier", frames.RQ, R)
    assert (row.timer, row.uptime) == (245 * SECOND, 10 * SECOND)
    assert row.group_membership_interval == 270 * SECOND


def test_host_rows_follow_what_each_host_wants() -> None:
    """Interface 3, `show hosts`: SM-64."""
    dut = non_querier()
    dut.hear(P1, v3_report((TO_IN, G, [S1]), src="10.0.0.11"))
    dut.hear(P1, v3_report((TO_EX, G, []), src="10.0.0.12"))
    rows = {text(h.address): h for h in dut.engine.hosts(dut.now)}
    assert rows["10.0.0.11"].filter_mode.value == "include"
    assert [text(s) for s in rows["10.0.0.11"].sources] == [S1]
    assert rows["10.0.0.12"].filter_mode.value == "exclude"
    assert {h.timer for h in rows.values()} == {270 * SECOND}
    assert {h.port for h in rows.values()} == {P1}


def test_no_hosts_are_tracked_where_tracking_is_off() -> None:
    """Interface 4: explicit_tracking."""
    dut = non_querier(port_params={P1: {"explicit_tracking": False}})
    dut.hear(P1, v3_report((TO_EX, G, [])))
    dut.hear(P2, v3_report((TO_EX, G, []), src="10.0.0.12"))
    assert [h.port for h in dut.engine.hosts(dut.now)] == [P2]


def test_tracking_switched_on_later_waits_until_it_knows_all_hosts() -> None:
    """SM-64: hosts that joined before are unknown, so one known leave is no proof."""
    dut = own_querier(port_params={P1: {"explicit_tracking": False}})
    dut.hear(P1, v3_report((TO_EX, G, []), src="10.0.0.11"))
    dut.at(5)
    dut.configure(ports={P1: {"explicit_tracking": True, "fast_leave": "tracked"}})
    dut.hear(P1, v3_report((TO_EX, G, []), src="10.0.0.12"))
    dut.hear(P1, v3_report((TO_IN, G, []), src="10.0.0.12"))
    assert P1 in dut.forwards()
    assert dut.entry(P1) == Entry("exclude", 2.0, {})


# Events ------------------------------------------------------------------------------------------


def test_join_is_told_once_and_expiry_when_it_happens() -> None:
    """Interface 3, monitor: the edge, not each refresh (style 1, runtime)."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, v2_report())
    assert kinds(dut, "join", "leave", "expire") == [("join", P1)]
    dut.rq()
    dut.at(270)
    assert kinds(dut, "join", "leave", "expire") == [("join", P1), ("expire", P1)]


def test_fast_leave_is_told_as_a_leave() -> None:
    """Interface 3, monitor."""
    dut = non_querier(port_params={P1: {"fast_leave": "on"}})
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    assert kinds(dut, "join", "leave", "expire") == [("join", P1), ("leave", P1)]


def test_router_port_and_querier_are_told_when_they_change() -> None:
    """Interface 3, monitor; Q-17."""
    dut = Dut()
    dut.zero()
    for _ in range(3):
        dut.hear(R, frames.v3_query())
    assert sorted(kinds(dut, "mrouter", "querier")) == [("mrouter", R), ("querier", R)]
    dut.zero()
    dut.wait(255)
    assert {kind for kind, _ in kinds(dut, "mrouter", "querier")} == {"mrouter", "querier"}


def test_fields_of_events_are_ready_for_json() -> None:
    """Interface 3: addresses are text."""
    dut = non_querier()
    dut.hear(P1, v3_report((TO_IN, G, [S1])))
    (join,) = dut.events("join")
    assert join.fields["group"] == G
    for event in dut.events():
        for value in event.fields.values():
            assert not isinstance(value, bytes)


def test_newer_messages_than_we_speak_are_a_warning_and_still_read() -> None:
    """SNOOP-17: once per interval; B-3."""
    dut = own_querier(version=2)
    for n in range(4):
        dut.hear(P1, v3_report((TO_EX, f"239.1.3.{n}", [])))
    assert dut.groups() == {f"239.1.3.{n}" for n in range(4)}
    assert len(kinds(dut, "warning")) == 1


def test_newer_querier_than_we_are_is_a_warning() -> None:
    """Q-10: hearing a newer one while configured old."""
    dut = own_querier(version=2)
    dut.hear(R, frames.v3_query(src="10.0.0.255"))
    assert kinds(dut, "warning")


# Counters ----------------------------------------------------------------------------------------

MESSAGES = [
    (frames.v1_query(), {"rx_query_v1", "rx_query_general"}),
    (frames.v2_query(), {"rx_query_v2", "rx_query_general"}),
    (frames.v3_query(), {"rx_query_v3", "rx_query_general"}),
    (frames.v2_query(G, code=10), {"rx_query_v2", "rx_query_group"}),
    (frames.v3_query(G), {"rx_query_v3", "rx_query_group"}),
    (frames.v3_query(G, [S1]), {"rx_query_v3", "rx_query_source"}),
    (frames.v1_report(), {"rx_report_v1"}),
    (v2_report(), {"rx_report_v2"}),
    (v3_report((TO_EX, G, [])), {"rx_report_v3"}),
    (leave(), {"rx_leave"}),
    (frames.mrd_advertisement(), {"rx_mrd_advertisement"}),
    (frames.mrd_termination(), {"rx_mrd_termination"}),
    (frames.dvmrp_probe(), {"rx_dvmrp"}),
    (frames.pim_hello(), {"rx_pim_hello"}),
    (frames.encapsulate(b"\x40\0\0\0", src=HOST, dst=G), {"rx_unknown"}),
]


@pytest.mark.parametrize(
    ("frame", "names"), MESSAGES, ids=["+".join(sorted(n)) for _, n in MESSAGES]
)
def test_every_kind_of_message_has_its_counters(frame: bytes, names: set[str]) -> None:
    """Idea 139: of the port it came in by, and of the switch as the sum over its ports."""
    dut = non_querier()
    ours, others = dut.engine.port_counters(P3), dut.engine.port_counters(P2)
    total = dut.engine.counters()
    dut.punt(P3, frame)
    after = dut.engine.port_counters(P3)
    moved = {n: after[n] - ours[n] for n in after if n.startswith("rx_") and after[n] != ours[n]}
    assert moved == dict.fromkeys(names, 1)
    rx_elsewhere = dut.engine.port_counters(P2)
    assert all(rx_elsewhere[n] == others[n] for n in others if n.startswith("rx_"))
    sums = dut.engine.counters()
    assert all(sums[n] - total[n] == 1 for n in names)


def test_records_are_counted_by_type_and_the_odd_ones_too() -> None:
    """Idea 139: W-20, W-27: what was skipped is not silently skipped."""
    dut = non_querier()
    body = frames.report_body(
        [(TO_IN, G, [S1, "0.0.0.0"]), (IS_EX, G, []), (9, "239.9.9.9", []), (TO_EX, G, [])]
    )
    before = dut.engine.port_counters(P1)
    dut.hear(P1, frames.encapsulate(body, src=HOST, dst="224.0.0.22"))
    after = dut.engine.port_counters(P1)
    moved = {n: after[n] - before[n] for n in after if n.startswith("record_")}
    assert {name: count for name, count in moved.items() if count} == {
        "record_to_in": 1,
        "record_is_ex": 1,
        "record_to_ex": 1,
        "record_unknown": 1,
        "record_bad_source": 1,
    }


def test_what_leaves_is_counted_where_it_leaves() -> None:
    """Idea 139: forwarded and own messages, per egress port."""
    dut = non_querier()
    before = dut.engine.port_counters(R)["tx_report_v2"]
    dut.hear(P1, v2_report())
    assert dut.engine.port_counters(R)["tx_report_v2"] == before + 1
    assert dut.engine.port_counters(P2)["tx_report_v2"] == 0
    asking = own_querier()
    sent = asking.engine.port_counters(P2)["tx_query_v3"]
    asking.wait(125)
    assert asking.engine.port_counters(P2)["tx_query_v3"] == sent + 1


def test_counters_are_cleared_on_request() -> None:
    """Interface 2: `snoop clear counters`."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.engine.clear_counters()
    assert not any(dut.engine.port_counters(P1).values())
    assert not any(dut.engine.counters().values())


def test_what_is_no_control_frame_is_counted_and_left_alone() -> None:
    """Idea 139: data handed up by mistake, and IGMP in a unicast frame (spec 1.10 note c)."""
    dut = non_querier()
    dut.punt(P1, frames.data())
    dut.punt(P1, v2_report(mac="02:00:00:00:00:99"))
    assert dut.groups() == set()
    assert dut.count("not_control", P1) == 2


def test_frames_while_snooping_is_off_are_counted() -> None:
    """Idea 139: VLAN-8."""
    dut = non_querier()
    dut.configure(enabled=False)
    dut.hear(P1, v2_report())
    assert dut.count("disabled", P1) == 1


# Ports and lateness ------------------------------------------------------------------------------


def test_port_that_comes_back_has_no_static_entries_of_its_former_life() -> None:
    """SM-67 for `port_remove`: everything that hung on the port is gone."""
    dut = non_querier()
    dut.add_static(P1)
    assert dut.forwards(by=P3) == {P1, R}
    dut.take(dut.engine.port_remove(P1, now=dut.now))
    dut.take(dut.engine.port_add(P1, dut.port_params[P1], now=dut.now))
    dut.port_up(P1)
    assert dut.forwards(by=P3) != {P1, R}
    with pytest.raises(KeyError):
        dut.remove_static(P1)


def test_querier_that_was_stopped_does_not_catch_up() -> None:
    """TM-40: after ten missed intervals one General Query, then one an interval."""
    dut = own_querier()
    dut.now += 1300 * SECOND
    dut.take(dut.engine.advance(dut.now))
    dut.zero()
    dut.wait(500)
    assert [t.at for t in dut.general_queries() if P1 in t.ports] == [125.0, 250.0, 375.0, 500.0]


def test_late_check_does_not_flood_queries() -> None:
    """SM-23: LMQC transmissions of a check, also when the timer comes late."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.now += 30 * SECOND
    dut.take(dut.engine.advance(dut.now))
    dut.wait(60)
    assert len(dut.specific_queries()) <= 2
    assert dut.entry(P1) is None


def test_second_leave_during_the_check_does_not_prolong_it() -> None:
    """SM-20, SM-25: the timer is not raised again."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    for moment in (0.5, 1.0, 1.5, 1.9):
        dut.at(moment)
        dut.hear(P1, leave())
    dut.at(2)
    assert dut.entry(P1) is None
    dut.at(10)
    assert len(dut.specific_queries()) <= 6
    assert all(t.at < 4 for t in dut.specific_queries())


def test_no_repeat_is_sent_for_a_group_that_is_gone() -> None:
    """SM-23: fast end by `clear`: the check dies with the entry."""
    dut = own_querier()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.take(dut.engine.clear(vid=None, group=None, port=None, now=dut.now))
    dut.wait(10)
    assert len(dut.specific_queries()) == 1


def test_engine_without_anything_to_wait_for_says_so() -> None:
    """Interface of the engine: None, so the runtime need not wake."""
    dut = Dut(mrd=False)
    assert dut.engine.next_deadline() is None
    dut.hear(P1, v2_report())
    assert dut.engine.next_deadline() is not None
    dut.wait(10_000)
    assert dut.engine.next_deadline() is None
