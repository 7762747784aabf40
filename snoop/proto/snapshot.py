"""The engine's state as rows for people; see `views` for what they mean."""

from collections.abc import Iterable, Iterator
from typing import Final

from snoop.proto import testimony
from snoop.proto.group import Group
from snoop.proto.hosts import reporter_address, reporter_mac
from snoop.proto.instances import Instances
from snoop.proto.membership import Membership
from snoop.proto.statics import Static
from snoop.proto.units import STOPPED, Duration, Instant, left
from snoop.proto.views import EntryOrigin, FilterMode, HostRow, MdbRow, SourceRow
from snoop.wire.address import Address, Family, family
from snoop.wire.messages import version_of

_PROTOCOL: Final = {Family.IPV4: "igmp", Family.IPV6: "mld"}

Keys = Iterable[tuple[int, Address]]
"""(vid, group) of the groups asked for; those that are gone are left out."""

Tally = dict[tuple[int, Family], int]
"""Numbers by VLAN or port, and family."""


def keys(
    instances: Instances, vid: int | None, address: Address | None
) -> Iterator[tuple[int, Address]]:
    """Yield every (vid, group), or those of one VLAN or address, sorted.

    Instances may come and go in between: each is looked at when it is its turn.
    """
    for number in instances.vids() if vid is None else [vid]:
        for instance in instances.of(number):
            if address is None:
                for each in instance.groups.addresses():
                    yield number, each
            elif address in instance.groups:
                yield number, address


def mdb(instances: Instances, wanted: Keys, now: Instant) -> list[MdbRow]:
    """The memberships and static entries of groups, by port."""
    rows: list[MdbRow] = []
    for group in _groups(instances, wanted):
        for port in sorted(group.holders()):
            rows.append(_row(group, port, now))
    return rows


def hosts(instances: Instances, wanted: Keys, now: Instant) -> list[HostRow]:
    """The tracked hosts of groups, by port and address."""
    rows: list[HostRow] = []
    for group in _groups(instances, wanted):
        scope = group.home.scope
        for port, member in sorted(group.members.items()):
            if member.hosts is None:
                continue
            for host in sorted(member.hosts, key=lambda host: reporter_address(host.who)):
                if host.until > now:
                    heard = scope.context.ports[port].witnesses.find(scope.vid, host.who)
                    rows.append(
                        HostRow(
                            vid=scope.vid,
                            family=scope.family,
                            group=group.address,
                            port=port,
                            address=reporter_address(host.who),
                            mac=reporter_mac(host.who),
                            filter_mode=host.filter_mode,
                            sources=tuple(sorted(host.sources)),
                            timer=Duration(host.until - now),
                            version=(
                                None
                                if heard is None
                                else version_of(scope.family, heard.generation)
                            ),
                            first_heard=None if heard is None else Duration(now - heard.first),
                            last_heard=None if heard is None else Duration(now - heard.at),
                            unanswered=(
                                None
                                if heard is None
                                else testimony.unanswered(scope, port, heard, now)
                            ),
                        )
                    )
    return rows


def group_counts(instances: Instances, ports: Iterable[int]) -> tuple[Tally, Tally]:
    """How many groups have members or static entries: by VLAN and by port, of each family."""
    vlans = {}
    held_by = {(port, family): 0 for port in ports for family in Family}
    for instance in instances:
        held = 0
        for group in instance.groups:
            held += group.is_held
            for port in group.holders():
                held_by[port, instance.family] += 1
        vlans[instance.vid, instance.family] = held
    return vlans, held_by


def _groups(instances: Instances, wanted: Keys) -> Iterator[Group]:
    for vid, address in wanted:
        instance = instances.get(vid, family(address))
        group = None if instance is None else instance.groups.get(address)
        if group is not None:
            yield group


def _row(group: Group, port: int, now: Instant) -> MdbRow:
    """What was learned and what an operator said of one port, as one (N-7)."""
    member = group.members.get(port)
    static = None if group.statics is None else group.statics.on(port)
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
        vid=group.home.scope.vid,
        family=group.home.scope.family,
        group=group.address,
        port=port,
        filter_mode=FilterMode.EXCLUDE if exclude or any_since is not None else FilterMode.INCLUDE,
        sources=_sources(member, static, now),
        group_timer=(
            left(member.group_timer, now)
            if member is not None and exclude and any_since is None
            else None
        ),
        origin=(
            EntryOrigin.STATIC if member is None or any_since is not None else EntryOrigin.DYNAMIC
        ),
        compatibility=_compatibility(group, 3 if member is None else member.compatibility(now)),
        uptime=Duration(now - min(since)),
        last_reporter=None if member is None else reporter_address(member.reporter),
    )


def _plain(group: Group, port: int, member: Membership, now: Instant) -> MdbRow:
    """The row of a membership for any source: nearly all are, and there are thousands."""
    return MdbRow(
        vid=group.home.scope.vid,
        family=group.home.scope.family,
        group=group.address,
        port=port,
        filter_mode=FilterMode.EXCLUDE if member.exclude else FilterMode.INCLUDE,
        sources=(),
        group_timer=left(member.group_timer, now) if member.exclude else None,
        origin=EntryOrigin.DYNAMIC,
        compatibility=_compatibility(group, member.compatibility(now)),
        uptime=Duration(now - member.created),
        last_reporter=reporter_address(member.reporter),
    )


def _compatibility(group: Group, generation: int) -> str:
    of = group.home.scope.family
    return f"{_PROTOCOL[of]}v{version_of(of, generation)}"


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
