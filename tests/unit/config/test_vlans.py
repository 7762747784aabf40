"""`access`, `trunk` and `native`: what is refused, what is noted, what they come to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from snoop.config import effective, loader, odd, resolve
from snoop.config.problems import ConfigError
from snoop.proto.vlans import PortVlans, ranges
from snoop.wire.address import parse

FILTERS = {"vlan_filtering": True}
PORTS = [
    {"name": "p1", "access": 10},
    {"name": "p2"},
    {"name": "p3", "access": 10},
    {"name": "p4"},
    {"name": "p8", "trunk": [10, "20-29"]},
    {"name": "p9", "trunk": [1, 10, "20-29"], "native": 1},
]


def whole(*, switch: dict[str, Any] = FILTERS, **tables: Any) -> dict[str, Any]:
    return {"switch": switch, "port": PORTS, **tables}


def of(**port: Any) -> dict[str, Any]:
    return whole(port=[{"name": "p1", **port}])


def said(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loader.check(raw, where="t")
    return [line.removeprefix("t: ") for line in caught.value.problems]


LIST = 'a list of VLANs from 1 to 4094 and ranges of them, as [10, "20-29"]'
EACH = 'a VLAN from 1 to 4094, or a range such as "20-29"'
ID = "a whole number from 1 to 4094"


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (of(access=10, trunk=[10]), "[[port]] p1: access = 10 is not allowed: not beside trunk, "
                                    "whose VLAN without tags is native"),
        (of(access=10, native=1), "[[port]] p1: native = 1 is not allowed: only with trunk, and "
                                  "this port has access = 10"),
        (of(native=1), "[[port]] p1: native = 1 is not allowed: only with trunk"),
        (of(access=0), f"[[port]] p1: access = 0 is not allowed: {ID}"),
        (of(access=4095), f"[[port]] p1: access = 4095 is not allowed: {ID}"),
        (of(access=True), f"[[port]] p1: access = true is not allowed: {ID}"),
        (of(access=[10]), f"[[port]] p1: access = [10] is not allowed: {ID}"),
        (of(trunk=[1], native=4095), f"[[port]] p1: native = 4095 is not allowed: {ID}"),
        (of(trunk=[]), f"[[port]] p1: trunk = [] is not allowed: {LIST}"),
        (of(trunk=[0]), f"[[port]] p1: trunk = 0 is not allowed: {EACH}"),
        (of(trunk=["1-4095"]), f'[[port]] p1: trunk = "1-4095" is not allowed: {EACH}'),
        (of(trunk=["0-5"]), f'[[port]] p1: trunk = "0-5" is not allowed: {EACH}'),
        (of(trunk=10), f"[[port]] p1: trunk = 10 is not allowed: {LIST} (did you mean [10]?)"),
        (of(trunk="10,20-29"), f'[[port]] p1: trunk = "10,20-29" is not allowed: {LIST} (did you '
                               'mean [10, "20-29"]?)'),
        (of(trunk=[10, "20..29"]), f'[[port]] p1: trunk = "20..29" is not allowed: {EACH} (did you '
                                   'mean "20-29"?)'),
        (of(trunk=["29-20"]), '[[port]] p1: trunk = "29-20" is not allowed: a range from the lower '
                              'VLAN to the higher (did you mean "20-29"?)'),
        (of(vlan=10), '[[port]] p1: unknown key "vlan" (did you mean "access"?)'),
        (of(tagged=[10]), '[[port]] p1: unknown key "tagged" (did you mean "trunk"?)'),
        (whole(vlan=[{"vid": 0}]), "[[vlan]] vid = 0 is not allowed: with vlan_filtering every "
                                   "frame has a VLAN, from 1 to 4094"),
        (whole(static=[{"group": "239.1.1.1", "ports": ["p1"], "vlan": 0}]),
         "[[static]] 239.1.1.1: vlan = 0 is not allowed: with vlan_filtering a VLAN from 1 to "
         "4094; left out, that of each port's frames without a tag"),
        (whole(static=[{"group": "239.1.1.1", "ports": ["p1", "p8"]}]),
         '[[static]] 239.1.1.1: ports = "p8" is not allowed without vlan: a trunk without native, '
         "of VLAN 10, 20-29"),
        (whole(switch={}, port=[{"name": "p1", "access": 10}]),
         "[[port]] p1: access = 10 is not allowed: only with [switch] vlan_filtering = true"),
        (whole(switch={}, port=[{"name": "p1", "trunk": [10]}]),
         "[[port]] p1: trunk = [10] is not allowed: only with [switch] vlan_filtering = true"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_once(raw: dict[str, Any], line: str) -> None:
    assert said(raw) == [line]


def test_all_that_is_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    """SAY-10: what only follows from a mistake is not."""
    file = tmp_path / "x.toml"
    file.write_text(
        "[switch]\nvlan_filtering = true\n[[vlan]]\nvid = 0\n"
        '[[port]]\nname = "p1"\naccess = 4095\ntrunk = [10]\n'
        '[[port]]\nname = "p2"\ntrunk = ["9-1"]\nnative = 7\naccess = 5\n'
        '[[static]]\ngroup = "239.1.1.1"\nports = ["p2", "p1"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        loader.load(str(file), ports=["p3,native=1", "p4,trunk=5,5-9"])
    places = [line.replace(str(file), "f").split(" ")[0] for line in caught.value.problems]
    assert places == ["--port", "f:7:", "f:13:", "f:11:", "command", "f:4:"]
    assert caught.value.problems[0].endswith(
        '"5-9" is not option=value; of a list, each: trunk=10,trunk=20-29'
    )
    assert not [line for line in caught.value.problems if "[[static]]" in line]


def test_what_nobody_knows_whether_it_filters_is_not_said() -> None:
    raw = whole(switch={"vlan_filtering": "yes"}, vlan=[{"vid": 0}])
    assert said(raw) == ['[switch] vlan_filtering = "yes" is not allowed: true or false']


def test_the_vlans_of_each_port() -> None:
    config = loader.check(whole(), where="t")
    tagged = 1 << 10 | sum(1 << vid for vid in range(20, 30))
    found = [resolve.port_vlans(config.switch, port) for port in config.port]
    assert found == [
        PortVlans(10), PortVlans(1), PortVlans(10), PortVlans(1),
        PortVlans(0, tagged), PortVlans(1, tagged),
    ]  # fmt: skip
    assert ranges(tagged) == ["10", "20-29"]
    assert ranges((1 << 4095) - 2) == ["1-4094"]
    assert ranges(0) == []
    transparent = loader.check({"port": [{"name": "p1"}]}, where="t")
    assert resolve.port_vlans(transparent.switch, transparent.port[0]) is None


def test_a_static_entry_without_a_vlan_has_that_of_each_port() -> None:
    """Access, native, or the default; without filtering, frames without a tag."""
    static = [{"group": "239.1.1.1", "ports": ["p1", "p2", "p9"]}]
    numbers = {"p1": 1, "p2": 2, "p9": 9}
    config = loader.check(whole(static=static), where="t")
    entries = resolve.statics(config, port_id=numbers.__getitem__)
    assert {(entry.vid, entry.port) for entry in entries} == {(10, 1), (1, 2), (1, 9)}
    assert all(entry.group == parse("239.1.1.1") for entry in entries)
    assert effective.whole(config)["static"][0]["vlan"] is None, "of two VLANs"
    one = [{"group": "239.1.1.1", "ports": ["p1"]}]
    assert effective.whole(loader.check(whole(static=one), where="t"))["static"][0]["vlan"] == 10
    plain = loader.check({"port": [{"name": "p1"}], "static": one}, where="t")
    assert {entry.vid for entry in resolve.statics(plain, port_id=numbers.__getitem__)} == {0}
    assert effective.whole(plain)["static"][0]["vlan"] == 0


def test_static_entries_are_held_to_the_limit_of_the_vlan_they_come_to() -> None:
    """N-8."""
    tables = [{"group": f"239.1.1.{n}", "ports": ["p1"]} for n in (1, 2)]
    raw = whole(vlan=[{"vid": 10, "max_groups": 1}], static=tables)
    assert said(raw) == [
        "[[static]] names more than 1 groups of VLAN 10: allowed are as many as [igmp] max_groups"
    ]
    loader.check(whole(vlan=[{"vid": 1, "max_groups": 1}], static=tables), where="t")


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (whole(port=[*PORTS, {"name": "p5", "trunk": [10, "5-12", "8-10"]},
                     {"name": "p6", "trunk": ["5-12"]}]),
         r"\[\[port\]\] p5: trunk has VLAN 8-10 more than once"),
        (whole(port=[*PORTS, {"name": "p5", "trunk": [7, "100-200", 10]}]),
         r"\[\[port\]\] p5: no other port is in VLAN 7, 100-200: what comes in there goes nowhere"),
        (whole(vlan=[{"vid": 30}]), r"\[\[vlan\]\] 30: no port is in it"),
        (whole(static=[{"group": "239.1.1.1", "ports": ["p1", "p9"], "vlan": 20}]),
         r"\[\[static\]\] 239\.1\.1\.1: p1 is not in VLAN 20 and gets nothing; it is in 10"),
        (whole(vlan=[{"vid": 10, "name": "video"}, {"vid": 20, "name": "video"}]),
         r'\[\[vlan\]\] name = "video" is given to 2 VLANs'),
        ({"port": [{"name": "p1", "split_horizon": "fabric"}, {"name": "p2"}]},
         r'\[\[port\]\] p1: split_horizon = "fabric" is that of no other port'),
        (whole(igmp={"querier": "on", "querier_address": "10.0.0.254"}, vlan=[{"vid": 10}]),
         r"\[\[vlan\]\] 10: asks from 10\.0\.0\.254 of \[igmp\], as other VLANs: hosts"),
        (whole(vlan=[{"vid": 10, "querier": "on"}]), r"\[\[vlan\]\] 10: .*has no querier_address"),
    ],
)  # fmt: skip
def test_what_is_seldom_meant_is_noted(raw: dict[str, Any], note: str) -> None:
    (found,) = odd.notes(loader.check(raw, where="t"))
    assert re.search(note, found), found


def test_what_is_usual_is_not_noted() -> None:
    same = {"querier": "on", "querier_address": "10.0.0.254"}
    mesh = [{**port, "split_horizon": "fabric"} for port in PORTS]
    raw = whole(vlan=[{"vid": 10, **same}, {"vid": 20, **same}], port=mesh)
    assert odd.notes(loader.check(raw, where="t")) == []


def test_options_of_a_command_have_vlans(tmp_path: Path) -> None:
    """As `run --port`: a list by giving one several times; either of access and trunk takes the
    place of the other in the file."""
    file = tmp_path / "x.toml"
    file.write_text('[[port]]\nname = "p1"\naccess = 10\n[[port]]\nname = "p2"\ntrunk = [7]\n')
    loaded = loader.load(
        str(file),
        overrides={"switch": {"vlan_filtering": True}},
        ports=["p1,trunk=10,trunk=20-29,native=1,split_horizon=5", "p2,access=7", "p3,access=20"],
    )
    assert [(p.access, p.trunk, p.native) for p in loaded.config.port] == [
        (None, [10, "20-29"], 1), (7, None, None), (20, None, None),
    ]  # fmt: skip
    assert loaded.config.port[0].split_horizon == "5"
    with pytest.raises(ConfigError, match="not beside trunk"):
        loader.load(None, overrides={"switch": FILTERS}, ports=["p1,access=10,trunk=20"])
