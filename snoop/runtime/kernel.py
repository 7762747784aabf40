"""Streams inside the kernel: whether they may be, whether they can, and counts taken in.

The fast path chooses stream by stream; here is what holds for all. What the kernel counts is taken
in again and again, for it is also what keeps the sources of such streams in the fdb.
"""

from __future__ import annotations

import errno
import logging
import os
from typing import Protocol

from snoop.config.schema import Health, Kernel, SwitchTable
from snoop.proto.units import SECOND, Duration, Instant, after
from snoop.table.seen import Watched

_log = logging.getLogger("snoop.kernel")

FOLD_SECONDS = 1.0
# Of the time an address is kept: none may run out that was heard in it.
_FOLD_SHARE = 4
_WATCHED = {Health.AUTO: Watched.WANTED, Health.ALL: Watched.ALL, Health.OFF: Watched.NONE}
NOT_HERE = "not made for this machine"
_TAKES = {
    errno.EPERM: "it takes CAP_BPF, which a user namespace cannot give, and no seccomp in its way",
    errno.EACCES: "it takes CAP_BPF, which a user namespace cannot give",
    errno.ENOSYS: "this kernel has no BPF",
    errno.EINVAL: "it takes Linux 6.6 and CAP_PERFMON",
    errno.ENOMEM: "no memory for its tables",
}


class Folded(Protocol):
    """The part of the fast path that knows of the kernel's."""

    def kernel(self, allowed: bool) -> None: ...
    def health(self, watched: Watched) -> None: ...
    def kernel_fold(self) -> int: ...
    def quiet(self, quiet: bool, *, kernel: bool) -> None: ...


class KernelPath:
    """`because`: why no stream is served there although they may be; None: they can."""

    def __init__(self, fastpath: Folded) -> None:
        self._fastpath = fastpath
        self._fold_at = Instant(0)
        self._mode: Kernel | None = None
        self.because: str | None = None
        self.streams = 0

    @property
    def mode(self) -> Kernel:
        """What was configured last."""
        return self._mode or Kernel.OFF

    def configure(self, switch: SwitchTable) -> None:
        """Do as `[switch] kernel` says; if that cannot be, all goes by the rings (N-11). And as
        `health` does, which is looked at by whoever serves a stream.
        """
        self._fastpath.health(_WATCHED[switch.health])
        if switch.kernel is self._mode:
            return
        self._mode, self.because = switch.kernel, None
        try:
            self._fastpath.kernel(switch.kernel is Kernel.AUTO)
        except OSError as error:
            self.because = _sentence(error)
            level = logging.INFO if self.because == NOT_HERE else logging.WARNING
            _log.log(level, "no stream is served inside the kernel: %s", self.because)

    def quiet(self, quiet: bool) -> None:
        """Have everything come into the rings, known unicast too; or no longer."""
        serves = self.mode is Kernel.AUTO and self.because is None
        self._fastpath.quiet(quiet, kernel=serves)

    def look(self, now: Instant, switch: SwitchTable) -> None:
        """Take in the counts, if it is time; called several times a second."""
        if now >= self._fold_at:
            self.streams = self._fastpath.kernel_fold()
            seconds = min(FOLD_SECONDS, switch.fdb_ageing / _FOLD_SHARE)
            self._fold_at = after(now, Duration(round(seconds * SECOND)))


def _sentence(error: OSError) -> str:
    """Why the kernel cannot, and what it would take."""
    number = error.errno or 0
    if number == errno.EOPNOTSUPP:
        return NOT_HERE
    takes = _TAKES.get(number)
    return os.strerror(number) + (f"; {takes}" if takes else "")
