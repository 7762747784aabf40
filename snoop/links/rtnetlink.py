"""Interfaces as rtnetlink tells them, in this and in other network namespaces.

Only what `neighbours.py` and `interfaces.py` need and only structs: messages come as fast as
somebody in a container likes to change his interface. `Asker` asks, `events` opens the socket that
hears of changes in every namespace this one has an id for, `read_events` reads it; `messages` and
`attributes` take apart what another socket has read.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NEWLINK, DELLINK, GETLINK, SETLINK, GETNEIGH = 16, 17, 18, 19, 30
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, GETROUTE = 24, 26
NEWNETCONF = 80
ERROR, DONE = 2, 3
REQUEST, ACK, EXCLUDE, DUMP, CREATE = 0x1, 0x4, 0x200, 0x300, 0x400
EXCLUSIVELY = CREATE | EXCLUDE
HEAD = struct.Struct("=IHHII")
_SEQUENCE_MAX = 0xFFFF_FFFF
IFINFO = struct.Struct("=BxHiII")
_NDMSG = struct.Struct("=BxxxiHBB")
_ATTRIBUTE = struct.Struct("=HH")
_SOL_NETLINK, _LISTEN_ALL_NSID = 270, 8
# RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF.
_GROUPS = 1 << 0 | 1 << 23 | 1 << 24
_BUFFER_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_ANSWER_SECONDS = 2.0
_NO_STATISTICS = 8  # RTEXT_FILTER_SKIP_STATS
_NETCONFA_IFINDEX, _NETCONFA_MC_FORWARDING = 1, 4
ALL_INTERFACES = -1

(ADDRESS, IFNAME, MTU, _LINK, _QDISC, MASTER, LINKINFO, ALIAS, _EXT_MASK, _PROMISCUITY) = (
    1, 3, 4, 5, 6, 10, 18, 20, 29, 30,
)  # fmt: skip
CARRIER_CHANGES = 35
(_LINK_NETNSID, _XDP, _NEW_NETNSID, _TARGET_NETNSID, _NEW_IFINDEX, _ALLMULTI) = (
    37, 43, 45, 46, 49, 61,
)  # fmt: skip
KIND, _XDP_ATTACHED = 1, 2
_NDA_LLADDR, _NTF_SELF = 2, 2


@dataclass(frozen=True, slots=True)
class Facts:
    """One interface. An nsid is this namespace's number of another one; None: the same namespace,
    or nothing said. `promiscuity` and `allmulti` are counts, None where the kernel does not tell.
    """

    ifindex: int
    name: str
    kind: str = ""
    link: int = 0
    link_nsid: int | None = None
    master: int = 0
    mtu: int = 0
    qdisc: str = ""
    promiscuity: int | None = None
    allmulti: int | None = None
    xdp: bool = False
    mac: bytes = b""
    alias: str = ""
    up: bool = False


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """An interface of namespace `nsid` (None: ours) changed, went, or moved to `moved_to`."""

    nsid: int | None
    facts: Facts
    gone: bool
    moved_to: tuple[int, int] | None  # nsid, ifindex


@dataclass(frozen=True, slots=True)
class RoutingEvent:
    """Multicast routing began (or ended) on an interface of `nsid`, or on ALL_INTERFACES."""

    nsid: int | None
    ifindex: int
    on: bool


class Asker:
    """Questions to the kernel, answered before the call returns; OSError if it refuses."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self._socket.settimeout(_ANSWER_SECONDS)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def link(self, ifindex: int, nsid: int | None = None) -> Facts:
        """One interface, of this namespace or of another."""
        body = IFINFO.pack(socket.AF_UNSPEC, 0, ifindex, 0, 0) + _target(nsid)
        for kind, payload in self.ask(GETLINK, REQUEST, body):
            if kind == NEWLINK:
                return _facts(payload)
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def links(self, nsid: int | None = None) -> list[Facts]:
        """Every interface of a namespace."""
        body = IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _target(nsid)
        answers = self.ask(GETLINK, REQUEST | DUMP, body)
        return [_facts(payload) for kind, payload in answers if kind == NEWLINK]

    def guest_addresses(self, ifindex: int) -> list[bytes]:
        """Unicast addresses an interface of this namespace takes besides its own.

        Whoever sits on top of it asked for them, also from another namespace: a macvlan there
        cannot be seen otherwise.
        """
        # The family's dump takes its filter from an ifinfomsg-sized head.
        body = IFINFO.pack(socket.AF_BRIDGE, 0, ifindex, 0, 0)
        found = []
        for _, payload in self.ask(GETNEIGH, REQUEST | DUMP, body):
            _, index, _, flags, _ = _NDMSG.unpack_from(payload)
            address = attributes(payload[_NDMSG.size :]).get(_NDA_LLADDR, b"")
            if index == ifindex and flags & _NTF_SELF and len(address) == 6 and not address[0] & 1:
                found.append(address)
        return found

    def dump(self, request: int, body: bytes) -> list[bytes]:
        """All of a kind."""
        return [payload for _, payload in self.ask(request, REQUEST | DUMP, body)]

    def tell(self, request: int, body: bytes, *, flags: int = 0) -> None:
        """Have something changed."""
        self.ask(request, REQUEST | ACK | flags, body)

    def ask(self, request: int, flags: int, body: bytes) -> list[tuple[int, bytes]]:
        """What the kernel answers: type and body of each message."""
        self._sequence = following(self._sequence)
        size = HEAD.size + len(body)
        self._socket.send(HEAD.pack(size, request, flags, self._sequence, 0) + body)
        answers: list[tuple[int, bytes]] = []
        while True:
            for kind, sequence, payload in messages(self._socket.recv(_BUFFER_BYTES)):
                if sequence != self._sequence:
                    continue  # Left over from a question whose answer came too late.
                if kind == ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    if code == 0:  # the acknowledgement
                        return answers
                    raise OSError(code, os.strerror(code))
                if kind == DONE:
                    return answers
                answers.append((kind, payload))
            if answers and not flags & DUMP:
                return answers


def following(sequence: int) -> int:
    """The number of the question after this one: of 32 bits, and never an event's, which is 0.

    Of 256 ports so many are asked in little more than a year.
    """
    return sequence % _SEQUENCE_MAX + 1


def tell(request: int, body: bytes, *, flags: int = 0) -> None:
    """Have the kernel change something; OSError if it refuses."""
    asker = Asker()
    try:
        asker.tell(request, body, flags=flags)
    finally:
        asker.close()


def events(*, everywhere: bool) -> socket.socket:
    """A socket that hears of interfaces; `everywhere`: of every namespace that has an id here.

    That takes CAP_NET_BROADCAST, here and in the user namespace that owns the other one, when the
    socket is opened; EPERM without it.
    """
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    try:
        if everywhere:
            sock.setsockopt(_SOL_NETLINK, _LISTEN_ALL_NSID, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        sock.bind((0, _GROUPS))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def read_events(sock: socket.socket, most: int) -> Iterator[LinkEvent | RoutingEvent]:
    """The events that wait, of at most `most` datagrams; OSError ENOBUFS when some were lost."""
    for _ in range(most):
        try:
            data, extra, _, _ = sock.recvmsg(_READ_BYTES, 64)
        except BlockingIOError:
            return
        nsid = None
        for level, kind, value in extra:
            if (level, kind) == (_SOL_NETLINK, _LISTEN_ALL_NSID):
                nsid = struct.unpack("=i", value)[0]
        for kind, _, payload in messages(data):
            if kind in (NEWLINK, DELLINK) and payload and payload[0] == socket.AF_UNSPEC:
                yield _link_event(nsid, payload, gone=kind == DELLINK)
            elif kind == NEWNETCONF:
                found = attributes(payload[4:])  # netconfmsg, padded
                if _NETCONFA_MC_FORWARDING in found:
                    on = number(found, _NETCONFA_MC_FORWARDING) != 0
                    yield RoutingEvent(nsid, number(found, _NETCONFA_IFINDEX), on)


def _link_event(nsid: int | None, payload: bytes, *, gone: bool) -> LinkEvent:
    found = attributes(payload[IFINFO.size :])
    moved = None
    if gone and _NEW_NETNSID in found:
        moved = (number(found, _NEW_NETNSID), number(found, _NEW_IFINDEX))
    return LinkEvent(nsid, _facts(payload), gone, moved)


def _facts(payload: bytes) -> Facts:
    _, _, ifindex, flags, _ = IFINFO.unpack_from(payload)
    found = attributes(payload[IFINFO.size :])
    xdp = attributes(found.get(_XDP, b""))
    return Facts(
        ifindex=ifindex,
        name=_text(found, IFNAME),
        kind=kind_of(found),
        link=number(found, _LINK),
        link_nsid=number(found, _LINK_NETNSID) if _LINK_NETNSID in found else None,
        master=number(found, MASTER),
        mtu=number(found, MTU),
        qdisc=_text(found, _QDISC),
        promiscuity=number(found, _PROMISCUITY) if _PROMISCUITY in found else None,
        allmulti=number(found, _ALLMULTI) if _ALLMULTI in found else None,
        xdp=xdp.get(_XDP_ATTACHED, b"\0") != b"\0",
        mac=found.get(ADDRESS, b""),
        alias=_text(found, ALIAS),
        up=bool(flags & 1),
    )


def kind_of(found: dict[int, bytes]) -> str:
    """The driver's kind of an interface by its attributes; "" of hardware."""
    return _text(attributes(found.get(LINKINFO, b"")), KIND)


def attribute(kind: int, value: bytes) -> bytes:
    """One, as it stands in a message."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _target(nsid: int | None) -> bytes:
    wanted = [(_EXT_MASK, _NO_STATISTICS)] + ([] if nsid is None else [(_TARGET_NETNSID, nsid)])
    return b"".join(struct.pack("=HHi", 8, kind, value) for kind, value in wanted)


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, sequence number and body of each message of a datagram."""
    at = 0
    while at + HEAD.size <= len(data):
        size, kind, _, sequence, _ = HEAD.unpack_from(data, at)
        if size < HEAD.size:
            return
        yield kind, sequence, data[at + HEAD.size : at + size]
        at += (size + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by their type, as they are; of two of a type the last."""
    return dict(each_attribute(data))


def each_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each of them, with its type."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        if size < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + size]
        at += (size + 3) & ~3


def number(found: dict[int, bytes], kind: int) -> int:
    """An attribute of 32 bits, 0 where it is missing."""
    value = found.get(kind, b"")
    return int(struct.unpack_from("=i", value)[0]) if len(value) >= 4 else 0


def _text(found: dict[int, bytes], kind: int) -> str:
    return found.get(kind, b"").split(b"\0")[0].decode(errors="replace")
