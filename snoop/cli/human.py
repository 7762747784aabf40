"""Values as people read them: ages, rates, counts, names of ports.

Only for eyes: nothing parses this, scripts take --json.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from snoop.printable import natural

NONE = "–"
FAMILIES = {"ipv4": "v4", "ipv6": "v6"}
PROTOCOLS = {"ipv4": "IGMP", "ipv6": "MLD"}


def age(seconds: float | None) -> str:
    """0.4s, 42s, 4m18s, 3h05m, 2d04h; a dash for None."""
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = math.floor(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def count(number: float) -> str:
    """1234, 12.3k, 4.56M: at most six characters."""
    return _scaled(number, ("", "k", "M", "G", "T", "P"))


def bit_rate(bits_per_s: float) -> str:
    """12.3 Mbit/s."""
    unit = _scaled(bits_per_s, ("  ", " k", " M", " G", " T"))
    return f"{unit.rstrip()} bit/s" if unit[-1] == " " else f"{unit}bit/s"


def _scaled(number: float, units: Sequence[str]) -> str:
    at = 0
    if abs(number) < 10_000:
        text = f"{number:.0f}" if number == int(number) or number >= 100 else f"{number:.1f}"
        return text + units[0]
    while abs(number) >= 1000 and at < len(units) - 1:
        number /= 1000
        at += 1
    return f"{number:.3g}{units[at]}" if number < 999.5 else f"{number:.0f}{units[at]}"


def vlan(vid: int) -> str:
    """The VLAN id; a dash for untagged."""
    return str(vid) if vid else NONE


def plain(value: object) -> str:
    """Any JSON value in a cell."""
    if value is None:
        return NONE
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or NONE
    return str(value)


def many(number: int, noun: str, nouns: str | None = None) -> str:
    """1 group, 2 groups."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or f'{noun}s'}"


def called(what: str, name: str | None) -> str:
    """239.1.1.1 (BBC One)."""
    return f"{what} ({name})" if name else what


class Nameable(Protocol):
    """What may have a name of the operator's, and one that a sender announces."""

    @property
    def name(self) -> str | None:
        """The operator's."""

    @property
    def announced(self) -> str | None:
        """The sender's, whoever that is."""


def named(row: Nameable) -> str | None:
    """BBC One, or “BBC One” in quotes: its sender calls it so, and nobody else."""
    return row.name or (f"“{row.announced}”" if row.announced else None)


def ports(names: Iterable[str]) -> str:
    """p2, p4-p63 (61): three in a row are a range, and more than three are counted."""
    runs: list[list[str]] = []
    for name in sorted(names, key=natural):
        if runs and _next(runs[-1][-1]) == name:
            runs[-1].append(name)
        else:
            runs.append([name])
    parts = [part for run in runs for part in ([f"{run[0]}-{run[-1]}"] if len(run) > 2 else run)]
    total = sum(map(len, runs))
    return ", ".join(parts) + (f" ({total})" if total > 3 else "")


def _next(name: str) -> str | None:
    """The name that follows in a row of ports."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return f"{stem}{int(digits) + 1:0{len(digits)}}" if digits else None
