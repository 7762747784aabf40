"""One state machine, two families (SNOOP-50): what reads alike for IGMP and MLD, in literal times.

Each test cites the rule; the ideas are those of spec 6 that have a twin over IPv6 (122).
"""

from unit.device import P1, P2, P3, Entry, R
from unit.families import Words, both
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN
from unit.proto_lab import Lab


def left(of: Words) -> Lab:
    """A querier's lab at 40 s: a host on P1 has joined, and leaves."""
    lab = of.querier()
    lab.hear(P1, of.says(IS_EX))
    lab.hear(P1, of.says(TO_IN))
    return lab


@both
def test_an_older_report_lasts_a_membership_interval(of: Words) -> None:
    """Ideas 31-33 and 122: SM-41, SM-45, TM-4, TM-13."""
    lab = of.follower()
    lab.hear(P1, of.old_report())
    assert lab.entry(P1, of.group) == Entry("exclude", 270.0, {})
    assert lab.reaches(of.group, of.s1) == {P1}
    lab.at(110)
    lab.hear(P1, of.old_report())
    lab.hear(R, of.query())
    lab.at(364.9)  # the querier is known for as long
    assert lab.holds(of.group)
    assert lab.reaches(of.group, of.s1) == {P1}
    lab.at(379.9)
    assert lab.holds(of.group)
    lab.at(380)
    assert lab.entry(P1, of.group) is None


@both
def test_the_older_profile_has_one_response_interval(of: Words) -> None:
    """Idea 32: G-8, TM-4."""
    from snoop.proto.params import TimerProfile

    lab = of.follower(timer_profile=TimerProfile.RFC3376)
    lab.hear(P1, of.old_report())
    assert lab.entry(P1, of.group) == Entry("exclude", 260.0, {})


@both
def test_a_leave_waits_for_the_querier_s_question(of: Words) -> None:
    """Idea 34: SM-66, SM-20, SM-28."""
    lab = of.follower()
    lab.hear(P1, of.old_report())
    lab.hear(P1, of.leave())
    assert lab.entry(P1, of.group) == Entry("exclude", 270.0, {})
    lab.hear(R, of.query(of.group, response=1.0))
    assert lab.entry(P1, of.group) == Entry("exclude", 2.0, {})
    lab.at(12)
    assert lab.entry(P1, of.group) is None
    assert lab.reaches(of.group, of.s1, ingress=P2) == {R}


@both
def test_the_querier_asks_twice_after_a_leave(of: Words) -> None:
    """Ideas 35 and 36: SM-23, SM-26, TM-10."""
    lab = left(of)
    lab.at(41.9)
    asked = [(when, ports, group) for when, ports, group, _, _ in lab.asked()]
    assert asked == [(40.0, {P1}, of.group), (41.0, {P1}, of.group)]
    assert lab.reaches(of.group, of.s1) == {P1}
    lab.at(42)
    assert lab.entry(P1, of.group) is None


@both
def test_who_answers_stays(of: Words) -> None:
    """Idea 36: SM-25; the copy that follows has S set."""
    lab = left(of)
    lab.at(40.5)
    lab.hear(P1, of.says(IS_EX, src=of.other))
    lab.at(45)
    assert [suppress for *_, suppress in lab.asked()] == [False, True]
    assert lab.entry(P1, of.group) == Entry("exclude", 265.5, {})


@both
def test_a_leave_of_one_port_moves_no_timer_of_another(of: Words) -> None:
    """Idea 37: SM-62."""
    lab = of.querier()
    for port in (P1, P2):
        lab.hear(port, of.says(IS_EX))
    lab.hear(P1, of.says(TO_IN))
    lab.at(42)
    assert lab.entry(P1, of.group) is None
    assert lab.entry(P2, of.group) == Entry("exclude", 268.0, {})
    assert lab.reaches(of.group, of.s1) == {P2}


@both
def test_an_older_host_makes_lists_of_sources_mean_nothing(of: Words) -> None:
    """Idea 40: SM-42, SM-45."""
    lab = of.follower()
    lab.hear(P1, of.old_report())
    lab.hear(P1, of.says(TO_EX, of.s1))
    lab.hear(P1, of.says(BLOCK, of.s2))
    assert lab.entry(P1, of.group) == Entry("exclude", 270.0, {})
    assert lab.count("compat_ignored", P1) == 1
    lab.at(270)  # 260 s later the older host counts for nothing
    lab.hear(P1, of.says(TO_EX, of.s1))
    assert lab.entry(P1, of.group).sources == {of.s1: 10.0}


@both
def test_sources_are_forwarded_by_name(of: Words) -> None:
    """Ideas 47, 52, 72: SM-1, SM-6, SM-60, SNOOP-33."""
    lab = of.querier()
    lab.hear(P1, of.says(IS_IN, of.s1, of.s2))
    lab.hear(P2, of.says(TO_EX, of.s1))
    assert lab.reaches(of.group, of.s1) == {P1}
    assert lab.reaches(of.group, of.s2) == {P1, P2}
    assert lab.reaches(of.group, of.s3) == {P2}
    lab.hear(P1, of.says(BLOCK, of.s1))
    lab.at(42)
    assert lab.entry(P1, of.group) == Entry("include", None, {of.s2: 268.0})
    assert lab.reaches(of.group, of.s1) == frozenset()


@both
def test_an_empty_list_included_adds_nothing(of: Words) -> None:
    """MLD-7: of no group, and of one that is there."""
    lab = of.follower()
    lab.hear(P1, of.says(IS_IN))
    assert not lab.holds(of.group)
    lab.hear(P1, of.says(IS_IN, of.s1))
    lab.at(20)
    lab.hear(P1, of.says(IS_IN))
    assert lab.entry(P1, of.group) == Entry("include", None, {of.s1: 260.0})


@both
def test_the_ssm_range_takes_sources_by_name_only(of: Words) -> None:
    """Idea 69: SM-46; the other records of the report hold."""
    lab = of.follower()
    lab.hear(P1, of.old_report(of.ssm))
    lab.hear(P1, of.report((TO_EX, of.ssm, ()), (TO_EX, of.group, ())))
    assert not lab.holds(of.ssm)
    assert lab.holds(of.group)
    lab.hear(P1, of.report((ALLOW, of.ssm, [of.s1]), (TO_EX, of.ssm, ())))
    assert lab.entry(P1, of.ssm) == Entry("include", None, {of.s1: 270.0})
    assert lab.count("ssm_ignored", P1) == 3


@both
def test_fast_leave_asks_nobody(of: Words) -> None:
    """Idea 42: SM-64."""
    from snoop.proto.params import FastLeave

    lab = of.querier(port={P1: {"fast_leave": FastLeave.ON}})
    lab.hear(P1, of.old_report())
    lab.hear(P1, of.leave())
    assert lab.entry(P1, of.group) is None
    assert lab.queries() == []


@both
def test_the_last_tracked_host_that_leaves_ends_it(of: Words) -> None:
    """Idea 44: SM-64, SM-65."""
    from snoop.proto.params import FastLeave

    lab = of.querier(port={P1: {"fast_leave": FastLeave.TRACKED}})
    for host in (of.host, of.other):
        lab.hear(P1, of.says(IS_EX, src=host))
    lab.hear(P1, of.says(TO_IN))
    assert lab.holds(of.group)
    assert [host.address for host in lab.engine.hosts(lab.now)] == [lab.address_of(of.other)]
    lab.hear(P1, of.says(TO_IN, src=of.other))
    assert lab.entry(P1, of.group) is None


@both
def test_a_leave_of_nobody_makes_nothing(of: Words) -> None:
    """Idea 45."""
    lab = of.querier()
    lab.hear(P1, of.leave())
    lab.hear(P1, of.says(BLOCK, of.s1))
    assert not lab.holds(of.group)
    assert lab.queries() == []


@both
def test_reports_go_to_routers_only(of: Words) -> None:
    """Idea 88: SNOOP-1, SNOOP-57; a member of the group hears none."""
    lab = of.follower()
    lab.hear(P2, of.says(IS_EX))
    for frame in (of.old_report(), of.says(IS_EX), of.leave()):
        assert lab.hear(P1, frame) == {R}
    alone = of.lab()
    assert alone.hear(P1, of.old_report()) == frozenset()
    assert alone.count("report_no_router", P1) == 1


@both
def test_queries_go_everywhere_else(of: Words) -> None:
    """Idea 92: SNOOP-7."""
    lab = of.follower()
    assert lab.hear(R, of.query()) == {P1, P2, P3}
    assert lab.hear(R, of.query(of.group)) == {P1, P2, P3}


@both
def test_more_sources_than_are_taken_want_any(of: Words) -> None:
    """Idea 73: SM-68."""
    lab = of.follower(max_sources=2)
    lab.hear(P1, of.says(IS_IN, of.s1, of.s2))
    lab.hear(P1, of.says(ALLOW, of.s3))
    assert lab.entry(P1, of.group) == Entry("exclude", 270.0, {})
    assert lab.count("source_limit", P1) == 1


@both
def test_more_groups_than_are_taken_are_refused(of: Words) -> None:
    """Idea 73: SM-68, by `max_groups` of the family."""
    lab = of.follower(max_groups=1)
    lab.hear(P1, of.report((IS_EX, of.group, ()), (IS_EX, of.another, ())))
    assert (lab.holds(of.group), lab.holds(of.another)) == (True, False)
    assert lab.count("table_full", P1) == 1


@both
def test_a_group_that_nobody_wants_any_more_is_not_flooded(of: Words) -> None:
    """Idea 98: SM-69."""
    lab = left(of)
    lab.at(42)
    assert lab.reaches(of.group, of.s1) == frozenset()
    lab.at(42 + 270)
    assert lab.reaches(of.group, of.s1) == {P1, P2, P3}


@both
def test_a_port_that_goes_down_takes_its_memberships_along(of: Words) -> None:
    """Idea 120: SM-67."""
    lab = of.follower()
    lab.hear(P1, of.says(IS_EX))
    lab.port_down(P1)
    assert lab.entry(P1, of.group) is None
    lab.port_down(R)
    assert lab.mrouters() == frozenset()


@both
def test_static_entries_are_of_either_family(of: Words) -> None:
    """INTERFACE.md 2; SM-60."""
    lab = of.follower()
    lab.add_static(P1, of.group)
    lab.add_static(P2, of.group, of.s1)
    assert lab.reaches(of.group, of.s1) == {P1, P2}
    assert lab.reaches(of.group, of.s2) == {P1}
    lab.remove_static(P1, of.group)
    assert lab.reaches(of.group, of.s2) == frozenset()


# What is told of a leave -------------------------------------------------------------------------


def told(lab: Lab, of: Words, *frames: tuple[float, bytes]) -> list[int]:
    """How many leaves have been told after each frame; another host wants all there is."""
    lab.hear(P1, of.says(IS_EX, src=of.other))
    counts = []
    for when, frame in frames:
        lab.at(when)
        lab.hear(P1, frame)
        counts.append(len(lab.events("leave")))
    return counts


@both
def test_a_leave_that_the_host_repeats_is_told_once(of: Words) -> None:
    """SM-23: a host says everything RV times; whoever asks, and whatever the other answers."""
    join, leave, old = of.says(TO_EX), of.says(TO_IN), of.leave()
    answer = of.says(IS_EX, src=of.other)
    for lab in (of.querier(), of.follower()):
        assert told(lab, of, (41, join), (42, leave), (42.5, leave), (43, answer), (43.4, leave),
                    (44, leave)) == [0, 1, 1, 1, 1, 1]  # fmt: skip
    for lab in (of.querier(), of.follower()):
        joined = of.old_report()
        assert told(lab, of, (41, joined), (42, old), (43, old)) == [0, 1, 1]


@both
def test_a_leave_after_another_join_is_told_again(of: Words) -> None:
    join, leave = of.says(TO_EX), of.says(TO_IN)
    for tracking in (True, False):
        port = {P1: {"explicit_tracking": tracking}}
        for lab in (of.querier(port=port), of.follower(port=port)):
            assert told(lab, of, (41, join), (42, leave), (42.5, join), (43, leave),
                        (43.5, leave)) == [0, 1, 1, 2, 2]  # fmt: skip


@both
def test_a_leave_of_one_who_was_never_tracked_is_told_again_later(of: Words) -> None:
    """An older host that heard another's report kept quiet, and may have joined anew (SM-65)."""
    lab, leave = of.follower(), of.leave()
    assert told(lab, of, (42, leave), (43, leave), (60, leave)) == [1, 1, 2]


@both
def test_sources_blocked_again_are_told_once(of: Words) -> None:
    first, second = of.says(BLOCK, of.s1), of.says(BLOCK, of.s2)
    for lab in (of.querier(), of.follower()):
        wanted = of.says(ALLOW, of.s1, of.s2, of.s3)
        assert told(lab, of, (41, wanted), (42, first), (42.7, first), (43, second), (43.2, first),
                    (44, of.says(ALLOW, of.s1)), (45, first)) == [0, 1, 1, 2, 2, 2, 3]  # fmt: skip


@both
def test_a_leave_repeated_where_tracking_is_off_is_told_once(of: Words) -> None:
    port = {P1: {"explicit_tracking": False}}
    for lab in (of.querier(port=port), of.follower(port=port)):
        leave = of.says(TO_IN)
        assert told(lab, of, (41, of.says(TO_EX)), (42, leave), (43, leave)) == [0, 1, 1]
