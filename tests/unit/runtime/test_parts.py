"""The plane when thousands of things change at once, and when a VLAN ends."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.control.requests import Clear, Show
from snoop.proto.effects import Effect
from snoop.proto.units import MILLISECOND, Instant
from snoop.runtime import clock
from snoop.runtime.publishing import NOW, VLANS_MAX
from snoop.table.seen import Punted
from snoop.wire import address, compose, ether, ipv4
from snoop.wire.address import ANY
from snoop.wire.messages import Record, RecordType
from unit.fake_fastpath import link
from unit.scene import ALL_V3, HOST, G, Scene

pytestmark = pytest.mark.usefixtures("own_time")


def test_thousands_of_changes_are_published_a_part_at_a_time() -> None:
    """F-5: a port that goes down with its whole table must not hold up everybody else."""
    scene = Scene(igmp={"querier": "on", "max_groups": 20_000}).start()
    groups = [address.mapped((0xEF010000 + n).to_bytes(4)) for n in range(10_000)]
    for start in range(0, len(groups), 100):
        scene.report(1, *(Record(RecordType.TO_EX, g, ()) for g in groups[start : start + 100]))
    assert len(scene.fastpath.rows) == 10_000
    scene.links.links["p1"] = link("p1", 11, up=False)
    before = scene.fastpath.publishes
    held = [sum(ports != 0 for ports in scene.fastpath.rows.values())]
    scene.plane.links_changed()
    while held[-1]:
        held.append(sum(ports != 0 for ports in scene.fastpath.rows.values()))
        assert held[-2] - held[-1] <= 200
        scene.plane.advance()
    assert 50 <= scene.fastpath.publishes - before <= 10_000 // 100


def test_a_reload_publishes_thousands_of_vlans_a_part_at_a_time() -> None:
    scene = Scene(igmp={"querier": "on", "max_groups": 20_000}).start()
    packet = ipv4.build(
        HOST, ALL_V3, 2,
        compose.build_report(version=3, records=(Record(RecordType.TO_EX, G, ()),)),
    )  # fmt: skip
    for vid in range(1, 4 * VLANS_MAX):
        frame = ether.build(ether.multicast_mac(ALL_V3), b"\x02\0\0\0\x01\x0b", packet)
        scene.fastpath.waiting.append(Punted(vid % 4, vid, frame, 0))
    while scene.fastpath.waiting or scene.plane.next_deadline() == NOW:
        scene.plane.punted()
    changed: list[int] = []
    scene.configure(switch={"unregistered": "mrouters"})
    while True:
        changed.append(
            sum(unregistered == 0 for _, _, unregistered in scene.fastpath.vlans.values())
        )
        if scene.plane.next_deadline() != NOW:
            break
        scene.plane.advance()
    assert len(changed) == 5
    assert changed[-1] == 4 * VLANS_MAX + 1
    assert all(b - a <= VLANS_MAX for a, b in zip([0, *changed], changed, strict=False))


def test_batch_that_takes_longer_than_thought_goes_on_in_the_next_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two milliseconds a frame: five of a hundred, then publish, timers and clients."""
    scene = Scene().start()
    spent = 0
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: Instant(real() + spent))
    engine = scene.plane.engine
    assert engine is not None
    receive = engine.receive

    def slow(**how: Any) -> list[Effect]:
        nonlocal spent
        spent += 2 * MILLISECOND
        return receive(**how)

    monkeypatch.setattr(engine, "receive", slow)
    scene.fastpath.waiting += [Punted(0, 0, b"", 0)] * 10
    turns = 0
    while turns == 0 or scene.ask(Show(what="counters"))["ports"]["p0"]["control_truncated"] < 10:
        assert turns == 0 or scene.plane.next_deadline() is not None
        scene.plane.advance() if turns else scene.plane.punted()
        turns += 1
    assert 2 <= turns <= 3
    assert not scene.fastpath.waiting


def test_a_vlan_that_ends_takes_its_row_along() -> None:
    scene = Scene().start()
    packet = ipv4.build(
        HOST, ALL_V3, 2,
        compose.build_report(version=3, records=(Record(RecordType.TO_EX, G, ()),)),
    )  # fmt: skip
    frame = ether.build(ether.multicast_mac(ALL_V3), b"\x02\0\0\0\x01\x0b", packet)
    scene.fastpath.waiting.append(Punted(1, 7, frame, 0))
    scene.plane.punted()
    assert 7 in scene.fastpath.vlans
    scene.ask(Clear(what="mdb"))
    assert 7 not in scene.fastpath.vlans
    assert (7, G, ANY) not in scene.fastpath.rows
    assert {row["vlan"] for row in scene.ask(Show(what="querier"))["queriers"]} == {0}
