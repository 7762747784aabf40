"""Announced names on their way: from a frame that is handed up to what is shown (SAY-64)."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli import human, tables
from snoop.control import documents
from snoop.control.requests import Show
from snoop.table.seen import Punted
from snoop.wire import sap
from snoop.wire.address import parse
from unit import frames, shown
from unit.scene import Scene
from unit.wire.test_sap import description

NAME = "Stage Box"
TEXT = description("c=IN IP4 239.1.2.3/32", name=NAME)


def announcement(text: bytes = TEXT) -> bytes:
    return frames.announcement(sap.build(text, origin=parse("10.0.0.9"), message=1), src="10.0.0.9")


def hand_up(scene: Scene, frame: bytes, port: int = 0) -> None:
    scene.fastpath.waiting.append(Punted(port, 0, frame, 0))
    scene.plane.punted()


def rows(scene: Scene, what: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.ask(Show(what=what))[what]
    return found


@pytest.fixture
def scene() -> Scene:
    made = Scene().start()
    made.join(1)
    return made


def test_it_is_beside_the_operator_s_name_and_never_in_its_place(scene: Scene) -> None:
    hand_up(scene, announcement())
    for what in ("mdb", "hosts"):
        (row,) = rows(scene, what)
        assert (row["name"], row["announced"]) == (None, NAME)
    scene.configure(group=[{"group": "239.1.2.0/24", "name": "Mine"}])
    (row,) = rows(scene, "mdb")
    assert (row["name"], row["announced"]) == ("Mine", NAME)


def test_it_moves_its_counter_and_none_of_the_engine_s(scene: Scene) -> None:
    def count(name: str) -> int:
        return int(scene.ask(Show(what="counters"))["ports"]["p0"][name])

    before = scene.fastpath.rows.copy()
    hand_up(scene, announcement())
    hand_up(scene, announcement(TEXT.replace(b"o=", b"x=")))
    hand_up(scene, frames.announcement(b"\x21\0\0\1" + bytes(4)))
    for session in range(2, 4):
        text = TEXT.replace(b"3724394400", b"%d" % session)
        hand_up(scene, announcement(text))
    assert count("rx_announcement") == 2
    assert count("announcement_malformed") == 1
    assert count("announcement_unread") == 1
    assert count("announcement_limit") == 1
    assert count("not_control") == count("malformed") == 0
    assert scene.fastpath.rows == before


def test_a_port_reads_none_where_it_is_off(scene: Scene) -> None:
    """And what was read before is forgotten."""
    hand_up(scene, announcement())
    assert scene.fastpath.table.names == 0b1111
    scene.configure(switch={"announced_names": False})
    assert scene.fastpath.table.names == 0
    assert rows(scene, "mdb")[0]["announced"] is None
    hand_up(scene, announcement())  # it waited
    assert rows(scene, "mdb")[0]["announced"] is None


def test_tables_have_it_in_quotes(scene: Scene) -> None:
    entry = shown.entry("p1", announced=NAME)
    table = tables.mdb(documents.Mdb(switch="sw0", mdb=[entry]))
    assert f"“{NAME}”" in "\n".join(table.text())
    assert human.named(shown.entry("p1", name="Mine", announced=NAME)) == "Mine"
    assert human.named(shown.entry("p1")) is None
