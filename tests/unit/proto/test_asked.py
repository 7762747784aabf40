"""Who answered which query (SAY-1); how a membership ended: `test_departing`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.proto.params import MrouterMode
from snoop.proto.units import SECOND, Instant, seconds
from snoop.proto.views import WitnessRow
from snoop.wire.address import parse, text
from unit.device import P1, P2, P3, R, ports_of
from unit.frames import BLOCK, HOST, IS_EX, OTHER, RQ, S1, SSM, TO_EX, TO_IN, H
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
    assert (host(lab).left, unanswered(lab)) == (True, 0)
    assert [row.how for row in lab.engine.witnesses.gone(lab.now)] == ["disabled"]


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
