"""`proto.reports` and `proto.groups`: gates, limits, compatibility, fast leave, tombstones."""

from __future__ import annotations

import pytest

from snoop.proto.params import FastLeave
from snoop.wire.address import is_link_local_group, parse, parse_prefix, text
from unit.device import P1, P2, R
from unit.frames import ALLOW, BLOCK, HOST, IS_EX, IS_IN, OTHER, S1, S2, S3, SSM, TO_EX, TO_IN, G, H
from unit.proto_lab import Lab, follower, leave, old_report, querier, query, record, v3

FAST = {P1: {"fast_leave": FastLeave.ON}}
TRACKED = {P1: {"fast_leave": FastLeave.TRACKED}}


def groups(count: int) -> list[str]:
    return [f"239.9.{i >> 8}.{i & 255}" for i in range(count)]


def test_report_makes_an_entry_on_its_port_and_an_event() -> None:
    """SM-60, SM-61."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    assert lab.entry(P1) == ("exclude", 270, {})
    assert lab.entry(P2) is None
    (event,) = lab.events("join")
    assert (event.vid, event.port) == (0, P1)
    assert event.fields == {
        "group": G,
        "reporter": HOST,
        "mac": "02:00:0a:00:00:0b",
        "filter_mode": "exclude",
        "sources": [],
    }
    assert lab.group_changes() == 1


def test_refresh_moves_timers_and_says_nothing() -> None:
    lab = follower()
    lab.hear(P1, old_report(2))
    lab.clear()
    lab.at(100)
    for again in (old_report(2), v3(record(IS_EX)), v3(record(TO_EX), src=OTHER)):
        lab.hear(P1, again)
    assert (lab.events("join"), lab.group_changes()) == ([], 0)
    assert lab.entry(P1) == ("exclude", 270, {})
    assert text(lab.row(P1).last_reporter) == OTHER


def test_every_change_of_what_is_forwarded_is_announced_and_told_once() -> None:
    """A wider list is a join, a narrower one a leave; a timer that ends changes rows as well."""
    lab = querier()
    lab.hear(P1, v3(record(IS_IN, SSM, [S1])))
    lab.clear()
    lab.hear(P1, v3(record(ALLOW, SSM, [S2])))
    assert [event.fields["sources"] for event in lab.events("join")] == [[S1, S2]]
    assert (lab.group_changes(), lab.events("leave")) == (1, [])
    lab.clear()
    lab.hear(P1, v3(record(BLOCK, SSM, [S1])))
    assert [event.fields["reporter"] for event in lab.events("leave")] == [HOST]
    assert (lab.group_changes(), lab.events("join")) == (0, [])
    lab.at(42)
    assert lab.group_changes() == 1
    assert lab.events("expire") == [], "the entry lives on with S2"
    lab.hear(P2, v3(record(TO_EX)))
    lab.hear(P2, v3(record(BLOCK, sources=[S1])))
    lab.clear()
    lab.at(44)
    assert lab.entry(P2) == ("exclude", 268, {S1: 0})
    assert lab.group_changes() == 1


@pytest.mark.parametrize(
    "data",
    [
        v3(record(IS_IN)),
        v3(record(TO_IN)),
        v3(record(ALLOW)),
        v3(record(BLOCK, sources=[S1])),
        leave(),
        v3(),
    ],
)
def test_what_asks_for_nothing_makes_nothing(data: bytes) -> None:
    """Spec 3.2, W-24: still passed on to the router."""
    lab = follower()
    assert lab.hear(P1, data) == {R}
    assert not lab.holds()
    assert lab.group_changes() == 0


def test_records_of_one_report_apply_in_order() -> None:
    """W-28."""
    lab = follower()
    lab.hear(P1, v3(record(ALLOW, SSM, [S1]), record(IS_IN, SSM, [S2]), record(TO_EX, G)))
    assert set(lab.entry(P1, SSM)[2]) == {S1, S2}
    assert lab.entry(P1, G) is not None


def test_link_local_groups_have_no_state() -> None:
    """SNOOP-15: but the report reaches the router."""
    lab = follower()
    for group in ("224.0.0.2", "224.0.0.251"):
        assert is_link_local_group(parse(group))
        assert lab.hear(P1, old_report(2, group)) == {R}
    assert list(lab.engine.groups()) == []
    assert lab.count("link_local_group", P1) == 2
    lab.hear(P1, old_report(2, "224.0.1.0"))
    assert lab.holds("224.0.1.0")


def test_any_source_joins_of_ssm_groups_are_ignored_and_the_rest_is_not() -> None:
    """SM-46, idea 69."""
    lab = follower()
    assert lab.hear(P1, old_report(2, SSM)) == {R}
    lab.hear(P1, v3(record(TO_EX, SSM), record(IS_EX, SSM, [S2]), record(ALLOW, SSM, [S1])))
    assert lab.entry(P1, SSM) == ("include", None, {S1: 270})
    assert lab.row(P1, SSM).compatibility == "igmpv3"
    lab.hear(P1, leave(SSM))
    assert lab.entry(P1, SSM) is not None
    assert lab.count("ssm_ignored", P1) == 4


def test_ssm_range_can_be_changed() -> None:
    lab = follower(ssm_ranges=(parse_prefix("239.1.2.0/24"),))
    lab.hear(P1, v3(record(TO_EX, SSM), record(TO_EX, G)))
    assert lab.holds(SSM)
    assert not lab.holds(G)


# Older hosts -------------------------------------------------------------------------------------


def test_older_hosts_mute_what_v3_hosts_take_back() -> None:
    """SM-40 to SM-43: v2 ignores BLOCK and TO_EX lists, v1 also leaves; until OVHPI."""
    lab = querier()
    lab.hear(P1, old_report(1))
    lab.at(50).hear(P1, old_report(2))
    assert lab.row(P1).compatibility == "igmpv1"
    lab.hear(P1, v3(record(TO_IN), record(BLOCK, sources=[S1]), record(TO_EX, sources=[S1])))
    lab.hear(P1, leave())
    assert lab.entry(P1) == ("exclude", 270, {})
    assert lab.count("compat_ignored", P1) == 3
    lab.at(300)
    assert lab.row(P1).compatibility == "igmpv2"
    lab.hear(P1, v3(record(BLOCK, sources=[S1])))
    assert lab.entry(P1) == ("exclude", 20, {})
    lab.hear(P1, leave())
    assert lab.entry(P1) == ("exclude", 2, {})


def test_compatibility_can_be_disabled() -> None:
    """SM-47: the report counts, the mode stays."""
    lab = follower(compat_disable=True)
    lab.hear(P1, old_report(2))
    assert lab.row(P1).compatibility == "igmpv3"
    lab.hear(P1, v3(record(BLOCK, sources=[S1])))
    assert lab.entry(P1) == ("exclude", 270, {S1: 270})


@pytest.mark.parametrize(("version", "knob"), [(1, "ignore_v1"), (2, "ignore_v2")])
def test_versions_can_be_ignored_outright(version: int, knob: str) -> None:
    """SM-47: for learning; the report still goes where reports go."""
    lab = follower(**{knob: True})
    assert lab.hear(P1, old_report(version)) == {R}
    assert not lab.holds()
    assert lab.hear(P1, query(src="10.0.0.3", version=version)) == {R, P2, 3}
    assert lab.mrouters() == {R}
    assert lab.count("version_ignored", P1) == 2


def test_lite_filter_takes_exclude_lists_as_empty() -> None:
    """SM-48, idea 70."""
    lab = follower(lite_exclude_filter=True)
    lab.hear(P1, v3(record(IS_EX, sources=[S1])))
    assert lab.entry(P1) == ("exclude", 270, {})


# Filters and limits ------------------------------------------------------------------------------


def test_refused_groups_are_not_learned_and_not_passed_on() -> None:
    """A router that hears nothing of the join sends nothing."""
    lab = follower(port={P1: {"deny_groups": (parse_prefix("239.1.2.3/32"),)}})
    assert lab.hear(P1, v3(record(TO_EX, G))) == set()
    assert lab.hear(P1, v3(record(TO_EX, G), record(TO_EX, H))) == {R}
    assert lab.hear(P2, v3(record(TO_EX, G))) == {R}
    assert (lab.entry(P1, G), lab.entry(P1, H) is None) == (None, False)
    assert lab.count("group_filtered", P1) == 2
    (event,) = lab.events("filter")
    assert (event.port, event.fields["group"], event.fields["reporter"]) == (P1, G, HOST)


def test_filter_set_later_lets_members_leave() -> None:
    lab = follower(port={P1: {"fast_leave": FastLeave.ON}})
    lab.hear(P1, v3(record(TO_EX)))
    denied = {P1: lab.port_params[P1]}
    from dataclasses import replace

    denied[P1] = replace(denied[P1], allow_groups=(parse_prefix("232.0.0.0/8"),))
    lab.take(lab.engine.configure(lab.params, denied, now=lab.now))
    assert lab.entry(P1) is not None
    lab.hear(P1, v3(record(TO_IN)))
    assert lab.entry(P1) is None


def test_port_limit_refuses_new_groups_only() -> None:
    """SM-68."""
    lab = follower(port={P1: {"max_groups": 2}})
    lab.hear(P1, v3(*[record(TO_EX, group) for group in groups(5)]))
    lab.hear(P2, v3(*[record(TO_EX, group) for group in groups(5)]))
    assert [row.port for row in lab.engine.mdb(lab.now)].count(P1) == 2
    assert lab.count("port_limit", P1) == 3
    assert len(lab.events("limit")) == 1
    lab.at(100).hear(P1, v3(record(TO_EX, groups(1)[0])))
    assert lab.entry(P1, groups(1)[0]) == ("exclude", 270, {})


def test_port_limit_counts_what_is_there() -> None:
    """A group that ended, by leave or by silence, makes room."""
    lab = follower(port={P1: {"max_groups": 1, "fast_leave": FastLeave.ON}})
    lab.hear(P1, v3(record(TO_EX, G), record(TO_IN, G), record(TO_EX, H)))
    assert (lab.entry(P1, G), lab.entry(P1, H)) == (None, ("exclude", 270, {}))
    lab.at(280).hear(P1, v3(record(TO_EX, G)))
    assert lab.entry(P1, G) is not None
    assert lab.count("port_limit", P1) == 0


def test_full_table_refuses_groups_but_not_members() -> None:
    """SM-68, idea 73."""
    lab = follower(max_groups=3)
    lab.hear(P1, v3(*[record(TO_EX, group) for group in groups(5)]))
    assert len(list(lab.engine.groups())) == 3
    assert lab.count("table_full", P1) == 2
    lab.hear(P2, v3(record(TO_EX, groups(1)[0])))
    assert lab.entry(P2, groups(1)[0]) is not None
    assert [event.kind for event in lab.events("table_full")] == ["table_full"]
    lab.hear(P2, v3(record(TO_EX, G), vid=9))
    assert lab.row(P2, G, vid=9) is not None


def test_limit_over_all_vlans() -> None:
    lab = follower(max_groups=3, max_groups_total=4)
    for vid in range(3):
        lab.hear(P1, v3(*[record(TO_EX, group) for group in groups(3)], vid=vid))
    assert len(list(lab.engine.groups())) == 4


def test_oldest_tombstone_gives_way_to_a_new_group() -> None:
    """SM-69 must not become a way to fill the table."""
    lab = follower(max_groups=3, port=FAST)
    for group in groups(3):
        lab.hear(P1, v3(record(TO_EX, group)))
        lab.hear(P1, v3(record(TO_IN, group)))
    lab.clear()
    lab.hear(P1, v3(record(TO_EX, G)))
    assert [lab.holds(group) for group in groups(3)] == [False, True, True]
    assert lab.entry(P1, G) is not None
    assert lab.group_changes() == 2
    assert lab.count("tombstone_evicted") == 1


def test_too_many_sources_widen_the_entry() -> None:
    """SM-68: a superset, for GMI, and said so."""
    lab = follower(max_sources=2)
    lab.hear(P1, v3(record(IS_IN, sources=[S1, S2])))
    lab.at(100).hear(P1, v3(record(ALLOW, sources=[S3])))
    assert lab.entry(P1) == ("exclude", 270, {})
    assert lab.count("source_limit", P1) == 1
    assert [event.kind for event in lab.events("limit")] == ["limit"]
    lab.hear(P2, v3(record(IS_EX, sources=[S1, S2, S3])))
    assert lab.entry(P2) == ("exclude", 270, {})


# Leaving -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [leave(), v3(record(TO_IN))])
@pytest.mark.parametrize("make", [follower, querier])
def test_fast_leave_acts_at_once_whatever_the_role(make: type[Lab], data: bytes) -> None:
    """SM-64, idea 42: no question, gone in the same call."""
    lab = make(port=FAST)
    lab.hear(P1, old_report(2))
    lab.clear()
    lab.hear(P1, data)
    assert lab.entry(P1) is None
    assert lab.queries() == []
    assert lab.group_changes() == 1
    assert lab.count("fast_leave", P1) == 1


def test_fast_leave_of_sources_waits_for_the_last_one() -> None:
    """SM-64: BLOCK that empties the list."""
    lab = follower(port=FAST)
    lab.hear(P1, v3(record(IS_IN, SSM, [S1, S2])))
    lab.hear(P1, v3(record(BLOCK, SSM, [S1])))
    assert lab.entry(P1, SSM) is not None
    lab.hear(P1, v3(record(BLOCK, SSM, [S2, S1])))
    assert lab.entry(P1, SSM) is None


def test_fast_leave_respects_v1_hosts() -> None:
    """SM-43 comes first: a v1 host cannot say that it is still there."""
    lab = follower(port=FAST)
    lab.hear(P1, old_report(1))
    lab.hear(P1, leave())
    assert lab.entry(P1) is not None


def test_tracked_port_is_left_with_its_last_host() -> None:
    """SM-64, idea 44: non-querier and querier alike; nobody is asked when it goes."""
    for lab in (follower(port=TRACKED), querier(port=TRACKED)):
        for host in (HOST, OTHER):
            lab.hear(P1, v3(record(TO_EX), src=host))
        lab.hear(P1, v3(record(TO_IN), src=HOST))
        assert [text(row.address) for row in lab.engine.hosts(lab.now)] == [OTHER]
        lab.at(41).hear(P1, v3(record(IS_EX), src=OTHER))
        lab.clear()
        lab.at(60).hear(P1, v3(record(TO_IN), src=OTHER))
        assert lab.entry(P1) is None
        assert [group for _, _, group, *_ in lab.asked() if group] == []


def test_hosts_that_cannot_be_counted_are_asked() -> None:
    """SM-65: v2 hosts keep quiet, and hosts over the limit are not listed."""
    older, crowded = querier(port=TRACKED), querier(port=TRACKED, max_hosts=1)
    older.hear(P1, old_report(2))
    older.hear(P1, leave())
    assert older.entry(P1) == ("exclude", 2, {})
    for host in (HOST, OTHER):
        crowded.hear(P1, v3(record(TO_EX), src=host))
    assert crowded.count("host_limit", P1) == 1
    crowded.hear(P1, v3(record(TO_IN), src=HOST))
    assert crowded.entry(P1) == ("exclude", 2, {})


def test_hosts_without_address_are_told_apart_by_their_mac() -> None:
    """SNOOP-6."""
    lab = follower(port=TRACKED)
    for last in (1, 2):
        mac = bytes((2, 0, 0, 0, 0, last))
        lab.hear(P1, v3(record(TO_EX), src="0.0.0.0", src_mac=mac))
    lab.hear(P1, v3(record(TO_IN), src="0.0.0.0", src_mac=b"\x02\0\0\0\0\1"))
    assert lab.entry(P1) is not None
    assert [row.mac for row in lab.engine.hosts(lab.now)] == [b"\x02\0\0\0\0\2"]


def test_hosts_are_forgotten_with_their_interval_and_make_room() -> None:
    lab = follower(max_hosts=1)
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(250).hear(P1, v3(record(TO_EX, H), src=OTHER))
    assert lab.count("host_limit", P1) == 1
    assert [row.timer / 1e9 for row in lab.engine.hosts(lab.now)] == [30]
    lab.at(281).hear(P1, v3(record(TO_EX, H), src=OTHER))
    assert [text(row.address) for row in lab.engine.hosts(lab.now)] == [OTHER]


def test_tombstone_keeps_the_group_registered_for_a_membership_interval() -> None:
    """SM-69, idea 98, B-9."""
    lab = follower(port=FAST)
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(20).hear(P1, v3(record(TO_IN)))
    view = lab.engine.group_view(0, parse(G))
    assert view is not None
    assert view.members == ()
    assert lab.engine.mdb(lab.now) == []
    lab.at(289.999)
    assert lab.holds()
    lab.clear()
    lab.at(290)
    assert not lab.holds()
    assert lab.group_changes() == 1


def test_expired_entry_leaves_a_tombstone_and_a_join_takes_it_away() -> None:
    lab = Lab()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(269.999)
    assert lab.entry(P1) is not None
    lab.at(270)
    assert lab.entry(P1) is None
    assert [event.port for event in lab.events("expire")] == [P1]
    lab.at(300).hear(P2, v3(record(TO_EX)))
    lab.at(560)
    assert lab.entry(P2) is not None, "the tombstone's end took the new member along"


def test_received_specific_query_lowers_every_port() -> None:
    """SM-20, 21, 22, 28, 29: the asking port too; S set changes nothing."""
    lab = follower()
    for port in (R, P1, P2):
        lab.hear(port, v3(record(TO_EX), record(IS_IN, SSM, [S1, S2])))
    lab.hear(R, query(G, suppress=True, response=1.0))
    assert lab.entry(P1)[1] == 270
    lab.hear(R, query(G, response=1.0))
    lab.hear(R, query(SSM, [S1], response=3.0))
    for port in (R, P1, P2):
        assert lab.entry(port) == ("exclude", 2, {})
        assert lab.entry(port, SSM) == ("include", None, {S1: 6, S2: 270})
    lab.at(12)
    assert list(lab.engine.group_view(0, parse(G)).members) == []


def test_answer_time_of_zero_cuts_nobody() -> None:
    """Max Resp Code 0 would end memberships before anybody could answer."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    data = bytearray(query(G, response=1.0))
    at = len(data) - 12
    data[at + 1] = 0
    data[at + 2 : at + 4] = (int.from_bytes(data[at + 2 : at + 4]) + 10).to_bytes(2)
    lab.hear(R, bytes(data))
    assert lab.count("igmp_checksum") == 0
    assert lab.entry(P1) == ("exclude", 2, {})
