"""Of the tables of `show config`, what commands read; the switch writes all of its schema."""

from __future__ import annotations

from msgspec import Struct

from snoop.control.tagged import Vid


class SwitchConfig(Struct, frozen=True, kw_only=True):
    """Of `[switch]`, what commands read."""

    no_querier: str
    fdb_max: int
    unregistered: str = "flood"
    vlan_filtering: bool = False
    nice: int = 0
    loop_guard: bool = True


class IgmpConfig(Struct, frozen=True, kw_only=True):
    """Of `[igmp]`, what commands read."""

    enabled: bool
    querier: str
    querier_address: str
    version: int
    robustness: int
    query_interval: float
    query_response_interval: float
    last_member_query_interval: float
    require_router_alert: bool
    lite_exclude_filter: bool
    mrouter_on_null_source: bool | str
    max_groups: int
    max_state: int


class MldConfig(Struct, frozen=True, kw_only=True):
    """Of `[mld]`, what commands read."""

    enabled: bool
    querier: str
    querier_address: str | None
    version: int
    robustness: int
    query_interval: float
    query_response_interval: float
    last_listener_query_interval: float
    require_router_alert: bool
    lite_exclude_filter: bool
    max_groups: int


class VlanMldConfig(Struct, frozen=True, kw_only=True):
    """Of `[[vlan]] mld`, what commands read."""

    querier: str
    version: int
    max_groups: int
    querier_address: str | None = None
    robustness: int | None = None
    query_interval: float | None = None
    query_response_interval: float | None = None
    last_listener_query_interval: float | None = None


class VlanConfig(Struct, frozen=True, kw_only=True):
    """Of `[[vlan]]`, what commands read."""

    vid: Vid
    querier: str
    version: int
    max_groups: int
    querier_address: str | None = None
    robustness: int | None = None
    query_interval: float | None = None
    query_response_interval: float | None = None
    last_member_query_interval: float | None = None
    mld: VlanMldConfig | None = None


class PortMldConfig(Struct, frozen=True, kw_only=True):
    """Of `[[port]] mld`, what commands read."""

    max_groups: int
    deny_groups: list[str] = []


class PortConfig(Struct, frozen=True, kw_only=True):
    """Of `[[port]]`, what commands read; a pattern has no name. Of `[[host]]`, too, which has an
    `interface` for it.
    """

    name: str = ""
    interface: str = ""
    explicit_tracking: bool
    fast_leave: str
    max_groups: int
    igmp_rate: int
    deny_groups: list[str] = []
    allow_groups: list[str] = []
    mld: PortMldConfig | None = None
