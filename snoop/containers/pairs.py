"""A veth pair from a container to the switch: made in one go with each end where it belongs.

Nothing is made in the caller's namespace, so that an ADD that is cut off leaves nothing there, and
two that run at once do not meet. An interface is named by its namespace (a descriptor, None: the
caller's) and its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from snoop.containers import places
from snoop.links.pairs import End, Pairs
from snoop.links.rtnetlink import Asker, Facts

NAME_BYTES_MAX = 15


def make(outer: End, inner: End, *, mtu: int | None = None) -> None:
    """Make a pair, both ends down; OSError EEXIST if either name is taken there."""
    with _at(None) as pairs:
        pairs.make(outer, inner, mtu=mtu)


def find(namespace: int | None, name: str) -> Facts | None:
    """One interface."""
    return next((one for one in found(namespace) if one.name == name), None)


def say(namespace: int | None, name: str, alias: str) -> None:
    """Give an interface an alias."""
    with _at(namespace) as pairs:
        pairs.set_alias(name, alias)


def set_up(namespace: int | None, name: str) -> None:
    """Set an interface up."""
    with _at(namespace) as pairs:
        pairs.set_up(name)


def remove(namespace: int | None, name: str) -> bool:
    """Delete an interface, and with it the other end; True if it was there."""
    with _at(namespace) as pairs:
        try:
            pairs.remove(name)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            return False
    return True


def found(namespace: int | None) -> list[Facts]:
    """All of a namespace."""
    with _at(namespace) as pairs:
        return pairs.all()


def ipv6(namespace: int | None, name: str, *, on: bool) -> None:
    """Have the namespace's IPv6 stack on an interface, or keep it off one that is a port, where it
    would speak as a host. Where /proc/sys may not be written all stays as it is.
    """
    with _inside(namespace), contextlib.suppress(OSError):
        path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"0" if on else b"1")
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def asking(namespace: int | None) -> Iterator[Asker]:
    """Who answers for a namespace, for the length of the block."""
    with _inside(namespace):
        asker = Asker()
    try:
        yield asker
    finally:
        asker.close()


@contextlib.contextmanager
def _at(namespace: int | None) -> Iterator[Pairs]:
    with _inside(namespace):
        pairs = Pairs()
    try:
        yield pairs
    finally:
        pairs.close()


def _inside(namespace: int | None) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if namespace is None else places.inside(namespace)
