"""Where the switch stands among the machine's processes.

The kernel's bridge forwards ahead of every process. A switch that is one must not be held up by the
very hosts it serves, where those are containers or guests of the same machine and busy: two that
flood would have the cores, and everybody's frames and joins wait for the scheduler.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

BEGIN: Final = -10
"""What `[switch] nice` is unless it says otherwise."""

_AUTOGROUP: Final = Path("/proc/self/autogroup")


def prefer(nice: int) -> None:
    """Take a priority for this process; threads made later have it too.

    Where the kernel weighs sessions against each other (autogroup), a priority counts only inside
    one: then ours is set as well, if it is our own. Without the privilege nothing happens.
    """
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    _weigh(nice)


def _weigh(nice: int) -> None:
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _AUTOGROUP.write_text(str(nice))


@contextlib.contextmanager
def preferred(nice: int) -> Iterator[None]:
    """The same for a block alone: who runs a command within a process of his own keeps what he
    had, and so do all that he starts later.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    weighed = before
    with contextlib.suppress(OSError, ValueError):
        weighed = int(_AUTOGROUP.read_text().rpartition(" ")[2])
    prefer(nice)
    try:
        yield
    finally:
        prefer(before)
        _weigh(weighed)


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """For a switch that begins and will `prefer` what it is told: half of its start is over before
    its configuration is read, and on a busy machine members wait for it since another died.
    """
    with preferred(min(BEGIN, os.getpriority(os.PRIO_PROCESS, 0))):
        yield
