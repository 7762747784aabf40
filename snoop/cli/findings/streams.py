"""Streams that go where nobody wants them, or do not arrive where somebody does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address

from snoop.cli.findings.facts import RECENT_SECONDS, Facts, igmp, is_local, is_up, note, problem
from snoop.cli.findings.vlans import is_apart, is_outside
from snoop.control import arrived, documents
from snoop.control.causes import Cause
from snoop.control.documents import Finding
from snoop.control.wellknown import WELL_KNOWN

EVERYWHERE = (
    "mac_ip_mismatch",
    "flood_link_local",
    "flood_ipv6_link_local",
    "flood_ipv6_multicast",
    "flood_always",
)
BURST_SECONDS = 2.0
"""What came in all, at the rate that is unwanted, before it is a stream that has lost its way."""


def streams(facts: Facts) -> Iterator[Finding]:
    for stream in facts.seen.streams:
        if not is_up(facts, stream.port):
            continue  # a guest that ended a moment ago
        rate = stream.bits_per_s
        name = f"{stream.source} -> {stream.group}"
        strayed = list(_in_another_vlan(facts, stream, name))
        yield from strayed
        if rate >= facts.unwanted_bits_per_s and not strayed:
            yield from _unwanted(facts, stream, name)
        if rate <= 0:
            continue
        for row in facts.groups.get((stream.vlan, stream.group), ()):
            if row.port == stream.port or row.port in stream.egress:
                continue
            if is_outside(facts, row) or is_apart(facts, stream, row):
                continue  # said of the port
            if _wants(row, stream.source) and is_up(facts, row.port):
                yield problem(
                    Cause.NOT_DELIVERED,
                    row.port,
                    f"is a member of {row.group} but does not get {name}",
                    f"snoop explain --stream --group {row.group}",
                )


def _unwanted(facts: Facts, stream: documents.Stream, name: str) -> Iterator[Finding]:
    """A stream that goes to ports where nobody asked for it."""
    flow = f"{stream.bits_per_s / 1e6:.1f} Mbit/s to {len(stream.egress)} ports"
    if len(stream.egress) < 2 or not facts.config.igmp.enabled:
        return
    local = stream.reason == "flood_link_local" or is_local(stream.group)
    if local and stream.bytes * 8 < BURST_SECONDS * facts.unwanted_bits_per_s:
        return  # hosts that look for each other
    if stream.reason == "flood_no_querier":
        if _asked(facts, stream.vlan):
            return  # The querier is new: it floods until hosts have had the time to answer.
        if stream.vlan and igmp(facts, stream.vlan).querier == "on":
            yield problem(
                Cause.NO_QUERIER,
                name,
                f"floods {flow}: nobody has joined anything in VLAN {stream.vlan}, so our querier "
                "has not begun there and nothing is pruned",
                f"[[vlan]] vid = {stream.vlan} makes it begin",
            )
            return
        yield problem(
            Cause.NO_QUERIER,
            name,
            f"floods {flow}: no querier is known, so nothing is pruned",
            'set [igmp] querier = "on" on one switch',
        )
    elif stream.reason == "mac_ip_mismatch":
        yield problem(
            Cause.FLOOD,
            name,
            f"floods {flow}: its frames go to a MAC address that is not the group's",
            f"`tcpdump -c 1 -eni {stream.port} host {stream.group}` shows it: the sender's network "
            "stack, or what sits between, has to use the group's own",
        )
    elif stream.reason == "flood_link_local":
        yield problem(
            Cause.FLOOD,
            name,
            f"floods {flow}: 224.0.0.0/24 goes to every port, whoever has joined (RFC 4541 2.1.2)",
            "give a stream a group of 239.0.0.0/8; if it is discovery that goes round, "
            f"`tcpdump -c 20 -eni {stream.port} host {stream.group}` shows who repeats it",
        )
    elif not stream.registered and stream.reason not in EVERYWHERE:
        yield problem(
            Cause.FLOOD,
            name,
            f"nobody has joined it, and it floods {flow}",
            'set [switch] unregistered = "mrouters"',
        )


def _asked(facts: Facts, vid: int) -> bool:
    return any(
        row.vlan == vid and (row.role != "none" or row.address is not None)
        for row in facts.seen.queriers
    )


def _in_another_vlan(facts: Facts, stream: documents.Stream, name: str) -> Iterator[Finding]:
    """SAY-18: a stream without members, while another VLAN has its members and no stream."""
    group, vid = stream.group, stream.vlan
    for other in elsewhere(facts, stream):
        ports = ", ".join(sorted({row.port for row in facts.groups[other, group]}))
        yield problem(
            Cause.WRONG_VLAN,
            name,
            f"arrives {tagged(vid)} at {stream.port}, where nobody has joined it: its members "
            f"are {tagged(other)}, at {ports}",
            _one_vlan(facts, stream, other, ports),
        )


def _one_vlan(facts: Facts, stream: documents.Stream, other: int, ports: str) -> str:
    """What to do for a stream and its members to meet."""
    has = f"`snoop show mdb --group {stream.group}` has them: "
    if facts.config.switch.vlan_filtering:
        return (
            f"{has}put {stream.port} and {ports} into one VLAN ([[port]] access, trunk), or let a "
            f"router take the stream from VLAN {stream.vlan} to VLAN {other}"
        )
    return f"{has}let the sender send {tagged(other)}, or them join {tagged(stream.vlan)}"


def elsewhere(facts: Facts, stream: documents.Stream) -> list[int]:
    """The VLANs where the group of a stream without members has members, and no stream."""
    group = stream.group
    if (
        stream.idle > RECENT_SECONDS
        or group in WELL_KNOWN
        or stream.reason in EVERYWHERE
        or (stream.vlan, group) in facts.groups
    ):
        return []
    return sorted(facts.members_of.get(group, {}).keys() - facts.sent.get(group, {}).keys())


def tagged(vid: int) -> str:
    return f"in VLAN {vid}" if vid else "untagged"


def _wants(row: documents.Entry, source: str) -> bool:
    for one in row.sources:
        if one.address == source:
            return one.forwarding
    # A membership of this very moment may be younger than the stream's last frame.
    return row.filter_mode == "exclude" and (row.uptime or 0.0) > 2.0


def damaged(facts: Facts) -> Iterator[Finding]:
    """Streams that somebody gets, and that were not whole when they came in."""
    for stream in facts.seen.streams:
        found = stream.health
        if found is None or not stream.egress or found.damaged is None:
            continue
        if found.damaged <= RECENT_SECONDS and arrived.missing(found):
            yield problem(
                Cause.DAMAGED,
                f"{stream.source} -> {stream.group}",
                f"came in at {stream.port} with {arrived.missing(found)}: lost before the switch",
                f"it is the sender, or what is between it and {stream.port}: `ethtool -S "
                f"{stream.port}` and the counters of the switch there say where",
            )


def doubled(facts: Facts) -> Iterator[Finding]:
    """Streams of one address that come in at two ports: whoever has joined gets both."""
    ports: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for stream in facts.seen.streams:
        if stream.idle <= RECENT_SECONDS and stream.reason not in EVERYWHERE:
            ports[stream.vlan, stream.source, stream.group].add(stream.port)
    for (_, source, group), names in ports.items():
        if len(names) > 1:
            yield note(
                Cause.DOUBLED,
                f"{source} -> {group}",
                f"comes in at {', '.join(sorted(names))}: members get it from each, twice if it "
                "is one stream",
                f"`tcpdump -c 4 -eni {min(names)} host {group}` shows the MAC address: a host with "
                "two links here, two with one address, or a loop through another switch",
            )


def shared_addresses(facts: Facts) -> Iterator[Finding]:
    by_mac: dict[int, set[str]] = defaultdict(set)
    for row in facts.seen.mdb:
        if row.family == "ipv4":
            by_mac[int(ip_address(row.group)) & 0x7FFFFF].add(row.group)
    for low, groups in by_mac.items():
        if len(groups) > 1:
            yield note(
                Cause.SHARED_MAC,
                ", ".join(sorted(groups)),
                "these groups share a MAC address: not told apart by hosts' filters and by "
                "switches that look at MAC addresses",
                "choose groups that differ in their last 23 bits; `snoop show hosts` says whose",
            )
        elif low < 256:
            yield note(
                Cause.SHARED_MAC,
                ", ".join(groups),
                "shares its MAC address with 224.0.0.0/24, which other switches flood",
                f"choose another group; `snoop show hosts --group {min(groups)}` says who joined",
            )
