"""Rates of streams from two looks, or from their life."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import pytest

from snoop.control.rates import RUNNING_NS, STILL, Rate, Rates
from snoop.proto.units import SECOND, Instant


@dataclass(frozen=True)
class Total:
    frames: int
    bytes: int
    first_ns: int
    last_ns: int


def at(seconds: float) -> Instant:
    return Instant(round(1000 * SECOND + seconds * SECOND))


def looked(rates: Rates, totals: dict[Hashable, Total], now: Instant) -> dict[Hashable, Rate]:
    """The rates of all streams at a look, which is kept."""
    look = rates.look(now)
    for key, total in totals.items():
        look.add(key, total)
    rates.keep(look)
    return {key: look.rate(key, total) for key, total in totals.items()}


def test_two_looks_give_the_rate_between_them() -> None:
    rates = Rates()
    assert not rates.ready(at(0))
    looked(rates, {"a": Total(1000, 100_000, at(-100), at(0))}, at(0))
    assert rates.ready(at(1))
    rate = looked(rates, {"a": Total(1500, 150_000, at(-100), at(1))}, at(1))["a"]
    assert (rate.frames_per_s, rate.bits_per_s) == (500.0, 400_000.0)


def test_a_first_look_gives_the_average_of_a_running_stream() -> None:
    rate = looked(Rates(), {"a": Total(101, 10_100, at(-10), at(0))}, at(0))["a"]
    assert rate.frames_per_s == 10.0
    assert rate.bits_per_s == pytest.approx(8000)


def test_a_stream_that_stopped_has_no_rate() -> None:
    rates = Rates()
    done = Total(1000, 100_000, at(-100), at(0))
    looked(rates, {"a": done}, at(3))
    rate = looked(rates, {"a": done}, at(4))["a"]
    assert (rate.frames_per_s, rate.bits_per_s) == (0.0, 0.0)


def test_a_slow_stream_keeps_its_average_when_no_frame_falls_between_looks() -> None:
    rates = Rates()
    slow = Total(11, 1100, at(-10), at(0))
    looked(rates, {"a": slow}, at(0.1))
    assert looked(rates, {"a": slow}, at(0.5))["a"].frames_per_s == 1.0


def test_a_stream_that_began_after_the_last_look_counts_from_its_beginning() -> None:
    rates = Rates()
    looked(rates, {}, at(0))
    rate = looked(rates, {"b": Total(50, 5000, at(9.5), at(10))}, at(10))["b"]
    assert rate.frames_per_s == 100.0


def test_an_old_look_is_not_compared_with() -> None:
    rates = Rates()
    looked(rates, {"a": Total(1000, 0, at(-1), at(0))}, at(0))
    assert not rates.ready(at(60))
    assert not rates.ready(at(0.05))


def test_a_single_frame_has_no_rate() -> None:
    assert looked(Rates(), {"a": Total(1, 60, at(0), at(0))}, at(0))["a"].frames_per_s == 0.0


def test_a_stream_has_stopped_when_its_last_frame_is_older_than_running() -> None:
    lasting = {"a": Total(11, 1100, at(-10), at(0))}
    limit = RUNNING_NS / SECOND
    assert looked(Rates(), lasting, at(limit))["a"].frames_per_s == 1.0
    assert looked(Rates(), lasting, Instant(at(limit) + 1))["a"] == STILL
