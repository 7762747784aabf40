"""The fast path alone, under a control plane that publishes without pause or not at all.

Ideas 135 and 137 (spec 6). No daemon: a `FastPath` on four veths in a namespace that lives as long
as its thread; frames go in and out by packet sockets on the far ends.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from netns.test_decision import in_new_namespace
from snoop.fastpath import FastPath
from snoop.table.mdb import Mdb, VlanRow
from snoop.table.seen import PortSetup
from snoop.wire.address import ANY, Family, parse
from unit import frames

PORTS = 4
GROUP = parse(frames.G)
PUBLISHES, BURST = 10_000, 16
RCVBUF_BYTES = 64 << 20
SO_RCVBUFFORCE = 33
WITHIN_S = 30.0


class Rig:
    """A running fast path with ports 0..3 and a packet socket at the far end of each."""

    def __init__(self, stack: ExitStack) -> None:
        self.fastpath = FastPath(spin_us=20)
        self.mdb = Mdb()
        self.sockets = []
        for port in range(PORTS):
            subprocess.run(
                f"ip link add p{port} up type veth peer name h{port}".split(), check=True
            )
            subprocess.run(f"ip link set h{port} up".split(), check=True)
            setup = PortSetup(isolate=False, punt_bytes=1 << 18)
            self.fastpath.port_open(port, socket.if_nametoindex(f"p{port}"), setup)
            self.fastpath.port_set(port, up=True, mtu=1500, coalesce=False)
            end = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF_BYTES)
            end.bind((f"h{port}", 0x0800))
            end.setblocking(False)
            self.sockets.append(end)
        self.mdb.set_vlan(VlanRow(0, Family.IPV4, True, mrouters=0, unregistered=0))
        self.members(0b10)
        self.loop = threading.Thread(target=self.fastpath.run)
        self.loop.start()
        stack.callback(self.end)

    def end(self) -> None:
        self.fastpath.stop()
        self.loop.join()
        self.fastpath.close()

    def members(self, ports: int) -> None:
        self.mdb.set_group(0, GROUP, {ANY: ports})
        self.fastpath.publish(self.mdb.staged())
        self.mdb.published()

    def taken(self) -> int:
        """Frames the fast path has received on port 0."""
        return self.fastpath.counters(0)["rx_frames"]

    def wait_taken(self, count: int) -> None:
        deadline = time.monotonic() + WITHIN_S
        while self.taken() < count:
            assert time.monotonic() < deadline, f"{self.taken()} of {count} frames were taken"

    def received(self) -> dict[int, set[int]]:
        """Number of each numbered frame -> the ports it came out of, once each."""
        seen: dict[int, set[int]] = {}
        for port, end in enumerate(self.sockets):
            while True:
                try:
                    frame, sender = end.recvfrom(2048)
                except BlockingIOError:
                    break
                if frame[:6] != DATA[:6] or sender[2] == socket.PACKET_OUTGOING:
                    continue
                ports = seen.setdefault(int.from_bytes(frame[-8:], "big"), set())
                assert port not in ports, "a frame came twice"
                ports.add(port)
        return seen


DATA = frames.data()
REPORT = frames.v2_report()


def numbered(number: int) -> bytes:
    """The data frame with a number in its last bytes (the switch does not look at payload)."""
    return DATA[:-8] + number.to_bytes(8, "big")


@contextmanager
def rig() -> Iterator[Rig]:
    with ExitStack() as stack:
        yield Rig(stack)


@pytest.mark.alone
@in_new_namespace
def test_no_frame_is_delivered_to_a_set_that_never_existed() -> None:
    """Idea 137: NET-6: 10^4 publishes swap port 1 for ports 2 and 3 while frames flow."""
    with rig() as r:
        publishing = threading.Event()
        publishing.set()
        sent = 0

        def publish() -> None:
            for number in range(PUBLISHES):
                r.members(0b1100 if number % 2 else 0b10)
            publishing.clear()

        publisher = threading.Thread(target=publish)
        publisher.start()
        while publishing.is_set():
            for _ in range(BURST):
                r.sockets[0].send(numbered(sent))
                sent += 1
            r.wait_taken(sent)
        publisher.join()
        seen = r.received()
        assert sorted(seen) == list(range(sent))
        sets = {frozenset(ports) for ports in seen.values()}
        assert sets == {frozenset({1}), frozenset({2, 3})}
        assert r.fastpath.reap() <= 1, "old tables are freed while the loop goes on"


@pytest.mark.alone
@in_new_namespace
def test_forwarding_goes_on_while_nobody_takes_the_punted_frames() -> None:
    """Idea 135: the last table serves; the punt ring fills, is counted and stalls nothing."""
    with rig() as r:
        sent = taken = 0
        while r.fastpath.counters(0)["punt_full"] == 0:
            for _ in range(BURST):
                r.sockets[0].send(numbered(sent))
                r.sockets[0].send(REPORT)
                sent, taken = sent + 1, taken + 2
            r.wait_taken(taken)
        seen = r.received()
        assert sorted(seen) == list(range(sent))
        assert all(ports == {1} for ports in seen.values())
        counts = r.fastpath.counters(0)
        assert counts["punt_igmp"] + counts["punt_full"] == sent
        assert counts["forward_group"] == sent
