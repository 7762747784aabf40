"""Ports that ask more of the control plane than their share."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, problem
from snoop.control.causes import Cause
from snoop.control.documents import Finding

COUNTERS = ("rate_limited", "punt_full", "punt_stale", "control_size")


def flooding(facts: Facts) -> Iterator[Finding]:
    rates = {port.name: port.igmp_rate for port in facts.config.port}
    for port, counts in facts.port_counters.items():
        limited, full, stale, size = (counts.get(name, 0) for name in COUNTERS)
        now = facts.rates.get(port, {}).get("rate_limited", 0.0)
        if limited:
            yield problem(
                Cause.IGMP_FLOOD,
                port,
                f"floods IGMP: {now:.0f} frames/s over igmp_rate (rate_limited {limited})"
                if now
                else f"has flooded IGMP, over igmp_rate (rate_limited {limited})",
                "look for what sends it, the others are served all the same; if it is wanted, "
                f"raise [[port]] igmp_rate ({rates.get(port)} records/s)",
            )
        if full or (stale and not limited):
            yield problem(
                Cause.IGMP_FLOOD,
                port,
                "its control frames were lost: more than the control plane can take "
                f"(punt_full {full}, punt_stale {stale})",
                f"`snoop capture it.pcapng --port {port}` shows the host; lower [[port]] igmp_rate",
            )
        if size:
            yield problem(
                Cause.MTU,
                port,
                f"IGMP frames longer than its MTU allows came in (control_size {size})",
                f"give both ends one MTU: ip link set {port} mtu 1500; or look for who forges them",
            )
