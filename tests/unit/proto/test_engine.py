"""`proto.engine`: ports, static entries, operator commands, reloads, views."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.proto.effects import Event, GroupChanged, VlanChanged
from snoop.proto.groups import Full
from snoop.proto.params import FastLeave, MrouterMode, PortParams
from snoop.proto.units import seconds
from snoop.proto.views import FilterMode
from snoop.wire.address import Family, parse, parse_prefix, text
from unit.device import P1, P2, P3, START, R
from unit.frames import BLOCK, HOST, IS_EX, IS_IN, OTHER, S1, S2, S3, SSM, TO_EX, TO_IN, G, H
from unit.proto_lab import Lab, follower, old_report, querier, query, record, v3

# Ports -------------------------------------------------------------------------------------------


def test_link_down_takes_what_was_learned_at_once() -> None:
    """SM-67, idea 120: entries and router ports of that port, and of no other."""
    lab = follower()
    for port in (P1, P2):
        lab.hear(port, v3(record(TO_EX)))
    lab.hear(P1, query(src="10.0.0.5"))
    lab.clear()
    lab.take(lab.engine.port_down(P1, now=lab.now))
    assert (lab.entry(P1), lab.mrouters()) == (None, {R})
    assert lab.entry(P2) == ("exclude", 270, {})
    assert (lab.group_changes(), lab.vlan_changes()) == (1, 1)
    assert [(event.port, event.fields["reason"]) for event in lab.events("leave")] == [
        (P1, "port down")
    ]
    lab.take(lab.engine.port_up(P1, now=lab.now))
    assert lab.entry(P1) is None
    assert lab.take(lab.engine.port_up(P1, now=lab.now)) == []


def test_last_member_s_link_leaves_a_tombstone() -> None:
    """SM-69: its stream is not to be flooded because a cable was pulled."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.take(lab.engine.port_down(P1, now=lab.now))
    assert lab.engine.group_view(0, parse(G)).members == ()


def test_removed_port_takes_everything_along() -> None:
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.add_static(P1, group=H)
    lab.engine.mrouter_add(vid=0, port=P1, now=lab.now)
    lab.take(lab.engine.port_remove(P1, now=lab.now))
    assert not lab.holds(H)
    assert lab.mrouters() == {R}
    assert [row.port for row in lab.engine.mdb(lab.now)] == []
    with pytest.raises(KeyError):
        lab.engine.port_up(P1, now=lab.now)
    lab.take(lab.engine.port_add(P1, PortParams(name="new"), now=lab.now))
    with pytest.raises(ValueError, match="taken"):
        lab.engine.port_add(P1, PortParams(name="again"), now=lab.now)


def test_timers_that_are_due_come_before_the_frame() -> None:
    """A report at the instant its entry ends makes a new entry."""
    lab = Lab()
    lab.at(30).hear(P1, v3(record(TO_EX)))
    lab.at(299.999)
    effects = lab.engine.receive(port=P1, vid=0, frame=v3(record(IS_EX)), now=START + seconds(300))
    kinds = [effect.kind for effect in effects if isinstance(effect, Event)]
    assert kinds.index("expire") < kinds.index("join")


# Static entries ----------------------------------------------------------------------------------


def test_static_entries_are_out_of_reach_of_reports_and_links() -> None:
    lab = querier()
    assert GroupChanged(0, parse(G)) in lab.add_static(P1)
    lab.add_static(P2, source=S1)
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_IN)))
    lab.at(45)
    lab.take(lab.engine.port_down(P1, now=lab.now))
    lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    view = lab.engine.group_view(0, parse(G))
    assert [(m.port, m.static_any, m.static_sources) for m in view.members] == [
        (P1, True, frozenset()),
        (P2, False, frozenset({parse(S1)})),
    ]


def test_static_and_learned_entries_of_one_port_are_one_row() -> None:
    """N-7: a static source is among the others; a static entry for any source outdoes them."""
    lab = follower()
    lab.add_static(P1, source=S1)
    lab.at(20).hear(P1, v3(record(IS_EX, sources=[S2])))
    (row,) = lab.engine.mdb(lab.now)
    assert (row.origin, row.filter_mode, row.group_timer) == (
        "dynamic",
        FilterMode.EXCLUDE,
        seconds(270),
    )
    assert [(text(s.address), s.timer, s.forwarding, s.static) for s in row.sources] == [
        (S1, None, True, True),
        (S2, None, False, False),
    ]
    assert (row.uptime, row.last_reporter) == (seconds(10), parse(HOST))
    lab.hear(P1, v3(record(IS_IN, sources=[S1])))
    lab.add_static(P1)
    (row,) = lab.engine.mdb(lab.now)
    assert (row.origin, row.filter_mode, row.group_timer) == ("static", FilterMode.EXCLUDE, None)
    assert [(text(s.address), s.timer, s.forwarding, s.static) for s in row.sources] == [
        (S1, seconds(270), True, True),
        (S2, None, True, False),
    ]
    (member,) = lab.engine.group_view(0, parse(G)).members
    assert member.blocked == {parse(S2)}
    assert member.static_any
    assert member.static_sources == {parse(S1)}


def test_static_entries_are_bounded_as_learned_ones_are() -> None:
    """N-8: by limits of their own, however full the table is of others'."""
    lab = Lab(max_groups=2, max_sources=2)
    for group in (G, H):
        lab.add_static(P1, group=group)
    with pytest.raises(Full, match="max_groups, 2"):
        lab.add_static(P1, group="239.1.2.5")
    for source in (S1, S2, S2):
        lab.add_static(P1, source=source)
    with pytest.raises(Full, match="max_sources, 2"):
        lab.add_static(P1, source=S3)
    lab.add_static(P2, source=S3)
    lab.remove_static(P1, H)
    lab.add_static(P1, group="239.1.2.5")


def test_static_entry_is_removed_by_its_name_only() -> None:
    lab = Lab()
    lab.add_static(P1)
    lab.add_static(P1, source=S1)
    for port, source in ((P2, None), (P1, S2)):
        with pytest.raises(KeyError):
            lab.remove_static(port, source=source)
    lab.remove_static(P1)
    with pytest.raises(KeyError):
        lab.remove_static(P1)
    assert lab.holds()
    assert GroupChanged(0, parse(G)) in lab.remove_static(P1, source=S1)
    assert not lab.holds()


def test_static_entries_of_other_ports_stay() -> None:
    lab = Lab()
    for port in (P1, P2):
        lab.add_static(port)
    lab.remove_static(P1)
    assert [member.port for member in lab.engine.group_view(0, parse(G)).members] == [P2]
    lab.take(lab.engine.port_remove(P2, now=lab.now))
    assert not lab.holds()


def test_static_entry_takes_the_place_of_a_tombstone() -> None:
    lab = follower(port={P1: {"fast_leave": FastLeave.ON}})
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_IN)))
    lab.add_static(P2)
    lab.at(1000)
    assert lab.holds()


@pytest.mark.parametrize(
    ("group", "source", "vid", "port", "error"),
    [
        ("10.1.1.1", None, 0, P1, ValueError),
        ("224.0.0.5", None, 0, P1, ValueError),
        (G, "239.1.1.1", 0, P1, ValueError),
        (G, None, 4095, P1, ValueError),
        (G, None, 0, 99, KeyError),
    ],
)
def test_static_entry_that_makes_no_sense_is_refused(
    group: str, source: str | None, vid: int, port: int, error: type[Exception]
) -> None:
    lab = Lab()
    with pytest.raises(error):
        lab.add_static(port, source=source, group=group, vid=vid)
    assert list(lab.engine.groups()) == []


def test_router_port_that_does_not_exist_is_refused() -> None:
    lab = Lab()
    with pytest.raises(KeyError):
        lab.engine.mrouter_add(vid=0, port=99, now=lab.now)
    with pytest.raises(KeyError):
        lab.engine.query(vid=0, group=None, port=99, now=lab.now)


def test_static_row_is_as_old_as_its_first_entry() -> None:
    lab = Lab()
    lab.add_static(P1)
    lab.at(10)
    lab.add_static(P1, source=S1)
    lab.add_static(P1)
    lab.at(15)
    (row,) = lab.engine.mdb(lab.now)
    assert (row.uptime, row.last_reporter, row.compatibility) == (seconds(15), None, "igmpv3")


# Commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ({}, set()),
        ({"group": parse(G)}, {(0, H, P1), (5, H, P2)}),
        ({"port": P1}, {(0, G, P2), (5, H, P2)}),
        ({"vid": 5}, {(0, G, P1), (0, G, P2), (0, H, P1)}),
        ({"vid": 0, "group": parse(G), "port": P2}, {(0, G, P1), (0, H, P1), (5, H, P2)}),
    ],
)
def test_clear_forgets_what_matches(which: dict, left: set) -> None:
    lab = follower()
    lab.hear(P1, v3(record(TO_EX, G), record(TO_EX, H)))
    lab.hear(P2, v3(record(TO_EX, G)))
    lab.hear(P2, v3(record(TO_EX, H), vid=5))
    where = {"vid": None, "group": None, "port": None, **which}
    lab.take(lab.engine.clear(**where, now=lab.now))
    from snoop.wire.address import text

    assert {(row.vid, text(row.group), row.port) for row in lab.engine.mdb(lab.now)} == left
    registered = {(vid, text(group)) for vid, group in lab.engine.groups()}
    assert registered == {(vid, group) for vid, group, _ in left}, "clear leaves no tombstone"


def test_clear_forgets_tombstones() -> None:
    lab = follower(port={P1: {"fast_leave": FastLeave.ON}})
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_IN)))
    effects = lab.engine.clear(vid=None, group=None, port=None, now=lab.now)
    assert GroupChanged(0, parse(G)) in effects
    assert not lab.holds()


def test_query_on_demand_as_querier() -> None:
    """Our address, S set for a group: nobody's timer moves."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.clear()
    lab.take(lab.engine.query(vid=0, group=None, port=P2, now=lab.now))
    lab.take(lab.engine.query(vid=0, group=parse(G), port=None, now=lab.now))
    assert lab.asked() == [(40, {P2}, "", set(), False), (40, {R, P1, P2, P3}, G, set(), True)]
    assert lab.entry(P1) == ("exclude", 270, {})


def test_query_on_demand_in_place_of_another() -> None:
    """From 0.0.0.0, in its version: it must not win the election on some other switch."""
    lab = follower()
    lab.hear(R, query(version=2, response=7.0))
    lab.clear()
    effects = lab.take(lab.engine.query(vid=0, group=None, port=P1, now=lab.now))
    from snoop.wire import control

    ((_, ports, sent),) = lab.queries()
    assert (ports, sent.version, sent.max_response_ns) == ({P1}, 2, seconds(7))
    assert control.parse(effects[0].frame).ip.src == parse("0.0.0.0")
    for within, told in ((2, 2), (9, 7)):
        lab.clear()
        lab.take(lab.engine.query(vid=0, group=None, port=P1, now=lab.now, within=seconds(within)))
        assert [sent.max_response_ns for _, _, sent in lab.queries()] == [seconds(told)]
    with pytest.raises(KeyError):
        lab.engine.query(vid=9, group=None, port=None, now=lab.now)


# Reloads -----------------------------------------------------------------------------------------


def test_reload_keeps_what_was_learned() -> None:
    lab = follower()
    lab.hear(P1, v3(record(IS_IN, SSM, [S1])))
    lab.hear(P1, v3(record(TO_EX), src=OTHER))
    before = lab.engine.mdb(lab.now), lab.engine.hosts(lab.now), lab.engine.queriers(lab.now)
    lab.params = replace(lab.params, max_sources=8, robustness=2, max_hosts=7)
    ports = {port: replace(own, max_groups=9) for port, own in lab.port_params.items()}
    effects = lab.take(lab.engine.configure(lab.params, ports, now=lab.now))
    after = lab.engine.mdb(lab.now), lab.engine.hosts(lab.now), lab.engine.queriers(lab.now)
    assert before == after
    assert VlanChanged(0, Family.IPV4) in effects


def test_reload_follows_the_ports_settings() -> None:
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, query(src="10.0.0.9"))
    ports = {
        P1: replace(lab.port_params[P1], mrouter=MrouterMode.NEVER, explicit_tracking=False),
        P2: replace(lab.port_params[P2], mrouter=MrouterMode.ALWAYS),
    }
    lab.take(lab.engine.configure(lab.params, ports, now=lab.now))
    assert lab.mrouters() == {R, P2}
    assert lab.engine.hosts(lab.now) == []
    assert lab.entry(P1) is not None


def test_tracking_that_starts_late_knows_that_it_may_not_know_all() -> None:
    """SM-65's spirit: hosts that joined before are not in the list."""
    lab = querier(port={P1: {"explicit_tracking": False}})
    for host in ("10.0.0.21", "10.0.0.22"):
        lab.hear(P1, v3(record(TO_EX), src=host))
    tracked = replace(lab.port_params[P1], explicit_tracking=True, fast_leave=FastLeave.TRACKED)
    lab.at(50)
    lab.take(lab.engine.configure(lab.params, {P1: tracked}, now=lab.now))
    lab.hear(P1, v3(record(IS_EX), src="10.0.0.21"))
    lab.hear(P1, v3(record(TO_IN), src="10.0.0.21"))
    assert lab.entry(P1) == ("exclude", 2, {})


def test_reload_of_the_ssm_range_applies_to_groups_that_exist() -> None:
    lab = follower()
    lab.hear(P1, old_report(2))
    lab.params = replace(lab.params, ssm_ranges=(parse_prefix("239.1.2.0/24"),))
    lab.take(lab.engine.configure(lab.params, {}, now=lab.now))
    lab.at(20).hear(P1, old_report(2))
    assert lab.entry(P1) == ("exclude", 260, {})


# Views -------------------------------------------------------------------------------------------


def test_group_view_says_what_each_port_forwards() -> None:
    """Spec 3.1: INCLUDE lists, EXCLUDE's X and Y."""
    lab = follower()
    lab.hear(P1, v3(record(IS_IN, sources=[S1])))
    lab.hear(P2, v3(record(IS_EX, sources=[S1])))
    lab.hear(P2, v3(record(BLOCK, sources=[S2])))
    view = lab.engine.group_view(0, parse(G))
    one, two = view.members
    assert (one.port, one.filter_mode, one.forwarding, one.blocked) == (
        P1,
        FilterMode.INCLUDE,
        {parse(S1)},
        frozenset(),
    )
    assert (two.filter_mode, two.forwarding, two.blocked) == (
        FilterMode.EXCLUDE,
        {parse(S2)},
        {parse(S1)},
    )
    assert lab.engine.group_view(1, parse(G)) is None
    assert lab.engine.group_view(0, parse(H)) is None


def test_views_of_families_and_vlans_that_are_not_there() -> None:
    lab = follower()
    assert not lab.engine.vlan_view(99, Family.IPV4).active
    assert lab.engine.vlan_view(0, Family.IPV6).mrouters == 0
    assert lab.engine.vids() == [0]


def test_rows_are_sorted_and_vlans_apart() -> None:
    """VLAN-1."""
    lab = follower()
    for port, group, vid in ((P2, H, 3), (P1, H, 3), (P2, G, 3), (P3, H, 0)):
        lab.hear(port, v3(record(TO_EX, group), vid=vid))
    keys = [(row.vid, row.group, row.port) for row in lab.engine.mdb(lab.now)]
    assert keys == sorted(keys)
    assert len(keys) == 4
    assert lab.engine.vids() == [0, 3]


def test_uptime_survives_refreshes() -> None:
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(100).hear(P1, v3(record(IS_EX)))
    assert lab.row(P1).uptime == seconds(90)
