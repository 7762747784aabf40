"""Streams that nobody listens to, and listeners that nobody sends to (SAY-18).

Notes mostly: much that is sent or joined is meant for nobody just now. Whoever misses a stream
reads here on which side to look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from snoop.cli.findings.facts import (
    RECENT_SECONDS,
    Facts,
    Who,
    is_local,
    note,
    of_several,
    problem,
)
from snoop.cli.findings.streams import EVERYWHERE, elsewhere, tagged
from snoop.cli.findings.vlans import is_outside
from snoop.control import documents
from snoop.control.causes import Cause
from snoop.control.documents import Finding
from snoop.control.wellknown import WELL_KNOWN

NAMED_MAX = 4
SETTLED_SECONDS = 2.0  # A membership of this very moment may be younger than the stream.
NETWORK_BITS = 16
ROUTING = ("pim", "dvmrp", "mrd")  # what only routers say


def not_joined(facts: Facts) -> Iterator[Finding]:
    """What nobody has joined, where such groups go to router ports at most."""
    for stream in facts.seen.streams:
        router_ports = {row.port for row in facts.routers.get(stream.vlan, ())}
        if (
            stream.idle > RECENT_SECONDS
            or stream.registered
            or (stream.vlan, stream.group) in facts.groups
            or stream.reason in EVERYWHERE
            or set(stream.egress) - router_ports
            or elsewhere(facts, stream)
        ):
            continue
        name = f"{stream.source} -> {stream.group}"
        if known := WELL_KNOWN.get(stream.group):
            yield problem(
                Cause.NEVER_JOINED,
                name,
                f"{known}: reaches nobody, because nobody has joined it, and those who listen to "
                "it often do not",
                f'add "{stream.group}" to [switch] always_flood',
            )
            continue
        goes = "goes nowhere"
        if stream.egress:
            goes = f"goes to router ports alone ({', '.join(stream.egress)})"
        yield note(
            Cause.NOT_JOINED,
            name,
            f"nobody has joined it {tagged(stream.vlan)}, so it {goes}"
            + _never_heard(facts, stream),
            "on the receiver: `ip maddr show` must have it at the interface of this network; what "
            f"cannot join: `snoop mdb add {stream.group} --port PORT`",
        )


def other_source(facts: Facts) -> Iterator[Finding]:
    """Streams of a source that none of those who joined the group want."""
    for stream in facts.seen.streams:
        if stream.idle > RECENT_SECONDS or stream.reason != "no_member":
            continue
        rows = facts.groups.get((stream.vlan, stream.group), ())
        rows = [row for row in rows if not is_outside(facts, row)]
        if not rows or any(_wants(row, stream.source) for row in rows):
            continue
        said = [
            f"{_reporter(row)} at {row.port} wants {_wanted(row)}"
            for row in sorted(rows, key=lambda row: row.port)
        ]
        more = ", …" if said[NAMED_MAX:] else ""
        excluded = any(row.filter_mode == "exclude" for row in rows)
        yield note(
            Cause.OTHER_SOURCE,
            f"{stream.source} -> {stream.group}",
            f"goes nowhere: its members want no frames of {stream.source}: "
            f"{', '.join(said[:NAMED_MAX])}{more}",
            "if a host is to have it, on it: "
            f"{'IP_UNBLOCK_SOURCE' if excluded else 'IP_ADD_SOURCE_MEMBERSHIP'} = {stream.source}; "
            f"`snoop show hosts --group {stream.group}` has who asked for what",
            Who(rows[0].last_reporter),
        )


def _wants(row: documents.Entry, source: str) -> bool:
    """Then it is pruned for another reason: it came in where its member is, or before he joined."""
    for one in row.sources:
        if one.address == source:
            return one.forwarding
    return row.filter_mode == "exclude"


def _wanted(row: documents.Entry) -> str:
    """The sources of a member, in words."""
    exclude = row.filter_mode == "exclude"
    named = [one.address for one in row.sources if one.forwarding is not exclude]
    return f"{'all but' if exclude else 'only'} {_first(named)}"


def _never_heard(facts: Facts, stream: documents.Stream) -> str:
    """Hosts that have never joined anything, of whom one may be meant to."""
    others = {stream.port, *(row.port for row in facts.routers.get(stream.vlan, ()))}
    found = [
        f"{mac} at {port}"
        for mac, port in facts.never_heard.get(stream.vlan, ())[: 4 * NAMED_MAX]
        if port not in others
    ]
    if not found:
        return ""
    more = ", …" if found[NAMED_MAX:] else ""
    return f"; never heard to join any group: {', '.join(found[:NAMED_MAX])}{more}"


def never_joined(facts: Facts) -> Iterator[Finding]:
    """Discovery and clocks that go to those who joined, beside hosts that did not."""
    for group in facts.sent.keys() & WELL_KNOWN.keys():
        for vid, streams in facts.sent[group].items():
            rows = facts.groups.get((vid, group))
            now = [one for one in streams if one.idle <= RECENT_SECONDS]
            if not rows or not now or now[0].reason in EVERYWHERE:
                continue
            senders = {one.port for one in now}
            served = {row.port for row in rows} | {row.port for row in facts.routers.get(vid, ())}
            served |= senders if len(senders) == 1 else set()
            behind: dict[str, list[str]] = defaultdict(list)
            for row in facts.fdb:
                if row.vlan == vid and row.port not in served:
                    behind[row.port].append(row.mac)
            if behind:
                ports = sorted({row.port for row in rows})
                yield note(
                    Cause.NEVER_JOINED,
                    group,
                    f"{WELL_KNOWN[group]}: goes to {', '.join(ports)}, where it was joined; "
                    f"listeners often join nothing, and these have not: {_stations(behind)}",
                    f'add "{group}" to [switch] always_flood, if they listen to it',
                    _only(behind),
                )


def _stations(behind: dict[str, list[str]]) -> str:
    said = [
        f"{macs[0] if len(macs) == 1 else f'{len(macs)} hosts'} at {port}"
        for port, macs in sorted(behind.items())
    ]
    return ", ".join(said[:NAMED_MAX]) + (", …" if said[NAMED_MAX:] else "")


def _only(behind: dict[str, list[str]]) -> Who:
    macs = [mac for each in behind.values() for mac in each]
    return Who(None, macs[0]) if len(macs) == 1 else Who()


def not_sent(facts: Facts) -> Iterator[Finding]:
    """What hosts wait for and nobody sends here."""
    waiting: dict[int, list[documents.Entry]] = defaultdict(list)
    for (vid, group), rows in facts.groups.items():
        joined = [row for row in rows if row.origin == "dynamic" and not is_local(group)]
        if (
            group not in WELL_KNOWN
            and group not in facts.sent
            and any(row.uptime >= SETTLED_SECONDS for row in joined)
        ):
            waiting[vid].append(joined[0])
    for vid, rows in waiting.items():
        first = rows[0]
        found = note(
            Cause.NOT_SENT,
            _first(row.group for row in rows),
            f"{_reporter(first)} has joined {first.group} {tagged(vid)} at {first.port}, and no "
            "frame of it has come in" + (f"; so of {len(rows)} groups" if rows[1:] else ""),
            f"on the sender: `ip route get {first.group}` says by which interface it leaves",
        )
        yield of_several(found, (row.group for row in rows))


def sent_elsewhere(facts: Facts) -> Iterator[Finding]:
    """What hosts wait for in one VLAN of a switch that filters, and others get in another.

    Where nobody gets it, the stream's own finding says so.
    """
    if not facts.config.switch.vlan_filtering:
        return
    for group, streams in facts.sent.items():
        vids = [
            vid for vid, some in streams.items() if any(one.idle <= RECENT_SECONDS for one in some)
        ]
        held = facts.members_of.get(group, {})
        waiting = [
            next((row for row in rows if row.origin == "dynamic"), None)
            for vid, rows in sorted(held.items())
            if vid not in streams
        ]
        rows = [row for row in waiting if row is not None]
        if not vids or not rows or is_local(group) or group in WELL_KNOWN:
            continue
        if not held.keys() >= streams.keys():
            continue
        row, vid = rows[0], min(vids)
        port = streams[vid][0].port
        yield note(
            Cause.WRONG_VLAN,
            group,
            f"{_reporter(row)} has joined it {tagged(row.vlan)} at {row.port}, and it comes in "
            f"{tagged(vid)} alone, at {port}" + (f"; so in {len(rows)} VLANs" if rows[1:] else ""),
            f"put {row.port} into its VLAN ([[port]] access = {vid}), or let a router take it "
            f"from VLAN {vid} to VLAN {row.vlan}",
            Who(row.last_reporter),
        )


def _first(groups: Iterable[str]) -> str:
    listed = list(groups)
    return ", ".join(listed[:NAMED_MAX]) + (", …" if listed[NAMED_MAX:] else "")


def _reporter(row: documents.Entry) -> str:
    return str(Who(row.last_reporter))


def foreign_sources(facts: Facts) -> Iterator[Finding]:
    """Streams from an address of another network, which come by no router.

    Of IPv4: MLD reports do not tell their host's network.
    """
    if facts.family == "ipv6":
        return
    for stream in facts.seen.streams:
        rows = facts.groups.get((stream.vlan, stream.group), ())
        hosts = {row.last_reporter for row in rows if row.origin == "dynamic"} - {None, "0.0.0.0"}
        if (
            stream.idle > RECENT_SECONDS
            or not hosts
            or stream.reason in EVERYWHERE
            or any(row.port == stream.port for row in facts.routers.get(stream.vlan, ()))
        ):
            continue
        network = ip_network((stream.source, NETWORK_BITS), strict=False)
        if any(ip_address(host) in network for host in hosts if host):
            continue
        host = min(filter(None, hosts))
        yield note(
            Cause.FOREIGN_SOURCE,
            f"{stream.source} -> {stream.group}",
            f"comes in at {stream.port}, where no router is, from a network that is not that of "
            f"its members ({host}): hosts with a reverse path filter and no route back drop it",
            f"on the sender: `ip route get {stream.group}` says by which interface and address it "
            f"leaves; on the host: `sysctl net.ipv4.conf.all.rp_filter`, `ip route get "
            f"{stream.source}`",
        )


def ttl_one(facts: Facts) -> Iterator[Finding]:
    """Streams that nobody here joined, and that go no further than a router.

    One that others here have joined as well is local, for all we know, as most with this TTL are.
    """
    ended: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stream in facts.seen.streams:
        if (
            stream.ttl != 1
            or stream.idle > RECENT_SECONDS
            or stream.reason in EVERYWHERE
            or stream.group in WELL_KNOWN
        ):
            continue
        members = {row.port for row in facts.groups.get((stream.vlan, stream.group), ())}
        for row in facts.routers.get(stream.vlan, ()):
            routes = row.origin in ROUTING or row.port in members
            if routes and row.port in stream.egress and not members - {row.port}:
                ended[row.port, row.address or "a router"].append(
                    f"{stream.source} -> {stream.group}"
                )
                break
    for (port, router), names in ended.items():
        found = note(
            Cause.TTL_ONE,
            _first(names),
            f"the TTL is 1: {router} at {port} gets it, and if it is a router, passes it on to no "
            "other network",
            "on the sender, if others are to have it: set IP_MULTICAST_TTL = 16, or what the "
            "application has for it",
        )
        yield of_several(found, names)
