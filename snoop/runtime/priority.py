"""Where the switch stands among the machine's processes.

The kernel's bridge forwards ahead of every process. A switch that is one must not be held up by the
very hosts it serves, where those are containers or guests of the same machine and busy: two that
flood would have the cores, and everybody's frames and joins wait for the scheduler.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

_AUTOGROUP: Final = Path("/proc/self/autogroup")


def prefer(nice: int) -> None:
    """Take a priority for this process; threads made later have it too.

    Where the kernel weighs sessions against each other (autogroup), a priority counts only inside
    one: then ours is set as well, if it is our own. Without the privilege nothing happens.
    """
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _AUTOGROUP.write_text(str(nice))
