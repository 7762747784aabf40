"""The host's own place: the pair made, found again, put right, taken away; on interfaces made of
nothing.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from ipaddress import ip_interface
from typing import Any

import pytest

from snoop.config import loader
from snoop.config.schema import Config
from snoop.links.rtnetlink import Facts
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, hosts
from snoop.runtime.hosts import Hosts
from unit.fake_fastpath import FakeLinks, link
from unit.fake_pairs import FakePairs

OWN = "10.0.0.254/24"
SW0 = {"interface": "sw0", "addresses": [OWN]}


class Place:
    """Hosts among two ports, p0 and p1, and what was done for them."""

    def __init__(self) -> None:
        self.links = FakeLinks({f"p{n}": link(f"p{n}", 10 + n) for n in range(2)})
        self.pairs = FakePairs(self.links)
        self.hosts = Hosts(self.pairs, self.links, "sw0")

    def become(self, *own: Any, **tables: Any) -> Config:
        config = configured(*own, **tables)
        self.hosts.become(config)
        return config

    def told(self) -> list[str]:
        """What was asked of the kernel since the last time."""
        told, self.pairs.told = self.pairs.told, []
        return told

    def index(self, name: str) -> int:
        found = self.links.by_name(name)
        assert found is not None
        return found.ifindex


def configured(*own: Any, **tables: Any) -> Config:
    ports = [{"name": "p0"}, {"name": "p1"}]
    return loader.check({"port": ports, "host": list(own), **tables}, where="t")


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock: assign its first element."""
    at = [1000 * SECOND]
    monkeypatch.setattr(clock, "now", lambda: Instant(at[0]))
    return at


def test_it_is_made_with_all_that_the_file_says(place: Place) -> None:
    place.become({**SW0, "mac": "02:00:00:00:00:fe", "mtu": 9000})
    own, end = place.links.by_name("sw0"), place.links.by_name("sw0-port")
    assert own is not None
    assert end is not None
    assert (own.up, end.up, own.mtu, end.mtu) == (True, True, 9000, 9000)
    assert own.mac.hex(":") == "02:00:00:00:00:fe"
    assert own.addresses == {"10.0.0.254"}
    assert end.alias
    assert not end.alias.startswith("snoop:"), "it does not say that it is a port: it is one"
    assert not place.hosts.problems


def test_its_mac_is_the_same_each_time_and_not_anothers(place: Place) -> None:
    def made(switch: str, name: str) -> bytes:
        one = Place()
        one.hosts = Hosts(one.pairs, one.links, switch)
        one.become({"interface": name})
        found = one.links.by_name(name)
        assert found is not None
        return found.mac

    macs = {made("sw0", "sw0"), made("sw0", "sw0"), made("sw1", "sw0"), made("sw0", "sw1")}
    assert len(macs) in (1, 3), "1: a machine without an id, where the kernel makes one up"
    assert all(not mac or mac[0] & 3 == 2 for mac in macs), "local, and a host's"


def test_a_long_name_has_a_port_of_a_name_that_fits() -> None:
    one, other = configured({"interface": "a-long-name-000"}, {"interface": "a-long-name-001"}).host
    assert len(one.device) == len(other.device) == 15
    assert one.device != other.device


def test_found_again_nothing_is_made_anew(place: Place) -> None:
    place.become(SW0)
    place.told()
    place.hosts = Hosts(place.pairs, place.links, "sw0")  # another process
    place.become(SW0)
    assert not [each for each in place.told() if "make" in each or "add" in each]


def test_its_mtu_is_that_of_the_smallest_port_and_follows_it(place: Place) -> None:
    place.links.links["p1"] = replace(place.links.links["p1"], mtu=1400)
    config = place.become(SW0)
    assert place.links.links["sw0"].mtu == place.links.links["sw0-port"].mtu == 1400
    place.links.links["p1"] = replace(place.links.links["p1"], mtu=9000)
    place.hosts.follow(config)
    assert place.links.links["sw0"].mtu == 1500
    place.pairs.set_mtu(place.index("sw0"), 1300)  # an operator's, until the ports say otherwise
    place.hosts.follow(config)
    assert place.links.links["sw0"].mtu == 1300


def test_what_is_lost_is_given_back_once_a_second(place: Place, now: list[int]) -> None:
    config = place.become(SW0)
    index = place.index("sw0")
    for _ in range(2):
        now[0] += 2 * SECOND
        place.pairs.lose(index, ip_interface(OWN))
        place.hosts.follow(config)
        assert place.pairs.addresses(index).keys() == {ip_interface(OWN)}
    now[0] += SECOND // 2
    place.pairs.lose(index, ip_interface(OWN))
    place.hosts.follow(config)
    assert not place.pairs.addresses(index)
    assert place.hosts.waits, "to be tried again"
    now[0] += SECOND
    place.hosts.follow(config)
    assert place.pairs.addresses(index)
    assert not place.hosts.waits


def test_what_an_operator_gives_it_stays_and_what_the_file_gave_goes(place: Place) -> None:
    place.become({**SW0, "addresses": [OWN, "2001:db8::fe/64"]})
    index = place.index("sw0")
    place.pairs.have(index, ip_interface("10.9.0.1/24"))
    place.hosts = Hosts(place.pairs, place.links, "sw0")  # also by another process
    place.become({**SW0, "addresses": ["10.0.0.253/24"]})
    kept = {ip_interface("10.9.0.1/24"), ip_interface("10.0.0.253/24")}
    assert place.pairs.addresses(index).keys() == kept


def test_it_hears_queries_from_an_address_of_its_own(place: Place) -> None:
    asking = {"querier": "on", "querier_address": "10.0.0.254"}
    place.become(SW0, igmp={**asking, "querier_address": "10.0.0.1"})
    assert not place.pairs.local
    place.become(SW0, igmp=asking)
    assert place.pairs.local == {place.index("sw0"): True}
    place.become(SW0, vlan=[{"vid": 10, "querier_address": "10.0.0.254"}])
    assert place.pairs.local == {place.index("sw0"): True}
    place.become(SW0)
    assert place.pairs.local == {place.index("sw0"): False}


def test_one_that_is_moved_into_another_namespace_stays_a_port(place: Place) -> None:
    config = place.become(SW0)
    index = place.index("sw0-port")
    place.pairs.facts[index] = replace(place.pairs.facts[index], link_nsid=3)
    del place.links.links["sw0"]
    place.told()
    place.hosts.follow(config)
    place.become(SW0)
    assert not place.hosts.problems
    assert not [each for each in place.told() if "make" in each]


@pytest.mark.parametrize("name", ["sw0", "sw0-port"])
def test_what_is_not_ours_is_in_the_way_and_is_not_touched(place: Place, name: str) -> None:
    place.links.links[name] = replace(link(name, 99), kind="bridge")
    place.pairs.facts[99] = Facts(99, name, kind="bridge")
    (obstacle,) = place.hosts.obstacles(configured(SW0).host)
    assert obstacle.startswith(f"[[host]] sw0: {name} is there (bridge) and is no pair of sw0 and")
    place.become(SW0)
    assert place.hosts.problems["sw0"] in obstacle
    assert not place.told()


def test_one_that_was_renamed_says_how_it_is_called_now(place: Place) -> None:
    config = place.become(SW0)
    index = place.index("sw0")
    place.links.links["other"] = replace(place.links.links.pop("sw0"), name="other")
    place.told()
    place.hosts.follow(config)
    said = "its interface is called other now: `ip link set other name sw0`"
    assert place.hosts.problems == {"sw0": said}
    place.links.links["sw0"] = replace(place.links.links.pop("other"), name="sw0")
    place.hosts.follow(config)
    assert not place.hosts.problems
    assert place.index("sw0") == index


def test_it_goes_with_its_table_if_we_made_it(place: Place) -> None:
    config = place.become(SW0, {"interface": "sw1"})
    place.pairs.set_alias(place.index("sw1-port"), "")  # as one made by hand
    place.hosts.part_with(config.host, ())
    assert place.links.links.keys() == {"p0", "p1", "sw1", "sw1-port"}


def test_what_the_kernel_refuses_is_said_once_and_tried_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.pairs.refusal = OSError(errno.EOPNOTSUPP, "Operation not supported")
    config = place.become(SW0)
    assert place.hosts.problems == {"sw0": "cannot be made: Operation not supported"}
    assert place.hosts.waits
    place.hosts.follow(config)
    assert (
        len(
            [r for r in caplog.records if r.name == hosts.__name__.replace("runtime.hosts", "host")]
        )
        == 1
    )


def test_without_ipv6_the_rest_of_it_is_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = place.pairs.add_address

    def refuse(ifindex: int, address: Any) -> None:
        if address.version == 6:
            raise OSError(errno.EACCES, "Permission denied")
        add(ifindex, address)

    monkeypatch.setattr(place.pairs, "add_address", refuse)
    place.become({**SW0, "addresses": ["2001:db8::fe/64", OWN]})
    assert "2001:db8::fe/64 cannot be added: IPv6 is switched off" in place.hosts.problems["sw0"]
    assert place.links.links["sw0"].addresses == {"10.0.0.254"}
