"""What a configuration file may say of one port, `[[port]]`, and of the host's own place on the
switch, `[[host]]`, as `schema` has the other tables.

A `HostTable` is the table of its port: whatever takes a port takes it, by the interface's name.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, ClassVar
from zlib import crc32

from msgspec import Meta, Struct, field

from snoop.config.addresses import HostAddress
from snoop.config.bounds import (
    Groups,
    HostMac,
    Interface,
    Label,
    Mebibytes,
    OwnInterface,
    Pattern,
    Vid,
    Vids,
    own_address,
    says,
)
from snoop.proto.params import FastLeave, MrouterMode

PORT_TABLE, HOST_TABLE = "[[port]]", "[[host]]"

_NAME_BYTES = 15  # IFNAMSIZ, less its end


class Coalesce(Enum):
    """Joining waiting frames of one flow into one send."""

    AUTO = "auto"
    ALWAYS = "always"
    OFF = "off"


class PortMldTable(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[[port]] mld`: `None` stands for "as for IPv4"."""

    mrouter: MrouterMode | None = None
    querier_guard: bool | None = None
    fast_leave: FastLeave | None = None
    explicit_tracking: bool | None = None
    flood_unregistered: bool | None = None
    max_groups: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    deny_groups: Groups | None = None
    allow_groups: Groups | None = None


class PortTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[port]]`; `None` stands for "as the switch"."""

    HIDDEN: ClassVar[tuple[str, ...]] = ()
    """Fields that are no keys."""

    name: Annotated[Interface, says("the interface; one that is not there yet joins later")]
    match: Annotated[
        Pattern | None,
        says(
            'in place of name, a shell pattern such as "veth*": every interface that it matches is '
            "a port while it is there; the first [[port]] that names or matches one holds"
        ),
    ] = None
    description: Annotated[
        Label | None, says("what people call it; stands wherever the port is shown")
    ] = None
    access: Annotated[
        Vid | None,
        says("its VLAN, without tags; with vlan_filtering and neither this nor trunk: 1"),
    ] = None
    trunk: Annotated[Vids | None, says('its VLANs with tags, ids and ranges: [10, "20-29"]')] = None
    native: Annotated[
        Vid | None,
        says("with trunk: its VLAN without tags; left out: frames without a tag are dropped"),
    ] = None
    split_horizon: Annotated[
        Label | None, says("ports of one name never forward to each other, as in a mesh of tunnels")
    ] = None
    mrouter: Annotated[
        MrouterMode, says('a router behind it: learn, "always", or "never" believe one')
    ] = MrouterMode.AUTO
    querier_guard: Annotated[
        bool, says("its queries are passed on, but elect nobody and change nothing here")
    ] = False
    fast_leave: Annotated[
        FastLeave,
        says('drop a member at once: "on", or when its last tracked host left: "tracked"'),
    ] = FastLeave.OFF
    explicit_tracking: Annotated[bool, says("remember each host")] = True
    flood_unregistered: Annotated[
        bool | None,
        says(
            "left out: as [switch] unregistered says; true: even if that is not flood; false: never"
        ),
    ] = None
    max_groups: Annotated[
        int,
        Meta(ge=0, le=1_000_000),
        says("groups of this port, of each family; 0: no limit of its own"),
    ] = 0
    max_state: Annotated[
        Mebibytes, says("MiB of what this port's hosts make the switch remember")
    ] = 32
    deny_groups: Annotated[Groups, says("joins refused, of either family")] = field(
        default_factory=list
    )
    allow_groups: Annotated[
        Groups, says("if it has any of a family, only these joins of it are accepted")
    ] = field(default_factory=list)
    igmp_rate: Annotated[
        int,
        Meta(ge=0, le=1_000_000),
        says("group records a second, or what costs as much, of IGMP and MLD; 0: no limit"),
    ] = 20_000
    igmp_burst: Annotated[int, Meta(ge=1, le=1_000_000), says("and at once, with igmp_rate")] = (
        40_000
    )
    storm_limit: Annotated[
        int,
        Meta(ge=0, le=10_000_000),
        says(
            "frames a second that it may flood, of each kind: broadcast, unknown unicast, "
            "multicast of groups nobody joined while they are pruned; 0: no limit"
        ),
    ] = 10_000
    coalesce: Annotated[Coalesce | None, says("left out: as [switch]")] = None
    sticky: Annotated[
        bool,
        says(
            "addresses learned here never move away, and no other port gets their frames: for "
            "servers that stay"
        ),
    ] = False
    isolate: Annotated[bool | None, says("left out: as [switch]")] = None
    qdisc_bypass: Annotated[bool | None, says("left out: as [switch]")] = None
    mld: Annotated[
        PortMldTable,
        Meta(
            extra={
                "allowed": "a table of mrouter, querier_guard, fast_leave, explicit_tracking, "
                "flood_unregistered, max_groups, deny_groups, allow_groups"
            }
        ),
        says('what differs for IPv6, such as { mrouter = "never" }'),
    ] = PortMldTable()

    @property
    def device(self) -> str:
        """The interface that is the port."""
        return self.name

    @property
    def where(self) -> str:
        """What it is called in a message."""
        return f"{PORT_TABLE} {self.name}"


class HostTable(PortTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[host]]`: a pair of interfaces, one for the host, the other a port, and all it may be told.

    The port is called as the host's interface.
    """

    HIDDEN: ClassVar[tuple[str, ...]] = ("name", "match", "isolate")

    name: Annotated[str, says("the interface")] = ""
    interface: Annotated[
        OwnInterface,
        says("the host's own interface, made if it is not there; its port is called so, too"),
    ]
    addresses: Annotated[
        list[Annotated[HostAddress, Meta(extra={"meant": own_address})]],
        says("what it has; others that it is given elsewhere stay"),
    ] = field(default_factory=list)
    mtu: Annotated[
        Annotated[int, Meta(ge=68, le=65535)] | None,
        says("left out: the smallest of the ports"),
    ] = None
    mac: Annotated[
        HostMac | None,
        says("its MAC address; left out: made from the machine's id and the names"),
    ] = None

    @property
    def device(self) -> str:
        """The other end of its pair, which is the port."""
        made = f"{self.name}-port"
        if len(made) <= _NAME_BYTES:
            return made
        return f"{self.name[:10]}-{crc32(self.name.encode()) & 0xFFFF:04x}"

    @property
    def where(self) -> str:
        """What it is called in a message."""
        return f"{HOST_TABLE} {self.name}"
