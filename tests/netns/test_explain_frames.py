"""`snoop explain` of any frame is what really becomes of it: the same ports, the same counters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netns.star import Star, star
from snoop.lab import frames, frames_ipv6, wait_until

GROUP = "239.27.0.1"
COUNT = 50  # frames of a kind: what hosts say by themselves is less


@pytest.fixture(scope="module")
def net() -> Any:
    with star(4, igmp={"querier": "on"}) as made:
        made.h(1).join(GROUP)
        made.switch.wait_members(GROUP, {"p1"})
        for host in made.lab.hosts:  # where everybody is gets learned
            host.frames([frames.udp(host.address, "224.0.0.251", b"here", mac=host.mac)])
        wait_until(lambda: len(made.switch.show("fdb")["fdb"]) >= 4, within=20)
        yield made


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def framed(net: Star, kind: str) -> bytes:
    """A frame of h0."""
    source = net.h(0)
    data = frames.udp(source.address, GROUP, bytes(60), mac=source.mac)
    to = {
        "known unicast": mac(net.h(2).mac),
        "unknown unicast": bytes.fromhex("020000000099"),
        "back where it came from": mac(source.mac),
        "broadcast": b"\xff" * 6,
        "reserved": bytes.fromhex("0180c2000003"),
        "of no IP": bytes.fromhex("0180c2000030"),
    }
    if kind in to:
        return to[kind] + data[6:12] + b"\x88\xb5" + bytes(46)
    return {
        "member's group": data,
        "tagged": frames.tagged(data, 7),
        "IPv6": frames_ipv6.packet(
            bytes(20), "fe80::1", "ff02::fb", next_header=59, mac=source.mac
        ),
        "bad header": data[:24] + b"\0\0" + data[26:],
        "multicast source": data[:6] + b"\x01" + data[7:],
        "report": frames.report_v3([("TO_EX", "239.27.0.9", [])], source.address, mac=source.mac),
        "bad report": frames.report_v3(
            [("TO_EX", "239.27.0.9", [])], source.address, mac=source.mac
        )[:-1]
        + b"\x55",
        "other protocol": frames.udp(source.address, "224.0.0.9", bytes(60), mac=source.mac),
    }[kind]


def counts(net: Star, port: str) -> dict[str, int]:
    found: dict[str, int] = net.switch.show("counters")["ports"][port]
    return found


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("known unicast", "forward_unicast"),
        ("unknown unicast", "flood_unknown_unicast"),
        ("back where it came from", "same_port"),
        ("broadcast", "flood_broadcast"),
        ("reserved", "reserved_mac"),
        ("of no IP", "flood_l2_multicast"),
        ("member's group", "forward_group"),
        ("tagged", "flood_no_querier"),
        ("IPv6", "flood_ipv6_link_local"),
        ("bad header", "ip_error"),
        ("multicast source", "source_mac"),
        ("report", "punt_igmp"),
        ("bad report", "punt_igmp"),
        ("other protocol", "flood_link_local"),
    ],
)
def test_explain_says_of_a_frame_what_happens_to_it(net: Star, kind: str, reason: str) -> None:
    frame = framed(net, kind)
    said = json.loads(net.switch.quick("explain", "--port", "p0", "--frame", frame.hex(), "--json"))
    ports = [f"p{i}" for i in range(1, 4)]
    assert reason in (said["reason"], *said["counters"]) or kind == "tagged"
    before = {port: counts(net, port) for port in ["p0", *ports]}
    net.h(0).frames([frame] * COUNT)
    wait_until(
        lambda: all(
            counts(net, "p0")[name] - before["p0"][name] >= COUNT for name in said["counters"]
        ),
        within=20,
        what=f"{said['counters']} count it",
    )

    def sent() -> set[str]:
        return {
            port
            for port in ports
            if counts(net, port)["tx_frames"] - before[port]["tx_frames"] >= COUNT
        }

    wait_until(
        lambda: sent() == set(said["ports"]), within=20, what=f"it leaves by {said['ports']}"
    )
    assert {row["port"] for row in said["why"] if row["forwarded"]} == set(said["ports"])


def test_frames_are_described_by_their_headers(net: Star) -> None:
    """A host by its address, as it reported from it; a tag; a size over the MTU."""
    host = net.h(1)
    said = net.switch.quick("explain", "--port", "p0", "--to", host.address, "--json")
    answer = json.loads(said)
    assert answer["frame"]["destination_mac"] == host.mac
    assert (answer["reason"], answer["ports"]) == ("forward_unicast", ["p1"])
    text = net.switch.do("explain", "--port", "p0", "--group", GROUP, "--size", "2000")
    assert "it has 2000 bytes, and an MTU of 1500 takes 1514" in " ".join(text.split())
    assert "ip link set p1 mtu 1986" in " ".join(text.split())
    text = net.switch.do("explain", "--port", "p0", "--to", "ff:ff:ff:ff:ff:ff", "--tagged", "4095")
    assert "drop (vlan_invalid) to no port" in text
    wrong = net.switch.run("explain", "--port", "p0", "--to", "10.99.9.9")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert "ip neigh show 10.99.9.9" in wrong.stderr
