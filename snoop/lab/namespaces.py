"""Network namespaces, veth pairs and processes inside them, over pyroute2 and the kernel: no `ip`
command needed.

Every namespace of a lab is named `<prefix><name>`; the prefix of a passing lab is `sn<pid>-`, so
that what a killed process left behind can be told apart and removed (`sweep`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute, netns

from snoop.namespace import RUN, enter, inside
from snoop.switch import end_with_parent

HOME = Path(__file__).parents[2]
PASSING = re.compile(r"sn(\d+)-")
NEEDS = (
    "network namespaces need root: run this as root, or as `unshare -Urn COMMAND`, "
    "or give the container CAP_SYS_ADMIN"
)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)
prepared = False  # a first namespace has been named
private = False  # the names are seen by this process and its children alone, and end with them


class LabError(Exception):
    """The lab cannot be made or asked; one line that says what it needs."""


def create(name: str, *, quiet_ipv6: bool) -> IPRoute:
    """Make the namespace, bring `lo` up; a netlink socket into it. LabError without the rights."""
    with one_at_a_time():
        try:
            give_name(name)
        except OSError as error:
            raise LabError(f"{NEEDS} ({error})") from error
    with inside(name):
        for which in ("all", "default"):
            setting = Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6")
            if quiet_ipv6 and setting.exists():
                with contextlib.suppress(OSError):  # read-only in some containers: less quiet then
                    setting.write_text("1")
        link = IPRoute()  # given the name it would fork, which costs a large test run dear
    link.link("set", index=1, state="up")
    return link


def give_name(name: str) -> None:
    """A new namespace in /run/netns, or, where that is another's, in one that only we see."""
    global prepared
    if prepared:
        name_another(name)
        return
    try:
        netns.create(name)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EROFS):
            raise
        own_names()
        netns.create(name)
    prepared = True


def name_another(name: str) -> None:
    """As `netns.create` in a place that is prepared, but without a fork of all the test run."""
    path = RUN / name
    path.touch(mode=0, exist_ok=False)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        checked(LIBC.unshare(CLONE_NEWNET), "unshare")
        own = b"/proc/thread-self/ns/net"
        checked(LIBC.mount(own, os.fsencode(path), b"none", MS_BIND, None), f"mount {path}")
    except BaseException:
        path.unlink()
        raise
    finally:
        LIBC.setns(home, CLONE_NEWNET)
        os.close(home)


def own_names() -> None:
    """An empty /run/netns for this process and its children: what root is in a user namespace
    may not write there, nor mount. Where there is none, /run is made anew around what is in it.
    """
    global private
    private = True
    place = RUN if RUN.is_dir() else RUN.parent
    checked(LIBC.unshare(CLONE_NEWNS), "unshare")
    checked(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")
    kept = {path.name: os.open(path, os.O_PATH | os.O_CLOEXEC)
            for path in ([] if place == RUN else place.iterdir())
            if path.is_dir() and not path.is_symlink()}  # fmt: skip
    checked(LIBC.mount(b"none", os.fsencode(place), b"tmpfs", 0, b"mode=755"), f"mount {place}")
    for name, fd in kept.items():
        (place / name).mkdir()
        there = os.fsencode(place / name)
        source = f"/proc/self/fd/{fd}".encode()
        checked(LIBC.mount(source, there, b"none", MS_BIND | MS_REC, None), f"mount {place / name}")
        os.close(fd)


def join(pid: int) -> None:
    """Go where a process is that `own_names` was called for, or by whose parent: what it sees as
    /run/netns, with what it may do there. OSError if it is not there, or not ours.
    """
    for kind, flag in (("user", CLONE_NEWUSER), ("mnt", CLONE_NEWNS)):
        path = f"/proc/{pid}/ns/{kind}"
        if place_of(path) == place_of(f"/proc/self/ns/{kind}"):
            continue
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            checked(LIBC.setns(there, flag), f"setns {kind}")
        finally:
            os.close(there)


def checked(status: int, what: str) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two labs that both find no /run/netns would mount it one over the other."""
    lock = os.open(RUN.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def remove(*names: str) -> None:
    """End every process in the namespaces and take their names away; the links in them go too."""
    for pid in inhabitants(*names):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    for name in names:
        with contextlib.suppress(OSError):
            netns.remove(name)


def exists(name: str) -> bool:
    return (RUN / name).exists()


def named(prefix: str) -> list[str]:
    return sorted(name for name in netns.listnetns() if name.startswith(prefix))


def sweep() -> list[str]:
    """Remove what a lab that was killed (SIGKILL) could not remove itself; the names."""
    dead = [
        name
        for name in netns.listnetns()
        if (match := PASSING.match(name)) and not Path(f"/proc/{match[1]}").exists()
    ]
    remove(*dead)
    return dead


def inhabitants(*names: str) -> list[int]:
    """Processes whose network namespace is one of these; never this one."""
    targets = {place for name in names if (place := place_of(f"{RUN}/{name}"))}
    if not targets:
        return []
    own = str(os.getpid())
    pids = (name for name in os.listdir("/proc") if name.isdigit() and name != own)
    return [int(pid) for pid in pids if place_of(f"/proc/{pid}/ns/net") in targets]


def place_of(path: str) -> tuple[int, int] | None:
    """What tells the namespace at a path from others; None where there is none."""
    with contextlib.suppress(OSError):
        there = os.stat(path)
        return there.st_ino, there.st_dev
    return None


def spawn(
    name: str, command: Sequence[str | os.PathLike[str]], *, outlive: bool = False, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process in the namespace, in a session of its own so that Ctrl-C reaches only us.

    Unless `outlive`, the kernel ends it when this process dies, however it dies.
    """

    def prepare() -> None:
        enter(name)
        if not outlive:
            end_with_parent()

    return subprocess.Popen(command, preexec_fn=prepare, start_new_session=True, **options)


def program(module: str, *arguments: str, home: Path = HOME) -> list[str]:
    """The command line of a module below `home` that needs the standard library and us alone.

    Without site packages it starts in a tenth of the time. The module has a `main` for it.
    """
    code = f"import sys; sys.path[:0] = {[str(home), str(HOME)]}; from {module} import main; main()"
    return [sys.executable, "-E", "-S", "-c", code, *arguments]


def index_of(link: IPRoute, interface: str) -> int:
    """The interface's index; KeyError when it is not there."""
    found = link.link_lookup(ifname=interface)
    if not found:
        raise KeyError(interface)
    return int(found[0])
