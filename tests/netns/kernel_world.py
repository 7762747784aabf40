"""Two streams through the daemon, one of each family, served in the kernel while a test changes the
world around them: h0 sends, h1 and h2 are members. And what can hang at an interface's hooks.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from netns.star import Star
from snoop.lab import namespaces, vlans, wait_until
from snoop.lab.datagrams import DATA_PORT, open_sender, payload
from snoop.lab.host import Count

GROUPS = ("239.41.0.1", "ff0e::4101")
MEMBERS = (1, 2)
RATE = 2000  # of both together
XDP, TCX_INGRESS, TCX_EGRESS = 37, 46, 47  # enum bpf_attach_type
PROG_QUERY, LINK_CREATE, LINK_BY_ID, LINK_DETACH = 16, 28, 30, 34
BEFORE, GENERIC, NATIVE = 1 << 3, 1 << 1, 1 << 2
TYPES = {XDP: 6, TCX_INGRESS: 3, TCX_EGRESS: 3}  # enum bpf_prog_type


@dataclass
class Streams:
    """What has been sent of each of the two so far."""

    net: Star
    size: int
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, sockets: list[socket.socket]) -> None:
        begin = time.monotonic()
        while not self.over.is_set():
            data = payload(1, self.sent, self.size)
            for each in sockets:
                each.send(data)
            self.sent += 1
            due = begin + self.sent * len(sockets) / RATE
            time.sleep(max(0.0, due - time.monotonic()))  # pacing, not synchronisation

    def at(self, host: int) -> list[Count]:
        """What has arrived of both at a host."""
        return [self.net.h(host).wire(group) for group in GROUPS]

    def go_on(self, host: int = 2, more: int = 100) -> None:
        """So many more of both arrive there."""
        before = self.at(host)

        def more_came() -> bool:
            pairs = zip(before, self.at(host), strict=True)
            return all(now.unique > then.unique + more for then, now in pairs)

        wait_until(more_came, within=20, what=f"more comes to h{host}")

    def end_at(self, host: int) -> None:
        """No more of either comes there, while more comes to h2."""

        def silent() -> bool:
            before = [count.frames for count in self.at(host)]
            self.go_on(2, 30)
            return before == [count.frames for count in self.at(host)]

        wait_until(silent, within=20, what=f"no more comes to h{host}")

    def paths(self) -> set[str]:
        """Who serves them, in the VLAN that they come in by now."""
        rows = [row for group in GROUPS for row in self.net.switch.streams(group=group)]
        return {row["path"] for row in rows if row["idle"] < 1.0}

    def whole(self, *hosts: int) -> None:
        """All that was sent arrived there, once, in order, and at the sockets too."""
        for host in hosts:
            got = self.at(host) + [self.net.h(host).app(group) for group in GROUPS]
            for count in got:
                found = (count.unique, count.duplicates, count.reordered)
                assert found == (self.sent, 0, 0), (host, found)

    def in_order(self, *hosts: int) -> None:
        """Not all arrived there, but what did came once and in order."""
        for host in hosts:
            for count in self.at(host):
                assert (count.duplicates, count.reordered) == (0, 0), (host, count)
                assert 0 < count.unique < self.sent


@contextmanager
def streaming(net: Star, *, size: int = 200, vlan: int | None = None) -> Iterator[Streams]:
    """In the block both streams are on their way, in the kernel; after it all has arrived."""
    for group in GROUPS:
        for member in MEMBERS:
            net.h(member).join(group)
        net.switch.wait_members(group, {f"p{member}" for member in MEMBERS}, vlan=vlan)
    for host in net.lab.hosts:
        host.reset()
    made = Streams(net, size)
    with ExitStack() as stack:
        with net.h(0).inside():
            sockets = [
                stack.enter_context(
                    open_sender("eth0", group, DATA_PORT, ttl=1, source=None, source_port=0)
                )
                for group in GROUPS
            ]
        sender = threading.Thread(target=made.run, args=(sockets,))
        sender.start()
        try:
            wait_until(lambda: made.paths() == {"kernel"}, within=20, what="the kernel serves both")
            made.go_on()
            yield made
        finally:
            made.over.set()
            sender.join()
    net.lab.settle(net.h(0), [net.h(member) for member in MEMBERS])


def port(net: Star, name: str) -> dict[str, object]:
    return next(row for row in net.switch.show("ports")["ports"] if row["name"] == name)


def does(result: int) -> bytes:
    """A program that says the same of every frame."""
    return vlans.constant(0, result) + vlans.end()


def unhook(namespace: str, interface: str) -> None:
    """Take the first program at the tcx ingress hook of an interface off, whoever holds it."""
    asked, links = bytearray(128), (ctypes.c_uint32 * 8)()
    programs = (ctypes.c_uint32 * 8)()
    with namespaces.inside(namespace):
        struct.pack_into("=II8xQI4x8xQ", asked, 0, socket.if_nametoindex(interface), TCX_INGRESS,
                         ctypes.addressof(programs), len(programs),
                         ctypes.addressof(links))  # fmt: skip
        buffer = (ctypes.c_char * len(asked)).from_buffer(asked)
        assert vlans.LIBC.syscall(vlans.SYS_BPF, PROG_QUERY, buffer, len(asked)) == 0
        link = vlans.bpf(LINK_BY_ID, struct.pack("=I", links[0]))
    vlans.bpf(LINK_DETACH, struct.pack("=I", link))
    os.close(link)


@contextmanager
def hooked(namespace: str, interface: str, at: int, code: bytes, flags: int = 0) -> Iterator[None]:
    """A program at a hook of an interface, for as long as the block lasts."""
    with namespaces.inside(namespace):
        index = socket.if_nametoindex(interface)
        loaded = vlans.program(TYPES[at], code, at if at == XDP else 0)
        link = vlans.bpf(LINK_CREATE, struct.pack("=IIII", loaded, index, at, flags))
    os.close(loaded)
    try:
        yield
    finally:
        os.close(link)
