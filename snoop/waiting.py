"""Waiting for a condition, with a bound: the only way the switch's users, tests and demo wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
POLL_S = 0.02


def comes(condition: Callable[[], Value], *, within: float, every: float = POLL_S) -> Value:
    """The first true value of `condition`, or what it was after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)  # between two looks, not instead of one


def wait_until(
    condition: Callable[[], Value], *, within: float, what: str = "", every: float = POLL_S
) -> Value:
    """The first true value of `condition`; AssertionError with its last value after
    `within` seconds.
    """
    value = comes(condition, within=within, every=every)
    if not value:
        name = what or getattr(condition, "__name__", "the condition")
        raise AssertionError(f"not within {within} s: {name} (last: {value!r})")
    return value
