"""When a topology change is followed (SNOOP-12), by literal times."""

from __future__ import annotations

from snoop.proto.topology import PAUSE, Topology
from snoop.proto.units import SECOND, Duration, Instant


def at(seconds: float) -> Instant:
    return Instant(round((100 + seconds) * SECOND))


def followed(told: list[float], until: float, pause: Duration = PAUSE) -> list[float]:
    """When changes told at these times are followed, if somebody asks every quarter of a second."""
    topology, times = Topology(pause), []
    waiting = sorted(told)
    for quarter in range(round(until * 4) + 1):
        now = quarter / 4
        if topology.due(at(now)):
            times.append(now)
        while waiting and waiting[0] <= now:
            if topology.hear(at(waiting.pop(0))):
                times.append(now)
    return times


def test_the_first_one_is_followed_at_once_and_alone_once() -> None:
    assert followed([3.0], 200) == [3.0]


def test_one_that_is_told_for_half_a_minute_is_followed_three_times() -> None:
    """The root tells of a change in each BPDU, every two seconds, for 35 seconds."""
    assert followed([2.0 * n for n in range(18)], 200) == [0, 10, 30, 70]


def test_who_tells_of_them_all_day_is_followed_ever_less() -> None:
    times = followed([n / 4 for n in range(4 * 1000)], 1000)
    assert times == [0, 10, 30, 70, 150, 310, 470, 630, 790, 950]


def test_after_a_quiet_minute_the_next_is_followed_at_once() -> None:
    assert followed([0, 1, 70.5, 71], 100) == [0, 10, 70.5, 80.5]
    assert followed([n / 4 for n in range(4 * 200)] + [260.0], 262)[-1] == 260


def test_where_each_change_is_told_once_the_next_is_followed_soon() -> None:
    """LOOP-8: and yet ever less, if they go on."""
    assert followed([0, 0.25, 3.0], 20, SECOND) == [0, 1, 3]
    times = followed([n / 4 for n in range(4 * 100)], 100, SECOND)
    assert times == [0, 1, 3, 7, 15, 31, 63]
