"""Ports that leave and join VLANs, many VLANs and their limits (VLAN-1, SM-68)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from snoop.proto.engine import Engine
from snoop.proto.params import Params, PortParams
from snoop.proto.vlans import access, trunk
from snoop.wire.address import parse, text
from unit.device import P1, P2, P3, R
from unit.frames import RQ, TO_EX, TO_IN, G
from unit.proto_lab import Lab, old_report, query, record, v3
from unit.vlan_lab import OWNER, PORTS, asked_in, asking, fill, following, group, hello_in, lab

# Leaving and joining -----------------------------------------------------------------------------


def test_a_port_that_leaves_a_vlan_takes_along_what_was_learned_there_alone() -> None:
    """Decided: as if it had gone down in that VLAN."""
    its = following()
    for vid in (10, 20):
        its.hear(R, v3(record(TO_EX), vid=vid))
        its.hear(R, hello_in(vid))
    its.hear(P1, old_report(2))
    its.clear()
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    assert its.mrouters(20) == set()
    assert {(row.vid, row.port) for row in its.engine.mdb(its.now)} == {(10, R), (10, P1)}
    assert {row.vid for row in its.engine.hosts(its.now)} == {10}
    assert {row.vid for row in its.engine.mrouters(its.now)} == {10}
    assert [(e.vid, e.fields["reason"]) for e in its.events("leave")] == [(20, "left the VLAN")]
    assert [row.how for row in its.engine.witnesses.gone(its.now)] == ["vlan_left"]
    assert {e.vid for _, e in its.effects if hasattr(e, "group")} == {20}


def test_thousands_of_memberships_go_a_part_at_a_time() -> None:
    """Frames have their turn between, and one that comes from there leaves nothing."""
    its = following()
    fill(its, R, 10, 20)
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    seen = []
    while (left := len([row for row in its.engine.mdb(its.now) if row.vid == 20])) > 0:
        seen.append(left)
        data = old_report(2, "239.9.9.9")
        its.take(its.engine.receive(port=R, vid=20, frame=data, now=its.now))
        due = its.engine.next_deadline()
        assert due is not None
        its.now = max(its.now, due)
        its.take(its.engine.advance(its.now))
    assert len(seen) > 5
    assert max(a - b for a, b in pairwise(seen)) <= 200
    assert len(its.engine.mdb(its.now)) == 1000


def test_a_port_that_is_back_while_it_is_emptied_comes_back_empty() -> None:
    its = following()
    fill(its, R, 10, 20)
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    assert [row for row in its.engine.mdb(its.now) if row.vid == 20]
    its.become(p0=PortParams(name="p0", vlans=trunk([10, 20])))
    assert not [row for row in its.engine.mdb(its.now) if row.vid == 20]
    its.hear(R, v3(record(TO_EX), vid=20))
    its.at(12)
    assert [row.group for row in its.engine.mdb(its.now) if row.vid == 20] == [parse(G)]


def test_a_port_that_is_taken_away_while_it_is_emptied_leaves_nothing() -> None:
    its = following()
    fill(its, R, 10, 20)
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    its.port_down(R)
    its.take(its.engine.port_remove(R, now=its.now))
    its.at(600)
    assert not its.engine.mdb(its.now)
    assert its.engine.port_state_bytes(P1) == 0


def test_a_port_that_joins_a_vlan_is_asked_there_at_once() -> None:
    """Q-14: so that its hosts are known within the response time."""
    its = asking()
    its.become(p1=PortParams(name="p1", vlans=trunk([10, 20])))
    assert asked_in(its) == {20: {P1}}
    its.clear()
    its.become(p2=PortParams(name="p2", vlans=access(30)))
    its.at(41)
    assert asked_in(its) == {30: {P2}}
    assert not its.is_active(30)
    its.at(51)
    assert its.is_active(30)


def test_a_port_that_joins_under_another_querier_is_asked_from_0_0_0_0() -> None:
    its = following()
    its.become(p1=PortParams(name="p1", vlans=access(20)))
    ports, message = its.queries()[0][1:]
    assert (ports, message.version) == ({P1}, 3)


def test_an_instance_ends_when_its_vlan_has_no_port() -> None:
    its = asking()
    its.hear(P3, v3(record(TO_EX)))
    its.hear(P3, v3(record(TO_IN, "239.7.7.7"), record(TO_EX, "239.7.7.8")))
    its.become(
        p0=PortParams(name="p0", vlans=trunk([10])), p3=PortParams(name="p3", vlans=access(10))
    )
    its.at(42)
    assert its.engine.vids() == [10]
    assert its.engine.port_state_bytes(P3) == 0
    its.clear()
    its.at(400)
    assert asked_in(its).keys() == {10}


def test_an_instance_ends_with_the_last_port_that_is_taken_away() -> None:
    its = asking()
    its.hear(P3, v3(record(TO_EX)))
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    its.take(its.engine.port_remove(P3, now=its.now))
    assert its.engine.vids() == [10]


def test_the_querier_of_a_port_that_left_may_ask_from_another() -> None:
    """Q-18: it is not on its port any more."""
    its = following()
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    its.hear(P3, query(src=RQ))
    assert [row.port for row in its.engine.queriers(its.now) if row.vid == 20] == [P3]


@pytest.mark.parametrize("then", [True, False])
def test_filtering_is_switched_on_and_off(then: bool) -> None:
    """VLAN 0 is no more, or again; what is of no VLAN any more goes, and what was learned of
    frames without a tag: that VLAN is of tagged ones then.
    """
    plain = {f"p{number}": PortParams(name=f"p{number}") for number in PORTS}
    own = {f"p{n}": PortParams(name=f"p{n}", **PORTS[n]) for n in PORTS}  # type: ignore[arg-type]
    its = asking() if not then else Lab(**OWNER)
    its.at(40)
    its.hear(P1, old_report(2))
    its.hear(R, old_report(2, vid=10))
    params = Params(**OWNER, vlan_filtering=then)
    its.become(params, **(own if then else plain))
    its.at(45)
    mdb = {(row.vid, row.port) for row in its.engine.mdb(its.now)}
    if then:
        assert mdb == {(10, R)}
        assert its.engine.vids() == [10, 20]
    else:
        assert mdb == {(10, R)}
        assert its.engine.vids() == [0, 10]
        assert 0 in its.engine.vids()


# What survives -----------------------------------------------------------------------------------


def load(its: Lab, own: dict[int, dict[str, object]], **params: object) -> Engine:
    ports = {number: PortParams(name=f"p{number}", **own[number]) for number in own}  # type: ignore[arg-type]
    engine, effects = Engine.load(
        its.engine.dump(its.now), params=Params(vlan_filtering=True, **params), ports=ports,
        now=its.now,
    )  # fmt: skip
    its.clear()
    its.engine = engine
    its.take(effects)
    return engine


def test_what_is_loaded_where_a_port_is_no_more_is_left_out_and_said() -> None:
    its = asking()
    its.hear(R, v3(record(TO_EX), vid=10))
    its.hear(R, v3(record(TO_EX), vid=20))
    engine = load(its, PORTS | {R: {"vlans": trunk([10, 30])}}, **OWNER)
    assert {(row.vid, row.port) for row in engine.mdb(its.now)} == {(10, R)}
    reason = "port p0 is in other VLANs: what was learned where it was is left out"
    assert [(e.port, e.fields) for e in its.events("warning")] == [
        (R, {"reason": reason, "count": 1})
    ]
    its.at(45)
    assert asked_in(its) == {10: {R}, 30: {R}}, "it may be new there"


def test_a_dump_in_the_middle_of_leaving_goes_on() -> None:
    its = asking()
    fill(its, R, 20, 10)
    its.become(p0=PortParams(name="p0", vlans=trunk([10])))
    assert len([row for row in its.engine.mdb(its.now) if row.vid == 20]) > 500
    load(its, PORTS | {R: {"vlans": trunk([10])}}, **OWNER)
    its.at(41)
    assert {row.vid for row in its.engine.mdb(its.now)} == {10}
    assert len(its.engine.mdb(its.now)) == 1000


# Many --------------------------------------------------------------------------------------------


def test_queriers_of_a_trunk_begin_in_turn() -> None:
    """4094 VLANs must not be 4094 questions at once."""
    its = Lab(
        ports=2, port={n: {"vlans": trunk(range(1, 1001))} for n in range(2)},
        vlan_filtering=True, **OWNER,
    )  # fmt: skip
    its.at(0.001)
    assert 20 <= len(asked_in(its)) <= 60
    its.at(1)
    assert 200 <= len(asked_in(its)) <= 260
    its.at(6)
    assert len(asked_in(its)) == 1000
    assert len(its.engine.vids()) == 1000


def test_a_vlan_that_waits_for_its_turn_learns() -> None:
    """And keeps its turn: no frame of a stranger can have it begin before."""
    its = Lab(
        ports=2, port={n: {"vlans": trunk(range(1, 1001))} for n in range(2)},
        vlan_filtering=True, **OWNER,
    )  # fmt: skip
    its.at(0.001)
    its.hear(P1, v3(record(TO_EX), vid=1000))
    assert its.holds(vid=1000)
    assert 1000 not in asked_in(its)
    its.take(its.engine.query(vid=1000, group=None, port=None, now=its.now))
    its.at(6)
    assert 1000 in asked_in(its)
    assert its.holds(vid=1000)


# Limits ------------------------------------------------------------------------------------------


def test_port_max_groups_bounds_a_port_in_a_vlan() -> None:
    """SM-68: refused and counted as by the port's own limit."""
    its = following(vlans=((20, Params(port_max_groups=3)),))
    for vid in (10, 20):
        its.hear(R, v3(*(record(TO_EX, group(n)) for n in range(5)), vid=vid))
    its.hear(P3, v3(*(record(TO_EX, group(n)) for n in range(5, 8))))
    held = [(row.vid, row.port) for row in its.engine.mdb(its.now)]
    assert {key: held.count(key) for key in held} == {(10, R): 5, (20, R): 3, (20, P3): 3}
    assert its.count("port_limit", R) == 2
    assert its.count("port_limit", P3) == 0
    assert [e.fields["reason"] for e in its.events("limit")] == [
        "port_max_groups of the VLAN, 3, reached"
    ]
    assert {row.why for row in its.engine.witnesses.refused(its.now)} == {"port_limit"}


def test_a_lower_port_max_groups_is_not_let_in_over_a_restart() -> None:
    its = following()
    for n in range(5):
        its.at(11 + n)
        its.hear(R, v3(record(TO_EX, group(n)), vid=20))
        its.hear(R, v3(record(TO_EX, group(n)), vid=10))
    vlans = ((20, Params(port_max_groups=2)),)
    engine = load(its, PORTS, vlans=vlans)
    rows = [(row.vid, text(row.group)) for row in engine.mdb(its.now)]
    assert rows == [*((10, group(n)) for n in range(5)), (20, group(0)), (20, group(1))]


@pytest.mark.parametrize("limit", ["max_state", "groups"])
def test_a_vlan_that_a_host_fills_costs_no_other_its_share(limit: str) -> None:
    """F-5, F-6: of the same trunk and of others, with 16 VLANs."""
    many = list(range(1, 17))
    ports = {n: {"vlans": trunk(many)} for n in range(3)}
    params: dict[str, object] = {"max_groups": 512, "max_groups_total": 1024}
    if limit == "max_state":
        params = {}
        for own in ports.values():
            own["max_state"] = 4 << 20
    its = Lab(ports=3, port=ports, vlan_filtering=True, **params)  # type: ignore[arg-type]
    for vid in many[:-1]:
        for start in range(0, 3000, 100):
            records = [record(TO_EX, group(n)) for n in range(start, start + 100)]
            its.hear(P1, v3(*records, vid=vid))
    refused = its.count("state_limit" if limit == "max_state" else "table_full", P1)
    assert refused > 0
    mine = {row.group for row in its.engine.mdb(its.now)}
    assert len(mine) > 100
    for port in (P1, P2):
        its.hear(port, v3(*(record(TO_EX, f"239.200.{port}.{n}") for n in range(8)), vid=16))
        held = [row for row in its.engine.mdb(its.now) if (row.vid, row.port) == (16, port)]
        assert len(held) == 8


def test_a_trunk_may_have_more_vlans_than_hosts_may_open() -> None:
    """An operator said which there are: nobody is charged for them."""
    its = Lab(ports=2, port={n: {"vlans": trunk(range(1, 2001))} for n in range(2)},
              vlan_filtering=True)  # fmt: skip
    for vid in range(1, 2001):
        its.hear(P1, old_report(2, vid=vid))
    assert len(its.engine.vids()) == 2000
    assert its.count("vlan_limit") == 0


def test_ports_that_come_up_together_are_asked_together() -> None:
    """Q-14: a General Query to all ports is the question of each that was up, not one more."""
    its = lab(vlans=tuple((vid, Params(**OWNER)) for vid in (10, 20)))
    its.at(1)
    sent = [(message.group, ports) for _, ports, message in its.queries()]
    asked = {port: sum(port in ports for _, ports in sent) for port in range(4)}
    assert asked == {R: 2, P1: 1, P2: 1, P3: 1}
    its.clear()
    its.port_down(P1)
    its.port_up(P1)
    assert asked_in(its) == {10: {P1}}
