"""Whether the file of a switch that runs could still be loaded, as a reload or a restart will.

Who asks may ask often: the file is read only where another is there than was judged last.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from snoop.config.problems import ConfigError

_NO_FILE = (0,)
"""A pipe or the like, of which no more can be read to judge it."""


class Standing:
    """Of the file at `path`, None: there is none. `load` reads it; a moment ago that went well."""

    def __init__(self, path: str | None, load: Callable[[], object]) -> None:
        self._path = path
        self._load = load
        self._fault: str | None = None
        self._judged = self._there()

    def fault(self) -> str | None:
        """Why it could not be loaded now, the first reason of all; None: it could."""
        there = self._there()
        if there not in (self._judged, _NO_FILE):
            self._judged, self._fault = there, self._found()
        return self._fault

    def _found(self) -> str | None:
        try:
            self._load()
        except ConfigError as error:
            return error.problems[0]
        return None

    def _there(self) -> tuple[int, ...]:
        """What any change of it moves; empty: nothing is there."""
        if self._path is None:
            return ()
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        if not stat.S_ISREG(found.st_mode):
            return _NO_FILE
        return found.st_dev, found.st_ino, found.st_ctime_ns
