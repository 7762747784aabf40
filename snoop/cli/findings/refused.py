"""Joins that a rule refuses, with the host that asks in vain; limits are in `counted` (SAY-18)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from snoop.cli.findings.facts import Facts, Rule, Who, note, of_several, problem
from snoop.control import witnessed
from snoop.control.causes import Cause
from snoop.control.documents import Finding

_RULES = {
    "ssm": Rule(
        Cause.SSM_RANGE,
        "the join{version} names no source, which [igmp] ssm_ranges asks for in this range",
        "on the host: join a source of it (IP_ADD_SOURCE_MEMBERSHIP, IGMPv3); or take its range "
        "out of [igmp] ssm_ranges",
    ),
    "version": Rule(
        Cause.VERSION_IGNORED,
        "the join{version} is of a version that [igmp] ignore_v1 or ignore_v2 does not take",
        "on the host: sysctl -w net.ipv4.conf.all.force_igmp_version=3; or set "
        "[igmp] {ignored} = false",
    ),
    "router_alert": Rule(
        Cause.ROUTER_ALERT,
        "the join has no Router Alert option, which [igmp] require_router_alert asks for",
        "set [igmp] require_router_alert = false",
    ),
    "ttl": Rule(
        Cause.TTL_CHECK,
        "the TTL of the join is not 1, which [igmp] ttl_check asks for",
        "set [igmp] ttl_check = false, if it came through no router",
    ),
}

Key = tuple[str, int, str, Who]


def refused(facts: Facts) -> Iterator[Finding]:
    asked: dict[Key, list[witnessed.Refused]] = defaultdict(list)
    for row in facts.witnesses.refused:
        asked[row.port, row.vlan, row.why, Who(row.address, row.mac)].append(row)
    for (port, vid, why, host), rows in asked.items():
        text = f"{host} joins {_groups(rows)}{f' in VLAN {vid}' if vid else ''} in vain: "
        if why == "filter":
            # What the operator wrote down is no trouble, but somebody may look for it.
            key = _filter(facts, port, rows[0].group)
            found = note(
                Cause.FILTER,
                port,
                f"{text}[[port]] {key} refuses it",
                f"if it is to have {rows[0].group}, change [[port]] {key} of {port}",
                host,
            )
        elif why in _RULES:
            rule = _RULES[why]
            spoken = facts.versions.get((vid, port, rows[0].mac))
            protocol = "MLD" if facts.family == "ipv6" else "IGMP"
            version = f" ({protocol}v{spoken})" if spoken else ""
            what = rule.what.replace("{version}", version)
            do = rule.do.replace("{ignored}", "ignore_v1" if spoken == 1 else "ignore_v2")
            found = problem(rule.cause, port, text + what, do, host)
        else:
            continue
        groups = [row.group for row in rows]
        yield of_several(found, (port, *groups) if groups[1:] else ())


def _groups(rows: list[witnessed.Refused]) -> str:
    more = len(rows) - 1
    return rows[0].group + (f" and {more} more" if more else "")


def _filter(facts: Facts, port: str, group: str) -> str:
    """The filter of a port that refuses a group."""
    keys = next((one for one in facts.config.port if one.name == port), None)
    denied = keys is not None and any(
        ip_address(group) in ip_network(prefix) for prefix in keys.deny_groups
    )
    return "deny_groups" if denied else "allow_groups"
