"""What can be set: one frozen object for the switch, one per port, checked when it is made.

Defaults are those of INTERFACE.md 4, which are the RFC's. A value out of range is a
ValueError that names the key, the value and what is allowed, so whoever reads the configuration
can pass it on. Times computed from these are in `timings`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from snoop.proto.timings import TimerProfile, Timings
from snoop.proto.units import Duration, Ports, seconds, to_seconds
from snoop.proto.vlans import PortVlans
from snoop.wire.address import (
    BROADCAST,
    MAPPED,
    UNSPECIFIED,
    UNSPECIFIED6,
    Address,
    Family,
    Prefix,
    family,
    is_link_local,
    is_multicast,
    link_local_of,
    parse_prefix,
    text,
)
from snoop.wire.codes import (
    effective_max_response_ns,
    effective_mld_max_response_ns,
    effective_query_interval_ns,
)
from snoop.wire.messages import generation

SSM_RANGE: Final = parse_prefix("232.0.0.0/8")  # RFC 4607
SSM_RANGES6: Final = tuple(parse_prefix(f"ff3{scope:x}::/32") for scope in range(16))
NEWEST: Final = {Family.IPV4: 3, Family.IPV6: 2}

QUERY_INTERVAL: Final = seconds(125)  # TM-2
QUERY_RESPONSE_INTERVAL: Final = seconds(10)  # TM-3
LAST_MEMBER_QUERY_INTERVAL: Final = seconds(1)  # TM-8

# What the wire can say (W-11): a tenth of a second at least, 0xff of each code at most.
SHORTEST: Final = seconds(0.1)
LONGEST_RESPONSE: Final = seconds(3174.4)
LONGEST_INTERVAL: Final = seconds(31744)


class QuerierMode(Enum):
    """Whether we ask (Q-1). AUTO: only after a silent other querier present interval."""

    OFF = "off"
    ON = "on"
    AUTO = "auto"


class Unregistered(Enum):
    """Where data of a group nobody joined goes (SNOOP-32)."""

    FLOOD = "flood"
    MROUTERS = "mrouters"
    DROP = "drop"


class NoQuerier(Enum):
    """What to do while no querier is known (Q-15)."""

    FLOOD = "flood"
    PRUNE = "prune"


class QueryScope(Enum):
    """Where received specific queries go (SNOOP-7)."""

    ALL = "all"
    MEMBERS = "members"


class MrouterMode(Enum):
    """Whether a port leads to a router: learned, always, or never believed (SNOOP-26)."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class NullSource(Enum):
    """What a query from 0.0.0.0 makes of its port (Q-19). FALLBACK: a router port, while no querier
    with an address is known.
    """

    NO = "no"
    FALLBACK = "fallback"
    YES = "yes"


class FastLeave(Enum):
    """When a leave acts without asking (SM-64). TRACKED: when the last tracked host has left."""

    OFF = "off"
    ON = "on"
    TRACKED = "tracked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """Settings of the switch: `[switch]` and `[igmp]`, as far as the protocol needs them.

    `mld` is the same for IPv6, of `[switch]` and `[mld]`; None: IPv6 multicast floods. In it a
    `querier_address` of `::` stands for the link-local address made from `switch_mac`, and
    what all instances share holds as it is here: `max_groups_total`, `max_hosts`, `max_state`.
    `switch_mac` is the source of our frames and the seed of our jitter. `max_groups` bounds each
    VLAN, `max_groups_total` all of them together (None: 16 times that). `max_hosts` bounds the
    (group, host) pairs tracked on one port, `max_state` the bytes of all ports' state together, of
    which one VLAN may have a half (`shares`). `port_max_groups` bounds the groups of one port in
    one VLAN, 0: no more than that of the port. `report_flood` is a set of ports. The robustness
    variable stands in for a count that is None (TM-7, TM-9), twice the query interval for a
    `qqi_ceiling` that is None (Q-18). `vlans` are VLANs with settings of
    their own: of each, what `[[vlan]]` may say counts, the rest is the switch's. With
    `vlan_filtering` ports say which VLANs they are in, and there is no VLAN 0.
    """

    family: Family = Family.IPV4
    mld: "Params | None" = None
    switch_mac: bytes = b"\x02\x00\x00\x00\x00\x01"
    unregistered: Unregistered = Unregistered.FLOOD
    no_querier: NoQuerier = NoQuerier.FLOOD
    report_flood: Ports = 0
    specific_query_scope: QueryScope = QueryScope.ALL
    vlan_filtering: bool = False

    enabled: bool = True
    querier: QuerierMode = QuerierMode.OFF
    querier_address: Address = UNSPECIFIED
    version: int = 3
    robustness: int = 2
    query_interval: Duration = QUERY_INTERVAL
    query_response_interval: Duration = QUERY_RESPONSE_INTERVAL
    last_member_query_interval: Duration = LAST_MEMBER_QUERY_INTERVAL
    last_member_query_count: int | None = None
    startup_query_interval: Duration | None = None
    startup_query_count: int | None = None
    timer_profile: TimerProfile = TimerProfile.RFC9776
    ttl_check: bool = False
    require_router_alert: bool = False
    mrouter_on_null_source: NullSource = NullSource.FALLBACK
    mrd: bool = True
    lite_exclude_filter: bool = False
    compat_disable: bool = False
    ignore_v1: bool = False
    ignore_v2: bool = False
    ssm_ranges: tuple[Prefix, ...] = (SSM_RANGE,)
    qqi_ceiling: Duration | None = None
    max_groups: int = 4096
    max_groups_total: int | None = None
    max_sources: int = 64
    port_max_groups: int = 0
    max_hosts: int = 4096
    max_state: int = 256 << 20
    vlans: tuple[tuple[int, "Params"], ...] = ()

    timings: Timings = field(init=False, compare=False, repr=False)
    """In force while nobody's are adopted."""
    own_address: Address = field(init=False, compare=False, repr=False)
    """What our queries come from; 0.0.0.0 has a warning (Q-6)."""
    generation: int = field(init=False, compare=False, repr=False)
    """What our queries let hosts say."""
    ignored: frozenset[int] = field(init=False, compare=False, repr=False)
    """Generations of which nothing is learned (SM-47)."""

    def __post_init__(self) -> None:
        """Check every value; ValueError names the first that is out of range."""
        _require_mac(self.switch_mac)
        _require_sender(self.querier_address, self.family)
        _require_int("version", self.version, 1, NEWEST[self.family])
        _require_mld(self)
        _require_int("robustness", self.robustness, 1, 255)
        _require_time("query_interval", self.query_interval, SHORTEST, LONGEST_INTERVAL)
        _require_time(
            "query_response_interval", self.query_response_interval, SHORTEST, LONGEST_RESPONSE
        )
        if self.query_response_interval > self.query_interval:  # TM-2
            raise ValueError(
                f"query_response_interval = {to_seconds(self.query_response_interval):g} is not "
                f"allowed: at most query_interval, {to_seconds(self.query_interval):g}"
            )
        last = "last_member" if self.family is Family.IPV4 else "last_listener"
        _require_time(
            f"{last}_query_interval",
            self.last_member_query_interval,
            SHORTEST,
            LONGEST_RESPONSE,
        )
        if self.last_member_query_count is not None:
            _require_int(f"{last}_query_count", self.last_member_query_count, 1, 255)
        if self.startup_query_interval is not None:
            _require_time(
                "startup_query_interval", self.startup_query_interval, Duration(1), LONGEST_INTERVAL
            )
        if self.startup_query_count is not None:
            _require_int("startup_query_count", self.startup_query_count, 1, 255)
        if self.qqi_ceiling is not None:
            _require_time("qqi_ceiling", self.qqi_ceiling, seconds(1), LONGEST_INTERVAL)
        _require_int("max_groups", self.max_groups, 1, 1 << 24)
        if self.max_groups_total is not None:
            _require_int("max_groups_total", self.max_groups_total, 1, 1 << 24)
        _require_int("max_sources", self.max_sources, 1, 1 << 16)
        _require_int("port_max_groups", self.port_max_groups, 0, 1 << 24)
        _require_int("max_hosts", self.max_hosts, 0, 1 << 20)
        _require_int("max_state", self.max_state, 1, 1 << 40)
        _require_groups("ssm_ranges", self.ssm_ranges)
        self._derive()

    def _derive(self) -> None:
        timings = Timings(
            robustness=self.robustness,
            query_interval=self.query_interval,
            query_response_interval=self.effective_query_response_interval,
            last_member_query_interval=self.effective_last_member_query_interval,
            last_member_query_count=self.last_member_query_count,
            profile=self.timer_profile,
        )
        own = self.querier_address
        if self.family is Family.IPV6 and own == UNSPECIFIED6:
            own = link_local_of(self.switch_mac)
        older = (self.ignore_v1, self.ignore_v2)
        ignored = (generation(self.family, 1 + n) for n, is_so in enumerate(older) if is_so)
        for name, value in (
            ("timings", timings),
            ("own_address", own),
            ("generation", int(generation(self.family, self.version))),
            ("ignored", frozenset(ignored)),
        ):
            object.__setattr__(self, name, value)

    @property
    def ahead(self) -> bool:
        """Tell whether a report is refused for want of room at most (native `fp_joins.h`)."""
        asked = self.ignored or self.require_router_alert or self.port_max_groups
        known = SSM_RANGES6 if self.family is Family.IPV6 else (SSM_RANGE,)
        return self.enabled and not asked and set(self.ssm_ranges) <= set(known)

    @property
    def effective_query_response_interval(self) -> Duration:
        """What hosts read from our General Queries (W-13)."""
        return self._said(self.version, self.query_response_interval)

    @property
    def effective_last_member_query_interval(self) -> Duration:
        """What hosts read from our specific queries; LMQT counts with this (W-13)."""
        # IGMPv1 has no specific query: the v2 value then only dates received ones.
        version = max(2, self.version) if self.family is Family.IPV4 else self.version
        return self._said(version, self.last_member_query_interval)

    def _said(self, version: int, duration: Duration) -> Duration:
        """What receivers of a query of that version understand."""
        if self.family is Family.IPV4:
            return Duration(effective_max_response_ns(version, duration))
        return Duration(effective_mld_max_response_ns(version, duration))

    @property
    def effective_query_interval(self) -> Duration:
        """What other routers adopt from our v3 queries (W-13)."""
        return Duration(effective_query_interval_ns(self.query_interval))

    @property
    def effective_startup_query_interval(self) -> Duration:
        """The startup interval, by default a quarter of the query interval (TM-6)."""
        given = self.startup_query_interval
        return Duration(self.query_interval // 4) if given is None else given

    @property
    def effective_startup_query_count(self) -> int:
        """How many queries open the querier's work (TM-7)."""
        return self.startup_query_count or self.robustness

    @property
    def effective_max_groups_total(self) -> int:
        """The bound on groups of all VLANs together."""
        return 16 * self.max_groups if self.max_groups_total is None else self.max_groups_total


@dataclass(frozen=True, kw_only=True, slots=True)
class PortParams:
    """Settings of one port: `[[port]]`.

    `querier_guard`: queries from the port are passed on and nothing else (Q-18).
    `max_groups` 0: no limit of its own. `max_state` bounds what the port may make the switch
    remember, in bytes as `shares` counts them: the process then grows by less than 64 MiB.
    `flood_unregistered` None: as the switch. Groups of `deny_groups` are refused, and all others
    too where `allow_groups` has any of their family. `mld` None: for IPv6 as for IPv4.
    `vlans` None: the switch does not filter by VLAN, the port is in all of them. Ports of one
    `split_horizon` get nothing from each other.
    """

    name: str
    mld: "PortParams | None" = None
    mrouter: MrouterMode = MrouterMode.AUTO
    querier_guard: bool = False
    fast_leave: FastLeave = FastLeave.OFF
    explicit_tracking: bool = True
    flood_unregistered: bool | None = None
    max_groups: int = 0
    max_state: int = 32 << 20
    deny_groups: tuple[Prefix, ...] = ()
    allow_groups: tuple[Prefix, ...] = ()
    vlans: PortVlans | None = None
    split_horizon: str | None = None

    def __post_init__(self) -> None:
        """Check every value; ValueError names the first that is out of range."""
        if not self.name:
            raise ValueError('name = "" is not allowed: the name of a port')
        if self.fast_leave is FastLeave.TRACKED and not self.explicit_tracking:
            raise ValueError(
                'fast_leave = "tracked" is not allowed: needs explicit_tracking = true'
            )
        _require_int("max_groups", self.max_groups, 0, 1 << 24)
        _require_int("max_state", self.max_state, 1, 1 << 40)
        _require_groups("deny_groups", self.deny_groups)
        _require_groups("allow_groups", self.allow_groups)

    def without_vlans(self) -> "PortParams":
        """The same but for its VLANs."""
        mld = None if self.mld is None else replace(self.mld, vlans=None)
        return replace(self, mld=mld, vlans=None)

    def of(self, family: Family) -> "PortParams":
        """The settings for a family."""
        return self if family is Family.IPV4 or self.mld is None else self.mld

    @property
    def ahead(self) -> bool:
        """Tell whether what its hosts join is refused for want of room at most."""
        asked = self.max_groups or self.of(Family.IPV6).max_groups
        return not (asked or self.deny_groups or self.allow_groups)


def _require_int(key: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{key} = {value} is not allowed: {lowest} to {highest}")


def _require_time(key: str, value: Duration, shortest: Duration, longest: Duration) -> None:
    if not shortest <= value <= longest:
        raise ValueError(
            f"{key} = {to_seconds(value):g} is not allowed: "
            f"{to_seconds(shortest):g} to {to_seconds(longest):g} seconds"
        )


def _require_mac(mac: bytes) -> None:
    if len(mac) != 6 or mac[0] & 1:
        raise ValueError(f"switch_mac = {mac.hex(':')} is not allowed: a unicast MAC address")


def _require_sender(address: Address, of: Family) -> None:
    if of is Family.IPV6:
        if address != UNSPECIFIED6 and not is_link_local(address):  # MLD-2
            raise ValueError("querier_address is not allowed: a link-local IPv6 address")
        return
    if len(address) != 16 or address[:12] != MAPPED:
        raise ValueError("querier_address is not allowed: an IPv4 address")
    if is_multicast(address) or address == BROADCAST or address[12] == 127:
        raise ValueError(
            f"querier_address = {text(address)} is not allowed: a unicast address or 0.0.0.0"
        )


def _require_mld(params: Params) -> None:
    """Each family's settings where they belong, the VLANs' like the switch's."""
    if params.mld is not None and (
        params.family is not Family.IPV4 or params.mld.family is not Family.IPV6
    ):
        raise ValueError("mld is not allowed: settings of IPv6, in those of IPv4")
    if any(own.family is not params.family for _, own in params.vlans):
        raise ValueError("vlans is not allowed: settings of the same family")
    if any(family(network) is not params.family for network, _ in params.ssm_ranges):
        raise ValueError("ssm_ranges is not allowed: groups of the same family")


def _require_groups(key: str, prefixes: Iterable[Prefix]) -> None:
    for network, length in prefixes:
        if not is_multicast(network) or not 0 <= length <= 128:
            raise ValueError(
                f"{key} = {text(network)} is not allowed: prefixes of multicast groups"
            )
