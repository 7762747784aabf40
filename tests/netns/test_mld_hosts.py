"""MLD as the kernel's own hosts and its bridge as a querier send it, read by the codec."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from snoop.lab import Lab, wait_until
from snoop.namespace import inside
from snoop.wire import control
from snoop.wire.address import ANY, Family, is_link_local
from snoop.wire.address import parse as addr
from snoop.wire.control import Control
from snoop.wire.errors import WireError
from snoop.wire.messages import Leave, Query, RecordType, Report
from vectors import reading
from vectors.oracle import judge

G, S1, S2 = (addr(text) for text in ("ff0e::1:3", "2001:db8::1", "2001:db8::2"))
MCAST_JOIN_SOURCE_GROUP, MCAST_MSFILTER, EXCLUDE = 46, 48, 0
ETH_P_IPV6 = 0x86DD


def storage(address: bytes) -> bytes:
    """`struct sockaddr_storage` of an IPv6 address."""
    return struct.pack("=HHI16s", socket.AF_INET6, 0, 0, address).ljust(128, b"\0")


def ear(namespace: str, interface: str) -> socket.socket:
    """What comes in at an interface."""
    with inside(namespace):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.bind((interface, ETH_P_IPV6))
    made.setblocking(False)
    return made


class Listener:
    """A kernel host, and an ear on the other end of its cable."""

    def __init__(self, lab: Lab, version: int) -> None:
        self.lab, self.host = lab, lab.h(0)
        self.heard: list[Control] = []
        self.ear = ear(lab.namespace, self.host.port)
        with inside(self.host.namespace):
            settings = Path("/proc/sys/net/ipv6/conf/eth0")
            (settings / "force_mld_version").write_text(str(version))
            self.index = socket.if_nametoindex("eth0")
            self.app = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            (settings / "disable_ipv6").write_text("0")  # its addresses come now

    def listen(self) -> None:
        """Read what has come: the oracle reads it alike, and the rest of ICMPv6 is left alone."""
        while True:
            try:
                frame = self.ear.recv(2048)
            except BlockingIOError:
                return
            said = judge(frame)
            if said == "!not_control":
                with pytest.raises(WireError, match="not_control"):
                    control.parse(frame)
            else:
                seen = control.parse(frame)
                assert said == reading(seen.message), frame.hex()
                self.heard.append(seen)

    def wait(self, version: int, kinds: set[RecordType], *sources: bytes) -> Control:
        """The report of that version with a record of the group that names these sources.

        While a host repeats a change of mode it tells a change of sources as one of mode.
        """

        def reported() -> Control | None:
            self.listen()
            for each in self.heard:
                said = each.message
                if isinstance(said, Report) and said.version == version:
                    for kind, group, listed in said.records:
                        if kind in kinds and group == G and {*sources} <= {*listed}:
                            return each
            return None

        return wait_until(reported, within=20, what=f"a v{version} report of {kinds} {sources}")

    def wait_done(self, group: bytes) -> Control:
        """The MLDv1 done of the group."""

        def done() -> Control | None:
            self.listen()
            return next((each for each in self.heard if each.message == Leave(group)), None)

        return wait_until(done, within=20, what="a done")

    def join(self) -> None:
        self.app.setsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, G + struct.pack("=I", self.index)
        )

    def leave(self) -> None:
        self.app.setsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP, G + struct.pack("=I", self.index)
        )

    def join_source(self, source: bytes) -> None:
        request = struct.pack("=I4x", self.index) + storage(G) + storage(source)
        self.app.setsockopt(socket.IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, request)

    def exclude(self, source: bytes) -> None:
        request = struct.pack("=I4x", self.index) + storage(G)
        request += struct.pack("=II", EXCLUDE, 1) + storage(source)
        self.app.setsockopt(socket.IPPROTO_IPV6, MCAST_MSFILTER, request)

    def close(self) -> None:
        self.ear.close()
        self.app.close()


@pytest.fixture(params=[1, 2])
def listener(request: pytest.FixtureRequest) -> Iterator[Listener]:
    with Lab(1) as lab:
        made = Listener(lab, request.param)
        try:
            yield made
        finally:
            made.close()


@pytest.mark.parametrize("listener", [1], indirect=True)
def test_a_version_1_host_joins_and_leaves(listener: Listener) -> None:
    """`force_mld_version` 1: report to the group, done to all routers (SNOOP-57, SM-45)."""
    listener.join()
    seen = listener.wait(1, {RecordType.IS_EX})
    assert (seen.ip.dst, seen.ip.ttl, seen.ip.router_alert) == (G, 1, True)
    listener.leave()
    seen = listener.wait_done(G)
    assert (seen.ip.dst, seen.ip.ttl, seen.ip.router_alert) == (addr("ff02::2"), 1, True)
    assert seen.ip.src == ANY or is_link_local(seen.ip.src)  # MLD-3: its address is tentative


@pytest.mark.parametrize("listener", [2], indirect=True)
def test_a_version_2_host_says_every_record_of_a_change(listener: Listener) -> None:
    """Any source, all but one, none; one source, another, none."""
    listener.join()
    seen = listener.wait(2, {RecordType.TO_EX})
    assert (seen.ip.dst, seen.ip.ttl, seen.ip.router_alert) == (addr("ff02::16"), 1, True)
    assert seen.ip.family is Family.IPV6
    listener.exclude(S1)
    listener.wait(2, {RecordType.BLOCK, RecordType.TO_EX}, S1)
    listener.leave()
    listener.wait(2, {RecordType.TO_IN})
    listener.join_source(S1)
    listener.wait(2, {RecordType.ALLOW, RecordType.TO_IN}, S1)
    listener.join_source(S2)
    listener.wait(2, {RecordType.ALLOW, RecordType.TO_IN}, S2)
    listener.leave()
    listener.wait(2, {RecordType.BLOCK}, S1, S2)


def test_a_host_that_boots_reports_from_nowhere(listener: Listener) -> None:
    """MLD-3: its solicited-node group, before duplicate address detection has ended."""

    def from_nowhere() -> bool:
        listener.listen()
        return any(each.ip.src == ANY for each in listener.heard)

    wait_until(from_nowhere, within=20)
    first = next(each.message for each in listener.heard if each.ip.src == ANY)
    assert isinstance(first, Report)
    assert any(record.group[:13] == addr("ff02::1:ff00:0")[:13] for record in first.records)


@pytest.mark.parametrize("version", [1, 2])
def test_the_kernel_s_bridge_asks(version: int) -> None:
    """Its General Queries of both versions, from its link-local address."""
    with Lab(1, quiet_ipv6=False) as lab:
        listener = Listener(lab, 0)
        try:
            bridge(lab, version)
            listener.ear.close()
            listener.ear = ear(listener.host.namespace, "eth0")
            listener.join()

            def asked() -> Control | None:
                listener.listen()
                return next((e for e in listener.heard if isinstance(e.message, Query)), None)

            seen = wait_until(asked, within=20, what="a General Query")
        finally:
            listener.close()
    query = seen.message
    assert isinstance(query, Query)
    assert (query.version, query.group, query.family) == (version, ANY, Family.IPV6)
    assert query.max_response_ns == 2_000_000_000
    assert (seen.ip.dst, seen.ip.ttl, seen.ip.router_alert) == (addr("ff02::1"), 1, True)


def bridge(lab: Lab, version: int) -> None:
    """Make the kernel's bridge of the only port, with a querier."""

    def ip(*words: str) -> None:
        subprocess.run(["ip", "-n", lab.namespace, "link", *words], check=True)

    ip("add", "br0", "type", "bridge", "mcast_snooping", "1", "mcast_mld_version", str(version),
       "mcast_query_response_interval", "200", "mcast_query_interval", "300",
       "mcast_startup_query_interval", "100")  # fmt: skip
    ip("set", lab.h(0).port, "master", "br0")
    ip("set", "br0", "up")
    ip("set", "br0", "type", "bridge", "mcast_querier", "1")
