"""The interfaces of this network namespace, kept current from rtnetlink.

A port is known by its name: an interface that is renamed away is gone for us, one that appears
under the name (again, with whatever index) is there. `Links` holds what the kernel said last and
calls back once for each batch of netlink messages; what a change means for a port is decided in
`ports.py`.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import select
import socket
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from snoop.links import rtnetlink
from snoop.links.rtnetlink import DELADDR, DELLINK, GETADDR, GETLINK, NEWADDR, NEWLINK
from snoop.printable import name_of

_log = logging.getLogger("snoop.links")

_RTMGRP = 0x1 | 0x10 | 0x100  # LINK, IPV4_IFADDR, IPV6_IFADDR
_IFADDR = struct.Struct("=BxxxI")
_IFA_ADDRESS = 1
_UNSPECIFIED = bytes((socket.AF_UNSPEC,))
_ADDRESS_BYTES = {socket.AF_INET: 4, socket.AF_INET6: 16}
_ETHERNET = 1  # ARPHRD_ETHER
_IFF_UP, _IFF_RUNNING, _IFF_LOOPBACK = 0x1, 0x40, 0x8
_RECEIVE_BYTES = 1 << 18
_SOCKET_BYTES = 1 << 22
_DUMP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Link:
    """One interface. `up`: administratively up and with carrier; `mac` is 6 bytes or b"".
    `carrier_changes`: how often it got its carrier or lost it; the kernel tells of several at once.
    """

    name: str
    ifindex: int
    up: bool
    admin_up: bool
    mtu: int
    mac: bytes
    master: int
    addresses: frozenset[str] = frozenset()
    loopback: bool = False
    ethernet: bool = True
    kind: str = ""  # the driver's: veth, macvlan; "" of hardware
    alias: str = ""
    carrier_changes: int = 0


class Links:
    """All interfaces. `open` reads them once; `watch` follows them in an asyncio loop."""

    def __init__(self) -> None:
        self._links: dict[int, Link] = {}
        self._named: dict[str, Link] = {}
        self._addresses: dict[int, set[str]] = {}
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: Callable[[], None] | None = None
        self._untold = False
        self._sequence = 0

    def open(self) -> None:
        """Subscribe, then dump, so that nothing falls between; raises OSError."""
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
        sock.bind((0, _RTMGRP))
        sock.setblocking(False)
        self._socket = sock
        self._dump()

    def watch(self, loop: asyncio.AbstractEventLoop, changed: Callable[[], None]) -> None:
        """Call `changed` from `loop` after each batch of messages that changed something."""
        assert self._socket is not None
        self._loop, self._changed = loop, changed
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if self._socket is not None:
            if loop is not None:
                loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def by_name(self, name: str) -> Link | None:
        """The interface now called so, with its addresses; None if there is none."""
        link = self._named.get(name)
        if link is None or not (held := self._addresses.get(link.ifindex)):
            return link
        return replace(link, addresses=frozenset(held))

    def all(self) -> list[Link]:
        """Every interface, with its addresses."""
        found = (self.by_name(link.name) for link in self._links.values())
        return [link for link in found if link is not None]

    def bare(self) -> Collection[Link]:
        """Every interface, its addresses left out."""
        return self._links.values()

    def names(self) -> list[str]:
        """Every interface name, loopback left out."""
        return sorted(link.name for link in self._links.values() if not link.loopback)

    def set_alias(self, ifindex: int, alias: str) -> None:
        """Have an interface say something, and take notice of it; OSError if it may not be."""
        rtnetlink.tell(
            rtnetlink.SETLINK,
            rtnetlink.IFINFO.pack(socket.AF_UNSPEC, 0, ifindex, 0, 0)
            + rtnetlink.attribute(rtnetlink.ALIAS, alias.encode() + b"\0"),
        )
        self._readable()  # the kernel told of it before it answered

    def read(self) -> None:
        """Take in what the kernel has told. Who reads in the middle of a change may have passed
        what it shows already: `changed` is called for that soon.
        """
        if self._take() and self._loop is not None and not self._untold:
            self._untold = True
            self._loop.call_soon(self._tell)

    def _readable(self) -> None:
        if self._take():
            self._tell()

    def _tell(self) -> None:
        self._untold = False
        if self._changed is not None and self._socket is not None:
            self._changed()

    def _take(self) -> bool:
        """Read all that is there; did it change anything?"""
        before = (dict(self._links), {at: set(a) for at, a in self._addresses.items()})
        self._receive()
        return before != (self._links, self._addresses)

    def _receive(self) -> None:
        assert self._socket is not None
        while True:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # Events were lost: only a new dump says what is true now.
                _log.warning("netlink events were lost; reading all interfaces again")
                self._dump()
                break
            self._parse(data)

    def _dump(self) -> None:
        """Replace everything known by what the kernel lists now."""
        self._links.clear()
        self._named.clear()
        self._addresses.clear()
        for request in (GETLINK, GETADDR):
            self._request_dump(request)

    def _request_dump(self, request: int) -> None:
        assert self._socket is not None
        self._sequence = rtnetlink.following(self._sequence)
        # nlmsghdr, then an ifinfomsg or ifaddrmsg of zeros: every family, every interface.
        flags = rtnetlink.REQUEST | rtnetlink.DUMP
        self._socket.send(rtnetlink.HEAD.pack(32, request, flags, self._sequence, 0) + bytes(16))
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while poll.poll(_DUMP_SECONDS * 1000):
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            if self._parse(data):
                return
        raise TimeoutError("the kernel did not answer over netlink")

    def _parse(self, data: bytes) -> bool:
        """Take in a datagram; True when it ends the dump asked for last."""
        done = False
        for kind, sequence, body in rtnetlink.messages(data):
            if kind in (rtnetlink.DONE, rtnetlink.ERROR):
                done = done or sequence == self._sequence
            elif kind in (NEWLINK, DELLINK):
                # A bridge's port list comes as these of AF_BRIDGE: not a link's life.
                if body[:1] == _UNSPECIFIED:
                    self._link(body, present=kind == NEWLINK)
            elif kind in (NEWADDR, DELADDR):
                self._address(body, present=kind == NEWADDR)
        return done

    def _link(self, body: bytes, *, present: bool) -> None:
        _, hardware, ifindex, flags, _ = rtnetlink.IFINFO.unpack_from(body)
        before = self._links.pop(ifindex, None)
        if before is not None and self._named.get(before.name) is before:
            del self._named[before.name]
        if not present:
            self._addresses.pop(ifindex, None)
            return
        found = rtnetlink.attributes(body[rtnetlink.IFINFO.size :])
        mac = found.get(rtnetlink.ADDRESS, b"")
        link = Link(
            name=name_of(found.get(rtnetlink.IFNAME, b"").rstrip(b"\0")),
            ifindex=ifindex,
            # IFF_RUNNING is operstate UP or UNKNOWN: a driver without operstate counts as up.
            up=bool(flags & _IFF_UP and flags & _IFF_RUNNING),
            admin_up=bool(flags & _IFF_UP),
            mtu=rtnetlink.number(found, rtnetlink.MTU),
            mac=mac if len(mac) == 6 else b"",
            master=rtnetlink.number(found, rtnetlink.MASTER),
            loopback=bool(flags & _IFF_LOOPBACK),
            ethernet=hardware == _ETHERNET,
            kind=rtnetlink.kind_of(found),
            alias=found.get(rtnetlink.ALIAS, b"").split(b"\0")[0].decode(errors="replace"),
            carrier_changes=rtnetlink.number(found, rtnetlink.CARRIER_CHANGES),
        )
        self._links[ifindex] = self._named[link.name] = link

    def _address(self, body: bytes, *, present: bool) -> None:
        family, ifindex = _IFADDR.unpack_from(body)
        raw = rtnetlink.attributes(body[_IFADDR.size :]).get(_IFA_ADDRESS, b"")
        if len(raw) != _ADDRESS_BYTES.get(family):
            return
        text = socket.inet_ntop(family, raw)
        held = self._addresses.setdefault(ifindex, set())
        if present:
            held.add(text)
        else:
            held.discard(text)
