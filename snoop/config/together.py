"""Checks that need more than one value: an interval longer than another, a name given twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from msgspec import structs

from snoop.config import resolve
from snoop.config.addresses import GroupPrefix
from snoop.config.problems import Problem
from snoop.config.schema import Config, IgmpTable, MldTable
from snoop.config.words import meant
from snoop.wire.address import Family

PORTS_MAX = 256
_TABLE = {Family.IPV4: "igmp", Family.IPV6: "mld"}


def problems(config: Config) -> Iterator[Problem]:
    """All of them. What a table says alone is right already."""
    yield from _timers(config.igmp, "[igmp]", "igmp", None)
    yield from _timers(config.mld, "[mld]", "mld", None)
    yield from _families(config)
    yield from _twice("vlan", "vid", [str(vlan.vid) for vlan in config.vlan])
    for at, vlan in enumerate(config.vlan):
        for own, table in ((vlan, resolve.igmp_of), (vlan.mld, resolve.mld_of)):
            if own.query_interval is None and own.query_response_interval is None:
                continue  # as [igmp] or [mld], of which it was said
            where = f"[[vlan]] {vlan.vid}:{' mld:' if own is vlan.mld else ''}"
            yield from _timers(table(config, vlan), where, "vlan", at)
    yield from _twice("group", "group", [f'"{one.group}"' for one in config.group])
    yield from _ports(config)
    yield from _names(config)
    yield from _statics(config)
    yield from _listen(config.metrics.listen)


def _twice(table: str, key: str, values: Iterable[str]) -> Iterator[Problem]:
    """Tables of one name are told apart by their key."""
    seen = set()
    for at, value in enumerate(values):
        if value in seen:
            text = f"[[{table}]] {key} = {value} is given twice: allowed is once"
            yield Problem(text, table, at, key)
        seen.add(value)


def _families(config: Config) -> Iterator[Problem]:
    """Where a key is of one family, or two are of the same."""
    lists: list[tuple[str, int | None, str, list[GroupPrefix], Family]] = [
        ("igmp", None, "[igmp] ssm_ranges", config.igmp.ssm_ranges, Family.IPV4),
        ("mld", None, "[mld] ssm_ranges", config.mld.ssm_ranges, Family.IPV6),
    ]
    for at, port in enumerate(config.port):
        for key in ("deny_groups", "allow_groups"):
            given = getattr(port.mld, key) or []
            lists.append(("port", at, f"[[port]] {port.name}: mld: {key}", given, Family.IPV6))
    for table, index, where, prefixes, family in lists:
        for one in prefixes:
            if one.family is not family:
                text = f'{where} = "{one}" is not allowed: IPv{family} groups'
                yield Problem(text, table, index, "ssm_ranges" if index is None else "mld")
    for at, static in enumerate(config.static):
        if static.source is not None and static.source.family is not static.group.family:
            text = (
                f'[[static]] {static.group} source = "{static.source}" is not allowed: an address '
                f"of the group's family, IPv{static.group.family}"
            )
            yield Problem(text, "static", at, "source")


def _timers(
    igmp: IgmpTable | MldTable, where: str, table: str, index: int | None
) -> Iterator[Problem]:
    """An `[igmp]` or `[mld]` as it holds; the protocol's own checks are the last word."""
    if igmp.query_response_interval > igmp.query_interval:  # TM-2
        text = (
            f"{where} query_response_interval = {igmp.query_response_interval:g} is not "
            f"allowed: at most query_interval, {igmp.query_interval:g}"
        )
        yield Problem(text, table, index, "query_response_interval")
        igmp = structs.replace(igmp, query_response_interval=igmp.query_interval)
    try:
        resolve.alone(structs.replace(igmp, ssm_ranges=[]))  # of which `_families` tells
    except ValueError as error:
        text = str(error)
        if isinstance(igmp, MldTable):
            text = text.replace("last_member", "last_listener")
        yield Problem(f"{where} {text}", table, index, text.split(" ", 1)[0])


def _ports(config: Config) -> Iterator[Problem]:
    yield from _twice("port", "name", [f'"{port.name}"' for port in config.port])
    for at, port in enumerate(config.port):
        try:
            resolve.port_params(port)
        except ValueError as error:
            text = f"[[port]] {port.name}: {error}"
            yield Problem(text, "port", at, str(error).split(" ", 1)[0])
    if len(config.port) > PORTS_MAX:
        text = f"{len(config.port)} [[port]] tables: allowed are at most {PORTS_MAX}"
        yield Problem(text, "port", PORTS_MAX)


def _names(config: Config) -> Iterator[Problem]:
    """Ports are called by names that they have."""
    names = {port.name for port in config.port}
    flooded = config.switch.report_flood
    listed: list[tuple[str, str, int | None, str, str]] = [
        ("[switch] report_flood", "switch", None, "report_flood", name)
        for name in (() if isinstance(flooded, bool) else flooded)
    ]
    for at, static in enumerate(config.static):
        heading = f"[[static]] {static.group} ports"
        listed += [(heading, "static", at, "ports", name) for name in static.ports]
    for heading, table, index, key, name in listed:
        if name not in names:
            text = f'{heading} = "{name}" is not allowed: a port of this switch{meant(name, names)}'
            yield Problem(text, table, index, key)


def _statics(config: Config) -> Iterator[Problem]:
    """Static entries are held to the limits of learned ones (N-8)."""
    groups: dict[tuple[int, Family], set[str]] = {}
    sources: dict[tuple[int, str, str], set[str]] = {}
    full: set[object] = set()
    limits = {
        (vlan.vid, family): table
        for vlan in config.vlan
        for family, table in (
            (Family.IPV4, resolve.igmp_of(config, vlan)),
            (Family.IPV6, resolve.mld_of(config, vlan)),
        )
    }
    for at, static in enumerate(config.static):
        of = (static.vlan, static.group.family)
        name, common = _TABLE[of[1]], getattr(config, _TABLE[of[1]])
        limit: IgmpTable | MldTable = limits.get(of, common)
        held = groups.setdefault(of, set())
        held.add(str(static.group))
        if len(held) > limit.max_groups and of not in full:
            full.add(of)
            text = (
                f"[[static]] names more than {limit.max_groups} groups of VLAN "
                f"{static.vlan}: allowed are as many as [{name}] max_groups"
            )
            yield Problem(text, "static", at)
        for port in static.ports if static.source is not None else ():
            key = (static.vlan, str(static.group), port)
            listed = sources.setdefault(key, set())
            listed.add(str(static.source))
            if len(listed) > limit.max_sources and key not in full:
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
