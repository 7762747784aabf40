"""Two streams through the daemon, one of each family, served in the kernel while a test changes the
world around them: h0 sends, h1 and h2 are members. And what can hang at an interface's hooks.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from netns.star import Star
from snoop.lab import namespaces, vlans, wait_until
from snoop.lab.host import Count, Job

GROUPS = ("239.41.0.1", "ff0e::4101")
MEMBERS = (1, 2)
XDP, TCX_INGRESS, TCX_EGRESS = 37, 46, 47  # enum bpf_attach_type
LINK_CREATE = 28
BEFORE, GENERIC, NATIVE = 1 << 3, 1 << 1, 1 << 2
TYPES = {XDP: 6, TCX_INGRESS: 3, TCX_EGRESS: 3}  # enum bpf_prog_type


@contextmanager
def streaming(net: Star, *, count: int = 2500, rate: int = 1200, size: int = 200) -> Iterator[None]:
    """In the block both streams are on their way, in the kernel; after it all has arrived."""
    for group in GROUPS:
        for member in MEMBERS:
            net.h(member).join(group)
        net.switch.wait_members(group, {f"p{member}" for member in MEMBERS})
    for host in net.lab.hosts:
        host.reset()
    jobs: list[Job] = [
        net.h(0).start("send", destination=group, count=count, rate=rate, size=size)
        for group in GROUPS
    ]
    wait_until(lambda: paths(net) == {"kernel"}, within=3, what="the kernel serves both")
    try:
        yield
    finally:
        sent = [int(job.result(30)["sent"]) for job in jobs]
    assert sent == [count, count]
    net.settle(net.h(0))


def paths(net: Star) -> set[str]:
    return {row["path"] for group in GROUPS for row in net.switch.streams(group=group)}


def goes_on(net: Star, more: int = 150) -> None:
    """So many more of both arrive at the bystander."""
    before = [arrived(net, 2, group).unique for group in GROUPS]
    for group, count in zip(GROUPS, before, strict=True):
        wait_until(lambda g=group, n=count: arrived(net, 2, g).unique > n + more, within=5)


def arrived(net: Star, host: int, group: str) -> Count:
    return net.h(host).wire(group)


def whole(net: Star, host: int, count: int = 2500) -> None:
    for group in GROUPS:
        for found in (net.h(host).wire(group), net.h(host).app(group)):
            assert (found.unique, found.duplicates, found.reordered) == (count, 0, 0), (host, found)


def port(net: Star, name: str) -> dict[str, object]:
    return next(row for row in net.switch.show("ports")["ports"] if row["name"] == name)


def does(result: int) -> bytes:
    """A program that says the same of every frame."""
    return vlans.constant(0, result) + vlans.end()


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
