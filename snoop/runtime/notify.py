"""The service manager's side channel (sd_notify): ready, status and watchdog.

Silent when NOTIFY_SOCKET is not set. A failing notification is the service manager's loss and
never ends the switch. A manager with many to listen to is waited for, for a moment: who has missed
READY=1 or MAINPID= takes a switch that serves for one that failed. WATCHDOG=1 comes again.
"""

from __future__ import annotations

import contextlib
import os
import socket

PATIENCE_SECONDS = 1.0


def notify(state: str) -> None:
    """Send one state such as "READY=1" to the service manager, if there is one."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path or path[0] not in "/@":
        return
    address = "\0" + path[1:] if path[0] == "@" else path
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
    ):
        sock.settimeout(0 if state == "WATCHDOG=1" else PATIENCE_SECONDS)
        sock.sendto(state.encode(), address)


def watchdog_interval() -> float | None:
    """Seconds between WATCHDOG=1 messages: half of what the manager allows; None: no watchdog."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        allowed_us = int(os.environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return allowed_us / 2e6 if allowed_us > 0 else None
