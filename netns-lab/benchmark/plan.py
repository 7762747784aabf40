"""Which measures run, on whom, how often: the short plan and the full one, with the goals beside
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmark import measures as measures
from benchmark.measures import Figures
from benchmark.site import Site
from benchmark.traffic import IPV6_BYTES

PEERS = ("bridge", "ovs-system", "ovs-afxdp")
ALL = ("snoop", *PEERS)
SPIN_US = 1000  # longer than the gap between two frames at 2 000 frames/s
VLAN = 10


@dataclass(frozen=True, slots=True)
class Variant:
    """This switch otherwise: `switch` holds the keys of `[switch]` in which it differs, `port`
    those of every port. With `trunk` the source is behind a trunk, and what it sends is tagged.
    """

    switch: dict[str, object]
    port: dict[str, object] = field(default_factory=dict)
    trunk: bool = False
    receivers: int = 3


VARIANTS: dict[str, Variant] = {
    "snoop-uncoalesced": Variant({"coalesce": "off"}),
    "snoop-spin": Variant({"spin_us": SPIN_US}),
    "snoop-access": Variant({"vlan_filtering": True}, {"access": VLAN}, receivers=15),
    "snoop-trunk": Variant({"vlan_filtering": True}, {"access": VLAN}, trunk=True, receivers=15),
}
VLAN_VARIANTS = ("snoop", "snoop-access", "snoop-trunk")
MANY = 10_000
CALM_RATE = 2_000
REPORT_RATE = 10_000


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` of `subject` over the same of `against` must be at least (or, `at_most`, no more
    than) `ratio`.
    """

    figure: str
    ratio: float
    subject: str = "snoop"
    against: str = "bridge"
    at_most: bool = False
    against_item: str | None = None  # another item of the plan: itself under other conditions


@dataclass(frozen=True, slots=True)
class Item:
    """One row group of the report: `run` gives one round's figures of one site; `units` names what
    is shown.
    """

    key: str
    title: str
    run: Callable[[Site], Figures]
    units: dict[str, str]  # figure → unit
    contestants: tuple[str, ...] = ALL
    rounds: int | None = None  # fewer than the plan's
    goals: tuple[Goal, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often."""

    rounds: int
    trial_s: float
    trials: int
    latency_s: float
    budget_s: float  # no round is begun after it
    patience_s: float  # how long a round waits for the machine to be idle


SHORT = Effort(rounds=1, trial_s=0.25, trials=5, latency_s=0.6, budget_s=62.0, patience_s=0.2)
FULL = Effort(rounds=5, trial_s=1.0, trials=8, latency_s=6.0, budget_s=3 * 3600.0, patience_s=2.0)

RATE_UNITS = {"zero loss": "frames/s", "full load": "datagrams/s"}
FAN_GOALS = {
    (1, 64): 1.2,
    (1, 1400): 1.2,
    (3, 64): 2.0,
    (3, 1400): 2.0,
    (7, 64): 2.8,
    (7, 1400): 2.8,
    (15, 64): 4.5,
    (15, 1400): 3.8,
}
AFXDP_GOALS = {3: 2.5, 7: 5.0}


def search(
    effort: Effort,
    *,
    fan: int,
    size: int = 64,
    groups: int = 1,
    run: Callable[..., Figures] = measures.throughput,
) -> Callable[[Site], Figures]:
    return partial(
        run, fan=fan, size=size, groups=groups, seconds=effort.trial_s, trials=effort.trials
    )


def ports(fan: int) -> str:
    return f"{fan} port{'s' * (fan > 1)}"


def fan_item(effort: Effort, fan: int, size: int) -> Item:
    goals = []
    if ratio := FAN_GOALS.get((fan, size)):
        goals.append(Goal("zero loss", ratio))
    if size == 64 and (ratio := AFXDP_GOALS.get(fan)):
        goals.append(Goal("zero loss", ratio, against="ovs-afxdp"))
    contestants = ALL
    if (fan, size) == (3, 64):
        contestants = (*ALL, "snoop-uncoalesced")
        goals.append(Goal("zero loss", 0.9, subject="snoop-uncoalesced"))
    title = f"one stream, {size} bytes, to {ports(fan)}"
    run = search(effort, fan=fan, size=size)
    return Item(f"fan{fan}-{size}", title, run, RATE_UNITS, contestants, goals=tuple(goals))


def ipv6_item(effort: Effort, fan: int, size: int) -> Item:
    """IPv6 is to be as far ahead of the bridge as IPv4 is, but for a twentieth."""
    title = f"the same over IPv6, {size + IPV6_BYTES} bytes, to {ports(fan)}"
    run = search(effort, fan=fan, size=size, run=measures.ipv6)
    goals = [
        Goal("zero loss", round(0.95 * ratio, 2))
        for ratio in (FAN_GOALS.get((fan, size)),)
        if ratio
    ]
    return Item(
        f"fan{fan}-{size}-v6", title, run, RATE_UNITS, ("snoop", "bridge"), goals=tuple(goals)
    )


def vlan_goals(figure: str) -> tuple[Goal, ...]:
    """VLANs cost nothing: each beside the same switch without them."""
    return tuple(Goal(figure, 0.97, subject=each, against="snoop") for each in VLAN_VARIANTS[1:])


def vlan_item(effort: Effort, fan: int, size: int) -> Item:
    title = f"the same, {size} bytes, all on access ports, and from a trunk, to {ports(fan)}"
    run = search(effort, fan=fan, size=size)
    goals = vlan_goals("zero loss")
    return Item(f"vlan-fan{fan}-{size}", title, run, RATE_UNITS, VLAN_VARIANTS, goals=goals)


def singles_item(effort: Effort, fan: int, size: int) -> Item:
    title = f"the same, {size} bytes, to {ports(fan)} whose sockets take single datagrams"
    run = search(effort, fan=fan, size=size, run=measures.singles)
    return Item(f"singles{fan}-{size}", title, run, RATE_UNITS, ("snoop", "bridge"))


def groups_item(effort: Effort, fan: int, groups: int, *goals: Goal) -> Item:
    title = f"{groups:,} streams in turn, 64 bytes, to {ports(fan)}"
    run = search(effort, fan=fan, groups=groups)
    return Item(f"groups{groups}-fan{fan}", title, run, RATE_UNITS, goals=goals)


def table_item(effort: Effort, groups: int, *goals: Goal) -> Item:
    title = f"one stream, {groups:,} group{'s' * (groups > 1)} × 3 ports in the table"
    run = partial(
        measures.table, fan=3, groups=groups, seconds=effort.trial_s, trials=effort.trials
    )
    units = {"zero loss": "frames/s", "memory": "bytes"}
    return Item(f"table{groups}", title, run, units, ("snoop", "bridge"), goals=goals)


def latency_item(
    effort: Effort, key: str, title: str, rate: Callable[[], int], *goals: Goal
) -> Item:
    run = partial(measures.latency, fan=3, rate=rate, seconds=effort.latency_s)
    units = {f"{which} to {end}": "µs" for end in ("process", "port") for which in SHOWN_DELAYS}
    if key == "latency-half":
        units["offered"] = "frames/s"
    return Item(key, title, run, units, (*ALL, "snoop-spin"), goals=goals)


def calm_latency_item(effort: Effort) -> Item:
    title = f"latency at {CALM_RATE:,} frames/s to 3 ports"
    return latency_item(effort, "latency2k", title, lambda: CALM_RATE, *LATENCY_GOALS)


FLOODS = {
    "v2": "IGMPv2 reports",
    "v3": "IGMPv3 reports",
    "records30": "reports of 30 records",
    "records183": "reports of 183 records",
    "sources": "reports of 300 sources",
    "checksum": "bad checksums",
    "vlans": "joins in 4094 VLANs",
    "query": "General Queries",
    "specific": "group-specific queries",
    "unknown": "unknown IGMP types",
    "pim": "PIM hellos",
    "unicast": "unknown unicast",
    "broadcast": "broadcast",
    "multicast": "unregistered multicast",
}
SHOWN_DELAYS = ("min", "p50", "p99", "max")
P50 = "p50 to process"
LATENCY_GOALS = (
    Goal(P50, 1.3, at_most=True),
    Goal(P50, 1.0, subject="snoop-spin", at_most=True),
)
DELAY_UNITS = dict.fromkeys(("join", "leave", "join fast", "leave fast"), "ms")
PROCESSOR_UNITS = {
    "whole machine": "CPU s / million",
    "switch process": "CPU s / million",
    "idle": "% of a core",
}


def quick(effort: Effort) -> list[Item]:
    """A taste of everything that fits into a minute; fan-out grows, since a leave takes seconds."""
    return [
        fan_item(effort, 1, 64),
        fan_item(effort, 3, 64),
        fan_item(effort, 3, 1400),
        calm_latency_item(effort),
        singles_item(effort, 3, 64),
        fan_item(effort, 7, 64),
        fan_item(effort, 15, 64),
        tcp_item(0.4, Goal("throughput", 1.0)),
        groups_item(effort, 3, 10, Goal("zero loss", 1.8)),
        delay_item(),
        processor_item(0.7),
    ]


def full(effort: Effort, half_load: Callable[[], int]) -> list[Item]:
    """Everything. `half_load`: half of what the kernel bridge did without loss, in frames/s."""
    same = Goal("zero loss", 0.95, against="snoop", against_item="table1")
    half = "latency at half of the bridge's load, to 3 ports"
    return [
        *(fan_item(effort, fan, size) for fan in (1, 3, 7, 15) for size in (64, 512, 1400)),
        *(ipv6_item(effort, fan, size) for fan in (1, 3, 7, 15) for size in (64, 1400)),
        *(vlan_item(effort, fan, 64) for fan in (3, 7, 15)),
        *(singles_item(effort, fan, 64) for fan in (1, 3, 7, 15)),
        singles_item(effort, 3, 1400),
        calm_latency_item(effort),
        latency_item(effort, "latency-half", half, half_load),
        groups_item(effort, 3, 10, Goal("zero loss", 1.8)),
        groups_item(effort, 7, 10, Goal("zero loss", 2.5)),
        groups_item(effort, 3, 100),
        groups_item(effort, 3, 1000),
        delay_item(),
        tcp_item(3.0, Goal("throughput", 1.0)),
        vlan_tcp_item(effort.trial_s),
        processor_item(5.0),
        table_item(effort, 1),
        table_item(effort, MANY, same),
        groups_item(effort, 1, MANY, Goal("zero loss", 1.2)),
        groups_item(effort, 3, MANY, Goal("zero loss", 0.85)),
        reports_item(10.0),
        *(fairness_item(kind, flooders, 200) for kind in FLOODS for flooders in (2, 7)),
        capacity_item((1_000, 4_000, 10_000, 20_000, 40_000)),
    ]


def tcp_item(seconds: float, *goals: Goal) -> Item:
    run = partial(measures.tcp, seconds=seconds)
    # Open vSwitch's userspace ports do not complete the checksums that hosts leave to the device,
    # so that with offloads as they come no connection gets through it.
    contestants = ("snoop", "bridge")
    units = {"throughput": "Gbit/s"}
    return Item("tcp", "TCP, one connection", run, units, contestants, goals=goals)


def vlan_tcp_item(seconds: float) -> Item:
    title = "TCP, one connection, all on access ports, and from a trunk"
    run, units = partial(measures.tcp, seconds=seconds), {"throughput": "Gbit/s"}
    goals = vlan_goals("throughput")
    return Item("vlan-tcp", title, run, units, VLAN_VARIANTS, goals=goals)


def delay_item() -> Item:
    title = "join and leave delay (last member query interval 1 s)"
    return Item("delays", title, measures.delays, DELAY_UNITS)


def processor_item(seconds: float) -> Item:
    title = f"processor time at {measures.CPU_RATE:,} frames/s to {measures.CPU_FAN} ports"
    return Item("cpu", title, partial(measures.processor, seconds=seconds), PROCESSOR_UNITS)


def reports_item(seconds: float) -> Item:
    run = partial(measures.reports, rate=REPORT_RATE, seconds=seconds)
    units = {"reports lost": "reports", "datagrams lost": "datagrams", "read after": "s"}
    title = f"{REPORT_RATE:,} reports/s for {seconds:.0f} s beside a stream"
    return Item("reports", title, run, units, ("snoop",))


def fairness_item(kind: str, flooders: int, joins: int) -> Item:
    run = partial(measures.fairness, kind=kind, flooders=flooders, joins=joins)
    units = dict.fromkeys(("p50", "p99", "max"), "ms")
    units |= {"joins lost": "joins", "datagrams lost": "datagrams"}
    who = f"{flooders} ports flood" if flooders else "nobody floods"
    title = f"{joins} joins of a quiet host while {who} {FLOODS[kind]}".rstrip()
    rivals = ("snoop", "bridge")
    return Item(f"fairness-{kind}-{flooders}", title, run, units, rivals, rounds=1)


def capacity_item(steps: tuple[int, ...]) -> Item:
    run = partial(measures.capacity, fan=2, steps=steps)
    title = f"groups held, 2 ports each (tried up to {max(steps):,})"
    return Item("capacity", title, run, {"groups": "groups", "memory": "bytes"}, rounds=1)
