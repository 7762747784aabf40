"""What a configuration file may say: one struct a table of the TOML, one field a key.

A field's type is its check: its bounds, its words and its description are read from here by the
loader, by `snoop config example` and by the error texts, so that none of them can
disagree. Nothing here resolves or opens anything.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from snoop.proto.params import (
    FastLeave,
    MrouterMode,
    NoQuerier,
    QuerierMode,
    QueryScope,
    Unregistered,
)
from snoop.proto.timings import TimerProfile


class Group(IPv4Address):
    """An IPv4 multicast group; any other address is a ValueError."""

    def __init__(self, address: object) -> None:
        super().__init__(address)
        if not self.is_multicast:
            raise ValueError("not a multicast address")


class GroupPrefix(IPv4Network):
    """A prefix of IPv4 multicast groups; a plain group is a /32."""

    def __init__(self, address: object) -> None:
        super().__init__(address)
        if not self.is_multicast:
            raise ValueError("not a multicast prefix")


class Source(IPv4Address):
    """A unicast IPv4 address somebody may send from."""

    def __init__(self, address: object) -> None:
        super().__init__(address)
        if self.is_multicast or self.is_unspecified or int(self) == 0xFFFFFFFF:
            raise ValueError("not a unicast address")


class Sender(IPv4Address):
    """An address of our own to send from, or 0.0.0.0 for none."""

    def __init__(self, address: object) -> None:
        super().__init__(address)
        if self.is_multicast or self.is_loopback or int(self) == 0xFFFFFFFF:
            raise ValueError("not an address to send from")


class Coalesce(Enum):
    """Joining waiting frames of one flow into one send."""

    AUTO = "auto"
    ALWAYS = "always"
    OFF = "off"


# Intervals take fractions of a second. The upper bounds are what the wire can say: QQIC ends at
# 31744 s, Max Resp Code at 3174.4 s (spec W-11).
QuerySeconds = Annotated[float, Meta(ge=0.1, le=31744.0)]
ResponseSeconds = Annotated[float, Meta(ge=0.1, le=3174.4)]
Count = Annotated[int, Meta(ge=1, le=255)]
Many = Annotated[int, Meta(ge=1, le=1_000_000)]
Mebibytes = Annotated[int, Meta(ge=1, le=1_048_576)]


def _like(pattern: str, allowed: str) -> Meta:
    return Meta(pattern=pattern, extra={"allowed": allowed})


Name = Annotated[
    str,
    _like(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", "a name of letters, digits, '.', '-' and '_'"),
]
Interface = Annotated[
    str,
    # One with escapes (`printable.py`) is longer than the kernel's.
    _like(
        r"^(?:[^\s/\\]{1,15}|(?=[^\s/]*\\)[^\s/]{1,60})$",
        "an interface name of 1 to 15 characters",
    ),
]
Listen = Annotated[
    str,
    _like(r"^$|^[^\s]*:[0-9]{1,5}$", 'ADDRESS:PORT such as "127.0.0.1:9570", or empty'),
]
RingSlots = Annotated[
    Literal[0, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
    Meta(extra={"allowed": "0, or a power of two from 32 to 65536"}),
]
Label = Annotated[
    str,
    _like(
        r"^(?!\s)[^\x00-\x1f\x7f-\x9f]{1,64}(?<!\s)\Z",
        "a text of 1 to 64 characters on one line, without spaces around it",
    ),
]
Vlan = Annotated[int, Meta(ge=0, le=4094)]
NullSource = bool | Literal["fallback"]


def _says(text: str) -> Meta:
    return Meta(description=text)


class SwitchTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[switch]`."""

    name: Annotated[Name, _says("names the control socket, /run/snoop/NAME.sock")] = "sw0"
    unregistered: Annotated[
        Unregistered, _says("groups nobody has joined; router ports get them too, unless drop")
    ] = Unregistered.FLOOD
    no_querier: Annotated[
        NoQuerier, _says("while no querier is known: keep flooding, or prune all the same")
    ] = NoQuerier.FLOOD
    report_flood: Annotated[
        bool | list[str], _says("also send reports to every port, or to the ports listed")
    ] = False
    specific_query_scope: Annotated[QueryScope, _says("ports a group-specific query goes to")] = (
        QueryScope.ALL
    )
    # SNOOP-42, B-17: PTP's listeners often never join.
    always_flood: Annotated[list[Group], _says("groups never pruned, besides 224.0.0.0/24")] = (
        field(default_factory=lambda: [Group("224.0.1.129")])
    )
    fdb_ageing: Annotated[
        float, Meta(ge=1.0, le=1_000_000.0), _says("seconds a silent unicast address is kept")
    ] = 300.0
    fdb_max: Annotated[
        int, Meta(ge=64, le=1_048_576), _says("unicast addresses kept; takes a restart")
    ] = 8192
    coalesce: Annotated[Coalesce, _says("runs of datagrams in one send: to who takes them")] = (
        Coalesce.AUTO
    )
    qdisc_bypass: Annotated[
        bool, _says("false: slower, but tcpdump on a port sees what the switch sends")
    ] = True
    isolate: Annotated[
        bool, _says("keep the host's own stack off the ports (drop at tc ingress)")
    ] = True
    shortcut: Annotated[
        bool, _says("redirect known unicast inside the kernel; needs isolate, takes a restart")
    ] = True
    workers: Annotated[int, Meta(ge=1, le=8), _says("loop threads; takes a restart")] = 1
    spin_us: Annotated[
        int,
        Meta(ge=0, le=10_000),
        _says("microseconds to spin before sleeping; 0: never; takes a restart"),
    ] = 50
    nice: Annotated[
        int,
        Meta(ge=-20, le=19),
        _says("scheduling priority: below 0 before other processes; takes a restart"),
    ] = -10
    ring_slots: Annotated[
        RingSlots, _says("receive ring of a port, in slots of 2 KiB; 0: by ports; takes a restart")
    ] = 0


class IgmpTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[igmp]`."""

    enabled: Annotated[bool, _says("false: every group floods")] = True
    querier: Annotated[
        QuerierMode,
        _says('"on": in the election from the start; "auto": only when nobody else asks'),
    ] = QuerierMode.OFF
    querier_address: Annotated[
        Sender, _says("source of our own queries; give it one, hosts may ignore 0.0.0.0")
    ] = Sender("0.0.0.0")
    version: Annotated[int, Meta(ge=1, le=3), _says("version of our own queries")] = 3
    robustness: Annotated[int, Meta(ge=1, le=7), _says("lost frames survived, plus one")] = 2
    query_interval: Annotated[QuerySeconds, _says("between general queries")] = 125.0
    query_response_interval: Annotated[
        ResponseSeconds, _says("hosts answer within; left out: 10.0, at most query_interval")
    ] = 10.0
    last_member_query_interval: Annotated[
        ResponseSeconds, _says("between the questions after a leave")
    ] = 1.0
    startup_query_interval: Annotated[
        QuerySeconds | None, _says("between the first queries; left out: query_interval / 4")
    ] = None
    last_member_query_count: Annotated[
        Count | None, _says("questions after a leave; left out: robustness")
    ] = None
    startup_query_count: Annotated[Count | None, _says("first queries; left out: robustness")] = (
        None
    )
    timer_profile: Annotated[
        TimerProfile, _says("membership lasts 270 s by RFC 9776, 260 s by RFC 3376")
    ] = TimerProfile.RFC9776
    ttl_check: Annotated[bool, _says("refuse IGMP with a TTL other than 1")] = False
    require_router_alert: Annotated[bool, _says("refuse v2/v3 without Router Alert")] = False
    mrouter_on_null_source: Annotated[
        NullSource,
        _says("a query from 0.0.0.0 makes a router port: while nobody better asks, always, never"),
    ] = "fallback"
    lite_exclude_filter: Annotated[
        bool, _says("ignore the source lists of EXCLUDE reports (RFC 5790)")
    ] = False
    compat_disable: Annotated[
        bool, _says("no IGMPv1/v2 compatibility mode: an old host does not mute v3 leaves")
    ] = False
    ignore_v1: Annotated[bool, _says("do not learn from IGMPv1 messages")] = False
    ignore_v2: Annotated[bool, _says("do not learn from IGMPv2 messages")] = False
    mrd: Annotated[bool, _says("solicit and learn routers by MRD (RFC 4286)")] = True
    qqi_ceiling: Annotated[
        Annotated[float, Meta(ge=1.0, le=31744.0)] | None,
        _says("longest query interval adopted from a querier; left out: 2 * query_interval"),
    ] = None
    ssm_ranges: Annotated[
        list[GroupPrefix], _says("groups that only exist with a source (RFC 4604)")
    ] = field(default_factory=lambda: [GroupPrefix("232.0.0.0/8")])
    max_groups: Annotated[int, Meta(ge=1, le=1_000_000), _says("groups of a VLAN")] = 4096
    max_groups_total: Annotated[
        Many | None,
        _says("groups of all VLANs together; left out: 16 * max_groups"),
    ] = None
    max_sources: Annotated[int, Meta(ge=1, le=4096), _says("sources of one entry")] = 64
    max_hosts: Annotated[
        int, Meta(ge=0, le=1_000_000), _says("group memberships of hosts tracked on one port")
    ] = 4096
    max_state: Annotated[
        Mebibytes,
        _says("MiB of memberships, of all ports together; one VLAN may have a half of it"),
    ] = 256


class VlanTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[vlan]]`: keys of `[igmp]` for one VLAN; `None` stands for "as [igmp]"."""

    vid: Annotated[Vlan, _says("the VLAN; 0: untagged. Its querier does not wait for a host")]
    querier: Annotated[QuerierMode | None, _says("left out, this and the others: as [igmp]")] = None
    querier_address: Annotated[Sender | None, _says("an address of this VLAN's network")] = None
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


class GroupTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[group]]`."""

    group: Annotated[
        GroupPrefix,
        Meta(extra={"allowed": "an IPv4 multicast group, or a prefix such as 239.1.0.0/16"}),
        _says("the group, or those of a prefix: a longer one comes first"),
    ]
    name: Annotated[Label, _says("what people call it; stands wherever the group is shown")]


class PortTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[port]]`; `None` stands for "as the switch"."""

    name: Annotated[Interface, _says("the interface")]
    description: Annotated[
        Label | None, _says("what people call it; stands wherever the port is shown")
    ] = None
    mrouter: Annotated[
        MrouterMode, _says('a router behind it: learn, "always", or "never" believe one')
    ] = MrouterMode.AUTO
    querier_guard: Annotated[
        bool, _says("its queries are passed on, but elect nobody and change nothing here")
    ] = False
    fast_leave: Annotated[
        FastLeave,
        _says('drop a member at once: "on", or when its last tracked host left: "tracked"'),
    ] = FastLeave.OFF
    explicit_tracking: Annotated[bool, _says("remember each host")] = True
    flood_unregistered: Annotated[
        bool | None,
        _says(
            "left out: as [switch] unregistered says; true: even if that is not flood; false: never"
        ),
    ] = None
    max_groups: Annotated[
        int, Meta(ge=0, le=1_000_000), _says("groups of this port; 0: no limit of its own")
    ] = 0
    max_state: Annotated[
        Mebibytes, _says("MiB of what this port's hosts make the switch remember")
    ] = 32
    deny_groups: Annotated[list[GroupPrefix], _says("joins refused")] = field(default_factory=list)
    allow_groups: Annotated[list[GroupPrefix], _says("if given, only these joins are accepted")] = (
        field(default_factory=list)
    )
    igmp_rate: Annotated[
        int,
        Meta(ge=0, le=1_000_000),
        _says("group records a second, or what costs as much, that IGMP may bring; 0: no limit"),
    ] = 20_000
    igmp_burst: Annotated[int, Meta(ge=1, le=1_000_000), _says("and at once, with igmp_rate")] = (
        40_000
    )
    coalesce: Annotated[Coalesce | None, _says("left out: as [switch]")] = None
    sticky: Annotated[
        bool,
        _says(
            "addresses learned here never move away, and no other port gets their frames: for "
            "servers that stay"
        ),
    ] = False
    isolate: Annotated[bool | None, _says("left out: as [switch]")] = None
    qdisc_bypass: Annotated[bool | None, _says("left out: as [switch]")] = None


class StaticTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[static]]`."""

    group: Annotated[Group, _says("the group")]
    ports: Annotated[list[str], Meta(min_length=1), _says("ports that always get it")]
    source: Annotated[Source | None, _says("left out: any source")] = None
    vlan: Annotated[Vlan, _says("0: untagged")] = 0


class MetricsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[metrics]`."""

    listen: Annotated[
        Listen,
        _says('address of the Prometheus endpoint, such as "127.0.0.1:9570"; empty: none'),
    ] = ""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file, checked."""

    switch: SwitchTable = SwitchTable()
    igmp: IgmpTable = IgmpTable()
    vlan: tuple[VlanTable, ...] = ()
    port: tuple[PortTable, ...] = ()
    static: tuple[StaticTable, ...] = ()
    group: tuple[GroupTable, ...] = ()
    metrics: MetricsTable = MetricsTable()


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
    ("metrics", "listen"),
)
