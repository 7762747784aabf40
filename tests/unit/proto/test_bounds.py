"""What a port may take, and what nobody can take from it (SM-68, SM-69)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from snoop.proto import shares
from snoop.proto.effects import GroupChanged
from snoop.proto.params import FastLeave, Params, PortParams, QuerierMode, Unregistered
from snoop.proto.views import FilterMode
from snoop.table.mdb import compile_group
from snoop.wire.address import ANY, parse
from snoop.wire.messages import RecordType
from unit.device import P1, P2, P3, R
from unit.frames import ALLOW, OTHER, RQ, TO_EX, TO_IN
from unit.proto_lab import OWN, Lab, follower, hello, query, record, v3

KIB = 1 << 10


def group(number: int) -> str:
    return f"239.{10 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def join(lab: Lab, port: int, first: int, count: int, **how: object) -> None:
    for start in range(first, first + count, 100):
        numbers = range(start, min(start + 100, first + count))
        lab.hear(port, v3(*(record(TO_EX, group(n)) for n in numbers), **how))


def depart(lab: Lab, port: int, first: int, count: int, **how: object) -> None:
    for start in range(first, first + count, 100):
        numbers = range(start, min(start + 100, first + count))
        lab.hear(port, v3(*(record(TO_IN, group(n)) for n in numbers), **how))


def joined(lab: Lab, port: int, vid: int = 0) -> int:
    return sum(row.port == port and row.vid == vid for row in lab.engine.mdb(lab.now))


def held(lab: Lab, port: int) -> int:
    return lab.engine.port_state_bytes(port)


def vids(lab: Lab) -> list[int]:
    return lab.engine.vids()


def gets(lab: Lab, port: int, name: str, vid: int = 0) -> bool:
    """Does data of any source for a *registered* group go to the port?"""
    rows = compile_group(lab.engine.group_view(vid, parse(name)))
    return bool(rows[ANY] >> port & 1)


# Bytes of a port ---------------------------------------------------------------------------------


def test_a_port_takes_what_max_state_says_and_no_more() -> None:
    lab = follower(port={P1: {"max_state": 10 * shares.MEMBERSHIP}})
    join(lab, P1, 0, 15)
    assert joined(lab, P1) == 10
    assert held(lab, P1) == 10 * shares.MEMBERSHIP
    assert lab.count("state_limit", P1) == 5
    events = lab.events("limit")
    assert [(event.port, event.fields["reason"]) for event in events] == [
        (P1, "max_state reached: join refused")
    ]
    join(lab, P2, 0, 15)
    assert joined(lab, P2) == 15


def test_what_is_given_up_is_room_again() -> None:
    lab = follower(port={P1: {"max_state": 10 * shares.MEMBERSHIP}})
    join(lab, P1, 0, 10)
    lab.at(300)
    assert joined(lab, P1) == 0
    assert held(lab, P1) == 10 * shares.TOMBSTONE
    lab.at(600)
    assert held(lab, P1) == 0
    join(lab, P1, 0, 10)
    assert joined(lab, P1) == 10


def test_sources_that_do_not_fit_widen_the_entry() -> None:
    """SM-68: a superset, so that nothing wanted is lost."""
    lab = follower(port={P1: {"max_state": shares.MEMBERSHIP + 20 * shares.SOURCE}})
    sources = [f"192.0.2.{n}" for n in range(1, 31)]
    lab.hear(P1, v3(record(ALLOW, group(1), sources[:10])))
    assert lab.entry(P1, group(1)) == ("include", None, dict.fromkeys(sources[:10], 270.0))
    lab.hear(P1, v3(record(ALLOW, group(1), sources[10:])))
    assert lab.entry(P1, group(1)) == ("exclude", 270.0, {})
    assert lab.count("state_limit", P1) == 1
    assert lab.count("source_limit", P1) == 0


def test_hosts_that_do_not_fit_are_not_tracked_and_nothing_is_believed_of_them() -> None:
    room = shares.MEMBERSHIP + 5 * shares.HOST
    lab = follower(port={P1: {"max_state": room, "fast_leave": FastLeave.TRACKED}})
    for number in range(1, 20):
        lab.hear(P1, v3(record(TO_EX, group(1)), src=f"10.0.1.{number}"))
    assert len(lab.engine.hosts(lab.now)) == 6
    assert held(lab, P1) <= room
    assert lab.count("host_limit", P1) == 13
    for number in range(1, 20):
        lab.hear(P1, v3(record(TO_IN, group(1)), src=f"10.0.1.{number}"))
    assert lab.row(P1, group(1)) is not None, "one that was not tracked may still be there"


def test_what_a_new_host_costs_is_not_to_be_had_for_its_sources_too() -> None:
    room = shares.MEMBERSHIP + shares.HOST
    lab = follower(port={P1: {"max_state": room}})
    lab.hear(P1, v3(record(TO_EX, group(1))))
    lab.hear(P1, v3(record(TO_EX, group(1), ["192.0.2.1"]), src=OTHER))
    assert held(lab, P1) == room
    assert [(host.filter_mode, host.sources) for host in lab.engine.hosts(lab.now)] == [
        (FilterMode.EXCLUDE, ()),
        (FilterMode.EXCLUDE, ()),
    ], "wants all of it: a superset"


def test_what_a_new_vlan_costs_is_not_to_be_had_for_what_is_joined_in_it_too() -> None:
    room = shares.VLAN + shares.MEMBERSHIP
    lab = follower(port={P1: {"max_state": room}})
    lab.hear(P1, v3(record(ALLOW, group(1), ["192.0.2.1", "192.0.2.2"]), vid=7))
    assert held(lab, P1) == room
    assert lab.count("state_limit", P1) == 1
    lab.hear(P1, query("239.1.1.1", src="0.0.0.0", vid=8))
    assert held(lab, P1) == room, "what was not kept costs nothing"


def test_every_byte_comes_back() -> None:
    lab = Lab(
        querier=QuerierMode.ON,
        querier_address=parse(OWN),
        port={P2: {"fast_leave": FastLeave.TRACKED}},
    )
    for port in (P1, P2):
        for vid in (0, 7):
            join(lab, port, 0, 30, vid=vid)
            lab.hear(port, v3(record(ALLOW, group(99), ["192.0.2.1", "192.0.2.2"]), vid=vid))
            lab.hear(port, v3(record(ALLOW, group(99), ["192.0.2.3"]), vid=vid, src=OTHER))
            depart(lab, port, 0, 10, vid=vid)
            lab.hear(port, query(src=RQ, vid=vid))
    lab.hear(P1, hello(30))
    assert held(lab, P1) > 0
    lab.at(2_000)
    assert [held(lab, port) for port in (R, P1, P2, P3)] == [0, 0, 0, 0]
    for port in (P1, P2):
        join(lab, port, 0, 30)
        lab.take(lab.engine.port_down(port, now=lab.now))
    lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    assert [held(lab, port) for port in (R, P1, P2, P3)] == [0, 0, 0, 0]


def test_a_smaller_limit_takes_nothing_away() -> None:
    lab = follower()
    join(lab, P1, 0, 50)
    small = PortParams(name="p1", max_state=KIB)
    lab.take(lab.engine.configure(lab.params, {P1: small}, now=lab.now))
    join(lab, P1, 0, 60)
    assert joined(lab, P1) == 50
    assert lab.count("state_limit", P1) == 10


# A refusal cuts nobody ---------------------------------------------------------------------------


def full(**params: object) -> Lab:
    """P1 has joined group 0 and has room for no other; P2 has joined group 5."""
    lab = follower(port={P1: {"max_state": shares.MEMBERSHIP}}, **params)
    join(lab, P2, 5, 1)
    join(lab, P1, 0, 1)
    return lab


def test_a_refused_join_of_what_others_have_is_served_as_unregistered() -> None:
    lab = full()
    assert not gets(lab, P1, group(5))
    join(lab, P1, 5, 1)
    assert lab.row(P1, group(5)) is None
    assert gets(lab, P1, group(5))
    assert not gets(lab, P3, group(5))
    lab.at(10 + 269)
    join(lab, P2, 5, 1)
    assert gets(lab, P1, group(5))
    lab.at(10 + 270)
    assert not gets(lab, P1, group(5))


def test_a_group_that_others_open_later_is_not_cut_from_who_asked_in_vain() -> None:
    lab = follower(port={P1: {"max_state": shares.MEMBERSHIP}})
    join(lab, P1, 0, 1)
    join(lab, P1, 5, 1)  # nobody has it: unregistered, it floods
    lab.at(60)
    join(lab, P2, 5, 1)
    assert gets(lab, P1, group(5))
    lab.at(10 + 270)
    assert not gets(lab, P1, group(5))


def test_a_port_that_goes_down_is_no_longer_spared() -> None:
    lab = full()
    join(lab, P1, 5, 1)
    assert gets(lab, P1, group(5))
    lab.clear()
    lab.take(lab.engine.port_down(P1, now=lab.now))
    assert GroupChanged(0, parse(group(5))) in [effect for _, effect in lab.effects]
    lab.take(lab.engine.port_up(P1, now=lab.now))
    assert not gets(lab, P1, group(5))


def test_what_is_refused_follows_the_policy_for_unregistered_groups() -> None:
    lab = full(unregistered=Unregistered.MROUTERS)
    join(lab, P1, 5, 1)
    assert not gets(lab, P1, group(5))


def test_max_groups_of_the_port_is_the_operators_word_and_prunes() -> None:
    lab = follower(port={P1: {"max_groups": 1}})
    join(lab, P2, 5, 1)
    join(lab, P1, 0, 1)
    join(lab, P1, 5, 1)
    assert not gets(lab, P1, group(5))


def test_a_port_that_gets_room_is_a_member_like_any_other() -> None:
    lab = full()
    join(lab, P1, 5, 1)
    lab.take(lab.engine.configure(lab.params, {P1: PortParams(name="p1")}, now=lab.now))
    lab.hear(P1, v3(record(ALLOW, group(5), ["192.0.2.1"])))
    assert not gets(lab, P1, group(5)), "it wants one source only"


# Shares ------------------------------------------------------------------------------------------


def test_seven_hostile_ports_of_eight_leave_the_eighth_its_share() -> None:
    """F-6, with limits a hundredth of the default ones."""
    lab = Lab(ports=8, max_groups=320, max_groups_total=640, max_state=2 * 100 * shares.MEMBERSHIP)
    for port in range(1, 8):
        for vid in range(8):
            join(lab, port, 1000 * port, 320, vid=vid)
    full = lab.count("state_limit") + lab.count("table_full")
    assert full > 0
    join(lab, 0, 0, 20)
    assert joined(lab, 0) == 20
    assert lab.count("state_limit", 0) + lab.count("table_full", 0) == 0


def test_the_share_in_a_full_vlan_is_a_sixteenth_of_max_groups() -> None:
    lab = follower(max_groups=160)
    join(lab, P1, 0, 200)
    assert joined(lab, P1) == 160
    join(lab, P2, 1000, 30)
    assert joined(lab, P2) == 10
    assert lab.count("table_full", P2) == 20
    join(lab, P1, 2000, 5)
    assert joined(lab, P1) == 160


def test_vlan_0_has_a_share_of_the_whole_table() -> None:
    lab = follower(max_groups=160, max_groups_total=320)
    for vid in (1, 2):
        join(lab, P1, 0, 160, vid=vid)
        join(lab, P2, 0, 20, vid=vid)  # of groups that are there already
    join(lab, P2, 5000, 20)
    assert joined(lab, P2) == 10, "has used its own share, but VLAN 0 is empty"


def test_churn_evicts_the_tombstones_of_the_port_that_churns() -> None:
    lab = follower(max_groups=100, port={p: {"fast_leave": FastLeave.ON} for p in (P1, P2)})
    join(lab, P1, 0, 5)
    depart(lab, P1, 0, 5)
    for number in range(1000, 3000):
        join(lab, P2, number, 1)
        depart(lab, P2, number, 1)
    assert all(lab.holds(group(number)) for number in range(5))
    assert lab.count("tombstone_evicted") == 2000 - 95


def test_a_port_over_its_share_makes_room_with_its_tombstones() -> None:
    lab = follower(max_groups=100, port={P1: {"fast_leave": FastLeave.ON}})
    join(lab, P1, 0, 100)
    depart(lab, P1, 0, 100)
    join(lab, P2, 1000, 97)
    assert joined(lab, P2) == 94, "six, a sixteenth, is what P1 keeps in any case"
    assert lab.count("tombstone_evicted") == 94


def test_tombstones_make_room_for_bytes_too() -> None:
    state = {"max_state": 10 * shares.MEMBERSHIP, "fast_leave": FastLeave.ON}
    lab = follower(port={P1: state})
    for number in range(500):
        join(lab, P1, number, 1)
        depart(lab, P1, number, 1)
    assert held(lab, P1) <= 10 * shares.MEMBERSHIP
    assert lab.count("state_limit", P1) == 0


# All of it at random -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_random_lives_keep_to_the_limits_and_leave_nothing(seed: int) -> None:
    """Joins, leaves, refusals, flaps, clears, ports and settings that come and go, then silence."""
    rng = random.Random(seed)
    state = 12 * shares.MEMBERSHIP
    port = {p: {"max_state": state, "fast_leave": rng.choice(list(FastLeave))} for p in range(4)}
    tight = {"max_groups": 32, "max_groups_total": 48, "max_hosts": 20, "max_sources": 4}
    lab = Lab(
        port=port,
        querier=rng.choice(list(QuerierMode)),
        querier_address=parse(OWN),
        max_state=40 * shares.MEMBERSHIP,
        **tight,
    )
    for _ in range(1200):
        at, vid = rng.randrange(4), rng.choice((0, 0, 5, 6))
        src = f"10.0.1.{rng.randrange(1, 8)}"
        name = group(rng.randrange(40))
        sources = [f"192.0.2.{n}" for n in rng.sample(range(1, 9), rng.randrange(6))]
        match rng.randrange(20):
            case 0:
                lab.take(lab.engine.port_down(at, now=lab.now))
                lab.take(lab.engine.port_up(at, now=lab.now))
            case 1:
                gone = parse(name) if rng.random() < 0.7 else None
                lab.take(lab.engine.clear(vid=None, group=gone, port=None, now=lab.now))
            case 2:
                lab.take(lab.engine.port_remove(at, now=lab.now))
                lab.take(lab.engine.port_add(at, lab.port_params[at], now=lab.now))
                lab.take(lab.engine.port_up(at, now=lab.now))
            case 3:
                own = ((6, Params(**tight)),) if rng.random() < 0.5 else ()
                changed = replace(lab.params, vlans=own)
                lab.take(lab.engine.configure(changed, {}, now=lab.now))
            case 4:
                lab.hear(at, query(rng.choice((None, name)), src=src, vid=vid))
            case 5:
                lab.add_static(at, name, vid=vid)
                lab.remove_static(at, name, vid=vid)
            case _:
                kind = rng.choice(list(RecordType))
                lab.hear(at, v3(record(kind, name, sources), src=src, vid=vid))
        lab.at(lab.time + rng.choice((0, 0, 0.1, 1, 20)))
        rows = lab.engine.mdb(lab.now)
        for number in range(4):
            own_rows = sum(row.port == number and row.origin == "dynamic" for row in rows)
            assert own_rows * shares.MEMBERSHIP <= held(lab, number) <= state
        lab.clear()
    assert lab.count("state_limit") > 0
    lab.take(lab.engine.configure(replace(lab.params, vlans=()), {}, now=lab.now))
    lab.at(lab.time + 2_000)
    assert [held(lab, number) for number in range(4)] == [0, 0, 0, 0]
    assert list(lab.engine.groups()) == []
    assert vids(lab) == [0]
    assert lab.engine.mdb(lab.now) == lab.engine.hosts(lab.now) == []
