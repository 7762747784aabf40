"""IPv6 through the fast path alone: streams reach their members, what IPv6 needs reaches all.

The table is the test's; MLD and the rest of the switch are in `test_mld_*`. The far ends of the
ports are the hosts, in the namespace of the test's thread.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netns.test_decision import in_new_namespace
from netns.test_offloads import offloads_off_here
from netns.test_shortcut import Hosts, running, switch
from snoop.fastpath import REASONS, FastPath
from snoop.lab import wait_until
from snoop.table.mdb import Delta, Row, VlanRow
from snoop.table.members import ALL_PORTS, VLAN_DEFAULT
from snoop.wire.address import ANY, Address, Family, parse
from unit import frames6

RUN, DAMAGED = 200, 50
BROADCAST = bytes.fromhex("ffffffffffff 020000000001 1234") + bytes(50)


def policy(unregistered: int = 0, **how: object) -> VlanRow:
    row = {"active": True, "mrouters": 0, "unregistered": unregistered} | how
    return VlanRow(VLAN_DEFAULT, Family.IPV6, **row)  # type: ignore[arg-type]


def row(group: str, ports: int, source: Address = ANY) -> Row:
    return Row(0, parse(group), source, ports)


@contextmanager
def hosts_of(*rows: Row, **how: object) -> Iterator[tuple[FastPath, Hosts]]:
    with switch() as fastpath:
        fastpath.publish(Delta(upserts=rows, vlans=(policy(**how),)))
        yield fastpath, Hosts()
        assert_conserved(fastpath)


def assert_conserved(fastpath: FastPath) -> None:
    for port in range(3):
        counts = fastpath.counters(port)
        assert counts["rx_frames"] == sum(counts[name] for name in REASONS), port


def reached(hosts: Hosts, frame: bytes) -> set[int]:
    """The hosts that get it, as it was sent; a broadcast behind it says that it is over."""
    for host in (1, 2):
        hosts.received(host)
    hosts.send(0, frame)
    hosts.send(0, BROADCAST)
    got = {host: hosts.until(host, BROADCAST) for host in (1, 2)}
    assert all(each in ([frame, BROADCAST], [BROADCAST]) for each in got.values()), got
    return {host for host, each in got.items() if frame in each}


def handed_up(fastpath: FastPath) -> list[bytes]:
    """What the control plane got of the test's own frames; the hosts' kernels speak as well."""
    frames = [punted.frame for punted in fastpath.drain(100_000)]
    return [frame for frame in frames if frame[6:12] == BROADCAST[6:12]]


@in_new_namespace
def test_stream_reaches_the_members_of_its_group_and_source() -> None:
    """Ideas 125, 131: SNOOP-50, 56: (S,G) before the group, and no other group of its MAC."""
    rows = (
        row(frames6.G, 0b010),
        row(frames6.G, 0b100, parse(frames6.S2)),
        row("ff02::5", 0b010),
    )
    with hosts_of(*rows) as (_, hosts):
        assert reached(hosts, frames6.data()) == {1}
        assert reached(hosts, frames6.data(src=frames6.S2)) == {2}
        assert reached(hosts, frames6.data(frames6.H)) == set()
        assert reached(hosts, frames6.data("ff05::5")) == set()
        assert reached(hosts, frames6.data("ff02::5")) == {1}


@in_new_namespace
def test_what_ipv6_needs_reaches_all_and_never_the_control_plane() -> None:
    """Ideas 125, 127, 129: SNOOP-51, 52, 55: also where unregistered groups are dropped and
    somebody has joined the group.
    """
    solicited = "ff02::1:ff12:3456"
    rows = (row("ff02::1", 0b010), row(solicited, 0b010))
    with hosts_of(*rows, unregistered_mrouters=False) as (fastpath, hosts):
        for frame in (
            frames6.icmp6(135, solicited),
            frames6.icmp6(136, "ff02::1"),
            frames6.icmp6(134, "ff02::1"),
            frames6.icmp6(133, "ff02::2"),
            frames6.icmp6(128, "ff02::1"),
            frames6.data("ff02::fb"),
            frames6.data("ff02::1:2"),
        ):
            assert reached(hosts, frame) == {1, 2}
        assert reached(hosts, frames6.icmp6(128, frames6.G)) == set()
        assert handed_up(fastpath) == []


@in_new_namespace
def test_mld_goes_up_as_it_came_and_nowhere_else() -> None:
    """SNOOP-55: by the control ring; and as data where nobody snoops IPv6 (SNOOP-34)."""
    with hosts_of(unregistered=ALL_PORTS) as (fastpath, hosts):
        sent = [frames6.icmp6(kind) for kind in (130, 131, 132, 143, 151, 152, 153)]
        for frame in sent:
            assert reached(hosts, frame) == set()
        assert handed_up(fastpath) == sent
        fastpath.publish(Delta(vlans=(policy(bridged=True),)))
        assert all(reached(hosts, frame) == {1, 2} for frame in sent)
        assert handed_up(fastpath) == []
        assert fastpath.counters(0)["flood_ipv6_multicast"] >= len(sent)


@in_new_namespace
def test_broken_headers_are_dropped_by_name() -> None:
    """SNOOP-54, 58."""
    with hosts_of(unregistered=ALL_PORTS) as (fastpath, hosts):
        assert reached(hosts, frames6.data()) == {1, 2}
        assert reached(hosts, frames6.data(plen=1000)) == set()
        assert reached(hosts, frames6.data(version=5)) == set()
        assert reached(hosts, frames6.data("ff01::5")) == set()
        counts = fastpath.counters(0)
        assert (counts["ipv6_error"], counts["ipv6_scope"]) == (2, 1)


@pytest.mark.parametrize("damage", [False, True])
@in_new_namespace
def test_runs_leave_as_the_wire_would_have_carried_them(damage: bool) -> None:
    """One member takes runs whole and its kernel cuts them, the other's device cuts nothing: byte
    for byte what was sent, in order; of a damaged datagram too.
    """
    sent = [frames6.numbered(number) for number in range(RUN)]
    if damage:
        sent[DAMAGED] = sent[DAMAGED][:-1] + bytes((sent[DAMAGED][-1] ^ 1,))
    with switch(run=False) as fastpath:
        offloads_off_here("p1")
        fastpath.publish(Delta(upserts=(row(frames6.G, 0b110),), vlans=(policy(),)))
        hosts = Hosts()
        reader = joined("h2")
        for frame in sent:
            hosts.send(0, frame)
        with running(fastpath):
            got = hosts.until(1, sent[-1])
            read = received(reader, RUN - damage)
        assert got == sent
        assert read == [f[-100:] for n, f in enumerate(sent) if not (damage and n == DAMAGED)]
        counts = fastpath.counters(2)
        assert counts["tx_coalesced"] >= RUN // 2
        assert counts["tx_sends"] < RUN // 4
        (stream,) = fastpath.streams()
        assert (stream.group, stream.source) == (parse(frames6.G), parse(frames6.S1))
        assert (stream.frames, stream.ttl, stream.registered) == (RUN, 9, True)
        assert_conserved(fastpath)


def joined(interface: str) -> socket.socket:
    """A socket behind that interface that has joined the group."""
    reader = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    index = socket.if_nametoindex(interface)
    group = socket.inet_pton(socket.AF_INET6, frames6.G) + struct.pack("=I", index)
    reader.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    reader.bind(("::", 5001))
    reader.setblocking(False)
    return reader


def received(reader: socket.socket, count: int) -> list[bytes]:
    """The payloads of the first `count` datagrams."""
    payloads: list[bytes] = []

    def arrived() -> bool:
        try:
            while True:
                payloads.append(reader.recv(2048))
        except BlockingIOError:
            return len(payloads) >= count

    wait_until(arrived, within=20)
    return payloads
