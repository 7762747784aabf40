"""What is measured: one function per measure, each a single round on one site, returning named
figures.

After RFC 3918 (`snoop/RULES.md` 7): BM-3 `throughput`, BM-2 the same
with many groups, BM-5/6 `latency`, BM-7/8 `delays`, BM-9 `capacity`. Every loop and process in here
is bounded.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from itertools import count
from statistics import median

from benchmark import traffic
from benchmark.machine import busy_s, wait_for_quiet
from benchmark.site import Site, SiteError
from benchmark.switches import FAST_LEAVE_PORT, SnoopSwitch, memory_bytes, process_cpu_s
from benchmark.traffic import GROUP, Offer

Figures = dict[str, float | None]

LATENCY_PORT = 5006
DELAY_GROUP = "239.77.0.1"
DELAY_RATE = 20_000  # resolution 50 us
DELAY_QUIET_MS = 400
DELAY_LIMIT_MS = 6_000
CPU_FAN = 3
CPU_TURNS = 5
CPU_PATIENCE_S = 1.0
REPORT_GROUP = "239.78.0.1"
REPORT_GROUPS = 1_000
REPORT_DATA_RATE = 10_000
REPORT_DRAIN_S = 20.0
JOIN_GROUP = "239.92.0.1"
JOIN_GAP_MS = 20
FRESH = count()  # rounds: each joins groups of its own
KEEPER = 2
KEEP_RATE = 2_000
FAIR_GROUP = "239.90.0.1"
FAIR_FLOODER = 3  # the first
FAIR_DATA_RATE = 2_000
FAIR_LEAD_S = 1.0
FAIR_JOIN_S = 0.04
PROBE_RECEIVER = 1  # on port p2; the one with fast leave is on p3


def throughput(
    site: Site, *, fan: int, size: int, groups: int, seconds: float, trials: int
) -> Figures:
    """Frames/s without loss; datagrams/s delivered to the worst-off member at full load."""
    site.join(fan=fan, groups=groups)
    found = site.throughput(size=size, groups=groups, seconds=seconds, trials=trials)
    return {
        "zero loss": found.zero_loss,
        "full load": found.full.delivered_rate,
        "offered": found.full.sent_rate,
        "reordered": float(found.best.gaps) if found.best else None,
    }


def ipv6(site: Site, *, fan: int, size: int, groups: int, seconds: float, trials: int) -> Figures:
    """`throughput` of the same datagrams over IPv6; each frame is 20 bytes longer."""
    with site.over_ipv6():
        return throughput(site, fan=fan, size=size, groups=groups, seconds=seconds, trials=trials)


def unicast(site: Site, *, size: int, seconds: float, trials: int) -> Figures:
    """`throughput` of a stream to one host, which the switch has heard of."""
    with site.to_one_host():
        found = site.throughput(size=size, groups=1, seconds=seconds, trials=trials)
    return {"zero loss": found.zero_loss, "full load": found.full.delivered_rate}


def singles(
    site: Site, *, fan: int, size: int, groups: int, seconds: float, trials: int
) -> Figures:
    """`throughput` to sockets that take one datagram at a time: the kernel cuts joined ones apart
    for each receiver, on the core that delivers them, and that is in the figure.
    """
    assert site.sink is not None
    site.sink.take_runs(False)
    try:
        return throughput(site, fan=fan, size=size, groups=groups, seconds=seconds, trials=trials)
    finally:
        site.sink.take_runs(True)


def table(site: Site, *, fan: int, groups: int, seconds: float, trials: int) -> Figures:
    """One stream while the table holds `groups` groups on `fan` ports; with the switch's memory."""
    site.join(fan=fan, groups=groups)
    found = site.throughput(size=64, groups=1, seconds=seconds, trials=trials)
    memory = memory_bytes(site.contestant.pids())
    return {"zero loss": found.zero_loss, "memory": float(memory) if memory else None}


def latency(site: Site, *, fan: int, rate: Callable[[], int], seconds: float) -> Figures:
    """Microseconds from the source to the receiving process, and to its host's port.

    Each member is probed in turn. The median is the middle member's, the tail the worst one's: a
    switch serves its ports one after the other and is not better for its first one.
    """
    site.join(fan=fan, groups=1)
    offer = Offer(seconds=seconds / fan, rate=rate(), port=LATENCY_PORT, size=64)
    members: dict[str, list[float]] = {}
    for name in site.star.receivers[:fan]:
        words = [name, "eth0", GROUP, str(LATENCY_PORT), str(offer.seconds + 0.2)]
        with traffic.background("latency", words) as probe:
            assert probe.stdout is not None
            probe.stdout.readline()  # "ready"
            traffic.send(site.star, offer)
            out, _ = probe.communicate(timeout=offer.seconds + 10)
        seen = json.loads(out)
        for series in ("process", "port"):
            for which, ns in (seen[series] or {}).items():
                members.setdefault(f"{which} to {series}", []).append(ns / 1e3)
    whole = {"min": min, "p50": median, "p99": max, "max": max}
    figures: Figures = {key: whole[key.split()[0]](us) for key, us in members.items()}
    return {**figures, "offered": float(offer.rate)}


def delays(site: Site) -> Figures:
    """Milliseconds from a report to the stream's first frame, from a leave to its last one."""
    site.join(fan=1, groups=1)
    assert site.sink is not None
    site.sink.join(0, 1, DELAY_GROUP)
    figures: Figures = {}
    offer = Offer(seconds=30, rate=DELAY_RATE, group=DELAY_GROUP)
    fast = int(FAST_LEAVE_PORT[1:]) - 1
    try:
        with traffic.background("source", offer.arguments(site.star)):
            time.sleep(0.3)  # the stream is under way and the other member's report is learned
            for what, receiver in (("", PROBE_RECEIVER), (" fast", fast)):
                for action in ("join", "leave"):
                    seen = probe(site, action, receiver)
                    figures[f"{action}{what}"] = seen
    finally:
        site.leave()
    return figures


def probe(site: Site, action: str, receiver: int) -> float | None:
    words = [
        *(action, site.star.receivers[receiver], "eth0", site.star.address(receiver + 1)),
        *(DELAY_GROUP, str(DELAY_QUIET_MS), str(DELAY_LIMIT_MS)),
    ]
    seen = traffic.run("probe", *words, within_s=20)
    return None if seen["delay_ns"] is None else seen["delay_ns"] / 1e6


def first_frame(site: Site, *, joins: int, rate: int) -> Figures:
    """Milliseconds from the report of a host's kernel to the first datagram at its interface, of a
    stream that runs at `rate` and that another host has already; join after join.
    """
    site.join(fan=1, groups=1)
    first = str(IPv4Address(JOIN_GROUP) + joins * next(FRESH))
    register(site, first, joins)
    words = joins_words(site, first, joins, gap_ms=JOIN_GAP_MS)
    seen = traffic.run("joins", *words, str(rate), within_s=2 * joins)
    if seen["early"] or seen["lost"] == joins:
        raise SiteError(f"{site.name}: of {joins} joins {seen['early']} early, {seen['lost']} lost")
    return {
        "p50": seen["p50"],
        "p99": seen["p99"],
        "max": seen["max"],
        "joins lost": float(seen["lost"]),
    }


def register(site: Site, first: str, groups: int) -> None:
    """A receiver that is not there is a member of them: who else joins gets what is there."""
    keeper = [site.star.receivers[KEEPER], "eth0", site.star.address(KEEPER + 1)]
    words = [first, str(groups), str(KEEP_RATE), str(groups / KEEP_RATE)]
    traffic.run("reports", *keeper, *words, within_s=5)


def joins_words(site: Site, first: str, joins: int, *, gap_ms: int) -> list[str]:
    """For receiver 1, whose kernel joins them one after the other."""
    return [
        *(site.star.source, site.star.address(0), site.star.receivers[1], site.star.address(2)),
        *("eth0", first, str(joins), str(gap_ms), "2000"),
    ]


def reports(site: Site, *, rate: int, seconds: float) -> Figures:
    """Reports a switch reads and datagrams it loses while one port sends `rate` reports/s.

    The switch is asked what it read (this project's counters), the stream is counted at its member.
    """
    site.join(fan=1, groups=1)
    before = reports_read(site)
    sender = site.star.receivers[PROBE_RECEIVER]
    words = [
        *(sender, "eth0", site.star.address(PROBE_RECEIVER + 1), REPORT_GROUP),
        *(str(REPORT_GROUPS), str(rate), str(seconds)),
    ]
    with traffic.background("reports", words) as flood:
        trial = site.trial(Offer(seconds=seconds, rate=REPORT_DATA_RATE))
        out, _ = flood.communicate(timeout=seconds + 10)
    sent = json.loads(out)["sent"]
    deadline = time.monotonic() + REPORT_DRAIN_S
    while (read := reports_read(site) - before) < sent and time.monotonic() < deadline:
        time.sleep(0.1)  # between two looks
    return {
        "reports lost": float(sent - read),
        "datagrams lost": float(trial.sent - min(trial.delivered)),
        "reports sent": float(sent),
        "read after": time.monotonic() - deadline + REPORT_DRAIN_S,
    }


def fairness(site: Site, *, kind: str, flooders: int, joins: int) -> Figures:
    """Milliseconds from a quiet host's report to its first datagram, and what is lost, while other
    ports flood that kind of frame as fast as they can.

    Receiver 0 gets a stream, receiver 1 joins by its kernel what is registered elsewhere.
    """
    site.join(fan=1, groups=1)
    seconds = FAIR_LEAD_S + joins * FAIR_JOIN_S
    register(site, FAIR_GROUP, joins)
    words = joins_words(site, FAIR_GROUP, joins, gap_ms=20)
    hosts = range(FAIR_FLOODER, FAIR_FLOODER + flooders)
    with traffic.flooded(site.star, hosts, kind, 3 * seconds + 20):
        time.sleep(FAIR_LEAD_S)  # queues are full by now
        with traffic.background("joins", words) as probe:
            trial = site.trial(Offer(seconds=seconds, rate=FAIR_DATA_RATE))
            out, _ = probe.communicate(timeout=2 * joins + 10)
    seen = json.loads(out)
    return {
        "p50": seen.get("p50"),
        "p99": seen.get("p99"),
        "max": seen.get("max"),
        "joins lost": float(seen["lost"]),
        "datagrams lost": float(trial.sent - min(trial.delivered)),
    }


def reports_read(site: Site) -> int:
    """IGMPv3 reports the switch has counted on the flooding port."""
    if not isinstance(site.contestant, SnoopSwitch) or site.contestant.daemon is None:
        raise SiteError(f"{site.name} does not say how many reports it read")
    return site.contestant.daemon.counters(f"p{PROBE_RECEIVER + 1}")["rx_report_v3"]


def capacity(site: Site, *, fan: int, steps: tuple[int, ...]) -> Figures:
    """The most groups of which every member got a frame and nobody else did. Doubles as the joins'
    own test.
    """
    held = 0
    for groups in steps:
        try:
            site.join(fan=fan, groups=groups)
        except SiteError:
            break
        held = groups
    memory = memory_bytes(site.contestant.pids())
    return {"groups": float(held), "memory": float(memory) if memory else None}


def tcp(site: Site, *, seconds: float) -> Figures:
    """Gbit/s of one connection from the first to the second port."""
    words = [site.star.source, site.star.receivers[0], site.star.address(1), str(seconds)]
    done = traffic.run("stream", *words, within_s=seconds + 10)
    return {"throughput": done["bytes"] * 8 / max(done["seconds"], 0.001) / 1e9}


def processor(site: Site, *, rate: int, seconds: float) -> Figures:
    """CPU seconds per million delivered datagrams, beyond what the idle machine takes, and the
    switch's own when idle.

    `whole machine` counts both cores' busy time: the source's, the receivers' and the switch's,
    wherever the kernel booked it (the bridge runs on its senders' account). Rest and load take
    turns and the middle one counts: what others do meanwhile is mostly over soon. `source and
    switch` is what these two processes used: nothing of others is in it, nor what the kernel did
    while a processor was idle, interrupts and waking up.
    """
    site.join(fan=CPU_FAN, groups=1)
    offer = Offer(seconds=seconds / CPU_TURNS, rate=rate, size=64)
    turns = [processor_turn(site, offer) for _ in range(CPU_TURNS)]
    return {figure: median(each[figure] for each in turns) for figure in turns[0]}


def processor_turn(site: Site, offer: Offer) -> dict[str, float]:
    wait_for_quiet(CPU_PATIENCE_S)
    pids = site.contestant.pids()
    resting, own_resting = busy_s(), process_cpu_s(pids)
    time.sleep(offer.seconds)  # as long as the load that follows
    resting, own = busy_s() - resting, process_cpu_s(pids)
    trial = site.trial(offer)
    switch = process_cpu_s(pids) - own
    millions = sum(trial.delivered) / 1e6
    if not millions:
        raise SiteError(f"{site.name} delivered nothing")
    return {
        "whole machine": (trial.busy_s - resting) / millions,
        "source and switch": (trial.source_s + switch) / millions,
        "switch process": switch / millions,
        "idle": (own - own_resting) / offer.seconds * 100,
    }
