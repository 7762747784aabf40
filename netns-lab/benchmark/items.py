"""The rows of the report: each says what is measured, on whom, and what must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmark import goals, measures
from benchmark.goals import Goal
from benchmark.measures import Figures
from benchmark.site import Site
from benchmark.traffic import IPV6_BYTES
from benchmark.variants import BRIDGE, PEERS, SNOOP

ALL = (SNOOP, *PEERS)
PAIR = (SNOOP, BRIDGE)
PATHS = (SNOOP, "snoop-rings", BRIDGE)  # the same switch with and without the kernel's help
VLAN_VARIANTS = (SNOOP, "snoop-access", "snoop-trunk")
MEDIA_VARIANTS = ("snoop-media", "snoop-unwatched")
REPORT_RATE = 10_000
RATE_UNITS = {"zero loss": "frames/s", "full load": "datagrams/s"}
SHOWN_DELAYS = ("min", "p50", "p99", "max")
DELAY_UNITS = dict.fromkeys(("join", "leave", "join fast", "leave fast"), "ms")
PROCESSOR_UNITS = {
    "whole machine": "CPU s / million",
    "source and switch": "CPU s / million",
    "switch process": "CPU s / million",
    "idle": "% of a core",
}
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
    goals: tuple[Goal, ...] = ()
    runs: bool = True  # the receivers' interfaces take runs


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often."""

    rounds: int
    trial_s: float
    trials: int
    latency_s: float
    cpu_s: float
    joins: int
    budget_s: float  # no round is begun after it
    patience_s: float  # how long a round waits for the machine to be idle


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
    contestants, aims = (SNOOP, "snoop-rings", *PEERS), goals.at_least(goals.RUNS.get((fan, size)))
    aims += goals.at_least(goals.AFXDP.get((fan, size)), against="ovs-afxdp")
    if (fan, size) == (3, 64):
        contestants = (*contestants, "snoop-uncoalesced")
        aims += (goals.UNCOALESCED,)
    title = f"one stream, {size} bytes, to {ports(fan)}"
    run = search(effort, fan=fan, size=size)
    return Item(f"fan{fan}-{size}", title, run, RATE_UNITS, contestants, goals=aims)


def ipv6_item(effort: Effort, fan: int, size: int) -> Item:
    """IPv6 is to be as far ahead of the bridge as IPv4 is."""
    title = f"the same over IPv6, {size + IPV6_BYTES} bytes, to {ports(fan)}"
    run = search(effort, fan=fan, size=size, run=measures.ipv6)
    aims = goals.at_least(goals.RUNS.get((fan, size)))
    return Item(f"fan{fan}-{size}-v6", title, run, RATE_UNITS, PAIR, goals=aims)


def single_frames_item(effort: Effort, fan: int, size: int) -> Item:
    title = f"one stream, {size} bytes, to {ports(fan)} whose neighbours take no runs"
    run, aims = search(effort, fan=fan, size=size), goals.at_least(goals.SINGLE_FRAMES[fan])
    return Item(f"frames{fan}-{size}", title, run, RATE_UNITS, PATHS, goals=aims, runs=False)


def vlan_item(effort: Effort, fan: int, size: int) -> Item:
    title = f"the same, {size} bytes, all on access ports, and from a trunk, to {ports(fan)}"
    run, aims = search(effort, fan=fan, size=size), goals.of_vlans("zero loss")
    return Item(f"vlan-fan{fan}-{size}", title, run, RATE_UNITS, VLAN_VARIANTS, goals=aims)


def media_item(effort: Effort, groups: int, *, runs: bool) -> Item:
    """What the health of streams and announced names cost: with, and without."""
    streams = f"{groups:,} streams in turn" if groups > 1 else "one stream"
    takes = "" if runs else " whose neighbours take no runs"
    title = f"{streams} of RTP, 128 bytes, watched or not, to {ports(3)}{takes}"
    run = search(effort, fan=3, size=128, groups=groups)
    key = f"media{groups}" if runs else f"media{groups}-frames"
    return Item(key, title, run, RATE_UNITS, MEDIA_VARIANTS, goals=(goals.WATCHED,), runs=runs)


def singles_item(effort: Effort, fan: int, size: int) -> Item:
    title = f"the same, {size} bytes, to {ports(fan)} whose sockets take single datagrams"
    run = search(effort, fan=fan, size=size, run=measures.singles)
    return Item(f"singles{fan}-{size}", title, run, RATE_UNITS, PAIR)


def groups_item(effort: Effort, fan: int, groups: int) -> Item:
    title = f"{groups:,} streams in turn, 64 bytes, to {ports(fan)}"
    run = search(effort, fan=fan, groups=groups)
    contestants, aims = (SNOOP, "snoop-rings", *PEERS), goals.IN_TURN.get((groups, fan))
    key = f"groups{groups}-fan{fan}"
    return Item(key, title, run, RATE_UNITS, contestants, goals=goals.at_least(aims))


def table_item(effort: Effort, groups: int, *aims: Goal) -> Item:
    title = f"one stream, {groups:,} group{'s' * (groups > 1)} × 3 ports in the table"
    run = partial(
        measures.table, fan=3, groups=groups, seconds=effort.trial_s, trials=effort.trials
    )
    units = {"zero loss": "frames/s", "memory": "bytes"}
    return Item(f"table{groups}", title, run, units, PAIR, goals=aims)


def latency_item(
    effort: Effort, key: str, title: str, rate: Callable[[], int], *aims: Goal
) -> Item:
    run = partial(measures.latency, fan=3, rate=rate, seconds=effort.latency_s)
    units = {f"{which} to {end}": "µs" for end in ("process", "port") for which in SHOWN_DELAYS}
    if key == "latency-half":
        units["offered"] = "frames/s"
    contestants = (*ALL, "snoop-rings", "snoop-spin")
    return Item(key, title, run, units, contestants, goals=aims)


def calm_latency_item(effort: Effort, rate: int = 2_000) -> Item:
    title = f"latency at {rate:,} frames/s to 3 ports"
    return latency_item(effort, "latency2k", title, lambda: rate, *goals.LATENCY)


def processor_item(effort: Effort, rate: int) -> Item:
    title = f"processor time at {rate:,} frames/s to {measures.CPU_FAN} ports"
    run = partial(measures.processor, rate=rate, seconds=effort.cpu_s)
    aims = tuple(
        Goal(figure, goals.PROCESSOR[rate], at_most=True)
        for figure in ("whole machine", "source and switch")
    )
    contestants = (*ALL, "snoop-rings")
    return Item(f"cpu{rate // 1000}k", title, run, PROCESSOR_UNITS, contestants, goals=aims)


def unicast_item(effort: Effort, size: int) -> Item:
    title = f"unicast to one host, UDP, {size} bytes"
    run = partial(measures.unicast, size=size, seconds=effort.trial_s, trials=effort.trials)
    return Item(f"unicast-{size}", title, run, RATE_UNITS, PATHS, goals=(goals.UNICAST,))


def tcp_item(seconds: float) -> Item:
    run = partial(measures.tcp, seconds=seconds)
    # Open vSwitch's userspace ports do not complete the checksums that hosts leave to the device,
    # so that with offloads as they come no connection gets through it.
    units = {"throughput": "Gbit/s"}
    return Item("tcp", "TCP, one connection", run, units, PATHS, goals=(goals.TCP,))


def vlan_tcp_item(seconds: float) -> Item:
    title = "TCP, one connection, all on access ports, and from a trunk"
    run, units = partial(measures.tcp, seconds=seconds), {"throughput": "Gbit/s"}
    aims = goals.of_vlans("throughput")
    return Item("vlan-tcp", title, run, units, VLAN_VARIANTS, goals=aims)


def delay_item() -> Item:
    title = "join and leave delay (last member query interval 1 s)"
    return Item("delays", title, measures.delays, DELAY_UNITS)


def first_frame_item(effort: Effort, rate: int = 20_000) -> Item:
    title = f"from a join's report to the stream's first frame, {rate:,} frames/s"
    run = partial(measures.first_frame, joins=effort.joins, rate=rate)
    units = {**dict.fromkeys(("p50", "p99", "max"), "ms"), "joins lost": "joins"}
    return Item("joins", title, run, units, PATHS, goals=(goals.JOIN,))


def reports_item(seconds: float) -> Item:
    run = partial(measures.reports, rate=REPORT_RATE, seconds=seconds)
    units = {"reports lost": "reports", "datagrams lost": "datagrams", "read after": "s"}
    title = f"{REPORT_RATE:,} reports/s for {seconds:.0f} s beside a stream"
    return Item("reports", title, run, units, (SNOOP,))


def fairness_item(kind: str, flooders: int, joins: int) -> Item:
    run = partial(measures.fairness, kind=kind, flooders=flooders, joins=joins)
    units = dict.fromkeys(("p50", "p99", "max"), "ms")
    units |= {"joins lost": "joins", "datagrams lost": "datagrams"}
    who = f"{flooders} ports flood" if flooders else "nobody floods"
    title = f"{joins} joins of a quiet host while {who} {FLOODS[kind]}".rstrip()
    return Item(f"fairness-{kind}-{flooders}", title, run, units, PAIR, rounds=1)


def capacity_item(steps: tuple[int, ...]) -> Item:
    run = partial(measures.capacity, fan=2, steps=steps)
    title = f"groups held, 2 ports each (tried up to {max(steps):,})"
    return Item("capacity", title, run, {"groups": "groups", "memory": "bytes"}, ALL, rounds=1)
