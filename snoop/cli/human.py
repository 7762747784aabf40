"""Values as people read them: ages, rates, counts, and tables that fit 80 columns.

Only for eyes: nothing parses this, scripts take --json.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

NONE = "–"


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


def table(
    headings: Sequence[str], lines: Iterable[Sequence[str]], *, right: Sequence[str] = ()
) -> Table:
    """A plain table; the headings in `right` are numbers."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for line in lines:
        made.add_row(*line)
    return made


def show(renderable: object) -> None:
    """Print to stdout, coloured only on a terminal."""
    from rich.console import Console

    Console(highlight=False, markup=False).print(renderable)
