"""The file that a switch leaves for who comes after it: beside its socket, `NAME.state`.

It is replaced whole, by rename, so whoever is killed while he writes leaves the one before. It is
0600, and what is not ours or too large to be a state is not read. After another start of the
machine it is gone with the runtime directory, or refused for its boot (`daemon/surviving.py`).
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from snoop.proto.dumping import BadState

BYTES_MAX: Final = 256 << 20
"""Several times what `[igmp] max_state` lets a switch remember."""


class Snapshot:
    """The file of the switch that has this control socket."""

    def __init__(self, socket: Path) -> None:
        """Open nothing yet."""
        self.path = socket.with_name(f"{socket.name.removesuffix('.sock')}.state")
        self._written: tuple[int, int] | None = None

    def read(self) -> bytes | None:
        """What is in it, None if there is none; BadState if it cannot be believed."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadState(f"cannot be read: {error.strerror}") from error
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()):
            os.close(fd)
            raise BadState("not a file of ours")
        with os.fdopen(fd, "rb") as file:
            data = file.read(BYTES_MAX + 1)
        if len(data) > BYTES_MAX:
            raise BadState(f"more than {BYTES_MAX} bytes")
        return data

    def write(self, data: bytes, *, still: int | None = None) -> bool:
        """Put this in its place; OSError. False: not done, since our parent is not `still` alive,
        and another may have taken his place.
        """
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            if still is not None and os.getppid() != still:
                return False
            fresh.rename(self.path)
            self.remember()
        finally:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
        return True

    def remember(self) -> None:
        """What is there now is what was written last, by this process or a child of it."""
        self._written = self._there()

    @property
    def is_lost(self) -> bool:
        """Is what was written last gone, or something else in its place?"""
        return self._written is not None and self._there() != self._written

    def _there(self) -> tuple[int, int]:
        try:
            found = self.path.lstat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    def remove(self) -> None:
        """Leave nothing."""
        self.sweep()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def sweep(self, pid: int | None = None) -> None:
        """Leave nothing of those who were killed while they wrote, or of that one."""
        pattern = "[0-9]*" if pid is None else str(pid)
        for path in self.path.parent.glob(f"{self.path.name}.{pattern}"):
            with contextlib.suppress(OSError):
                path.unlink()
