"""The terminal that `snoop watch` draws on: a screen of its own, keys at once, its size as it is.

However the command ends, the screen and the keys are given back as they were.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterable, Iterator
from typing import NoReturn

from snoop.cli.keys import Keys
from snoop.cli.screen import Line, Size

_STYLES = {"bold": "1", "dim": "2", "red": "1;31", "yellow": "33", "reverse": "7"}
# Another screen, no cursor, and what is too wide stays on its line.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
_ESCAPE_SECONDS = 0.1  # how long the rest of a key may take
_READ_BYTES = 1024


class Terminal:
    """Standard input and output, while `opened`."""

    def __init__(self) -> None:
        self._keys = Keys()
        self._input = sys.stdin.fileno()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._ended: int | None = None

    def size(self) -> Size:
        """How large it is now."""
        return Size(*os.get_terminal_size(sys.stdout.fileno()))

    def draw(self, lines: Iterable[Line]) -> None:
        """Show these lines from the top on; they are as many as it has."""
        made = []
        for at, line in enumerate(lines, 1):
            style = _STYLES.get(line.style)
            text = line.text if style is None else f"\x1b[{style}m{line.text}\x1b[m"
            # Cleared first: behind a line as wide as the screen it would take the last character.
            made.append(f"\x1b[{at};1H\x1b[2K{text}")
        sys.stdout.write("".join(made))
        sys.stdout.flush()

    def keys(self, seconds: float) -> list[str] | None:
        """The keys of that time, at once when there are some or the size has changed.

        None: the terminal is gone, or Ctrl-C. SystemExit: another signal asked for the end.
        """
        if self._ended is not None:
            self._leave()
            return None
        if self._keys.waiting:
            seconds = min(seconds, _ESCAPE_SECONDS)
        ready, _, _ = select.select([self._input, self._woken], [], [], max(0.0, seconds))
        if self._woken in ready:
            os.read(self._woken, _READ_BYTES)
            if self._ended is not None:
                self._leave()
                return None
        if self._input not in ready:
            return self._keys.settle()
        try:
            data = os.read(self._input, _READ_BYTES)
        except OSError:
            return None
        return self._keys.feed(data) if data else None

    def wake(self, *_: object) -> None:
        """Have `keys` return now."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b"\0")

    def end(self, number: int, _: object) -> NoReturn:
        """A signal that asks for the end. What it raises may land where it is lost, as in a
        finalizer: `keys` knows of it as well.
        """
        self._ended = number
        self.wake()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    def _leave(self) -> None:
        if self._ended is not None and self._ended != signal.SIGINT:
            sys.exit(128 + self._ended)

    def close(self) -> None:
        os.close(self._woken)
        os.close(self._wake)


@contextlib.contextmanager
def opened() -> Iterator[Terminal]:
    """The terminal for as long as it is drawn on."""
    terminal = Terminal()
    before = termios.tcgetattr(sys.stdin.fileno())

    def enter() -> None:
        tty.setcbreak(sys.stdin.fileno())
        sys.stdout.write(_ENTER)
        sys.stdout.flush()

    def leave() -> None:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()

    def rest(*_: object) -> None:
        leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        enter()
        terminal.wake()

    kept = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGWINCH, terminal.wake),
            (signal.SIGTSTP, rest),
            (signal.SIGINT, terminal.end),
            (signal.SIGTERM, terminal.end),
            (signal.SIGHUP, terminal.end),
        )
    }
    try:
        enter()
        yield terminal
    finally:
        with contextlib.suppress(OSError, termios.error):  # it may be gone
            leave()
        for number, handler in kept.items():
            signal.signal(number, handler)
        terminal.close()
