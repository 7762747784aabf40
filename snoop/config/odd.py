"""What a configuration may say and is seldom meant: each a note that names keys and what follows.

Nothing in here is refused. A note is made only of what holds whatever the network does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from operator import itemgetter

from snoop.config import odd_ports, odd_vlans, resolve
from snoop.config.addresses import (
    Group,
    GroupPrefix,
    HostAddress,
    Network,
    Source,
    StaticGroup,
    carried,
)
from snoop.config.schema import Config, IgmpTable, MldTable
from snoop.config.schema_port import PortTable
from snoop.proto.params import FastLeave, MrouterMode, NoQuerier, QuerierMode, Unregistered
from snoop.proto.units import to_seconds
from snoop.wire.address import Address, Family

_EVERY_GROUP = (GroupPrefix("224.0.0.0/4").network, GroupPrefix("ff00::/8").network)
_LINK_LOCAL = GroupPrefix("224.0.0.0/24").network
_LINK_LOCAL6 = GroupPrefix(resolve.LINK_LOCAL6).network
_DISCOVERY = [GroupPrefix(one).network for one in resolve.ALWAYS_FLOOD6]
_HIDDEN = re.compile(r"\\(?:u[0-9a-f]{4}|U[0-9a-f]{8})")


def notes(config: Config) -> list[str]:
    """All of them, in the order of the tables."""
    return [*_switch(config), *_families(config), *_ports(config)]


def of_ports(config: Config) -> list[str]:
    """Those that an option of a port may make: it makes none of a VLAN, of which there may be
    thousands to look at.
    """
    return [*_switch(config), *_ports(config)]


def _families(config: Config) -> list[str]:
    found: list[str] = []
    such = "".join(f", such as {each.address}, the host's own" for each in _own(config)[:1])
    common = list(_querier(config.igmp, such))
    found += [f"[igmp] {note}" for note in common]
    found += _igmp(config)
    mld = list(_querier(config.mld))
    found += [f"[mld] {note}" for note in mld]
    found += _mld(config)
    for vlan in config.vlan:
        where = f"[[vlan]] {vlan.vid}:"
        found += [
            f"{where} {n}" for n in _querier(resolve.igmp_of(config, vlan), such) if n not in common
        ]
        found += [
            f"{where} mld: {n}" for n in _querier(resolve.mld_of(config, vlan)) if n not in mld
        ]
    return found


def _own(config: Config) -> list[HostAddress]:
    """The IPv4 addresses of the host itself."""
    each = (one for host in config.host for one in host.addresses)
    return [one for one in each if one.address.family is Family.IPV4]


def _ports(config: Config) -> list[str]:
    found: list[str] = []
    for port in config.tables:
        found += [f"{port.where}: {note}" for note in _port(port, config)]
    found += _statics(config)
    found += _names(config)
    found += odd_ports.together(config)
    found += odd_vlans.notes(config)
    return found


def _switch(config: Config) -> Iterator[str]:
    switch, ports = config.switch, config.tables
    asks = {config.igmp.querier, config.mld.querier}
    asks |= {one for vlan in config.vlan for one in (vlan.querier, vlan.mld.querier) if one}
    if switch.no_querier is NoQuerier.PRUNE and asks == {QuerierMode.OFF}:
        yield (
            '[switch] no_querier = "prune" while no querier is configured: unless another device '
            "asks, memberships run out and their streams end"
        )
    if switch.report_flood is True:
        yield (
            "[switch] report_flood = true: IGMPv1 and v2 hosts that hear another's report keep "
            "their own back, and are then not known as members"
        )
    if ports and all(port.mrouter is MrouterMode.NEVER for port in ports):
        if switch.unregistered is Unregistered.MROUTERS:
            yield (
                '[switch] unregistered = "mrouters" and every port has mrouter = "never": groups '
                "nobody has joined go nowhere"
            )
        elif config.igmp.querier is QuerierMode.OFF:
            yield (
                'every port has mrouter = "never" and [igmp] querier is "off": reports go to no '
                "port, so whoever asks hears no answer"
            )
    for each in switch.always_flood:
        if around := _flooded(each.network, config):
            yield f"[switch] always_flood names {each}: {around} is flooded anyway"


def _flooded(network: Network, config: Config) -> str:
    """By what groups go to every port whatever `always_flood` says; empty: they do not."""
    always = [_LINK_LOCAL, *_DISCOVERY]
    if config.mld.flood_link_local:
        always.append(_LINK_LOCAL6)
    for around in always:
        if _inside(network, around):
            return f"all of {around}" if around.num_addresses > 1 else "it"
    return ""


def _querier(igmp: IgmpTable | MldTable, such: str = "") -> Iterator[str]:
    """Of our own questions, and the timers that follow from them."""
    timings = resolve.alone(igmp).timings
    if igmp.querier is not QuerierMode.OFF:
        if isinstance(igmp, IgmpTable) and igmp.querier_address.address.is_unspecified:
            yield (
                f'querier = "{igmp.querier.value}" has no querier_address: its queries come from '
                "0.0.0.0, which other switches do not take for a router and which loses every "
                f"election; give it one{such}"
            )
        if igmp.version < (3 if isinstance(igmp, IgmpTable) else 2) and igmp.ssm_ranges:
            yield (
                f"version = {igmp.version} with a querier: hosts that answer it cannot name "
                "sources, so that what they join in ssm_ranges is ignored"
            )
    if igmp.robustness == 1:
        yield "robustness = 1: a single lost query or report ends a membership"
    startup = igmp.startup_query_interval
    if startup is not None and startup > igmp.query_interval:
        yield (
            f"startup_query_interval = {startup:g} is longer than query_interval, "
            f"{igmp.query_interval:g}: the first queries come slower than the later ones"
        )
    if igmp.qqi_ceiling is not None and igmp.qqi_ceiling < igmp.query_interval:
        yield (
            f"qqi_ceiling = {igmp.qqi_ceiling:g} is shorter than query_interval, "
            f"{igmp.query_interval:g}: a querier that asks as seldom as we would is taken to ask "
            "more often"
        )
    if timings.lmqt > timings.gmi:
        last = "member" if isinstance(igmp, IgmpTable) else "listener"
        yield (
            f"last_{last}_query_interval times its count, {to_seconds(timings.lmqt):g} s, is longer"
            f" than a membership lasts unasked, {to_seconds(timings.gmi):g} s: leaves end nothing"
        )


def _igmp(config: Config) -> Iterator[str]:
    igmp = config.igmp
    if not igmp.enabled and (
        igmp.querier is not QuerierMode.OFF or config.vlan or config.static
        or any(port.deny_groups or port.allow_groups for port in config.tables)
    ):  # fmt: skip
        yield (
            "[igmp] enabled = false: every group floods, so that querier, [[vlan]], [[static]] and "
            "filters do nothing"
        )
    if igmp.version < 3 and (igmp.ignore_v1, igmp.ignore_v2)[igmp.version - 1]:
        yield (
            f"[igmp] version = {igmp.version} and ignore_v{igmp.version} = true: the answers to "
            "our own queries are ignored"
        )
    total = igmp.max_groups_total
    if total is not None and total < igmp.max_groups:
        yield (
            f"[igmp] max_groups_total = {total} is less than max_groups, {igmp.max_groups}, which "
            "no VLAN can reach"
        )


def _mld(config: Config) -> Iterator[str]:
    mld = config.mld
    groups: list[StaticGroup | GroupPrefix] = [one.group for one in config.static]
    for port in config.tables:
        groups += [*port.deny_groups, *port.allow_groups]
    if not mld.enabled and (
        mld.querier is not QuerierMode.OFF
        or any(vlan.mld.querier is not None for vlan in config.vlan)
        or any(one.family is Family.IPV6 for one in groups)
    ):
        yield (
            "[mld] enabled = false: every IPv6 group floods, so that querier, [[static]] and "
            "filters do nothing for them"
        )
    if (
        mld.enabled
        and mld.querier is QuerierMode.OFF
        and config.igmp.querier is not QuerierMode.OFF
        and config.switch.no_querier is NoQuerier.PRUNE
    ):
        yield (
            f'[mld] querier = "off" while that of [igmp] is "{config.igmp.querier.value}", and '
            '[switch] no_querier = "prune": unless another device asks, IPv6 memberships run out'
        )
    if mld.version == 1 and mld.ignore_v1:
        yield ("[mld] version = 1 and ignore_v1 = true: the answers to our own queries are ignored")


def _port(port: PortTable, config: Config) -> Iterator[str]:
    filters = resolve.filters(port)
    denied = _collapsed(filters.deny)
    whole = [each for each in denied if each in _EVERY_GROUP]
    for each in whole:
        yield f"deny_groups is all of {each}: no host on it can join anything"
    for every in _EVERY_GROUP:
        allowed = [one.network for one in filters.allow if _inside(one.network, every)]
        lost = [each for each in allowed if any(_inside(each, deny) for deny in denied)]
        if every in whole or not lost:
            continue
        if len(lost) == len(allowed):
            yield "deny_groups has all of allow_groups: no host on it can join anything"
        for each in lost if len(lost) < len(allowed) else ():
            yield f"allow_groups names {each}, which deny_groups refuses"
    for listed in config.switch.always_flood:
        refused = any(_inside(listed.network, deny) for deny in denied if deny not in whole)
        if refused:
            yield f"deny_groups has {listed}, which [switch] always_flood sends to it all the same"
    if port.mrouter is MrouterMode.ALWAYS and config.switch.unregistered is Unregistered.DROP:
        yield (
            'mrouter = "always" and [switch] unregistered = "drop": the router gets no group that '
            "nobody has joined"
        )
    if port.fast_leave is FastLeave.TRACKED and not config.igmp.max_hosts:
        yield 'fast_leave = "tracked" and [igmp] max_hosts = 0: no host is tracked'
    if port.max_state > config.igmp.max_state:
        yield (
            f"max_state = {port.max_state} is more than [igmp] max_state, {config.igmp.max_state}, "
            "which ends it first"
        )


def _statics(config: Config) -> Iterator[str]:
    denied = {port.name: _spans(resolve.filters(port).deny) for port in config.tables}
    ssm = _spans([*config.igmp.ssm_ranges, *config.mld.ssm_ranges])
    listed = _spans(config.switch.always_flood)
    for static in config.static:
        where, group = f"[[static]] {static.group}:", static.group.group
        if group is None:
            continue
        if _within(group, listed) or _flooded(GroupPrefix(str(group)).network, config):
            yield f"{where} the group goes to every port anyway"
        elif group.family is Family.IPV6 and group.mapped[1] & 0xF < 2:
            yield f"{where} a group of that scope never leaves its host: nothing is delivered"
        elif static.source is None and _within(group, ssm):
            yield (
                f"{where} no source, and the group is in ssm_ranges, where hosts join the "
                "streams of one source each: every source's goes to its ports"
            )
        for name in static.ports:
            if _within(group, denied[name]):
                yield f"{where} {name} gets it, though its deny_groups refuses that group to hosts"
    for entry, times in Counter(_entries(config)).items():
        if times > 1:
            of_group, source, vlan, name = entry
            of = "" if source is None else f" from {source}"
            yield f"[[static]] {of_group}{of} in VLAN {vlan} is given {times} times for {name}"


def _names(config: Config) -> Iterator[str]:
    """What people call things, where two are called the same or a name says something else."""
    names = Counter(one.name for one in config.group)
    labels = Counter(port.description for port in config.tables if port.description)
    for name, times in names.items():
        if times > 1:
            yield f'[[group]] name = "{name}" is given to {times} groups or prefixes'
        if _is_group(name):
            yield f'[[group]] name = "{name}" is itself a group: nobody can tell which is meant'
    for label, times in labels.items():
        if times > 1:
            yield f'[[port]] description = "{label}" is given to {times} ports'
        if any(port.name == label and port.description != label for port in config.tables):
            yield f'[[port]] description = "{label}" is the name of another port'
    for text in dict.fromkeys([*names, *labels]):
        if _HIDDEN.search(text):
            yield f'"{text}" has characters that cannot be seen: they are shown as escapes'


def _is_group(name: str) -> bool:
    try:
        return bool(Group(name))
    except ValueError:
        return False


def _entries(config: Config) -> Iterator[tuple[StaticGroup, Source | None, int, str]]:
    for static, vid, name in resolve.static_entries(config):
        yield static.group, static.source, vid, name


def _inside(network: Network, around: Network) -> bool:
    """Tell whether a network is part of another, of whatever family."""
    if isinstance(network, IPv4Network):
        return isinstance(around, IPv4Network) and network.subnet_of(around)
    return isinstance(around, IPv6Network) and network.subnet_of(around)


def _collapsed(prefixes: Iterable[GroupPrefix]) -> list[Network]:
    """As few as say the same."""
    networks = [each.network for each in prefixes]
    return [
        *collapse_addresses(each for each in networks if isinstance(each, IPv4Network)),
        *collapse_addresses(each for each in networks if isinstance(each, IPv6Network)),
    ]


def _spans(prefixes: Iterable[GroupPrefix]) -> list[tuple[Address, Address]]:
    """First and last address of each, in order and apart: there may be thousands to look up."""
    return sorted(
        (carried(each.network_address), carried(each.broadcast_address))
        for each in _collapsed(prefixes)
    )


def _within(group: Group, spans: list[tuple[Address, Address]]) -> bool:
    at = bisect_right(spans, group.mapped, key=itemgetter(0)) - 1
    return at >= 0 and group.mapped <= spans[at][1]
