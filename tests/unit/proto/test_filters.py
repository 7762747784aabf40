"""`proto.filters`: prefix lists and the token bucket."""

from __future__ import annotations

import pytest

from snoop.proto.filters import GroupFilter, PrefixList, TokenBucket
from snoop.proto.units import Instant, seconds
from snoop.wire.address import IPV4, parse, parse_prefix

LISTED = [parse_prefix(p) for p in ("239.255.0.0/16", "239.1.2.3", "239.1.2.4", "232.0.0.0/8")]


@pytest.mark.parametrize(
    ("group", "covered"),
    [
        ("239.255.0.0", True),
        ("239.255.255.255", True),
        ("239.254.255.255", False),
        ("239.1.2.3", True),
        ("239.1.2.5", False),
        ("232.9.9.9", True),
        ("233.0.0.0", False),
    ],
)
def test_prefix_covers_what_it_says(group: str, covered: bool) -> None:
    assert (parse(group) in PrefixList(LISTED)) is covered


def test_empty_filter_permits_everything() -> None:
    both = GroupFilter(IPV4, (), ())
    assert both.is_open
    assert both.permits(parse("239.1.1.1"))


def test_deny_outdoes_allow_and_allow_excludes_the_rest() -> None:
    both = GroupFilter(IPV4, [parse_prefix("239.1.0.0/16")], [parse_prefix("239.0.0.0/8")])
    assert not both.is_open
    assert both.permits(parse("239.2.0.1"))
    assert not both.permits(parse("239.1.0.1"))
    assert not both.permits(parse("238.0.0.1"))


def test_bucket_takes_a_burst_and_then_its_rate() -> None:
    """4 a second, 3 at once: empty after 3, one more every 250 ms, never more than 3 saved."""
    bucket = TokenBucket(4, 3, now=Instant(0))
    assert [bucket.take(Instant(0)) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(Instant(seconds(0.25) - 1))
    assert bucket.take(Instant(seconds(0.25)))
    assert not bucket.take(Instant(seconds(0.25)))
    hour = Instant(seconds(3600))
    assert [bucket.take(hour) for _ in range(4)] == [True, True, True, False]


def test_refusals_do_not_use_up_credit() -> None:
    """A port that asks all the time still gets its rate."""
    bucket = TokenBucket(10, 1, now=Instant(0))
    taken = sum(bucket.take(Instant(step * seconds(0.001))) for step in range(1_000))
    assert taken == 10


def test_rate_zero_lets_everything_through() -> None:
    bucket = TokenBucket(0, 1, now=Instant(0))
    assert all(bucket.take(Instant(0)) for _ in range(1_000))
