"""A checked configuration as the protocol's parameters: text to addresses, names to port sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import structs

from snoop.config import patterns
from snoop.config.addresses import GroupPrefix
from snoop.config.schema import Config, IgmpTable, MldTable, StaticTable, SwitchTable
from snoop.config.schema_port import PortTable
from snoop.config.schema_vlan import VlanTable
from snoop.proto import vlans
from snoop.proto.params import NullSource, Params, PortParams
from snoop.proto.statics import StaticEntry
from snoop.proto.timings import TimerProfile
from snoop.proto.units import Ports, seconds
from snoop.proto.vlans import PortVlans
from snoop.wire.address import UNSPECIFIED6, Family, Prefix

ALL_PORTS = (1 << 256) - 1
_NULL_SOURCE: dict[bool | str, NullSource] = {
    False: NullSource.NO,
    "fallback": NullSource.FALLBACK,
    True: NullSource.YES,
}
_PROFILE = {
    "rfc9777": TimerProfile.RFC9776,
    "rfc3810": TimerProfile.RFC3376,
    "rfc9776": TimerProfile.RFC9776,
    "rfc3376": TimerProfile.RFC3376,
}
LINK_LOCAL6 = "ff02::/16"
ALWAYS_FLOOD6 = (  # INTERFACE.md 5: neighbour discovery and what hosts look for without joining
    "ff02::1",
    "ff02::2",
    "ff02::16",
    "ff02::6a",
    "ff02::fb",
    "ff02::1:2",
    "ff02::1:ff00:0/104",
)
NO_MAC = b"\x02\0\0\0\0\1"  # locally administered; for a switch whose ports have none


def params(config: Config, *, port_id: Callable[[str], int | None], switch_mac: bytes) -> Params:
    """The switch-wide parameters; ValueError names what is out of range.

    `switch_mac` is the source of our own frames, 6 bytes; `port_id` None: it is not there yet.
    """
    flooded = config.switch.report_flood
    if isinstance(flooded, bool):
        report_flood = ALL_PORTS if flooded else 0
    else:
        report_flood = sum({1 << at for name in flooded if (at := port_id(name)) is not None})

    def common(table: IgmpTable | MldTable) -> dict[str, Any]:
        return {**_common(table), **_policy(config, report_flood), "switch_mac": switch_mac}

    def igmp(table: IgmpTable, **more: Any) -> Params:
        return Params(**common(table), **_igmp(table), **more)

    def mld(table: MldTable, **more: Any) -> Params:
        return Params(**common(table), **_mld(table), **more)

    return igmp(
        config.igmp,
        mld=mld(
            config.mld,
            vlans=tuple(
                (one.vid, mld(mld_of(config, one), port_max_groups=one.mld.port_max_groups))
                for one in config.vlan
            ),
        ),
        vlans=tuple(
            (one.vid, igmp(igmp_of(config, one), port_max_groups=one.port_max_groups))
            for one in config.vlan
        ),
    )


def _policy(config: Config, report_flood: Ports) -> dict[str, Any]:
    """What `[switch]` says of both families."""
    switch = config.switch
    return {
        "unregistered": switch.unregistered,
        "no_querier": switch.no_querier,
        "report_flood": report_flood,
        "specific_query_scope": switch.specific_query_scope,
        "vlan_filtering": switch.vlan_filtering,
    }


def _common(table: IgmpTable | MldTable) -> dict[str, Any]:
    """What `[igmp]` and `[mld]` say by the same keys."""
    startup = table.startup_query_interval
    return {
        "enabled": table.enabled,
        "querier": table.querier,
        "version": table.version,
        "robustness": table.robustness,
        "query_interval": seconds(table.query_interval),
        "query_response_interval": seconds(table.query_response_interval),
        "startup_query_interval": None if startup is None else seconds(startup),
        "startup_query_count": table.startup_query_count,
        "ttl_check": table.ttl_check,
        "require_router_alert": table.require_router_alert,
        "lite_exclude_filter": table.lite_exclude_filter,
        "compat_disable": table.compat_disable,
        "ignore_v1": table.ignore_v1,
        "mrd": table.mrd,
        "qqi_ceiling": None if table.qqi_ceiling is None else seconds(table.qqi_ceiling),
        "ssm_ranges": tuple(one.prefix for one in table.ssm_ranges),
        "max_groups": table.max_groups,
        "max_sources": table.max_sources,
    }


def _igmp(igmp: IgmpTable) -> dict[str, Any]:
    return {
        "querier_address": igmp.querier_address.mapped,
        "last_member_query_interval": seconds(igmp.last_member_query_interval),
        "last_member_query_count": igmp.last_member_query_count,
        "timer_profile": igmp.timer_profile,
        "mrouter_on_null_source": _NULL_SOURCE[igmp.mrouter_on_null_source],
        "ignore_v2": igmp.ignore_v2,
        "max_groups_total": igmp.max_groups_total,
        "max_hosts": igmp.max_hosts,
        "max_state": igmp.max_state << 20,
    }


def _mld(mld: MldTable) -> dict[str, Any]:
    own = mld.querier_address
    return {
        "family": Family.IPV6,
        "querier_address": UNSPECIFIED6 if own is None else own.mapped,
        "last_member_query_interval": seconds(mld.last_listener_query_interval),
        "last_member_query_count": mld.last_listener_query_count,
        "timer_profile": _PROFILE[mld.timer_profile],
        "mrouter_on_null_source": NullSource.NO,  # MLD-2: nobody hears it.
    }


def igmp_of(config: Config, vlan: VlanTable) -> IgmpTable:
    """`[igmp]` as it holds in a VLAN with keys of its own."""
    given = structs.asdict(vlan)
    del given["vid"], given["name"], given["mld"], given["port_max_groups"]
    own = {key: value for key, value in given.items() if value is not None}
    return structs.replace(config.igmp, **_within(config.igmp, own))


def mld_of(config: Config, vlan: VlanTable) -> MldTable:
    """`[mld]` as it holds in a VLAN with keys of its own."""
    given = structs.asdict(vlan.mld)
    del given["port_max_groups"]
    own = {key: value for key, value in given.items() if value is not None}
    return structs.replace(config.mld, **_within(config.mld, own))


def _within(table: IgmpTable | MldTable, own: dict[str, Any]) -> dict[str, Any]:
    """A response interval nobody gave is within the VLAN's query interval (TM-2)."""
    interval = own.get("query_interval", table.query_interval)
    if table.query_response_interval > interval:
        own.setdefault("query_response_interval", interval)
    return own


def port_vlans(switch: SwitchTable, table: PortTable) -> PortVlans | None:
    """The VLANs of a port; None: the switch does not filter, and the port is in all of them."""
    if not switch.vlan_filtering:
        return None
    if table.trunk is None:
        return vlans.access(table.access or 1)
    return vlans.trunk_of(_set(tuple(table.trunk)), table.native or 0)


def pvid(table: PortTable) -> int:
    """The VLAN of a port's frames without a tag, of a switch that filters; 0: it has none."""
    return table.access or 1 if table.trunk is None else table.native or 0


def span(one: int | str) -> int:
    """The VLANs of an id or a range, bit `1 << vid` of each."""
    first, _, last = str(one).partition("-")
    return (1 << int(last or first) + 1) - 1 & ~((1 << int(first)) - 1)


@lru_cache(maxsize=512)  # Of every port it is asked whenever a VLAN changes.
def _set(listed: tuple[int | str, ...]) -> int:
    found = 0
    for one in listed:
        found |= span(one)
    return found


def port_params(switch: SwitchTable, table: PortTable) -> PortParams:
    """The parameters of one port; what differs for IPv6 stands in `mld`, but for the filters, which
    tell families apart themselves.
    """
    own, lists = table.mld, filters(table)
    shared: dict[str, Any] = {
        "name": table.name,
        "deny_groups": tuple(one.prefix for one in lists.deny),
        "allow_groups": tuple(one.prefix for one in lists.allow),
        "max_state": table.max_state << 20,
        "vlans": port_vlans(switch, table),
        "split_horizon": table.split_horizon,
    }
    keys = (
        *("mrouter", "querier_guard", "fast_leave", "explicit_tracking"),
        *("flood_unregistered", "max_groups"),
    )
    both = {key: getattr(table, key) for key in keys}
    given = {key: getattr(own, key) for key in keys}
    differs = {key: value for key, value in given.items() if value is not None}
    mld = PortParams(**shared, **(both | differs)) if differs else None
    return PortParams(**shared, **both, mld=mld)


class Filters(NamedTuple):
    """`deny_groups` and `allow_groups` as they hold, of both families."""

    deny: list[GroupPrefix]
    allow: list[GroupPrefix]


def filters(table: PortTable) -> Filters:
    """Those of a port: what its `mld` lists stands in for the IPv6 groups beside it."""

    def of(listed: list[GroupPrefix], ipv6: list[GroupPrefix] | None) -> list[GroupPrefix]:
        if ipv6 is None:
            return listed
        return [one for one in listed if one.family is Family.IPV4] + ipv6

    return Filters(
        of(table.deny_groups, table.mld.deny_groups),
        of(table.allow_groups, table.mld.allow_groups),
    )


def alone(table: IgmpTable | MldTable) -> Params:
    """An `[igmp]` or `[mld]` by itself, for what follows from it; ValueError as the protocol says
    it.
    """
    own = _igmp(table) if isinstance(table, IgmpTable) else _mld(table)
    return Params(**_common(table), **own, switch_mac=NO_MAC)


def always_flood(config: Config) -> list[Prefix]:
    """Prefixes whose groups go everywhere (SNOOP-42)."""
    listed = list(config.switch.always_flood)
    if config.mld.flood_link_local:
        listed.append(GroupPrefix(LINK_LOCAL6))
    return [one.prefix for one in listed]


def statics(config: Config, *, port_id: Callable[[str], int | None]) -> set[StaticEntry]:
    """Every configured static entry, but those of ports that a pattern may make some day."""
    return {
        StaticEntry(
            vid,
            static.group.mapped,
            None if static.source is None else static.source.mapped,
            at,
        )
        for static, vid, name in static_entries(config)
        if (at := port_id(name)) is not None
    }


def static_entries(config: Config) -> Iterator[tuple[StaticTable, int, str]]:
    """Every `[[static]]` with each of its ports and the VLAN that it has there."""
    own = pvids(config)
    for static in config.static:
        for name in static.ports:
            yield static, static_vlan(static, name, own), name


def pvids(config: Config) -> dict[str, int]:
    """The PVID of every port by its name; none where nobody filters."""
    if not config.switch.vlan_filtering:
        return {}
    named = {table.name: pvid(table) for table in config.named}
    if not config.patterns:
        return named
    told = {name for static in config.static for name in static.ports if name not in named}
    found = ((name, patterns.of(config, name)) for name in told)
    return named | {name: pvid(table) for name, table in found if table is not None}


def static_vlan(static: StaticTable, port: str, pvids: Mapping[str, int]) -> int:
    """The VLAN of an entry at a port; left out, that of frames without a tag."""
    return pvids.get(port, 0) if static.vlan is None else static.vlan
