"""`proto.last_member`: last member queries, their repeats, their S flag, and where they go."""

from __future__ import annotations

import pytest

from snoop.proto.params import FastLeave
from snoop.proto.units import seconds
from snoop.wire import control
from snoop.wire.address import parse
from unit.device import P1, P2, R
from unit.frames import (
    ALLOW,
    BLOCK,
    HOST,
    IS_EX,
    IS_IN,
    OTHER,
    RQ,
    S1,
    S2,
    S3,
    SSM,
    TO_EX,
    TO_IN,
    G,
)
from unit.proto_lab import OWN, Lab, follower, leave, old_report, querier, query, record, v3


def left() -> Lab:
    """At 40 s the only host of the group on P1 has just left it."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.clear()
    lab.hear(P1, v3(record(TO_IN)))
    return lab


def beside_a_router() -> Lab:
    """P1 and P2 have members, R a router."""
    lab = querier()
    lab.engine.mrouter_add(vid=0, port=R, now=lab.now)
    for port in (P1, P2):
        lab.hear(port, v3(record(TO_EX)))
    lab.clear()
    return lab


def test_leave_is_asked_about_now_and_once_more() -> None:
    """SM-23, TM-8, TM-9: at 0 and 1 s, S clear, Max Resp 1 s; gone at 2 s and not before."""
    lab = querier()
    lab.hear(P1, old_report(2))
    lab.clear()
    lab.hear(P1, leave())
    lab.at(41.999)
    assert lab.entry(P1) is not None
    lab.at(42)
    assert lab.entry(P1) is None
    assert lab.asked() == [(40, {P1}, G, set(), False), (41, {P1}, G, set(), False)]
    (_, _, sent), _ = lab.queries()
    assert (sent.version, sent.max_response_ns, sent.qrv, sent.qqi_s) == (3, seconds(1), 2, 125)


def test_repeat_after_an_answer_only_reminds() -> None:
    """SM-23: the group timer is above LMQT again, so the second copy has S set."""
    lab = left()
    lab.at(40.5).hear(P1, v3(record(IS_EX), src=OTHER))
    lab.at(60)
    assert lab.asked() == [(40, {P1}, G, set(), False), (41, {P1}, G, set(), True)]
    assert lab.entry(P1) == ("exclude", 250.5, {})


def test_leave_said_twice_is_asked_about_once() -> None:
    """SM-25: hosts repeat what they say RV times; the check that runs is enough."""
    lab = left()
    lab.at(40.3).hear(P1, v3(record(TO_IN)))
    lab.at(45)
    assert [when for when, *_ in lab.asked()] == [40, 41]
    assert lab.entry(P1) is None


def test_leave_after_an_answer_is_a_new_question() -> None:
    lab = left()
    lab.at(40.2).hear(P1, v3(record(IS_EX), src=OTHER))
    lab.at(40.4).hear(P1, v3(record(TO_IN), src=OTHER))
    lab.at(50)
    assert [(when, s) for when, _, _, _, s in lab.asked()] == [
        (40, False),
        (40.4, False),
        (41.4, False),
    ]


def test_sources_are_asked_about_by_name() -> None:
    """SM-6, SM-24, idea 52: S1 goes after 2 s, S2 stays."""
    lab = querier()
    lab.hear(P1, v3(record(IS_IN, SSM, [S1, S2])))
    lab.clear()
    lab.hear(P1, v3(record(BLOCK, SSM, [S1])))
    lab.at(41.999)
    assert set(lab.entry(P1, SSM)[2]) == {S1, S2}
    lab.at(42)
    assert lab.entry(P1, SSM) == ("include", None, {S2: 268})
    assert lab.asked() == [(40, {P1}, SSM, {S1}, False), (41, {P1}, SSM, {S1}, False)]


def test_refreshed_source_moves_to_the_message_with_s_set() -> None:
    """SM-24, SM-25, idea 66: S=1 {refreshed} before S=0 {other}."""
    lab = querier()
    lab.hear(P1, v3(record(IS_IN, SSM, [S1, S2])))
    lab.clear()
    lab.hear(P1, v3(record(BLOCK, SSM, [S1, S2])))
    lab.at(40.5).hear(P1, v3(record(IS_IN, SSM, [S1]), src=OTHER))
    lab.at(50)
    assert lab.asked() == [
        (40, {P1}, SSM, {S1, S2}, False),
        (41, {P1}, SSM, {S1}, True),
        (41, {P1}, SSM, {S2}, False),
    ]
    assert set(lab.entry(P1, SSM)[2]) == {S1}


def test_each_source_keeps_its_own_repeats() -> None:
    """SM-25: a second leave in the window neither uses up nor delays the first one's repeat."""
    lab = querier()
    lab.hear(P1, v3(record(IS_IN, SSM, [S1, S2, S3])))
    lab.clear()
    lab.hear(P1, v3(record(BLOCK, SSM, [S1])))
    lab.at(40.4).hear(P1, v3(record(BLOCK, SSM, [S2])))
    lab.at(41).hear(P1, v3(record(BLOCK, SSM, [S3])))
    lab.at(50)
    assert [(when, sources) for when, _, _, sources, _ in lab.asked()] == [
        (40, {S1}),
        (40.4, {S2}),
        (41, {S1}),
        (41, {S3}),
        (41.4, {S2}),
        (42, {S3}),
    ]
    assert lab.entry(P1, SSM) is None


def test_group_question_spares_the_reminder_about_sources() -> None:
    """SM-12, SM-24: Q(G) and Q(G, X) both go; a refreshed source needs no message of its own."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX), record(ALLOW, sources=[S1, S2])))
    lab.clear()
    lab.hear(P1, v3(record(TO_IN)))
    lab.at(40.5).hear(P1, v3(record(IS_IN, sources=[S1]), src=OTHER))
    lab.at(50)
    assert lab.asked() == [
        (40, {P1}, G, set(), False),
        (40, {P1}, G, {S1, S2}, False),
        (41, {P1}, G, set(), False),
        (41, {P1}, G, {S2}, False),
    ]
    assert lab.entry(P1)[0] == "include"
    assert set(lab.entry(P1)[2]) == {S1}


def test_repeats_survive_the_loss_of_the_role() -> None:
    """Q-8, idea 81; our own address stays the source."""
    lab = left()
    lab.at(40.5).hear(R, query(src=RQ))
    assert lab.role() == "non-querier"
    lab.at(50)
    specific = [(when, ports) for when, ports, group, _, _ in lab.asked() if group]
    assert specific == [(40, {P1}), (41, {R, P1})]
    assert lab.entry(P1) is None


def test_as_non_querier_nobody_is_asked_and_no_timer_moves() -> None:
    """SM-66, Q-9."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(IS_IN, SSM, [S1])))
    lab.clear()
    lab.at(20).hear(P1, v3(record(TO_IN), record(BLOCK, SSM, [S1])))
    assert lab.entry(P1) == ("exclude", 260, {})
    assert lab.entry(P1, SSM) == ("include", None, {S1: 260})
    assert lab.asked() == []


def test_with_another_router_everybody_is_asked() -> None:
    """Q-12: members and router ports; the other port's timers stay (SM-62)."""
    lab = beside_a_router()
    lab.hear(P1, v3(record(TO_IN)))
    assert lab.asked() == [(40, {R, P1, P2}, G, set(), False)]
    assert lab.entry(P2) == ("exclude", 270, {})


@pytest.mark.parametrize(("version", "sends"), [(1, []), (2, [40, 41])])
def test_older_versions_ask_as_they_can(version: int, sends: list[float]) -> None:
    """Q-2: version 1 asks nobody and ignores leaves, version 2 asks about groups only."""
    lab = querier(version=version)
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(IS_IN, SSM, [S1])))
    lab.clear()
    lab.hear(P1, v3(record(BLOCK, SSM, [S1])))
    lab.hear(P1, leave())
    lab.at(50)
    assert [when for when, *_ in lab.asked()] == sends
    assert all(message.version == version for _, _, message in lab.queries())
    assert (lab.entry(P1) is None) == (version == 2)
    assert lab.entry(P1, SSM) == ("include", None, {S1: 260})


def test_v2_repeat_is_dropped_when_somebody_answered() -> None:
    """There is no S flag to tell other routers that it only reminds."""
    lab = querier(version=2)
    lab.hear(P1, old_report(2))
    lab.clear()
    lab.hear(P1, leave())
    lab.at(40.5).hear(P1, old_report(2, src=OTHER))
    lab.at(50)
    assert [when for when, *_ in lab.asked()] == [40]


def test_leaves_in_a_row_are_asked_about_in_their_turn() -> None:
    """SM-25: a thousand leaves a second are one question an interval, and a few at first."""
    lab = beside_a_router()
    for step in range(500):
        lab.at(40 + step / 100)
        for port in (P1, P2):
            lab.hear(port, v3(record(TO_EX), src=OTHER))
            lab.hear(port, v3(record(TO_IN), src=OTHER))
    asked = len(lab.asked())
    assert asked <= 5 + 2 * 4 + 2
    lab.at(60)
    assert len(lab.asked()) <= asked + 4
    assert lab.entry(P1) is lab.entry(P2) is None


def test_sources_in_a_row_are_asked_about_together() -> None:
    """SM-25: many names do not help."""
    lab = querier()
    sources = [f"192.0.2.{i}" for i in range(1, 61)]
    lab.hear(P1, v3(record(IS_IN, SSM, sources)))
    lab.clear()
    for step, source in enumerate(sources):
        lab.at(40 + step / 100).hear(P1, v3(record(BLOCK, SSM, [source])))
    lab.at(45)
    assert len(lab.asked()) <= 5 + 2 * 4
    assert {s for _, _, _, some, _ in lab.asked() for s in some} == set(sources)
    assert lab.entry(P1, SSM) is None


def test_a_question_in_its_turn_leaves_time_to_answer() -> None:
    """SM-23: with one question in all, too; nobody who answers is cut."""
    lab = querier(last_member_query_count=1)
    lab.hear(P1, v3(record(TO_EX)))
    for step in range(10):
        lab.at(40 + step / 20)
        lab.hear(P1, v3(record(TO_EX)))
        lab.hear(P1, v3(record(TO_IN)))
    last = max(when for when, *_ in lab.at(41.2).asked())
    assert lab.entry(P1)[1] == pytest.approx(last + 1 - 41.2)


def test_long_list_is_asked_about_in_several_queries() -> None:
    """Spec 1.3: 366 sources fit a frame of 1500 bytes."""
    lab = querier(max_sources=1000)
    sources = [f"192.0.{i >> 8}.{i & 255}" for i in range(2, 502)]
    lab.hear(P1, v3(record(IS_IN, SSM, sources)))
    lab.clear()
    lab.hear(P1, v3(record(TO_IN, SSM)))
    assert [len(asked) for *_, asked, _ in lab.asked()] == [366, 134]


def test_port_that_goes_down_ends_its_check() -> None:
    """SM-67: nothing is left to ask, also when the port comes back."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(TO_IN)))
    lab.take(lab.engine.port_down(P1, now=lab.now))
    lab.take(lab.engine.port_up(P1, now=lab.now))
    lab.hear(P1, v3(record(TO_EX)))
    lab.clear()
    lab.at(45)
    assert lab.asked() == []
    assert lab.entry(P1) == ("exclude", 265, {})


def test_what_a_tracked_host_is_believed_to_want_is_asked_about() -> None:
    """SAY-3: it may have died without a word, and only an answer shows that it did not."""
    lab = querier(port={P1: {"fast_leave": FastLeave.TRACKED}})
    lab.hear(P1, v3(record(IS_IN, SSM, [S1, S2]), src=HOST))
    lab.hear(P1, v3(record(IS_IN, SSM, [S2]), src=OTHER))
    lab.clear()
    lab.hear(P1, v3(record(TO_IN, SSM), src=HOST))
    assert lab.asked() == [(40, {P1}, SSM, {S1, S2}, False)]
    lab.at(41).hear(P1, v3(record(IS_IN, SSM, [S2]), src=OTHER))
    lab.at(50)
    assert lab.entry(P1, SSM) == ("include", None, {S2: 261})


def test_leave_beside_a_tracked_host_that_died_ends_the_stream_in_time() -> None:
    """SAY-3: as with `fast_leave = "off"`, not a membership interval later."""
    lab = querier(port={P1: {"fast_leave": FastLeave.TRACKED}})
    for host in (HOST, OTHER):
        lab.hear(P1, v3(record(TO_EX), src=host))
    lab.clear()
    lab.hear(P1, v3(record(TO_IN), src=HOST))
    assert lab.asked() == [(40, {P1}, G, set(), False)]
    lab.at(41.999)
    assert lab.entry(P1) is not None
    lab.at(42)
    assert lab.entry(P1) is None


def test_host_that_got_its_address_since_leaves_at_once() -> None:
    """SAY-3: one MAC at 0.0.0.0 and at one address is one host, so nobody is left to ask."""
    lab = querier(port={P1: {"fast_leave": FastLeave.TRACKED}})
    mac = b"\x02\0\0\0\0\x71"
    for src in ("0.0.0.0", HOST):
        lab.hear(P1, v3(record(TO_EX), src=src, src_mac=mac))
    assert [row.address for row in lab.engine.hosts(lab.now)] == [parse(HOST)]
    lab.clear()
    lab.hear(P1, v3(record(TO_IN), src=HOST, src_mac=mac))
    assert lab.entry(P1) is None
    assert lab.asked() == []


def test_queries_come_from_our_address() -> None:
    """Q-6."""

    lab = querier()
    lab.hear(P1, v3(record(TO_EX)))
    (sent,) = [
        effect.frame
        for effect in lab.engine.receive(port=P1, vid=0, frame=v3(record(TO_IN)), now=lab.now)
        if hasattr(effect, "frame")
    ]
    parsed = control.parse(sent)
    assert (parsed.ip.src, parsed.ip.dst, parsed.ip.ttl) == (parse(OWN), parse(G), 1)
    assert parsed.ip.router_alert
