"""Interfaces, hosts' stacks, fast leave, and whether every frame has its verdict."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, note, problem
from snoop.control.documents import Finding


def ports(facts: Facts) -> Iterator[Finding]:
    for port in facts.seen.ports:
        name = port.name
        if port.state == "missing":
            yield problem(name, "the interface does not exist", "create it, or take it out")
        elif port.problem:
            yield problem(name, port.problem, "see the log of the switch")
        elif port.state == "down":
            yield note(name, "no carrier, or not up", f"ip link set {name} up")
        if port.lro:
            yield problem(name, "large receive offload is on", f"ethtool -K {name} lro off")
        own = [address for address in port.addresses if not address.startswith("fe80:")]
        if own and port.isolated:
            yield problem(
                name,
                f"carries {own[0]}, but the host's stack is kept off it",
                "take the address away, or set isolate = false and restart the port",
            )
    speaking = [
        port.name
        for port in facts.seen.ports
        if any(address.startswith("fe80:") for address in port.addresses)
    ]
    if speaking:
        yield note(
            ", ".join(speaking),
            "the host's IPv6 stack speaks on these ports: router solicitations, MLD reports",
            "sysctl -w net.ipv6.conf.PORT.disable_ipv6=1 for each",
        )


def fast_leave(facts: Facts) -> Iterator[Finding]:
    for port in facts.config.port:
        name, stations = port.name, facts.stations.get(port.name, 0)
        if port.fast_leave != "on" or stations < 2:
            continue
        text = f'fast_leave = "on", but {stations} stations are behind it: '
        do = 'set [[port]] fast_leave = "tracked", or "off"'
        if facts.port_counters.get(name, {}).get("fast_leave"):
            yield problem(name, text + "one that leaves cuts the others off", do)
        else:
            yield note(name, text + "one that leaves will cut the others off", do)


def conservation(facts: Facts) -> Iterator[Finding]:
    for port, frames in facts.unbalanced.items():
        yield problem(
            port,
            f"{abs(frames)} received frames have {'no' if frames > 0 else 'more than one'} verdict",
            "a bug of ours: report it with `snoop show counters --json`",
        )
