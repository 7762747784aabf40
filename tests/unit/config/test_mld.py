"""`[mld]` and what else a file says of IPv6: read, checked, shown, handed to the protocol."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from snoop.config import effective, loader, odd, resolve
from snoop.config.problems import ConfigError
from snoop.proto.filters import GroupFilter
from snoop.proto.params import FastLeave, MrouterMode, NullSource, Params, QuerierMode, TimerProfile
from snoop.proto.units import seconds
from snoop.wire.address import UNSPECIFIED6, Family, parse, parse_prefix

FILE = """
[switch]
always_flood = ["224.0.1.129", "ff0e::1", "ff05::/16"]
[mld]
querier = "auto"
querier_address = "fe80::254"
version = 1
query_interval = 4
last_listener_query_interval = 0.5
last_listener_query_count = 3
timer_profile = "rfc3810"
flood_link_local = true
[[vlan]]
vid = 10
querier = "on"
mld = { version = 2, max_groups = 7 }
[[port]]
name = "p0"
mrouter = "always"
deny_groups = ["239.1.0.0/16", "ff3e::/32"]
allow_groups = ["239.0.0.0/8"]
mld = { mrouter = "never", fast_leave = "on", deny_groups = ["ff0e::/16"] }
[[port]]
name = "p1"
deny_groups = ["ff3e::/32"]
[[static]]
group = "ff3e::1"
source = "2001:db8::1"
ports = ["p0", "p1"]
[[group]]
group = "ff0e::/16"
name = "everywhere"
"""


def params(text: str) -> Params:
    loaded = loader.check(tomllib.loads(text), where="t")
    return resolve.params(loaded, port_id=["p0", "p1"].index, switch_mac=resolve.NO_MAC)


def test_what_is_said_of_ipv6_reaches_the_protocol() -> None:
    of = params(FILE).mld
    assert of is not None
    assert (of.family, of.enabled, of.querier) == (Family.IPV6, True, QuerierMode.AUTO)
    assert (of.querier_address, of.version) == (parse("fe80::254"), 1)
    assert (of.query_interval, of.query_response_interval) == (seconds(4), seconds(4))
    assert (of.last_member_query_interval, of.timings.lmqc) == (seconds(0.5), 3)
    assert of.timer_profile is TimerProfile.RFC3376
    assert of.mrouter_on_null_source is NullSource.NO, "MLD-2"
    own = dict(of.vlans)[10]
    assert (own.version, own.max_groups, own.querier) == (2, 7, QuerierMode.AUTO)
    assert dict(params(FILE).vlans)[10].querier is QuerierMode.ON


def test_left_out_it_is_as_the_rfc_has_it() -> None:
    of = params("").mld
    assert of is not None
    assert (of.enabled, of.querier, of.version) == (True, QuerierMode.OFF, 2)
    assert of.querier_address == UNSPECIFIED6
    assert (of.timings.gmi, of.timings.lmqt) == (seconds(270), seconds(2)), "TM-4, TM-10"
    assert parse_prefix("ff3e::/32") in of.ssm_ranges, "SM-46"
    assert parse_prefix("ff32::/32") in of.ssm_ranges


def test_a_port_differs_for_ipv6_where_it_says_so() -> None:
    config = loader.check(tomllib.loads(FILE), where="t")
    first, second = (resolve.port_params(config.switch, port) for port in config.port)
    assert first.of(Family.IPV4).mrouter is MrouterMode.ALWAYS
    assert first.of(Family.IPV6).mrouter is MrouterMode.NEVER
    assert (first.fast_leave, first.of(Family.IPV6).fast_leave) == (FastLeave.OFF, FastLeave.ON)
    assert second.of(Family.IPV6) is second
    assert first.deny_groups == (parse_prefix("239.1.0.0/16"), parse_prefix("ff0e::/16"))


def test_an_allow_list_of_one_family_leaves_the_other_alone() -> None:
    config = loader.check(tomllib.loads(FILE), where="t")
    lists = resolve.port_params(config.switch, config.port[0])
    ipv4, ipv6 = (
        GroupFilter(family, lists.deny_groups, lists.allow_groups).permits for family in Family
    )
    assert ipv4(parse("239.2.0.1"))
    assert ipv6(parse("ff05::1"))
    assert ipv6(parse("ff3e::1")), "the list of mld stands in for the port's"
    assert not ipv4(parse("238.0.0.1"))
    assert not ipv4(parse("239.1.0.1"))
    assert not ipv6(parse("ff0e::1"))


def test_groups_that_always_flood_and_static_ones() -> None:
    config = loader.check(tomllib.loads(FILE), where="t")
    assert resolve.always_flood(config) == [
        parse_prefix(each) for each in ("224.0.1.129", "ff0e::1", "ff05::/16", "ff02::/16")
    ]
    assert resolve.statics(config, port_id=["p0", "p1"].index) == {
        (0, parse("ff3e::1"), parse("2001:db8::1"), port) for port in (0, 1)
    }


def test_it_is_shown_as_it_holds(tmp_path: Path) -> None:
    shown = effective.whole(loader.check(tomllib.loads(FILE), where="t"))
    assert shown["switch"]["always_flood"] == ["224.0.1.129", "ff0e::1", "ff05::/16"]
    assert shown["mld"]["querier_address"] == "fe80::254"
    assert shown["mld"]["startup_query_interval"] == 1.0
    assert shown["vlan"][0]["mld"]["max_groups"] == 7
    assert shown["vlan"][0]["mld"]["last_listener_query_count"] == 3
    assert shown["port"][0]["mld"]["deny_groups"] == ["ff0e::/16"]
    assert shown["port"][0]["mld"]["explicit_tracking"] is True
    assert shown["port"][1]["mld"]["deny_groups"] == ["ff3e::/32"]
    assert shown["static"][0]["source"] == "2001:db8::1"
    assert effective.whole(loader.check(shown, where="t")) == shown
    file = tmp_path / "x.toml"
    file.write_text(FILE)
    assert loader.load(str(file)).origins["mld.querier"] == "file"
    given = loader.load(None, ports=["p0,mld.mrouter=never,mld.deny_groups=ff0e::1"]).config
    assert given.port[0].mld.mrouter is MrouterMode.NEVER
    assert [str(one) for one in given.port[0].mld.deny_groups or ()] == ["ff0e::1"]


P0 = [{"name": "p0"}]
QUERIER = {"querier": "on", "querier_address": "10.0.0.1"}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"mld": {"version": 3}}, "t: [mld] version = 3 is not allowed: a whole number from 1 to"),
        ({"mld": {"querier_address": "2001:db8::1"}}, 't: [mld] querier_address = "2001:db8::1" is '
         "not allowed: a link-local IPv6 address such as fe80::254"),
        ({"mld": {"querier_address": "fe80::1%eth0"}}, "is not allowed: a link-local IPv6 address"),
        ({"mld": {"querier_address": "10.0.0.1"}}, "is not allowed: a link-local IPv6 address"),
        ({"igmp": {"querier_address": "fe80::1"}}, "is not allowed: a unicast IPv4 address"),
        ({"mld": {"last_member_query_interval": 1}}, "t: [mld] unknown key "
         '"last_member_query_interval" (did you mean "last_listener_query_interval"?)'),
        ({"mld": {"query_interval": 5, "query_response_interval": 6}},
         "t: [mld] query_response_interval = 6 is not allowed: at most query_interval, 5"),
        ({"mld": {"ssm_ranges": ["232.0.0.0/8"]}},
         't: [mld] ssm_ranges = "232.0.0.0/8" is not allowed: IPv6 groups'),
        ({"igmp": {"ssm_ranges": ["ff3e::/32"]}},
         't: [igmp] ssm_ranges = "ff3e::/32" is not allowed: IPv4 groups'),
        ({"vlan": [{"vid": 7, "mld": {"mrd": True}}]}, 't: [[vlan]] 7: mld: unknown key "mrd"'),
        ({"vlan": [{"vid": 7, "mld": 1}]}, "t: [[vlan]] 7: mld: is 1: allowed is a table"),
        ({"vlan": [{"vid": 7, "mld": {"query_interval": 5, "query_response_interval": 6}}]},
         "t: [[vlan]] 7: mld: query_response_interval = 6 is not allowed: at most query_int"),
        ({"port": [{"name": "p0", "mld": {"deny_groups": ["239.1.1.1"]}}]},
         't: [[port]] p0: mld: deny_groups = "239.1.1.1" is not allowed: IPv6 groups'),
        ({"port": [{"name": "p0", "mld": {"mrouter": "no"}}]},
         't: [[port]] p0: mld: mrouter = "no" is not allowed: "auto", "always", "never"'),
        ({"port": P0, "static": [{"group": "ff0e::1", "source": "10.0.0.9", "ports": ["p0"]}]},
         't: [[static]] ff0e::1: source = "10.0.0.9" is not allowed: an address of the group\'s '
         "family, IPv6"),
        ({"port": P0, "static": [{"group": "::ffff:239.1.1.1", "ports": ["p0"]}]},
         "is not allowed: a multicast group such as 239.1.1.1 or ff0e::1"),
        ({"mld": {"max_groups": 1}, "port": P0, "static": [
            {"group": "ff0e::1", "ports": ["p0"]}, {"group": "ff0e::2", "ports": ["p0"]},
            {"group": "239.1.1.1", "ports": ["p0"]}]},
         "allowed are as many as [mld] max_groups"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(raw: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loader.check(raw, where="t")
    assert line in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        ({"switch": {"no_querier": "prune"}, "igmp": QUERIER},
         '[mld] querier = "off" while that of [igmp] is "on", and [switch] no_querier = "prune"'),
        ({"mld": {"enabled": False, "querier": "on"}}, "[mld] enabled = false: every IPv6 group"),
        ({"mld": {"version": 1, "ignore_v1": True}}, "[mld] version = 1 and ignore_v1 = true"),
        ({"mld": {"last_listener_query_interval": 200.0}}, "[mld] last_listener_query_interval"),
        ({"switch": {"always_flood": ["ff02::fb"]}}, "always_flood names ff02::fb: it is flooded"),
        ({"switch": {"always_flood": ["ff02::1:ff00:1"]}}, "all of ff02::1:ff00:0/104 is flooded"),
        ({"port": P0, "static": [{"group": "ff02::1", "ports": ["p0"]}]}, "goes to every port"),
        ({"port": P0, "static": [{"group": "ff01::5", "ports": ["p0"]}]}, "never leaves its host"),
        ({"port": P0, "static": [{"group": "ff3e::5", "ports": ["p0"]}]}, "is in ssm_ranges"),
        ({"port": [{"name": "p0", "deny_groups": ["ff00::/8"]}]}, "deny_groups is all of ff00::/8"),
    ],
)  # fmt: skip
def test_what_is_seldom_meant_is_noted(raw: dict[str, Any], note: str) -> None:
    """SAY-10."""
    found = odd.notes(loader.check(raw, where="t"))
    assert len(found) == 1, found
    assert note in found[0]


@pytest.mark.parametrize(
    "raw",
    [
        {"mld": {"querier": "on"}},
        {"igmp": QUERIER, "port": P0},
        {"port": [{"name": "p0", "deny_groups": ["ff3e::/32", "239.0.0.0/8"]}]},
        {"port": P0, "static": [{"group": "ff3e::1", "source": "2001:db8::1", "ports": ["p0"]}]},
        {"switch": {"always_flood": ["ff0e::101", "ff05::/16"]}},
    ],
)
def test_what_is_usual_is_not(raw: dict[str, Any]) -> None:
    assert odd.notes(loader.check(raw, where="t")) == []
