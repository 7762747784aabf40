"""Waiting for a condition, with a bound: the only way tests and demo wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
POLL_S = 0.02


def wait_until(
    condition: Callable[[], Value], *, within: float, what: str = "", every: float = POLL_S
) -> Value:
    """The first true value of `condition`; AssertionError with its last value after
    `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"not within {within} s: {name} (last: {value!r})")
        time.sleep(every)  # between two looks, not instead of one
