"""Members that fall silent: gone when the rule says, not before, and the data with them."""

from __future__ import annotations

import time

import pytest

from netns.star import GMI, QUERY, RESPONSE, ROBUSTNESS, SLACK, Star, names, star
from snoop.lab import frames, wait_until

RATE = 500


def measured_age(net: Star, group: str, within: float) -> tuple[float, float]:
    """A crafted member reports once: seconds until its row is gone, and until its last datagram."""
    host = net.h(1)
    host.reset()
    stream = net.h(0).start(
        "send", destination=group, count=round((within + 0.5) * RATE), rate=RATE
    )
    begin_ns = time.time_ns()
    host.frames([frames.report_v2(group, host.address, mac=host.mac)])
    net.switch.wait_members(group, {"p1"}, timeout=1)
    net.switch.wait_members(group, set(), timeout=within + SLACK)
    gone = (time.time_ns() - begin_ns) / 1e9
    stream.result()
    net.lab.settle(net.h(0))
    return gone, (host.wire(group).last_ns - begin_ns) / 1e9


def test_silent_member_ages_out_at_the_membership_interval(net: Star) -> None:
    """TM-4, TM-40, SNOOP-11, spec 32: never early, 100 ms late at most (plus the machine)."""
    gone, last = measured_age(net, "239.6.0.1", GMI)
    assert GMI - 0.05 <= gone <= GMI + SLACK
    assert GMI - 0.05 <= last <= GMI + SLACK


def test_profile_rfc3376_ages_out_one_response_interval_earlier() -> None:
    """G-0, G-1, spec 32: RV x QI + 1 x QRI."""
    short = ROBUSTNESS * QUERY + RESPONSE
    with star(3, igmp={"timer_profile": "rfc3376"}) as net:
        gone, last = measured_age(net, "239.6.0.2", short)
        assert short - 0.05 <= gone <= short + SLACK
        assert short - 0.05 <= last <= short + SLACK


def test_refresh_restarts_the_interval(net: Star) -> None:
    """Spec 33: a second report moves the end, the group timer is full again."""
    group = "239.6.0.3"
    net.report(1, ("TO_EX", group, []))
    row = net.switch.wait_row(group, "p1")
    net.report(1, ("IS_EX", "239.6.0.4", []))
    net.switch.wait_row("239.6.0.4", "p1")
    net.switch.quick("query", "--group", "239.6.0.99")  # any passage of time will do

    def aged() -> bool:
        shown = net.switch.row(group, "p1")
        return shown is not None and shown["group_timer"] < row["group_timer"] - 0.5

    wait_until(aged, within=2, what="the group timer runs")
    net.report(1, ("IS_EX", group, []))
    wait_until(
        lambda: (net.switch.row(group, "p1") or {}).get("group_timer", 0) > GMI - 0.3, within=1
    )


def test_source_that_is_not_renewed_ages_out_of_an_include_entry(net: Star) -> None:
    """Spec 63 and section 3.1: the last source's end is the entry's end."""
    group, kept, lost = "239.6.0.5", "10.0.0.101", "10.0.0.102"
    net.report(1, ("IS_IN", group, [kept, lost]))
    net.switch.wait_row(group, "p1", forwarding={kept, lost})

    def half() -> bool:
        row = net.switch.row(group, "p1")
        return row is not None and all(s["timer"] < GMI / 2 for s in row["sources"])

    wait_until(half, within=GMI, what="half of the time is over")
    net.report(1, ("IS_IN", group, [kept]))
    net.switch.wait_row(group, "p1", forwarding={kept}, timeout=GMI)
    assert net.reached_from([kept, lost], group) == {kept: names(1), lost: set()}
    net.switch.wait_members(group, set(), timeout=GMI + SLACK)
    assert net.reached_from([kept, lost], group) == {kept: set(), lost: set()}


@pytest.mark.parametrize("robustness", [1, 3])
def test_interval_follows_the_configured_robustness(robustness: int) -> None:
    """TM-1, TM-4: GMI is computed from the parameters, not a constant."""
    interval = robustness * 0.8 + 2 * 0.3
    timers = {"robustness": robustness, "query_interval": 0.8, "query_response_interval": 0.3}
    with star(3, igmp=timers) as net:
        gone, _ = measured_age(net, "239.6.0.6", interval)
        assert interval - 0.05 <= gone <= interval + SLACK
