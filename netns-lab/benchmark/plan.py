"""Which rows the short plan has, and which the full one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmark import goals
from benchmark.items import (
    FLOODS,
    Effort,
    Item,
    calm_latency_item,
    capacity_item,
    delay_item,
    fairness_item,
    fan_item,
    first_frame_item,
    groups_item,
    ipv6_item,
    latency_item,
    media_item,
    processor_item,
    reports_item,
    single_frames_item,
    singles_item,
    table_item,
    tcp_item,
    unicast_item,
    vlan_item,
    vlan_tcp_item,
)

SHORT = Effort(
    rounds=1,
    trial_s=0.25,
    trials=5,
    latency_s=0.6,
    cpu_s=0.7,
    joins=20,
    budget_s=62.0,
    patience_s=0.2,
)
FULL = Effort(
    rounds=5,
    trial_s=1.0,
    trials=8,
    latency_s=6.0,
    cpu_s=5.0,
    joins=100,
    budget_s=4 * 3600.0,
    patience_s=2.0,
)
README = replace(FULL, trial_s=0.4, latency_s=3.0)
FANS = (1, 3, 7, 15)
MANY = 10_000


def quick(effort: Effort) -> list[Item]:
    """A taste of everything that fits into a minute; fan-out grows, since a leave takes seconds."""
    return [
        fan_item(effort, 1, 64),
        first_frame_item(effort),
        fan_item(effort, 3, 64),
        fan_item(effort, 3, 1400),
        calm_latency_item(effort),
        processor_item(effort, 20_000),
        singles_item(effort, 3, 64),
        fan_item(effort, 7, 64),
        fan_item(effort, 15, 64),
        tcp_item(0.4),
        single_frames_item(effort, 15, 64),
        groups_item(effort, 3, 10),
        delay_item(),
    ]


def full(effort: Effort, half_load: Callable[[], int]) -> list[Item]:
    """Everything. `half_load`: half of what the kernel bridge did without loss, in frames/s."""
    half = "latency at half of the bridge's load, to 3 ports"
    return [
        *(fan_item(effort, fan, size) for fan in FANS for size in (64, 512, 1400)),
        *(single_frames_item(effort, fan, size) for fan in FANS for size in (64, 1400)),
        *(ipv6_item(effort, fan, size) for fan in FANS for size in (64, 1400)),
        *(vlan_item(effort, fan, 64) for fan in (3, 7, 15)),
        *(media_item(effort, groups, runs=runs) for runs in (True, False) for groups in (1, 1000)),
        *(singles_item(effort, fan, 64) for fan in FANS),
        singles_item(effort, 3, 1400),
        calm_latency_item(effort),
        latency_item(effort, "latency-half", half, half_load),
        groups_item(effort, 3, 10),
        groups_item(effort, 7, 10),
        groups_item(effort, 3, 100),
        groups_item(effort, 3, 1000),
        delay_item(),
        first_frame_item(effort),
        tcp_item(3.0),
        *(unicast_item(effort, size) for size in (64, 1400)),
        vlan_tcp_item(effort.trial_s),
        *(processor_item(effort, rate) for rate in goals.PROCESSOR),
        table_item(effort, 1),
        table_item(effort, MANY, goals.FULL_TABLE),
        groups_item(effort, 1, MANY),
        groups_item(effort, 3, MANY),
        reports_item(10.0),
        *(fairness_item(kind, flooders, 200) for kind in FLOODS for flooders in (2, 7)),
        capacity_item((1_000, 4_000, 10_000, 20_000, 40_000)),
    ]
