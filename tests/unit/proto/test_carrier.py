"""Ports that come and go with thousands of memberships, in thousands of VLANs."""

from __future__ import annotations

from snoop.proto.effects import Event, Transmit
from snoop.proto.params import QuerierMode
from snoop.wire.address import parse
from unit.device import P1, P2, R
from unit.frames import RQ, TO_EX, G
from unit.proto_lab import OWN, Lab, hello, old_report, query, record, v3

MANY = 1000


def group(number: int) -> str:
    return f"239.10.{number >> 8}.{number & 255}"


def full(port: int = P1, **params: object) -> Lab:
    """A lab with many groups on a port."""
    lab = Lab(**params)
    for start in range(0, MANY, 100):
        lab.hear(port, v3(*(record(TO_EX, group(n)) for n in range(start, start + 100))))
    lab.clear()
    return lab


def held(lab: Lab, port: int = P1) -> int:
    return sum(row.port == port for row in lab.engine.mdb(lab.now))


def turn(lab: Lab) -> None:
    """What the runtime does when the next deadline has come."""
    due = lab.engine.next_deadline()
    assert due is not None
    lab.now = max(lab.now, due)
    lab.take(lab.engine.advance(lab.now))


def down(lab: Lab, port: int = P1) -> None:
    lab.take(lab.engine.port_down(port, now=lab.now))


def up(lab: Lab, port: int = P1) -> None:
    lab.take(lab.engine.port_up(port, now=lab.now))


def states(lab: Lab) -> list[str]:
    return [str(event.fields["state"]) for event in lab.events("port")]


def test_memberships_of_a_port_that_goes_down_go_a_part_at_a_time() -> None:
    """SM-67: others' joins are served between two parts; the end is that of one go."""
    lab = full()
    before = held(lab)
    down(lab)
    while (after := held(lab)) > 0:
        assert before - after <= 200
        assert len(lab.events("leave")) == MANY - after
        lab.hear(P2, old_report(2))
        assert lab.row(P2) is not None
        before = after
        turn(lab)
    assert lab.time < 0.001
    assert states(lab) == ["down"]
    assert {event.fields["reason"] for event in lab.events("leave")} == {"port down"}
    assert lab.holds(group(1))  # a tombstone
    assert lab.engine.port_state_bytes(P1) == MANY * 1000


def test_few_memberships_go_at_once() -> None:
    """Their router records too."""
    lab = Lab()
    lab.hear(P1, old_report(2))
    lab.hear(P1, hello())
    down(lab)
    assert held(lab) == 0
    assert lab.mrouters() == set()


def test_port_that_is_back_too_soon_comes_up_when_it_is_empty() -> None:
    """It comes back empty, and is asked; till then nothing of it is learned."""
    lab = full(querier=QuerierMode.ON, querier_address=parse(OWN))
    down(lab)
    up(lab)
    assert states(lab) == ["down"]
    lab.hear(P1, old_report(2))
    assert lab.count("port_down", P1) == 1
    while states(lab) == ["down"]:
        assert P1 not in {port for _, ports, _ in lab.queries() for port in ports}
        turn(lab)
    assert held(lab) == 0
    assert states(lab) == ["down", "up"]
    assert lab.queries()[-1][1] == {P1}
    lab.hear(P1, old_report(2))
    assert lab.row(P1) is not None


def test_port_that_goes_down_again_meanwhile_stays_down() -> None:
    lab = full()
    down(lab)
    up(lab)
    down(lab)
    lab.at(1)
    assert held(lab) == 0
    assert states(lab) == ["down"]
    up(lab)
    assert states(lab) == ["down", "up"]


def test_port_that_is_removed_is_empty_at_once() -> None:
    """Its number may be another port's the next moment."""
    lab = full()
    down(lab)
    lab.take(lab.engine.port_remove(P1, now=lab.now))
    assert held(lab) == 0
    lab.take(lab.engine.port_add(P1, lab.port_params[P1], now=lab.now))
    up(lab)
    lab.hear(P1, old_report(2))
    assert held(lab) == 1
    lab.at(1)
    assert held(lab) == 1


def with_vlans(count: int) -> Lab:
    """A querier in so many VLANs, all of whose queriers have begun."""
    lab = Lab(querier=QuerierMode.ON, querier_address=parse(OWN))
    for vid in range(1, count + 1):
        lab.hear(P2, old_report(2, vid=vid))
    lab.at(count / 20 + 1)
    lab.clear()
    return lab


def asked(lab: Lab, port: int) -> list[int]:
    """The VLANs in which the port alone was asked."""
    frames = [effect for _, effect in lab.effects if isinstance(effect, Transmit)]
    sent = [each for each in frames if each.ports == 1 << port]
    return [each.vid for each in sent]


def test_port_that_comes_up_is_asked_in_every_vlan_a_part_at_a_time() -> None:
    """Q-14: each once, VLAN 0 first."""
    lab = with_vlans(300)
    down(lab)
    up(lab)
    assert 50 <= len(asked(lab, P1)) <= 100
    for _ in range(10):
        turn(lab)
    assert asked(lab, P1)[:301] == list(range(301))
    assert lab.time < 300 / 20 + 2


def test_flapping_port_is_asked_anew_and_not_twice_at_once() -> None:
    lab = with_vlans(300)
    for _ in range(5):
        down(lab)
        up(lab)
    first = len(asked(lab, P1))
    for _ in range(12):
        turn(lab)
    assert len(asked(lab, P1)) <= first + 301
    assert set(asked(lab, P1)) == set(range(301))
    assert [event for event in lab.events("port") if isinstance(event, Event)]


def test_others_are_not_touched() -> None:
    lab = full()
    lab.hear(P2, v3(*(record(TO_EX, group(n)) for n in range(100))))
    lab.hear(P2, hello(src=RQ))
    down(lab)
    lab.at(1)
    assert held(lab, P2) == 100
    assert lab.mrouters() == {P2}
    assert held(lab, R) == 0
    assert lab.row(P2, G) is None


def test_vlans_that_end_while_a_port_is_emptied_do_no_harm() -> None:
    """One whose last router record went with the last step of a part is gone at the next."""
    lab = Lab()
    for vid in range(1, 40):
        lab.hear(P1, query(vid=vid, src="0.0.0.0"))
    assert len(lab.engine.vids()) == 40
    down(lab)
    lab.at(1)
    assert lab.engine.vids() == [0]
    assert lab.mrouters() == set()
