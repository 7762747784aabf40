"""Virtual machines by their taps: what each guest negotiated is what it gets, whatever it sends.

A guest here is a tap that this process holds as a hypervisor does (`testbed/guest.py`). What
arrives is judged as a guest's kernel would: a frame has its checksum finished, or is marked as one
whose checksum is not; one of several segments comes only to who asked for it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from netns.star import IGMP, MLD, Star
from netns.test_ports_come_and_go import wait_state
from snoop.lab import Lab, frames, frames_ipv6, namespaces, wait_until
from snoop.lab.datagrams import payload
from snoop.lab.host import Host
from snoop.lab.switch import Snoop
from testbed.guest import (
    GSO_NONE,
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP_L4,
    NEEDS_CSUM,
    TUN_F_CSUM,
    TUN_F_TSO4,
    TUN_F_TSO6,
    TUN_F_USO4,
    TUN_F_USO6,
    Arrived,
    Guest,
)  # fmt: skip

GROUPS = {4: "239.33.0.1", 6: "ff0e::33:1"}
TSO = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
USO = TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6
NEGOTIATED = {"plain": None, "header": 0, "csum": TUN_F_CSUM, "tso": TSO, "uso": USO, "queues": 0}
SLOW = {"query_interval": 30.0}  # a membership outlasts the test: no guest answers queries
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP


class Guests:
    """Two hosts and a guest of every kind, at one switch whose ports are `p0`, `p1` and `vnet*`."""

    def __init__(self, lab: Lab, switch: Snoop, guests: dict[str, Guest]) -> None:
        self.lab, self.switch, self.guests = lab, switch, guests
        self.star = Star(lab, switch)

    @property
    def in_kernel(self) -> bool:
        """May streams be served there?"""
        return bool(self.switch.show("config")["switch"]["kernel"] == "auto")

    @property
    def sender(self) -> Host:
        return self.lab.h(0)

    def join(self, kind: str, family: int) -> None:
        guest = self.guests[kind]
        guest.send(report(guest, family))

    def all_join(self, family: int) -> None:
        for kind in self.guests:
            self.join(kind, family)
        wanted = {guest.name for guest in self.guests.values()}
        self.switch.wait_members(GROUPS[family], wanted)

    def datagrams(self, kind: str, family: int, count: int) -> list[tuple[Arrived, bytes]]:
        """So many of the group's, with the frame that each came in."""
        got: list[tuple[Arrived, bytes]] = []

        def enough() -> bool:
            for one in self.guests[kind].received():
                if one.frame[:6] == group_mac(family):
                    got.extend((one, data) for data in judged(one))
            return len(got) >= count

        wait_until(enough, within=20, what=f"{count} datagrams at the guest {kind}")
        return got


@pytest.fixture(scope="module", params=["auto", "off"])
def net(request: pytest.FixtureRequest) -> Iterator[Guests]:
    with Lab(2, quiet_ipv6=False) as lab, ExitStack() as stack:
        guests = {}
        for number, (kind, taken) in enumerate(NEGOTIATED.items()):
            guests[kind] = guest = stack.enter_context(
                Guest(
                    lab.namespace, lab.link, f"vnet{number}", f"02:00:00:00:33:{number:02x}",
                    header=taken is not None, queues=4 if kind == "queues" else 1,
                )
            )  # fmt: skip
            if taken:
                guest.offload(taken)
        made = Guests(lab, switched(lab, kernel=request.param), guests)
        made.switch.wait_pruning(family="ipv6")
        yield made
        made.star.conserved()


def switched(lab: Lab, *, kernel: str = "auto") -> Snoop:
    config = {"igmp": {**IGMP, **SLOW}, "mld": {**MLD, **SLOW}, "switch": {"kernel": kernel}}
    return lab.switch([*lab.ports, {"match": "vnet*", "description": "guests"}], config=config)


def report(guest: Guest, family: int) -> bytes:
    number = guest.mac[-2:]
    if family == 4:
        return frames.report_v3(
            [("TO_EX", GROUPS[4], [])], f"10.0.0.{60 + int(number, 16)}", mac=guest.mac
        )
    return frames_ipv6.report_v2(
        [("TO_EX", GROUPS[6], [])], f"fe80::33:{int(number, 16) + 1}", mac=guest.mac
    )


def group_mac(family: int) -> bytes:
    make = frames.multicast_mac if family == 4 else frames_ipv6.multicast_mac
    return bytes.fromhex(make(GROUPS[family]).replace(":", ""))


def judged(one: Arrived) -> list[bytes]:
    """The payloads of what arrived; AssertionError if a guest's kernel would not take it."""
    ipv6 = one.frame[12:14] == b"\x86\xdd"
    assert ipv6 or one.frame[12:14] == b"\x08\x00"
    at = 54 if ipv6 else 34
    protocol = one.frame[20] if ipv6 else one.frame[23]
    body = one.frame[at:]
    ends = one.frame[22:54] if ipv6 else one.frame[26:34]
    pseudo = ends + struct.pack("!II", len(body), protocol)
    header, field = (8, 6) if protocol == UDP else ((body[12] >> 4) * 4, 16)
    if not ipv6:
        assert frames.checksum(one.frame[14:34]) == 0
        assert int.from_bytes(one.frame[16:18]) == len(one.frame) - 14
    if one.flags & NEEDS_CSUM:
        assert (one.start, one.offset) == (at, field)
        assert int.from_bytes(body[field : field + 2]) == 0xFFFF - frames.checksum(pseudo)
    else:
        assert frames.checksum(pseudo + body) == 0
    if one.gso_type == GSO_NONE:
        assert len(one.frame) <= 1514
        return [body[header:]]
    assert one.flags & NEEDS_CSUM, "a super-frame has no checksum yet"
    data, size = body[header:], one.gso_size
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("family", [4, 6])
def test_each_guest_gets_a_stream_as_it_negotiated(net: Guests, family: int) -> None:
    """Byte for byte and in order: datagrams one by one, and super-frames that the sender made."""
    net.all_join(family)
    before = {
        guest.name: net.switch.counters(guest.name)["tx_coalesced"] for guest in net.guests.values()
    }
    for stream, segments in enumerate((1, 8)):
        net.sender.send(
            GROUPS[family], count=320, size=400, rate=3000, segments=segments, stream=stream
        )
        net.lab.settle(net.sender)
        wanted = [payload(stream, number, 400) for number in range(320)]
        for kind, guest in net.guests.items():
            got = net.datagrams(kind, family, 320)
            if kind == "queues":  # each flow has its own
                assert len({data for _, data in got}) == 320
            assert [data for _, data in got] == wanted, kind
            types = {one.gso_type for one, _ in got}
            assert types == {GSO_UDP_L4 if (kind, segments) == ("uso", 8) else GSO_NONE}, kind
            unfinished = any(one.flags & NEEDS_CSUM for one, _ in got)
            assert not unfinished or kind in ("csum", "tso", "uso"), kind
            assert net.switch.counters(guest.name)["tx_coalesced"] == before[guest.name]
    assert (net.switch.counters("p0")["kernel_frames"] > 0) == net.in_kernel


@pytest.mark.parametrize("family", [4, 6])
def test_who_says_always_has_runs_for_guests_that_take_them(net: Guests, family: int) -> None:
    """And only for those: the kernel takes them apart for the others."""
    net.all_join(family)
    for guest in net.guests.values():
        net.switch.quick("port", "set", guest.name, "coalesce=always")
    wanted = sorted(payload(0, number, 400) for number in range(320))

    def have_runs() -> set[str]:  # none where the loop has each frame before the next one comes
        net.sender.bursts(GROUPS[family], bursts=8, burst=40, size=400, rate=2000)
        net.lab.settle(net.sender)
        got = {kind: net.datagrams(kind, family, 320) for kind in net.guests}
        for kind, each in got.items():
            assert sorted(data for _, data in each) == wanted, kind
        return {kind for kind, each in got.items() for one, _ in each if one.gso_type == GSO_UDP_L4}

    if net.in_kernel:  # which has none
        assert not have_runs()
    else:
        assert wait_until(have_runs, within=20, what="runs") == {"uso"}
    for guest in net.guests.values():
        assert net.in_kernel or net.switch.counters(guest.name)["tx_coalesced"] > 0
        net.switch.quick("port", "set", guest.name, "coalesce=")


@pytest.mark.parametrize("family", [4, 6])
def test_tcp_of_a_guest_reaches_each_guest_as_it_negotiated(net: Guests, family: int) -> None:
    """A segment of 2500 bytes for frames of 1000, to a guest that is known by its address."""
    net.all_join(family)  # so they have spoken
    data = bytes(number % 251 for number in range(2500))
    sender = net.guests["tso"]
    kind = GSO_TCPV4 if family == 4 else GSO_TCPV6
    for name, guest in net.guests.items():
        if guest is sender:
            continue
        guest.received()
        frame, at = tcp(sender, guest, family, data)
        sender.send(frame, gso_type=kind, gso_size=1000, header=at + 20, checksum=(at, 16))
        got: list[Arrived] = []

        def whole(guest: Guest = guest, got: list[Arrived] = got) -> bool:
            mine = bytes.fromhex(guest.mac.replace(":", ""))
            got.extend(one for one in guest.received() if one.frame[:6] == mine)
            return sum(len(one) for each in got for one in judged(each)) >= len(data)

        wait_until(whole, within=20, what=f"TCP at the guest {name}")
        assert b"".join(part for one in got for part in judged(one)) == data
        assert [one.gso_type for one in got] == [GSO_NONE] * 3, "none of them takes it whole"
        numbers = [int.from_bytes(one.frame[at + 4 : at + 8]) for one in got]
        assert numbers == [7, 1007, 2007]


def tcp(source: Guest, to: Guest, family: int, data: bytes) -> tuple[bytes, int]:
    """A frame whose checksum is left to who takes it, and where that starts."""
    ethernet = bytes.fromhex((to.mac + source.mac).replace(":", ""))
    header = struct.pack("!HHIIBBHHH", 1, 2, 7, 0, 0x50, 0x10, 0, 0, 0)
    length = len(header) + len(data)
    if family == 4:
        ends = socket.inet_aton("10.0.0.63") + socket.inet_aton("10.0.0.60")
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000, 64, TCP, 0) + ends
        ip = ip[:10] + struct.pack("!H", frames.checksum(ip)) + ip[12:]
        ethernet += b"\x08\x00"
    else:
        ends = frames_ipv6.pton("fe80::33:4") + frames_ipv6.pton("fe80::33:1")
        ip = struct.pack("!IHBB", 6 << 28, length, TCP, 64) + ends
        ethernet += b"\x86\xdd"
    partial = 0xFFFF - frames.checksum(ends + struct.pack("!II", length, TCP))
    header = header[:16] + struct.pack("!H", partial) + header[18:]
    return ethernet + ip + header + data, 14 + len(ip)


@pytest.mark.parametrize("family", [4, 6])
def test_what_guests_send_arrives_whole(net: Guests, family: int) -> None:
    """With a checksum to be finished, as several in one, or plain, at a host's socket."""
    host, group = net.lab.h(1), GROUPS[family]
    host.join(group)
    net.switch.wait_member(group, "p1")
    for kind in ("plain", "header", "uso"):
        host.reset()
        for number in range(0, 64, 4 if kind == "uso" else 1):
            guest_sends(net.guests[kind], family, number, kind)
        wait_until(lambda: host.app(group).unique == 64, within=20, what=f"64 of {kind}")
        assert (host.app(group).corrupt, host.app(group).duplicates) == (0, 0)
        assert host.wire(group).corrupt == 0


def guest_sends(guest: Guest, family: int, number: int, kind: str) -> None:
    """One datagram, or four at once."""
    many = 4 if kind == "uso" else 1
    data = b"".join(payload(9, number + i, 200) for i in range(many))
    make = frames.udp if family == 4 else frames_ipv6.udp
    source = "10.0.0.77" if family == 4 else "fe80::33:77"
    frame = make(source, GROUPS[family], data, mac=guest.mac)
    if kind == "plain":
        guest.send(frame)
        return
    at = 34 if family == 4 else 54
    ends = frame[26:34] if family == 4 else frame[22:54]
    partial = 0xFFFF - frames.checksum(ends + struct.pack("!II", len(frame) - at, UDP))
    frame = frame[: at + 6] + struct.pack("!H", partial) + frame[at + 8 :]
    gso = {"gso_type": GSO_UDP_L4, "gso_size": 200, "header": at + 8} if many > 1 else {}
    guest.send(frame, checksum=(at, 6), **gso)


HOSTILE = {
    "checksum-past-the-end": {"checksum": (4000, 6)},
    "checksum-field-past-the-end": {"checksum": (34, 4000)},
    "checksum-over-the-addresses": {"checksum": (0, 0)},
    "tcp-of-no-size": {"gso_type": GSO_TCPV4, "gso_size": 0, "header": 54, "checksum": (34, 16)},
    "tcp-that-is-udp": {"gso_type": GSO_TCPV4, "gso_size": 500, "header": 54, "checksum": (34, 16)},
    "tcp6-that-is-ipv4": {"gso_type": GSO_TCPV6, "gso_size": 500, "header": 74},
    "udp-without-a-checksum": {"gso_type": GSO_UDP_L4, "gso_size": 100, "header": 42},
    "udp-of-single-bytes": {"gso_type": GSO_UDP_L4, "gso_size": 1, "header": 42,
                            "checksum": (34, 6)},
    "header-longer-than-the-frame": {"gso_type": GSO_UDP_L4, "gso_size": 100, "header": 60000,
                                     "checksum": (34, 6)},
    "congestion-mark": {"gso_type": GSO_TCPV4 | 0x80, "gso_size": 500, "header": 54,
                        "checksum": (34, 16)},
    "type-unknown": {"gso_type": 0x7F, "gso_size": 100, "header": 42, "checksum": (34, 6)},
    "flags-unknown": {"flags": 0xFF},
}  # fmt: skip


def test_headers_that_lie_cost_nobody_anything() -> None:
    """Refused by the kernel, dropped by name or sent on: the guest's next frame arrives."""
    with Lab(2) as lab, Guest(lab.namespace, lab.link, "vnet0", "02:00:00:00:33:01") as guest:
        switch = switched(lab)
        host = lab.h(1)
        host.join(GROUPS[4])
        switch.wait_member(GROUPS[4], "p1")
        frame = frames.udp("10.0.0.77", "239.33.0.9", bytes(1400), mac=guest.mac)
        for number, (name, how) in enumerate(HOSTILE.items()):
            for length in (13, 14, 40, len(frame)):
                with suppress(OSError):
                    guest.send(frame[:length], **how)
            guest_sends(guest, 4, number, "plain")
            wait_until(lambda n=number: host.app(GROUPS[4]).unique == n + 1, within=20, what=name)
        assert host.app(GROUPS[4]).corrupt == 0
        Star(lab, switch).conserved()
        assert switch.process.poll() is None


def test_a_tap_serves_while_somebody_holds_it() -> None:
    """Its hypervisor ends and comes back; made persistent, or gone and made anew; MTU, MAC."""
    with Lab(2) as lab:
        switch = switched(lab)
        switch.wait_pruning()
        for persist in (True, False):
            for mtu, mac in ((1500, "02:00:00:00:33:01"), (9000, "02:00:00:00:33:02")):
                guest = Guest(
                    lab.namespace, lab.link, "vnet0", mac, persist=persist, mtu=mtu, header=persist
                )
                with guest:
                    wait_state(switch, "vnet0", "up")
                    guest.send(report(guest, 4))
                    switch.wait_members(GROUPS[4], {"vnet0"})
                    assert gets(lab, guest)
                if persist:
                    wait_state(switch, "vnet0", "down")
                else:
                    wait_until(lambda: "vnet0" not in ports(switch), within=20, what="it is gone")
                switch.wait_members(GROUPS[4], set())
            if persist:
                lab.link.link("del", index=namespaces.index_of(lab.link, "vnet0"))
                wait_until(lambda: "vnet0" not in ports(switch), within=20, what="it is gone")
        Star(lab, switch).conserved()


def ports(switch: Snoop) -> set[str]:
    return {row["name"] for row in switch.show("ports")["ports"]}


def gets(lab: Lab, guest: Guest) -> bool:
    """All of a short stream."""
    guest.received()
    lab.h(0).send(GROUPS[4], count=50, rate=2000, stream=3)
    lab.settle(lab.h(0))
    got: list[bytes] = []

    def enough() -> bool:
        for one in guest.received():
            if one.frame[:6] == group_mac(4):
                got.extend(judged(one))
        return len(got) >= 50

    wait_until(enough, within=20, what="50 at the guest")
    return got == [payload(3, number, 200) for number in range(50)]
