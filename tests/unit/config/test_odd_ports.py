"""What is noted of the interfaces that ports are, and of which nothing is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from snoop.config import loader, odd_ports
from unit.fake_fastpath import link

PORTS = [{"name": "p0"}, {"name": "p1"}]
BRIDGE = link("br0", 5)


def notes(*ports: dict[str, Any], **changes: Any) -> list[str]:
    config = loader.check({"port": list(ports) or PORTS}, where="t")
    return list(odd_ports.interfaces(config, [link("p0", 10), link("p1", 11, **changes), BRIDGE]))


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"master": 5}, r"p1: it belongs to br0, .*: ip link set p1 nomaster"),
        ({"master": 99}, r"p1: it belongs to another interface, "),
        ({"addresses": frozenset({"10.0.0.1", "fe80::1"})},
         r"p1: it has the address 10\.0\.0\.1, .*: ip address flush dev p1"),
        ({"up": False, "admin_up": False}, r"p1: it is down: ip link set p1 up"),
        ({"up": False}, r"p1: no carrier: "),
        ({"mtu": 1000}, r"ports differ in their MTU, .* \(1000: p1; 1500: p0\)"),
        ({"loopback": True, "mtu": 65536}, r"p1: a loopback is no Ethernet interface"),
    ],
)  # fmt: skip
def test_what_is_odd_of_an_interface_is_noted(changes: dict[str, Any], note: str) -> None:
    (said,) = notes(**changes)
    assert re.search(note, said), said


def test_what_is_not_odd_is_not() -> None:
    assert notes() == []
    assert notes(addresses=frozenset({"fe80::1"})) == []
    shared = {"name": "p1", "isolate": False}
    assert notes(PORTS[0], shared, addresses=frozenset({"10.0.0.1"})) == []
    assert notes({"name": "p7"}) == ["[[port]] p7: no such interface in this network namespace"]
