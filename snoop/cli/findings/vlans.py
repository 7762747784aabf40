"""VLANs: what ports refuse, entries and streams that stay outside, two ends that do not agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from snoop.cli.findings.facts import NOBODYS, RECENT_SECONDS, Facts, Who, note, problem
from snoop.control import documents
from snoop.control.causes import Cause
from snoop.control.documents import Finding
from snoop.control.tagged import spelled

COUNTERS = ("vlan_filtered",)
NAMED_MAX = 4
_NETWORK_BITS = 24


def vlans(facts: Facts) -> Iterator[Finding]:
    """Of a switch that filters."""
    yield from _refused(facts)
    yield from _static_outside(facts)
    yield from _taken_out(facts)
    yield from _kept_apart(facts)
    if facts.config.igmp.enabled:
        yield from _unasked(facts)
    yield from _native_mismatch(facts)


def _refused(facts: Facts) -> Iterator[Finding]:
    """VLAN-3, of the VLANs that a port is in now: what it refused while it was in others is no
    trouble any more. Whose frames they were is not known: nothing is learned from them.
    """
    for port in facts.seen.ports:
        frames = port.vlan_filtered
        if frames is None:
            frames = facts.port_counters.get(port.name, {}).get("vlan_filtered", 0)
        own = port.vlans
        if not frames or own is None:
            continue
        name, counted = port.name, f"(vlan_filtered {frames})"
        look = f"`tcpdump -c 4 -eni {name} vlan` shows whose they are, and their VLAN"
        if not own.tagged:
            yield problem(
                Cause.VLAN_FILTERED,
                name,
                f"frames came in with the tag of another VLAN than its own, {own.pvid}, and were "
                f"refused {counted}",
                f"{look}: let that host send without a tag, or snoop port set {name} trunk=VID "
                f"native={own.pvid}",
            )
        elif own.pvid is None:
            yield note(
                Cause.VLAN_FILTERED,
                name,
                f"frames came in without a tag, which has no VLAN here, or of a VLAN other than "
                f"{spelled(facts.vlans[name])}, and were refused {counted}",
                f"`tcpdump -c 4 -eni {name}` shows which: snoop port set {name} native=VID takes "
                "frames without a tag",
            )
        else:
            yield note(
                Cause.VLAN_FILTERED,
                name,
                f"frames came in of a VLAN other than {spelled(facts.vlans[name])}, and were "
                f"refused {counted}",
                f"{look}: if it is wanted here, add it to [[port]] trunk",
            )


def _static_outside(facts: Facts) -> Iterator[Finding]:
    """Entries of ports that are not in the VLAN: kept, and of no use (VLAN-3)."""
    for row in facts.seen.mdb:
        known = facts.vlans.get(row.port)
        if row.origin != "static" or known is None or known >> row.vlan & 1:
            continue
        yield problem(
            Cause.STATIC_OUTSIDE,
            row.port,
            f"its static entry of {row.group} is of VLAN {row.vlan}, which the port is not in "
            f"(it is in {spelled(known)}), so it never delivers",
            f"snoop port set {row.port} trunk=…,{row.vlan}, or take the entry out of [[static]]: "
            f"snoop mdb del {row.group} --port {row.port} --vlan {row.vlan}",
        )


def _taken_out(facts: Facts) -> Iterator[Finding]:
    """Ports that left the VLAN of a stream that a host of theirs had joined."""
    for row in facts.witnesses.gone:
        streams = facts.sent.get(row.group, {}).get(row.vlan, ())
        now = facts.vlans.get(row.port)
        if row.how != "vlan_left" or now is None or now >> row.vlan & 1:
            continue
        if any(stream.idle <= RECENT_SECONDS for stream in streams):
            who = Who(row.address, row.mac)
            yield note(
                Cause.WRONG_VLAN,
                row.port,
                f"{who} had joined {row.group}, which comes in in VLAN {row.vlan}, when the port "
                f"left that VLAN, {row.age:.0f} s ago; it is in {spelled(now)} now",
                f"if it is not meant so: [[port]] access or trunk of {row.port}, "
                f"`snoop show config` says where they are from",
                who,
            )


def _kept_apart(facts: Facts) -> Iterator[Finding]:
    """A note: in a full mesh that is as it should be, and the member has it from another port."""
    for stream in facts.seen.streams:
        horizon = facts.horizons.get(stream.port)
        if horizon is None or stream.idle > RECENT_SECONDS:
            continue
        rows = [
            row
            for row in facts.groups.get((stream.vlan, stream.group), ())
            if row.port != stream.port and facts.horizons.get(row.port) == horizon
        ]
        if not rows:
            continue
        ports = list(dict.fromkeys(row.port for row in rows))
        more = f" and {len(ports) - NAMED_MAX} more" if ports[NAMED_MAX:] else ""
        yield note(
            Cause.SPLIT_HORIZON,
            f"{stream.source} -> {stream.group}",
            f"comes in at {stream.port} and has members at {', '.join(ports[:NAMED_MAX])}{more}, "
            f'which do not get it: both are of split_horizon = "{horizon}"',
            "in a mesh all have it from its origin; if this is none, take [[port]] split_horizon "
            f"from {ports[0]}",
            Who(rows[0].last_reporter),
        )


def _unasked(facts: Facts) -> Iterator[Finding]:
    """VLANs with ports where nothing has been heard: with members or a router there is a row."""
    inhabited = 0
    for vids in facts.vlans.values():
        inhabited |= vids
    known = sum({1 << row.vlan for row in facts.seen.queriers if row.family == "ipv4"})
    silent = inhabited & ~known
    if silent and known & inhabited:
        of = "VLAN" if silent.bit_count() == 1 else "VLANs"
        yield note(
            Cause.NO_QUERIER,
            f"{of} {spelled(silent)}",
            "nobody asks there, and no host has joined anything: groups flood",
            'set [igmp] querier = "on", or that of [[vlan]], if multicast is wanted there',
        )


def _native_mismatch(facts: Facts) -> Iterator[Finding]:
    """Frames without a tag on a trunk whose senders' addresses are of another VLAN's network.

    An address or a MAC in two VLANs shows nothing: switches ask with one address everywhere.
    """
    networks = _networks(facts)
    trunks = {
        port.name: port.vlans.pvid
        for port in facts.seen.ports
        if port.vlans is not None and port.vlans.tagged and port.vlans.pvid
    }
    said = set()
    for port, vid, address, mac, asks in _senders(facts):
        if trunks.get(port) != vid or vid not in networks or port in said:
            continue
        of = _network(address)
        other = next((each for each, net in networks.items() if each != vid and net == of), None)
        if other is None or of == networks[vid]:
            continue
        said.add(port)
        what = "queries" if asks else "reports"
        yield note(
            Cause.NATIVE_MISMATCH,
            port,
            f"{what} of {address} come in without a tag, which is VLAN {vid} here, and the address "
            f"is of the network of VLAN {other}: the other end may have another native VLAN",
            f"compare native at both ends: if VLAN {other} is meant, snoop port set {port} "
            f"native={other}",
            Who(address, mac),
        )


def _senders(facts: Facts) -> Iterator[tuple[str, int, str, str | None, bool]]:
    """Port, VLAN, address and MAC of those who ask and of those who report."""
    for router in facts.seen.mrouters:
        if router.origin == "query" and router.address not in (None, *NOBODYS):
            yield router.port, router.vlan, str(router.address), None, True
    for host in facts.witnesses.hosts:
        if host.address not in NOBODYS:
            yield host.port, host.vlan, host.address, host.mac, False


def _networks(facts: Facts) -> dict[int, str]:
    """The network of each VLAN by the address that we ask with there: where all differ, it says
    something.
    """
    asked: dict[str, list[int]] = defaultdict(list)
    for vlan in facts.config.vlan:
        if vlan.querier_address and vlan.querier_address not in NOBODYS:
            asked[_network(vlan.querier_address)].append(vlan.vid)
    return {vids[0]: network for network, vids in asked.items() if len(vids) == 1}


def _network(address: str) -> str:
    if ":" in address:  # Link-local addresses are of every VLAN.
        return ""
    return str(ip_network((str(ip_address(address)), _NETWORK_BITS), strict=False))


def is_outside(facts: Facts, row: documents.Entry) -> bool:
    """Is the port of this entry not in its VLAN?"""
    return not facts.vlans.get(row.port, -1) >> row.vlan & 1


def is_apart(facts: Facts, stream: documents.Stream, row: documents.Entry) -> bool:
    """Are the two of one split horizon?"""
    horizon = facts.horizons.get(row.port)
    return horizon is not None and horizon == facts.horizons.get(stream.port)
