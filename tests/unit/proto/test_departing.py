"""How a membership ended, and whose it was (SAY-1); what a port remembers of that is bounded."""

from __future__ import annotations

import pytest

from snoop.proto.params import FastLeave
from snoop.proto.units import SECOND, Instant, seconds
from snoop.proto.views import DepartureRow
from snoop.wire.address import parse, text
from unit.device import P1, P2
from unit.frames import BLOCK, HOST, IS_EX, IS_IN, OTHER, S1, SSM, TO_EX, TO_IN, G, H
from unit.proto_lab import (
    Lab,
    leave,
    mac_of,
    querier,
    record,
    v3,
)


def gone(lab: Lab, group: str = G, port: int = P1) -> DepartureRow:
    (row,) = lab.engine.witnesses.gone(lab.now, [port], group=parse(group))
    return row


def said(lab: Lab, kind: str) -> list[tuple[object, ...]]:
    """(reporter, last heard, unanswered) of each event."""
    return [
        tuple(event.fields.get(name) for name in ("reporter", "mac", "last_heard", "unanswered"))
        for event in lab.events(kind)
    ]


def test_expiry_names_the_host_that_fell_silent_and_the_queries() -> None:
    """SAY-1: reported at 40 s, did not answer 2 queries, gone at 310 s."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(320)
    assert said(lab, "expire") == [(HOST, "02:00:0a:00:00:0b", 270.0, 2)]
    row = gone(lab)
    assert (row.how, row.address, row.mac) == ("expired", parse(HOST), mac_of(HOST))
    assert (row.age, row.last_heard, row.unanswered, row.others) == (
        seconds(10), seconds(270), 2, (),
    )  # fmt: skip
    lab.hear(P1, v3(record(TO_EX)))
    assert lab.engine.witnesses.gone(lab.now) == []


def test_host_that_answers_but_wants_the_group_no_more_is_not_silent() -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX), record(TO_EX, H)))
    for when in (160, 290):
        lab.at(when)
        lab.hear(P1, v3(record(IS_EX, H)))
    lab.at(310)
    assert (gone(lab).how, gone(lab).last_heard, gone(lab).unanswered) == (
        "expired", seconds(20), 0,
    )  # fmt: skip


def test_several_that_fell_silent_are_named_the_last_first() -> None:
    lab = querier()
    for last in range(1, 8):
        lab.hear(P1, v3(record(TO_EX), src=f"10.0.0.{last}"))
        lab.run_to(Instant(lab.now + SECOND))
    lab.at(330)
    assert text(gone(lab).address) == "10.0.0.7"
    assert [text(address) for _, address in gone(lab).others] == [
        "10.0.0.6", "10.0.0.5", "10.0.0.4", "10.0.0.3",
    ]  # fmt: skip


@pytest.mark.parametrize("tracking", [True, False])
def test_leave_that_nobody_objects_to_names_who_left(tracking: bool) -> None:
    lab = querier(port={P1: {"explicit_tracking": tracking}})
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(60)
    lab.hear(P1, v3(record(TO_IN)))
    lab.at(63)
    assert (gone(lab).how, gone(lab).address, gone(lab).unanswered) == ("left", parse(HOST), 0)
    assert gone(lab).last_heard == seconds(2)
    assert said(lab, "expire") == [(HOST, "02:00:0a:00:00:0b", 2.0, 0)]


def test_leave_names_who_did_not_object_though_it_wanted_the_group() -> None:
    """SAY-1: one leaves, the other is dead and did not answer the question."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX), src=OTHER))
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(60)
    lab.hear(P1, v3(record(TO_IN)))
    lab.at(63)
    assert (gone(lab).how, gone(lab).address) == ("left", parse(HOST))
    assert gone(lab).others == ((mac_of(OTHER), parse(OTHER)),)


@pytest.mark.parametrize("tracking", [True, False])
def test_silence_after_a_leave_that_somebody_objected_to_is_silence(tracking: bool) -> None:
    lab = querier(port={P1: {"explicit_tracking": tracking}})
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(60)
    lab.hear(P1, v3(record(TO_IN)))
    lab.hear(P1, v3(record(IS_EX), src=OTHER))
    lab.at(335)
    assert (gone(lab).how, gone(lab).address, gone(lab).unanswered) == ("expired", parse(OTHER), 2)


def test_sources_that_are_blocked_one_by_one_are_left() -> None:
    lab = querier()
    lab.hear(P1, v3(record(IS_IN, SSM, [S1])))
    lab.hear(P1, v3(record(BLOCK, SSM, [S1])))
    lab.at(50)
    assert gone(lab, SSM).how == "left"


def test_fast_leave_names_who_left_and_whom_it_took_along() -> None:
    lab = querier(port={P1: {"fast_leave": FastLeave.ON}})
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_EX), src=OTHER))
    lab.hear(P1, v3(record(TO_IN)))
    assert (gone(lab).how, gone(lab).address) == ("fast_leave", parse(HOST))
    assert gone(lab).others == ((mac_of(OTHER), parse(OTHER)),)


def test_what_is_dropped_says_how() -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P2, v3(record(TO_EX), src=OTHER))
    lab.at(170)
    lab.take(lab.engine.clear(vid=None, group=None, port=P1, now=lab.now))
    lab.take(lab.engine.port_down(P2, now=lab.now))
    assert [(gone(lab, port=port).how, gone(lab, port=port).unanswered) for port in (P1, P2)] == [
        ("cleared", 1), ("port_down", 1),
    ]  # fmt: skip
    assert said(lab, "leave") == [
        (HOST, "02:00:0a:00:00:0b", 130.0, 1), (OTHER, "02:00:0a:00:00:0c", 130.0, 1),
    ]  # fmt: skip


# Bounds ------------------------------------------------------------------------------------------


def test_hosts_and_departures_of_a_port_push_out_its_own_only() -> None:
    """A host may call itself anything, and leave any number of groups."""
    lab = querier(port={P1: {"fast_leave": FastLeave.ON}})
    lab.hear(P2, v3(record(TO_EX), src=OTHER))
    lab.hear(P2, leave(src=OTHER))
    for number in range(556):
        name = f"10.1.{number >> 8}.{number & 255}"
        group = f"239.9.{number >> 8}.{number & 255}"
        lab.hear(P1, v3(record(TO_EX, group), src=name))
        lab.hear(P1, v3(record(TO_IN, group), src=name))
    rows = lab.engine.witnesses.hosts(lab.now, [P1])
    assert len(rows) == 512
    assert parse("10.1.0.43") not in {row.address for row in rows}
    assert parse("10.1.0.44") in {row.address for row in rows}
    left = {row.group for row in lab.engine.witnesses.gone(lab.now, [P1])}
    assert len(left) == 256
    assert parse("239.9.1.44") in left
    assert parse("239.9.1.43") not in left
    assert len(lab.engine.witnesses.hosts(lab.now, [P2])) == 1
