"""The engine's state as others see it: for the table compiler, and for people.

All frozen, built when asked for. Ports are ids, addresses `Address`, times `Duration`; None where
there is no such timer, and where it never runs out. The JSON of the CLI is made from the rows by
the runtime.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from snoop.proto.units import Duration, Ports
from snoop.wire.address import Address, Family


class FilterMode(StrEnum):
    """Filter mode of a membership (RFC 9776 6.2.1)."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


INCLUDE, EXCLUDE = FilterMode


class Role(StrEnum):
    """Who asks: we, somebody else, or nobody with an address."""

    QUERIER = "querier"
    NON_QUERIER = "non-querier"
    NONE = "none"


class RouterOrigin(StrEnum):
    """What makes a port a router port (SNOOP-20)."""

    QUERY = "query"
    PIM = "pim"
    MRD = "mrd"
    DVMRP = "dvmrp"
    STATIC = "static"


class EntryOrigin(StrEnum):
    """Whether an entry was learned or is an operator's."""

    DYNAMIC = "dynamic"
    STATIC = "static"


class Refusal(StrEnum):
    """Why a join was refused, or (`SOURCE_LIMIT`, `HOST_LIMIT`) taken for less than it said."""

    FILTER = "filter"
    SSM = "ssm"
    VERSION = "version"
    ROUTER_ALERT = "router_alert"
    TTL = "ttl"
    PORT_LIMIT = "port_limit"
    TABLE_FULL = "table_full"
    STATE_LIMIT = "state_limit"
    SOURCE_LIMIT = "source_limit"
    HOST_LIMIT = "host_limit"
    VLAN_LIMIT = "vlan_limit"


class Disbelief(StrEnum):
    """Why a router, or who asks as one does, is not believed."""

    NEVER = "never"  # [[port]] mrouter
    GUARD = "querier_guard"
    LIMIT = "mrouter_limit"


class Departure(StrEnum):
    """How a membership ended."""

    LEFT = "left"  # and nobody else on the port wanted it
    EXPIRED = "expired"  # nobody answered
    FAST_LEAVE = "fast_leave"  # by one host's leave, nobody else asked
    CLEARED = "cleared"
    PORT_DOWN = "port_down"
    VLAN_LEFT = "vlan_left"  # the port is not in the VLAN any more
    DISABLED = "disabled"  # snooping was switched off
    LIMIT = "limit"  # a limit was lowered over a restart


class PortMembership(NamedTuple):
    """What one port wants of one group. A named tuple for the cost: joins wait for these.

    INCLUDE: only `forwarding`. EXCLUDE: everything but `blocked`; `forwarding` then holds the
    sources whose timers run (set X). A port with static entries alone is INCLUDE of nothing.
    `static_any`: a static entry for any source, which outdoes `blocked`.
    """

    port: int
    filter_mode: FilterMode
    forwarding: frozenset[Address]
    blocked: frozenset[Address]
    static_any: bool
    static_sources: frozenset[Address]


class GroupView(NamedTuple):
    """A registered group. No members: a tombstone (SM-69), data goes to router ports only.

    `spared`: ports that get it because there was no room for what they asked (SM-68).
    """

    vid: int
    group: Address
    members: tuple[PortMembership, ...]
    spared: Ports = 0


@dataclass(frozen=True, slots=True)
class VlanView:
    """What holds for all groups of a VLAN. `active` False: do not prune (Q-15, VLAN-8).

    `bridged`, of IPv6: nobody reads its messages, all of it floods (SNOOP-34).
    `floods`: what is not registered goes everywhere for now, whatever the policy says (Q-14).
    `ahead`: joins are refused for want of room at most, so they may be served before (SM-70).
    """

    vid: int
    family: Family
    active: bool
    mrouters: Ports
    bridged: bool = False
    floods: bool = False
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source of an `MdbRow`; `timer` None: blocked, or only `static`."""

    address: Address
    timer: Duration | None
    forwarding: bool
    static: bool = False


class MdbRow(NamedTuple):
    """One port of one group. `compatibility` is "igmpv1"..3, "mldv1" or "mldv2"; it and `family`
    are None of a group by its MAC address.

    A port with both kinds of entry has one row (N-7): static if any source is wanted statically,
    which outdoes what was learned, else dynamic, with the static sources among the others.
    """

    vid: int
    family: Family | None
    group: Address
    port: int
    filter_mode: FilterMode
    sources: tuple[SourceRow, ...]
    group_timer: Duration | None
    origin: EntryOrigin
    compatibility: str | None
    uptime: Duration
    last_reporter: Address | None


@dataclass(frozen=True, slots=True)
class MrouterRow:
    """One reason for a router port."""

    vid: int
    family: Family
    port: int
    origin: RouterOrigin
    address: Address | None
    timer: Duration | None
    uptime: Duration


@dataclass(frozen=True, slots=True)
class QuerierRow:
    """Who asks in a VLAN.

    `timer` is what is left of the other querier present interval. `version` and the intervals are
    those in force: ours, or adopted (TM-30).
    """

    vid: int
    family: Family
    role: Role
    address: Address | None
    port: int | None
    version: int
    timer: Duration | None
    query_interval: Duration
    query_response_interval: Duration
    robustness: int
    uptime: Duration | None
    last_member_query_interval: Duration
    group_membership_interval: Duration


@dataclass(frozen=True, slots=True)
class HostRow:
    """One tracked host of a group on a port; what was heard of it is None if that is forgotten."""

    vid: int
    family: Family
    group: Address
    port: int
    address: Address
    mac: bytes
    filter_mode: FilterMode
    sources: tuple[Address, ...]
    timer: Duration
    version: int | None
    first_heard: Duration | None
    last_heard: Duration | None
    unanswered: int | None


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Joins of a group that a port's hosts made in vain; who made the last, how long ago."""

    vid: int
    family: Family
    group: Address
    port: int
    why: Refusal
    address: Address
    mac: bytes
    count: int
    age: Duration


@dataclass(frozen=True, slots=True)
class ShunnedRow:
    """A router that is not believed on a port: what it said last, how often, how long ago."""

    vid: int
    family: Family
    port: int
    address: Address
    origin: RouterOrigin
    why: Disbelief
    count: int
    age: Duration


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """A host that a port has heard: how long ago first and last, and when it answered a query.

    `unanswered`: General Queries that it was to answer since; 0 where the last it said was that it
    `left`, or where it has been heard on another port meanwhile, `moved`. At most `ASKED_MAX`.
    """

    vid: int
    family: Family
    port: int
    address: Address
    mac: bytes
    version: int
    first_heard: Duration
    last_heard: Duration
    answered: Duration | None
    unanswered: int
    left: bool
    moved: bool


@dataclass(frozen=True, slots=True)
class DepartureRow:
    """A membership that ended `age` ago, and has not been taken up again.

    `last_heard` is how long ago the host had been heard last *then*, `unanswered` what it had left
    unanswered then; None if that was forgotten. `others`, (MAC, address), wanted it as well.
    """

    vid: int
    family: Family
    group: Address
    port: int
    how: Departure
    address: Address
    mac: bytes
    age: Duration
    last_heard: Duration | None
    unanswered: int | None
    others: tuple[tuple[bytes, Address], ...]


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A General Query that was put to `ports`, `age` ago, and how many hosts answered it.

    `port` is where it came in, None for our own. `left`: how long hosts still have to answer.
    `silent`: the ports with members that did not answer, once that is over.
    """

    vid: int
    family: Family
    address: Address
    port: int | None
    version: int
    age: Duration
    left: Duration
    answers: int
    ports: Ports
    answered: Ports
    silent: Ports
