"""What `snoop check` looks for: pure functions from the switch's own state to findings.

A problem is something an operator should act on and makes `check` exit 1; a note is something to
know. Every finding says what to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from snoop.runtime.wellknown import WELL_KNOWN

Row = dict[str, Any]

NEAR_LIMIT = 0.9
AGING_SECONDS = 60.0
RECENT_SECONDS = 60.0
IN_FLIGHT_FRAMES = 4096

_LOSSES = {
    "ring_full": ("frames were lost before the switch could take them",
                  "too much for this machine: less traffic, or [switch] workers = 2"),
    "tx_full": ("frames were lost because its egress was full",
                "what is behind it is slower than the streams it gets"),
    "tx_mtu": ("frames were too large for its MTU", "give all ports the same MTU"),
    "tx_error": ("frames could not be sent", "see the kernel log about this interface"),
    "punt_full": ("control frames were lost: too many at once",
                  "look for a host that floods IGMP; lower [[port]] igmp_rate"),
    "truncated": ("frames were captured short", "turn large receive offload off"),
}  # fmt: skip
_LIMITS = {
    "table_full": ("joins were refused: the table is full", "raise [igmp] max_groups"),
    "port_limit": ("joins were refused by its limit", "raise [[port]] max_groups"),
    "source_limit": ("entries were widened to any source", "raise [igmp] max_sources"),
    "host_limit": ("hosts could not be tracked", "raise [igmp] max_hosts"),
    "rate_limited": ("control frames were over its rate", "raise [[port]] igmp_rate"),
    "mrouter_limit": ("router addresses were not recorded", "look for forged queries"),
}
_SUSPICIOUS = {
    "mrouter_refused": ("somebody queries where [[port]] mrouter = \"never\"",
                        "a rogue querier, or a router that should be allowed"),
    "query_own_address": ("queries come in with our own querier_address",
                          "give one of the two another address"),
    "igmp_checksum": ("IGMP with a bad checksum came in", "look at the sender or the cable"),
}  # fmt: skip
COUNTERS = (*_LOSSES, *_LIMITS, *_SUSPICIOUS)


@dataclass(frozen=True, slots=True)
class Finding:
    """`severity`: "problem" or "note"; `subject`: a port, a group, a VLAN or the switch."""

    severity: str
    subject: str
    finding: str
    do: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the `show` commands answered. `unbalanced`: rx_frames less verdicts, by port."""

    config: dict[str, Any]
    ports: list[Row]
    queriers: list[Row]
    mrouters: list[Row]
    mdb: list[Row]
    streams: list[Row]
    fdb_entries: int
    stations: dict[str, int]  # Unicast addresses behind each port.
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    unbalanced: dict[str, int]
    unwanted_bits_per_s: float


def look(facts: Facts) -> list[Finding]:
    """Everything that is wrong, problems first."""
    found = [finding for search in _SEARCHES for finding in search(facts)]
    return sorted(found, key=lambda finding: finding.severity != "problem")


def _problem(subject: str, finding: str, do: str) -> Finding:
    return Finding("problem", subject, finding, do)


def _note(subject: str, finding: str, do: str) -> Finding:
    return Finding("note", subject, finding, do)


def _many(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def _vlan(vid: int) -> str:
    return f"vlan {vid}" if vid else "switch"


def _igmp(facts: Facts, vid: int) -> Row:
    """The settings of a VLAN: its own [[vlan]], or [igmp]."""
    own = (vlan for vlan in facts.config["vlan"] if vlan["vid"] == vid)
    found: Row = next(own, facts.config["igmp"])
    return found


def _queriers(facts: Facts) -> Iterator[Finding]:
    if not facts.config["igmp"]["enabled"]:
        yield _note("switch", "snooping is off: every group floods", "set [igmp] enabled = true")
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
            yield from _no_querier(_vlan(vid), members, prunes=prunes)
        elif row["role"] == "querier" and row["address"] in (None, "0.0.0.0"):
            yield _problem(
                _vlan(vid),
                "our own queries come from 0.0.0.0: other switches do not take us for a router",
                "set [igmp] querier_address",
            )
        others = asking | ({row["address"]} if row["role"] == "querier" else set())
        if len(others) > 1:
            yield _problem(
                _vlan(vid),
                f"more than one querier: {', '.join(sorted(map(str, others)))}",
                "let one of them ask; `snoop show mrouters` names their ports",
            )
        configured = _igmp(facts, vid)["version"]
        if row["role"] == "non-querier" and row["version"] < configured:
            yield _problem(
                _vlan(vid),
                f"the querier {row['address']} speaks IGMPv{row['version']}, we are set to "
                f"v{configured}: hosts fall back, source filters are lost",
                f"set the querier to version {configured}",
            )


def _no_querier(subject: str, members: list[Row], *, prunes: bool) -> Iterator[Finding]:
    if prunes:
        yield _problem(
            subject,
            'no querier is known, and [switch] no_querier = "prune": streams end with the '
            "memberships, which nobody refreshes",
            'set [igmp] querier = "on" here, or no_querier = "flood"',
        )
    if not members:
        if prunes:
            return
        yield _note(subject, "no querier is known", 'set [igmp] querier = "on" on one switch')
        return
    yield _problem(
        subject,
        f"no querier, but {_many(len(members), 'membership')}, which nobody refreshes and which "
        "will end",
        'set [igmp] querier = "on" here, or look for the querier that went away',
    )
    ending = [row for row in members if row["group_timer"] and row["group_timer"] < AGING_SECONDS]
    if ending:
        yield _problem(
            subject,
            f"within {AGING_SECONDS:.0f} s {_many(len(ending), 'membership')} will end",
            "`snoop query` asks the hosts once, now",
        )


def _ports(facts: Facts) -> Iterator[Finding]:
    for port in facts.ports:
        name = port["name"]
        if port["state"] == "missing":
            yield _problem(name, "the interface does not exist", "create it, or take it out")
        elif port["problem"]:
            yield _problem(name, port["problem"], "see the log of the switch")
        elif port["state"] == "down":
            yield _note(name, "no carrier, or not up", f"ip link set {name} up")
        if port.get("lro"):
            yield _problem(name, "large receive offload is on", f"ethtool -K {name} lro off")
        own = [address for address in port["addresses"] if not address.startswith("fe80:")]
        if own and port.get("isolated"):
            yield _problem(
                name,
                f"carries {own[0]}, but the host's stack is kept off it",
                "take the address away, or set isolate = false and restart the port",
            )
    speaking = [
        port["name"]
        for port in facts.ports
        if any(address.startswith("fe80:") for address in port["addresses"])
    ]
    if speaking:
        yield _note(
            ", ".join(speaking),
            "the host's IPv6 stack speaks on these ports: router solicitations, MLD reports",
            "sysctl -w net.ipv6.conf.PORT.disable_ipv6=1 for each",
        )


def _counted(facts: Facts) -> Iterator[Finding]:
    for port, counts in facts.port_counters.items():
        for table in (_LOSSES, _LIMITS, _SUSPICIOUS):
            for name, (what, do) in table.items():
                if counts.get(name):
                    yield _problem(port, f"{what} ({name} {counts[name]})", do)
    errors = facts.counters.get("internal_errors", 0)
    if errors:
        yield _problem("switch", f"{errors} frames hit a bug of ours", "report it with the log")


def _limits(facts: Facts) -> Iterator[Finding]:
    groups: dict[int, set[str]] = defaultdict(set)
    by_port: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for row in facts.mdb:
        groups[row["vlan"]].add(row["group"])
        by_port[row["port"]].add((row["vlan"], row["group"]))
    for vid, held in groups.items():
        most = _igmp(facts, vid)["max_groups"]
        if len(held) >= NEAR_LIMIT * most:
            yield _problem(
                _vlan(vid),
                f"{_many(len(held), 'group')} of at most {most}",
                "raise [igmp] max_groups",
            )
    for port in facts.config["port"]:
        count, most = len(by_port[port["name"]]), port["max_groups"]
        if most and count >= NEAR_LIMIT * most:
            yield _problem(
                port["name"],
                f"{_many(count, 'group')} of at most {most}",
                "raise [[port]] max_groups",
            )
    if facts.fdb_entries >= NEAR_LIMIT * facts.config["switch"]["fdb_max"]:
        yield _problem(
            "switch",
            f"{facts.fdb_entries} unicast addresses of at most {facts.config['switch']['fdb_max']}",
            "raise [switch] fdb_max, or look for a MAC flood",
        )


def _streams(facts: Facts) -> Iterator[Finding]:
    for stream in facts.streams:
        rate = stream["bits_per_s"]
        name = f"{stream['source']} -> {stream['group']}"
        if rate >= facts.unwanted_bits_per_s:
            yield from _unwanted(facts, stream, name)
        yield from _unheard(facts, stream, name)
        if rate <= 0:
            continue
        for row in facts.mdb:
            same = (row["vlan"], row["group"]) == (stream["vlan"], stream["group"])
            if not same or row["port"] == stream["port"] or row["port"] in stream["egress"]:
                continue
            if _wants(row, stream["source"]) and _is_up(facts, row["port"]):
                yield _problem(
                    row["port"],
                    f"is a member of {row['group']} but does not get {name}",
                    f"snoop explain --stream --group {row['group']}",
                )


def _unwanted(facts: Facts, stream: Row, name: str) -> Iterator[Finding]:
    """A stream that goes to ports where nobody asked for it."""
    flow = f"{stream['bits_per_s'] / 1e6:.1f} Mbit/s to {len(stream['egress'])} ports"
    if len(stream["egress"]) < 2 or not facts.config["igmp"]["enabled"]:
        return
    if stream["reason"] == "flood_no_querier":
        yield _problem(
            name,
            f"floods {flow}: no querier is known, so nothing is pruned",
            'set [igmp] querier = "on" on one switch',
        )
    elif not stream["registered"] and stream["reason"] not in ("flood_link_local", "flood_always"):
        yield _problem(
            name,
            f"nobody has joined it, and it floods {flow}",
            'set [switch] unregistered = "mrouters"',
        )


def _unheard(facts: Facts, stream: Row, name: str) -> Iterator[Finding]:
    """Discovery and clocks that reach no listener, because listeners of these often do not join."""
    routers = {row["port"] for row in facts.mrouters}
    known = WELL_KNOWN.get(stream["group"])
    if known is None or stream["idle"] > RECENT_SECONDS or stream["registered"]:
        return
    if not set(stream["egress"]) - routers:
        yield _problem(
            name,
            f"{known}: reaches nobody, because nobody has joined it, and those who listen to it "
            "often do not",
            f'add "{stream["group"]}" to [switch] always_flood',
        )


def _fast_leave(facts: Facts) -> Iterator[Finding]:
    for port in facts.config["port"]:
        name, stations = port["name"], facts.stations.get(port["name"], 0)
        if port["fast_leave"] != "on" or stations < 2:
            continue
        text = f'fast_leave = "on", but {stations} stations are behind it: '
        do = 'set [[port]] fast_leave = "tracked", or "off"'
        if facts.port_counters.get(name, {}).get("fast_leave"):
            yield _problem(name, text + "one that leaves cuts the others off", do)
        else:
            yield _note(name, text + "one that leaves will cut the others off", do)


def _routers(facts: Facts) -> Iterator[Finding]:
    unsent = 0
    for name, counts in facts.port_counters.items():
        unsent += counts.get("report_no_router", 0)
        refused = counts.get("query_null_source", 0)
        if refused and not facts.config["igmp"]["mrouter_on_null_source"]:
            yield _problem(
                name,
                f"{_many(refused, 'query', 'queries')} from 0.0.0.0 came in, which makes it no "
                "router port: what is behind it gets only what it reports",
                'give that querier an address, or set [[port]] mrouter = "always" or '
                "[igmp] mrouter_on_null_source = true",
            )
    if unsent and not facts.mrouters:
        yield _note(
            "switch",
            f"no router port is known: {_many(unsent, 'report')} went to no router",
            'if a router is there, set [[port]] mrouter = "always" for its port',
        )


def _wants(row: Row, source: str) -> bool:
    for one in row["sources"]:
        if one["address"] == source:
            return bool(one["forwarding"])
    # A membership of this very moment may be younger than the stream's last frame.
    return row["filter_mode"] == "exclude" and (row["uptime"] or 0.0) > 2.0


def _is_up(facts: Facts, port: str) -> bool:
    return any(one["name"] == port and one["state"] == "up" for one in facts.ports)


def _shared_addresses(facts: Facts) -> Iterator[Finding]:
    by_mac: dict[int, set[str]] = defaultdict(set)
    for row in facts.mdb:
        if row["family"] == "ipv4":
            by_mac[int(ip_address(row["group"])) & 0x7FFFFF].add(row["group"])
    for low, groups in by_mac.items():
        if len(groups) > 1:
            yield _note(
                ", ".join(sorted(groups)),
                "these groups share a MAC address: not told apart by hosts' filters and by "
                "switches that look at MAC addresses",
                "choose groups that differ in their last 23 bits",
            )
        elif low < 256:
            yield _note(
                ", ".join(groups),
                "shares its MAC address with 224.0.0.0/24, which other switches flood",
                "choose another group",
            )


def _conservation(facts: Facts) -> Iterator[Finding]:
    for port, frames in facts.unbalanced.items():
        yield _problem(
            port,
            f"{abs(frames)} received frames have {'no' if frames > 0 else 'more than one'} verdict",
            "a bug of ours: report it with `snoop show counters --json`",
        )


_SEARCHES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _queriers,
    _ports,
    _counted,
    _limits,
    _streams,
    _fast_leave,
    _routers,
    _shared_addresses,
    _conservation,
)
