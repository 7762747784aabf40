"""The switch as a bridge: unicast learning, floods, reserved addresses, frames byte for byte."""

from __future__ import annotations

import secrets

import pytest

from netns.star import Star
from snoop.lab import frames_ipv6, wait_until

UNKNOWN = "02:00:00:00:0f:01"
ALL_ROUTERS = bytes.fromhex("333300000002")


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(destination: str, source: str, size: int = 60, ethertype: int = 0x88B6) -> bytes:
    """A frame of an experimental ethertype with random contents."""
    head = mac_bytes(destination) + mac_bytes(source) + ethertype.to_bytes(2, "big")
    return head + secrets.token_bytes(size - len(head))


def receivers(net: Star, sent: list[bytes], sender: int = 0) -> list[set[str]]:
    """For each frame the hosts that got it unchanged, once; anything else received is an error."""
    for host in net.lab.hosts:
        host.record("all")
        host.reset()
    assert net.h(sender).frames(sent)["refused"] == 0
    net.lab.settle(net.h(sender))
    result: list[set[str]] = [set() for _ in sent]
    for host in net.lab.hosts:
        got = [c.frame for c in host.captured() if c.frame in sent or not goes_by(c.frame)]
        for i, frame in enumerate(sent):
            assert got.count(frame) <= 1, f"{host.name} got frame {i} twice"
            if frame in got:
                result[i].add(host.name)
                got.remove(frame)
        assert not got, f"{host.name} got a frame nobody sent: {got[0].hex()}"
    return result


def goes_by(frame: bytes) -> bool:
    """The switch's queries, and what it asks routers when a port comes up, in both families; and a
    host that makes sure of a neighbour's address, which it may seconds after a test.
    """
    return frame[12:14] in (b"\x08\x00", b"\x08\x06") or frame[:6] == ALL_ROUTERS


def others(net: Star, sender: int = 0) -> set[str]:
    return {host.name for host in net.lab.hosts if host is not net.h(sender)}


def test_unicast_is_flooded_until_learned(net: Star) -> None:
    """Fdb by (VLAN, MAC). Of a station that says nothing by itself, as a host may at any time."""
    h0, station = net.h(0), "02:00:00:00:0f:04"
    to_station = ethernet(station, h0.mac)
    assert receivers(net, [to_station]) == [others(net)]
    assert receivers(net, [ethernet(h0.mac, station)], sender=2) == [{"h0"}]
    assert receivers(net, [to_station]) == [{"h2"}]
    entries = {row["mac"]: row["port"] for row in net.switch.show("fdb")["fdb"]}
    assert entries[h0.mac] == "p0"
    assert entries[station] == "p2"


def test_station_that_moves_is_found_at_its_new_port(net: Star) -> None:
    moving = "02:00:00:00:0f:02"
    for port in (1, 2):
        receivers(net, [ethernet("ff:ff:ff:ff:ff:ff", moving)], sender=port)
        assert receivers(net, [ethernet(moving, net.h(0).mac)]) == [{f"h{port}"}]


def test_frame_for_a_station_behind_its_own_port_goes_nowhere(net: Star) -> None:
    neighbour = "02:00:00:00:0f:03"
    receivers(net, [ethernet("ff:ff:ff:ff:ff:ff", neighbour)])
    assert receivers(net, [ethernet(neighbour, net.h(0).mac)]) == [set()]


@pytest.mark.parametrize("size", [60, 61, 64, 777, 1513, 1514])
def test_frame_arrives_byte_identical(net: Star, size: int) -> None:
    """SNOOP-9, spec 103: to everybody, short (padded) and full-size."""
    sent = ethernet("ff:ff:ff:ff:ff:ff", net.h(0).mac, size)
    assert receivers(net, [sent]) == [others(net)]


def test_reserved_bridge_addresses_are_not_forwarded(net: Star) -> None:
    """L2-1, L2-3, spec 119: :01 to :0f never; :00, :10 and :21 like any multicast."""
    blocked = [f"01:80:c2:00:00:{i:02x}" for i in range(1, 16)]
    passed = ["01:80:c2:00:00:00", "01:80:c2:00:00:10", "01:80:c2:00:00:21", "01:00:0c:cc:cc:cc"]
    sent = [ethernet(mac, net.h(0).mac) for mac in blocked + passed]
    assert receivers(net, sent) == [set()] * len(blocked) + [others(net)] * len(passed)


def test_multicast_that_is_not_ipv4_floods(net: Star) -> None:
    """SNOOP-34: other protocols, whatever their group MAC; and groups of IPv6 nobody has joined."""
    source = net.h(0).mac
    sent = [
        frames_ipv6.packet(
            secrets.token_bytes(60), "fe80::1", "ff02::fb", next_header=59, mac=source
        ),
        ethernet("01:00:5e:01:02:03", source, 70, 0x88B6),
        ethernet("ff:ff:ff:ff:ff:ff", source, 60, 0x0806),
    ]
    assert receivers(net, sent) == [others(net)] * 3


def test_frames_from_a_group_address_are_refused(net: Star) -> None:
    """A multicast source MAC must neither be learned nor forwarded."""
    sent = ethernet("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05")
    assert receivers(net, [sent]) == [set()]
    assert all(row["mac"] != "01:00:5e:00:00:05" for row in net.switch.show("fdb")["fdb"])


def test_hosts_talk_unicast_through_the_switch(net: Star) -> None:
    """ARP and UDP between kernels; the third host sees none of the unicast once learned."""
    net.h(2).call("listen")
    net.h(0).send(net.h(2).address, count=1)
    wait_until(lambda: net.h(2).app(net.h(2).address).unique == 1, within=20)
    net.h(3).reset()
    net.h(0).send(net.h(2).address, count=200, first=1)
    net.lab.settle(net.h(0))
    assert net.h(2).app(net.h(2).address).unique == 201
    assert net.h(3).wire(net.h(2).address).frames == 0


def test_ports_own_stack_stays_out_of_it(net: Star) -> None:
    """NET-2: a frame for the port's own MAC is just an unknown unicast."""
    mac = net.lab.port_attribute("p0", "IFLA_ADDRESS")
    sent = ethernet(mac, net.h(0).mac)
    seen = receivers(net, [sent])
    assert seen == [others(net)], "an unknown unicast like any other"


def test_group_by_its_mac_address_goes_to_its_ports_alone(net: Star) -> None:
    """L2-3: what is not IP; IP frames and other addresses are not concerned."""
    mac, other = "01:00:00:01:02:03", "01:00:00:01:02:04"
    sent = [ethernet(mac, net.h(0).mac), ethernet(other, net.h(0).mac)]
    ip_to_it = frames_ipv6.icmpv6(
        bytes((128, 0)) + bytes(6), "fe80::99", "ff0e::1", mac=net.h(0).mac, destination_mac=mac
    )
    assert receivers(net, [*sent, ip_to_it]) == [others(net)] * 3
    net.switch.do("mdb", "add", mac, "--port", "p1")
    (row,) = net.switch.show("mdb", group=mac)["mdb"]
    assert (row["family"], row["port"], row["origin"]) == ("l2", "p1", "static")
    assert receivers(net, [*sent, ip_to_it]) == [{"h1"}, others(net), others(net)]
    assert receivers(net, [ethernet(mac, net.h(1).mac)], sender=1) == [set()]
    net.switch.do("mdb", "del", mac, "--port", "p1")
    assert receivers(net, sent) == [others(net)] * 2
