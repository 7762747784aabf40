"""`netns-lab/bench`: this switch, the kernel's bridge and Open vSwitch on the same work, side by
side.

    sudo ./netns-lab/bench --short
    sudo ./netns-lab/bench --json bench.json --plot bench.png
    sudo ./netns-lab/bench --readme --json readme.json

Each contestant stands on namespaces of its own; all stand at once and take turns, trial by trial,
so that whatever else the machine does meets them alike. Figures are medians over rounds; what
counts is their ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmark import plan, readme, report, traffic
from benchmark.items import Effort, Item
from benchmark.machine import PRIORITY, alone, prefer, preferred, wait_for_quiet
from benchmark.results import Results, to_json
from benchmark.site import Site, SiteError
from benchmark.switches import Bridge, Contestant, OpenVSwitch, SnoopSwitch, openvswitch_installed
from benchmark.traffic import TrafficError
from benchmark.variants import BRIDGE, EVERYONE, FAN_MAX, VARIANTS, VLAN, Variant
from snoop.lab import namespaces
from snoop.lab.switch import SNOOP

OWNER = os.getpid()
README = Path(__file__).resolve().parents[2] / "README.md"
NOT_SHORT = ("ovs-system", "snoop-rings")  # the slowest, and one for those who compare paths
HALF_LOAD = 60_000  # frames/s, where the bridge was not measured
FAULTS = (SiteError, TrafficError, AssertionError, OSError, RuntimeError, KeyError)


def snoop(name: str, variant: Variant) -> SnoopSwitch:
    """This switch, or a variant of it."""
    source = {"trunk": [VLAN]} if variant.trunk else None
    return SnoopSwitch(name, variant.switch, variant.port, source)


def contestants(wanted: list[str]) -> tuple[list[Contestant], list[str]]:
    """Those that can run here, and why the others cannot."""
    made: list[Contestant] = []
    missing = []
    for name in wanted:
        if name not in EVERYONE:
            missing.append(f"{name}: no such switch; there are {', '.join(EVERYONE)}")
        elif name == BRIDGE:
            made.append(Bridge())
        elif variant := VARIANTS.get(name):
            if unknown := variant.unknown():
                missing.append(f"{name}: this version has no [switch] {', '.join(unknown)}")
            elif SNOOP.exists():
                made.append(snoop(name, variant))
            else:
                missing.append(f"{name}: not installed beside {sys.executable}")
        elif openvswitch_installed():
            made.append(OpenVSwitch(name.removeprefix("ovs-")))
        else:
            missing.append(f"{name}: apt-get install openvswitch-switch")
    return made, missing


@contextlib.contextmanager
def opened(
    made: list[Contestant], options: argparse.Namespace, results: Results, say: Any
) -> Iterator[dict[str, Site]]:
    """All sites standing; one that does not come up is left out and said so. Closes every one of
    them.
    """
    sites: dict[str, Site] = {}
    tried: list[Site] = []
    directory = Path(tempfile.mkdtemp(prefix="snoop-bench-"))
    try:
        for each in made:
            variant = VARIANTS.get(each.name)
            site = Site(
                each,
                receivers=variant.receivers if variant else FAN_MAX,
                sink_mode=options.receivers,
                udp=options.source == "udp",
                vlan=VLAN if variant and variant.trunk else 0,
                rtp=variant.media if variant else False,
            )
            tried.append(site)
            say(f"building {each.name}")
            try:
                site.open(directory / each.name)
                for pid in each.pids():
                    prefer(pid)
            except FAULTS as fault:
                results.troubles.append(f"{each.name}: {fault}")
                site.close()
            else:
                sites[each.name] = site
        yield sites
    finally:
        held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
        for site in tried:
            with contextlib.suppress(OSError):
                site.close()
        shutil.rmtree(directory, ignore_errors=True)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)


def run(
    items: list[Item], sites: dict[str, Site], effort: Effort, results: Results, console: Console
) -> None:
    """Item by item, round by round, site by site; the order of the sites turns with the rounds."""
    start = time.monotonic()
    total = sum(
        (item.rounds or effort.rounds) * sum(name in sites for name in item.contestants)
        for item in items
    )
    columns = (
        TextColumn("{task.completed}/{task.total}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for item in items:
            present = [name for name in item.contestants if name in sites]
            for number in range(item.rounds or effort.rounds):
                turn = number % max(len(present), 1)
                for name in present[turn:] + present[:turn]:
                    if time.monotonic() - start > effort.budget_s:
                        results.troubles.append(f"{item.title}, {name}: out of time")
                    else:
                        progress.update(task, description=f"{item.title}: {name}")
                        results.disturbed += not wait_for_quiet(effort.patience_s)
                        one(item, sites[name], results, console, number)
                    progress.advance(task)


def one(item: Item, site: Site, results: Results, console: Console, number: int) -> None:
    """One round on one site; a fault costs this round and is reported, the bench goes on."""
    site.contestant.resume()
    try:
        site.take_runs(item.runs)
        figures = item.run(site)
    except FAULTS as fault:
        results.troubles.append(f"{item.title}, {site.name}: {fault}")
        said = f"  {item.title} · {site.name}: {fault}"
        console.print(said, style="yellow", highlight=False, markup=False)
        results.add(item, site.name, {})  # its round: what is compared stays side by side
        return
    finally:
        site.contestant.pause()
    results.add(item, site.name, figures)
    shown = ", ".join(
        f"{figure} {report.number(value, unit)}"
        for figure, unit in item.units.items()
        if (value := figures.get(figure)) is not None
    )
    console.print(f"  {item.title} · round {number + 1} · {site.name}: {shown}", highlight=False)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--short", action="store_true", help="a taste, under 90 s")
    parser.add_argument("--rounds", type=int, help="rounds per measure (full: 5, short: 1)")
    parser.add_argument("--seconds", type=float, help="length of one trial (full: 1, short: 0.25)")
    parser.add_argument("--only", metavar="KEY,…", help="measures whose key starts so; see --list")
    parser.add_argument("--list", action="store_true", help="print the keys of the measures")
    parser.add_argument(
        "--switches",
        metavar="NAME,…",
        help=f"of {', '.join(EVERYONE)}; short: all but {', '.join(NOT_SHORT)}; full: all",
    )
    parser.add_argument(
        "--receivers",
        choices=("gro", "filter", "read"),
        default="gro",
        help="receivers are sockets that take runs of datagrams (UDP_GRO), sockets that take one at"
        " a time, or processes that read each datagram",
    )
    parser.add_argument(
        "--source",
        choices=("packet", "udp"),
        default="packet",
        help="offered load comes ready-made from a packet socket, or from a UDP socket",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--earlier", type=Path, metavar="FILE", help="of a --json: what is not measured again"
    )
    parser.add_argument(
        "--readme",
        nargs="?",
        type=Path,
        const=README,
        metavar="FILE",
        help=f"measure what the tables of README.md say (switches: {', '.join(readme.SWITCHES)})"
        " and write them there",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a PNG or SVG")
    return parser.parse_args()


def everyone(options: argparse.Namespace) -> list[str]:
    """Those that are measured when none are named."""
    if options.readme:
        return list(readme.SWITCHES)
    return [name for name in EVERYONE if not (options.short and name in NOT_SHORT)]


def effort_of(options: argparse.Namespace) -> Effort:
    base = plan.SHORT if options.short else plan.README if options.readme else plan.FULL
    return replace(
        base, rounds=options.rounds or base.rounds, trial_s=options.seconds or base.trial_s
    )


def leave(number: int, _: FrameType | None) -> None:
    if os.getpid() != OWNER:
        os._exit(128 + number)  # a short-lived fork of pyroute2's: nothing here is its to clean up
    raise SystemExit(128 + number)


def main() -> int:
    options = arguments()
    effort = effort_of(options)
    results = Results()

    def half_load() -> int:
        bridge = results.spread("fan3-64", BRIDGE, "zero loss")
        return int(bridge.median / 2) if bridge else HALF_LOAD

    if options.readme:
        items = readme.rows(effort)
    else:
        items = plan.quick(effort) if options.short else plan.full(effort, half_load)
    rows = items
    if options.only:
        keys = tuple(options.only.split(","))
        items = [item for item in items if item.key.startswith(keys)]
    if options.list:
        print("\n".join(f"{item.key:16} {item.title}" for item in items))
        return 0
    if os.geteuid() != 0:
        print("bench: needs root for network namespaces: sudo ./netns-lab/bench", file=sys.stderr)
        return 2
    try:
        earlier = json.loads(options.earlier.read_text()) if options.earlier else {"items": []}
        if options.readme:
            readme.around(options.readme)
    except (OSError, ValueError) as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    console = Console(width=None if sys.stdout.isatty() else 160)
    namespaces.sweep()
    traffic.build()
    wanted = options.switches.split(",") if options.switches else everyone(options)
    made, missing = contestants(wanted)
    used = {name for item in items for name in item.contestants}
    results.troubles += missing
    fitting = [each for each in made if each.name in used]
    try:
        with (
            alone(console),
            preferred(),
            opened(fitting, options, results, console.print) as sites,
        ):
            run(items, sites, effort, results, console)
    except KeyboardInterrupt:
        results.troubles.append("interrupted: the rest was not measured")
    measured = results.any()
    results.take(earlier)
    report.show(results, rows, console)
    settings = {
        "mode": "short" if options.short else "full",
        "rounds": effort.rounds,
        "trial_s": effort.trial_s,
        "receivers": options.receivers,
        "source": options.source,
        "nice": PRIORITY,
    }
    if options.json:
        options.json.write_text(json.dumps(to_json(results, rows, settings), indent=1) + "\n")
    if options.plot:
        report.plot(results, options.plot)
    if options.readme:
        readme.write(options.readme, results)
    return 0 if measured else 1


if __name__ == "__main__":
    sys.exit(main())
