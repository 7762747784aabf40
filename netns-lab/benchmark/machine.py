"""The machine the bench runs on: what else it does, and keeping that out of the figures."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

LOCK = Path("/run/snoop-bench.lock")
PRIORITY = -15
LOOK_S = 0.1
BUSY_CORES = 0.2


@contextlib.contextmanager
def alone(console: Console) -> Iterator[None]:
    """Two benches at once measure each other: the second waits for the first."""
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("another bench is running: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def preferred() -> Iterator[None]:
    """This process and what it starts go before the machine's other work, all switches alike."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    prefer(os.getpid())
    try:
        yield
    finally:
        prefer(os.getpid(), 0)
        os.setpriority(os.PRIO_PROCESS, 0, before)


def prefer(pid: int, nice: int = PRIORITY) -> None:
    """The priority of the process's session: where the kernel groups by session, `nice` counts only
    inside one.
    """
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def wait_for_quiet(patience_s: float) -> bool:
    """True once the machine does nothing else: what others compute would be booked on us."""
    deadline = time.monotonic() + patience_s
    while True:
        busy = busy_s()
        time.sleep(LOOK_S)
        if (busy_s() - busy) / LOOK_S < BUSY_CORES:
            return True
        if time.monotonic() > deadline:
            return False


def busy_s() -> float:
    """CPU seconds all cores together have not been idle.

    Of the kernel's sums only those of idle time are exact; who worked when is guessed from the
    clock's ticks, and what runs at a steady rate hides between them.
    """
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    idle, waiting, stolen = (int(fields[each]) for each in (3, 4, 7))
    elapsed = time.monotonic() * (os.cpu_count() or 1)
    return elapsed - (idle + waiting + stolen) / os.sysconf("SC_CLK_TCK")


def children_cpu_s() -> float:
    """CPU seconds of all programs that this process started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
