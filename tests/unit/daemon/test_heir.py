"""The new process at a hand-over: what it takes of the other one, and what it refuses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from snoop.daemon import messages, surviving
from snoop.daemon.heir import Heir, end_with_parent
from snoop.daemon.messages import Handed, HandoverError

PORT = Handed("p0", 4, (True, True, True, True, True, False, True), 4096, 1024)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The old process's end; ours is in the environment."""
    ours, theirs = messages.pair()
    monkeypatch.setenv(messages.ENVIRONMENT, str(os.dup(theirs.fileno())))
    monkeypatch.setattr(surviving, "opened", lambda data, name: (data, name))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with ours, theirs:
        theirs.close()
        ours.settimeout(5)
        yield ours
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def heir(other: socket.socket) -> Iterator[Heir]:
    del other
    made = Heir.of_environment()
    assert made is not None
    yield made
    made.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def sockets(count: int) -> list[socket.socket]:
    return [socket.socket(socket.AF_UNIX) for _ in range(count)]


def hand(other: socket.socket, kind: str, value: object, fds: int = 0) -> None:
    given = sockets(fds)
    messages.send(other, kind, value, [each.fileno() for each in given])
    for each in given:
        each.close()


def test_it_takes_state_ports_claims_and_sockets(other: socket.socket, heir: Heir) -> None:
    hand(other, "state", b"known")
    hand(other, "port", PORT, 6)
    hand(other, "claim", 9, 1)
    hand(other, "sockets", ("control", "dance", "metrics"), 3)
    assert heir.receive("sw0") == (b"known", "sw0")
    hello = messages.receive(other)
    assert (hello.kind, hello.value.protocol) == ("hello", messages.PROTOCOL)
    assert heir.ports[4].fds[5] == -1
    assert all(fd >= 0 for fd in heir.ports[4].fds[:5])
    assert not heir.has_program(4)
    assert set(heir.claims) == {4, 9}
    assert heir.control is not None
    assert heir.metrics is not None
    assert messages.ENVIRONMENT not in os.environ  # who is started from here is no heir


def test_what_nobody_wanted_is_closed(other: socket.socket, heir: Heir) -> None:
    before = descriptors()
    hand(other, "state", b"")
    hand(other, "port", PORT, 6)
    hand(other, "claim", 9, 1)
    hand(other, "sockets", ("control", "dance"), 4)
    heir.receive("sw0")
    heir.close()
    assert descriptors() == before - 1  # its own end


@pytest.mark.parametrize(
    ("kind", "value", "fds", "said"),
    [
        ("port", PORT, 5, "without what it is made of"),
        ("port", PORT, 7, "without what it is made of"),
        ("port", Handed("p0", 4, (True,), 1, 1), 1, "without what it is made of"),
        ("go", messages.Go(1, (), (), ()), 0, "says go in place of state"),
        ("serving", 1, 1, "says serving in place of state"),
        ("sockets", (), 0, "no state came"),
    ],
)
def test_what_is_out_of_place_is_refused(
    other: socket.socket, heir: Heir, kind: str, value: object, fds: int, said: str
) -> None:
    before = descriptors()
    hand(other, kind, value, fds)
    with pytest.raises(HandoverError, match=said):
        heir.receive("sw0")
    assert descriptors() == before


@pytest.mark.parametrize("by", ["state", "port", "claim"])
def test_an_old_process_that_goes_in_the_middle_is_said(
    other: socket.socket, heir: Heir, by: str
) -> None:
    hand(other, "state", b"")
    if by != "state":
        hand(other, "port", PORT, 6)
    if by == "claim":
        hand(other, "claim", 9, 1)
    other.close()
    with pytest.raises((HandoverError, OSError)):
        heir.receive("sw0")


def test_a_state_that_is_none_is_refused(
    other: socket.socket, heir: Heir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    hand(other, "state", b"rubbish")
    with pytest.raises(HandoverError, match="its state cannot be taken over: cut"):
        heir.receive("sw0")


@pytest.mark.parametrize("told", ["", "x", "-1", "100000", "0x3"])
def test_a_variable_that_names_no_hand_over_is_said(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(messages.ENVIRONMENT, told)
    with pytest.raises(HandoverError, match="is no hand-over: unset it"):
        Heir.of_environment()


def test_signals_wait_for_one_who_cannot_do_yet_what_they_ask(heir: Heir) -> None:
    del heir
    assert set(messages.ENDING) <= signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_the_parent_of_another_switch_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(messages.ENVIRONMENT, raising=False)
    monkeypatch.setenv(messages.PARENT, "1")
    assert Heir.of_environment() is None
    assert messages.PARENT not in os.environ
    assert end_with_parent(begun_by=1)


@pytest.mark.parametrize(
    ("begun_by", "status"), [("os.getppid()", 0), ("os.getppid() + 1", -signal.SIGKILL)]
)
def test_who_began_the_switch_ended_before_it_could_take_us(begun_by: str, status: int) -> None:
    """Whoever has us now waits for nobody, and we would be the switch for ever."""
    script = f"import os; from snoop.daemon import heir; heir.end_with_parent({begun_by})"
    environment = {**os.environ, messages.PARENT: str(os.getpid() + 1)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert done.returncode == status


@pytest.mark.parametrize(
    ("listen", "taken"),
    [(("127.0.0.1", 0), True), (("127.0.0.2", 0), False), (("127.0.0.1", 1), False)],
)
def test_the_metrics_are_served_where_the_file_says(
    heir: Heir, listen: tuple[str, int], taken: bool
) -> None:
    heir.metrics = sock = socket.create_server(("127.0.0.1", 0))
    address, offset = listen
    got = heir.metrics_at(address, sock.getsockname()[1] + offset)
    assert (got is sock) is taken
    assert (sock.fileno() >= 0) is taken
    sock.close()
