"""A bare fast path among hosts of a namespace of their own, as often as a test needs one beside it.

The ports are veths; what a host receives is compared with the virtio header that the kernel makes
of the frame: an unfinished checksum or a frame yet to be cut is not the same as a whole one.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from netns.test_decision import CLONE_NEWNET
from netns.test_shortcut import (
    ETH_P_ALL,
    PACKET_AUXDATA,
    PACKET_IGNORE_OUTGOING,
    SOL_PACKET,
    running,
    with_tag,
)
from snoop.fastpath import FastPath
from snoop.table.mdb import Delta
from snoop.table.seen import PortSetup

PACKET_VNET_HDR = 15
VNET = struct.Struct("=BBHHHH")
PLAIN = VNET.pack(0, 0, 0, 0, 0, 0)
NEEDS_CSUM, GSO_UDP_L4 = 1, 5
OURS = bytes((2, 0, 0, 0, 0))  # how the addresses of all hosts begin
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def elsewhere() -> Iterator[str]:
    """A further network namespace, by the path that `ip` takes; `within` goes there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(CLONE_NEWNET))
        there = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        _check(_libc.setns(here, CLONE_NEWNET))
    finally:
        os.close(here)
    try:
        yield f"/proc/{os.getpid()}/fd/{there}"
    finally:
        os.close(there)


@contextmanager
def within(namespace: str) -> Iterator[None]:
    """This thread, and what it starts, is in the namespace."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(namespace, os.O_RDONLY)
    try:
        _check(_libc.setns(there, CLONE_NEWNET))
        yield
    finally:
        _check(_libc.setns(here, CLONE_NEWNET))
        os.close(here)
        os.close(there)


class Ends:
    """The hosts: sockets at the far ends of the ports."""

    def __init__(self, names: list[str], *, buffer_bytes: int = 1 << 22) -> None:
        self.sockets = []
        for name in names:
            end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            end.setsockopt(socket.SOL_SOCKET, 33, buffer_bytes)  # SO_RCVBUFFORCE
            end.bind((name, ETH_P_ALL))
            for option in (PACKET_IGNORE_OUTGOING, PACKET_AUXDATA, PACKET_VNET_HDR):
                end.setsockopt(SOL_PACKET, option, 1)
            end.setblocking(False)
            self.sockets.append(end)

    def send(self, host: int, frame: bytes, vnet: bytes = PLAIN) -> None:
        self.sockets[host].send(vnet + frame)

    def received(self, host: int) -> list[tuple[bytes, bytes]]:
        """Virtio header and frame, of those that hosts have sent."""
        found = []
        try:
            while True:
                got, auxiliary, _, _ = self.sockets[host].recvmsg(1 << 16, 64)
                head, frame = got[: VNET.size], got[VNET.size :]
                if frame[6:11] == OURS:
                    found.append((head, with_tag(frame, auxiliary)))
        except BlockingIOError:
            return found

    def lost(self, host: int) -> int:
        """Frames that found the socket's buffer full; reading the number sets it to 0."""
        statistics = self.sockets[host].getsockopt(SOL_PACKET, 6, 8)
        return int(struct.unpack("=II", statistics)[1])

    def close(self) -> None:
        for end in self.sockets:
            end.close()


class Side:
    """One fast path and its hosts."""

    def __init__(self, name: str, fastpath: FastPath, ends: Ends, namespace: str) -> None:
        self.name, self.fastpath, self.ends, self.namespace = name, fastpath, ends, namespace
        self.ports = range(len(ends.sockets))

    def total(self, counter: str) -> int:
        return sum(self.fastpath.counters(port)[counter] for port in self.ports)


@contextmanager
def side(
    name: str,
    ports: int,
    *,
    kernel: bool = True,
    shortcut: bool = False,
    mtus: dict[int, int] | None = None,
    run: bool = True,
    slots: int = 4096,
    **how: int,
) -> Iterator[Side]:
    """Ports `<name>p0` and on, up and not filtering; streams may be served inside the kernel."""
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    with ExitStack() as stack:
        there = stack.enter_context(elsewhere())
        fastpath = FastPath(**how)
        stack.callback(fastpath.close)
        for port in range(ports):
            near, far = f"{name}p{port}", f"{name}h{port}"
            mtu = (mtus or {}).get(port, 1500)
            link = f"ip link add {near} mtu {mtu} up type veth peer name {far} netns {there}"
            subprocess.run(link.split(), check=True, capture_output=True)
            setup = PortSetup(shortcut=shortcut, ring_slots=slots)
            opened = fastpath.port_open(port, socket.if_nametoindex(near), setup)
            assert opened.isolated, opened.why_not
            fastpath.port_set(port, up=True, mtu=mtu, coalesce=False)
        with within(there):
            for port in range(ports):
                subprocess.run(f"ip link set {name}h{port} up".split(), check=True)
            ends = Ends([f"{name}h{port}" for port in range(ports)])
        stack.callback(ends.close)
        fastpath.publish(Delta())
        fastpath.kernel(kernel)
        if run:
            stack.enter_context(running(fastpath))
        yield Side(name, fastpath, ends, there)
