"""Counters that should stand still, and tables that are nearly full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from snoop.cli.findings.facts import NEAR_LIMIT, Facts, igmp, many, problem, vlan
from snoop.control.documents import Finding

_LOSSES = {
    "ring_full": ("frames were lost before the switch could take them",
                  "too much for this machine: less traffic, or [switch] workers = 2"),
    "ring_stuck": ("its receive ring stopped at a frame with an offload that the kernel cannot "
                   "describe to it (UFO, SCTP), and was opened again; what came meanwhile is lost",
                   "turn that offload off in the guest or host behind it"),
    "tx_full": ("frames were lost because its egress was full",
                "what is behind it is slower than the streams it gets"),
    "tx_mtu": ("frames were too large for its MTU", "give all ports the same MTU"),
    "tx_offload": ("frames with an offload inside a tunnel that is not known could not be cut",
                   "turn it off at the tunnel: ethtool -K TUNNEL tso off gso off"),
    "tx_error": ("frames could not be sent", "see the kernel log about this interface"),
    "truncated": ("frames were captured short", "turn large receive offload off"),
}  # fmt: skip
_LIMITS = {
    "table_full": ("joins were refused: the table is full", "raise [igmp] max_groups"),
    "state_limit": (
        "joins were refused or widened: what its hosts asked for takes too much memory",
        "look for a host that joins too much in `snoop show hosts --port`; "
        "or raise [[port]] max_state, [igmp] max_state",
    ),
    "vlan_limit": (
        "IGMP of unknown VLANs was not learned: too many VLANs",
        "look for a host that forges tags; give the real ones a [[vlan]]",
    ),
    "port_limit": ("joins were refused by its limit", "raise [[port]] max_groups"),
    "source_limit": ("entries were widened to any source", "raise [igmp] max_sources"),
    "host_limit": ("hosts could not be tracked", "raise [igmp] max_hosts, or max_state"),
    "mrouter_limit": ("router addresses were not recorded", "look for forged queries"),
}
_SUSPICIOUS = {
    "mrouter_refused": ("somebody queries where [[port]] mrouter = \"never\"",
                        "a rogue querier, or a router that should be allowed"),
    "query_own_address": ("queries come in with our own querier_address",
                          "give one of the two another address"),
    "query_other_port": ("queries of the querier's address come in here, and not on its own port",
                         "a forger, or one router with two ports: querier_guard = true refuses"),
    "igmp_checksum": ("IGMP with a bad checksum came in", "look at the sender or the cable"),
}  # fmt: skip
COUNTERS = (*_LOSSES, *_LIMITS, *_SUSPICIOUS)


def counted(facts: Facts) -> Iterator[Finding]:
    for port, counts in facts.port_counters.items():
        for table in (_LOSSES, _LIMITS, _SUSPICIOUS):
            for name, (what, do) in table.items():
                if counts.get(name):
                    yield problem(port, f"{what} ({name} {counts[name]})", do)
    errors = facts.counters.get("internal_errors", 0)
    if errors:
        yield problem("switch", f"{errors} frames hit a bug of ours", "report it with the log")


def limits(facts: Facts) -> Iterator[Finding]:
    groups: dict[int, set[str]] = defaultdict(set)
    by_port: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for row in facts.seen.mdb:
        groups[row.vlan].add(row.group)
        by_port[row.port].add((row.vlan, row.group))
    for vid, held in groups.items():
        most = igmp(facts, vid).max_groups
        if len(held) >= NEAR_LIMIT * most:
            yield problem(
                vlan(vid),
                f"{many(len(held), 'group')} of at most {most}",
                "raise [igmp] max_groups",
            )
    for port in facts.config.port:
        count, most = len(by_port[port.name]), port.max_groups
        if most and count >= NEAR_LIMIT * most:
            yield problem(
                port.name,
                f"{many(count, 'group')} of at most {most}",
                "raise [[port]] max_groups",
            )
    every = sum(shown.state_bytes for shown in facts.seen.ports) >> 20
    if every >= NEAR_LIMIT * facts.config.igmp.max_state:
        yield problem(
            "switch",
            f"memberships take {every} MiB of at most {facts.config.igmp.max_state}",
            "`snoop show ports --json` names the ports (state_bytes); raise [igmp] max_state",
        )
    for shown in facts.seen.ports:
        size, room = shown.state_bytes, shown.state_max_bytes
        if room and size >= NEAR_LIMIT * room:
            yield problem(
                shown.name,
                f"its memberships take {size >> 20} MiB of at most {room >> 20}",
                "look for a host that joins too much; or raise [[port]] max_state",
            )
