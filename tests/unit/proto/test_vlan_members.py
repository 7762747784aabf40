"""A switch that filters: each port is in some VLANs, and only there is anything of it (VLAN-1…8).

P1 and P2 are access ports of VLAN 10, P3 of 20; R is a trunk of both.
"""

from __future__ import annotations

from dataclasses import replace

from snoop.proto.effects import By, Transmit
from snoop.proto.params import MrouterMode, Params, PortParams, QuerierMode
from snoop.proto.vlans import EVERY, PortVlans, VlanPorts, access, trunk, vids
from snoop.wire.address import Family
from unit.device import P1, P2, P3, R, ports_of, static
from unit.frames import OTHER, G
from unit.proto_lab import leave, old_report, query
from unit.vlan_lab import MLD, OWNER, asked_in, asking, following, lab

# Which ports a VLAN has --------------------------------------------------------------------------


def test_ports_of_vlans() -> None:
    its = VlanPorts()
    assert its.ports(0) == its.ports(10) == 0
    assert its.put(1, None) == (0, EVERY)
    assert its.ports(0) == its.ports(10) == 1
    assert its.put(2, PortVlans(10, 1 << 20)) == (0, 1 << 10 | 1 << 20)
    assert [its.ports(vid) for vid in (0, 10, 20, 30)] == [1, 3, 3, 1]
    assert its.vids() == [10, 20]
    assert its.put(1, access(20)) == (EVERY & ~(1 << 20), 0)
    assert [its.ports(vid) for vid in (0, 10, 20, 30)] == [0, 2, 3, 0]
    assert its.put(2, access(30)) == (1 << 10 | 1 << 20, 1 << 30)
    assert [its.ports(vid) for vid in (0, 10, 20, 30)] == [0, 0, 1, 2]
    assert its.vids() == [20, 30]
    its.take(1)
    assert its.vids() == [30]
    assert its.put(2, None) == (0, EVERY & ~(1 << 30))
    assert its.ports(30) == its.ports(7) == 2
    assert its.vids() == []
    assert list(vids(1 << 4094 | 1)) == [0, 4094]


# What is there, and who is asked -----------------------------------------------------------------


def test_there_is_no_vlan_0_and_each_with_a_port_and_a_querier_is_there_from_the_start() -> None:
    """VLAN-1: one querier per VLAN and family."""
    its = lab(**OWNER, mld=replace(MLD, querier=QuerierMode.ON))
    its.at(1)
    assert its.engine.instances() == [(vid, of) for vid in (10, 20) for of in Family]
    assert asked_in(its) == {10: {R, P1, P2}, 20: {R, P3}}


def test_without_a_querier_a_vlan_begins_with_its_first_message() -> None:
    its = lab()
    its.at(1)
    assert its.engine.instances() == []
    its.hear(P1, old_report(2))
    assert its.engine.vids() == [10]
    its.hear(R, query(vid=20))
    assert its.engine.vids() == [10, 20]


def test_vlans_with_settings_are_there_and_those_without_a_port_wait_for_one() -> None:
    """A querier that nobody can hear is said once, and begins with the first port."""
    its = lab(vlans=((30, Params(**OWNER)), (40, Params())))
    its.at(1)
    assert its.engine.vids() == [30, 40]
    assert [(e.vid, e.fields["reason"]) for e in its.events("warning")] == [
        (30, "a querier in a VLAN that no port has: it waits for one")
    ]
    assert {row.role for row in its.engine.queriers(its.now)} == {"none"}
    its.at(500)
    assert len(its.events("warning")) == 1
    its.clear()
    its.become(p1=PortParams(name="p1", vlans=access(30)))
    assert asked_in(its) == {30: {P1}}
    its.clear()
    its.at(501)
    its.become(p1=PortParams(name="p1", vlans=access(10)))
    assert [(e.vid, e.fields["role"]) for e in its.events("querier")] == [(30, "none")]
    its.at(1000)
    assert asked_in(its) == {}
    assert [e.vid for e in its.events("warning")] == [30]


def test_our_queries_go_to_members_alone_tagged_with_priority_6() -> None:
    """Q-16, VLAN-5: of what is sent the fast path makes each port's own."""
    its = asking()
    its.at(200)
    sent = [effect for _, effect in its.effects if isinstance(effect, Transmit)]
    assert {(each.vid, ports_of(each.ports), each.tci) for each in sent} == {
        (10, frozenset((R, P1, P2)), 6 << 13 | 10),
        (20, frozenset((R, P3)), 6 << 13 | 20),
    }
    assert {each.came_from for each in sent} == {None}


def test_an_election_in_one_vlan_changes_nothing_in_the_other() -> None:
    """VLAN-1, Q-4."""
    its = asking()
    its.hear(R, query(vid=10))
    roles = {row.vid: (row.role, row.port) for row in its.engine.queriers(its.now)}
    assert roles == {10: ("non-querier", R), 20: ("querier", None)}
    its.at(290)
    assert 20 in asked_in(its)
    assert 10 not in asked_in(its)


def test_a_query_of_an_operator_goes_to_members() -> None:
    its = asking()
    its.take(its.engine.query(vid=20, group=None, port=None, now=its.now))
    assert asked_in(its) == {20: {R, P3}}
    its.clear()
    its.take(its.engine.query(vid=20, group=None, port=P1, now=its.now))
    assert asked_in(its) == {}


def test_a_check_after_a_leave_stays_in_its_vlan() -> None:
    """SM-23, VLAN-1."""
    its = asking()
    for port, vid in ((P1, None), (P3, None), (R, 20)):
        its.hear(port, old_report(2, vid=vid or 0))
    its.clear()
    its.hear(P3, leave())
    assert asked_in(its) == {20: {P3}}
    its.at(60)
    assert {(row.vid, row.port) for row in its.engine.mdb(its.now)} == {(10, P1), (20, R)}


# What is learned, and where it goes --------------------------------------------------------------


def test_a_report_counts_in_its_vlan_and_goes_to_the_router_ports_of_that() -> None:
    """VLAN-1, SNOOP-1."""
    its = following()
    assert its.hear(P1, old_report(2)) == {R}
    assert its.holds(vid=10)
    assert not its.holds(vid=20)
    assert its.reaches(G, OTHER, vid=10) == {P1}
    assert its.reaches(G, OTHER, vid=20, ingress=P3) == {R}


def test_a_tagged_report_on_an_access_port_of_that_vlan_counts() -> None:
    """As in the kernel bridge."""
    its = following()
    assert its.hear(P1, old_report(2, vid=10)) == {R}
    assert its.holds(vid=10)


def test_what_floods_goes_to_members() -> None:
    """SNOOP-7, SNOOP-8: queries, unknown messages, and reports where snooping is off."""
    its = following()
    assert its.hear(P3, query(src=OTHER)) == {R}
    assert its.hear(R, query(vid=20, src=OTHER)) == {P3}
    assert its.hear(R, query(vid=10, src=OTHER)) == {P1, P2}


def test_ports_that_are_router_ports_by_their_settings_are_in_their_vlans() -> None:
    """SNOOP-26: `mrouter = "always"`, and what an operator adds."""
    its = lab({P3: {"mrouter": MrouterMode.ALWAYS}})
    assert its.mrouters(10) == set()
    assert its.mrouters(20) == {P3}
    assert its.mrouters(0) == set()
    its.hear(P1, old_report(2))
    assert its.mrouters(10) == set()
    its.take(its.engine.mrouter_add(vid=10, port=P3, now=its.now))
    assert its.mrouters(10) == set(), "kept, and leads nowhere"
    assert [(row.vid, row.port) for row in its.engine.mrouters(its.now, [10])] == [(10, P3)]
    assert its.hear(P1, old_report(2)) == set()
    its.become(p3=PortParams(name="p3", vlans=access(10)))
    assert its.mrouters(10) == {P3}
    assert its.hear(P1, old_report(2)) == {P3}


def test_report_flood_names_ports_that_are_members() -> None:
    its = following(report_flood=1 << P2 | 1 << P3)
    assert its.hear(P1, old_report(2)) == {R, P2}
    assert its.hear(P3, old_report(2)) == {R}


def test_a_message_of_a_vlan_that_its_port_has_left_leaves_nothing() -> None:
    """VLAN-3: it may have been handed up before."""
    its = following()
    data = old_report(2)
    assert its.take(its.engine.receive(port=P1, vid=20, frame=data, now=its.now)) == []
    assert its.take(its.engine.receive(port=P1, vid=0, frame=data, now=its.now)) == []
    assert its.count("vlan_filtered", P1) == 2
    assert its.count("rx_report_v2", P1) == 0
    assert not its.engine.mdb(its.now)


def test_a_static_entry_outside_its_vlan_is_kept_and_waits() -> None:
    its = following()
    its.add_static(P1, vid=20)
    assert its.reaches(G, OTHER, vid=20, ingress=P3) == {R}
    its.become(p1=PortParams(name="p1", vlans=trunk([20], native=10)))
    assert its.reaches(G, OTHER, vid=20, ingress=P3) == {R, P1}
    its.take(its.engine.static_del(static(P1, G, vid=20), now=its.now, by=By.COMMAND))
    assert its.reaches(G, OTHER, vid=20, ingress=P3) == {R, P1}, "nobody is registered"


# Split horizon -----------------------------------------------------------------------------------


def test_what_a_mesh_port_says_goes_to_no_other_mesh_port() -> None:
    """A querier behind a mesh port gets reports of ports outside the mesh alone."""
    mesh = {"split_horizon": "fabric"}
    its = lab({P1: mesh, P2: mesh, P3: {"vlans": access(10)}})
    its.hear(P1, query())
    assert its.mrouters(10) == {P1}
    assert its.hear(P2, old_report(2)) == set(), "its own switch of the mesh has said so there"
    assert its.hear(R, old_report(2, vid=10)) == {P1}
    assert its.hear(P3, old_report(2)) == {P1}
    assert its.hear(P2, query()) == {R, P3}
    assert its.count("tx_report_v2", P1) == 2


def test_what_is_passed_on_says_where_it_came_from() -> None:
    its = following()
    its.hear(P1, old_report(2))
    its.hear(R, query(vid=10))
    its.hear(P1, leave())
    passed = [e for _, e in its.effects if isinstance(e, Transmit)]
    assert [(each.came_from, each.ports) for each in passed] == [
        (P1, 1 << R),
        (R, 1 << P1 | 1 << P2),
        (P1, 1 << R),
    ]
