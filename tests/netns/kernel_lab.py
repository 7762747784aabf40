"""A bare fast path in the middle of a lab of kernel hosts, told its table by the test.

The hosts' agents count what comes: lost, doubled and overtaken, at their wire and out of their
sockets.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from netns.test_shortcut import running
from snoop.fastpath import FastPath
from snoop.lab import Lab
from snoop.namespace import inside
from snoop.table.mdb import Mdb, VlanRow
from snoop.table.members import EVERYBODY
from snoop.table.seen import PortSetup
from snoop.wire.address import ANY, Address, Family, parse

GROUPS = {False: "239.1.2.3", True: "ff3e::1234"}


@dataclass
class Middle:
    """`h0` sends, at port 0; the others are members as `want` says."""

    lab: Lab
    fastpath: FastPath
    mdb: Mdb
    peer: bool

    def want(self, group: str, ports: Sequence[int], *, source: Address = ANY) -> None:
        self.mdb.set_group(0, parse(group), {source: sum(1 << port for port in ports)})
        self.publish()

    def publish(self) -> None:
        self.fastpath.publish(self.mdb.staged())
        self.mdb.published()

    def set_ports(self, *, coalesce: bool = False) -> None:
        for port, _ in enumerate(self.lab.hosts):
            self.fastpath.port_set(port, up=True, mtu=1500, coalesce=coalesce, peer=self.peer)

    def total(self, counter: str) -> int:
        counters = [self.fastpath.counters(port) for port, _ in enumerate(self.lab.hosts)]
        return sum(each[counter] for each in counters)


@contextmanager
def middle(hosts: int, *, peer: bool = True, ipv6: bool = False) -> Iterator[Middle]:
    """Streams may be served inside the kernel; no port gets runs, and nobody gets anything yet."""
    with Lab(hosts, quiet_ipv6=not ipv6) as lab, inside(lab.namespace):
        fastpath, mdb = FastPath(streams_max=512), Mdb()
        try:
            for port, name in enumerate(lab.ports):
                index = socket.if_nametoindex(name)
                opened = fastpath.port_open(port, index, PortSetup(ring_slots=8192))
                assert opened.isolated, opened.why_not
            made = Middle(lab, fastpath, mdb, peer)
            made.set_ports()
            mdb.set_members(EVERYBODY)
            for family in Family:
                mdb.set_vlan(VlanRow(0, family, True, 0, 0, False))
            made.publish()
            fastpath.kernel(True)
            with running(fastpath):
                yield made
        finally:
            fastpath.close()
