"""The plane when thousands of things change at once, and when a VLAN ends."""

from __future__ import annotations

from snoop.fastpath import Punted
from snoop.runtime.plane import NOW, ROWS_MAX
from snoop.runtime.requests import Clear, Show
from snoop.wire import address, compose, ether, ipv4
from snoop.wire.address import ANY
from snoop.wire.messages import Record, RecordType
from unit.fake_fastpath import link
from unit.test_runtime_plane import ALL_V3, HOST, G, Scene


def test_thousands_of_changes_are_published_a_part_at_a_time() -> None:
    """F-5: a port that goes down with its whole table must not hold up everybody else."""
    scene = Scene(igmp={"querier": "on", "max_groups": 20_000}).start()
    groups = [address.mapped((0xEF010000 + n).to_bytes(4)) for n in range(10_000)]
    for start in range(0, len(groups), 100):
        scene.report(1, *(Record(RecordType.TO_EX, g, ()) for g in groups[start : start + 100]))
    assert len(scene.fastpath.rows) == 10_000
    scene.links.links["p1"] = link("p1", 11, up=False)
    before = scene.fastpath.publishes
    scene.plane.links_changed()
    assert scene.fastpath.publishes == before + 1
    left = sum(ports != 0 for ports in scene.fastpath.rows.values())
    assert 0 < left <= 10_000 - ROWS_MAX // 4
    while scene.plane.next_deadline() == NOW:
        scene.plane.advance()
    assert not any(scene.fastpath.rows.values())
    assert scene.fastpath.publishes - before <= 1 + 2 * 10_000 // ROWS_MAX


def test_a_vlan_that_ends_takes_its_row_along() -> None:
    scene = Scene().start()
    packet = ipv4.build(
        HOST, ALL_V3, 2,
        compose.build_report(version=3, records=(Record(RecordType.TO_EX, G, ()),)),
    )  # fmt: skip
    frame = ether.build(ether.multicast_mac(ALL_V3), b"\x02\0\0\0\x01\x0b", packet, vid=7)
    scene.fastpath.waiting.append(Punted(1, frame, 0))
    scene.plane.punted()
    assert 7 in scene.fastpath.vlans
    scene.ask(Clear(what="mdb"))
    assert 7 not in scene.fastpath.vlans
    assert (7, G, ANY) not in scene.fastpath.rows
    assert [row["vlan"] for row in scene.ask(Show(what="querier"))["queriers"]] == [0]
