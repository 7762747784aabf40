"""`proto.querier`: roles, schedule, adoption, and when a VLAN prunes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.proto.params import NoQuerier, QuerierMode
from snoop.proto.units import SECOND, Instant, seconds
from snoop.wire.address import parse
from unit.device import P1, P2, P3, R
from unit.frames import RQ, TO_EX
from unit.proto_lab import OWN, Lab, follower, querier, query, record, v3

ON = {"querier": QuerierMode.ON, "querier_address": parse(OWN)}
AUTO = {**ON, "querier": QuerierMode.AUTO}
HIGHER = "10.0.0.200"


def reload(lab: Lab, **changes: object) -> None:
    lab.params = replace(lab.params, **changes)  # type: ignore[arg-type]  # keywords are the callee's
    lab.take(lab.engine.configure(lab.params, {}, now=lab.now))


def test_every_port_is_asked_once_at_the_start_and_then_all_on_schedule() -> None:
    """Q-1, Q-14, idea 74."""
    lab = Lab(**ON)
    assert [(when, ports) for when, ports, *_ in lab.asked()] == [(0, {p}) for p in range(4)]
    lab.clear()
    lab.at(300)
    assert [(when, len(ports)) for when, ports, *_ in lab.asked()] == [
        (31.25, 4),
        (156.25, 4),
        (281.25, 4),
    ]


def test_nothing_is_sent_before_a_port_is_up() -> None:
    """The startup queries are not wasted on a switch without links."""
    lab = Lab(**ON, up=False)
    lab.at(100)
    lab.take(lab.engine.port_up(P1, now=lab.now))
    lab.at(140)
    assert [when for when, *_ in lab.asked()] == [100, 131.25]


def test_missed_queries_are_not_made_up_for() -> None:
    """A process that was stopped for ten minutes asks once, then a query interval later."""
    lab = querier()
    lab.now = Instant(lab.now + 600 * SECOND)
    lab.take(lab.engine.advance(lab.now))
    lab.at(640 + 124.9)
    assert [when for when, *_ in lab.asked()] == [640]
    lab.at(640 + 125)
    assert [when for when, *_ in lab.asked()] == [640, 765]


def test_lower_address_takes_the_role_and_silence_gives_it_back() -> None:
    """Q-4, TM-5: back at 255 s, asking at once, TM-36."""
    lab = querier()
    lab.hear(R, query(src=RQ, qrv=2, qqi=125))
    lab.clear()
    assert lab.role() == "non-querier"
    lab.at(294.999)
    assert lab.asked() == []
    lab.at(295)
    assert lab.role() == "querier"
    assert [when for when, *_ in lab.asked()] == [295]
    lab.at(420)
    assert [when for when, *_ in lab.asked()] == [295, 420]
    assert lab.is_active()


@pytest.mark.parametrize("src", [HIGHER, "0.0.0.0"])
def test_others_do_not_take_the_role(src: str) -> None:
    """Q-4, Q-5."""
    lab = querier()
    lab.hear(R, query(src=src))
    assert lab.role() == "querier"
    assert lab.count("query_not_elected") == (src == HIGHER)
    assert lab.count("query_null_source") == (src == "0.0.0.0")


def test_our_own_address_on_another_port_is_reported_and_changes_nothing() -> None:
    """Q-7."""
    lab = querier()
    lab.hear(R, query(src=OWN))
    assert lab.role() == "querier"
    assert lab.count("query_own_address", R) == 1
    assert [event.port for event in lab.events("warning")] == [R]


def test_specific_query_elects_nobody() -> None:
    """G-3."""
    lab = querier()
    lab.hear(R, query("239.1.2.3", src=RQ))
    assert lab.role() == "querier"


def test_without_an_address_we_ask_loudly_and_yield_to_anybody() -> None:
    """Q-6."""
    lab = Lab(querier=QuerierMode.ON)
    assert any("0.0.0.0" in str(event.fields) for event in lab.events("warning"))
    assert lab.role() == "querier"
    lab.hear(R, query(src="203.0.113.9"))
    assert lab.role() == "non-querier"


def test_auto_starts_to_ask_after_a_silent_interval() -> None:
    """INTERFACE.md 4: `auto`; Q-20: one response interval after a router would."""
    lab = Lab(**AUTO)
    lab.at(264.999)
    assert (lab.role(), lab.asked()) == ("none", [])
    lab.at(265)
    assert lab.role() == "querier"
    lab.at(300)
    assert [when for when, *_ in lab.asked()] == [265, 296.25]


def test_auto_leaves_it_to_anybody_who_asks_and_then_contends() -> None:
    """While silent even a higher address is left alone; as querier it is ignored."""
    lab = Lab(**AUTO)
    lab.at(100).hear(R, query(src=HIGHER))
    lab.at(364.999)
    assert lab.role() == "non-querier"
    lab.at(365)
    assert lab.role() == "querier"
    lab.hear(R, query(src=HIGHER))
    assert lab.role() == "querier"
    lab.hear(R, query(src=RQ))
    assert lab.role() == "non-querier"


def test_off_only_listens_and_the_lowest_heard_counts() -> None:
    lab = follower()
    lab.hear(P3, query(src="10.0.0.9", qrv=7))
    lab.clear()
    row = lab.engine.queriers(lab.now)[0]
    assert (row.role, row.address, row.port, row.robustness) == (
        "non-querier",
        parse(RQ),
        R,
        2,
    )
    lab.at(255)
    assert (lab.role(), lab.asked()) == ("none", [])


def test_adopted_values_hold_for_timers_started_from_now_on() -> None:
    """TM-30, TM-33, TM-35, TM-36, idea 82."""
    lab = follower()
    lab.hear(P1, v3(record(TO_EX)))
    lab.at(20).hear(R, query(qrv=3, qqi=60))
    lab.hear(P2, v3(record(TO_EX)))
    assert lab.entry(P1) == ("exclude", 260, {})
    assert lab.entry(P2) == ("exclude", 200, {})
    assert lab.engine.queriers(lab.now)[0].timer == seconds(185)
    lab.at(205)
    assert lab.role() == "none"
    lab.hear(P1, v3(record(TO_EX)))
    assert lab.entry(P1) == ("exclude", 270, {})


def test_values_come_from_the_elected_querier_alone() -> None:
    """TM-32."""
    lab = follower()
    lab.hear(R, query(src="10.0.0.2", qrv=7, qqi=10))
    lab.hear(R, query(src="0.0.0.0", qrv=7, qqi=10))
    row = lab.engine.queriers(lab.now)[0]
    assert (row.robustness, row.query_interval) == (2, seconds(125))


def test_specific_query_of_the_querier_says_its_values_too() -> None:
    """TM-30: the latest v3 query, of whatever kind; the response time is the General Query's."""
    lab = follower()
    lab.hear(R, query("239.1.2.3", qrv=4, qqi=30, response=1.0))
    row = lab.engine.queriers(lab.now)[0]
    assert (row.robustness, row.query_interval) == (4, seconds(30))
    assert row.query_response_interval == seconds(10)


def test_old_queries_carry_nothing_to_adopt() -> None:
    """TM-31, TM-34, W-14: configured values, and the longer response time."""
    lab = Lab()
    lab.hear(R, query(version=2, response=20.0))
    row = lab.engine.queriers(lab.now)[0]
    assert (row.version, row.robustness, row.query_interval) == (2, 2, seconds(125))
    assert row.query_response_interval == seconds(20)
    assert row.group_membership_interval == seconds(290)


def test_hostile_interval_is_clamped() -> None:
    """TM-37, idea 83: by an operator's ceiling; Q-18: by twice our own without."""
    for ceiling, interval, gmi in ((seconds(1000), 1000, 2020), (None, 250, 520)):
        lab = Lab(qqi_ceiling=ceiling)
        lab.hear(R, query(qqi=31744))
        row = lab.engine.queriers(lab.now)[0]
        assert row.query_interval == seconds(interval)
        assert row.group_membership_interval == seconds(gmi)
        assert lab.count("qqi_clamped") == 1


def test_values_that_differ_and_versions_that_differ_are_warned_about_once() -> None:
    """TM-20, Q-10: rate-limited."""
    lab = Lab()
    lab.hear(R, query(qrv=3))
    for _ in range(50):
        lab.hear(R, query(qrv=3))
    lab.hear(R, query(src="10.0.0.2", version=2))
    lab.hear(R, query(src="10.0.0.2", version=2))
    reasons = [str(event.fields["reason"]) for event in lab.events("warning")]
    assert len(reasons) == 2
    assert "robustness 3" in reasons[0]
    assert "version 2" in reasons[1]
    assert lab.count("query_older_version", R) == 2


def test_query_interval_that_differs_is_warned_about_too() -> None:
    """TM-20; the same values are no reason to."""
    lab, same = Lab(), Lab()
    lab.hear(R, query(qqi=60))
    same.hear(R, query())
    same.hear(R, query(version=3, qrv=0, qqi=0))
    assert len(lab.events("warning")) == 1
    assert same.events("warning") == []


def test_role_tells_since_when_and_by_whom() -> None:
    """Q-17; queries heard and sent are events."""
    lab = follower()
    row = lab.engine.queriers(lab.now)[0]
    assert (row.uptime, row.timer) == (seconds(10), seconds(245))
    lab.hear(R, query("239.1.2.3", ["192.0.2.1"]))
    (event,) = lab.events("query")
    assert event.port == R
    assert event.fields == {
        "direction": "received",
        "version": 3,
        "address": RQ,
        "group": "239.1.2.3",
        "sources": ["192.0.2.1"],
    }
    asking = querier()
    row = asking.engine.queriers(asking.now)[0]
    assert (row.role, row.address, row.port) == ("querier", parse(OWN), None)
    assert (row.uptime, row.timer) == (seconds(40), None)
    asking.at(160)
    assert [event.fields["direction"] for event in asking.events("query")] == ["sent"]


def test_port_that_comes_up_is_reminded_in_the_querier_s_words() -> None:
    """Q-14, idea 84: from 0.0.0.0, that port only."""
    lab = follower()
    lab.take(lab.engine.port_down(P2, now=lab.now))
    lab.hear(R, query(qrv=3, qqi=60, response=5.0))
    lab.clear()
    lab.take(lab.engine.port_up(P2, now=lab.now))
    ((_, ports, sent),) = lab.queries()
    assert ports == {P2}
    assert (sent.version, sent.qrv, sent.qqi_s) == (3, 3, 60)
    assert sent.max_response_ns == seconds(5)
    assert lab.role() == "non-querier"


@pytest.mark.parametrize(("ours", "theirs", "sent"), [(2, 3, []), (3, 2, [2]), (2, 2, [2])])
def test_reminder_is_never_older_than_the_querier(ours: int, theirs: int, sent: list[int]) -> None:
    """Q-14: no v2 query into a v3 network."""
    lab = Lab(version=ours)
    lab.hear(R, query(version=theirs))
    lab.take(lab.engine.port_down(P2, now=lab.now))
    lab.clear()
    lab.take(lab.engine.port_up(P2, now=lab.now))
    assert [message.version for _, _, message in lab.queries()] == sent


def test_router_port_that_comes_up_is_not_reminded() -> None:
    """Q-14: non-router ports."""
    lab = follower()
    lab.engine.mrouter_add(vid=0, port=P3, now=lab.now)
    lab.take(lab.engine.port_down(P3, now=lab.now))
    lab.clear()
    lab.take(lab.engine.port_up(P3, now=lab.now))
    assert lab.asked() == []


def test_pruning_starts_one_response_time_after_the_first_query() -> None:
    """Q-15, idea 85: also after the querier was lost and found again; never less than our own
    response time, so that a short one cuts nobody.
    """
    lab = Lab()
    assert not lab.is_active()
    lab.at(5).hear(R, query(response=20.0))
    assert not lab.is_active()
    lab.at(24.999)
    assert not lab.is_active()
    lab.at(25)
    assert lab.is_active()
    lab.at(265)
    assert not lab.is_active()
    lab.hear(R, query(response=0.1))
    lab.at(274.999)
    assert not lab.is_active()
    lab.at(275)
    assert lab.is_active()


def test_change_of_querier_does_not_stop_the_pruning() -> None:
    lab = querier()
    assert lab.is_active()
    lab.hear(R, query(src=RQ))
    assert lab.is_active()
    assert lab.vlan_changes() == 1  # the router port


def test_prune_without_querier_on_request() -> None:
    """Q-15: the knob."""
    assert Lab(no_querier=NoQuerier.PRUNE).is_active()


def test_querier_can_be_switched_on_and_off() -> None:
    """A reload starts and ends our asking."""
    lab = Lab()
    lab.at(50)
    reload(lab, **ON)
    assert lab.role() == "querier"
    assert [when for when, *_ in lab.asked()] == [50]
    lab.at(70)
    reload(lab, querier=QuerierMode.OFF)
    assert (lab.role(), lab.is_active()) == ("none", False)
    lab.at(300)
    assert [when for when, *_ in lab.asked()] == [50]
    reload(lab, querier=QuerierMode.AUTO)
    lab.at(564.9)
    assert lab.role() == "none"
    lab.at(565)
    assert lab.role() == "querier"


def test_reload_keeps_the_other_querier_and_brings_our_next_query_forward() -> None:
    lab = follower()
    reload(lab, **ON)
    assert lab.role() == "non-querier"
    asking = querier()
    reload(asking, query_interval=seconds(20))
    asking.at(100)
    assert [when for when, *_ in asking.asked()] == [60, 80, 100]


def test_new_vlan_gets_a_querier_of_its_own() -> None:
    """VLAN-1, Q-16."""
    lab = querier()
    lab.hear(P1, v3(record(TO_EX), vid=10))
    assert [row.vid for row in lab.engine.queriers(lab.now)] == [0, 10]
    ((when, ports, _),) = lab.queries()
    assert (when, ports) == (40, {R, P1, P2, P3})
    assert not lab.is_active(10)
    lab.at(50)
    assert lab.is_active(10)
