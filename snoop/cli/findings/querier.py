"""Who asks, who routes, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, Finding, Row, igmp, many, note, problem, vlan

AGING_SECONDS = 60.0


def queriers(facts: Facts) -> Iterator[Finding]:
    if not facts.config["igmp"]["enabled"]:
        yield note("switch", "snooping is off: every group floods", "set [igmp] enabled = true")
        return
    for row in facts.queriers:
        vid = row["vlan"]
        members = [one for one in facts.mdb if one["vlan"] == vid and one["origin"] == "dynamic"]
        asking = {
            one["address"]
            for one in facts.mrouters
            if one["vlan"] == vid and one["origin"] == "query" and one["address"] is not None
        }
        if row["role"] == "none":
            prunes = facts.config["switch"]["no_querier"] == "prune"
            yield from _no_querier(vlan(vid), members, prunes=prunes)
        elif row["role"] == "querier" and row["address"] in (None, "0.0.0.0"):
            yield problem(
                vlan(vid),
                "our own queries come from 0.0.0.0: other switches do not take us for a router",
                "set [igmp] querier_address",
            )
        others = asking | ({row["address"]} if row["role"] == "querier" else set())
        if len(others) > 1:
            yield problem(
                vlan(vid),
                f"more than one querier: {', '.join(sorted(map(str, others)))}",
                "let one of them ask; `snoop show mrouters` names their ports",
            )
        configured = igmp(facts, vid)["version"]
        if row["role"] == "non-querier" and row["version"] < configured:
            yield problem(
                vlan(vid),
                f"the querier {row['address']} speaks IGMPv{row['version']}, we are set to "
                f"v{configured}: hosts fall back, source filters are lost",
                f"set the querier to version {configured}",
            )


def _no_querier(subject: str, members: list[Row], *, prunes: bool) -> Iterator[Finding]:
    if prunes:
        yield problem(
            subject,
            'no querier is known, and [switch] no_querier = "prune": streams end with the '
            "memberships, which nobody refreshes",
            'set [igmp] querier = "on" here, or no_querier = "flood"',
        )
    if not members:
        if prunes:
            return
        yield note(subject, "no querier is known", 'set [igmp] querier = "on" on one switch')
        return
    yield problem(
        subject,
        f"no querier, but {many(len(members), 'membership')}, which nobody refreshes and which "
        "will end",
        'set [igmp] querier = "on" here, or look for the querier that went away',
    )
    ending = [row for row in members if row["group_timer"] and row["group_timer"] < AGING_SECONDS]
    if ending:
        yield problem(
            subject,
            f"within {AGING_SECONDS:.0f} s {many(len(ending), 'membership')} will end",
            "`snoop query` asks the hosts once, now",
        )


def routers(facts: Facts) -> Iterator[Finding]:
    unsent = 0
    for name, counts in facts.port_counters.items():
        unsent += counts.get("report_no_router", 0)
        refused = counts.get("query_null_source", 0)
        if refused and not facts.config["igmp"]["mrouter_on_null_source"]:
            yield problem(
                name,
                f"{many(refused, 'query', 'queries')} from 0.0.0.0 came in, which makes it no "
                "router port: what is behind it gets only what it reports",
                'give that querier an address, or set [[port]] mrouter = "always" or '
                "[igmp] mrouter_on_null_source = true",
            )
    if unsent and not facts.mrouters:
        yield note(
            "switch",
            f"no router port is known: {many(unsent, 'report')} went to no router",
            'if a router is there, set [[port]] mrouter = "always" for its port',
        )
