"""Who is at the other end of a connected socket of this machine: alive, or on his way out.

The kernel takes a killed process apart bit by bit: its memory goes at once, its sockets while
programs at its interfaces are taken down, a grace period of RCU each. Whoever is started meanwhile
finds somebody who listens and will never answer.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import NamedTuple

_CREDENTIALS = struct.Struct("=iII")


class Holder(NamedTuple):
    """Who called listen(2); `pid` 0: of another PID namespace."""

    pid: int
    uid: int

    @property
    def is_dying(self) -> bool:
        """Is nothing left but what the kernel has not closed yet? Not to be told: no."""
        if not self.pid:
            return False
        try:
            return Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").startswith("0 ")
        except (FileNotFoundError, ProcessLookupError):
            return True  # or hidden from us: who waits for it waits in vain
        except OSError:
            return False


def holder(connected: socket.socket) -> Holder:
    """As the kernel has it."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return Holder(pid, uid)
