"""Logging to stderr, one line an event, bounded where a peer can cause it.

`setup` installs the one handler. `Limited` is for what frames from a port can trigger: each
subject may log a burst, then one line per interval that says how many were left out.
"""

from __future__ import annotations

import logging
import os
import sys

from snoop.printable import printable
from snoop.proto.units import Instant

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
LEVELS = tuple(_LEVELS)
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


def setup(level: str) -> None:
    """Log records of `level` (one of LEVELS) and above to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    # Under systemd the journal adds the time, and reads a level prefix.
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_Journal("%(message)s"))
    else:
        handler.setFormatter(_Line("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger("snoop")
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    root.propagate = False


class _Line(logging.Formatter):
    """Whatever is in a message, what is written does nothing to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


class _Journal(_Line):
    """sd-daemon's `<priority>` in front of the message."""

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITY.get(record.levelno, 5)}>{super().format(record)}"


class Limited:
    """A logger for lines that peers can cause: `burst` lines a subject per `interval_ns`."""

    _SUBJECTS_MAX = 256

    def __init__(
        self, logger: logging.Logger, *, burst: int = 5, interval_ns: int = 10_000_000_000
    ) -> None:
        self._logger = logger
        self._burst = burst
        self._interval_ns = interval_ns
        self._subjects: dict[str, tuple[Instant, int]] = {}

    def log(self, level: int, subject: str, text: str, *, now: Instant) -> None:
        """Log `text` unless `subject` has had its share of this interval."""
        started, count = self._subjects.get(subject, (now, 0))
        if now - started >= self._interval_ns:
            if count > self._burst:
                self._logger.log(level, "%s: %d more left out", subject, count - self._burst)
            started, count = now, 0
        if subject not in self._subjects and len(self._subjects) >= self._SUBJECTS_MAX:
            self._subjects.clear()
        self._subjects[subject] = (started, count + 1)
        if count < self._burst:
            self._logger.log(level, "%s", text)
