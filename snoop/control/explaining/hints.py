"""What `explain` adds to a verdict: why a port whose hosts did join has no membership, and what
about the group or the switch is likely to surprise.

Every line names the configuration key that matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from snoop.config.schema import PortTable
from snoop.control.explaining.case import Case, Told
from snoop.control.rows import seconds
from snoop.control.wellknown import WELL_KNOWN
from snoop.proto.params import FastLeave
from snoop.proto.units import SECOND
from snoop.proto.views import Refusal
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.ports import Port
from snoop.wire import address
from snoop.wire.address import Address, Family

_MAC_BITS = 0x7FFFFF  # RFC 1112 6.4: what of a group is in its MAC address.
_NAMED_MAX = 4
_TAKEN = (Refusal.SOURCE_LIMIT, Refusal.HOST_LIMIT)  # for less than it said
_REFUSED = {
    Refusal.SSM: "it names no source, or is of IGMPv1 or v2, and the group is in [igmp] ssm_ranges",
    Refusal.VERSION: "[igmp] ignore_v1 or ignore_v2 takes no reports of its version",
    Refusal.ROUTER_ALERT: "it has no Router Alert option ([igmp] require_router_alert)",
    Refusal.TTL: "its TTL is not 1 ([igmp] ttl_check)",
    Refusal.TABLE_FULL: "the table was full ([igmp] max_groups)",
    Refusal.STATE_LIMIT: "there was no room ([[port]] max_state, [igmp] max_state)",
}


def refused(case: Case, port: Port, group: Address) -> Told | None:
    """Say why the port does not have the group, if that is known: a join of it that was refused,
    and whose; else a filter, fast leave, a router that is not believed.
    """
    if address.family(group) is not Family.IPV4:
        return None
    plane, table = case.plane, port.table
    rows = plane.engine.witnesses.refused(clock.now(), [port.id], vid=case.vid, group=group)
    vain = [row for row in rows if row.why not in _TAKEN]
    if vain:
        last = min(vain, key=lambda row: row.age)
        key = _why(last.why, table, group)
        return Told(
            "refused",
            f"the join of {address.text(last.address)} ({address.mac_text(last.mac)}), "
            f"{last.age / SECOND:.0f} s ago, was refused: {key}",
            host=last.address,
            mac=last.mac,
            last_heard=seconds(last.age),
        )
    if key := barred(table, group):
        return Told("filter", f"{key} would refuse a join")
    counts = plane.engine.port_counters(port.id)
    if table.fast_leave is FastLeave.ON and counts["fast_leave"]:
        return Told(
            "fast_leave",
            '[[port]] fast_leave = "on" takes the group from all its hosts when one leaves: '
            '"tracked" does not',
            do='[[port]] fast_leave = "tracked"',
        )
    if counts["mrouter_refused"]:
        return Told(
            "mrouter_refused",
            'a router is behind it, but [[port]] mrouter = "never" does not believe it',
            do='[[port]] mrouter = "auto"',
        )
    if counts["query_null_source"] and not plane.config.igmp.mrouter_on_null_source:
        return Told(
            "null_source",
            "the queries from 0.0.0.0 that came from there make no router port: "
            '[igmp] mrouter_on_null_source, or [[port]] mrouter = "always"',
            do='[[port]] mrouter = "always"',
        )
    return None


def barred(table: PortTable, group: Address) -> str:
    """The filter of a port that refuses a group, "" if none does."""
    wanted = IPv4Address(group[-4:])
    if any(wanted in prefix for prefix in table.deny_groups):
        return "[[port]] deny_groups"
    if table.allow_groups and not any(wanted in prefix for prefix in table.allow_groups):
        return "[[port]] allow_groups"
    return ""


def _why(why: Refusal, table: PortTable, group: Address) -> str:
    """The key that refuses, with what it asks for."""
    if why is Refusal.FILTER:
        return barred(table, group) or "[[port]] deny_groups or allow_groups"
    if why is Refusal.PORT_LIMIT:
        return f"[[port]] max_groups = {table.max_groups} was reached"
    return _REFUSED[why]


def notes(case: Case, group: Address) -> Iterator[str]:
    """What else to know about the group."""
    plane, vid, registered = case.plane, case.vid, case.registered
    if address.family(group) is not Family.IPV4:
        return
    igmp = plane.config.igmp
    if igmp.enabled and not case.querier:
        yield (
            "no querier is known: nobody asks the hosts again, and memberships end "
            '([igmp] querier = "on")'
        )
    yield from _elsewhere(plane, vid, group, registered=registered)
    known = {other for vlan, other in plane.engine.groups() if vlan == vid}
    most = dict(plane.params.vlans).get(vid, plane.params).max_groups
    if not registered and len(known) >= most:
        yield (
            f"the table is full, {len(known)} groups of at most {most}: joins of "
            "others are refused ([igmp] max_groups)"
        )
    name = WELL_KNOWN.get(address.text(group))
    always = {str(each) for each in plane.config.switch.always_flood}
    if name is not None and address.text(group) not in always:
        yield (
            f"{address.text(group)} is {name}: many that listen to it join nothing "
            "([switch] always_flood)"
        )
    yield from _shared(group, known)


def _elsewhere(plane: Plane, vid: int, group: Address, *, registered: bool) -> Iterator[str]:
    """The VLANs whose hosts wait for it (SAY-18)."""
    rows = plane.engine.mdb(clock.now(), plane.engine.keys(group=group))
    others = sorted({row.vid for row in rows} - {vid})
    if registered or not others or address.is_link_local_group(group):
        return
    names = [f"VLAN {other}" if other else "untagged" for other in others[:_NAMED_MAX]]
    here = f"in VLAN {vid}" if vid else "untagged"
    yield f"nobody has joined it {here}, but it has members elsewhere: {', '.join(names)}"


def _shared(group: Address, known: set[Address]) -> Iterator[str]:
    """Other groups behind the same MAC address, of which there are 31 (RFC 1112 6.4)."""
    low = int.from_bytes(group[-4:], "big") & _MAC_BITS
    others = sorted(
        other
        for other in known - {group}
        if address.family(other) is Family.IPV4
        and int.from_bytes(other[-4:], "big") & _MAC_BITS == low
    )
    if others:
        listed = ", ".join(address.text(other) for other in others[:_NAMED_MAX])
        yield (
            f"has the MAC address of {listed}: this switch tells them apart, hosts' filters and "
            "switches that look at MAC addresses do not"
        )
    elif low < 256 and not address.is_link_local_group(group):
        yield (
            f"has the MAC address of 224.0.0.{low}: switches that look at MAC addresses flood it"
        )
