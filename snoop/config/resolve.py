"""A checked configuration as the protocol's parameters: text to addresses, names to port sets."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network

from msgspec import structs

from snoop.config.schema import Config, IgmpTable, PortTable, VlanTable
from snoop.proto.params import NullSource, Params, PortParams
from snoop.proto.statics import StaticEntry
from snoop.proto.units import seconds
from snoop.wire.address import Prefix, mapped

ALL_PORTS = (1 << 256) - 1
_NULL_SOURCE: dict[bool | str, NullSource] = {
    False: NullSource.NO,
    "fallback": NullSource.FALLBACK,
    True: NullSource.YES,
}
NO_MAC = b"\x02\0\0\0\0\1"  # locally administered; for a switch whose ports have none


def params(config: Config, *, port_id: Callable[[str], int], switch_mac: bytes) -> Params:
    """The switch-wide parameters; ValueError names what is out of range.

    `switch_mac` is the source of our own frames, 6 bytes.
    """
    switch = config.switch
    if isinstance(switch.report_flood, bool):
        report_flood = ALL_PORTS if switch.report_flood else 0
    else:
        report_flood = sum({1 << port_id(name) for name in switch.report_flood})

    def of(igmp: IgmpTable, vlans: tuple[tuple[int, Params], ...] = ()) -> Params:
        startup = igmp.startup_query_interval
        return Params(
            enabled=igmp.enabled,
            unregistered=switch.unregistered,
            no_querier=switch.no_querier,
            report_flood=report_flood,
            specific_query_scope=switch.specific_query_scope,
            querier=igmp.querier,
            querier_address=mapped(igmp.querier_address.packed),
            version=igmp.version,
            robustness=igmp.robustness,
            query_interval=seconds(igmp.query_interval),
            query_response_interval=seconds(igmp.query_response_interval),
            last_member_query_interval=seconds(igmp.last_member_query_interval),
            last_member_query_count=igmp.last_member_query_count,
            startup_query_interval=None if startup is None else seconds(startup),
            startup_query_count=igmp.startup_query_count,
            timer_profile=igmp.timer_profile,
            ttl_check=igmp.ttl_check,
            require_router_alert=igmp.require_router_alert,
            mrouter_on_null_source=_NULL_SOURCE[igmp.mrouter_on_null_source],
            lite_exclude_filter=igmp.lite_exclude_filter,
            compat_disable=igmp.compat_disable,
            ignore_v1=igmp.ignore_v1,
            ignore_v2=igmp.ignore_v2,
            mrd=igmp.mrd,
            qqi_ceiling=None if igmp.qqi_ceiling is None else seconds(igmp.qqi_ceiling),
            ssm_ranges=tuple(prefix(one) for one in igmp.ssm_ranges),
            max_groups=igmp.max_groups,
            max_groups_total=igmp.max_groups_total,
            max_sources=igmp.max_sources,
            max_hosts=igmp.max_hosts,
            max_state=igmp.max_state << 20,
            switch_mac=switch_mac,
            vlans=vlans,
        )

    vlans = tuple((vlan.vid, of(igmp_of(config, vlan))) for vlan in config.vlan)
    return of(config.igmp, vlans)


def igmp_of(config: Config, vlan: VlanTable) -> IgmpTable:
    """`[igmp]` as it holds in a VLAN with keys of its own."""
    own = {key: value for key, value in structs.asdict(vlan).items() if value is not None}
    del own["vid"]
    interval = own.get("query_interval", config.igmp.query_interval)
    if config.igmp.query_response_interval > interval:
        own.setdefault("query_response_interval", interval)  # Within it, as for [igmp] (TM-2).
    return structs.replace(config.igmp, **own)


def port_params(table: PortTable) -> PortParams:
    """The parameters of one port."""
    return PortParams(
        name=table.name,
        mrouter=table.mrouter,
        querier_guard=table.querier_guard,
        fast_leave=table.fast_leave,
        explicit_tracking=table.explicit_tracking,
        deny_groups=tuple(prefix(one) for one in table.deny_groups),
        allow_groups=tuple(prefix(one) for one in table.allow_groups),
        flood_unregistered=table.flood_unregistered,
        max_groups=table.max_groups,
        max_state=table.max_state << 20,
    )


def alone(igmp: IgmpTable) -> Params:
    """An `[igmp]` by itself, for what follows from it; ValueError as the protocol says it."""
    return params(Config(igmp=igmp), port_id=lambda name: 0, switch_mac=NO_MAC)


def always_flood(config: Config) -> list[Prefix]:
    """Prefixes whose groups go everywhere (SNOOP-42)."""
    return [(mapped(group.packed), 128) for group in config.switch.always_flood]


def statics(config: Config, *, port_id: Callable[[str], int]) -> set[StaticEntry]:
    """Every configured static entry."""
    return {
        StaticEntry(
            static.vlan,
            mapped(static.group.packed),
            None if static.source is None else mapped(static.source.packed),
            port_id(name),
        )
        for static in config.static
        for name in static.ports
    }


def prefix(network: IPv4Network) -> Prefix:
    """A network in the switch's own form."""
    return mapped(network.network_address.packed), 96 + network.prefixlen
