"""Who answered which query, and how a membership ended (SAY-1); joins refused: `test_witnesses`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.proto.params import FastLeave, MrouterMode
from snoop.proto.units import SECOND, Instant, seconds
from snoop.proto.views import DepartureRow, WitnessRow
from snoop.wire.address import parse, text
from unit.device import P1, P2, P3, R, ports_of
from unit.frames import BLOCK, HOST, IS_EX, IS_IN, OTHER, RQ, S1, SSM, TO_EX, TO_IN, G, H
from unit.proto_lab import (
    OWN,
    Lab,
    follower,
    leave,
    mac_of,
    old_report,
    querier,
    query,
    record,
    v3,
)

NOBODY = "0.0.0.0"


def host(lab: Lab, address: str = HOST, port: int = P1) -> WitnessRow:
    """The row of a host, of which there must be one."""
    rows = lab.engine.witnesses.hosts(lab.now, [port])
    (row,) = [row for row in rows if row.address == parse(address)]
    return row


def unanswered(lab: Lab, address: str = HOST, port: int = P1) -> int:
    return host(lab, address, port).unanswered


def gone(lab: Lab, group: str = G, port: int = P1) -> DepartureRow:
    (row,) = lab.engine.witnesses.gone(lab.now, [port], group=parse(group))
    return row


def asked(lab: Lab) -> list[tuple[float, str, int, frozenset[int], frozenset[int]]]:
    """(age, asker, hosts that answered, ports that did, silent ports) of each query."""
    return [
        (
            row.age / 10**9,
            text(row.address),
            row.answers,
            ports_of(row.answered),
            ports_of(row.silent),
        )
        for row in lab.engine.witnesses.asked(lab.now)
    ]


# Hosts -------------------------------------------------------------------------------------------


def test_host_that_answers_is_known_with_its_times() -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(160)
    lab.hear(P1, v3(record(IS_EX)))
    lab.at(200)
    row = host(lab)
    assert (row.vid, row.port, row.mac, row.version) == (0, P1, mac_of(HOST), 3)
    assert (row.first_heard, row.last_heard, row.answered) == (
        seconds(160), seconds(40), seconds(40),
    )  # fmt: skip
    assert (row.unanswered, row.left, row.moved) == (0, False, False)


def test_host_that_falls_silent_is_counted_query_by_query() -> None:
    """SAY-1: ours at 156.25 s, 281.25 s; each has 10 s to be answered, and half a second more."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    for when, count in ((166.7, 0), (166.75, 1), (291.7, 1), (291.75, 2)):
        lab.at(when)
        assert unanswered(lab) == count, when
    assert host(lab).answered is None
    (row,) = lab.engine.hosts(lab.now)
    assert (row.first_heard, row.last_heard, row.unanswered) == (
        seconds(251.75), seconds(251.75), 2,
    )  # fmt: skip
    lab.hear(P1, v3(record(IS_EX)))
    assert unanswered(lab) == 0


def test_change_that_nobody_asked_for_is_no_answer() -> None:
    """SAY-1: what tells a host that does not hear queries from one that does."""
    lab = querier()
    lab.at(157)
    lab.hear(P1, v3(record(TO_EX)))
    assert host(lab).answered is None
    lab.hear(P2, old_report(2, src=OTHER))
    assert host(lab, OTHER, P2).answered == 0, "of version 2 it may be one"
    lab.at(200)
    lab.hear(P3, old_report(2, src="10.0.0.13"))
    assert host(lab, "10.0.0.13", P3).answered is None, "no query was open"


@pytest.mark.parametrize("last", [v3(record(TO_IN)), v3(record(BLOCK, SSM, [S1])), leave()])
def test_host_that_said_it_leaves_owes_no_answer(last: bytes) -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, last)
    lab.at(300)
    assert (host(lab).left, unanswered(lab)) == (True, 0)
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(420)
    assert (host(lab).left, unanswered(lab)) == (False, 1)


def test_host_without_address_is_the_one_of_its_mac() -> None:
    """SAY-3."""
    lab = querier()
    mac = mac_of(HOST)
    lab.hear(P1, v3(record(TO_EX), src=NOBODY, src_mac=mac))
    assert host(lab, NOBODY).mac == mac
    lab.at(60)
    lab.hear(P1, v3(record(TO_EX, H), src_mac=mac))
    lab.at(80)
    lab.hear(P1, v3(record(TO_EX, H), src=NOBODY, src_mac=mac))
    (row,) = lab.engine.witnesses.hosts(lab.now)
    assert (row.address, row.first_heard, row.last_heard) == (parse(HOST), seconds(40), 0)
    lab.hear(P1, v3(record(TO_EX), src=OTHER, src_mac=mac))
    lab.hear(P1, v3(record(TO_EX), src=NOBODY, src_mac=mac))
    assert len(lab.engine.witnesses.hosts(lab.now)) == 3, "behind a proxy it may be anybody"


# What is a host's right --------------------------------------------------------------------------


def test_host_of_an_older_version_may_keep_quiet_if_another_answers() -> None:
    """SAY-1, RFC 2236 3: one on the same port answered at 158 s, nobody at 281 s."""
    lab = querier()
    lab.hear(P1, old_report(2))
    lab.hear(P1, old_report(2, H, src=OTHER))
    lab.at(158)
    lab.hear(P1, old_report(2, H, src=OTHER))
    lab.at(170)
    assert unanswered(lab) == 0
    lab.at(295)
    assert unanswered(lab) == 1


def test_host_of_version_3_may_too_where_queries_are_older() -> None:
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(R, query(version=2))
    lab.hear(P1, old_report(2, src=OTHER))
    lab.at(30)
    assert unanswered(lab) == 0
    lab.hear(R, query(version=2))
    lab.at(50)
    assert unanswered(lab) == 1


def test_host_where_reports_go_may_keep_quiet_because_of_other_ports() -> None:
    """SAY-1: behind a router port hosts hear what others report."""
    lab = querier(port={P1: {"mrouter": MrouterMode.ALWAYS}})
    lab.hear(P1, old_report(2))
    lab.at(158)
    lab.hear(P2, old_report(2, src=OTHER))
    lab.at(170)
    assert (unanswered(lab), asked(lab)[0][4]) == (0, frozenset())


def test_query_that_a_port_did_not_get_does_not_count_there() -> None:
    """SAY-1: where it came in, where the port was down, where it went to one port only."""
    lab = follower()
    lab.hear(R, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(20)
    lab.hear(R, query())
    lab.at(40)
    assert (unanswered(lab, port=R), unanswered(lab, port=P1)) == (0, 1)
    lab.take(lab.engine.port_down(P1, now=lab.now))
    lab.hear(R, query())
    lab.at(60)
    lab.take(lab.engine.port_up(P1, now=lab.now))
    lab.at(80)
    assert (host(lab).left, unanswered(lab)) == (True, 0)
    lab.take(lab.engine.query(vid=0, group=None, port=P1, now=lab.now))
    lab.hear(P1, v3(record(IS_EX)))
    assert host(lab).answered == 0


def test_query_of_a_stranger_does_not_count() -> None:
    """SAY-1: hosts may not hear it (Q-18); nor on a guarded port."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(20)
    lab.hear(P2, query(src="10.0.0.200"))
    lab.at(40)
    assert unanswered(lab) == 0
    assert [each[:2] for each in asked(lab)] == [(40, RQ), (40, NOBODY)]


def test_queries_that_overlap_are_one_question() -> None:
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(20)
    for _ in range(9):
        lab.hear(R, query())
        lab.run_to(Instant(lab.now + SECOND))
    lab.at(40)
    assert (unanswered(lab), len(asked(lab))) == (1, 3)


def test_host_that_moved_owes_no_answer_where_it_was() -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(100)
    lab.hear(P2, v3(record(TO_EX)))
    lab.at(200)
    assert (host(lab).moved, unanswered(lab)) == (True, 0)
    assert (host(lab, port=P2).moved, unanswered(lab, port=P2)) == (False, 1)


def test_host_that_is_refused_has_answered_all_the_same() -> None:
    lab = querier(ignore_v2=True)
    lab.hear(P1, old_report(2))
    lab.at(158)
    lab.hear(P1, old_report(2))
    lab.at(200)
    assert (unanswered(lab), host(lab).answered) == (0, seconds(42))


def test_snooping_switched_off_sees_no_leaves() -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    for enabled in (False, True):
        lab.params = replace(lab.params, enabled=enabled)
        lab.take(lab.engine.configure(lab.params, {}, now=lab.now))
    lab.at(400)
    assert (host(lab).left, unanswered(lab), gone(lab).how) == (True, 0, "disabled")


# Queries -----------------------------------------------------------------------------------------


def test_queries_are_known_with_who_answered_and_which_ports_are_silent() -> None:
    """SAY-1: nobody has joined on P3; on P1 one of two hosts answers, on P2 nobody does."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_EX), src=OTHER))
    lab.hear(P2, v3(record(TO_EX), src="10.0.0.13"))
    lab.at(157)
    for _ in range(2):
        lab.hear(P1, v3(record(IS_EX)))
    lab.at(166)
    assert asked(lab)[0] == (9.75, OWN, 1, {P1}, set())
    (row, *_) = lab.engine.witnesses.asked(lab.now)
    assert (row.port, row.version, row.left, ports_of(row.ports)) == (
        None, 3, seconds(0.25), {R, P1, P2, P3},
    )  # fmt: skip
    lab.at(167)
    assert asked(lab) == [
        (10.75, OWN, 1, {P1}, {P2}),
        (135.75, OWN, 0, set(), set()),
        (167, OWN, 0, set(), set()),
    ]


def test_queries_of_another_are_known_with_their_port_and_8_at_most() -> None:
    lab = follower()
    for _ in range(12):
        lab.hear(R, query())
        lab.run_to(Instant(lab.now + 20 * SECOND))
    rows = lab.engine.witnesses.asked(lab.now)
    assert {(text(row.address), row.port) for row in rows} == {(RQ, R)}
    assert [row.age for row in rows] == [seconds(20 * n) for n in range(1, 9)]
    assert lab.engine.witnesses.asked(lab.now, [7]) == []


def test_answer_is_one_to_every_query_that_is_open() -> None:
    """SAY-1: an operator asks besides, from 0.0.0.0; who answers that has answered the querier."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(20)
    lab.hear(R, query())
    lab.at(21)
    lab.take(lab.engine.query(vid=0, group=None, port=None, now=lab.now))
    lab.at(22)
    lab.hear(P1, v3(record(IS_EX)))
    lab.at(40)
    assert asked(lab)[:2] == [(19, NOBODY, 1, {P1}, set()), (20, RQ, 1, {P1}, set())]


def test_query_that_more_ports_get_is_another() -> None:
    """SAY-1: a port that came up in between was not asked by the first."""
    lab = follower()
    lab.take(lab.engine.port_down(P1, now=lab.now))
    lab.hear(R, query())
    lab.at(11)
    lab.take(lab.engine.port_up(P1, now=lab.now))
    lab.hear(P1, v3(record(IS_EX)))
    lab.at(12)
    lab.hear(R, query())
    lab.hear(P1, v3(record(IS_EX)))
    assert [each[:4] for each in asked(lab)[:2]] == [(0, RQ, 1, {P1}), (2, RQ, 0, set())]


def test_port_whose_host_has_just_left_is_not_silent() -> None:
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(156)
    lab.hear(P1, v3(record(TO_IN)))
    lab.at(170)
    assert asked(lab)[0][4] == frozenset()


# Departures --------------------------------------------------------------------------------------


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
    for number in range(300):
        name = f"10.1.{number >> 8}.{number & 255}"
        group = f"239.9.{number >> 8}.{number & 255}"
        lab.hear(P1, v3(record(TO_EX, group), src=name))
        lab.hear(P1, v3(record(TO_IN, group), src=name))
    rows = lab.engine.witnesses.hosts(lab.now, [P1])
    assert len(rows) == 256
    assert parse("10.1.0.43") not in {row.address for row in rows}
    assert parse("10.1.0.44") in {row.address for row in rows}
    left = {row.group for row in lab.engine.witnesses.gone(lab.now, [P1])}
    assert len(left) == 128
    assert parse("239.9.0.172") in left
    assert parse("239.9.0.171") not in left
    assert unanswered(lab, OTHER, P2) == 0
