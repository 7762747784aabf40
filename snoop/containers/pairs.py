"""A veth pair from a container to the switch: made in one go with each end where it belongs.

Nothing is made in the caller's namespace, so that an ADD that is cut off leaves nothing there, and
two that run at once do not meet.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from snoop.containers import places
from snoop.links import rtnetlink
from snoop.links.pairs import EXCLUSIVELY, veth
from snoop.links.rtnetlink import Asker, Facts, attribute

_DELLINK = rtnetlink.DELLINK
_IFF_UP = 0x1
_NET_NS_FD = 28
NAME_BYTES_MAX = 15


class End(NamedTuple):
    """One end: its name, the descriptor of its namespace (None: the caller's), its MAC address."""

    name: str
    namespace: int | None = None
    mac: bytes | None = None


def make(outer: End, inner: End, *, mtu: int | None = None) -> None:
    """Make a pair, both ends down; OSError EEXIST if either name is taken there."""
    ends = (_end(outer, mtu), _end(inner, mtu))
    rtnetlink.tell(rtnetlink.NEWLINK, veth(*ends), flags=EXCLUSIVELY)


def find(namespace: int | None, name: str) -> Facts | None:
    """One interface of a namespace."""
    return next((one for one in found(namespace) if one.name == name), None)


def say(namespace: int | None, name: str, alias: str) -> None:
    """Give an interface an alias."""
    with asking(namespace) as asker:
        body = rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        alias_of = attribute(rtnetlink.ALIAS, alias.encode() + b"\0")
        asker.tell(rtnetlink.SETLINK, body + _name(name) + alias_of)


def set_up(namespace: int | None, name: str) -> None:
    """Set an interface up."""
    with asking(namespace) as asker:
        body = rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, 0, _IFF_UP, _IFF_UP)
        asker.tell(rtnetlink.SETLINK, body + _name(name))


def remove(namespace: int | None, name: str) -> bool:
    """Delete an interface, and with it the other end; True if it was there."""
    with asking(namespace) as asker:
        try:
            body = rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
            asker.tell(_DELLINK, body + _name(name))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            return False
    return True


def found(namespace: int | None) -> list[Facts]:
    """The interfaces of a namespace."""
    with asking(namespace) as asker:
        return asker.links()


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


def _end(end: End, mtu: int | None) -> bytes:
    made = _name(end.name)
    if mtu is not None:
        made += attribute(rtnetlink.MTU, struct.pack("=I", mtu))
    if end.mac is not None:
        made += attribute(rtnetlink.ADDRESS, end.mac)
    if end.namespace is not None:
        made += attribute(_NET_NS_FD, struct.pack("=i", end.namespace))
    return made


def _name(name: str) -> bytes:
    return attribute(rtnetlink.IFNAME, name.encode() + b"\0")


def _inside(namespace: int | None) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if namespace is None else places.inside(namespace)


@contextlib.contextmanager
def asking(namespace: int | None) -> Iterator[Asker]:
    """Who answers for a namespace, for the length of the block."""
    with _inside(namespace):
        asker = Asker()
    try:
        yield asker
    finally:
        asker.close()
