"""Members that fall silent: gone when the rule says, not before, and the data with them."""

from __future__ import annotations

import pytest

from netns.star import BUSY, GMI, QUERY, ROBUSTNESS, SLACK, Star, names, star
from snoop.lab import frames, wait_until

RATE = 500


def measured_age(net: Star, group: str, within: float) -> tuple[float, float]:
    """A crafted member reports once: seconds until its row is gone, and until its last datagram."""
    host = net.h(1)
    host.reset()
    stream = net.h(0).start("send", destination=group, count=120 * RATE, rate=RATE)
    host.frames([frames.report_v2(group, host.address, mac=host.mac)])
    wait_until(lambda: net.happened("expire", group), within=within + BUSY, what="its end")
    stream.stop()
    net.lab.settle(net.h(0))
    (joined,), (gone,) = net.happened("join", group), net.happened("expire", group)
    return gone - joined, host.wire(group).last_ns / 1e9 - joined


def test_silent_member_ages_out_at_the_membership_interval(net: Star) -> None:
    """TM-4, TM-40, SNOOP-11, spec 32: never early, 100 ms late at most (plus the machine)."""
    gone, last = measured_age(net, "239.6.0.1", GMI)
    assert GMI - 0.05 <= gone <= GMI + SLACK
    assert GMI - 0.05 <= last <= GMI + SLACK


def test_profile_rfc3376_ages_out_one_response_interval_earlier() -> None:
    """G-0, G-1, spec 32: RV x QI + 1 x QRI."""
    response = 0.9
    short = ROBUSTNESS * QUERY + response
    assert short + SLACK < short + response
    times = {"timer_profile": "rfc3376", "query_response_interval": response}
    with star(3, igmp=times) as net:
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

    def lasts() -> float:
        """From its first report to its end, if there is no other; 0: it has ended."""
        shown = net.switch.row(group, "p1")
        return 0.0 if shown is None else float(shown["uptime"] + shown["group_timer"])

    wait_until(aged, within=20, what="the group timer runs")
    net.report(1, ("IS_EX", group, []))
    wait_until(lambda: lasts() > GMI + 0.4, within=20, what="the timer is full again")
    wait_until(lambda: net.happened("expire", group), within=GMI + BUSY, what="its end")
    (joined,), (gone,) = net.happened("join", group), net.happened("expire", group)
    assert gone - joined > GMI + 0.4


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
    net.switch.wait_members(group, set(), timeout=GMI + BUSY)
    assert net.reached_from([kept, lost], group) == {kept: set(), lost: set()}


@pytest.mark.parametrize("robustness", [1, 3])
def test_interval_follows_the_configured_robustness(robustness: int) -> None:
    """TM-1, TM-4: GMI is computed from the parameters, not a constant."""
    interval = robustness * 0.8 + 2 * 0.3
    timers = {"robustness": robustness, "query_interval": 0.8, "query_response_interval": 0.3}
    with star(3, igmp=timers) as net:
        gone, _ = measured_age(net, "239.6.0.6", interval)
        assert interval - 0.05 <= gone <= interval + SLACK
