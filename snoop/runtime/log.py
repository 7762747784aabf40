"""Logging to stderr, one line an event, bounded where a peer can cause it.

`setup` installs the one handler, which waits for nobody. `Limited` is for what frames from a port
can trigger: each subject may log a burst, then one line per interval that says how many were left
out. `Sparing` is behind everything: whoever has the other end of a cable may unplug it as often as
he likes.
"""

from __future__ import annotations

import logging
import os
import select
import sys
from collections.abc import Callable
from typing import Final

from snoop.printable import printable
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock

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
    stderr = sys.__stderr__  # None: whoever started us has closed it
    handler = logging.NullHandler() if stderr is None else Unhurried(stderr.fileno())
    # Under systemd the journal adds the time, and reads a level prefix.
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_Journal("%(message)s"))
    else:
        handler.setFormatter(_Line("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(Sparing())
    root = logging.getLogger("snoop")
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    root.propagate = False


class Unhurried(logging.Handler):
    """Writes to a descriptor, and never waits for who reads it: a pager that stands still, or a
    collector that hangs, is not to hold up the control plane. What he does not take is left out,
    and the next line that he takes says how many were.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        line = self.format(record) + "\n"
        if self._lost:
            line = f"{self._lost} lines before this one were left out: nobody took them\n{line}"
        data = line.encode("utf-8", "backslashreplace")
        # What is writable takes so much at once (pipe(7)).
        parts = [data[at : at + select.PIPE_BUF] for at in range(0, len(data), select.PIPE_BUF)]
        self._lost = 0 if all(map(self._write, parts)) else self._lost + 1

    def _write(self, part: bytes) -> bool:
        if not self._poll.poll(0):
            return False
        try:
            return os.write(self._fd, part) == len(part)
        except OSError:
            return False  # nobody is there any more, or there is no room


class _Line(logging.Formatter):
    """Whatever is in a message, what is written does nothing to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


class _Journal(_Line):
    """sd-daemon's `<priority>` in front of the message."""

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITY.get(record.levelno, 5)}>{super().format(record)}"


class Sparing(logging.Filter):
    """Lets `BURST` lines of an interval pass that say the same of the same: of one message, with
    the same first word put in. The last of them says that more is left out, the next how many.
    """

    BURST: Final = 20
    INTERVAL: Final = 10 * SECOND
    _SUBJECTS_MAX: Final = 1024

    def __init__(self, now: Callable[[], Instant] = clock.now) -> None:
        super().__init__()
        self._now = now
        self._said: dict[tuple[str, str], tuple[Instant, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """May it pass? Its text may become longer."""
        args = record.args
        subject = (record.msg, str(args[0]) if isinstance(args, tuple) and args else "")
        now = self._now()
        since, count = self._said.get(subject, (now, 0))
        if now - since >= self.INTERVAL:
            if count > self.BURST:
                _add(record, f"({count - self.BURST} like this were left out)")
            since, count = now, 0
        if subject not in self._said and len(self._said) >= self._SUBJECTS_MAX:
            self._said.clear()
        self._said[subject] = (since, count + 1)
        if count + 1 == self.BURST:
            seconds = (self.INTERVAL - (now - since)) / SECOND
            _add(record, f"(more like this is left out for {seconds:.0f} s)")
        return count < self.BURST


def _add(record: logging.LogRecord, words: str) -> None:
    record.msg, record.args = f"{record.getMessage()} {words}", None


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
