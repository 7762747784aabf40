"""One port: a name from the configuration, an id for the fast path, a state; and what `Ports` needs
of others to keep it so.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from snoop.config.schema_port import HostTable, PortTable
from snoop.links import direct, runs
from snoop.links.direct import Direct
from snoop.links.interfaces import Link
from snoop.links.runs import Runs
from snoop.proto.units import Instant
from snoop.table.seen import PortOpened, PortSetup, Stream


class State(Enum):
    """What `show ports` says."""

    UP = "up"
    DOWN = "down"
    MISSING = "missing"


class NoSuchPort(Exception):
    """This switch has no port of that name; the text says which there are."""


class LinkTable(Protocol):
    """Where links are looked up: `links.Links`, or what a test puts in its place."""

    def by_name(self, name: str) -> Link | None: ...
    def bare(self) -> Collection[Link]: ...
    def set_alias(self, ifindex: int, alias: str) -> None: ...


class PortPath(Protocol):
    """The part of the fast path that ports need."""

    def streams(self) -> Iterator[Stream]: ...
    def counters(self, port: int) -> dict[str, int]: ...
    def port_open(self, port: int, ifindex: int, setup: PortSetup) -> PortOpened: ...
    def port_reopen(self, port: int, ifindex: int, setup: PortSetup) -> PortOpened: ...
    def adopt(self, port: int, prepared: Any, setup: PortSetup) -> PortOpened: ...
    def port_close(self, port: int) -> None: ...
    def port_isolate(self, port: int, isolate: bool) -> bool: ...
    def port_bypass(self, port: int, bypass: bool) -> None: ...
    def port_flapped(self, port: int) -> None: ...
    def attached(self, port: int, program: Any) -> int | None: ...
    def port_set(
        self,
        port: int,
        *,
        up: bool,
        mtu: int,
        coalesce: bool = ...,
        watched: bool = ...,
        sticky: bool = ...,
        igmp_rate: int = ...,
        igmp_burst: int = ...,
        filters: bool = ...,
        pvid: int = ...,
        horizon: int = ...,
        ahead: bool = ...,
        peer: bool = ...,
        peer_mac: bytes = ...,
        guard: bool = ...,
        held: bool = ...,
        reserved: int = ...,
        storm_limit: int = ...,
        names: bool = ...,
        rings_only: bool = ...,
    ) -> None: ...


@dataclass(slots=True)
class Port:
    """One port. `problem`: why it does not forward; `notice`: what is not as it should be.

    `isolated_because`: why the kernel refused to keep the host's stack off it. `before`: what
    other ports of this number have counted, `since` when it was not theirs any more; `opening`: the
    interface for which it is being opened, 0: none; `held`: why the loop guard has it forward
    nothing, `held_with` the port by which its loop goes on; `setup`: how it was asked for last;
    `said`: the state in the log; `later`: its program is to come, and the rings alone serve it;
    `rings_only`: nothing leaves it by the kernel's programs; `dismissed`: it is a port no longer,
    and waits to be closed; `outside`: what it had refused for its VLAN when it came into those that
    it is in, None: only now.
    """

    id: int
    table: PortTable
    state: State = State.MISSING
    said: State = State.MISSING
    link: Link | None = None
    problem: str | None = None
    notice: str | None = None
    isolated: bool = False
    isolated_because: str | None = None
    asked_isolation: bool = False
    asked_bypass: bool = True
    rings_only: bool = False
    told_up: bool = False
    held: str | None = None
    held_with: str | None = None
    opening: int = 0
    later: bool = False
    dismissed: bool = False
    setup: PortSetup | None = None
    runs: Runs = runs.MISSING
    direct: Direct = direct.MISSING
    before: Mapping[str, int] = field(default_factory=dict)
    since: Instant | None = None
    outside: int | None = 0

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def is_host(self) -> bool:
        """Is it the host's own?"""
        return isinstance(self.table, HostTable)

    @property
    def opened(self) -> bool:
        """Is it open in the fast path?"""
        return self.link is not None


def why_down(port: Port) -> str:
    """What keeps an interface that is there from being up."""
    link = port.link
    if link is None or link.up:
        return ""
    if not link.admin_up:
        return f": ip link set {link.name} up"
    if port.is_host:
        return f": ip link set {port.name} up"
    return ": no carrier, look at the cable or at what is behind it"


def reason(error: OSError) -> str:
    """What an OSError says to people, with what to do about it where we know."""
    text = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    if isinstance(error, PermissionError):
        return f"{text}; run as root, or with CAP_NET_RAW and CAP_NET_ADMIN"
    return text
