"""Known unicast, which the kernel may carry without us: every frame arrives, and arrives once.

The fast path runs on veths of a namespace of its own; the hosts are their far ends.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from netns.test_decision import in_new_namespace
from snoop.fastpath import REASONS, FastPath
from snoop.lab import wait_until
from snoop.table.mdb import Delta
from snoop.table.seen import PortSetup

ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING, PACKET_AUXDATA = 3, 263, 23, 8
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata: status, lengths, offsets, TCI, TPID
VLAN_VALID = 0x10
PORTS = 3
IGMP, TCP, UDP, PIM = 2, 6, 17, 103


def mac(host: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, host + 1))


def frame(src: int, dst: int, protocol: int, number: int = 0) -> bytes:
    """An IPv4 frame between two hosts; its header is good, what follows it is `number`."""
    header = bytearray(bytes.fromhex("450000280000400040000000 0a000001 0a000002"))
    header[9] = protocol
    total = sum(int.from_bytes(header[i : i + 2], "big") for i in range(0, 20, 2))
    header[10:12] = (0xFFFF - total % 0xFFFF).to_bytes(2, "big")
    return mac(dst) + mac(src) + b"\x08\x00" + bytes(header) + number.to_bytes(26, "big")


def with_tag(got: bytes, auxiliary: list[tuple[int, int, bytes]]) -> bytes:
    """The frame as it was on the wire: the kernel hands its tag over beside it (VLAN-7)."""
    for _, _, data in auxiliary:
        status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(data)
        if status & VLAN_VALID:
            return got[:12] + struct.pack(">HH", tpid, tci) + got[12:]
    return got


def tagged(frame: bytes, vid: int, tpid: int = 0x8100) -> bytes:
    return frame[:12] + struct.pack(">HH", tpid, 0xA000 | vid) + frame[12:]


def in_vlan_10(frame: bytes) -> bytes:
    return tagged(frame, 10)


class Hosts:
    """The far ends of the ports: send frames, collect what came from the test's MACs."""

    def __init__(self, ports: int = PORTS) -> None:
        self.sockets = []
        for port in range(ports):
            end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            end.bind((f"h{port}", ETH_P_ALL))
            end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            end.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            end.setblocking(False)
            self.sockets.append(end)

    def received(self, host: int) -> list[bytes]:
        frames = []
        try:
            while True:
                got, auxiliary, _, _ = self.sockets[host].recvmsg(16384, 64)
                if got[6:11] == mac(0)[:5]:
                    frames.append(with_tag(got, auxiliary))
        except BlockingIOError:
            return frames

    def send(self, src: int, data: bytes) -> None:
        self.sockets[src].send(data)

    def until(self, host: int, last: bytes) -> list[bytes]:
        """What the host receives up to and with `last`."""
        frames: list[bytes] = []

        def arrived() -> bool:
            frames.extend(self.received(host))
            return last in frames

        wait_until(arrived, within=20)
        return frames


@contextmanager
def running(fastpath: FastPath) -> Iterator[None]:
    loop = threading.Thread(target=fastpath.run)
    loop.start()
    try:
        yield
    finally:
        fastpath.stop()
        loop.join()


@contextmanager
def switch(
    *,
    run: bool = True,
    mtu: int = 1500,
    ageing_s: int = 300,
    ports: int = PORTS,
    shortcut: bool = True,
) -> Iterator[FastPath]:
    """A fast path with open ports; `run` False: its loop is the caller's to run."""
    fastpath = FastPath(fdb_ageing_ns=ageing_s * 1_000_000_000)
    for port in range(ports):
        command = f"ip link add p{port} mtu {mtu} up type veth peer name h{port} mtu {mtu}"
        subprocess.run(command.split(), check=True, capture_output=True)
        subprocess.run(f"ip link set h{port} up".split(), check=True)
        setup = PortSetup(shortcut=shortcut)
        opened = fastpath.port_open(port, socket.if_nametoindex(f"p{port}"), setup)
        assert opened.isolated, opened.why_not
        fastpath.port_set(port, up=True, mtu=mtu)
    fastpath.publish(Delta())
    try:
        with running(fastpath) if run else nullcontext():
            yield fastpath
    finally:
        fastpath.close()


@contextmanager
def talking(
    tag: Callable[[bytes], bytes] = bytes, *, ageing_s: int = 300
) -> Iterator[tuple[FastPath, Hosts]]:
    """A switch on which hosts 0 and 1 have talked."""
    with switch(ageing_s=ageing_s) as fastpath:
        hosts = Hosts()
        learn(hosts, tag)
        yield fastpath, hosts


def learn(hosts: Hosts, tag: Callable[[bytes], bytes] = bytes) -> None:
    """Hosts 0 and 1 have talked: both addresses are known."""
    for number in range(3):
        for src, dst in ((0, 1), (1, 0)):
            data = tag(frame(src, dst, UDP, 1000 + number))
            hosts.send(src, data)
            hosts.until(dst, data)
    hosts.received(2)  # the flooded first one


@in_new_namespace
def test_known_unicast_of_every_protocol_arrives_once_and_nowhere_else() -> None:
    """A frame goes by the kernel or by the rings, never both: also IGMP and PIM registers."""
    with talking() as (fastpath, hosts):
        for protocol in (UDP, TCP, IGMP, PIM):
            sent = [frame(0, 1, protocol, number) for number in range(50)]
            for data in sent:
                hosts.send(0, data)
            got = []
            for mark in (b"\1", b"\2"):  # the second leaves in a later pass than all before
                end = frame(2, 1, UDP) + mark
                hosts.send(2, end)
                got += hosts.until(1, end)
            assert sorted(f for f in got if f[6:12] == mac(0)) == sent, protocol
            assert not hosts.received(2)
        counters = fastpath.counters(0)
        assert counters["rx_frames"] == sum(counters[name] for name in REASONS)


@in_new_namespace
def test_host_that_moves_is_followed() -> None:
    """The kernel's map follows the fdb: a frame from the new port moves the address there."""
    with talking() as (fastpath, hosts):
        hosts.send(2, frame(1, 0, UDP, 1))  # host 1 is behind port 2 now
        hosts.until(0, frame(1, 0, UDP, 1))
        hosts.received(1)
        hosts.send(0, frame(0, 1, UDP, 2))
        hosts.until(2, frame(0, 1, UDP, 2))
        assert not hosts.received(1)
        assert {(e.mac, e.port) for e in fastpath.fdb() if e.mac in (mac(0), mac(1))} == {
            (mac(0), 0),
            (mac(1), 2),
        }


@in_new_namespace
def test_port_that_goes_down_takes_its_addresses_out_of_the_kernels_map() -> None:
    """What is sent to a host behind it is flooded again, as for any unknown address."""
    with talking() as (fastpath, hosts):
        fastpath.port_set(1, up=False, mtu=1500)
        fastpath.publish(Delta())
        hosts.send(0, frame(0, 1, UDP, 3))
        assert hosts.until(2, frame(0, 1, UDP, 3)) == [frame(0, 1, UDP, 3)]
        assert not hosts.received(1)


@pytest.mark.parametrize(("tpid", "taken"), [(0x8100, 1), (0x88A8, 0)])
@in_new_namespace
def test_tagged_frames_keep_their_tag(tpid: int, taken: int) -> None:
    """VLAN-1; VLAN-6: nothing is concluded from a tag we do not know, it takes the rings."""
    with talking(in_vlan_10) as (fastpath, hosts):
        before = fastpath.counters(0)["shortcut_frames"]
        data = tagged(frame(0, 1, UDP, 1), 10, tpid)
        hosts.send(0, data)
        assert hosts.until(1, data) == [data]
        assert fastpath.counters(0)["shortcut_frames"] == before + taken


@in_new_namespace
def test_vlans_learn_apart() -> None:
    """VLAN-5: an address learned in VLAN 10 is unknown in VLAN 20 and without a tag."""
    with talking(in_vlan_10) as (fastpath, hosts):
        before = fastpath.counters(0)["shortcut_frames"]
        for data in (tagged(frame(0, 1, UDP, 2), 20), frame(0, 1, UDP, 3)):
            hosts.send(0, data)
            assert hosts.until(1, data) == [data]
            assert hosts.until(2, data) == [data]
        assert fastpath.counters(0)["shortcut_frames"] == before


@in_new_namespace
def test_frame_too_large_for_the_egress_is_counted_there() -> None:
    """The kernel would drop it without a word; by the rings it moves a counter."""
    with switch() as fastpath:
        hosts = Hosts()
        subprocess.run(["ip", "link", "set", "p1", "mtu", "1000"], check=True)
        fastpath.port_set(1, up=True, mtu=1000)
        fastpath.publish(Delta())
        learn(hosts)
        hosts.send(0, frame(0, 1, UDP) + bytes(1200))
        wait_until(lambda: fastpath.counters(1)["tx_mtu"] == 1, within=20)
        fits = frame(0, 1, UDP) + bytes(900)
        hosts.send(0, fits)
        assert hosts.until(1, fits) == [fits]


@in_new_namespace
def test_address_ages_in_the_kernels_map_unless_it_sends() -> None:
    """One that only receives is forgotten and flooded to; the one that sends is kept."""
    with talking(ageing_s=1) as (fastpath, hosts):
        numbers = iter(range(1, 1000))

        def flooded() -> list[bytes]:
            hosts.send(0, frame(0, 1, UDP, next(numbers)))
            return hosts.received(2)

        wait_until(flooded, within=20, every=0.1)
        answer = frame(1, 0, UDP, 5000)
        hosts.send(1, answer)
        hosts.until(0, answer)
        assert answer not in hosts.received(2)
        assert {e.mac for e in fastpath.fdb()} >= {mac(0), mac(1)}
