"""What a configuration file may say of one VLAN: `[[vlan]]`, as `schema` has the other tables."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from snoop.config.addresses import LinkLocal, Sender
from snoop.config.bounds import (
    Count,
    Label,
    NullSource,
    QuerySeconds,
    ResponseSeconds,
    Vlan,
    says,
)
from snoop.proto.params import QuerierMode

PortGroups = Annotated[int, Meta(ge=0, le=1_000_000)]


class VlanMldTable(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[[vlan]] mld`: keys of `[mld]` for one VLAN; `None` stands for "as [mld]"."""

    querier: QuerierMode | None = None
    querier_address: LinkLocal | None = None
    version: Annotated[int, Meta(ge=1, le=2)] | None = None
    robustness: Annotated[int, Meta(ge=1, le=7)] | None = None
    query_interval: QuerySeconds | None = None
    query_response_interval: ResponseSeconds | None = None
    last_listener_query_interval: ResponseSeconds | None = None
    startup_query_interval: QuerySeconds | None = None
    last_listener_query_count: Count | None = None
    startup_query_count: Count | None = None
    qqi_ceiling: Annotated[float, Meta(ge=1.0, le=31744.0)] | None = None
    max_groups: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    max_sources: Annotated[int, Meta(ge=1, le=4096)] | None = None
    port_max_groups: PortGroups = 0


class VlanTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[vlan]]`: keys of `[igmp]` for one VLAN; `None` stands for "as [igmp]"."""

    vid: Annotated[Vlan, says("the VLAN; 0: untagged. Its querier does not wait for a host")]
    name: Annotated[Label | None, says("what people call it; stands wherever VLANs are listed")] = (
        None
    )
    querier: Annotated[QuerierMode | None, says("left out, this and the others: as [igmp]")] = None
    querier_address: Annotated[Sender | None, says("an address of this VLAN's network")] = None
    version: Annotated[int, Meta(ge=1, le=3)] | None = None
    robustness: Annotated[int, Meta(ge=1, le=7)] | None = None
    query_interval: QuerySeconds | None = None
    query_response_interval: ResponseSeconds | None = None
    last_member_query_interval: ResponseSeconds | None = None
    startup_query_interval: QuerySeconds | None = None
    last_member_query_count: Count | None = None
    startup_query_count: Count | None = None
    mrouter_on_null_source: NullSource | None = None
    qqi_ceiling: Annotated[float, Meta(ge=1.0, le=31744.0)] | None = None
    max_groups: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    max_sources: Annotated[int, Meta(ge=1, le=4096)] | None = None
    port_max_groups: Annotated[
        PortGroups, says("IPv4 groups of one port in this VLAN; 0: no limit of its own")
    ] = 0
    mld: Annotated[
        VlanMldTable,
        Meta(extra={"allowed": "a table of keys of [mld]"}),
        says('the same for IPv6, such as { querier = "on" }; keys left out: as [mld]'),
    ] = VlanMldTable()
