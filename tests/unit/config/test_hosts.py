"""`[[host]]` in a file: what it takes, what it does not, and what of it is seldom meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from snoop.config import loader, odd_ports
from snoop.config.odd import notes
from snoop.config.problems import ConfigError
from snoop.config.schema_port import HostTable
from unit.fake_fastpath import link

WRONG = """\
[[host]]
interface = "a-name-that-is-long"
addresses = ["10.0.0.254", "10.0.0.0/24", "239.1.1.1/24"]
[[host]]
interface = "p0"
addresses = ["10.0.0.1/24", "10.0.0.1/16", "2001:db8::1/64"]
mtu = 1000
[[host]]
interface = "sw0"
name = "sw0"
mac = "01:00:00:00:00:01"
access = 10
[[host]]
interface = "sw1"
mac = "02:00:00:00:00:0a"
[[host]]
interface = "sw1"
mac = "02:00:00:00:00:0A"
[[port]]
name = "p0"
[[port]]
name = "sw0-port"
"""


def test_all_that_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(WRONG)
    with pytest.raises(ConfigError) as caught:
        loader.load(str(path))
    said = [line.removeprefix(f"{path}:") for line in caught.value.problems]
    takes = (
        "is not allowed: a unicast address with the length of its network, such as 10.0.0.254/24 "
        "or 2001:db8::fe/64"
    )
    long = "[[host]] a-name-that-is-long:"
    assert said == [
        f'2: {long} interface = "a-name-that-is-long" is not allowed: an interface name of 1 to 15 '
        "letters, digits, '.', '-' and '_'",
        f'3: {long} addresses = "10.0.0.254" {takes} (did you mean "10.0.0.254/24"?)',
        f'3: {long} addresses = "10.0.0.0/24" {takes}',
        f'3: {long} addresses = "239.1.1.1/24" {takes}',
        '10: [[host]] sw0: unknown key "name" (did you mean "interface"?)',
        '11: [[host]] sw0: mac = "01:00:00:00:00:01" is not allowed: the MAC address of a host, '
        'such as "02:00:00:00:00:fe"',
        "5: [[host]] p0: it is [[port]] p0, too: allowed is once",
        "6: [[host]] p0: addresses = 10.0.0.1/16 is given twice: allowed is once",
        "7: [[host]] p0: mtu = 1000 is not allowed with an IPv6 address: from 1280 on",
        "9: [[host]] sw0: its port would be sw0-port, [[port]] sw0-port, too: allowed is once",
        "17: [[host]] sw1: it is [[host]] sw1, too: allowed is once",
        "18: [[host]] sw1: mac = 02:00:00:00:00:0A is that of [[host]] sw1, too: allowed is once",
        "12: [[host]] sw0: access = 10 is not allowed: only with [switch] vlan_filtering = true",
    ]


def test_it_is_a_port_wherever_one_is_named() -> None:
    raw = {
        "switch": {"vlan_filtering": True, "report_flood": ["sw0"]},
        "host": [{"interface": "sw0", "trunk": [10], "native": 20, "description": "this host"}],
        "port": [{"match": "*"}],
        "static": [{"group": "239.1.1.1", "ports": ["sw0"]}],
    }
    config = loader.check(raw, where="t")
    (own,) = config.named
    assert isinstance(own, HostTable)
    assert (own.name, own.device, own.native) == ("sw0", "sw0-port", 20)


def test_what_is_there_by_its_name_is_noted_before_the_start() -> None:
    config = loader.check({"host": [{"interface": "sw0"}]}, where="t")
    pair = [replace(link(name, at), kind="veth") for at, name in enumerate(("sw0", "sw0-port"), 5)]
    assert not list(odd_ports.interfaces(config, pair))
    (note,) = odd_ports.interfaces(config, [replace(pair[0], kind="bridge")])
    assert note.startswith("[[host]] sw0: sw0 is there and is no pair of the switch")


def test_a_querier_without_an_address_may_have_the_hosts() -> None:
    """What `mcast_query_use_ifaddr` does by itself is for the operator to say."""
    raw = {
        "igmp": {"querier": "on"},
        "host": [{"interface": "sw0", "addresses": ["10.0.0.254/24"]}],
    }
    config = loader.check(raw, where="t")
    assert config.igmp.querier_address.address.is_unspecified
    assert any(
        note.endswith("give it one, such as 10.0.0.254, the host's own") for note in notes(config)
    )
