"""The tables of the README's chapter on speed: which rows they need, and their Markdown.

They stand between two marks, and nobody writes them by hand.
"""

from __future__ import annotations

from pathlib import Path

from benchmark import goals
from benchmark.items import (
    Effort,
    Item,
    calm_latency_item,
    fan_item,
    first_frame_item,
    groups_item,
    ipv6_item,
    ports,
    processor_item,
    single_frames_item,
    tcp_item,
    unicast_item,
)
from benchmark.results import Results, Spread
from benchmark.variants import BRIDGE, SNOOP

BEGIN, END = "<!-- bench -->", "<!-- end of bench -->"
SWITCHES = (SNOOP, BRIDGE, "ovs-afxdp")
SHAPES = [(fan, size) for size in (64, 1400) for fan in (1, 3, 7, 15)]
MANY = 10_000
LESS = "less is better"
REST = [  # what it is, key and figure of its row, unit and by what to multiply
    *(
        (
            f"{MANY:,} streams in turn, 64 bytes, to {ports(fan)}",
            *(f"groups{MANY}-fan{fan}", "zero loss", "k frames/s", 1e-3),
        )
        for fan in (1, 3)
    ),
    *(
        (
            f"{which} latency to the port at 2,000 frames/s, {LESS}",
            *("latency2k", f"{which} to port", "µs", 1.0),
        )
        for which in ("p50", "p99")
    ),
    *(
        (
            f"processor time at {rate:,} frames/s to 3 ports, {LESS}",
            *(f"cpu{rate // 1000}k", "whole machine", "s for a million datagrams", 1.0),
        )
        for rate in goals.PROCESSOR
    ),
    (f"p50 from a host's report to its first frame, {LESS}", "joins", "p50", "ms", 1.0),
    ("TCP, one connection", "tcp", "throughput", "Gbit/s", 1.0),
    ("UDP to one host, 64 bytes", "unicast-64", "zero loss", "k frames/s", 1e-3),
]


def rows(effort: Effort) -> list[Item]:
    """All that the tables say, fan-out growing, since to leave takes seconds."""
    return [
        *(fan_item(effort, *shape) for shape in sorted(SHAPES)),
        *(single_frames_item(effort, *shape) for shape in sorted(SHAPES)),
        *(ipv6_item(effort, *shape) for shape in sorted(SHAPES)),
        calm_latency_item(effort),
        *(processor_item(effort, rate) for rate in goals.PROCESSOR),
        first_frame_item(effort),
        tcp_item(2.0),
        unicast_item(effort, 64),
        groups_item(effort, 1, MANY),
        groups_item(effort, 3, MANY),
    ]


def markdown(results: Results) -> str:
    """Both tables; a dash stands for what was not measured."""

    def ratio(key: str, figure: str = "zero loss", against: str = BRIDGE) -> str:
        return text(results.ratio(key, figure, SNOOP, against))

    lines = [
        "| zero loss, one stream | hosts that take runs | the same over IPv6 "
        "| neighbours that take none | hosts that take runs, against OVS userspace (afxdp) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for fan, size in SHAPES:
        key = f"fan{fan}-{size}"
        cells = [ratio(key), ratio(f"{key}-v6"), ratio(f"frames{fan}-{size}")]
        cells.append(ratio(key, against="ovs-afxdp"))
        lines.append(f"| {size} bytes to {ports(fan)} | {' | '.join(cells)} |")
    lines += [
        "",
        "| the rest | against the kernel bridge | of this switch |",
        "| --- | --- | --- |",
    ]
    for name, key, figure, unit, scale in REST:
        spread = results.spread(key, SNOOP, figure)
        shown = f"{three_digits(spread.median * scale)} {unit}" if spread else "–"
        lines.append(f"| {name} | {ratio(key, figure)} | {shown} |")
    return "\n".join(lines)


def three_digits(figure: float) -> str:
    """Without an exponent: 0.181, 22.2, 1,130."""
    return f"{float(f'{figure:.3g}'):,.0f}" if figure >= 100 else f"{figure:.3g}"


def text(spread: Spread | None) -> str:
    """A ratio with half the range of its rounds."""
    if spread is None:
        return "–"
    shown = f"{spread.median:.2f} ×" if spread.median < 10 else f"{spread.median:.3g} ×"
    if spread.rounds == 1 or not spread.median:
        return shown
    half = (spread.greatest - spread.least) / 2 / spread.median
    return f"{shown} (± {half * 100:.0f} %)"


def around(path: Path) -> tuple[str, str]:
    """What is before and behind the tables, the marks included. ValueError when there are none."""
    before, begin, rest = path.read_text().partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: no {BEGIN} … {END}")
    return before + begin, end + after


def write(path: Path, results: Results) -> None:
    """Put them between the marks."""
    before, after = around(path)
    path.write_text(f"{before}{markdown(results)}\n{after}")
