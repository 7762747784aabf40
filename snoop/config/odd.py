"""What a configuration may say and is seldom meant: each a note that names keys and what follows.

Nothing in here is refused. A note is made only of what holds whatever the network does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from operator import itemgetter

from snoop.config import resolve
from snoop.config.schema import Config, IgmpTable, PortTable, StaticTable
from snoop.proto.params import FastLeave, MrouterMode, NoQuerier, QuerierMode, Unregistered
from snoop.proto.units import to_seconds

_EVERY_GROUP = IPv4Network("224.0.0.0/4")
_LINK_LOCAL = IPv4Network("224.0.0.0/24")
_HIDDEN = re.compile(r"\\(?:u[0-9a-f]{4}|U[0-9a-f]{8})")


def notes(config: Config) -> list[str]:
    """All of them, in the order of the tables."""
    found = list(_switch(config))
    common = list(_querier(config.igmp))
    found += [f"[igmp] {note}" for note in common]
    found += _igmp(config)
    for vlan in config.vlan:
        own = resolve.igmp_of(config, vlan)
        found += [f"[[vlan]] {vlan.vid}: {n}" for n in _querier(own) if n not in common]
    for port in config.port:
        found += [f"[[port]] {port.name}: {note}" for note in _port(port, config)]
    found += _statics(config)
    found += _names(config)
    return found


def _switch(config: Config) -> Iterator[str]:
    switch, ports = config.switch, config.port
    asks = {config.igmp.querier, *(vlan.querier for vlan in config.vlan)}
    if switch.no_querier is NoQuerier.PRUNE and asks <= {QuerierMode.OFF, None}:
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
    for group in switch.always_flood:
        if group in _LINK_LOCAL:
            yield f"[switch] always_flood names {group}: all of {_LINK_LOCAL} is flooded anyway"


def _querier(igmp: IgmpTable) -> Iterator[str]:
    """Of our own questions, and the timers that follow from them."""
    timings = resolve.alone(igmp).timings
    if igmp.querier is not QuerierMode.OFF:
        if igmp.querier_address.is_unspecified:
            yield (
                f'querier = "{igmp.querier.value}" has no querier_address: its queries come from '
                "0.0.0.0, which other switches do not take for a router and which loses every "
                "election; give it one"
            )
        if igmp.version < 3 and igmp.ssm_ranges:
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
        yield (
            f"last_member_query_interval times its count, {to_seconds(timings.lmqt):g} s, is longer"
            f" than a membership lasts unasked, {to_seconds(timings.gmi):g} s: leaves end nothing"
        )


def _igmp(config: Config) -> Iterator[str]:
    igmp = config.igmp
    if not igmp.enabled and (
        igmp.querier is not QuerierMode.OFF or config.vlan or config.static
        or any(port.deny_groups or port.allow_groups for port in config.port)
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


def _port(port: PortTable, config: Config) -> Iterator[str]:
    denied = list(collapse_addresses(_plain(port.deny_groups)))
    if _EVERY_GROUP in denied:
        yield f"deny_groups is all of {_EVERY_GROUP}: no host on it can join anything"
    else:
        allowed = list(_plain(port.allow_groups))
        lost = [each for each in allowed if any(each.subnet_of(deny) for deny in denied)]
        if allowed and len(lost) == len(allowed):
            yield "deny_groups has all of allow_groups: no host on it can join anything"
        for each in lost if len(lost) < len(allowed) else ():
            yield f"allow_groups names {each}, which deny_groups refuses"
    for group in config.switch.always_flood:
        if any(group in deny for deny in denied) and _EVERY_GROUP not in denied:
            yield f"deny_groups has {group}, which [switch] always_flood sends to it all the same"
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
    denied = {port.name: _spans(port.deny_groups) for port in config.port}
    ssm = _spans(config.igmp.ssm_ranges)
    for static in config.static:
        where, group = f"[[static]] {static.group}:", static.group
        if group in _LINK_LOCAL or group in config.switch.always_flood:
            yield f"{where} the group goes to every port anyway"
        elif static.source is None and _within(group, ssm):
            yield (
                f"{where} no source, and the group is in ssm_ranges, where hosts join the "
                "streams of one source each: every source's goes to its ports"
            )
        for name in static.ports:
            if _within(group, denied[name]):
                yield f"{where} {name} gets it, though its deny_groups refuses that group to hosts"
    for entry, times in Counter(_entries(config.static)).items():
        if times > 1:
            of_group, source, vlan, name = entry
            of = "" if source is None else f" from {source}"
            yield f"[[static]] {of_group}{of} in VLAN {vlan} is given {times} times for {name}"


def _names(config: Config) -> Iterator[str]:
    """What people call things, where two are called the same or a name says something else."""
    names = Counter(one.name for one in config.group)
    labels = Counter(port.description for port in config.port if port.description)
    for name, times in names.items():
        if times > 1:
            yield f'[[group]] name = "{name}" is given to {times} groups or prefixes'
        if _is_group(name):
            yield f'[[group]] name = "{name}" is itself a group: nobody can tell which is meant'
    for label, times in labels.items():
        if times > 1:
            yield f'[[port]] description = "{label}" is given to {times} ports'
        if any(port.name == label and port.description != label for port in config.port):
            yield f'[[port]] description = "{label}" is the name of another port'
    for text in dict.fromkeys([*names, *labels]):
        if _HIDDEN.search(text):
            yield f'"{text}" has characters that cannot be seen: they are shown as escapes'


def _is_group(name: str) -> bool:
    try:
        return IPv4Address(name).is_multicast
    except ValueError:
        return False


def _entries(
    statics: Iterable[StaticTable],
) -> Iterator[tuple[IPv4Address, IPv4Address | None, int, str]]:
    for static in statics:
        for name in static.ports:
            yield static.group, static.source, static.vlan, name


def _spans(prefixes: Iterable[IPv4Network]) -> list[tuple[int, int]]:
    """First and last address of each, in order and apart: there may be thousands to look up."""
    return [
        (int(each.network_address), int(each.broadcast_address))
        for each in collapse_addresses(_plain(prefixes))
    ]


def _within(group: IPv4Address, spans: list[tuple[int, int]]) -> bool:
    at = bisect_right(spans, int(group), key=itemgetter(0)) - 1
    return at >= 0 and int(group) <= spans[at][1]


def _plain(prefixes: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Without the bounds of a group's prefix, which wider or narrower ones would break."""
    return (IPv4Network(each) for each in prefixes)
