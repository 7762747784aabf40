"""Documents that name VLANs, whatever is in them: a configuration, or sentences; never a fault."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from snoop.config import effective, loader, odd, port_options, resolve, toml
from snoop.config.problems import ConfigError
from snoop.config.schema import Config
from snoop.config.settings import Settings

IDS = st.one_of(st.integers(-1, 4096), st.booleans(), st.none(), st.floats(), st.text(max_size=6))
RANGES = st.one_of(
    IDS,
    st.builds(lambda a, b: f"{a}-{b}", st.integers(0, 4096), st.integers(0, 4096)),
    st.sampled_from(["20..29", "1-", "-1", "1-2-3", "", "٣", "1\n", "10, 20", "0x10"]),
)
LISTS = st.one_of(st.lists(RANGES, max_size=5), RANGES)
NAMES = st.sampled_from(["p0", "p1", "p2", "\x1b[2J", "", 7])
PORT = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "access": IDS, "trunk": LISTS, "native": IDS, "split_horizon": st.text(max_size=3),
        "vlan": IDS, "max_groups": IDS,
    },
)  # fmt: skip
VLAN = st.fixed_dictionaries(
    {"vid": IDS},
    optional={
        "name": st.text(max_size=4), "port_max_groups": IDS,
        "mld": st.one_of(IDS, st.dictionaries(st.just("port_max_groups"), IDS)),
    },
)  # fmt: skip
STATIC = st.fixed_dictionaries(
    {"group": st.sampled_from(["239.1.1.1", "ff0e::1", "01:00:00:01:02:03", 1]),
     "ports": st.one_of(st.lists(NAMES, max_size=3), NAMES)},
    optional={"vlan": IDS},
)  # fmt: skip
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "switch": st.fixed_dictionaries(
            {"vlan_filtering": st.one_of(st.just(True), st.booleans(), IDS)}
        ),
        "port": st.one_of(st.lists(PORT, max_size=4), PORT),
        "vlan": st.one_of(st.lists(VLAN, max_size=3), VLAN),
        "static": st.one_of(st.lists(STATIC, max_size=3), STATIC),
    },
)
VID = st.integers(1, 4094)
SPAN = st.tuples(VID, VID).map(lambda ends: f"{min(ends)}-{max(ends)}")
SET = st.lists(st.one_of(VID, SPAN), min_size=1, max_size=5)
GROUPS = st.sampled_from(["239.1.1.1", "ff0e::1", "01:00:00:01:02:03"])
GOOD_PORT = st.one_of(
    st.fixed_dictionaries({}, optional={"access": VID, "split_horizon": st.just("mesh")}),
    st.fixed_dictionaries({"trunk": SET}, optional={"native": VID}),
)
GOOD = st.builds(
    lambda ports, vids, statics: {
        "switch": {"vlan_filtering": True},
        "port": [{"name": f"p{n}", **port} for n, port in enumerate(ports)],
        "vlan": [{"vid": vid, "port_max_groups": vid % 3} for vid in vids],
        "static": [{"ports": ["p0"], **one} for one in statics],
    },
    st.lists(GOOD_PORT, min_size=1, max_size=4),
    st.lists(VID, unique=True, max_size=3),
    st.lists(st.fixed_dictionaries({"group": GROUPS}, optional={"vlan": VID}), max_size=2),
)
WORDS = st.one_of(
    st.text(max_size=12),
    st.builds(
        lambda key, value: f"{key}={value}",
        st.sampled_from(["access", "trunk", "native", "split_horizon", "mld.mrouter", "mld", ""]),
        st.one_of(IDS, st.lists(RANGES, max_size=4).map(lambda all_: ",".join(map(str, all_))),
                  st.sampled_from(["", "default", "auto"])),
    ),
)  # fmt: skip
HALF: dict[str, Any] = {
    "switch": {"vlan_filtering": True},
    "port": [{"name": "p0", "access": 10}, {"name": "p1", "trunk": [1, "20-29"], "native": 1}],
}


def settled(raw: dict[str, Any]) -> loader.Loaded:
    return loader.settle(loader.Document(None, "", raw, raw))


def mistakes_of(raw: dict[str, Any]) -> tuple[tuple[str, ...], Config | None]:
    try:
        return (), settled(raw).config
    except ConfigError as error:
        return error.problems, None


@settings(max_examples=300, deadline=None)
@given(raw=st.one_of(GOOD, DOCUMENTS))
def test_a_document_is_good_or_its_mistakes_are_said(raw: dict[str, Any]) -> None:
    wrong, config = mistakes_of(raw)
    assert all(text.strip() for text in wrong)
    if config is None:
        assert wrong
        return
    odd.notes(config)
    numbers = {port.name: number for number, port in enumerate(config.port)}
    resolve.params(config, port_id=numbers.__getitem__, switch_mac=resolve.NO_MAC)
    resolve.statics(config, port_id=numbers.__getitem__)
    for port in config.port:
        vlans = resolve.port_params(config.switch, port).vlans
        assert (vlans is not None) == config.switch.vlan_filtering
        assert vlans is None or not vlans.all & 1, "VLAN 0 does not exist"
    shown = effective.whole(config)
    json.dumps(shown)
    again = loader.check(tomllib.loads("\n".join(toml.lines(shown))), where="t")
    assert effective.whole(again) == shown, "what is shown can be loaded"


@settings(max_examples=300, deadline=None)
@given(port=st.sampled_from(["p0", "p1"]), words=st.lists(WORDS, min_size=1, max_size=3))
def test_options_are_taken_or_refused_and_can_all_be_put_back(port: str, words: list[str]) -> None:
    made = Settings(settled(HALF))
    before = made.config
    try:
        options = port_options.assigned(port, words)
        made.assign(port, options)
    except ConfigError:
        options = {}
    if not options:
        assert made.config is before, "nothing is changed"
        return
    made.shown()
    made.assign(port, port_options.assigned(port, [f"{key}=" for key in options]))
    assert made.config == before
