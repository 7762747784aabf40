"""Ports and what they carry, as rows of documents; the daemon makes them, commands read them.

Fields stand in the order of the JSON; one that is added gets a default, so that an older switch can
be asked as well.
"""

from __future__ import annotations

from msgspec import Struct

from snoop.control.tagged import Tagging, Vid

Counts = dict[str, int]


class Port(Struct, frozen=True, kw_only=True, gc=False):
    """A port, its interface, its totals since they were cleared. `kind`: "host" of the host's own;
    `groups`: memberships of its hosts, `group_limit` of either family; `device`: its interface;
    `vlan_filtered`: what it has refused since it is in `vlans`, None: an older switch.
    """

    name: str
    ifindex: int | None
    state: str
    mrouter: str
    fast_leave: str
    mtu: int | None
    mac: str | None
    isolated: bool
    takes_runs: bool
    takes_runs_because: str
    lro: bool
    addresses: list[str]
    problem: str | None
    state_bytes: int
    state_max_bytes: int
    rx_frames: int
    rx_bytes: int
    tx_frames: int
    tx_bytes: int
    drops: Counts
    notice: str | None = None
    isolated_because: str | None = None
    uppers: list[str] = []
    link_kind: str = ""
    lost: int = 0
    pruned: int = 0
    refused: int = 0
    speed_mbit: int | None = None
    description: str | None = None
    vlans: Tagging | None = None
    split_horizon: str | None = None
    direct: bool = False
    direct_because: str = ""
    kind: str = "port"
    groups: int = 0
    group_limit: int | None = None
    device: str = ""
    loop: bool = False
    loop_with: str | None = None
    vlan_filtered: int | None = None

    @property
    def stands(self) -> str:
        """Its state for people: also that it is held (LOOP-3)."""
        return "held" if self.loop else self.state


class Station(Struct, frozen=True, kw_only=True, gc=False):
    """A unicast address; `rival`: a port where it is heard as well, `claimed` seconds ago."""

    vlan: Vid
    mac: str
    port: str
    age: float
    rival: str | None
    sticky: bool
    claimed: float | None


class Health(Struct, frozen=True, kw_only=True, gc=False):
    """What a stream's own numbers say of it as it came in. `damaged`: seconds since something was
    last found missing, None: never.
    """

    kind: str
    packets: int
    lost: int
    reordered: int
    duplicates: int
    longest_gap_ms: float
    continuity_errors: int
    restarts: int = 0
    damaged: float | None = None


class Stream(Struct, frozen=True, kw_only=True, gc=False):
    """One flow as it comes in at `port`; `path_cause` is a word of `paths.py`."""

    vlan: Vid
    family: str
    source: str
    group: str
    port: str
    frames: int
    bytes: int
    frames_per_s: float
    bits_per_s: float
    registered: bool
    egress: list[str]
    reason: str
    age: float
    idle: float
    ttl: int | None = None
    name: str | None = None
    path: str = "ring"
    path_cause: str = ""
    path_because: str = ""
    health: Health | None = None
    announced: str | None = None
