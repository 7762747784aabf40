"""What a configuration file may say: one struct a table of the TOML, one field a key.

A field's type is its check: its bounds, its words and its description are read from here by the
loader, by `snoop config example` and by the error texts, so that none of them can
disagree. Nothing here resolves or opens anything.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from snoop.config.addresses import GroupPrefix, LinkLocal, Sender, Source, StaticGroup
from snoop.config.bounds import (
    Count,
    Groups,
    Label,
    Listen,
    Many,
    MeantGroup,
    Mebibytes,
    MldProfile,
    Name,
    NullSource,
    PortName,
    QuerySeconds,
    ReservedMask,
    ResponseSeconds,
    RingSlots,
    UserGroup,
    Vlan,
    says,
)
from snoop.config.schema_port import Coalesce, HostTable, PortTable
from snoop.config.schema_vlan import VlanTable
from snoop.proto.params import (
    NoQuerier,
    QuerierMode,
    QueryScope,
    Unregistered,
)
from snoop.proto.timings import TimerProfile


class Kernel(Enum):
    """Streams served inside the kernel."""

    AUTO = "auto"
    OFF = "off"


class Health(Enum):
    """Whose RTP and MPEG-TS is looked at as it comes in."""

    AUTO = "auto"
    ALL = "all"
    OFF = "off"


class SwitchTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[switch]`."""

    name: Annotated[Name, says("names the control socket, /run/snoop/NAME.sock")] = "sw0"
    socket_group: Annotated[
        UserGroup,
        says("members of this group may use the control socket, too: all of it; empty: none"),
    ] = ""
    unregistered: Annotated[
        Unregistered, says("groups nobody has joined; router ports get them too, unless drop")
    ] = Unregistered.FLOOD
    no_querier: Annotated[
        NoQuerier, says("while no querier is known: keep flooding, or prune all the same")
    ] = NoQuerier.FLOOD
    vlan_filtering: Annotated[
        bool,
        says(
            "true: a port is in the VLANs that its access or trunk says, and no others; false: "
            "tagged frames pass as they are"
        ),
    ] = False
    report_flood: Annotated[
        bool | list[PortName], says("also send reports to every port, or to the ports listed")
    ] = False
    specific_query_scope: Annotated[QueryScope, says("ports a group-specific query goes to")] = (
        QueryScope.ALL
    )
    # SNOOP-42, B-17: PTP's listeners often never join.
    always_flood: Annotated[
        Groups,
        says(
            "groups never pruned, besides 224.0.0.0/24 and those that neighbour discovery needs: "
            "ff02::1, ff02::2, ff02::16, ff02::6a, ff02::fb, ff02::1:2, ff02::1:ff00:0/104"
        ),
    ] = field(default_factory=lambda: [GroupPrefix("224.0.1.129")])
    loop_guard: Annotated[
        bool,
        says(
            "send a probe by each port every second, and let a port by which one comes back "
            "forward nothing for as long as that lasts"
        ),
    ] = True
    group_fwd_mask: Annotated[
        ReservedMask,
        says(
            "which of 01:80:c2:00:00:00 to 0f pass, a bit each as in Linux: 0x4000 LLDP and gPTP, "
            "8 802.1X, 4 LACP; the first always does, PAUSE (2) never"
        ),
    ] = 0
    announced_names: Annotated[
        bool,
        says(
            "show what senders announce their groups as (SAP, as AES67 and VLC do it), marked, "
            "where [[group]] gives no name; false: announcements are not read"
        ),
    ] = True
    fdb_ageing: Annotated[
        float, Meta(ge=1.0, le=1_000_000.0), says("seconds a silent unicast address is kept")
    ] = 300.0
    fdb_max: Annotated[
        int, Meta(ge=64, le=1_048_576), says("unicast addresses kept; takes a restart")
    ] = 8192
    coalesce: Annotated[Coalesce, says("runs of datagrams in one send: to who takes them")] = (
        Coalesce.AUTO
    )
    qdisc_bypass: Annotated[
        bool, says("false: slower, but tcpdump on a port sees all that the switch sends")
    ] = True
    isolate: Annotated[
        bool, says("keep the host's own stack off the ports (drop at tc ingress)")
    ] = True
    shortcut: Annotated[bool, says("redirect known unicast inside the kernel; takes a restart")] = (
        True
    )
    kernel: Annotated[
        Kernel,
        says("serve streams inside the kernel where that gains, past the rings"),
    ] = Kernel.AUTO
    health: Annotated[
        Health,
        says(
            "count what RTP and MPEG-TS say was lost before it came in: auto: of streams that "
            "leave by a port; all: of those that nobody gets, too"
        ),
    ] = Health.AUTO
    state: Annotated[
        bool,
        says(
            "keep a snapshot beside the control socket, so that after a crash the switch goes on "
            "from it; takes a restart"
        ),
    ] = True
    workers: Annotated[int, Meta(ge=1, le=8), says("loop threads; takes a restart")] = 1
    spin_us: Annotated[
        int,
        Meta(ge=0, le=10_000),
        says("microseconds to spin before sleeping; 0: never; takes a restart"),
    ] = 50
    nice: Annotated[
        int,
        Meta(ge=-20, le=19),
        says("scheduling priority: below 0 before other processes; takes a restart"),
    ] = -10
    ring_slots: Annotated[
        RingSlots, says("receive ring of a port, in slots of 2 KiB; 0: by ports; takes a restart")
    ] = 0


# Keys that both families have, with the same words.
AskMode = Annotated[
    QuerierMode,
    says('"on": in the election from the start; "auto": only when nobody else asks'),
]
Lost = Annotated[int, Meta(ge=1, le=7), says("lost frames survived, plus one")]
Interval = Annotated[QuerySeconds, says("between general queries")]
Answers = Annotated[
    ResponseSeconds, says("hosts answer within; left out: 10.0, at most query_interval")
]
LeaveInterval = Annotated[ResponseSeconds, says("between the questions after a leave")]
StartupInterval = Annotated[
    QuerySeconds | None, says("between the first queries; left out: query_interval / 4")
]
LeaveCount = Annotated[Count | None, says("questions after a leave; left out: robustness")]
StartupCount = Annotated[Count | None, says("first queries; left out: robustness")]
LiteExclude = Annotated[bool, says("ignore the source lists of EXCLUDE reports (RFC 5790)")]
Mrd = Annotated[bool, says("solicit and learn routers by MRD (RFC 4286)")]
QqiCeiling = Annotated[
    Annotated[float, Meta(ge=1.0, le=31744.0)] | None,
    says("longest query interval adopted from a querier; left out: 2 * query_interval"),
]
Sources = Annotated[int, Meta(ge=1, le=4096), says("sources of one entry")]


class IgmpTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[igmp]`."""

    enabled: Annotated[bool, says("false: every group floods")] = True
    querier: AskMode = QuerierMode.OFF
    querier_address: Annotated[
        Sender, says("source of our own queries; give it one, hosts may ignore 0.0.0.0")
    ] = Sender("0.0.0.0")
    version: Annotated[int, Meta(ge=1, le=3), says("version of our own queries")] = 3
    robustness: Lost = 2
    query_interval: Interval = 125.0
    query_response_interval: Answers = 10.0
    last_member_query_interval: LeaveInterval = 1.0
    startup_query_interval: StartupInterval = None
    last_member_query_count: LeaveCount = None
    startup_query_count: StartupCount = None
    timer_profile: Annotated[
        TimerProfile, says("membership lasts 270 s by RFC 9776, 260 s by RFC 3376")
    ] = TimerProfile.RFC9776
    ttl_check: Annotated[bool, says("refuse IGMP with a TTL other than 1")] = False
    require_router_alert: Annotated[bool, says("refuse v2/v3 without Router Alert")] = False
    mrouter_on_null_source: Annotated[
        NullSource,
        says("a query from 0.0.0.0 makes a router port: while nobody better asks, always, never"),
    ] = "fallback"
    lite_exclude_filter: LiteExclude = False
    compat_disable: Annotated[
        bool, says("no IGMPv1/v2 compatibility mode: an old host does not mute v3 leaves")
    ] = False
    ignore_v1: Annotated[bool, says("do not learn from IGMPv1 messages")] = False
    ignore_v2: Annotated[bool, says("do not learn from IGMPv2 messages")] = False
    mrd: Mrd = True
    qqi_ceiling: QqiCeiling = None
    ssm_ranges: Annotated[Groups, says("IPv4 groups that only exist with a source (RFC 4604)")] = (
        field(default_factory=lambda: [GroupPrefix("232.0.0.0/8")])
    )
    max_groups: Annotated[int, Meta(ge=1, le=1_000_000), says("IPv4 groups of a VLAN")] = 4096
    max_groups_total: Annotated[
        Many | None,
        says("groups of all VLANs and both families together; left out: 16 * max_groups"),
    ] = None
    max_sources: Sources = 64
    max_hosts: Annotated[
        int, Meta(ge=0, le=1_000_000), says("group memberships of hosts tracked on one port")
    ] = 4096
    max_state: Annotated[
        Mebibytes,
        says("MiB of memberships, of all ports and both families; one VLAN may have a half of it"),
    ] = 256


class MldTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[mld]`: what `[igmp]` is for IPv4. What has no key here holds for both as it is there."""

    enabled: Annotated[bool, says("false: every IPv6 group floods")] = True
    querier: AskMode = QuerierMode.OFF
    querier_address: Annotated[
        LinkLocal | None,
        says("source of our own queries; left out: made from the switch's MAC address"),
    ] = None
    version: Annotated[int, Meta(ge=1, le=2), says("version of our own queries")] = 2
    robustness: Lost = 2
    query_interval: Interval = 125.0
    query_response_interval: Answers = 10.0
    last_listener_query_interval: LeaveInterval = 1.0
    startup_query_interval: StartupInterval = None
    last_listener_query_count: LeaveCount = None
    startup_query_count: StartupCount = None
    timer_profile: Annotated[
        MldProfile,
        says("membership lasts 270 s by RFC 9777, 260 s by RFC 3810; those of [igmp] mean these"),
    ] = "rfc9777"
    ttl_check: Annotated[bool, says("refuse MLD with a hop limit other than 1")] = False
    require_router_alert: Annotated[bool, says("refuse MLD without Router Alert")] = False
    lite_exclude_filter: LiteExclude = False
    compat_disable: Annotated[
        bool, says("no MLDv1 compatibility mode: an old host does not mute v2 leaves")
    ] = False
    ignore_v1: Annotated[bool, says("do not learn from MLDv1 messages")] = False
    mrd: Mrd = True
    qqi_ceiling: QqiCeiling = None
    ssm_ranges: Annotated[
        Groups, says("IPv6 groups that only exist with a source (RFC 4604): ff3x::/32")
    ] = field(default_factory=lambda: [GroupPrefix(f"ff3{scope:x}::/32") for scope in range(16)])
    max_groups: Annotated[int, Meta(ge=1, le=1_000_000), says("IPv6 groups of a VLAN")] = 4096
    max_sources: Sources = 64
    flood_link_local: Annotated[
        bool, says("flood all of ff02::/16, not only what [switch] always_flood says")
    ] = False


class GroupTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[group]]`."""

    group: Annotated[
        GroupPrefix,
        Meta(extra={"allowed": "a multicast group, or a prefix such as 239.1.0.0/16 or ff3e::/32"}),
        says("the group, or those of a prefix: a longer one comes first"),
    ]
    name: Annotated[Label, says("what people call it; stands wherever the group is shown")]


class StaticTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[static]]`."""

    group: Annotated[
        StaticGroup, MeantGroup, says("the group, or the MAC address of one that is not of IP")
    ]
    ports: Annotated[list[PortName], Meta(min_length=1), says("ports that always get it")]
    source: Annotated[Source | None, says("of the same family; left out: any source")] = None
    vlan: Annotated[
        Vlan | None,
        says("left out: frames without a tag, with vlan_filtering in the VLAN that its port has"),
    ] = None


class MetricsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[metrics]`."""

    listen: Annotated[
        Listen,
        says('address of the Prometheus endpoint, such as "127.0.0.1:9570"; empty: none'),
    ] = ""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file, checked."""

    switch: SwitchTable = SwitchTable()
    igmp: IgmpTable = IgmpTable()
    mld: MldTable = MldTable()
    vlan: tuple[VlanTable, ...] = ()
    port: tuple[PortTable, ...] = ()
    host: tuple[HostTable, ...] = ()
    static: tuple[StaticTable, ...] = ()
    group: tuple[GroupTable, ...] = ()
    metrics: MetricsTable = MetricsTable()

    @property
    def named(self) -> tuple[PortTable, ...]:
        """The ports by name, the host's own among them."""
        return tuple(one for one in self.port if one.match is None) + self.host

    @property
    def tables(self) -> tuple[PortTable, ...]:
        """Every `[[port]]` and `[[host]]`."""
        return self.port + self.host

    @property
    def patterns(self) -> tuple[PortTable, ...]:
        """The others: their name is their pattern."""
        return tuple(one for one in self.port if one.match is not None)


# Keys whose change needs a new process: they size or name what is opened once.
RESTART_KEYS: tuple[tuple[Literal["switch", "metrics"], str], ...] = (
    ("switch", "name"),
    ("switch", "fdb_max"),
    ("switch", "fdb_ageing"),
    ("switch", "workers"),
    ("switch", "spin_us"),
    ("switch", "nice"),
    ("switch", "shortcut"),
    ("switch", "ring_slots"),
    ("switch", "state"),
    ("metrics", "listen"),
)
