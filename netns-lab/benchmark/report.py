"""What a person sees: progress while it runs, the table at the end, the plot."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.items import Item
from benchmark.plan import FANS
from benchmark.results import Results, Spread
from benchmark.variants import EVERYONE

COLOURS = {
    "snoop": "#1b7f5c",
    "bridge": "#4a6fa5",
    "ovs-afxdp": "#c98b2b",
    "ovs-system": "#a65353",
}


def number(value: float, unit: str) -> str:
    """Short enough for a column: 3 significant digits, thousands as k."""
    if unit in ("frames/s", "datagrams/s"):
        return f"{value / 1e3:.0f} k" if value >= 1e4 else f"{value / 1e3:.1f} k"
    if unit == "bytes":
        return f"{value / 1e6:.0f} MB"
    if unit == "groups":
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def spread_text(spread: Spread | None, unit: str) -> str:
    if spread is None:
        return "–"
    return number(spread.median, unit) + around(spread)


def ratio_text(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    return f"{spread.median:.2f} ×" + around(spread)


def around(spread: Spread) -> str:
    """Half the range of the rounds in percent of their median."""
    if spread.rounds == 1 or not spread.median:
        return ""
    return f" ±{(spread.greatest - spread.least) / 2 / spread.median:.0%}"


def show(results: Results, items: list[Item], console: Console) -> None:
    """The table of figures and the table of goals."""
    table = Table(title="medians ± half the range of the rounds", title_justify="left")
    names = [name for name in EVERYONE if any(name in each for each in results.rounds.values())]
    table.add_column("measure", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("snoop / bridge", justify="right")
    for item in items:
        if item.key not in results.rounds:
            continue
        table.add_section()
        table.add_row(f"[bold]{item.title}")
        for figure, unit in item.units.items():
            cells = [spread_text(results.spread(item.key, name, figure), unit) for name in names]
            if all(cell == "–" for cell in cells):
                continue
            ratio = ratio_text(results.ratio(item.key, figure, "snoop", "bridge"))
            table.add_row(f"  {figure}, {unit}", *cells, ratio)
    console.print(table)
    show_goals(results, items, console)
    if results.disturbed:
        console.print(f"[yellow]{results.disturbed} rounds began on a machine busy with other work")
    for trouble in results.troubles:
        console.print(f"[yellow]not measured:[/] {escape(trouble)}", highlight=False)


def show_goals(results: Results, items: list[Item], console: Console) -> None:
    goals = Table(title="goals: medians of the rounds' ratios", title_justify="left")
    for column in ("measure", "ratio of", "goal", "measured", ""):
        goals.add_column(column)
    for item in items:
        for goal in item.goals:
            if (outcome := results.goal(item, goal)) is None:
                continue
            against = f"{goal.against}{' with one group' if goal.against_item else ''}"
            goals.add_row(
                f"{item.title}: {goal.figure}",
                f"{goal.subject} / {against}",
                f"{'≤' if goal.at_most else '≥'} {goal.ratio}",
                ratio_text(outcome[0]),
                "[green]held" if outcome[1] else "[red]missed",
            )
    if goals.row_count:
        console.print(goals)


def plot(results: Results, path: Path) -> None:
    """Frames/s without loss by fan-out, a panel per frame size. ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [z for z in (64, 512, 1400) if any(f"fan{f}-{z}" in results.rounds for f in FANS)]
    if not sizes:
        return
    figure, panels = pyplot.subplots(
        1, len(sizes), figsize=(4.2 * len(sizes), 3.8), sharey=True, squeeze=False
    )
    for panel, size in zip(panels[0], sizes, strict=True):
        for name, colour in COLOURS.items():
            spreads = {f: results.spread(f"fan{f}-{size}", name, "zero loss") for f in FANS}
            points = [(fan, each) for fan, each in spreads.items() if each]
            if not points:
                continue
            middle = [each.median / 1e3 for _, each in points]
            below = [(each.median - each.least) / 1e3 for _, each in points]
            above = [(each.greatest - each.median) / 1e3 for _, each in points]
            panel.errorbar(
                [str(fan) for fan, _ in points],
                middle,
                yerr=[below, above],
                marker="o",
                capsize=3,
                color=colour,
                label=name,
            )
        panel.set_title(f"{size} bytes")
        panel.set_xlabel("receivers")
        panel.set_ylim(bottom=0)
        panel.grid(axis="y", alpha=0.3)
    panels[0][0].set_ylabel("thousand frames/s without loss")
    panels[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
