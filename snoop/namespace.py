"""The network namespaces of `ip netns`, without the command, and others by descriptor."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

RUN = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)  # os.setns is of Python 3.12


def enter(name: str) -> None:
    """Move the calling thread into the namespace; OSError when it is not there or may not be."""
    descriptor = os.open(RUN / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(descriptor, name)
    finally:
        os.close(descriptor)


def _enter(descriptor: int, name: object) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter the namespace {name}")


@contextlib.contextmanager
def at(descriptor: int) -> Iterator[None]:
    """As `inside`, in the namespace of an open descriptor."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(descriptor, descriptor)
        yield
    finally:
        _LIBC.setns(home, _CLONE_NEWNET)
        os.close(home)


@contextlib.contextmanager
def inside(name: str | None) -> Iterator[None]:
    """The calling thread is in the namespace for the length of the block; None: where it is."""
    if name is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(name)
        yield
    finally:
        _LIBC.setns(home, _CLONE_NEWNET)
        os.close(home)
