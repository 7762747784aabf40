"""Filters of nftables' on what leaves an interface of this network namespace.

They do not see what a program hands on from where it came in (the kernel skips them there), so who
has one is sent to past no one. No event of rtnetlink tells; asked at most once a second.
"""

from __future__ import annotations

import math
import socket
import struct
import time

from snoop.links import rtnetlink

FILTERED = "nftables"
"""Stands for a queueing discipline: it acts on what leaves, too."""

_NETFILTER = 12  # NETLINK_NETFILTER
_GET_CHAIN, _NEW_CHAIN = 10 << 8 | 4, 10 << 8 | 3  # NFNL_SUBSYS_NFTABLES
_ALL_OF_DEVICES = struct.pack("=BBH", 5, 0, 0)  # nfgenmsg: NFPROTO_NETDEV
_CHAIN_HOOK, _HOOK_NUMBER, _HOOK_DEVICE, _HOOK_DEVICES = 4, 1, 3, 4
_EGRESS = 1  # NF_NETDEV_EGRESS
_FRESH_SECONDS = 1.0
_ANSWER_SECONDS = 0.5
_BUFFER_BYTES = 1 << 16


class EgressFilters:
    """`names`: the interfaces that have one. Where the kernel cannot be asked nobody has."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._asked = -math.inf

    def names(self) -> frozenset[str]:
        now = time.monotonic()
        if now - self._asked > _FRESH_SECONDS:
            self._asked = now
            try:
                self._names = _ask()
            except OSError:
                self._names = frozenset()
        return self._names


def _ask() -> frozenset[str]:
    found: set[str] = set()
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER
    ) as sock:
        sock.settimeout(_ANSWER_SECONDS)
        flags = rtnetlink.REQUEST | rtnetlink.DUMP
        size = rtnetlink.HEAD.size + len(_ALL_OF_DEVICES)
        sock.send(rtnetlink.HEAD.pack(size, _GET_CHAIN, flags, 1, 0) + _ALL_OF_DEVICES)
        while True:
            for kind, _, body in rtnetlink.messages(sock.recv(_BUFFER_BYTES)):
                if kind in (rtnetlink.DONE, rtnetlink.ERROR):
                    return frozenset(found)
                if kind == _NEW_CHAIN:
                    found.update(egress_devices(body))


def egress_devices(body: bytes) -> list[str]:
    """The interfaces of a chain that filters what leaves them."""
    chain = rtnetlink.attributes(body[len(_ALL_OF_DEVICES) :])
    hook = rtnetlink.attributes(chain.get(_CHAIN_HOOK, b""))
    if hook.get(_HOOK_NUMBER) != struct.pack("!I", _EGRESS):
        return []
    names = [value for _, value in rtnetlink.each_attribute(hook.get(_HOOK_DEVICES, b""))]
    names += [hook[_HOOK_DEVICE]] if _HOOK_DEVICE in hook else []
    return [name.rstrip(b"\0").decode(errors="replace") for name in names]
