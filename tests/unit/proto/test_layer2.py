"""Groups by their MAC address: static entries alone, of what is not IP (L2-3)."""

from __future__ import annotations

import pytest

from snoop.proto.dumping import BadState
from snoop.proto.effects import By, Event, GroupChanged
from snoop.proto.engine import Engine
from snoop.proto.groups import Full
from snoop.proto.params import Params, PortParams
from snoop.proto.statics import StaticEntry
from snoop.proto.units import seconds
from snoop.wire.address import group_text, of_mac, parse_mac, why_not_by_mac
from unit.device import P1, P2, P3, R
from unit.frames import OTHER, G
from unit.proto_lab import Lab

MAC = "01:00:00:01:02:03"
GROUP = of_mac(parse_mac(MAC))
FRAME = parse_mac(MAC) + bytes.fromhex("020000000b0b 88b6") + bytes(46)


def entry(port: int, mac: str = MAC, vid: int = 0) -> StaticEntry:
    return StaticEntry(vid, of_mac(parse_mac(mac)), None, port)


def add(lab: Lab, port: int, mac: str = MAC, vid: int = 0) -> None:
    lab.take(lab.engine.static_add(entry(port, mac, vid), now=lab.now))


def remove(lab: Lab, port: int, mac: str = MAC, vid: int = 0) -> None:
    lab.take(lab.engine.static_del(entry(port, mac, vid), now=lab.now))


def goes(lab: Lab, frame: bytes = FRAME, by: int = R) -> set[int]:
    return {n for n in range(8) if lab.table.decide(by, frame).ports >> n & 1}


def test_a_frame_to_it_goes_to_the_ports_it_is_said_of_and_others_flood() -> None:
    """Whoever asks or does not: no querier keeps it alive."""
    lab = Lab()
    assert goes(lab) == {P1, P2, P3}
    add(lab, P1)
    assert goes(lab) == {P1}
    assert goes(lab, parse_mac("01:00:00:01:02:04") + FRAME[6:]) == {P1, P2, P3}
    assert goes(lab, by=P1) == set()
    add(lab, P2)
    assert goes(lab) == {P1, P2}
    remove(lab, P1)
    assert goes(lab) == {P2}
    remove(lab, P2)
    assert goes(lab) == {P1, P2, P3}


def test_it_is_of_its_vlan() -> None:
    """VLAN-1."""
    lab = Lab()
    add(lab, P1, vid=10)
    tagged = FRAME[:12] + bytes.fromhex("8100000a") + FRAME[12:]
    assert goes(lab, tagged) == {P1}
    assert goes(lab) == {P1, P2, P3}
    assert lab.engine.vids() == [0], "no instance of either family"


def test_a_port_that_goes_down_keeps_it_and_one_that_is_taken_away_does_not() -> None:
    lab = Lab()
    add(lab, P1)
    lab.port_down(P1)
    assert goes(lab) == set()
    lab.port_up(P1)
    assert goes(lab) == {P1}
    lab.clear()
    lab.take(lab.engine.port_remove(P1, now=lab.now))
    assert goes(lab) == {P1, P2, P3}
    (event,) = lab.events("static")
    assert event.fields == {"change": "removed", "group": MAC, "source": None, "by": By.FILE}


def test_it_is_shown_after_the_groups_of_ip() -> None:
    lab = Lab()
    add(lab, P2)
    lab.add_static(P1, G)
    add(lab, P1)
    lab.at(5)
    rows = lab.engine.mdb(lab.now)
    assert [(group_text(row.group), row.port) for row in rows] == [(G, P1), (MAC, P1), (MAC, P2)]
    row = rows[1]
    assert (row.family, row.compatibility, row.origin) == (None, None, "static")
    assert row.uptime == seconds(5)
    assert list(lab.engine.keys(group=GROUP)) == [(0, GROUP)]
    assert list(lab.engine.keys(vid=7)) == []
    assert set(lab.engine.groups()) >= {(0, GROUP)}
    lab.take(lab.engine.clear(vid=None, group=None, port=None, now=lab.now))
    assert len(lab.engine.mdb(lab.now)) == 3, "an operator's word stays"


def test_it_is_told_and_added_once() -> None:
    lab = Lab()
    effects = lab.engine.static_add(entry(P1), now=lab.now, by=By.FILE)
    fields = {"change": "added", "group": MAC, "source": None, "by": By.FILE}
    assert [e for e in effects if isinstance(e, Event)] == [Event("static", 0, P1, fields)]  # type: ignore[arg-type]
    assert [e for e in effects if isinstance(e, GroupChanged)] == [GroupChanged(0, GROUP)]
    assert lab.engine.static_add(entry(P1), now=lab.now) == []


@pytest.mark.parametrize(
    ("mac", "why"),
    [
        ("00:00:00:00:00:00", "not the MAC address of a group"),
        ("02:00:00:00:00:01", "not the MAC address of a group"),
        ("ff:ff:ff:ff:ff:ff", "broadcast"),
        ("01:00:5e:81:02:03", "of 32 IPv4 groups, 224.1.2.3 and others"),
        ("33:33:00:01:02:03", "of the IPv6 groups"),
        ("01:80:c2:00:00:00", "reserved"),
        ("01:80:c2:00:00:0f", "reserved"),
    ],
)
def test_what_is_no_such_group_is_refused(mac: str, why: str) -> None:
    lab = Lab()
    said = why_not_by_mac(parse_mac(mac))
    assert said is not None
    assert said.startswith(why)
    with pytest.raises(ValueError, match=f"group {mac} is not allowed: {why}"):
        lab.engine.static_add(entry(P1, mac), now=lab.now)


def test_it_has_no_source_and_a_vlan_and_a_port_that_there_are() -> None:
    lab = Lab()
    with pytest.raises(ValueError, match="a group by its MAC address has none"):
        lab.engine.static_add(entry(P1)._replace(source=lab.address_of(OTHER)), now=lab.now)
    with pytest.raises(ValueError, match="vlan 4095 is not allowed"):
        lab.engine.static_add(entry(P1, vid=4095), now=lab.now)
    with pytest.raises(KeyError):
        lab.engine.static_add(entry(99), now=lab.now)
    for wrong in (entry(P1), entry(P1, "01:00:00:00:00:09")):
        with pytest.raises(KeyError):
            lab.engine.static_del(wrong, now=lab.now)
    assert why_not_by_mac(parse_mac("01:80:c2:00:00:10")) is None


def test_they_have_the_limit_of_learned_groups_in_each_vlan() -> None:
    """N-8: whatever else is there."""
    lab = Lab(max_groups=2)
    for vid in (0, 5):
        add(lab, P1, vid=vid)
        add(lab, P1, "01:00:00:00:00:01", vid=vid)
        with pytest.raises(Full, match="max_groups, 2, groups by MAC address"):
            lab.engine.static_add(entry(P1, "01:00:00:00:00:02", vid), now=lab.now)
        add(lab, P2, vid=vid)
    lab.add_static(P1, G)
    remove(lab, P1, "01:00:00:00:00:01")
    add(lab, P1, "01:00:00:00:00:02")


def test_it_survives() -> None:
    lab = Lab()
    add(lab, P1, vid=7)
    add(lab, P3)
    lab.at(9)
    dumped = lab.engine.dump(lab.now)
    ports = {P1: PortParams(name="p3"), P2: PortParams(name="p2")}
    engine, effects = Engine.load(dumped, params=Params(), ports=ports, now=lab.now)
    rows = [(row.vid, row.port, row.uptime) for row in engine.mdb(lab.now)]
    assert rows == [(0, P1, seconds(9))], "p1 is gone, p3 has its number"
    assert GroupChanged(0, GROUP) in effects
    entries = ((0, GROUP, P1, lab.now), (0, GROUP, P1, lab.now))
    for wrong in (
        entries,
        ((0, bytes(16), P1, lab.now),),
        ((4095, GROUP, P1, lab.now),),
        ((0, GROUP, 77, lab.now),),
        ((0, GROUP, P1, lab.now + 1),),
        ((0, of_mac(parse_mac("33:33:00:00:00:01")), P1, lab.now),),
    ):
        bad = dumped._replace(layer2=dumped.layer2._replace(entries=wrong))
        with pytest.raises(BadState):
            Engine.load(bad, params=Params(), ports=ports, now=lab.now)
