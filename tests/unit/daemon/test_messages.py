"""What two processes say to each other at a hand-over, whole, cut, foreign and too much."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from snoop.daemon import messages
from snoop.daemon.messages import Go, Handed, HandoverError, Hello, Left, Unread

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = messages.pair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def say(sock: socket.socket, kind: bytes, body: bytes | None, *, more: int = 0) -> None:
    """A message by hand; `more`: so many descriptors besides."""
    fd = os.memfd_create("body") if body is not None else os.open("/dev/null", os.O_RDONLY)
    try:
        os.write(fd, body or b"") if body is not None else None
        rights = array.array("i", [fd] * (more + (body is not None)))
        sent = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if rights else []
        sock.sendmsg([kind], sent)
    finally:
        os.close(fd)


GO = Go(
    5,
    (Left("p0", 0, 7, 8, {"rx_frames": 9}),),
    (Unread("p0", 0, b"frame", 1, 2, None),),
    ((0, bytes(6), "p0", 3),),
    26,
    b"streams",
)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("hello", Hello(messages.PROTOCOL, "1.2")),
        ("state", b"x" * 3_000_000),
        ("port", Handed("p0", 4, (True, False), 4096, 1024)),
        ("claim", 4),
        ("sockets", ("control",)),
        ("prepared", None),
        ("go", GO),
        ("serving", 1_500_000),
        ("failed", "no"),
    ],
)
def test_each_arrives_as_it_was_said(ends: Ends, kind: str, value: object) -> None:
    ours, theirs = ends
    with open(os.devnull, "rb") as null:
        messages.send(theirs, kind, value, (null.fileno(), null.fileno()))
    got = messages.receive(ours)
    assert (got.kind, got.value, len(got.fds)) == (kind, value, 2)
    assert all(not os.get_inheritable(fd) for fd in got.fds)
    messages.close(got.fds)


ENCODED = msgspec.msgpack.encode


@pytest.mark.parametrize(
    ("kind", "body", "more", "said"),
    [
        (b"hello", b"", 0, "none: hello"),
        (b"hello", b"\xc1", 0, "none: hello"),
        (b"hello", ENCODED({"version": "1"}), 0, "protocol"),
        (b"hello", ENCODED({"protocol": "1"}), 0, "protocol"),
        (b"go", ENCODED(GO)[:-3], 0, "none: go"),
        (b"go", ENCODED({"stopped_ns": 1}), 2, "none: go"),
        (b"state", b"\x91" * 5000, 0, "none: state"),
        (b"port", ENCODED([1, 2]), 3, "none: port"),
        (b"serving", ENCODED("soon"), 0, "none: serving"),
        (b"prepared", None, 0, "without its value: prepared"),
        (b"dance", ENCODED(None), 1, "unknown message: dance"),
        (b"\xff\xfe", ENCODED(None), 0, "unknown message"),
        (b"h" * 100, ENCODED(None), 1, "too long"),
        (b"port", ENCODED(None), messages.FDS_MAX + 5, "more descriptors"),
    ],
)
def test_what_is_none_is_refused_and_leaves_nothing_open(
    ends: Ends, kind: bytes, body: bytes | None, more: int, said: str
) -> None:
    ours, theirs = ends
    before = descriptors()
    say(theirs, kind, body, more=more)
    with pytest.raises(HandoverError, match=said):
        messages.receive(ours)
    assert descriptors() == before


def test_every_cut_of_a_value_is_refused(ends: Ends) -> None:
    ours, theirs = ends
    whole = ENCODED(GO)
    for length in range(len(whole)):
        say(theirs, b"go", whole[:length])
        with pytest.raises(HandoverError):
            messages.receive(ours)


def test_a_newer_version_may_say_more(ends: Ends) -> None:
    ours, theirs = ends
    say(theirs, b"hello", ENCODED({"protocol": 99, "version": "9", "mood": "fine"}))
    assert messages.receive(ours).value == Hello(99, "9")


def test_an_end_is_told_from_nothing_yet(ends: Ends) -> None:
    ours, theirs = ends
    with pytest.raises(BlockingIOError):
        messages.receive(ours)
    theirs.close()
    with pytest.raises(EOFError):
        messages.receive(ours)
    with pytest.raises(BrokenPipeError):
        messages.send(ours, "prepared")


def test_ports_of_a_full_switch_fit_before_anything_is_read(ends: Ends) -> None:
    """The old process says all at once and waits for nobody."""
    ours, theirs = ends
    with open(os.devnull, "rb") as null:
        for ifindex in range(256):
            told = Handed(f"interface{ifindex:06}", ifindex, (True,) * 7, 4096, 1024)
            messages.send(ours, "port", told, (null.fileno(),) * 7)
    for ifindex in range(256):
        got = messages.receive(theirs)
        assert got.value.ifindex == ifindex
        messages.close(got.fds)


def test_who_is_not_listened_to_any_more_cannot_say_that_he_serves(ends: Ends) -> None:
    """And what he had said by then is heard: one of the two holds, never both."""
    ours, theirs = ends
    messages.send(theirs, "serving", 5)
    ours.shutdown(socket.SHUT_RD)
    with pytest.raises(BrokenPipeError):
        messages.send(theirs, "serving", 6)
    assert messages.receive(ours).value == 5
    with pytest.raises(EOFError):
        messages.receive(ours)


def test_who_comes_to_nothing_says_why(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = ends
    monkeypatch.setenv(messages.ENVIRONMENT, str(os.dup(theirs.fileno())))
    messages.refuse("not built")
    said = messages.receive(ours)
    assert (said.kind, said.value) == ("failed", "not built")


@pytest.mark.parametrize("told", [None, "", "x", "-1", "100000"])
def test_who_was_to_take_no_place_says_nothing(
    told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(messages.ENVIRONMENT, raising=False)
    if told is not None:
        monkeypatch.setenv(messages.ENVIRONMENT, told)
    messages.refuse("not built")
