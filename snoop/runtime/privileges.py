"""What of its privileges a switch keeps while it runs, and gives up for good (F-14).

Whatever takes more is done first: interfaces are subscribed to, the control socket is bound, the
priority is taken. Then, before there is a second thread, because capabilities are each thread's own
and a new one has those of its maker, all sets are cut down to what ports that come and go, a reload
and a restart still take: bounding, permitted, effective, inheritable and with them ambient. No
program that is started from here has more (`no_new_privs`). The user stays who he was: a reload
reads a file that may be his alone. `found` asks the kernel, of every thread, what is left.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
import threading
from collections.abc import Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_BITS = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
    SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
    SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
    WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
NAMES: Final = tuple(f"CAP_{name}" for name in _BITS.split())
"""By their bits (linux/capability.h)."""

NEEDED: Final = ("CAP_NET_ADMIN", "CAP_NET_RAW")
WHY: Final = {
    "CAP_NET_ADMIN": "receive buffers, promiscuous mode, programs and filters of ports that come; "
    "the pairs of [[host]]",
    "CAP_NET_RAW": "packet rings of ports that come, or are opened again",
    "CAP_NET_BROADCAST": "snoop restart: to hear how neighbours in other namespaces change",
    "CAP_BPF": "programs of ports that come: the host's stack kept off, streams inside the kernel",
    "CAP_PERFMON": "programs of ports that come, which copy a stream to many ports in a loop",
}
"""What every switch keeps of what it has."""
_CHOWN_WHY = "[switch] socket_group, which a reload may change"
_BIND_WHY = "snoop restart: [metrics] listen is a port below {first}"
_NICE_WHY = "snoop restart: [switch] nice, since RLIMIT_NICE does not allow it"
_READ_WHY = "{path} can be read only so"
_WRITE_WHY = "{path}, where the control socket is, can be written to only so"

_DAC: Final = {"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"}
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_VERSION_3 = 0x20080522
_LOW = 0xFFFFFFFF
_HEADER = struct.Struct("=Ii")
_SETS = struct.Struct("=6I")  # effective, permitted, inheritable; the high words after the low
_LAST = Path("/proc/sys/kernel/cap_last_cap")
_UNPRIVILEGED_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_NICE_MOST = 40  # RLIMIT_NICE: 20 less the lowest priority
_LIBC = ctypes.CDLL(None, use_errno=True)


class Found(NamedTuple):
    """What the threads of this process have. `bounding`: what a program started from here could
    be given, were it not for `no_new_privs`.
    """

    effective: frozenset[str]
    permitted: frozenset[str]
    bounding: frozenset[str]
    no_new_privs: bool
    seccomp: bool
    uid: int
    user_namespace: bool


class Privileges:
    """Those of this process. `file`: the configuration; `directory`: where its control socket is;
    `port`: of [metrics] listen, if it has one.
    """

    def __init__(self, *, file: str | None, directory: Path, port: int | None = None) -> None:
        self._file = file
        self._directory = directory
        self._port = port
        self.why: dict[str, str] = {}
        """Of what is kept, each by its name."""

    def drop(self) -> None:
        """Give up the rest. OSError if the kernel does not take it."""
        assert threading.active_count() == 1, "each thread has capabilities of its own"
        _, permitted, inheritable, _ = _of_thread("self")
        self.why = {name: why for name, why in self._wanted(permitted) if name in permitted}
        if "CAP_SETPCAP" in permitted:
            last = int(_LAST.read_text(encoding="ascii"))
            for bit in set(range(last + 1)) - {NAMES.index(name) for name in self.why}:
                _prctl(_PR_CAPBSET_DROP, bit)
        _set(self.why.keys(), self.why.keys(), inheritable & self.why.keys())
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)

    def _wanted(self, permitted: frozenset[str]) -> Iterator[tuple[str, str]]:
        yield from WHY.items()
        yield "CAP_CHOWN", _CHOWN_WHY
        first = _first_port()
        if self._port is not None and self._port < first:
            yield "CAP_NET_BIND_SERVICE", _BIND_WHY.format(first=first)
        if not _may_be_nice():
            yield "CAP_SYS_NICE", _NICE_WHY
        if permitted & _DAC:
            yield from self._files(permitted)

    def _files(self, permitted: frozenset[str]) -> Iterator[tuple[str, str]]:
        """What it takes to get at our files: root's need nothing, those in a user's home may."""
        effective, _, inheritable, _ = _of_thread("self")
        _set(effective - _DAC, permitted, inheritable)
        hidden = next((path for path in self._read() if not _may(path, os.R_OK)), None)
        if not _may(self._directory, os.W_OK | os.X_OK):
            yield "CAP_DAC_OVERRIDE", _WRITE_WHY.format(path=self._directory)
        if hidden is not None:
            name = "CAP_DAC_READ_SEARCH"
            name = name if name in permitted else "CAP_DAC_OVERRIDE"
            yield name, _READ_WHY.format(path=hidden)

    def _read(self) -> Iterator[Path]:
        """What is read later: parts of the program, which come when they are first needed; and
        the configuration.
        """
        yield Path(__file__)
        yield from (Path(each) for each in sys.path if os.path.exists(each))
        if self._file is not None:
            yield Path(self._file)


def missing() -> list[str]:
    """What no switch can do without, and we have not."""
    effective, *_ = _of_thread("self")
    return [name for name in NEEDED if name not in effective]


def found() -> Found:
    """What all threads together have, by the kernel's word."""
    sets: list[set[str]] = [set(), set(), set()]
    no_new_privs = seccomp = True
    for task in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            status = _status(task)
            for held, key in zip(sets, ("CapEff", "CapPrm", "CapBnd"), strict=True):
                held |= named(status[key])
            no_new_privs &= status["NoNewPrivs"] == "1"
            seccomp &= status.get("Seccomp", "0") != "0"
    effective, permitted, bounding = map(frozenset, sets)
    return Found(
        effective=effective,
        permitted=permitted,
        bounding=bounding,
        no_new_privs=no_new_privs,
        seccomp=seccomp,
        uid=os.geteuid(),
        user_namespace=_in_user_namespace(),
    )


# The kernel's words ------------------------------------------------------------------------------


def _status(task: str) -> dict[str, str]:
    text = Path(f"/proc/self/task/{task}/status").read_text(encoding="ascii", errors="replace")
    lines = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in lines}


def _of_thread(task: str) -> tuple[frozenset[str], ...]:
    """Effective, permitted, inheritable and bounding capabilities of a thread, by its number."""
    status = _status(str(threading.get_native_id()) if task == "self" else task)
    return tuple(named(status[key]) for key in ("CapEff", "CapPrm", "CapInh", "CapBnd"))


def named(mask: str) -> frozenset[str]:
    """The capabilities of a set, as `/proc` writes it: hexadecimal."""
    bits = int(mask, 16)
    return frozenset(
        NAMES[bit] if bit < len(NAMES) else f"CAP_{bit}"
        for bit in range(bits.bit_length())
        if bits >> bit & 1
    )


def _set(effective: Set[str], permitted: Set[str], inheritable: Set[str]) -> None:
    """The calling thread's own sets (capset(2)); the kernel takes ambient ones along."""
    masks = [_mask(names) for names in (effective, permitted, inheritable)]
    words = [mask & _LOW for mask in masks] + [mask >> 32 for mask in masks]
    if _LIBC.capset(_HEADER.pack(_VERSION_3, 0), _SETS.pack(*words)) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def _mask(names: Set[str]) -> int:
    return sum(1 << NAMES.index(name) for name in names)


def _prctl(option: int, value: int) -> None:
    words = [ctypes.c_ulong(word) for word in (value, 0, 0, 0)]
    if _LIBC.prctl(option, *words) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=True)


def _first_port() -> int:
    try:
        return int(_UNPRIVILEGED_PORT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1024


def _may_be_nice() -> bool:
    """Have the resource limit allow any priority, so that no capability need: it concerns this
    process alone, where CAP_SYS_NICE is about every one.
    """
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NICE, (_NICE_MOST, _NICE_MOST))
    return resource.getrlimit(resource.RLIMIT_NICE)[0] >= _NICE_MOST


def _in_user_namespace() -> bool:
    try:
        first = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return first[:3] != ["0", "0", str(_LOW)]
