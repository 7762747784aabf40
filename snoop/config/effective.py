"""A configuration as it holds: what is left out is filled in with what it then means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from snoop.config import resolve
from snoop.config.schema import Config, IgmpTable, MldTable, StaticTable, SwitchTable
from snoop.config.schema_port import Coalesce, HostTable, PortTable
from snoop.config.schema_vlan import VlanTable
from snoop.config.words import keys
from snoop.proto.params import Unregistered
from snoop.wire.address import Family


def bypass(table: PortTable, switch: SwitchTable) -> bool:
    """Past the queueing discipline?"""
    return switch.qdisc_bypass if table.qdisc_bypass is None else table.qdisc_bypass


def isolate(table: PortTable, switch: SwitchTable) -> bool:
    """Keep the host's stack off it?"""
    return switch.isolate if table.isolate is None else table.isolate


def coalesce(table: PortTable, switch: SwitchTable) -> Coalesce:
    """Who gets runs?"""
    return switch.coalesce if table.coalesce is None else table.coalesce


def whole(config: Config) -> dict[str, Any]:
    """The configuration as TOML-shaped plain data with every default filled in."""
    plain = {table: _plain(getattr(config, table)) for table in Config.__struct_fields__}
    plain["group"] = list(plain["group"])
    pvids = resolve.pvids(config)
    plain["static"] = [_static(one, pvids) for one in config.static]
    plain["igmp"] = _whole(config.igmp)
    plain["mld"] = _whole(config.mld)
    given = {table: _plain(getattr(config, table)) for table in ("igmp", "mld")}
    plain["vlan"] = [_vlan(vlan, **given) for vlan in config.vlan]
    plain["port"] = [port(config, one) for one in config.port]
    plain["host"] = [host(config, one) for one in config.host]
    return plain


def _plain(table: object) -> Any:
    return msgspec.to_builtins(table, enc_hook=str)


def _whole(table: IgmpTable | MldTable) -> dict[str, Any]:
    """With the defaults that follow from other keys."""
    plain: dict[str, Any] = _plain(table)
    return _filled(plain, "member" if isinstance(table, IgmpTable) else "listener")


def _filled(plain: dict[str, Any], last: str) -> dict[str, Any]:
    for key, value in (
        ("startup_query_interval", plain["query_interval"] / 4),  # TM-6
        ("startup_query_count", plain["robustness"]),  # TM-7
        (f"last_{last}_query_count", plain["robustness"]),  # TM-9
        ("qqi_ceiling", 2 * plain["query_interval"]),
        ("max_groups_total", 16 * plain["max_groups"]),
    ):
        if key in plain and plain[key] is None:
            plain[key] = value
    return plain


def _static(table: StaticTable, pvids: Mapping[str, int]) -> dict[str, Any]:
    """With the VLAN that it means, if its ports have the same."""
    own = {resolve.static_vlan(table, name, pvids) for name in table.ports}
    plain: dict[str, Any] = _plain(table)
    return {**plain, "vlan": own.pop() if len(own) == 1 else None}


def _vlan(table: VlanTable, igmp: dict[str, Any], mld: dict[str, Any]) -> dict[str, Any]:
    """With what `[igmp]` and `[mld]` say, as they are given."""
    own = _plain(table)
    inner = {key: own["mld"].get(key) for key in table.mld.__struct_fields__}
    whole = _in_vlan({key: own[key] for key in own if key != "mld"}, igmp, "member")
    return {**whole, "mld": _in_vlan(inner, mld, "listener")}


def _in_vlan(own: dict[str, Any], common: dict[str, Any], last: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        key: common.get(key) if value is None else value for key, value in own.items()
    }
    if own["query_response_interval"] is None:  # TM-2
        made["query_response_interval"] = min(
            made["query_response_interval"], made["query_interval"]
        )
    if made["port_max_groups"] is None:
        made["port_max_groups"] = 0
    return _filled(made, last)


def access(port: PortTable, switch: SwitchTable) -> int | None:
    """The VLAN of a port that has no tags; None: it has a trunk, or nobody filters."""
    if not switch.vlan_filtering or port.trunk is not None:
        return port.access
    return 1 if port.access is None else port.access


def port(config: Config, table: PortTable) -> dict[str, Any]:
    """One port the same way."""
    switch = config.switch
    floods = table.flood_unregistered
    whole = structs.replace(
        table,
        access=access(table, switch),
        coalesce=coalesce(table, switch),
        isolate=isolate(table, switch),
        qdisc_bypass=bypass(table, switch),
        flood_unregistered=switch.unregistered is Unregistered.FLOOD if floods is None else floods,
    )
    plain: dict[str, Any] = _plain(whole)
    lists = {
        f"{key}_groups": [str(each) for each in listed if each.family is Family.IPV6]
        for key, listed in resolve.filters(table)._asdict().items()
    }
    same = {key: plain[key] for key in table.mld.__struct_fields__}
    plain["mld"] = same | plain["mld"] | lists
    known = keys(PortTable)[0]
    return {key: plain[key] for key in known if key != ("name" if table.match else "match")}


def host(config: Config, table: HostTable) -> dict[str, Any]:
    """One `[[host]]` the same way; its MTU and MAC address are what the file says."""
    whole = _plain(table) | port(config, table)
    return {key: whole[key] for key in keys(HostTable)[0]}
