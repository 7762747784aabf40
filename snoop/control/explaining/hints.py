"""What `explain` adds to a verdict: what about the group or the switch is likely to surprise.

Every line names the configuration key that matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import takewhile

from snoop.config.schema import PortTable
from snoop.control.explaining.case import Case
from snoop.control.wellknown import WELL_KNOWN
from snoop.proto.views import Departure
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.wire import address
from snoop.wire.address import UNSPECIFIED, Address, Family

_MAC_BITS = 0x7FFFFF  # RFC 1112 6.4: what of a group is in its MAC address.
_NAMED_MAX = 4
_VAIN_MIN = 2  # queries: one may be lost


def barred(table: PortTable, group: Address) -> str:
    """The filter of a port that refuses a group, "" if none does."""
    wanted = IPv4Address(group[-4:])
    if any(wanted in prefix for prefix in table.deny_groups):
        return "[[port]] deny_groups"
    if table.allow_groups and not any(wanted in prefix for prefix in table.allow_groups):
        return "[[port]] allow_groups"
    return ""


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
    yield from _unanswered(case, group)
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


def _unanswered(case: Case, group: Address) -> Iterator[str]:
    """SAY-1: hosts that wanted it fell silent, and nobody at all answers the queries.

    That is seen; why is not, but an address that no host has a route to is one that they drop.
    """
    witnesses, now = case.plane.engine.witnesses, clock.now()
    over = [row for row in witnesses.asked(now, [case.vid]) if not row.left]
    vain = list(takewhile(lambda row: not row.answers, over))
    silent = [
        row
        for row in witnesses.gone(now, vid=case.vid, group=group)
        if row.how is Departure.EXPIRED and row.address != UNSPECIFIED
    ]
    if len(vain) < _VAIN_MIN or not silent:
        return
    querier, host = vain[0].address, silent[0].address
    text = f"nobody answered the last {len(vain)} queries of {address.text(querier)}"
    if querier[:15] == host[:15] or querier == UNSPECIFIED:
        yield f"{text}: a firewall, or a switch between, may drop IGMP"
    else:
        yield (
            f"{text}, which is not of the network of {address.text(host)}: a host with rp_filter "
            "drops queries of an address it has no route to (sysctl net.ipv4.conf.all.rp_filter)"
        )


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
