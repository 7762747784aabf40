"""The old process at a hand-over, with a real child that does as a script says: whatever that does
or leaves undone, this one goes on, at once and as if nothing had been.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from snoop import parent
from snoop.daemon import handing, messages
from snoop.daemon.handing import Handing, Running
from snoop.daemon.messages import HandoverError
from snoop.daemon.under_way import UnderWay
from snoop.waiting import wait_until
from unit import HANGS_S

SCRIPT = """
import os, signal, socket, sys, time
from snoop.daemon import messages
sock = socket.socket(fileno=int(os.environ[messages.ENVIRONMENT]))
def hello(protocol=messages.PROTOCOL):
    messages.send(sock, "hello", messages.Hello(protocol, "9.9"))
def hear(kind):
    while messages.receive(sock).kind != kind: pass
"""
AT_ALL = HANGS_S
RESTED = ["rest", "quiet True"]
STOPPED = [*RESTED, "stop"]
WOKEN = ["quiet False", "go on"]
STARTED = ["go", "start 2", *WOKEN]


class Later(NamedTuple):
    """A state that is made when it is asked for."""

    of: Callable[[], Any]


@dataclass
class Fake:
    """A switch without ports, and what was done to it."""

    done: list[str] = field(default_factory=list)
    stops: bool = True
    state: Any = b"state"
    kernel_error: OSError | None = None
    under_way: UnderWay = field(default_factory=UnderWay)

    def running(self) -> Running:
        done = self.done

        def stop() -> bool:
            done.append("stop")
            return self.stops

        def quiet(quiet: bool) -> None:
            done.append(f"quiet {quiet}")
            if self.kernel_error is not None and not quiet:
                raise self.kernel_error

        fastpath = SimpleNamespace(
            workers=2,
            go=lambda: done.append("go"),
            fdb=list,
            streams_packed=bytes,
            health_packed=bytes,
        )
        plane: Any = SimpleNamespace(
            ports=[],
            fastpath=fastpath,
            kernel=SimpleNamespace(quiet=quiet),
            drained=lambda budget: (),
        )
        turns: Any = SimpleNamespace(
            rest=lambda: done.append("rest"), go_on=lambda: done.append("go on")
        )
        workers: Any = SimpleNamespace(stop=stop, start=lambda n: done.append(f"start {n}"))
        claims: Any = SimpleNamespace(held=lambda ifindex: -1)
        state = self.state if isinstance(self.state, Later) else Later(lambda: self.state)
        return Running(plane, turns, workers, claims, {}, state.of, self.under_way.ended)


def play(
    script: str, monkeypatch: pytest.MonkeyPatch, fake: Fake, *, timeout: float = AT_ALL
) -> dict[str, Any]:
    """One attempt with that child; HandoverError says what became of it."""
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", SCRIPT + script])

    async def scene() -> dict[str, Any]:
        attempt = Handing(fake.running())
        try:
            return await attempt.run(timeout)
        finally:
            assert attempt.served or attempt.resting is None or attempt.resting.done()
            while not attempt.served and parent.children():
                await asyncio.sleep(0)

    return asyncio.run(asyncio.wait_for(scene(), 2 * HANGS_S))


def test_one_that_does_all_in_order_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    script = """
hello()
hear("sockets")
messages.send(sock, "prepared")
hear("go")
messages.send(sock, "serving", 2_000_000)
"""
    result = play(script, monkeypatch, fake)
    assert (result["version"], result["pause"]) == ("9.9", 0.002)
    assert fake.done == STOPPED
    with suppress(ChildProcessError):  # the attempt, when it went, has asked
        os.waitpid(result["pid"], 0)


@pytest.mark.parametrize(
    ("script", "said", "done"),
    [
        ("sys.exit(3)", "ended with status 3", []),
        ("os.kill(os.getpid(), 9)", "ended by signal 9", []),
        ('messages.send(sock, "failed", "no such key")', "no such key", []),
        ("hello(99)", "the new version hands over otherwise", []),
        ('messages.send(sock, "prepared")', "says prepared in place of hello", []),
        ('messages.send(sock, "hello", 5)', "a message that is none: hello", []),
        ('sock.send(b"hello")', "without its value", []),
        ('sock.send(b"x" * 5000)', "too long", []),
        ("hello(); hear('state'); sys.exit(1)", "ended with status 1", [*RESTED, *WOKEN]),
        (
            "hello(); hear('sockets'); messages.send(sock, 'serving', 1)",
            "says serving in place of prepared",
            [*RESTED, *WOKEN],
        ),
        (
            "hello(); hear('sockets'); messages.send(sock, 'failed', 'no room'); time.sleep(60)",
            "no room",
            [*RESTED, *WOKEN],
        ),
        (
            "hello(); messages.send(sock, 'prepared'); hear('go'); sys.exit(0)",
            "ended with status 0",
            [*STOPPED, *STARTED],
        ),
        (
            "hello(); messages.send(sock, 'prepared'); hear('go'); "
            "messages.send(sock, 'serving', 'soon')",
            "a message that is none: serving",
            [*STOPPED, *STARTED],
        ),
    ],
)
def test_one_that_fails_costs_nothing(
    script: str, said: str, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake()
    with pytest.raises(HandoverError, match=said):
        play(script, monkeypatch, fake)
    # The loops run before anything else is seen to.
    assert [each for each in fake.done if each != "stop"] == [
        each for each in done if each != "stop"
    ]
    assert ("stop" in fake.done) == ("stop" in done)


@pytest.mark.parametrize(
    ("script", "at"),
    [
        ("time.sleep(60)", "hello"),
        ("hello(); time.sleep(60)", "prepared"),
        ("hello(); messages.send(sock, 'prepared'); time.sleep(60)", "serving"),
        ("hello(); os.kill(os.getpid(), signal.SIGSTOP)", "prepared"),
    ],
)
def test_one_that_hangs_is_not_waited_for(
    script: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "PREPARE_SECONDS", 0.3)
    fake = Fake()
    with pytest.raises(HandoverError, match=rf"not ready after 0\.\d s \({at}\)"):
        play(script, monkeypatch, fake, timeout=0.3 if at == "hello" else AT_ALL)
    assert not fake.done or fake.done[-2:] == WOKEN


def test_loops_that_do_not_stop_are_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(stops=False)
    with pytest.raises(HandoverError, match="a forwarding loop does not stop"):
        play("hello(); messages.send(sock, 'prepared'); hear('go')", monkeypatch, fake)
    assert fake.done[-2:] == WOKEN


def test_an_attempt_that_is_cancelled_leaves_all_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake()
    monkeypatch.setattr(
        sys, "orig_argv", [sys.executable, "-c", SCRIPT + "hello(); time.sleep(60)"]
    )

    async def scene() -> None:
        attempt = Handing(fake.running())
        task = asyncio.create_task(attempt.run(AT_ALL))
        while fake.done != RESTED:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert fake.done == [*RESTED, *WOKEN]
        assert not attempt.served
        while parent.children():
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scene(), HANGS_S))


def test_a_state_that_cannot_be_packed_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is that our own part stumbles over."""
    fake = Fake(state=object())
    with pytest.raises(TypeError):
        play("hello(); time.sleep(60)", monkeypatch, fake)
    assert fake.done == [*RESTED, *WOKEN]


def test_a_kernel_that_takes_no_streams_again_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = Fake(kernel_error=OSError(errno.ENOMEM, "no memory"))
    with pytest.raises(HandoverError, match="ended with status 1"):
        play("hello(); hear('state'); sys.exit(1)", monkeypatch, fake)
    assert fake.done == [*RESTED, *WOKEN]
    assert "no stream is served inside the kernel any more: no memory" in caplog.text


def test_it_waits_for_who_waits_for_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile no other change is begun, and all else goes on; then nothing does."""
    fake = Fake()
    script = SCRIPT + "hello(); hear('sockets'); messages.send(sock, 'failed', 'so far')"
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", script])

    async def scene() -> None:
        attempt = Handing(fake.running())
        with fake.under_way.one():
            task = asyncio.create_task(attempt.run(AT_ALL))
            while not attempt.holds(True):
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not attempt.holds(False)
            assert not fake.done
        while not attempt.holds(False):
            await asyncio.sleep(0)
        assert fake.done == RESTED
        with pytest.raises(HandoverError, match="so far"):
            await task
        assert not attempt.holds(True)
        while parent.children():
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scene(), HANGS_S))


def test_a_change_that_takes_too_long_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "CHANGES_SECONDS", 0.05)
    fake = Fake()
    with fake.under_way.one(), pytest.raises(HandoverError, match="a command waits for ports"):
        play("hello(); time.sleep(60)", monkeypatch, fake)
    assert not fake.done


@pytest.mark.parametrize("free", [0, 1, 3, 5, 7])
def test_however_few_descriptors_are_left_it_goes_on(
    free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", "raise SystemExit(3)"])
    taken: list[int] = []

    async def scene() -> None:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(free):
            os.close(taken.pop())
        with pytest.raises(HandoverError, match=r"Too many open files|ended with status"):
            await Handing(fake.running()).run(AT_ALL)

    most = max(map(int, os.listdir("/proc/self/fd"))) + 40
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
        asyncio.run(asyncio.wait_for(scene(), 2 * HANGS_S))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in taken:
            os.close(fd)
    assert not fake.done
    wait_until(lambda: not parent.children(), within=HANGS_S, what="nobody is left")


def test_who_goes_while_he_is_told_has_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> bytes:
        (child,) = parent.children()
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        return b""

    script = "hello(); messages.send(sock, 'failed', 'too old')"
    with pytest.raises(HandoverError, match=r"^too old$"):
        play(script, monkeypatch, Fake(state=Later(gone)))


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ETOOMANYREFS])
def test_a_new_one_that_reads_slowly_is_waited_for(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without CAP_SYS_RESOURCE only so many descriptors may be on their way at once."""
    send, refusals = messages.send, [number] * 3

    def refusing(sock: Any, kind: str, *rest: Any) -> None:
        if kind == "sockets" and refusals:
            raise OSError(refusals.pop(), "later")
        send(sock, kind, *rest)

    monkeypatch.setattr(messages, "send", refusing)
    script = "hello(); hear('sockets'); messages.send(sock, 'failed', 'so far')"
    with pytest.raises(HandoverError, match="so far"):
        play(script, monkeypatch, Fake())
    assert not refusals


def test_a_new_one_that_reads_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "PREPARE_SECONDS", 0.1)
    send = messages.send

    def refusing(sock: Any, kind: str, *rest: Any) -> None:
        if kind == "sockets":
            raise OSError(errno.EAGAIN, "later")
        send(sock, kind, *rest)

    monkeypatch.setattr(messages, "send", refusing)
    fake = Fake()
    with pytest.raises(HandoverError, match=r"not ready after 0\.1 s \(sockets\)"):
        play("hello(); time.sleep(60)", monkeypatch, fake)
    assert fake.done == [*RESTED, *WOKEN]


def test_the_new_one_answers_for_the_watchdog_of_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the service manager's main process by then."""
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    script = """
from snoop.runtime import notify
messages.send(sock, "failed", f"every {notify.watchdog_interval()} s")
"""
    with pytest.raises(HandoverError, match=r"every 1\.5 s"):
        play(script, monkeypatch, Fake())


def test_a_python_that_is_there_no_more_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    fake = Fake()
    with pytest.raises(HandoverError, match="/nowhere/python: No such file"):
        play("", monkeypatch, fake)
    assert not fake.done
    wait_until(lambda: not parent.children(), within=HANGS_S, what="nobody is left")
