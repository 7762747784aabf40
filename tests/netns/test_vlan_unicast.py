"""Unicast on a switch that filters by VLAN: by the kernel where it can, and with the right tag.

A port has its VLANs as in the configuration: (PVID, tagged VLANs). The fast path runs on veths of
a namespace of its own; the hosts are their far ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netns.test_decision import in_new_namespace
from netns.test_offloads import ETHTOOL_OFF, ETHTOOL_TAGS_OFF, offloads_off
from netns.test_shortcut import PORTS, UDP, Hosts, frame, mac, switch, tagged
from netns.vlans import stage
from snoop.fastpath import FastPath
from snoop.lab import Lab, namespaces, wait_until
from snoop.proto.vlans import PortVlans
from snoop.table.mdb import Mdb

Vlans = tuple[int, tuple[int, ...]]
ACCESS: Vlans = (10, ())
TRUNK: Vlans = (0, (10, 20))
NATIVE: Vlans = (10, (20,))
SERVICE_TAG = 0x88A8
SWITCHED_OFF: dict[str, tuple[int, ...]] = {
    "none": (),
    "tags": ETHTOOL_TAGS_OFF,
    "all": (*ETHTOOL_OFF.values(), *ETHTOOL_TAGS_OFF),
}


def vlans_of(port: Vlans) -> PortVlans:
    pvid, vids = port
    return PortVlans(pvid, sum(1 << vid for vid in vids))


class Filtering:
    """A fast path whose ports are in VLANs, and the hosts behind them."""

    def __init__(self, fastpath: FastPath, ports: tuple[Vlans, ...]) -> None:
        self.fastpath, self.hosts, self.mdb = fastpath, Hosts(), Mdb()
        self.put(ports)

    def put(self, ports: tuple[Vlans, ...], horizons: tuple[int, ...] = (0,) * PORTS) -> None:
        """Have the ports in these VLANs from now on."""
        of = {port: vlans_of(each) for port, each in enumerate(ports)}
        stage(self.fastpath, self.mdb, of, dict(enumerate(horizons)))
        self.fastpath.publish(self.mdb.staged())
        self.mdb.published()

    def learn(self, *said: tuple[int, int, bytes]) -> None:
        """These frames, each of a host to another, have been said, and that twice."""
        for _ in range(2):
            for src, dst, data in said:
                self.hosts.send(src, data)
                wait_until(lambda dst=dst: self.hosts.received(dst), within=20)
        for host in range(PORTS):
            self.hosts.received(host)

    def arrived(self, host: int, *, of: int) -> list[bytes]:
        """What a host has got of another, once the rings are through with all before."""
        got: list[bytes] = []
        for mark in (b"first", b"in a later pass than all before"):
            self.hosts.send(2, frame(2, host, UDP) + mark)

            def marked(mark: bytes = mark) -> bool:
                got.extend(self.hosts.received(host))
                return any(data.endswith(mark) for data in got)

            wait_until(marked, within=20)
        return [data for data in got if data[6:12] == mac(of)]

    def shortcut(self, port: int) -> int:
        return self.fastpath.counters(port)["shortcut_frames"]

    def more(self, port: int, name: str, before: dict[str, int]) -> int:
        """By how much a counter of the port has grown."""
        return self.fastpath.counters(port)[name] - before[name]

    def known(self) -> set[tuple[int, bytes, int]]:
        """(VLAN, address, port) of the hosts."""
        ours = {mac(host) for host in range(PORTS)}
        return {(e.vlan, e.mac, e.port) for e in self.fastpath.fdb() if e.mac in ours}


@contextmanager
def filtering(*ports: Vlans) -> Iterator[Filtering]:
    with switch() as fastpath:
        yield Filtering(fastpath, ports)


def unmarked(data: bytes) -> bytes:
    """With the tag of what came without one into VLAN 10: no priority."""
    return data[:12] + b"\x81\x00\x00\x0a" + data[12:]


def in_10(data: bytes) -> bytes:
    return tagged(data, 10)


def in_20(data: bytes) -> bytes:
    return tagged(data, 20)


def prioritised(data: bytes) -> bytes:
    return tagged(data, 0)


def as_at(port: Vlans, data: bytes) -> bytes:
    """A frame of VLAN 10 that came without a tag."""
    return unmarked(data) if 10 in port[1] else data


@pytest.mark.parametrize(
    ("ports", "sent", "arrives"),
    [
        ((ACCESS, ACCESS), bytes, bytes),
        ((ACCESS, TRUNK), bytes, unmarked),
        ((TRUNK, ACCESS), in_10, bytes),
        ((TRUNK, TRUNK), in_10, in_10),
        ((NATIVE, TRUNK), bytes, unmarked),
        ((TRUNK, NATIVE), in_10, bytes),
        # an access port takes its own VLAN tagged, too, and a priority tag is none (VLAN-2)
        ((ACCESS, ACCESS), in_10, bytes),
        ((ACCESS, ACCESS), prioritised, bytes),
        ((ACCESS, TRUNK), prioritised, in_10),
        # a second tag is nobody's concern (VLAN-6)
        ((ACCESS, TRUNK), lambda data: prioritised(in_20(data)), lambda data: in_10(in_20(data))),
    ],
)
@in_new_namespace
def test_frame_leaves_as_its_port_has_the_vlan(
    ports: tuple[Vlans, Vlans],
    sent: Callable[[bytes], bytes],
    arrives: Callable[[bytes], bytes],
) -> None:
    """VLAN-5: by the short cut, once, its priority kept, and every byte behind the tag."""
    with filtering(*ports, ACCESS) as net:
        hosts = net.hosts
        net.learn(*((a, b, as_at(ports[a], frame(a, b, UDP))) for a, b in ((0, 1), (1, 0))))
        before = net.shortcut(0)
        plain = [frame(0, 1, UDP, number) + bytes(100) for number in range(50)]
        for data in plain:
            hosts.send(0, sent(data))
        assert net.arrived(1, of=0) == [arrives(data) for data in plain]
        assert net.shortcut(0) - before == len(plain)
        assert not hosts.received(2)


@pytest.mark.parametrize("tag", [bytes, prioritised, lambda data: tagged(data, 10, SERVICE_TAG)])
@in_new_namespace
def test_port_without_a_pvid_refuses_what_brings_no_vlan(tag: Callable[[bytes], bytes]) -> None:
    """VLAN-3: by its name and by the rings, also of addresses that are known."""
    with filtering(TRUNK, ACCESS, ACCESS) as net:
        net.learn((0, 1, in_10(frame(0, 1, UDP))), (1, 0, frame(1, 0, UDP)))
        before = net.fastpath.counters(0)
        for number in range(5):
            net.hosts.send(0, tag(frame(0, 1, UDP, number)))
        # what the kernel itself says there, of IPv6, is refused likewise
        wait_until(lambda: net.more(0, "vlan_filtered", before) >= 5, within=20)
        assert net.more(0, "shortcut_frames", before) == 0
        assert not net.hosts.received(1)
        assert not net.hosts.received(2)


@in_new_namespace
def test_tag_behind_one_that_is_taken_off_takes_the_rings() -> None:
    """It would be the VLAN where it arrives: whether it may come to light `fp_decide` says."""
    with filtering(TRUNK, NATIVE, ACCESS) as net:
        net.learn((0, 1, in_10(frame(0, 1, UDP))), (1, 0, frame(1, 0, UDP)))
        before = net.fastpath.counters(0)
        net.hosts.send(0, in_10(in_20(frame(0, 1, UDP, 7))))
        wait_until(lambda: net.more(0, "rx_frames", before) >= 1, within=20)
        assert net.more(0, "shortcut_frames", before) == 0
        assert in_20(frame(0, 1, UDP, 7)) not in net.arrived(1, of=0)


@in_new_namespace
def test_service_tag_takes_the_rings() -> None:
    """VLAN-6: in the VLAN of the port, its tag nobody's concern; an untagged port gets it whole."""
    with filtering(ACCESS, ACCESS, ACCESS) as net:
        net.learn((0, 1, frame(0, 1, UDP)), (1, 0, frame(1, 0, UDP)))
        before = net.fastpath.counters(0)
        data = tagged(frame(0, 1, UDP, 7), 10, SERVICE_TAG)
        net.hosts.send(0, data)
        assert net.hosts.until(1, data) == [data]
        assert net.more(0, "shortcut_frames", before) == 0
        assert net.more(0, "forward_unicast", before) == 1


@in_new_namespace
def test_one_address_is_at_a_port_of_its_own_in_each_vlan() -> None:
    """VLAN-1: a router on a stick has one MAC address in all of them."""
    with filtering(TRUNK, (10, ()), (20, ())) as net:
        hosts = net.hosts
        net.learn((1, 0, frame(1, 0, UDP)), (0, 1, in_10(frame(0, 1, UDP))))
        # in VLAN 20 the address of host 1 is behind port 2
        net.learn((2, 0, frame(1, 0, UDP)), (0, 2, in_20(frame(0, 1, UDP))))
        assert net.known() == {
            (10, mac(0), 0), (20, mac(0), 0), (10, mac(1), 1), (20, mac(1), 2),
        }  # fmt: skip
        before = net.shortcut(0)
        for number in range(20):
            data = frame(0, 1, UDP, number)
            hosts.send(0, in_10(data))
            hosts.send(0, in_20(data))
        last = frame(0, 1, UDP, 19)
        assert len(hosts.until(1, last)) == len(hosts.until(2, last)) == 20
        assert net.shortcut(0) - before == 40


@pytest.mark.parametrize(
    "change",
    [
        (ACCESS, (0, (20,)), ACCESS),  # it leaves
        (ACCESS, (0, (10, 20)), ACCESS),  # it has it with a tag now
        (ACCESS, (20, (10,)), ACCESS),
    ],
)
@in_new_namespace
def test_port_that_has_a_vlan_no_more_or_otherwise_is_forgotten_there(
    change: tuple[Vlans, ...],
) -> None:
    """Its addresses there leave fdb and short cut; those of VLAN 20 and of other ports stay."""
    with filtering(NATIVE, NATIVE, ACCESS) as net:
        for tag in (bytes, in_20):
            net.learn((0, 1, tag(frame(0, 1, UDP))), (1, 0, tag(frame(1, 0, UDP))))
        net.learn((2, 0, frame(2, 0, UDP)))
        before = net.known()
        net.put((NATIVE, *change[1:]))
        kept = {each for each in before if each[2] != 1 or (each[0] == 20 and not change[1][0])}
        assert net.known() == kept
        data = frame(0, 1, UDP, 7)
        sent = net.shortcut(0)
        net.hosts.send(0, data)
        wait_until(lambda: net.fastpath.counters(0)["flood_unknown_unicast"] > 1, within=20)
        assert net.hosts.until(2, data) == [data]
        assert net.shortcut(0) == sent


@in_new_namespace
def test_other_vlans_do_not_notice_a_change() -> None:
    """Not a frame of VLAN 20 is lost, doubled or on another way while VLAN 10 comes and goes."""
    with filtering(NATIVE, NATIVE, ACCESS) as net:
        for tag in (bytes, in_20):
            net.learn((0, 1, tag(frame(0, 1, UDP))), (1, 0, tag(frame(1, 0, UDP))))
        before = net.shortcut(0)
        got = []
        for number in range(400):
            if number % 20 == 10:
                net.put((NATIVE, (0, (20,)) if number % 40 == 10 else NATIVE, ACCESS))
                got += net.hosts.received(1)
            net.hosts.send(0, in_20(frame(0, 1, UDP, number)))
        got += net.hosts.until(1, in_20(frame(0, 1, UDP, 399)))
        assert got == [in_20(frame(0, 1, UDP, number)) for number in range(400)]
        assert net.shortcut(0) - before == 400
        assert not net.hosts.received(2)


@in_new_namespace
def test_ports_of_one_split_horizon_get_nothing_of_each_other() -> None:
    """Unicast that is known, that is not, and broadcast; by name, and at no cost to a third."""
    with filtering(ACCESS, ACCESS, ACCESS) as net:
        hosts = net.hosts
        net.learn(*((a, b, frame(a, b, UDP)) for a in range(3) for b in range(3) if a != b))
        before, of_one = net.shortcut(0), net.shortcut(1)
        net.put((ACCESS,) * 3, horizons=(7, 7, 0))
        counters = net.fastpath.counters(0)
        hosts.send(0, frame(0, 1, UDP, 1))
        wait_until(lambda: net.more(0, "split_horizon", counters) == 1, within=20)
        stranger = mac(8) + frame(0, 1, UDP, 2)[6:]
        everybody = b"\xff" * 6 + frame(0, 1, UDP, 3)[6:]
        known = frame(0, 2, UDP, 4)
        for data in (stranger, everybody, known, known):
            hosts.send(0, data)
        assert set(hosts.until(2, known)) == {stranger, everybody, known}

        def by_the_kernel() -> bool:
            net.learn(*((a, b, frame(a, b, UDP, 5)) for a, b in ((0, 2), (2, 0), (1, 2))))
            return net.shortcut(0) > before and net.shortcut(1) > of_one

        wait_until(by_the_kernel, within=20)  # all are heard again within a second
        hosts.send(0, frame(0, 1, UDP, 6))
        wait_until(lambda: net.more(0, "split_horizon", counters) == 2, within=20)
        assert not hosts.received(1)
        net.put((ACCESS,) * 3, horizons=(7, 8, 0))
        hosts.send(0, frame(0, 1, UDP, 9))
        assert hosts.until(1, frame(0, 1, UDP, 9)) == [frame(0, 1, UDP, 9)]


@pytest.mark.parametrize(("second", "by_the_kernel"), [(ACCESS, True), (TRUNK, False)])
@in_new_namespace
def test_address_at_two_ports_gets_its_frames_at_both_as_each_has_the_vlan(
    second: Vlans, by_the_kernel: bool
) -> None:
    """F-12: the kernel makes the copy if it is spelled alike; if it is not, the rings do."""
    with filtering(ACCESS, ACCESS, second) as net:
        hosts = net.hosts
        net.learn((0, 1, frame(0, 1, UDP)))
        for number in range(4):
            for port, tag in ((1, bytes), (2, in_10 if 10 in second[1] else bytes)):
                hosts.send(port, tag(frame(1, 0, UDP, 10 * number + port)))
                wait_until(lambda: hosts.received(0), within=20)
        for port in (1, 2):
            hosts.received(port)
        before = net.shortcut(0)
        data = frame(0, 1, UDP, 77)
        hosts.send(0, data)
        assert hosts.until(1, data) == [data]
        assert hosts.until(2, as_at(second, data)) == [as_at(second, data)]
        assert (net.shortcut(0) > before) == by_the_kernel


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("offloads", SWITCHED_OFF)
def test_tcp_between_an_access_port_and_a_trunk(shortcut: bool, offloads: str) -> None:
    """Both ways at once, whole: 64 KiB frames with unfinished checksums get tags and lose them."""
    with Lab(3) as lab:
        lab.add_vlan(lab.h(1), 10)
        index = namespaces.index_of(lab.h(0).link, "eth0")
        lab.h(0).link.addr("add", index=index, address="10.10.0.10", prefixlen=24)
        for port in ("p0", "p1"):
            offloads_off(lab.namespace, port, SWITCHED_OFF[offloads])
        lab.switch(
            config={"switch": {"shortcut": shortcut}, "igmp": {"querier": "off"}},
            vlans={"p0": 10, "p1": [10, 20], "p2": 20},
        )
        lab.h(0).call("tcp_serve", port=7000, verify=True)
        lab.h(1).call("tcp_serve", port=7000, verify=True)
        jobs = [
            lab.h(0).start("tcp_send", destination="10.10.0.11", port=7000, blocks=100),
            lab.h(1).start("tcp_send", destination="10.10.0.10", port=7000, blocks=100),
        ]
        for job in jobs:
            done = job.result(60)
            assert done["received"] == done["sent"] == 100 * (1 << 18)
            assert done["intact"]
