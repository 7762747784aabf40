"""Checks that need more than one value: an interval longer than another, a name given twice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from msgspec import structs

from snoop.config import patterns, resolve, together_hosts, together_vlans
from snoop.config.addresses import GroupPrefix
from snoop.config.bounds import PORTS_MAX
from snoop.config.problems import Problem, Unknown
from snoop.config.schema import Config, IgmpTable, MldTable
from snoop.config.schema_port import PortMldTable, PortTable
from snoop.config.schema_vlan import VlanTable
from snoop.config.words import meant
from snoop.wire.address import Family

_TABLE = {Family.IPV4: "igmp", Family.IPV6: "mld"}
_PAUSE = 1 << 1  # 01:80:c2:00:00:01, L2-2
_INTERVALS = ("query_interval", "query_response_interval")


def problems(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """All of them, but what only follows from what is `unknown`."""
    for name, common in (("igmp", config.igmp), ("mld", config.mld)):
        if not any(unknown.has(name, None, key) for key in _INTERVALS):
            yield from _timers(common, f"[{name}]", (name, None))
    yield from _families(config, unknown)
    yield from _vlans(config, unknown)
    yield from _twice("group", "group", [f'"{one.group}"' for one in config.group], unknown)
    yield from _by_ports(config, unknown)
    yield from _listen(config.metrics.listen)
    yield from _reserved(config.switch.group_fwd_mask)


def _reserved(mask: int) -> Iterator[Problem]:
    if mask & _PAUSE:
        text = f"[switch] group_fwd_mask = {mask:#x}: without 2, PAUSE, is allowed"
        yield Problem(text, "switch", meant="group_fwd_mask")


def of_ports(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """Those that an option of a port may make of a configuration that was good."""
    yield from _families(config, unknown)
    yield from _by_ports(config, unknown)


def _by_ports(config: Config, unknown: Unknown) -> Iterator[Problem]:
    yield from _ports(config, unknown)
    yield from together_hosts.problems(config, unknown)
    yield from together_vlans.problems(config, unknown)
    yield from _names(config, unknown)
    yield from _statics(config, unknown)


def _vlans(config: Config, unknown: Unknown) -> Iterator[Problem]:
    yield from _twice("vlan", "vid", [str(vlan.vid) for vlan in config.vlan], unknown)
    for at, vlan in enumerate(config.vlan):
        for own, family in ((vlan, Family.IPV4), (vlan.mld, Family.IPV6)):
            if all(getattr(own, key) is None for key in _INTERVALS):
                continue  # as [igmp] or [mld], of which it was said
            if any(_is_open(config, at, family, key, unknown) for key in _INTERVALS):
                continue
            inner = "mld" if family is Family.IPV6 else ""
            where = f"[[vlan]] {vlan.vid}:{inner and f' {inner}:'}"
            yield from _timers(_common(config, vlan, family), where, ("vlan", at), inner)


def _common(config: Config, vlan: VlanTable, family: Family) -> IgmpTable | MldTable:
    """`[igmp]` or `[mld]` as it holds in a VLAN."""
    of = resolve.igmp_of if family is Family.IPV4 else resolve.mld_of
    return of(config, vlan)


def _is_open(config: Config, at: int, family: Family, key: str, unknown: Unknown) -> bool:
    """Tell whether it is not known what a key is in a VLAN."""
    vlan = config.vlan[at]
    own, prefix = (vlan, "") if family is Family.IPV4 else (vlan.mld, "mld.")
    as_common = getattr(own, key) is None and unknown.has(_TABLE[family], None, key)
    return as_common or unknown.has("vlan", at, prefix + key)


def _twice(
    table: str, key: str, values: Iterable[str | None], unknown: Unknown
) -> Iterator[Problem]:
    """Tables of one name are told apart by their key, but those that have None."""
    seen = set()
    for at, value in enumerate(values):
        if value is None or unknown.has(table, at, key):
            continue
        if value in seen:
            text = f"[[{table}]] {key} = {value} is given twice: allowed is once"
            yield Problem(text, table, at, key)
        seen.add(value)


def _families(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """Where a key is of one family, or two are of the same."""
    ranges = "ssm_ranges"
    lists: list[tuple[str, int | None, str, str, list[GroupPrefix], Family]] = [
        ("igmp", None, ranges, "[igmp] ssm_ranges", config.igmp.ssm_ranges, Family.IPV4),
        ("mld", None, ranges, "[mld] ssm_ranges", config.mld.ssm_ranges, Family.IPV6),
    ]
    of_ports: tuple[tuple[str, Sequence[PortTable]], ...]
    of_ports = (("port", config.port), ("host", config.host))
    for name, at, port in ((name, *one) for name, ports in of_ports for one in enumerate(ports)):
        for key in ("deny_groups", "allow_groups"):
            given = getattr(port.mld, key) or []
            where = f"{port.where}: mld: {key}"
            lists.append((name, at, f"mld.{key}", where, given, Family.IPV6))
    for table, index, key, where, prefixes, family in lists:
        for one in prefixes:
            if one.family is not family:
                text = f'{where} = "{one}" is not allowed: IPv{family} groups'
                yield Problem(text, table, index, key)
    for at, static in enumerate(config.static):
        if static.source is None or unknown.has("static", at, "group"):
            continue
        if static.group.family is None:
            text = (
                f'[[static]] {static.group}: source = "{static.source}" is not allowed: a group by '
                "its MAC address has none"
            )
            yield Problem(text, "static", at, "source")
        elif static.source.family is not static.group.family:
            text = (
                f'[[static]] {static.group}: source = "{static.source}" is not allowed: an address '
                f"of the group's family, IPv{static.group.family}"
            )
            yield Problem(text, "static", at, "source")


def _timers(
    igmp: IgmpTable | MldTable, where: str, place: tuple[str, int | None], inner: str = ""
) -> Iterator[Problem]:
    """An `[igmp]` or `[mld]` as it holds; the protocol's own checks are the last word."""
    if igmp.query_response_interval > igmp.query_interval:  # TM-2
        text = (
            f"{where} query_response_interval = {igmp.query_response_interval:g} is not "
            f"allowed: at most query_interval, {igmp.query_interval:g}"
        )
        yield Problem(text, *place, _of(inner, "query_response_interval"))
        igmp = structs.replace(igmp, query_response_interval=igmp.query_interval)
    try:
        resolve.alone(structs.replace(igmp, ssm_ranges=[]))  # of which `_families` tells
    except ValueError as error:
        text = str(error)
        if isinstance(igmp, MldTable):
            text = text.replace("last_member", "last_listener")
        yield Problem(f"{where} {text}", *place, _of(inner, text.split(" ", 1)[0]))


def _of(inner: str, key: str) -> str:
    return f"{inner}.{key}" if inner else key


def _ports(config: Config, unknown: Unknown) -> Iterator[Problem]:
    yield from _twice("port", "name", _quoted(config), unknown)
    places = (("port", config.port), ("host", config.host))
    for table, at, port in ((of, at, one) for of, ports in places for at, one in enumerate(ports)):
        inner = ""
        try:
            resolve.port_params(config.switch, structs.replace(port, mld=PortMldTable()))
            tracks = ("mld.fast_leave", "mld.explicit_tracking")
            if not any(unknown.has(table, at, key) for key in tracks):
                inner = "mld"
                resolve.port_params(config.switch, port)
        except ValueError as error:
            text = f"{port.where}: {error}"
            yield Problem(text, table, at, _of(inner, str(error).split(" ", 1)[0]))
    if len(config.port) > PORTS_MAX:
        text = f"{len(config.port)} [[port]] tables: allowed are at most {PORTS_MAX}"
        yield Problem(text, "port", PORTS_MAX)
    elif len(config.tables) > PORTS_MAX:
        text = (
            f"{len(config.port)} [[port]] and {len(config.host)} [[host]] tables: allowed are at "
            f"most {PORTS_MAX} of both together"
        )
        yield Problem(text, "host", PORTS_MAX - len(config.port))


def _quoted(config: Config) -> Iterator[str | None]:
    """The name of each port; that of a pattern is looked at in `given_ports.py`."""
    for port in config.port:
        yield f'"{port.name}"' if port.match is None else None


def _names(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """Ports are called by names that they have."""
    if unknown.any("port", "name") or unknown.any("host", "interface"):
        return
    names = {port.name for port in config.named}
    flooded = config.switch.report_flood
    listed: list[tuple[str, str, int | None, str, str]] = [
        ("[switch] report_flood", "switch", None, "report_flood", name)
        for name in (() if isinstance(flooded, bool) else flooded)
    ]
    for at, static in enumerate(config.static):
        heading = f"[[static]] {static.group}: ports"
        listed += [(heading, "static", at, "ports", name) for name in static.ports]
    for heading, table, index, key, name in listed:
        if name not in names and patterns.of(config, name) is None:
            text = f'{heading} = "{name}" is not allowed: a port of this switch{meant(name, names)}'
            yield Problem(text, table, index, key)


def _statics(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """Static entries are held to the limits of learned ones (N-8)."""
    groups: dict[tuple[int, Family | None], set[str]] = {}
    sources: dict[tuple[int, str, str], set[str]] = {}
    full: set[object] = set()
    vlans = {vlan.vid: at for at, vlan in enumerate(config.vlan)}
    pvids = resolve.pvids(config)
    for at, static in enumerate(config.static):
        if unknown.has("static", at, "group") or unknown.has("static", at, "vlan"):
            continue
        if static.vlan is None and together_vlans.are_open(unknown):
            continue
        by_vlan: dict[int, list[str]] = {}
        for port in static.ports:
            by_vlan.setdefault(resolve.static_vlan(static, port, pvids), []).append(port)
        for vid, ports in by_vlan.items():
            family = static.group.family or Family.IPV4  # of no IP: held to that limit (N-8)
            of, name = (vid, static.group.family), _TABLE[family]
            own = vlans.get(vid)
            if own is None and unknown.any("vlan", "vid"):
                continue
            limit: IgmpTable | MldTable = (
                getattr(config, name) if own is None else _common(config, config.vlan[own], family)
            )
            most_groups, most_sources = (
                math.inf
                if (
                    unknown.has(name, None, key)
                    if own is None
                    else _is_open(config, own, family, key, unknown)
                )
                else getattr(limit, key)
                for key in ("max_groups", "max_sources")
            )
            held = groups.setdefault(of, set())
            held.add(str(static.group))
            if len(held) > most_groups and of not in full:
                full.add(of)
                text = (
                    f"[[static]] names more than {limit.max_groups} groups of VLAN {vid}: allowed "
                    f"are as many as [{name}] max_groups"
                )
                yield Problem(text, "static", at)
            for port in ports if static.source is not None else ():
                key = (vid, str(static.group), port)
                listed = sources.setdefault(key, set())
                listed.add(str(static.source))
                if len(listed) > most_sources and key not in full:
                    full.add(key)
                    text = (
                        f"[[static]] {static.group} names more than {limit.max_sources} "
                        f"sources for {port}: allowed are as many as [{name}] max_sources"
                    )
                    yield Problem(text, "static", at)


def _listen(listen: str) -> Iterator[Problem]:
    """What the endpoint could not listen on; whether a host's name resolves is not known here."""
    address, _, port = listen.rpartition(":")
    address = address.strip("[]")
    wrong = []
    if port and int(port) > 65535:
        wrong.append("a port is 0 to 65535")
    if address and (":" in address or address.replace(".", "").isdigit()):
        try:
            ip_address(address)
        except ValueError:
            wrong.append(f'"{address}" is no IP address')
    if wrong:
        text = f'[metrics] listen = "{listen}" is not allowed: {", ".join(wrong)}'
        yield Problem(text, "metrics", None, "listen")
