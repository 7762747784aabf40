"""`show mdb --format yang` against the tree of ietf-igmp-mld-snooping@2022-01-31 (RFC 9166).

The tree is written down here from spec section 8 and apart from the code that prints: every node
of a document must be in it, with the type RFC 7951 gives it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Any

import msgspec
import pytest

from snoop.cli.formats.yang import document
from snoop.config import effective, loader
from snoop.control.documents import Config, Entry
from unit.shown import entry, host, mrouter, querier, source

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


def address(value: Any) -> bool:
    return bool(IPv4Address(value))


def group_address(value: Any) -> bool:
    return IPv4Address(value).is_multicast


def source_address(value: Any) -> bool:
    return value == "*" or address(value)  # J-7


def expire(value: Any) -> bool:
    return value in {"infinity", "not-set"} or number(1, 65535)(value)  # J-6


def mac(value: Any) -> bool:
    return re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", value) is not None


GAUGE = number(0, 2**32 - 1)
COUNTS = dict.fromkeys(
    (
        "query-count",
        "membership-report-v1-count",
        "membership-report-v2-count",
        "membership-report-v3-count",
        "leave-count",
        "pim-hello-count",
    ),
    counter64,
)
# A dict is a container, [dict] a list of objects with keys first, [check] a leaf-list.
HOST = {"address": address, "filter-mode": identity("include", "exclude")}
SOURCE = {
    "address": source_address,
    "bridge-outgoing-interface": [text],
    "up-time": GAUGE,
    "expire": expire,
    "host-count": GAUGE,
    "last-reporter": address,
    "host": [HOST],
}
GROUP = {
    "address": group_address,
    "mac-address": mac,
    "expire": expire,
    "up-time": GAUGE,
    "last-reporter": address,
    "source": [SOURCE],
}
STATIC = {
    "group": group_address,
    "source-addr": source_address,
    "bridge-outgoing-interface": [text],
}
INSTANCE: dict[str, Any] = {
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
    "igmp-version": number(1, 3),
    "querier-source": address,
    "static-l2-multicast-group": [STATIC],
    "entries-count": GAUGE,
    "bridge-mrouter-interface": [text],
    "group": [GROUP],
    "interfaces": {
        "interface": [{"name": text, "statistics": {"received": COUNTS, "sent": COUNTS}}]
    },
}
MANDATORY = {"up-time", "address", "filter-mode", "name"}
TREE = {
    "ietf-routing:routing": {
        "control-plane-protocols": {
            "control-plane-protocol": [
                {
                    "type": identity("igmp-snooping"),
                    "name": text,
                    f"{MODULE}:igmp-snooping-instance": INSTANCE,
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


def printed(table: list[Entry], **changed: Any) -> dict[str, Any]:
    raw = {
        "igmp": {"querier": "on", "querier_address": "10.0.0.254"},
        "port": [{"name": "p0"}, {"name": "p1"}],
    }
    arguments: dict[str, Any] = {
        "table": table,
        "hosts": [],
        "mrouters": [],
        "queriers": [querier()],
        "counters": {"p0": {}, "p1": {"rx_report_v3": 3, "rx_query_v3": 2**40}},
        "config": msgspec.convert(effective.whole(loader.check(raw, where="t")), Config),
    }
    return document(**(arguments | changed))


LOADED = [
    entry("p1"),
    entry("p2", filter_mode="include", group_timer=None, sources=[source("10.0.0.9", 0.3)]),
    entry("p3", sources=[source("10.0.0.8", forwarding=False)]),
    entry("p4", "239.9.9.9", origin="static", group_timer=None, last_reporter=None),
    entry("p4", "232.1.1.1", origin="static", filter_mode="include", group_timer=None,
          last_reporter=None, sources=[source("10.0.0.9", static=True)]),
]  # fmt: skip
HOSTS = [host("p1", "10.0.0.11")]
MROUTERS = [mrouter("10.0.0.1", "r0", "pim"), mrouter(None, "r1", "static")]


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(printed([]), id="empty"),
        pytest.param(printed([], queriers=[]), id="no VLAN known"),
        pytest.param(printed(LOADED, hosts=HOSTS, mrouters=MROUTERS), id="loaded"),
    ],
)
def test_document_is_of_the_model(made: dict[str, Any]) -> None:
    """Idea 138, IPv4: J-1 to J-9."""
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
