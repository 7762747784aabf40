"""What is allowed and seldom meant is noted by name, and what is meant is not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from snoop.config import loader, odd

P0 = [{"name": "p0"}]
QUERIER = {"querier": "on", "querier_address": "10.0.0.254"}


def notes(raw: dict[str, Any]) -> list[str]:
    return odd.notes(loader.check(raw, where="t"))


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        ({"igmp": {"querier": "on"}}, r'\[igmp\] querier = "on" has no querier_address: '),
        ({"vlan": [{"vid": 10, "querier": "auto"}]},
         r'\[\[vlan\]\] 10: querier = "auto" has no querier_address: '),
        ({"igmp": {**QUERIER, "version": 2}}, r"\[igmp\] version = 2 with a querier: .*ssm_ranges"),
        ({"igmp": {"robustness": 1}}, r"\[igmp\] robustness = 1: "),
        ({"igmp": {"startup_query_interval": 200.0}}, r"startup_query_interval = 200 is longer"),
        ({"igmp": {"qqi_ceiling": 60.0}}, r"qqi_ceiling = 60 is shorter than query_interval, 125"),
        ({"igmp": {"last_member_query_interval": 200.0}}, r"leaves end nothing"),
        ({"igmp": {"enabled": False, **QUERIER}}, r"\[igmp\] enabled = false: every group floods"),
        ({"igmp": {"version": 2, "ignore_v2": True}}, r"the answers to our own queries are ign"),
        ({"igmp": {"max_groups_total": 100}}, r"max_groups_total = 100 is less than max_groups"),
        ({"port": [{"name": name, "mrouter": "always"} for name in ("p0", "p1")]},
         r'every port has mrouter = "always": every group goes to every port'),
        ({"port": [{"name": name, "flood_unregistered": False} for name in ("p0", "p1")]},
         r"every port has flood_unregistered = false: .* to router ports alone"),
        ({"igmp": {"max_groups": 10}, "port": [{"name": "p0", "max_groups": 11}]},
         r"\[\[port\]\] p0: max_groups = 11 is more than a VLAN may have"),
        ({"igmp": QUERIER, "vlan": [{"vid": 10}]},
         r"\[\[vlan\]\] 10: asks from 10\.0\.0\.254 of \[igmp\], as untagged"),
        ({"metrics": {"listen": "0.0.0.0:9570"}}, r"\[metrics\] listen = .*127\.0\.0\.1"),
        ({"switch": {"no_querier": "prune"}}, r'\[switch\] no_querier = "prune" while no querier'),
        ({"switch": {"report_flood": True}}, r"\[switch\] report_flood = true: "),
        ({"switch": {"always_flood": ["224.0.0.9"]}}, r"always_flood names 224\.0\.0\.9: all of"),
        ({"switch": {"unregistered": "mrouters"}, "port": [{"name": "p0", "mrouter": "never"}]},
         r'every port has mrouter = "never": groups nobody has joined go nowhere'),
        ({"port": [{"name": "p0", "mrouter": "never"}]}, r"reports go to no port"),
        ({"switch": {"unregistered": "drop"}, "port": [{"name": "p0", "mrouter": "always"}]},
         r'\[\[port\]\] p0: mrouter = "always" and \[switch\] unregistered = "drop"'),
        ({"port": [{"name": "p0", "deny_groups": ["224.0.0.0/4"]}]},
         r"\[\[port\]\] p0: deny_groups is all of 224\.0\.0\.0/4: no host"),
        ({"port": [{"name": "p0", "deny_groups": ["224.0.0.0/5", "232.0.0.0/5"]}]},
         r"deny_groups is all of"),
        ({"port": [{"name": "p0", "deny_groups": ["239.0.0.0/8"],
                    "allow_groups": ["239.1.0.0/16"]}]}, r"deny_groups has all of allow_groups"),
        ({"port": [{"name": "p0", "deny_groups": ["239.0.0.0/8"],
                    "allow_groups": ["239.1.0.0/16", "238.0.0.0/8"]}]},
         r"allow_groups names 239\.1\.0\.0/16, which deny_groups refuses"),
        ({"port": [{"name": "p0", "deny_groups": ["224.0.1.0/24"]}]},
         r"deny_groups has 224\.0\.1\.129, which \[switch\] always_flood"),
        ({"igmp": {"max_hosts": 0}, "port": [{"name": "p0", "fast_leave": "tracked"}]},
         r'fast_leave = "tracked" and \[igmp\] max_hosts = 0'),
        ({"igmp": {"max_state": 8}, "port": P0}, r"max_state = 32 is more than \[igmp\] max_sta"),
        ({"port": P0, "static": [{"group": "232.1.1.1", "ports": ["p0"]}]},
         r"\[\[static\]\] 232\.1\.1\.1: no source, and the group is in ssm_ranges"),
        ({"port": P0, "static": [{"group": "224.0.0.251", "ports": ["p0"]}]},
         r"\[\[static\]\] 224\.0\.0\.251: the group goes to every port anyway"),
        ({"port": [{"name": "p0", "deny_groups": ["239.1.0.0/16"]}],
          "static": [{"group": "239.1.1.1", "ports": ["p0"]}]}, r"p0 gets it, though its deny_gr"),
        ({"port": P0, "static": [{"group": "239.1.1.1", "ports": ["p0", "p0"]}]},
         r"\[\[static\]\] 239\.1\.1\.1 in VLAN 0 is given 2 times for p0"),
    ],
)  # fmt: skip
def test_what_is_seldom_meant_is_noted(raw: dict[str, Any], note: str) -> None:
    """SAY-10: by name, and once."""
    found = notes(raw)
    assert len([each for each in found if re.search(note, each)]) == 1, found
    assert len(found) == 1, found


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"port": P0},
        {"igmp": QUERIER, "port": P0},
        {"igmp": {**QUERIER, "query_interval": 1.0}, "port": [{"name": "p0", "mrouter": "never"}]},
        {"igmp": QUERIER, "vlan": [{"vid": 10, "querier_address": "10.10.0.254"}]},
        {"switch": {"no_querier": "prune"}, "igmp": {**QUERIER, "querier": "auto"},
         "mld": {"querier": "on"}},
        {"switch": {"unregistered": "mrouters", "report_flood": ["p0"]}, "port": P0},
        {"port": [{"name": "p0", "deny_groups": ["239.255.0.0/16"]}],
         "static": [{"group": "232.1.1.1", "source": "10.0.0.9", "ports": ["p0"]},
                    {"group": "232.1.1.1", "source": "10.0.0.8", "ports": ["p0"]}]},
    ],
)  # fmt: skip
def test_what_is_usual_is_not(raw: dict[str, Any]) -> None:
    assert notes(raw) == []
