"""Who asks, who routes, and what is wrong with that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, igmp, is_local, many, note, problem, vlan
from snoop.control import documents
from snoop.control.causes import Cause
from snoop.control.documents import Finding

AGING_SECONDS = 60.0
VLANS_NAMED = 4
ROUTERS_NAMED = 4
ROUTERS_SAY = ("rx_pim_hello", "rx_mrd_advertisement", "rx_dvmrp")
QUERIES = ("rx_query_v1", "rx_query_v2", "rx_query_v3")


def queriers(facts: Facts) -> Iterator[Finding]:
    if not facts.config.igmp.enabled:
        yield note(
            Cause.SNOOPING_OFF,
            "switch",
            "snooping is off: every group floods",
            "set [igmp] enabled = true",
        )
        return
    waiting = 0
    static = {row.vlan for row in facts.seen.mdb if row.origin == "static"}
    older: dict[tuple[int, str | None], list[int]] = defaultdict(list)
    for row in facts.seen.queriers:
        vid = row.vlan
        members = facts.members.get(vid, [])
        if facts.family == "ipv6":  # all hosts have such, and what they need goes everywhere
            members = [one for one in members if not is_local(one.group)]
        asking = {
            one.address
            for one in facts.routers.get(vid, ())
            if one.origin == "query" and one.address != "0.0.0.0"
        }
        if row.role == "none" and row.address is not None:
            yield note(
                Cause.QUERIER_ADDRESS,
                vlan(vid),
                f"asked by a querier without an address on {row.port}: its port gets the "
                "reports and every stream of a group that is known here, and pruning goes on",
                "give that querier an address, for other switches may not take it for a router; "
                'or set [igmp] querier = "on" here',
            )
        elif row.role == "none" and (pim := _pim_ports(facts, vid)):
            yield note(
                Cause.NO_QUERIER,
                vlan(vid),
                f"no querier, but a PIM router on {', '.join(pim)}: pruning goes on, and members "
                "are asked only when their time is nearly up",
                'set [igmp] querier = "auto" here',
            )
        elif row.role == "none" and igmp(facts, vid).querier == "on" and _has_port(facts):
            waiting += 1
        elif row.role == "none" and facts.family == "ipv6" and not members:
            continue
        elif row.role == "none":
            prunes = facts.config.switch.no_querier == "prune"
            if prunes and not members and vid in static:
                yield note(
                    Cause.NO_QUERIER,
                    vlan(vid),
                    "no querier is known: static entries stay, what hosts join ends after a while",
                    'set [igmp] querier = "on" here, if hosts are to join',
                )
                continue
            yield from _no_querier(vlan(vid), members, prunes=prunes)
        elif row.role == "querier" and row.address in (None, "0.0.0.0"):
            yield problem(
                Cause.QUERIER_ADDRESS,
                vlan(vid),
                "our own queries come from 0.0.0.0: other switches do not take us for a router",
                "set [igmp] querier_address",
            )
        others = asking | ({row.address} if row.role == "querier" else set())
        if len(others) > 1:
            yield problem(
                Cause.TWO_QUERIERS,
                vlan(vid),
                f"more than one querier: {', '.join(sorted(map(str, others)))}",
                "let one of them ask; `snoop show mrouters` names their ports",
            )
        if row.role == "non-querier" and igmp(facts, vid).querier == "on":
            yield problem(
                Cause.QUERIER_DISPLACED,
                vlan(vid),
                f"our querier gave way to {row.address} on {row.port}, whose values hold: "
                f"asks every {row.query_interval:g} s, answers within "
                f"{row.query_response_interval:g} s, robustness {row.robustness}",
                f"if it should not ask, set [[port]] querier_guard = true for {row.port}; "
                'if it should, set [igmp] querier = "auto" here',
            )
        if row.role == "non-querier" and row.version < igmp(facts, vid).version:
            older[row.version, row.address].append(vid)
    protocol = "MLD" if facts.family == "ipv6" else "IGMP"
    for (version, address), vids in older.items():
        # It works, for all who do not ask for sources: most do not, and most such routers stay.
        yield note(
            Cause.QUERIER_VERSION,
            ", ".join(map(vlan, vids[:VLANS_NAMED])) + (", …" if vids[VLANS_NAMED:] else ""),
            f"the querier {address} speaks {protocol}v{version}, so hosts answer in v{version}: "
            "streams go by their group, whatever sources a host asks for",
            f"set version {3 if protocol == 'IGMP' else 2} on {address}, or [igmp] version = "
            f"{version} here if it is meant so",
        )
    if waiting:
        yield note(
            Cause.NO_QUERIER,
            "switch",
            f"in {many(waiting, 'VLAN')} that hosts have opened our querier has not begun yet, so "
            "they flood: it begins in 20 a second",
            "give VLANs that are meant to be there a [[vlan]] vid",
        )


def _has_port(facts: Facts) -> bool:
    return any(port.state == "up" for port in facts.seen.ports)


def claims(facts: Facts) -> Iterator[Finding]:
    """Ports with members that say to be routers, in words that anybody can send (F-17)."""
    members = {(row.vlan, row.port) for row in facts.seen.mdb if row.origin == "dynamic"}
    asking = {(row.vlan, row.port) for row in facts.seen.mrouters if row.origin == "query"}
    for row in facts.seen.mrouters:
        key = (row.vlan, row.port)
        if row.origin in ("pim", "dvmrp", "mrd") and key in members - asking:
            lasts = "for ever" if row.timer is None else f"for {row.timer:.0f} s more"
            yield note(
                Cause.ROUTER_CLAIM,
                row.port,
                f"{row.address} says by {row.origin.upper()} that it is a router, {lasts}: "
                "the port gets every stream, though members are behind it and it never queries",
                f'if no router is there, set [[port]] mrouter = "never" for {row.port}',
            )


def _pim_ports(facts: Facts, vid: int) -> list[str]:
    return sorted({row.port for row in facts.routers.get(vid, ()) if row.origin == "pim"})


def _no_querier(subject: str, members: list[documents.Entry], *, prunes: bool) -> Iterator[Finding]:
    if prunes:
        yield problem(
            Cause.NO_QUERIER,
            subject,
            'no querier is known, and [switch] no_querier = "prune": streams end with the '
            "memberships, which nobody refreshes",
            'set [igmp] querier = "on" here, or no_querier = "flood"',
        )
    if not members:
        if prunes:
            return
        yield note(
            Cause.NO_QUERIER,
            subject,
            "no querier is known",
            'set [igmp] querier = "on" on one switch',
        )
        return
    yield problem(
        Cause.NO_QUERIER,
        subject,
        f"no querier, but {many(len(members), 'membership')}, which nobody refreshes and which "
        "will end",
        'set [igmp] querier = "on" here, or look for the querier that went away',
    )
    ending = [row for row in members if row.group_timer and row.group_timer < AGING_SECONDS]
    if ending:
        yield problem(
            Cause.NO_QUERIER,
            subject,
            f"within {AGING_SECONDS:.0f} s {many(len(ending), 'membership')} will end",
            "`snoop query` asks the hosts once, now",
        )


def routers(facts: Facts) -> Iterator[Finding]:
    unsent = sum(counts.get("report_no_router", 0) for counts in facts.port_counters.values())
    for name, counts in facts.port_counters.items():
        refused = counts.get("query_null_source", 0)
        if refused and facts.config.igmp.mrouter_on_null_source is False:
            yield problem(
                Cause.ROUTER_UNKNOWN,
                name,
                f"{many(refused, 'query', 'queries')} from 0.0.0.0 came in, which makes it no "
                "router port: what is behind it gets only what it reports",
                'give that querier an address, or set [[port]] mrouter = "always" or '
                '[igmp] mrouter_on_null_source = "fallback"',
            )
        guarded = counts.get("querier_guarded", 0)
        if guarded:
            askers = [
                row.address
                for row in facts.witnesses.routers
                if (row.port, row.why) == (name, "querier_guard")
            ]
            whose = f" of {', '.join(askers[:ROUTERS_NAMED])}" if askers else ""
            yield note(
                Cause.QUERIER_DISPLACED,
                name,
                f"{many(guarded, 'query', 'queries')}{whose} came in where querier_guard = true: "
                "passed on to the hosts, not believed here",
                f"`snoop monitor --type query --port {name}` shows it, if nothing should ask there",
            )
    heard = _heard_routers(facts)
    if unsent and heard and not facts.seen.mrouters:
        yield note(
            Cause.ROUTER_UNKNOWN,
            ", ".join(heard),
            f"a router or querier was heard here, but no router port is known: "
            f"{many(unsent, 'report')} went to no router",
            f'if it is still there, set [[port]] mrouter = "always" for {heard[0]}',
        )


def _heard_routers(facts: Facts) -> list[str]:
    """Ports where a router spoke: without one, reports that go to none are as they should be."""
    asked = [row for row in facts.seen.queriers if row.family == "ipv4"]
    alone = all(row.role == "querier" for row in asked)
    says = ROUTERS_SAY if alone else (*ROUTERS_SAY, *QUERIES)
    return [
        name for name, counts in facts.port_counters.items() if any(counts.get(one) for one in says)
    ]
