"""A curtain before interfaces: nothing that comes in reaches the host's stack.

One table of nftables with a chain an interface that drops all, after the taps have seen it. The
kernel takes the table away with our socket, however the process ends (`NFT_TABLE_F_OWNER`, Linux
5.12). It comes and goes in a fraction of a millisecond, where a tcx program takes a grace period of
RCU: so it stands in until that program is there.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import struct
import threading

from snoop.links.rtnetlink import ERROR, HEAD, REQUEST, following, messages

_log = logging.getLogger("snoop.links")

_NETFILTER, _TABLES, _NETDEV = 12, 10, 5  # NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES, NFPROTO_NETDEV
_BEGIN, _END = 0x10, 0x11
_NEWTABLE, _NEWCHAIN, _DELCHAIN = (_TABLES << 8 | kind for kind in (0, 3, 5))
_ACK, _CREATE = 0x4, 0x400
_TABLE_NAME, _TABLE_FLAGS, _OWNER = 1, 2, 2
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY, _HOOK_DEVICE = 1, 2, 3
_NESTED = 0x8000
_ANSWER_SECONDS = 2.0
_ANSWER_BYTES = 1 << 14


class Curtain:
    """Of any thread. `draw` and `lift` name interfaces; without nftables nothing can be drawn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._table = f"snoop-{os.getpid()}"
        self._drawn: set[int] = set()
        self._useless = False
        self._sequence = 0

    def draw(self, ifindex: int) -> bool:
        """Keep what comes in at an interface from the host's stack; False: that cannot be."""
        with self._lock:
            if self._useless:
                return False
            try:
                name = socket.if_indextoname(ifindex)
                self._ask(self._chain(_NEWCHAIN, ifindex, _hook(name)))
            except OSError as error:
                # Not of the interface: there is no nftables here, or none for us.
                self._useless = error.errno not in (errno.ENODEV, errno.ENXIO, errno.EEXIST)
                if self._useless:
                    _log.debug("no nftables: %s", error.strerror)
                return False
            self._drawn.add(ifindex)
        return True

    def lift(self, ifindex: int) -> None:
        """No longer; with the last one the table goes."""
        with self._lock:
            if ifindex not in self._drawn:
                return
            self._drawn.discard(ifindex)
            if not self._drawn:
                self._close()
                return
            try:
                self._ask(self._chain(_DELCHAIN, ifindex, b""))
            except OSError as error:
                if error.errno != errno.ENOENT:  # gone with its interface
                    _log.warning("nftables: the chain p%d stays: %s", ifindex, error.strerror)

    def close(self) -> None:
        """Lift all."""
        with self._lock:
            self._drawn.clear()
            self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        try:
            sock.bind((0, 0))
            sock.settimeout(_ANSWER_SECONDS)
            self._socket = sock
            flags = _attribute(_TABLE_FLAGS, struct.pack(">I", _OWNER))
            self._ask((_NEWTABLE, _text(_TABLE_NAME, self._table) + flags))
        except OSError:
            self._close()
            raise
        return sock

    def _chain(self, kind: int, ifindex: int, rest: bytes) -> tuple[int, bytes]:
        names = _text(_CHAIN_TABLE, self._table) + _text(_CHAIN_NAME, f"p{ifindex}")
        return kind, names + rest

    def _ask(self, change: tuple[int, bytes]) -> None:
        """Make one change; OSError if it is refused, and nothing has changed."""
        sock = self._socket or self._open()
        kind, body = change
        self._sequence = following(self._sequence)
        sock.send(
            self._message(_BEGIN, 0, 0, _TABLES, b"")
            + self._message(kind, _ACK | _CREATE, _NETDEV, 0, body)
            + self._message(_END, 0, 0, _TABLES, b"")
        )
        while True:
            for answer, sequence, payload in messages(sock.recv(_ANSWER_BYTES)):
                if sequence == self._sequence and answer == ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    if code:
                        raise OSError(code, os.strerror(code))
                    return

    def _message(self, kind: int, flags: int, family: int, subsystem: int, body: bytes) -> bytes:
        head = struct.pack(">BBH", family, 0, subsystem)
        size = HEAD.size + len(head) + len(body)
        return HEAD.pack(size, kind, REQUEST | flags, self._sequence, 0) + head + body


def _hook(name: str) -> bytes:
    """At the interface's ingress, dropping all."""
    where = (
        _attribute(_HOOK_NUMBER, struct.pack(">I", 0))
        + _attribute(_HOOK_PRIORITY, struct.pack(">i", 0))
        + _text(_HOOK_DEVICE, name)
    )
    return (
        _attribute(_CHAIN_HOOK | _NESTED, where)
        + _attribute(_CHAIN_POLICY, struct.pack(">I", 0))
        + _text(_CHAIN_TYPE, "filter")
    )


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode(errors="surrogateescape") + b"\0")


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size & 3)
