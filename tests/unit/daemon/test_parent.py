"""What stays of the process that began a switch, with processes that end and leave heirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from snoop import parent
from snoop.waiting import wait_until
from unit import HANGS_S

# Each switch begins the next one, and a stranger, and leaves its place; the last is there to stay.
SWITCH = """
import os, signal, subprocess, sys, time
left = int(sys.argv[1])
open(f"{left} serves", "w").close()
stranger = ["sh", "-c", "trap 'touch heard' HUP; read x"]
subprocess.Popen(stranger, env={"PATH": os.environ["PATH"]})
if left:
    again = [sys.executable, "-c", os.environ["SWITCH"], str(left - 1)]
    subprocess.Popen(again, env={**os.environ, "SNOOP_HANDOVER_FD": "3"}, stdin=subprocess.DEVNULL)
    while not os.path.exists(f"{left - 1} serves"):
        time.sleep(0.001)
    os._exit(int(os.environ["HANDED_ON"]))
signal.signal(signal.SIGHUP, lambda *_: os._exit(7))
open("stays", "w").write(str(os.getpid()))
while True:
    signal.pause()
"""
# As `handing` leaves it.
BEGUN = """
import ctypes, os, signal, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
first = subprocess.Popen([sys.executable, "-c", os.environ["SWITCH"], sys.argv[1]])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", os.environ["PARENT"], str(first.pid)])
"""


@contextmanager
def begun(place: Path, heirs: int) -> Iterator[subprocess.Popen[bytes]]:
    """After so many have taken the place. Strangers go with their standard input."""
    environment = {
        "PATH": os.environ["PATH"],
        "SWITCH": SWITCH,
        "PARENT": str(parent.__file__),
        "HANDED_ON": str(parent.HANDED_ON),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", BEGUN, str(heirs)],
        stdin=subprocess.PIPE,
        cwd=place,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        with process.stdin:
            wait_until(lambda: settled(process, place), within=HANGS_S, what="the heir's parent")
            yield process
    finally:
        with suppress(ProcessLookupError):  # if all is well nobody is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def settled(process: subprocess.Popen[bytes], place: Path) -> bool:
    """Those before have been asked how they ended, by who is a parent and no more."""
    assert process.poll() is None
    try:
        last = (place / "stays").read_text()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in children]
    except FileNotFoundError:
        return False
    asked = not any(stat.split()[0] == "Z" for stat in stats)
    return last in children and asked


@pytest.mark.parametrize("heirs", [0, 1, 3])
@pytest.mark.parametrize(("number", "ends"), [(signal.SIGHUP, 7), (signal.SIGTERM, -15)])
def test_it_ends_as_the_last_heir_and_minds_no_strangers(
    heirs: int, number: int, ends: int, tmp_path: Path
) -> None:
    """Who was there before, or lost his own parent, is sent nothing and not waited for."""
    with begun(tmp_path, heirs) as process:
        process.send_signal(number)
        assert process.wait(HANGS_S) == ends
    assert not (tmp_path / "heard").exists()


def test_an_heir_that_ends_while_it_is_looked_at_has_left_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the switch would be taken for ended, and its heirs end with who began it."""
    own = os.getpid()
    seen = iter([[1 << 30], [1 << 30, own], [1 << 30, own]])  # the first is nobody any more
    monkeypatch.setattr(parent, "children", lambda: next(seen))
    monkeypatch.setattr(parent, "HEIR", b"")  # all that live are heirs
    assert parent.heirs() == [own]
