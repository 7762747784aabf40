"""Where control sockets are: one rule for who makes one and for who looks for it.

/run/snoop, for who may write there: root, also that of a container. Else a directory that nobody
else may write to: $XDG_RUNTIME_DIR/snoop, or what a session without that variable would have there,
/run/user/UID/snoop, or at last /tmp/snoop-UID. UID is the one outside of a user namespace, so that
both sides of one agree. Who asks looks in all of them; what is not his own he does not believe, but
for root's. Standard library only: every command begins here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

SHARED = Path("/run/snoop")
USERS = Path("/run/user")
TEMPORARY = Path("/tmp")
_NOBODY = 65534  # kernel.overflowuid


class Unsafe(OSError):
    """A directory that somebody else could put a socket into."""


def directories() -> tuple[Path, ...]:
    """Where switches are looked for: where one of ours would be first."""
    own = [path for path in (*_of_session(), _fallback()) if is_ours(path)]
    own = list(dict.fromkeys(own))
    return (SHARED, *own) if _may_share() else (*own, SHARED)


def directory() -> Path:
    """Where a switch of ours puts its socket; it need not be there yet."""
    if _may_share():
        return SHARED
    return next((path for path in _of_session() if is_ours(path.parent)), _fallback())


def place(name: str) -> Path:
    """The socket of a switch that is to be."""
    return directory() / f"{name}.sock"


def find(name: str) -> Path:
    """The socket of a switch that is there; where it would be if none is."""
    paths = (path / f"{name}.sock" for path in directories())
    return next((path for path in paths if os.path.lexists(path)), place(name))


def user() -> int | None:
    """Whom root has made SHARED for: his switches' user; None if it is not there, or somebody that
    this user namespace does not know.
    """
    try:
        uid = SHARED.stat().st_uid
    except OSError:
        return None
    return None if uid == _NOBODY else uid


def sockets(where: Path) -> Iterator[Path]:
    """Those in a directory, by name, running or dead."""
    try:
        yield from sorted(path for path in where.glob("*.sock") if path.is_socket())
    except OSError:
        return  # Not ours to read.


def every() -> Iterator[Path]:
    """Those of all directories."""
    for where in directories():
        yield from sockets(where)


def make(where: Path) -> None:
    """Make the directory of a socket; Unsafe if it is in /tmp and somebody else's."""
    own = where == _fallback()
    where.mkdir(mode=0o700 if own else 0o755, parents=True, exist_ok=True)
    if own and not is_ours(where):
        raise Unsafe(
            0, "that directory is not this user's alone: remove it, or set XDG_RUNTIME_DIR"
        )


def is_ours(path: Path) -> bool:
    """Is it a directory, and nobody's to write to but ours? No link: /tmp is everybody's."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.geteuid()
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _may_share() -> bool:
    there = SHARED if os.path.lexists(SHARED) else SHARED.parent
    return os.access(there, os.W_OK | os.X_OK, effective_ids=True)


def _of_session() -> Iterator[Path]:
    given = os.environ.get("XDG_RUNTIME_DIR") or ""
    for where in (given, USERS / str(_uid())):
        if os.path.isabs(where):
            yield Path(os.path.realpath(where)) / "snoop"


def _fallback() -> Path:
    return TEMPORARY / f"snoop-{_uid()}"


def _uid() -> int:
    """Ours as the parent of this user namespace has it."""
    uid = os.geteuid()
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return uid
    for line in lines:
        inside, outside, count = map(int, line.split())
        if inside <= uid < inside + count:
            return outside + uid - inside
    return uid
