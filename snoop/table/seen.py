"""What the fast path is told of a port, and tells of what it has seen and done, as plain data.

Times are nanoseconds of CLOCK_MONOTONIC, ports are ids.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from snoop.proto.units import Ports
from snoop.wire.address import Address


@dataclass(frozen=True, slots=True)
class PortSetup:
    """How a port is to be opened; what is 0 gets its default.

    `isolate`: keep the host's stack off it; `shortcut`: known unicast is redirected inside the
    kernel; `later`: what does both comes when the port is there. Slots are ring slots of 2048
    bytes, `punt_bytes` the queue of control frames to this side: powers of two.
    """

    qdisc_bypass: bool = True
    isolate: bool = True
    shortcut: bool = True
    later: bool = False
    ring_slots: int = 0
    control_slots: int = 0
    punt_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PortOpened:
    """`isolated`: the host stack no longer sees the port; if not, `why_not` says why. `later`: that
    is to come.
    """

    isolated: bool
    why_not: str | None
    later: bool = False


class Punted(NamedTuple):
    """A control frame without its 802.1Q tag, and its VLAN; `time_ns` is CLOCK_MONOTONIC.

    A named tuple for the cost, like those of `wire.headers`.
    """

    port: int
    vid: int
    frame: bytes
    time_ns: int
    cost: int = 1
    """In group records, as `igmp_rate` counts them."""
    tci: int | None = None
    """Of the tag it came with; None: it had none."""


@dataclass(frozen=True, slots=True)
class FdbEntry:
    """One learned MAC address. `rival`: the port that claims it in vain, last `claimed_ns` ago."""

    vlan: int
    mac: bytes
    port: int
    age_ns: int
    rival: int | None = None
    claimed_ns: int = 0


class Watched(Enum):
    """Which streams' health is looked at: of none, of those that leave by a port, of all."""

    NONE = 0
    WANTED = 1
    ALL = 2


class Health(NamedTuple):
    """What a stream's own numbers say of it as it came in; times CLOCK_MONOTONIC."""

    kind: str
    """"rtp", "ts" (MPEG transport packets), or "rtp+ts"."""
    packets: int
    lost: int
    reordered: int
    duplicates: int
    continuity_errors: int
    restarts: int
    longest_gap_ns: int
    damaged_ns: int
    """When something was last found missing; 0: never."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One multicast flow at one ingress port, with its last verdict; times CLOCK_MONOTONIC."""

    vlan: int
    source: Address
    group: Address
    port: int
    frames: int
    bytes: int
    first_ns: int
    last_ns: int
    egress: Ports
    registered: bool
    reason: str
    ttl: int = 0
    """Of its latest frames."""
    path: str = "new"
    """Who serves it, and why: one of `fastpath.PATHS`."""
    in_kernel: bool = False
    health: Health | None = None
    """None: it is nothing known, or not watched."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """How often a loop went round and how often it slept."""

    passes: int
    sleeps: int
