"""`show mdb --format yang` against the tree of ietf-igmp-mld-snooping@2022-01-31 (RFC 9166).

The tree is written down here from spec section 8 and apart from the code that prints: every node
of a document must be in it, with the type RFC 7951 gives it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from snoop.cli.formats.yang import document
from snoop.config import effective, loader
from snoop.control.documents import Config, Entry, Vlans
from unit.shown import entry, host, mrouter, port, querier, source, vlan

MODULE = "ietf-igmp-mld-snooping"
OURS = "snoop-igmp-ext:"  # what the model cannot say: an augment, always qualified (J-1)

Check = Callable[[Any], bool]


def number(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def boolean(value: Any) -> bool:
    return type(value) is bool


def text(value: Any) -> bool:
    return type(value) is str and value != ""


def empty(value: Any) -> bool:
    return bool(value == [None])  # J-4


def counter64(value: Any) -> bool:
    return type(value) is str and value.isdecimal()  # J-3


def identity(*names: str) -> Check:
    return lambda value: value in {f"{MODULE}:{name}" for name in names}  # J-5


Family = type[IPv4Address] | type[IPv6Address]


def address(of: Family) -> Check:
    return lambda value: bool(of(value))


def group_address(of: Family) -> Check:
    return lambda value: of(value).is_multicast


def source_address(of: Family) -> Check:
    return lambda value: value == "*" or bool(of(value))  # J-7


def expire(value: Any) -> bool:
    return value in {"infinity", "not-set"} or number(1, 65535)(value)  # J-6


def mac(value: Any) -> bool:
    return re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", value) is not None


GAUGE = number(0, 2**32 - 1)
COUNTS = {
    IPv4Address: (
        "query-count",
        "membership-report-v1-count",
        "membership-report-v2-count",
        "membership-report-v3-count",
        "leave-count",
        "pim-hello-count",
    ),
    IPv6Address: (
        "query-count",
        "report-v1-count",
        "report-v2-count",
        "done-count",
        "pim-hello-count",
    ),
}


def instance(of: Family) -> dict[str, Any]:
    """A dict is a container, [dict] a list of objects with keys first, [check] a leaf-list."""
    counts = dict.fromkeys(COUNTS[of], counter64)
    version = {"igmp-version": number(1, 3)} if of is IPv4Address else {"mld-version": number(1, 2)}
    source = {
        "address": source_address(of),
        "bridge-outgoing-interface": [text],
        "up-time": GAUGE,
        "expire": expire,
        "host-count": GAUGE,
        "last-reporter": address(of),
        "host": [{"address": address(of), "filter-mode": identity("include", "exclude")}],
    }
    return {
        "l2-service-type": identity("bridge"),
        "enabled": boolean,
        "forwarding-table-type": lambda value: value in {"mac", "ip"},
        "explicit-tracking": boolean,
        "lite-exclude-filter": empty,
        "send-query": boolean,
        "fast-leave": empty,
        "last-member-query-interval": number(10, 10230),
        "query-interval": number(1, 65535),
        "query-max-response-time": number(0, 65535),
        "require-router-alert": boolean,
        "robustness-variable": number(1, 7),
        "static-bridge-mrouter-interface": [text],
        **version,
        "querier-source": address(of),
        "static-l2-multicast-group": [
            {
                "group": group_address(of),
                "source-addr": source_address(of),
                "bridge-outgoing-interface": [text],
            }
        ],
        "entries-count": GAUGE,
        "bridge-mrouter-interface": [text],
        "group": [
            {
                "address": group_address(of),
                "mac-address": mac,
                "expire": expire,
                "up-time": GAUGE,
                "last-reporter": address(of),
                "source": [source],
            }
        ],
        "interfaces": {
            "interface": [{"name": text, "statistics": {"received": counts, "sent": counts}}]
        },
    }


MANDATORY = {"up-time", "address", "filter-mode", "name"}
TREE = {
    "ietf-routing:routing": {
        "control-plane-protocols": {
            "control-plane-protocol": [
                {
                    "type": identity("igmp-snooping", "mld-snooping"),
                    "name": text,
                    f"{MODULE}:igmp-snooping-instance": instance(IPv4Address),
                    f"{MODULE}:mld-snooping-instance": instance(IPv6Address),
                }
            ]
        }
    }
}


def hold(node: Any, tree: Any, path: str) -> None:
    """Assert that a node of the document is what the tree says."""
    if isinstance(tree, Mapping):
        assert isinstance(node, dict), path
        for name, value in node.items():
            if not name.startswith(OURS):
                assert name in tree, f"{path}/{name} is not in the model"
                hold(value, tree[name], f"{path}/{name}")
        missing = (tree.keys() & MANDATORY) - node.keys()
        assert not missing, f"{path} lacks {missing}"
    elif isinstance(tree, list):
        assert isinstance(node, list), path
        assert node, f"{path}: an empty list is left out (J-9)"
        for i, one in enumerate(node):
            hold(one, tree[0], f"{path}[{i}]")
    else:
        assert tree(node), f"{path} = {node!r}"


def printed(
    table: list[Entry], raw: Mapping[str, Any] = MappingProxyType({}), **changed: Any
) -> dict[str, Any]:
    raw = {
        "igmp": {"querier": "on", "querier_address": "10.0.0.254"},
        "port": [{"name": "p0"}, {"name": "p1"}],
        **raw,
    }
    arguments: dict[str, Any] = {
        "switch": "sw0",
        "ports": [port("p0"), port("p1", mac="02:00:00:00:00:0a")],
        "vlans": Vlans(vlans=[], filtering=False),
        "table": table,
        "hosts": [],
        "mrouters": [],
        "queriers": [querier()],
        "counters": {
            "p0": {},
            "p1": {"rx_report_v3": 3, "rx_query_v3": 2**40, "rx_mld_done": 4},
        },
        "config": msgspec.convert(effective.whole(loader.check(raw, where="t")), Config),
    }
    return document(**(arguments | changed))


MLD = {"family": "ipv6", "compatibility": "mldv2", "last_reporter": "fe80::11"}
LOADED = [
    entry("p1"),
    entry("p2", filter_mode="include", group_timer=None, sources=[source("10.0.0.9", 0.3)]),
    entry("p3", sources=[source("10.0.0.8", forwarding=False)]),
    entry("p4", "239.9.9.9", origin="static", group_timer=None, last_reporter=None),
    entry("p4", "232.1.1.1", origin="static", filter_mode="include", group_timer=None,
          last_reporter=None, sources=[source("10.0.0.9", static=True)]),
]  # fmt: skip
HOSTS = [host("p1", "10.0.0.11")]
LOADED6 = [
    entry("p1", "ff0e::1", **MLD),
    entry("p2", "ff0e::1", filter_mode="include", group_timer=None, **MLD,
          sources=[source("2001:db8::9", 0.3)]),
    entry("p4", "ff3e::1", filter_mode="include", origin="static", group_timer=None,
          **{**MLD, "last_reporter": None}, sources=[source("2001:db8::9", static=True)]),
]  # fmt: skip
BOTH = [
    querier(),
    querier(address="fe80::254", version=2, family="ipv6"),
]
HOSTS6 = [host("p1", "fe80::11", group="ff0e::1", family="ipv6")]
MROUTERS6 = [mrouter("fe80::1", "r0", "pim", family="ipv6")]
MROUTERS = [mrouter("10.0.0.1", "r0", "pim"), mrouter(None, "r1", "static")]


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(printed([]), id="empty"),
        pytest.param(printed([], queriers=[]), id="no VLAN known"),
        pytest.param(printed(LOADED, hosts=HOSTS, mrouters=MROUTERS), id="loaded"),
        pytest.param(
            printed(
                LOADED + LOADED6,
                hosts=HOSTS + HOSTS6,
                mrouters=MROUTERS + MROUTERS6,
                queriers=BOTH,
            ),
            id="both families",
        ),
    ],
)
def test_document_is_of_the_model(made: dict[str, Any]) -> None:
    """Idea 138, both families: J-1 to J-9."""
    if made["ietf-routing:routing"]["control-plane-protocols"]["control-plane-protocol"]:
        hold(made, TREE, "")


def test_any_source_row_lists_exclude_ports_and_a_source_its_own() -> None:
    """Spec section 8, mapping: blocked sources are in no source list of the model."""
    made = printed(LOADED)
    (protocol,) = made["ietf-routing:routing"]["control-plane-protocols"]["control-plane-protocol"]
    groups = {
        group["address"]: {
            source["address"]: source["bridge-outgoing-interface"] for source in group["source"]
        }
        for group in protocol[f"{MODULE}:igmp-snooping-instance"]["group"]
    }
    assert groups["239.1.2.3"] == {"*": ["p1", "p3"], "10.0.0.9": ["p2"]}
    assert groups["232.1.1.1"] == {"10.0.0.9": ["p4"]}


def test_each_family_has_an_instance_of_its_own() -> None:
    """J-8."""
    made = printed(LOADED + LOADED6, queriers=BOTH, hosts=HOSTS6)
    igmp, mld = made["ietf-routing:routing"]["control-plane-protocols"]["control-plane-protocol"]
    assert (igmp["type"], igmp["name"]) == (f"{MODULE}:igmp-snooping", "igmp-vlan0")
    assert (mld["type"], mld["name"]) == (f"{MODULE}:mld-snooping", "mld-vlan0")
    found = mld[f"{MODULE}:mld-snooping-instance"]
    assert [group["address"] for group in found["group"]] == ["ff0e::1", "ff3e::1"]
    assert found["group"][0]["mac-address"] == "33:33:00:00:00:01"
    assert found["group"][0]["source"][0]["host"][0]["address"] == "fe80::11"
    assert found["querier-source"] == "fe80::254"
    assert found["static-l2-multicast-group"][0]["group"] == "ff3e::1"
    received = found["interfaces"]["interface"][1]["statistics"]["received"]
    assert received["done-count"] == "4"
    assert igmp[f"{MODULE}:igmp-snooping-instance"]["entries-count"] == 3


def test_each_vlan_has_an_instance_that_its_bridge_refers_to() -> None:
    """J-8, RFC 9166 2.2: with the values and the ports of the VLAN."""
    raw = {"vlan": [{"vid": 10, "querier_address": "10.10.0.254", "query_interval": 30.0}]}
    rows = [vlan(1, ("p0", False)), vlan(10, ("p0", True), ("p1", False), name="video")]
    made = printed(
        [entry("p1", vlan=10), entry("p0", vlan=1)], raw, vlans=Vlans(vlans=rows),
        queriers=[
            querier(vlan=1), querier(vlan=10),
            querier(address="fe80::254", vlan=10, family="ipv6", version=2),
        ],
    )  # fmt: skip
    bridges = made.pop("ieee802-dot1q-bridge:bridges")
    hold(made, TREE, "")
    protocols = made["ietf-routing:routing"]["control-plane-protocols"]["control-plane-protocol"]
    assert [one["name"] for one in protocols] == ["igmp-vlan1", "igmp-vlan10", "mld-vlan10"]
    one, ten = (each[f"{MODULE}:igmp-snooping-instance"] for each in protocols[:2])
    assert (one["querier-source"], one["query-interval"]) == ("10.0.0.254", 125)
    assert (ten["querier-source"], ten["query-interval"]) == ("10.10.0.254", 30)
    assert [each["name"] for each in one["interfaces"]["interface"]] == ["p0"]
    assert [each["name"] for each in ten["interfaces"]["interface"]] == ["p0", "p1"]
    (bridge,) = bridges["bridge"]
    assert (bridge["name"], bridge["address"]) == ("sw0", "02-00-00-00-00-0A")
    assert bridge["component"][0]["bridge-vlan"]["vlan"] == [
        {
            "vid": 1, "untagged-ports": ["p0"], "egress-ports": ["p0"],
            f"{MODULE}:igmp-snooping-instance": "igmp-vlan1",
        },
        {
            "vid": 10, "name": "video", "untagged-ports": ["p1"], "egress-ports": ["p0", "p1"],
            f"{MODULE}:igmp-snooping-instance": "igmp-vlan10",
            f"{MODULE}:mld-snooping-instance": "mld-vlan10",
        },
    ]  # fmt: skip


def test_lists_that_are_not_of_the_model_are_found() -> None:
    """The validator is worth its verdict."""
    made = printed(LOADED)
    (protocol,) = made["ietf-routing:routing"]["control-plane-protocols"]["control-plane-protocol"]
    instance = protocol[f"{MODULE}:igmp-snooping-instance"]
    instance["group"][0]["expire"] = 0
    with pytest.raises(AssertionError, match="expire"):
        hold(made, TREE, "")
    instance["group"][0] = {"address": "239.1.2.3"}
    with pytest.raises(AssertionError, match="up-time"):
        hold(made, TREE, "")
