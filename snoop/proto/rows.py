"""The engine's state as rows for people; see `views` for what they mean."""

from collections.abc import Iterable, Iterator

from snoop.proto.group import Group
from snoop.proto.hosts import reporter_address, reporter_mac
from snoop.proto.membership import Membership
from snoop.proto.switch import Switch
from snoop.proto.units import Duration, Instant, left
from snoop.proto.views import FilterMode, HostRow, MdbRow, SourceRow
from snoop.wire.address import Address, Family

Keys = Iterable[tuple[int, Address]]
"""(vid, group) of the groups asked for; those that are gone are left out."""


def keys(switch: Switch, vid: int | None, address: Address | None) -> list[tuple[int, Address]]:
    """Return every (vid, group), or those of one VLAN or address, sorted."""
    vlans = switch.vlans if vid is None else {vid} & switch.vlans.keys()
    found = []
    for number in sorted(vlans):
        groups = switch.vlans[number].groups
        wanted = sorted(groups) if address is None else [address] if address in groups else []
        found += [(number, each) for each in wanted]
    return found


def mdb(switch: Switch, wanted: Keys, now: Instant) -> list[MdbRow]:
    """Return the memberships and static entries of groups, by port."""
    rows: list[MdbRow] = []
    for group in _groups(switch, wanted):
        for port in sorted(group.members.keys() | (group.statics or {}).keys()):
            member = group.members.get(port)
            if member is not None:
                rows.append(_dynamic(group, port, member, now))
            rows.extend(_static(group, port, now))
    return rows


def hosts(switch: Switch, wanted: Keys, now: Instant) -> list[HostRow]:
    """Return the tracked hosts of groups, by port and address."""
    rows: list[HostRow] = []
    for group in _groups(switch, wanted):
        for port, member in sorted(group.members.items()):
            if member.hosts is None:
                continue
            for host in sorted(member.hosts, key=lambda host: reporter_address(host.who)):
                if host.until > now:
                    rows.append(
                        HostRow(
                            vid=group.vlan.vid,
                            family=Family.IPV4,
                            group=group.address,
                            port=port,
                            address=reporter_address(host.who),
                            mac=reporter_mac(host.who),
                            filter_mode=host.filter_mode,
                            sources=tuple(sorted(host.sources)),
                            timer=Duration(host.until - now),
                        )
                    )
    return rows


def _groups(switch: Switch, wanted: Keys) -> Iterator[Group]:
    for vid, address in wanted:
        vlan = switch.vlans.get(vid)
        group = None if vlan is None else vlan.groups.get(address)
        if group is not None:
            yield group


def _dynamic(group: Group, port: int, member: Membership, now: Instant) -> MdbRow:
    return MdbRow(
        vid=group.vlan.vid,
        family=Family.IPV4,
        group=group.address,
        port=port,
        filter_mode=member.filter_mode,
        sources=tuple(
            SourceRow(source, left(timer, now) if timer else None, bool(timer))
            for source, timer in sorted(member.sources.items())
        ),
        group_timer=left(member.group_timer, now) if member.exclude else None,
        origin="dynamic",
        compatibility=f"igmpv{member.compatibility(now)}",
        uptime=Duration(now - member.created),
        last_reporter=reporter_address(member.reporter),
    )


def _static(group: Group, port: int, now: Instant) -> Iterator[MdbRow]:
    static = (group.statics or {}).get(port)
    if static is None:
        return
    since = min(
        [*static.sources.values(), *([static.any_since] if static.any_since is not None else [])]
    )
    yield MdbRow(
        vid=group.vlan.vid,
        family=Family.IPV4,
        group=group.address,
        port=port,
        filter_mode=FilterMode.INCLUDE if static.any_since is None else FilterMode.EXCLUDE,
        sources=tuple(SourceRow(source, None, True) for source in sorted(static.sources)),
        group_timer=None,
        origin="static",
        compatibility="igmpv3",
        uptime=Duration(now - since),
        last_reporter=None,
    )
