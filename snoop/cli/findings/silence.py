"""Hosts that do not answer queries: all of them, or some beside others (SAY-1, SAY-18).

A host that is switched off is silent, too, and no trouble. One is there if it joined unasked since,
or if frames of it came in; all of several ports are hardly switched off at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from snoop.cli.findings.facts import (
    NOBODYS,
    RECENT_SECONDS,
    Facts,
    Who,
    is_up,
    many,
    note,
    problem,
    vlan,
)
from snoop.control import witnessed
from snoop.control.causes import Cause
from snoop.control.documents import Finding
from snoop.control.witnessed import Asked, Gone

EMPTY_MIN = 2  # queries that nobody answered: one may be lost
TOLD_SECONDS = 600.0  # how long a host that fell silent is worth a word
NETWORK_BITS = 24  # of IPv6, where who asks and who answers is link-local, all are in one
V1_SECONDS = 10.0  # RFC 1112: the time to answer is fixed


def unanswered(facts: Facts) -> Iterator[Finding]:
    """A querier that nobody answers, though hosts are there."""
    for vid, queries in _empty(facts).items():
        hosts = _silent_members(facts, vid, queries)
        asker = queries[0]
        addresses = [host.address for host in hosts if host.address not in NOBODYS]
        network = ip_network((asker.address, NETWORK_BITS), strict=False)
        foreign = asker.address not in NOBODYS and not any(
            ip_address(address) in network for address in addresses
        )
        there = [host for host in hosts if _is_there(facts, host, queries)]
        several = len({host.port for host in hosts if is_up(facts, host.port)}) > 1
        if not addresses or not (foreign or there or several):
            continue
        first = (there or hosts)[0]
        who = Who(first.address, first.mac)
        text = (
            f"nobody answered the last {len(queries)} queries of {asker.address} "
            f"({f'at {asker.port}' if asker.port else 'ours'}), though {who}"
            f"{f' and {len(hosts) - 1} more' if hosts[1:] else ''} had joined groups: "
            "memberships end, and streams with them; "
        )
        if foreign:
            ours = asker.port is None
            yield problem(
                Cause.QUERIER_UNANSWERED,
                vlan(vid),
                f"{text}if {asker.address} is in no network of theirs, their reverse path filter "
                "drops its queries",
                f"{'set [igmp] querier_address to' if ours else 'give that querier'} an address "
                f"of the hosts' network, such as {_neighbour(addresses[0])}; or, on the hosts: "
                "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.INTERFACE.rp_filter=0",
                who,
            )
        else:
            yield problem(
                Cause.QUERIER_UNANSWERED,
                vlan(vid),
                f"{text}a firewall of theirs, or a switch between, may drop IGMP",
                _listen(first.address),
                who,
            )


def _listen(host: str) -> str:
    on = "the host" if host in NOBODYS else host
    return (
        f"`tcpdump -ni any igmp` on {on} shows whether queries arrive; `nft list ruleset` what "
        "drops them"
    )


def _neighbour(host: str) -> str:
    """An address of a host's network, as far as that can be guessed."""
    return str(ip_network((host, NETWORK_BITS), strict=False)[254])


def _empty(facts: Facts) -> dict[int, list[Asked]]:
    """The latest queries of each VLAN that ports with members got and nobody answered, if two."""
    found: dict[int, list[Asked]] = defaultdict(list)
    ended = set()
    for row in facts.witnesses.asked:
        other = found[row.vlan] and found[row.vlan][0].address != row.address
        if row.answers or other:
            ended.add(row.vlan)
        if row.silent and row.vlan not in ended:
            found[row.vlan].append(row)
    return {vid: rows for vid, rows in found.items() if len(rows) >= EMPTY_MIN}


def _silent_members(facts: Facts, vid: int, queries: list[Asked]) -> list[witnessed.Witness]:
    """The hosts that were to answer, who was heard last first."""
    ports = {port for query in queries for port in query.silent}
    found = [
        host
        for host in facts.witnesses.hosts
        if host.vlan == vid and host.port in ports and not (host.left or host.moved)
    ]
    return sorted(found, key=lambda host: host.last_heard)


def _is_there(facts: Facts, host: witnessed.Witness, queries: list[Asked]) -> bool:
    return host.last_heard < queries[-1].age or facts.last_seen(host) < queries[0].age


def silent(facts: Facts) -> Iterator[Finding]:
    """Hosts that do not answer, where others do."""
    nobody = _empty(facts)
    ended: dict[tuple[int, str, Who], list[Gone]] = defaultdict(list)
    for row in facts.witnesses.gone:
        fresh = row.unanswered and row.age < TOLD_SECONDS
        if row.how == "expired" and fresh and not _has_moved(facts, row):
            ended[row.vlan, row.port, Who(row.address, row.mac)].append(row)
    for host in facts.witnesses.hosts:
        who = Who(host.address, host.mac)
        if host.unanswered < EMPTY_MIN or host.vlan in nobody or host.last_heard > TOLD_SECONDS:
            continue
        if (host.vlan, host.port, who) in ended:
            continue
        seen = facts.last_seen(host)
        groups = [
            row.group
            for row in facts.members.get(host.vlan, ())
            if (row.port, row.last_reporter) == (host.port, host.address)
        ]
        if groups:
            yield from _told(
                facts, host, groups, seen, f"its membership of {_listed(groups)} will end"
            )
    for (vid, _, _), rows in ended.items():
        if vid in nobody:
            continue
        last = rows[0]
        groups = [row.group for row in rows]
        yield from _told(
            facts,
            last,
            groups,
            facts.last_seen(last),
            f"its membership of {_listed(groups)} ended {last.age:.0f} s ago",
        )


def _has_moved(facts: Facts, gone: Gone) -> bool:
    """Has the host been heard at another port since?"""
    silent = gone.age + (gone.last_heard or 0.0)
    return any(
        host.mac == gone.mac
        and host.vlan == gone.vlan
        and host.port != gone.port
        and host.last_heard < silent
        for host in facts.witnesses.hosts
    )


def _told(
    facts: Facts, host: witnessed.Witness | Gone, groups: list[str], seen: float, ends: str
) -> Iterator[Finding]:
    """Trouble if it is there and one of the streams goes on."""
    who = Who(host.address, host.mac)
    silent_for = (host.last_heard or 0.0) + (host.age if isinstance(host, Gone) else 0.0)
    text = (
        f"{who} last reported {silent_for:.0f} s ago and did not answer "
        f"{many(host.unanswered or 0, 'query', 'queries')}: {ends}"
    )
    there = seen < silent_for
    flows = any(
        stream.idle < RECENT_SECONDS
        for group in groups
        for stream in facts.sent.get(group, {}).get(host.vlan, ())
    )
    if there:
        text += f", though frames of it came in {seen:.0f} s ago"
    spoken = facts.versions.get((host.vlan, host.port, host.mac))
    if spoken == 1 and _response(facts, host.vlan) < V1_SECONDS:
        yield note(
            Cause.SILENT_HOST,
            host.port,
            f"{text}; hosts of IGMPv1 take {V1_SECONDS:.0f} s to answer, whatever they are asked",
            f"set [igmp] query_response_interval = {V1_SECONDS:.0f} or more, or on the host: "
            "sysctl -w net.ipv4.conf.all.force_igmp_version=0",
            who,
        )
        return
    do = f"{_listen(host.address)}; `snoop mdb add {groups[0]} --port {host.port}` keeps it"
    yield (problem if there and flows else note)(Cause.SILENT_HOST, host.port, text, do, who)


def _response(facts: Facts, vid: int) -> float:
    """How long hosts have to answer."""
    asks = (row.query_response_interval for row in facts.seen.queriers if row.vlan == vid)
    return next(asks, V1_SECONDS)


def _listed(groups: list[str]) -> str:
    return groups[0] + (f" and {len(groups) - 1} more" if groups[1:] else "")
