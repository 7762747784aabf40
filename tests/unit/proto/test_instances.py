"""VLANs that begin with what is learned of them, and end when nothing is left (F-7, W-6)."""

from __future__ import annotations

import pytest

from snoop.proto import shares
from snoop.proto.params import Params, QuerierMode
from snoop.proto.units import seconds
from snoop.wire.address import parse
from unit.device import P1, P2, R
from unit.frames import TO_IN
from unit.proto.test_bounds import group, held, join, joined, vids
from unit.proto_lab import OWN, Lab, leave, old_report, query, record, v3


def test_a_vlan_ends_with_the_last_thing_that_is_known_of_it() -> None:
    """F-7."""
    lab = Lab(querier=QuerierMode.ON, querier_address=parse(OWN))
    lab.hear(P1, old_report(2, group(1), vid=7))
    assert vids(lab) == [0, 7]
    assert [row.vid for row in lab.engine.queriers(lab.now)] == [0, 7]
    lab.at(270)
    assert vids(lab) == [0, 7], "the tombstone"
    lab.clear()
    lab.at(540)
    assert vids(lab) == [0]
    assert [event.fields["role"] for event in lab.events("querier")] == ["none"]
    lab.clear()
    lab.at(2_000)
    assert {event.vid for event in lab.events("query")} == {0}
    assert held(lab, P1) == 0


def test_clear_ends_it_at_once() -> None:
    lab = Lab(querier=QuerierMode.ON, querier_address=parse(OWN))
    for vid in range(1, 101):
        lab.hear(P1, old_report(2, group(1), vid=vid))
    assert len(vids(lab)) == 101
    lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    assert vids(lab) == [0]
    lab.clear()
    lab.at(200)
    assert {event.vid for event in lab.events("query")} == {0}


def test_a_vlan_with_another_querier_stays_while_that_asks() -> None:
    lab = Lab()
    for turn in range(10):
        lab.at(125 * turn)
        lab.hear(R, query(vid=7))
        assert vids(lab) == [0, 7]
    lab.at(125 * 9 + 254)
    assert vids(lab) == [0, 7]
    lab.at(125 * 9 + 255)
    assert vids(lab) == [0]


@pytest.mark.parametrize(
    "data",
    [
        leave(group(1), vid=7),
        v3(record(TO_IN, group(1)), vid=7),
        old_report(2, "224.0.0.251", vid=7),
        old_report(2, "232.1.1.1", vid=7),
        query(group(1), src="0.0.0.0", vid=7),
    ],
)
def test_what_leaves_nothing_behind_makes_no_vlan_and_no_query(data: bytes) -> None:
    lab = Lab(querier=QuerierMode.ON, querier_address=parse(OWN))
    lab.clear()
    lab.hear(P1, data)
    assert vids(lab) == [0]
    assert lab.vlan_changes() == 0
    assert not [event for event in lab.events("query") if event.fields["direction"] == "sent"]


def test_settings_taken_out_end_what_they_started() -> None:
    """W-6."""
    own = Params(querier=QuerierMode.ON, querier_address=parse("10.7.0.1"))
    lab = Lab(vlans=((7, own),))
    assert [row.vid for row in lab.engine.queriers(lab.now)] == [0, 7]
    lab.take(lab.engine.configure(Params(), {}, now=lab.now))
    assert vids(lab) == [0]
    lab.clear()
    lab.at(1_000)
    assert lab.events("query") == []


def test_vlan_0_stays() -> None:
    lab = Lab()
    join(lab, P1, 0, 1)
    lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    assert vids(lab) == [0]


def test_queriers_of_new_vlans_begin_twenty_a_second() -> None:
    lab = Lab(querier=QuerierMode.ON, querier_address=parse(OWN), query_interval=seconds(1000))
    lab.at(100)
    lab.clear()
    for vid in range(1, 201):
        lab.hear(P1, old_report(2, group(1), vid=vid))
    sent = lab.events("query")
    assert len(sent) == 20
    assert not lab.is_active(150)
    lab.at(104.5)
    assert 100 <= len(lab.events("query")) <= 111
    lab.take(lab.engine.port_down(P2, now=lab.now))
    lab.take(lab.engine.port_up(P2, now=lab.now))  # not a way past the queue
    lab.at(110)
    assert {event.vid for event in lab.events("query")} == set(range(201))
    lab.at(121)
    assert all(lab.is_active(vid) for vid in range(1, 201))


def test_one_port_opens_a_bounded_number_of_vlans() -> None:
    lab = Lab()
    for vid in range(1, 2000):
        lab.hear(P1, old_report(2, group(1), vid=vid))
    assert len(vids(lab)) == 1 + shares.VLANS_MAX
    assert lab.count("vlan_limit", P1) == 1999 - shares.VLANS_MAX
    lab.hear(P2, old_report(2, group(1), vid=3000))
    assert 3000 in vids(lab)
    lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    lab.hear(P1, old_report(2, group(1), vid=4000))
    assert 4000 in vids(lab)
    assert lab.hear(P1, query(vid=4001)) == {0, 2, 3}


def test_a_configured_vlan_has_room_whatever_a_port_has_opened() -> None:
    lab = Lab(vlans=((3000, Params()),))
    for vid in range(1, 2000):
        lab.hear(P1, old_report(2, group(1), vid=vid))
    lab.hear(P1, old_report(2, group(1), vid=3000))
    assert joined(lab, P1, 3000) == 1


def test_reports_go_to_routers_whether_or_not_the_vlan_is_taken() -> None:
    lab = Lab()
    lab.take(lab.engine.mrouter_add(vid=7, port=R, now=lab.now))
    assert lab.hear(P1, leave(group(1), vid=7)) == {R}
    lab.take(lab.engine.mrouter_del(vid=7, port=R, now=lab.now))
    assert vids(lab) == [0]
