"""What a search reads, what it yields, and the words they share."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import ip_address
from typing import NamedTuple, Protocol, TypeVar

from msgspec import structs

from snoop.cli.summary import Everything
from snoop.control import documents, witnessed, wording
from snoop.control.causes import Cause
from snoop.control.configured import IgmpConfig, VlanConfig
from snoop.control.documents import Finding
from snoop.control.tagged import vids
from snoop.wire.address import Family

NEAR_LIMIT = 0.9
NOBODYS = ("0.0.0.0", "::")
"""What hosts report from that have no address (yet)."""
RECENT_SECONDS = 60.0
"""How long after its last frame a stream is one that goes on."""
ABOUT_MAX = 256


_LINK_SCOPE = 2  # RFC 4291 2.7
_SITE_ROUTERS = ip_address("ff05::2").packed


class OfFamily(Protocol):
    """A row that belongs to a family."""

    @property
    def family(self) -> str:
        """Which."""


Row = TypeVar("Row", bound=OfFamily)


class Who(NamedTuple):
    """A host that has a part in a finding, as far as it is known."""

    address: str | None = None
    mac: str | None = None

    def __str__(self) -> str:
        """The way findings name it."""
        if self.address in NOBODYS:
            return f"{self.mac or 'a host'} (a host without an address)"
        if self.address is None or self.mac is None:
            return self.address or self.mac or "a host"
        return f"{self.address} ({self.mac})"


NOBODY = Who()


class Rule(NamedTuple):
    """What is said of something that was counted, or refused by a rule, and what to do."""

    cause: Cause
    what: str
    do: str


@dataclass(frozen=True)
class Facts:
    """What the `show` commands answered. `unbalanced`: rx_frames less verdicts, by port.

    `family` None: of both. Of one the rows are its own, and `config.igmp` is what holds for it.
    """

    seen: Everything
    config: documents.Config
    fdb_entries: int
    stations: dict[str, int]  # Unicast addresses behind each port.
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    unbalanced: dict[str, int]
    unwanted_bits_per_s: float
    rates: dict[str, dict[str, float]] = field(default_factory=dict)
    """What each port counts a second, now: those of `RATED` that move."""
    disputed: list[documents.Station] = field(default_factory=list)
    """Unicast addresses claimed in vain."""
    fdb: list[documents.Station] = field(default_factory=list)
    witnesses: documents.Witnesses = field(default_factory=lambda: documents.Witnesses(refused=[]))
    family: str | None = None

    def of_now(self) -> Facts:
        """Without streams of VLANs that their ports are in no more: they are history, and come in
        nowhere, though a moment ago they did.
        """
        streams = self.seen.streams
        there = [one for one in streams if self.vlans.get(one.port, -1) >> one.vlan & 1]
        return replace(self, seen=replace(self.seen, streams=there))

    def of_each(self) -> list[Facts]:
        """Those of each family that is snooped."""
        known = ("ipv4",) if self.config.mld is None else ("ipv4", "ipv6")
        return [self._of(family) for family in known]

    def _of(self, family: str) -> Facts:
        def own(rows: list[Row]) -> list[Row]:
            return [row for row in rows if row.family == family]

        seen, heard, config = self.seen, self.witnesses, self.config
        return replace(
            self,
            seen=replace(
                seen,
                queriers=own(seen.queriers),
                mrouters=own(seen.mrouters),
                mdb=own(seen.mdb),
                streams=own(seen.streams),
            ),
            witnesses=structs.replace(
                heard,
                refused=own(heard.refused),
                hosts=own(heard.hosts),
                gone=own(heard.gone),
                asked=own(heard.asked),
            ),
            config=config if family == "ipv4" else _as_igmp(config),
            family=family,
        )

    @cached_property
    def members(self) -> dict[int, list[documents.Entry]]:
        """The learned rows of the mdb by VLAN: a flood makes many of both."""
        rows: dict[int, list[documents.Entry]] = defaultdict(list)
        for row in self.seen.mdb:
            if row.origin == "dynamic":
                rows[row.vlan].append(row)
        return rows

    @cached_property
    def routers(self) -> dict[int, list[documents.Mrouter]]:
        """The router records by VLAN."""
        rows: dict[int, list[documents.Mrouter]] = defaultdict(list)
        for row in self.seen.mrouters:
            rows[row.vlan].append(row)
        return rows

    @cached_property
    def groups(self) -> dict[tuple[int, str], list[documents.Entry]]:
        """The rows of the mdb by VLAN and group."""
        rows: dict[tuple[int, str], list[documents.Entry]] = defaultdict(list)
        for row in self.seen.mdb:
            rows[row.vlan, row.group].append(row)
        return rows

    @cached_property
    def members_of(self) -> dict[str, dict[int, list[documents.Entry]]]:
        """The rows of the mdb by group, then VLAN."""
        rows: dict[str, dict[int, list[documents.Entry]]] = defaultdict(dict)
        for (vid, group), held in self.groups.items():
            rows[group][vid] = held
        return rows

    @cached_property
    def sent(self) -> dict[str, dict[int, list[documents.Stream]]]:
        """The streams by group, then VLAN."""
        rows: dict[str, dict[int, list[documents.Stream]]] = defaultdict(dict)
        for row in self.seen.streams:
            rows[row.group].setdefault(row.vlan, []).append(row)
        return rows

    @cached_property
    def vlans(self) -> dict[str, int]:
        """The VLANs of each port, bit `1 << vid`; empty where the switch does not filter."""
        return {port.name: vids(port.vlans) for port in self.seen.ports if port.vlans is not None}

    @cached_property
    def horizons(self) -> dict[str, str]:
        """The split horizon of each port that has one."""
        return {port.name: port.split_horizon for port in self.seen.ports if port.split_horizon}

    @cached_property
    def _stations(self) -> dict[tuple[int, str, str], float]:
        return {(row.vlan, row.port, row.mac): row.age for row in self.fdb}

    def last_seen(self, host: witnessed.Witness | witnessed.Gone) -> float:
        """How many seconds ago a frame of a host came in at its port, as far as is known."""
        return self._stations.get((host.vlan, host.port, host.mac), math.inf)

    @cached_property
    def never_heard(self) -> dict[int, list[tuple[str, str]]]:
        """The hosts, MAC address and port, that never said anything by IGMP, by VLAN."""
        found: dict[int, list[tuple[str, str]]] = defaultdict(list)
        spoke = {row.mac for row in self.witnesses.hosts}
        for row in self.fdb:
            if row.mac not in spoke:
                found[row.vlan].append((row.mac, row.port))
        return found

    @cached_property
    def versions(self) -> dict[tuple[int, str, str], int]:
        """The IGMP version that a host spoke last, by VLAN, port and MAC address."""
        return {(row.vlan, row.port, row.mac): row.version for row in self.witnesses.hosts}

    def has_counted(self, name: str) -> bool:
        """Did this counter move at any port?"""
        return any(counts.get(name) for counts in self.port_counters.values())


def _as_igmp(config: documents.Config) -> documents.Config:
    """With what `[mld]` says where searches read it."""
    mld = config.mld
    assert mld is not None
    keys = ("querier", "version", "max_groups")
    igmp = {key: getattr(mld, key) for key in (*keys, "enabled")}
    return structs.replace(
        config,
        igmp=structs.replace(config.igmp, **igmp, mrouter_on_null_source=True),
        vlan=[
            vlan
            if vlan.mld is None
            else structs.replace(vlan, **{key: getattr(vlan.mld, key) for key in keys})
            for vlan in config.vlan
        ],
        port=[
            port if port.mld is None else structs.replace(port, deny_groups=port.mld.deny_groups)
            for port in config.port
        ],
    )


def spoken(found: Finding, family: str | None) -> Finding:
    """A finding in the words of its family, which it names."""
    if family is None:
        return found
    finding, do = found.finding, found.do
    if family == "ipv6":
        finding = f"IPv6: {wording.spoken(finding, Family.IPV6)}"
        do = wording.spoken(do, Family.IPV6)
    return structs.replace(found, finding=finding, do=do, family=family)


def placed(found: Finding, hosts: Collection[str]) -> Finding:
    """A finding of one of the host's own ports names the table that these have."""
    if found.subject not in hosts:
        return found
    finding, do = wording.of_host(found.finding), wording.of_host(found.do)
    return structs.replace(found, finding=finding, do=do)


def is_local(group: str) -> bool:
    """Is it an IPv6 group that no router passes on? Every host joins some, unasked, as routers do
    that of all routers of a site."""
    packed = ip_address(group).packed
    return len(packed) == 16 and (packed[1] & 0xF <= _LINK_SCOPE or packed == _SITE_ROUTERS)


def of_several(found: Finding, what: Iterable[str]) -> Finding:
    """A finding with all that it is about; what one alone is about, its subject says."""
    about = list(dict.fromkeys(what))
    return structs.replace(found, about=about[:ABOUT_MAX]) if about[1:] else found


def problem(cause: Cause, subject: str, finding: str, do: str, host: Who = NOBODY) -> Finding:
    return _finding("problem", cause, subject, finding, do, host)


def note(cause: Cause, subject: str, finding: str, do: str, host: Who = NOBODY) -> Finding:
    return _finding("note", cause, subject, finding, do, host)


def _finding(
    severity: str, cause: Cause, subject: str, finding: str, do: str, host: Who
) -> Finding:
    return Finding(
        severity=severity,
        subject=subject,
        finding=finding,
        do=do,
        cause=cause,
        host=host.address,
        mac=host.mac,
    )


def many(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def vlan(vid: int) -> str:
    return f"vlan {vid}" if vid else "switch"


def igmp(facts: Facts, vid: int) -> VlanConfig | IgmpConfig:
    """The settings of a VLAN: its own [[vlan]], or [igmp]."""
    own = (vlan for vlan in facts.config.vlan if vlan.vid == vid)
    return next(own, facts.config.igmp)


def is_up(facts: Facts, port: str) -> bool:
    return any(one.name == port and one.state == "up" for one in facts.seen.ports)
