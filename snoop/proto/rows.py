"""The engine's state as rows for people; see `views` for what they mean."""

from collections.abc import Iterable, Iterator

from snoop.proto.group import Group, Static
from snoop.proto.hosts import reporter_address, reporter_mac
from snoop.proto.membership import Membership
from snoop.proto.switch import Switch
from snoop.proto.units import STOPPED, Duration, Instant, left
from snoop.proto.views import FilterMode, HostRow, MdbRow, SourceRow
from snoop.wire.address import Address, Family

Keys = Iterable[tuple[int, Address]]
"""(vid, group) of the groups asked for; those that are gone are left out."""


def keys(switch: Switch, vid: int | None, address: Address | None) -> Iterator[tuple[int, Address]]:
    """Yield every (vid, group), or those of one VLAN or address, sorted.

    VLANs may come and go in between: each is looked at when it is its turn.
    """
    vlans = switch.vlans if vid is None else {vid} & switch.vlans.keys()
    for number in sorted(vlans):
        vlan = switch.vlans.get(number)
        if vlan is None:
            continue
        if address is None:
            for each in sorted(vlan.groups):
                yield number, each
        elif address in vlan.groups:
            yield number, address


def mdb(switch: Switch, wanted: Keys, now: Instant) -> list[MdbRow]:
    """Return the memberships and static entries of groups, by port."""
    rows: list[MdbRow] = []
    for group in _groups(switch, wanted):
        for port in sorted(group.members.keys() | (group.statics or {}).keys()):
            rows.append(_row(group, port, now))
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


def _row(group: Group, port: int, now: Instant) -> MdbRow:
    """Return what was learned and what an operator said of one port, as one (N-7)."""
    member = group.members.get(port)
    static = (group.statics or {}).get(port)
    if member is not None and static is None and not member.sources:
        return _plain(group, port, member, now)
    any_since = None if static is None else static.any_since
    exclude = member is not None and member.exclude
    since = [] if member is None else [member.created]
    if static is not None:
        since += static.sources.values()
    if any_since is not None:
        since.append(any_since)
    return MdbRow(
        vid=group.vlan.vid,
        family=Family.IPV4,
        group=group.address,
        port=port,
        filter_mode=FilterMode.EXCLUDE if exclude or any_since is not None else FilterMode.INCLUDE,
        sources=_sources(member, static, now),
        group_timer=(
            left(member.group_timer, now)
            if member is not None and exclude and any_since is None
            else None
        ),
        origin="static" if member is None or any_since is not None else "dynamic",
        compatibility="igmpv3" if member is None else f"igmpv{member.compatibility(now)}",
        uptime=Duration(now - min(since)),
        last_reporter=None if member is None else reporter_address(member.reporter),
    )


def _plain(group: Group, port: int, member: Membership, now: Instant) -> MdbRow:
    """Return the row of a membership for any source: nearly all are, and there are thousands."""
    return MdbRow(
        vid=group.vlan.vid,
        family=Family.IPV4,
        group=group.address,
        port=port,
        filter_mode=FilterMode.EXCLUDE if member.exclude else FilterMode.INCLUDE,
        sources=(),
        group_timer=left(member.group_timer, now) if member.exclude else None,
        origin="dynamic",
        compatibility=f"igmpv{member.compatibility(now)}",
        uptime=Duration(now - member.created),
        last_reporter=reporter_address(member.reporter),
    )


def _sources(
    member: Membership | None, static: Static | None, now: Instant
) -> tuple[SourceRow, ...]:
    """List the sources that either names; a static entry outdoes one that is blocked."""
    learned = {} if member is None else member.sources
    said = {} if static is None else static.sources
    always = static is not None and static.any_since is not None
    rows = []
    for source in sorted(learned.keys() | said.keys()):
        timer = learned.get(source, STOPPED)
        rows.append(
            SourceRow(
                source,
                left(timer, now) if timer else None,
                bool(timer) or always or source in said,
                source in said,
            )
        )
    return tuple(rows)
