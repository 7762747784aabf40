"""The configuration is checked whole, and what is wrong is one line that helps."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from snoop.config import effective, loader, reading, resolve
from snoop.config.problems import ConfigError
from snoop.proto.params import FastLeave, MrouterMode, QuerierMode, Unregistered
from snoop.proto.units import seconds
from snoop.wire import address

CONTRACT = """
[switch]
name = "sw0"
unregistered = "flood"
no_querier = "flood"
report_flood = false
specific_query_scope = "all"
always_flood = ["224.0.1.129"]
fdb_ageing = 300.0
fdb_max = 8192
coalesce = "auto"
qdisc_bypass = true
spin_us = 50

[igmp]
enabled = true
querier = "off"
querier_address = "10.0.0.254"
version = 3
robustness = 2
query_interval = 125.0
query_response_interval = 10.0
last_member_query_interval = 1.0
startup_query_interval = 31.25
timer_profile = "rfc9776"
ttl_check = false
require_router_alert = false
mrouter_on_null_source = "fallback"
max_groups = 4096
max_sources = 64

[[port]]
name = "p0"
mrouter = "auto"
fast_leave = "off"
explicit_tracking = true
flood_unregistered = true
max_groups = 0
deny_groups = ["239.255.0.0/16"]

[[port]]
name = "p1"

[[port]]
name = "p2"

[[static]]
group = "239.1.1.1"
source = "10.0.0.9"
ports = ["p1", "p2"]
"""


def ids(name: str) -> int:
    return {"p0": 0, "p1": 1, "p2": 2}[name]


def test_the_file_of_the_interface_is_accepted_and_shown_as_written(tmp_path: Path) -> None:
    """INTERFACE.md 4: every key of the contract, with its value."""
    file = tmp_path / "sw.toml"
    file.write_text(CONTRACT)
    shown = effective.whole(loader.load(str(file)).config)
    written = tomllib.loads(CONTRACT)
    for table in ("switch", "igmp"):
        expected = {**written[table]}
        assert {key: shown[table][key] for key in expected if key != "always_flood"} == {
            key: value for key, value in expected.items() if key != "always_flood"
        }
    assert shown["switch"]["always_flood"] == ["224.0.1.129"]
    assert [port["name"] for port in shown["port"]] == ["p0", "p1", "p2"]
    assert shown["static"][0]["source"] == "10.0.0.9"


def test_defaults_are_those_of_the_interface() -> None:
    """INTERFACE.md 4: what the file shows is what an empty file means."""
    written = tomllib.loads(CONTRACT)
    written["igmp"]["querier_address"] = "0.0.0.0"
    shown = effective.whole(loader.check({}, where="t"))
    for table in ("switch", "igmp"):
        for key, value in written[table].items():
            assert shown[table][key] == value, key


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"igmp": {"robustness": 9}}, "t: [igmp] robustness = 9 is not allowed: "
         "a whole number from 1 to 7"),
        ({"igmp": {"robustness": 2.5}}, "t: [igmp] robustness = 2.5 is not allowed: "
         "a whole number from 1 to 7"),
        ({"igmp": {"robustness": True}}, "t: [igmp] robustness = true is not allowed: "
         "a whole number from 1 to 7"),
        ({"igmp": {"querier": "yes"}}, 't: [igmp] querier = "yes" is not allowed: '
         '"off", "on", "auto"'),
        ({"igmp": {"querrier": "on"}}, 't: [igmp] unknown key "querrier" '
         '(did you mean "querier"?)'),
        ({"igmp": {"query_interval": 0}}, "t: [igmp] query_interval = 0 is not allowed: "
         "a number from 0.1 to 31744"),
        ({"igmp": {"query_interval": float("nan")}}, "t: [igmp] query_interval = nan is not "
         "allowed: a number from 0.1 to 31744"),
        ({"igmp": {"querier_address": "10.0.0"}}, 't: [igmp] querier_address = "10.0.0" is not '
         "allowed: a unicast IPv4 address such as 10.0.0.254, or 0.0.0.0"),
        ({"igmp": {"querier_address": "127.0.0.1"}}, 't: [igmp] querier_address = "127.0.0.1" is '
         "not allowed: a unicast IPv4 address such as 10.0.0.254, or 0.0.0.0"),
        ({"igmp": {"query_interval": 5, "query_response_interval": 6}},
         "t: [igmp] query_response_interval = 6 is not allowed: at most query_interval, 5"),
        ({"switch": {"unregistered": "discard"}}, 't: [switch] unregistered = "discard" is not '
         'allowed: "flood", "mrouters", "drop"'),
        ({"switch": {"ttl_check": True}}, 't: [switch] unknown key "ttl_check"'),
        ({"switch": {"report_flood": ["p9"]}, "port": [{"name": "p0"}]},
         't: [switch] report_flood = "p9" is not allowed: a port of this switch'),
        ({"switch": {"always_flood": ["10.0.0.1"]}}, "t: [switch] always_flood = "),
        ({"switch": {"name": "../x"}}, 't: [switch] name = "../x" is not allowed: '
         "a name of letters, digits, '.', '-' and '_'"),
        ({"swich": {}}, 't: unknown table [swich] (did you mean "switch"?)'),
        ({"switch": 1}, "t: [switch] is 1: allowed is a table"),
        ({"port": {"name": "p0"}}, "t: [[port]]: write it with double brackets"),
        ({"port": [{}]}, 't: [[port]] 1: the key "name" is missing'),
        ({"port": [{"name": "p0"}, {"name": "p0"}]}, 't: [[port]] name = "p0" is given twice'),
        ({"port": [{"name": "p 0"}]}, "is not allowed: an interface name"),
        ({"port": [{"name": "p0", "mrouter": "yes"}]}, 't: [[port]] p0: mrouter = "yes" is not '
         'allowed: "auto", "always", "never"'),
        ({"port": [{"name": "p0", "fast_leave": "tracked", "explicit_tracking": False}]},
         't: [[port]] p0: fast_leave = "tracked" is not allowed'),
        ({"port": [{"name": "p0", "deny_groups": ["10.0.0.0/8"]}]}, "t: [[port]] p0: deny_groups"),
        ({"static": [{"group": "239.1.1.1", "ports": ["p0"]}]},
         't: [[static]] 239.1.1.1: ports = "p0" is not allowed: a port of this switch'),
        ({"static": [{"group": "10.1.1.1", "ports": ["p0"]}]}, "is not allowed: a multicast group"),
        ({"metrics": {"listen": "everywhere"}}, "is not allowed: ADDRESS:PORT"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_allowed(raw: dict[str, Any], line: str) -> None:
    """INTERFACE.md 4: an error names the key, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        loader.check(raw, where="t")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_toml_says_where(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[switch\n")
    with pytest.raises(ConfigError, match=r"x\.toml is not valid TOML: .*line 1"):
        loader.load(str(file))
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        loader.load(str(tmp_path / "none.toml"))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        loader.load(str(file))


ODD = {
    "nested": ("a = " + "[" * 5000, "nested too deeply"),
    "digits": ("[switch]\nworkers = " + "9" * 5000, "is not valid TOML"),
    "hex": ("[switch]\nworkers = 0x" + "f" * 5000, "workers = what has more digits than"),
    "no number": ("[switch]\nfdb_ageing = nan", "fdb_ageing = nan is not allowed"),
    "cut": ("\0", "is not valid TOML"),
}


@pytest.mark.parametrize(("text", "said"), ODD.values(), ids=ODD)
def test_a_file_of_any_bytes_is_a_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        loader.load(str(file))
    assert all(len(line) < 500 and "\n" not in line for line in caught.value.problems)


def test_a_file_of_another_system_is_one_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b'\xef\xbb\xbf[switch]\r\nname = "sw1"\r\n\r\nnone = 1\r\n')
    with pytest.raises(ConfigError, match=r"x\.toml:4: \[switch\] unknown key"):
        loader.load(str(file))


def test_what_never_ends_or_never_comes_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload of it would keep a switch from all else; what a pipe brings is as good as a file."""
    with pytest.raises(ConfigError, match="more than 16 MiB"):
        loader.load("/dev/zero")
    monkeypatch.setattr(reading, "PATIENCE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="nothing comes"):
        loader.load(str(tmp_path / "pipe"))
    end, start = os.pipe()
    os.write(start, b'[switch]\nname = "sw1"\n')
    os.close(start)
    assert loader.load(f"/dev/fd/{end}").config.switch.name == "sw1"
    os.close(end)


def test_port_argument_takes_the_options_of_the_port_table() -> None:
    """INTERFACE.md 2: --port IF[,option=value…] with the names of [[port]]."""
    loaded = loader.load(
        None,
        ports=["p0", "p1,mrouter=always,fast_leave=on,explicit_tracking=false,max_groups=7,"
               "deny_groups=239.1.0.0/16,deny_groups=239.2.0.0/16"],
    ).config  # fmt: skip
    params = resolve.port_params(loaded.switch, loaded.port[1])
    assert params.mrouter is MrouterMode.ALWAYS
    assert params.fast_leave is FastLeave.ON
    assert params.explicit_tracking is False
    assert params.max_groups == 7
    assert params.deny_groups == (
        address.parse_prefix("239.1.0.0/16"),
        address.parse_prefix("239.2.0.0/16"),
    )
    assert loaded.port[0].name == "p0"


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        (",mrouter=never", "allowed is IF"),
        ("p0,mrouter", '"mrouter" is not option=value'),
        ("p0,mruter=never", 'unknown option "mruter" (did you mean "mrouter"?)'),
        ("p0,mrouter=maybe", 'mrouter = "maybe" is not allowed: "auto", "always", "never"'),
        ("p0,max_groups=many", 'max_groups = "many" is not allowed: a whole number'),
    ],
)
def test_a_bad_port_argument_is_named(argument: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loader.load(None, ports=[argument])
    assert line in str(caught.value)


def test_port_argument_wins_over_the_file_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "sw.toml"
    file.write_text('[[port]]\nname = "p0"\nmrouter = "never"\nmax_groups = 3\n')
    loaded = loader.load(str(file), ports=["p0,mrouter=always", "p1"]).config
    assert [port.name for port in loaded.port] == ["p0", "p1"]
    assert loaded.port[0].mrouter.value == "always"
    assert loaded.port[0].max_groups == 3


def test_a_short_query_interval_pulls_the_response_interval_with_it() -> None:
    """TM-2: a response interval nobody gave never exceeds the query interval."""
    loaded = loader.check({"igmp": {"query_interval": 1}}, where="t")
    assert loaded.igmp.query_response_interval == 1.0
    assert effective.whole(loaded)["igmp"]["startup_query_interval"] == 0.25


def test_resolving_keeps_every_value() -> None:
    raw = tomllib.loads(CONTRACT)
    raw["switch"].update(report_flood=["p1", "p2"], unregistered="mrouters")
    raw["igmp"].update(querier="auto", last_member_query_interval=0.5)
    loaded = loader.check(raw, where="t")
    params = resolve.params(loaded, port_id=ids, switch_mac=b"\x02\0\0\0\0\x09")
    assert params.report_flood == 0b110
    assert params.unregistered is Unregistered.MROUTERS
    assert params.querier is QuerierMode.AUTO
    assert params.querier_address == address.parse("10.0.0.254")
    assert params.last_member_query_interval == seconds(0.5)
    assert params.switch_mac == b"\x02\0\0\0\0\x09"
    assert resolve.statics(loaded, port_id=ids) == {
        (0, address.parse("239.1.1.1"), address.parse("10.0.0.9"), 1),
        (0, address.parse("239.1.1.1"), address.parse("10.0.0.9"), 2),
    }


def test_shown_configuration_is_a_configuration() -> None:
    """What `show config` prints can be run again."""
    shown = effective.whole(loader.check(tomllib.loads(CONTRACT), where="t"))
    for static in shown["static"]:
        del static["vlan"]
    again = loader.check(shown, where="t")
    assert effective.whole(again)["igmp"] == shown["igmp"]
    assert effective.whole(again)["port"] == shown["port"]
