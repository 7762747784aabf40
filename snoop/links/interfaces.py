"""The interfaces of this network namespace, kept current from rtnetlink.

A port is known by its name: an interface that is renamed away is gone for us, one that appears
under the name (again, with whatever index) is there. `Links` holds what the kernel said last and
calls back once for each batch of netlink messages; what a change means for a port is decided in
`ports.py`. Messages are parsed by pyroute2; its objects do not leave this file.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from snoop.printable import name_of

_log = logging.getLogger("snoop.links")

_RTMGRP = 0x1 | 0x10 | 0x100  # LINK, IPV4_IFADDR, IPV6_IFADDR
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_DUMP = 0x1 | 0x300  # NLM_F_REQUEST | NLM_F_DUMP
_IFF_UP, _IFF_RUNNING, _IFF_LOOPBACK = 0x1, 0x40, 0x8
_RECEIVE_BYTES = 1 << 18
_SOCKET_BYTES = 1 << 22
_DUMP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Link:
    """One interface. `up`: administratively up and with carrier; `mac` is 6 bytes or b""."""

    name: str
    ifindex: int
    up: bool
    admin_up: bool
    mtu: int
    mac: bytes
    master: int
    addresses: frozenset[str] = frozenset()
    loopback: bool = False
    kind: str = ""  # the driver's: veth, macvlan; "" of hardware


class Links:
    """All interfaces. `open` reads them once; `watch` follows them in an asyncio loop."""

    def __init__(self) -> None:
        self._links: dict[int, Link] = {}
        self._addresses: dict[int, set[str]] = {}
        self._marshal = MarshalRtnl()
        self._socket: socket.socket | None = None
        self._changed: Callable[[], None] | None = None
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
        self._changed = changed
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if self._socket is not None:
            if loop is not None:
                loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def by_name(self, name: str) -> Link | None:
        """The interface now called so, with its addresses; None if there is none."""
        for link in self._links.values():
            if link.name == name:
                return replace(link, addresses=frozenset(self._addresses.get(link.ifindex, ())))
        return None

    def names(self) -> list[str]:
        """Every interface name, loopback left out."""
        return sorted(link.name for link in self._links.values() if not link.loopback)

    def _readable(self) -> None:
        before = (dict(self._links), {at: set(a) for at, a in self._addresses.items()})
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
        if self._changed is not None and before != (self._links, self._addresses):
            self._changed()

    def _dump(self) -> None:
        """Replace everything known by what the kernel lists now."""
        self._links.clear()
        self._addresses.clear()
        for request in (_RTM_GETLINK, _RTM_GETADDR):
            self._request_dump(request)

    def _request_dump(self, request: int) -> None:
        assert self._socket is not None
        self._sequence += 1
        # nlmsghdr, then an ifinfomsg or ifaddrmsg of zeros: every family, every interface.
        head = struct.pack("=IHHII", 32, request, _DUMP, self._sequence, 0)
        self._socket.send(head + bytes(16))
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
        for message in self._marshal.parse(data):
            header = message["header"]
            kind = header["type"]
            if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                done = done or header["sequence_number"] == self._sequence
            # A bridge's port list comes as RTM_NEWLINK/DELLINK of AF_BRIDGE: not a link's life.
            elif kind == _RTM_NEWLINK and message["family"] == socket.AF_UNSPEC:
                self._new_link(message)
            elif kind == _RTM_DELLINK and message["family"] == socket.AF_UNSPEC:
                self._links.pop(message["index"], None)
                self._addresses.pop(message["index"], None)
            elif kind in (_RTM_NEWADDR, _RTM_DELADDR):
                self._address(message, present=kind == _RTM_NEWADDR)
        return done

    def _new_link(self, message: object) -> None:
        get = message.get_attr  # type: ignore[attr-defined]  # a pyroute2 message, untyped
        fields: dict[str, int] = message  # type: ignore[assignment]  # and dict-like
        flags = fields["flags"]
        mac = get("IFLA_ADDRESS") or ""
        info = get("IFLA_LINKINFO")
        self._links[fields["index"]] = Link(
            name=name_of(get("IFLA_IFNAME") or ""),
            ifindex=fields["index"],
            # IFF_RUNNING is operstate UP or UNKNOWN: a driver without operstate counts as up.
            up=bool(flags & _IFF_UP and flags & _IFF_RUNNING),
            admin_up=bool(flags & _IFF_UP),
            mtu=get("IFLA_MTU") or 0,
            mac=bytes.fromhex(mac.replace(":", "")) if len(mac) == 17 else b"",
            master=get("IFLA_MASTER") or 0,
            loopback=bool(flags & _IFF_LOOPBACK),
            kind=(info.get_attr("IFLA_INFO_KIND") or "") if info is not None else "",
        )

    def _address(self, message: object, *, present: bool) -> None:
        fields: dict[str, int] = message  # type: ignore[assignment]  # dict-like pyroute2 message
        text = message.get_attr("IFA_ADDRESS")  # type: ignore[attr-defined]
        held = self._addresses.setdefault(fields["index"], set())
        if text and present:
            held.add(str(text))
        elif text:
            held.discard(str(text))
