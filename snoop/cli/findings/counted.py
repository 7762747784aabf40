"""Counters that should stand still, and tables that are nearly full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from snoop.cli.findings.facts import NEAR_LIMIT, Facts, Rule, Who, igmp, many, problem, vlan
from snoop.control import witnessed
from snoop.control.causes import Cause
from snoop.control.documents import Finding

_LOSSES = {
    "ring_full": Rule(
        Cause.OVERLOAD,
        "frames were lost before the switch could take them",
        "too much for this machine: less traffic, or [switch] workers = 2",
    ),
    "ring_stuck": Rule(
        Cause.OFFLOAD,
        "its receive ring stopped at a frame with an offload that the kernel cannot describe to it "
        "(UFO, SCTP), and was opened again; what came meanwhile is lost",
        "in the guest or host behind it: ethtool -K INTERFACE tx-udp-fragmentation off",
    ),
    "tx_full": Rule(
        Cause.OVERLOAD,
        "frames were lost because its egress was full",
        "what is behind it is slower than its streams: `snoop show streams --watch 1`",
    ),
    "tx_mtu": Rule(
        Cause.MTU,
        "frames were too large for its MTU",
        "give all ports one MTU: ip link set PORT mtu 1500; `snoop show ports` has them",
    ),
    "tx_offload": Rule(
        Cause.OFFLOAD,
        "frames with an offload inside a tunnel that is not known could not be cut",
        "turn it off at the tunnel: ethtool -K TUNNEL tso off gso off",
    ),
    "tx_error": Rule(Cause.PORT_FAULT, "frames could not be sent", "dmesg | grep PORT"),
    "truncated": Rule(Cause.OFFLOAD, "frames were captured short", "ethtool -K PORT lro off"),
}
_LIMITS = {
    "table_full": Rule(
        Cause.TABLE_FULL, "joins were refused: the table is full", "raise [igmp] max_groups"
    ),
    "state_limit": Rule(
        Cause.STATE_LIMIT,
        "joins were refused or widened: what its hosts asked for takes too much memory",
        "look for a host that joins too much in `snoop show hosts --port PORT`; "
        "or raise [[port]] max_state, [igmp] max_state",
    ),
    "vlan_limit": Rule(
        Cause.VLAN_LIMIT,
        "IGMP of unknown VLANs was not learned: too many VLANs",
        "look for a host that forges tags; give the real ones a [[vlan]] vid",
    ),
    "port_limit": Rule(
        Cause.PORT_LIMIT, "joins were refused by its limit", "raise [[port]] max_groups"
    ),
    "source_limit": Rule(
        Cause.SOURCE_LIMIT, "entries were widened to any source", "raise [igmp] max_sources"
    ),
    "host_limit": Rule(
        Cause.HOST_LIMIT, "hosts could not be tracked", "raise [igmp] max_hosts, or max_state"
    ),
    "mrouter_limit": Rule(
        Cause.MROUTER_LIMIT,
        "router addresses were not recorded",
        "`snoop show witnesses --port PORT` has the last of them: if they are forged, set "
        '[[port]] mrouter = "never" for PORT',
    ),
}
_SUSPICIOUS = {
    "mrouter_refused": Rule(
        Cause.ROUTER_REFUSED,
        'a router is not believed, by [[port]] mrouter = "never"',
        'if it is one that should be, set [[port]] mrouter = "auto" for PORT; else look for what '
        "sends that, the others are not harmed",
    ),
    "query_own_address": Rule(
        Cause.QUERIER_ADDRESS,
        "queries come in with our own querier_address",
        "set another [igmp] querier_address here or there",
    ),
    "query_other_port": Rule(
        Cause.QUERIER_ADDRESS,
        "queries of the querier's address come in here, and not on its own port",
        "a forger, or one router with two ports: querier_guard = true refuses",
    ),
    "malformed": Rule(
        Cause.MALFORMED,
        "IGMP that breaks its own rules came in, and nothing was learned from it",
        "`snoop capture bad.pcapng --port PORT`, then `snoop decode bad.pcapng`, shows whose",
    ),
    "bad_source": Rule(
        Cause.MALFORMED,
        "IGMP came in from an address that no host has, and nothing was learned from it",
        "`snoop capture bad.pcapng --port PORT` shows whose",
    ),
    "igmp_checksum": Rule(
        Cause.CHECKSUM,
        "IGMP with a bad checksum came in",
        "`snoop capture bad.pcapng --port PORT` shows whose; or the cable is bad",
    ),
    "mld_malformed": Rule(
        Cause.MALFORMED,
        "MLD that breaks its own rules came in, and nothing was learned from it",
        "`snoop capture bad.pcapng --port PORT`, then `snoop decode bad.pcapng`, shows whose",
    ),
    "not_link_local": Rule(
        Cause.MALFORMED,
        "MLD or a PIM hello came in from an address that may send none, and nothing was learned",
        "`snoop capture bad.pcapng --port PORT` shows whose",
    ),
    "mld_checksum": Rule(
        Cause.CHECKSUM,
        "MLD with a bad checksum came in",
        "`snoop capture bad.pcapng --port PORT` shows whose; or the cable is bad",
    ),
}
_SHUNNED = {"mrouter_refused": "never", "mrouter_limit": "mrouter_limit"}
SMALL_LIMIT = 32
COUNTERS = (*_LOSSES, *_LIMITS, *_SUSPICIOUS)


def counted(facts: Facts) -> Iterator[Finding]:
    for port, counts in facts.port_counters.items():
        for table in (_LOSSES, _LIMITS, _SUSPICIOUS):
            for name, (cause, what, do) in table.items():
                if not counts.get(name):
                    continue
                text = f"{what} ({name} {counts[name]})"
                last = _last_refused(facts, port, name)
                host = Who() if last is None else Who(last.address, last.mac)
                if last is not None:
                    do = do.replace("[igmp]", "[mld]") if last.family == "ipv6" else do
                    text += f": the last was for {last.group}, by {host}"
                elif name in _SHUNNED and (shunned := _last_shunned(facts, port, _SHUNNED[name])):
                    host = Who(shunned.address)
                    text += f": the last was {host}, by its {shunned.origin}"
                yield problem(cause, port, text, do.replace("PORT", port), host)
    errors = facts.counters.get("internal_errors", 0)
    if errors:
        yield problem(
            Cause.BUG,
            "switch",
            f"{errors} frames hit a bug of ours",
            "report it with `snoop show counters --json` and what the switch printed",
        )


def _last_refused(facts: Facts, port: str, why: str) -> witnessed.Refused | None:
    """The last join that this limit refused."""
    rows = [row for row in facts.witnesses.refused if (row.port, row.why) == (port, why)]
    return min(rows, key=lambda row: row.age, default=None)


def _last_shunned(facts: Facts, port: str, why: str) -> witnessed.Shunned | None:
    """The last router that was not believed for this reason."""
    rows = [row for row in facts.witnesses.routers if (row.port, row.why) == (port, why)]
    return min(rows, key=lambda row: row.age, default=None)


def _nearly_full(count: int, most: int, *, refused: bool) -> bool:
    """A small limit is there to be reached; it is trouble once something was refused (SAY-19)."""
    return count >= NEAR_LIMIT * most and (refused or most >= SMALL_LIMIT)


def limits(facts: Facts) -> Iterator[Finding]:
    groups: dict[tuple[int, str], set[str]] = defaultdict(set)
    by_port: dict[tuple[str, str], set[tuple[int, str]]] = defaultdict(set)
    for row in facts.seen.mdb:
        groups[row.vlan, row.family].add(row.group)
        if row.compatibility is not None:  # nobody joins a group by its MAC address
            by_port[row.port, row.family].add((row.vlan, row.group))
    of = {each.family: each for each in facts.of_each()}
    for (vid, family), held in groups.items():
        most = igmp(of.get(family, facts), vid).max_groups
        if _nearly_full(len(held), most, refused=facts.has_counted("table_full")):
            yield problem(
                Cause.TABLE_FULL,
                vlan(vid),
                f"{many(len(held), 'group')} of at most {most}",
                "raise [mld] max_groups" if family == "ipv6" else "raise [igmp] max_groups",
            )
    ports = {port.name: port for port in facts.config.port}
    for (name, family), held_there in by_port.items():
        port = ports.get(name)
        if port is None:
            continue
        own = port.mld if family == "ipv6" and port.mld is not None else port
        count, most = len(held_there), own.max_groups
        refused = bool(facts.port_counters.get(port.name, {}).get("port_limit"))
        if most and _nearly_full(count, most, refused=refused):
            yield problem(
                Cause.PORT_LIMIT,
                port.name,
                f"{many(count, 'group')} of at most {most}",
                "raise [[port]] max_groups",
            )
    every = sum(shown.state_bytes for shown in facts.seen.ports) >> 20
    if every >= NEAR_LIMIT * facts.config.igmp.max_state:
        yield problem(
            Cause.STATE_LIMIT,
            "switch",
            f"memberships take {every} MiB of at most {facts.config.igmp.max_state}",
            "`snoop show ports --json` names the ports (state_bytes); raise [igmp] max_state",
        )
    for shown in facts.seen.ports:
        size, room = shown.state_bytes, shown.state_max_bytes
        if room and size >= NEAR_LIMIT * room:
            yield problem(
                Cause.STATE_LIMIT,
                shown.name,
                f"its memberships take {size >> 20} MiB of at most {room >> 20}",
                "look for a host that joins too much; or raise [[port]] max_state",
            )
