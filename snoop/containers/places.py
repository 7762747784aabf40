"""Network namespaces by descriptor: those of `ip netns`, of a process, of a container's path."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from snoop import namespace

HERE = Path("/proc/thread-self/ns/net")
_NS_GET_NSTYPE = 0xB703
_CLONE_NEWNET = 0x40000000


class NoNamespace(Exception):
    """What was named is no network namespace, or has gone."""


class Gone(NoNamespace):
    """There is nothing at all at that path."""


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """A namespace, for as long as the block takes; Gone, or NoNamespace."""
    descriptor = open_path(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_path(path: str | Path) -> int:
    """The same, to be closed by the caller."""
    try:
        # Not to wait for what else may be there: a FIFO, a device.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Gone(f"{path}: there is no such network namespace") from error
    except (OSError, ValueError) as error:
        raise NoNamespace(f"{path}: {error}") from error
    try:
        kind = fcntl.ioctl(descriptor, _NS_GET_NSTYPE)
    except OSError:
        kind = 0
    if kind != _CLONE_NEWNET:
        os.close(descriptor)
        raise NoNamespace(f"{path} is no network namespace")
    return descriptor


def same(one: int, other: int) -> bool:
    """Tell whether both are the same namespace."""
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


inside = namespace.at
