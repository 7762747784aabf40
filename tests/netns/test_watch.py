"""`snoop watch` on a real terminal: a pty, and a model of what a terminal shows (SAY-12)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator
from typing import Any

import pyte
import pytest

from netns.star import Star, star
from snoop.lab import wait_until
from snoop.lab.switch import SNOOP

PORTS = 20
GROUPS = [f"239.28.0.{n}" for n in range(1, 31)]
UP, DOWN, RIGHT, PAGEDOWN, END, HOME = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[6~", "\x1b[F", "\x1b[H"


@pytest.fixture(scope="module")
def net() -> Any:
    with star(PORTS, igmp={"querier": "on"}) as made:
        for group in GROUPS:
            made.h(1).join(group)
        made.h(PORTS - 1).join(GROUPS[0])
        made.switch.wait_members(GROUPS[0], {"p1", f"p{PORTS - 1}"})
        made.switch.wait_members(GROUPS[-1], {"p1"})
        yield made


class Watch:
    """The command in a terminal of its own, and what is on its screen."""

    def __init__(self, net: Star, columns: int, rows: int, **environment: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", **environment}
            words = [str(SNOOP), "--socket", str(net.switch.socket), "watch", "--interval", "0.3"]
            os.execvpe(words[0], words, env)
        self._size(columns, rows)
        os.set_blocking(self.fd, False)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self._size(columns, rows)

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self.fd, key.encode())

    def lines(self) -> list[str]:
        """The screen as it is now."""
        with contextlib.suppress(OSError):  # nothing to read, or the end
            while data := os.read(self.fd, 65536):
                self.sent += data
                self.stream.feed(data)
        return [line.rstrip() for line in self.screen.display]

    def wait(self, text: str, *, gone: bool = False) -> list[str]:
        wait_until(
            lambda: (text in "\n".join(self.lines())) is not gone,
            within=20,
            what=f"{text!r} {'off' if gone else 'on'} the screen:\n" + "\n".join(self.lines()),
        )
        return self.lines()

    def column(self, heading: str, line: str) -> str:
        """What stands below a port's name."""
        at = self.wait("Group")
        head = next(one for one in at if one.startswith("Group"))
        row = next(one for one in at if one.startswith(line))
        start = f"{head} ".index(f" {heading} ") + 1
        return row[start : start + len(heading)].strip()

    def ended(self) -> int:
        """The exit status; 128 and the signal if one ended it."""
        status: list[int] = []

        def over() -> bool:
            self.lines()
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status.append(code)
            return bool(pid)

        wait_until(over, within=20, what="watch ends")
        self.pid = 0
        self.lines()
        return os.waitstatus_to_exitcode(status[0])

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@contextlib.contextmanager
def watch(net: Star, columns: int = 80, rows: int = 24, **environment: str) -> Iterator[Watch]:
    made = Watch(net, columns, rows, **environment)
    try:
        yield made
    finally:
        made.close()


def test_all_ports_and_groups_are_reached_by_the_keys_of_a_keyboard(net: Star) -> None:
    with watch(net) as shown:
        shown.wait(" groups  ")
        shown.press("s")  # by group
        shown.wait("sort group")
        assert shown.column("p1", f"{GROUPS[0]} ") == "○"
        assert shown.column("p2", f"{GROUPS[0]} ") == "·"
        shown.wait("of 20 (left, right)")
        shown.press(*[RIGHT] * 12)
        shown.wait("ports p12-p19 of 20")
        assert shown.column("p19", f"{GROUPS[0]} ") == "○"
        shown.press(END)
        shown.wait(GROUPS[-1])
        shown.press(HOME, PAGEDOWN, UP, DOWN)
        shown.wait(GROUPS[15])
        for byte in b"\x1b[H":  # a key that comes in pieces
            os.write(shown.fd, bytes([byte]))
        shown.wait(f"{GROUPS[0]} ")
        shown.press("/", *GROUPS[28], "\r")
        shown.wait(GROUPS[28])
        shown.press("?")
        shown.wait("any key closes this")
        shown.press("x")
        shown.wait("any key closes this", gone=True)
        shown.press("q")
        assert shown.ended() == 0
        assert shown.sent.endswith(b"\x1b[?25h\x1b[?1049l")


def test_a_stream_is_seen_with_its_rate_and_the_port_with_its_link(net: Star) -> None:
    with watch(net) as shown:
        shown.wait(" groups  ")
        stream = net.h(0).start("send", destination=GROUPS[0], count=1 << 20, size=1000, rate=400)
        shown.wait("bit/s")
        for port, cell in (("p0", ">"), ("p1", "●")):
            wait_until(
                lambda port=port, cell=cell: shown.column(port, f"{GROUPS[0]} ") == cell, within=20
            )
        stream.stop()
        os.write(shown.fd, f"p{END}".encode())
        shown.wait(f"p{PORTS - 1} ")
        shown.wait("Enter: its hosts")
        shown.press(HOME)
        shown.wait("\np1 ")
        row = next(line for line in shown.lines() if line.startswith("p1 "))
        assert row.split()[1:4] == ["up", "10", "Gbit/s"]  # what a veth says of itself
        assert row.split()[-2:] == ["30", "1"]
        os.write(shown.fd, f"{END}{HOME}{DOWN}\r".encode())  # at once, as from a paste
        shown.wait(net.h(1).mac)
        row = next(line for line in shown.lines() if line.startswith(net.h(1).address))
        assert "30: 239.28.0." in row
        shown.press("\x1b")
        shown.wait("Enter: its hosts")
        shown.press("\x1b")
        shown.wait("Group ")
        shown.press("q")
        assert shown.ended() == 0


def test_it_follows_the_size_of_the_terminal(net: Star) -> None:
    with watch(net) as shown:
        shown.wait(" groups  ")
        shown.resize(120, 40)
        shown.wait(GROUPS[-1])
        assert len(shown.lines()) == 40
        shown.resize(60, 12)
        shown.wait(" groups  ")
        shown.wait(GROUPS[-1], gone=True)
        shown.wait("? legend")
        shown.resize(30, 4)
        shown.wait("? legend")
        shown.press("q")
        assert shown.ended() == 0


def test_a_terminal_of_ascii_gets_ascii(net: Star) -> None:
    with watch(net, PYTHONIOENCODING="ascii", LANG="C") as shown:
        shown.wait(" groups  ")
        assert shown.column("p1", f"{GROUPS[0]} ") in ("o", "*")
        assert shown.column("p2", f"{GROUPS[0]} ") == "."
        assert shown.sent.isascii()
        shown.press("q")
        assert shown.ended() == 0


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
def test_the_screen_is_given_back_however_it_ends(net: Star, number: int, status: int) -> None:
    with watch(net) as shown:
        shown.wait(" groups  ")
        before = termios.tcgetattr(shown.fd)[3]
        assert not before & termios.ECHO
        os.kill(shown.pid, number)
        assert shown.ended() == status
        assert shown.sent.endswith(b"\x1b[?25h\x1b[?1049l")
        assert termios.tcgetattr(shown.fd)[3] & termios.ECHO


def test_it_needs_a_terminal_that_can_be_drawn_on(net: Star) -> None:
    done = net.switch.run("watch")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    with watch(net, TERM="dumb") as shown:
        assert shown.ended() == 2
        assert b"TERM" in shown.sent
