"""A wrong key hides no other mistake, and nothing that only follows from it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snoop.config import loader
from snoop.config.problems import ConfigError

MIXED = """\
[igmp]
version = 4
ssm_ranges = ["ff3e::/32"]
[mld]
query_interval = 5
query_response_interval = 6
max_groups = 1

[[vlan]]
vid = 5000
query_interval = 5
query_response_interval = 6
[vlan.mld]
querier = "yes"

[[vlan]]
vid = 7
[[vlan]]
vid = 7
robustness = 0
[vlan.mld]
query_interval = 8
query_response_interval = 9

[[port]]
name = "p0"
mrouter = "yes"
[port.mld]
mruter = "never"
deny_groups = ["239.1.1.1"]
[[port]]
name = "p0"
mld.fast_leave = "of"
mld.allow_groups = ["239.1.1.1"]
[[port]]
name = "p1"
fast_leave = "tracked"
mld = { explicit_tracking = false }

[[static]]
group = "10.1.1.1"
ports = ["p8"]
[[static]]
group = "ff0e::1"
source = "10.0.0.1"
ports = []

[[group]]
group = "ff0e::1"
name = ""
[[group]]
group = "ff0e::1"
name = "two"

[metrics]
listen = ":70000"
"""


def said_of(path: Path, text: str, **given: Any) -> list[str]:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        loader.load(str(path), **given)
    return [line.replace(str(path), "f") for line in caught.value.problems]


def test_what_is_wrong_of_keys_and_between_tables_is_said_at_once(tmp_path: Path) -> None:
    """SAY-10."""
    words = "is not allowed: "
    assert said_of(tmp_path / "x.toml", MIXED) == [
        f"f:2: [igmp] version = 4 {words}a whole number from 1 to 3",
        f"f:10: [[vlan]] 5000: vid = 5000 {words}a whole number from 0 to 4094",
        f'f:14: [[vlan]] 5000: mld: querier = "yes" {words}"off", "on", "auto"',
        f"f:20: [[vlan]] 7: robustness = 0 {words}a whole number from 1 to 7",
        f'f:27: [[port]] p0: mrouter = "yes" {words}"auto", "always", "never"',
        'f:29: [[port]] p0: mld: unknown key "mruter" (did you mean "mrouter"?)',
        f'f:33: [[port]] p0: mld: fast_leave = "of" {words}"off", "on", "tracked"',
        f'f:41: [[static]] 10.1.1.1: group = "10.1.1.1" {words}a multicast group such as 239.1.1.1 '
        "or ff0e::1, or the MAC address of a group that is not of IP such as 01:00:00:01:02:03",
        f"f:46: [[static]] ff0e::1: ports = [] {words}a list, each the name of a port",
        f'f:50: [[group]] ff0e::1: name = "" {words}a text of 1 to 64 characters on one line, '
        "without spaces around it",
        f"f:6: [mld] query_response_interval = 6 {words}at most query_interval, 5",
        f'f:3: [igmp] ssm_ranges = "ff3e::/32" {words}IPv4 groups',
        f'f:30: [[port]] p0: mld: deny_groups = "239.1.1.1" {words}IPv6 groups',
        f'f:34: [[port]] p0: mld: allow_groups = "239.1.1.1" {words}IPv6 groups',
        f'f:45: [[static]] ff0e::1: source = "10.0.0.1" {words}an address of the group\'s family, '
        "IPv6",
        "f:19: [[vlan]] vid = 7 is given twice: allowed is once",
        f"f:12: [[vlan]] 5000: query_response_interval = 6 {words}at most query_interval, 5",
        f"f:23: [[vlan]] 7: mld: query_response_interval = 9 {words}at most query_interval, 8",
        'f:52: [[group]] group = "ff0e::1" is given twice: allowed is once',
        'f:32: [[port]] name = "p0" is given twice: allowed is once',
        f'f:38: [[port]] p1: fast_leave = "tracked" {words}needs explicit_tracking = true',
        f'f:42: [[static]] 10.1.1.1: ports = "p8" {words}a port of this switch (known: p0, p1)',
        f'f:56: [metrics] listen = ":70000" {words}a port is 0 to 65535',
    ]


P0 = [{"name": "p0"}]
OF_P1 = [{"group": "239.1.1.1", "ports": ["p1"]}]
TWO = [{"group": group, "vlan": 7, "ports": ["p0"]} for group in ("239.1.1.1", "239.1.1.2")]
TWO6 = [{"group": group, "vlan": 7, "ports": ["p0"]} for group in ("ff0e::1", "ff0e::2")]


@pytest.mark.parametrize(
    "raw",
    [
        {"igmp": {"query_interval": 0}},
        {"mld": {"query_interval": -1}},
        {"igmp": {"query_intervall": 300, "query_response_interval": 200}},
        {"mld": {"query_interval": "x", "query_response_interval": 200}},
        {"igmp": {"query_interval": "x"}, "vlan": [{"vid": 7, "query_response_interval": 200}]},
        {"imgp": {"query_interval": 300}, "vlan": [{"vid": 7, "query_response_interval": 200}]},
        {"vlan": [{"vid": 7, "mld": {"query_interval": 0, "query_response_interval": 200}}]},
        {"vlan": [{"vid": 7, "mdl": {"max_groups": 2}}], "mld": {"max_groups": 1},
         "port": P0, "static": TWO6},
        {"igmp": {"max_groups": 1}, "vlan": [{"vid": 7, "max_groups": 0}], "port": P0,
         "static": TWO},
        {"igmp": {"max_groups": 1}, "vlan": [{"vd": 7}], "port": P0, "static": TWO},
        {"igmp": {"max_groups": 1}, "vlan": 7, "port": P0, "static": TWO},
        {"mld": {"max_groups": 1}, "port": P0,
         "static": [{"group": "ff0e::1", "ports": ["p0"]},
                    {"group": "ff0e::2", "vlan": "7", "ports": ["p0"]}]},
        {"port": [{"name": "p 1"}], "static": OF_P1},
        {"port": [*P0, "p1"], "static": OF_P1},
        {"port": {"name": "p1"}, "static": OF_P1},
        {"prot": [{"name": "p1"}], "static": OF_P1},
        {"port": [{"name": "p0", "explicit_tracking": False,
                   "mld": {"fast_leave": "tracked", "explicit_tracking": "yes"}}]},
        {"port": P0, "static": [{"group": 1, "source": "2001:db8::1", "ports": ["p0"]}]},
    ],
)  # fmt: skip
def test_what_only_follows_from_a_mistake_is_not_said(raw: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        loader.check(raw, where="t")
    assert len([line for line in caught.value.problems if "is missing" not in line]) == 1, (
        caught.value.problems
    )


LISTS = """\
[switch]
vlan_filtering = true
report_flood = ["p9", true, "p0"]
always_flood = ["239.1.1.1/24", "239.2.2.2", "p0"]
[[port]]
name = "p0"
trunk = [0, "9-3", 10, "20..29"]
deny_groups = ["10.0.0.1", "x", "x", "239.1.1.1", "01:00:5e:01:02:03"]
[port.mld]
allow_groups = [6, "239.1.1.1", "ff0e::1"]
[[static]]
group = "239.1.1.1"
vlan = 10
ports = [1, "p9", "p0"]
"""


def test_each_wrong_element_of_a_list_is_said(tmp_path: Path) -> None:
    """SAY-10: those that are none, and those of the right ones that do not fit."""
    no = "is not allowed:"
    prefix = "a prefix of multicast groups such as 239.255.0.0/16 or ff3e::/32"
    vlan = 'a VLAN from 1 to 4094, or a range such as "20-29"'
    port = "a port of this switch (known: p0)"
    assert said_of(tmp_path / "x.toml", LISTS) == [
        f"f:3: [switch] report_flood = true {no} the name of a port",
        f'f:4: [switch] always_flood = "239.1.1.1/24" {no} {prefix} (did you mean "239.1.1.0/24"?)',
        f'f:4: [switch] always_flood = "p0" {no} {prefix}',
        f"f:7: [[port]] p0: trunk = 0 {no} {vlan}",
        f'f:7: [[port]] p0: trunk = "20..29" {no} {vlan} (did you mean "20-29"?)',
        f'f:8: [[port]] p0: deny_groups = "10.0.0.1" {no} {prefix}',
        f'f:8: [[port]] p0: deny_groups = "x" {no} {prefix}',
        f'f:8: [[port]] p0: deny_groups = "01:00:5e:01:02:03" {no} {prefix} (did you mean '
        '"224.1.2.3", or another of its 32 groups?)',
        f"f:10: [[port]] p0: mld: allow_groups = 6 {no} {prefix}",
        f"f:14: [[static]] 239.1.1.1: ports = 1 {no} the name of a port",
        f'f:10: [[port]] p0: mld: allow_groups = "239.1.1.1" {no} IPv6 groups',
        f'f:7: [[port]] p0: trunk = "9-3" {no} a range from the lower VLAN to the higher (did you '
        'mean "3-9"?)',
        f'f:3: [switch] report_flood = "p9" {no} {port}',
        f'f:14: [[static]] 239.1.1.1: ports = "p9" {no} {port}',
    ]


def test_of_a_list_that_is_half_wrong_nothing_is_said_that_is_not_in_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        loader.check({"port": [{"name": "p0", "trunk": [10, 0]}]}, where="t")
    assert [line.split(" is not")[0] for line in caught.value.problems] == [
        "t: [[port]] p0: trunk = 0"
    ]


def test_intervals_of_one_family_are_held_together_whatever_the_other_says() -> None:
    with pytest.raises(ConfigError) as caught:
        loader.check(
            {
                "igmp": {"query_interval": "x"},
                "mld": {"query_interval": 5, "query_response_interval": 6},
                "vlan": [{"vid": 7, "query_interval": 3, "query_response_interval": 4}],
            },
            where="t",
        )
    assert [line.split(" =")[0] for line in caught.value.problems] == [
        "t: [igmp] query_interval",
        "t: [mld] query_response_interval",
        "t: [[vlan]] 7: query_response_interval",
    ]


def test_a_port_of_a_wrong_argument_may_be_the_one_that_is_named(tmp_path: Path) -> None:
    file = '[[static]]\ngroup = "239.1.1.1"\nports = ["p1"]\n'
    said = said_of(tmp_path / "x.toml", file, ports=["p1,mruter=never"])
    assert [line.split(": ")[0] for line in said] == ["--port p1,mruter=never"]
    said = said_of(tmp_path / "x.toml", file, ports=["p1,mld.mrouter=no"])
    assert [line.split(": ")[0] for line in said] == ["command line"]
