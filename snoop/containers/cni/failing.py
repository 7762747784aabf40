"""Errors as the specification numbers them."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """What a runtime may go by."""

    VERSION = 1
    UNSUPPORTED = 2
    NO_CONTAINER = 3
    ENVIRONMENT = 4
    IO = 5
    DECODING = 6
    CONFIGURATION = 7
    LATER = 11
    UNAVAILABLE = 50
    INTERNAL = 100
    DIFFERS = 101


class Failed(Exception):
    """The verb cannot be done; `details` is what a person may want besides."""

    def __init__(self, code: int, text: str, details: str = "") -> None:
        super().__init__(text)
        self.code = int(code)
        self.details = details
