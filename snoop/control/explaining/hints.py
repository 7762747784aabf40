"""What `explain` adds to a verdict: what about the group or the switch is likely to surprise.

Every line names the configuration key that matters.
"""

from __future__ import annotations

from collections.abc import Iterator

from snoop.config import resolve
from snoop.config.schema_port import PortTable
from snoop.control.explaining import asking, flowing
from snoop.control.explaining.case import Case, listed
from snoop.control.wellknown import WELL_KNOWN
from snoop.proto.filters import PrefixList
from snoop.wire import address
from snoop.wire.address import Address, Family

_MAC_BITS = 0x7FFFFF  # RFC 1112 6.4: what of a group is in its MAC address.


def barred(table: PortTable, group: Address) -> str:
    """The filter of a port that refuses a group, "" if none does."""
    lists = resolve.filters(table)
    if group in PrefixList(one.prefix for one in lists.deny):
        return "[[port]] deny_groups"
    allowed = [one for one in lists.allow if one.family is address.family(group)]
    if allowed and group not in PrefixList(one.prefix for one in allowed):
        return "[[port]] allow_groups"
    return ""


def notes(case: Case, group: Address) -> Iterator[str]:
    """What else to know about the group."""
    plane, vid, registered = case.plane, case.vid, case.registered
    if case.verdict.reason == "flood_ipv6_link_local":
        return  # whatever anybody asks or joins
    if case.verdict.reason != "vlan_filtered":  # it is in no VLAN: who asks where does not matter
        yield from asking.notes(case, group)
    yield from flowing.notes(case, group)
    yield from _elsewhere(case, group)
    known = {
        other
        for vlan, other in plane.engine.groups()
        if vlan == vid and address.family(other) is case.family and not address.mac_of(other)
    }
    most = case.params.max_groups
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
    if case.family is Family.IPV4:
        yield from _shared(group, known)


def _elsewhere(case: Case, group: Address) -> Iterator[str]:
    """The VLANs whose hosts wait for it (SAY-18)."""
    if case.registered or address.is_link_local_group(group):
        return
    ports: dict[int, int] = {}
    for row in case.elsewhere:
        ports[row.vid] = ports.get(row.vid, 0) | 1 << row.port
    if not ports:
        return
    names = [
        f"{f'VLAN {vid}' if vid else 'untagged'}, at {listed(case.plane.ports.names(ports[vid]))}"
        for vid in sorted(ports)
    ]
    here = f"in VLAN {case.vid}" if case.vid else "untagged"
    yield f"nobody has joined it {here}, but it has members elsewhere: {listed(names)}"


def _shared(group: Address, known: set[Address]) -> Iterator[str]:
    """Other groups behind the same MAC address, of which there are 31 (RFC 1112 6.4)."""
    low = int.from_bytes(group[-4:], "big") & _MAC_BITS
    others = sorted(
        other for other in known - {group} if int.from_bytes(other[-4:], "big") & _MAC_BITS == low
    )
    if others:
        names = listed([address.text(other) for other in others])
        yield (
            f"has the MAC address of {names}: this switch tells them apart, hosts' filters and "
            "switches that look at MAC addresses do not"
        )
    elif low < 256 and not address.is_link_local_group(group):
        yield (
            f"has the MAC address of 224.0.0.{low}: switches that look at MAC addresses flood it"
        )
