"""`snoop check`: looks for trouble, says what to do, exits 1 if there is any."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter

import click
import msgspec

from snoop.cli import human, options
from snoop.cli.findings import IN_FLIGHT_FRAMES, RATED, Facts, Finding, look, shortened
from snoop.cli.session import Session
from snoop.cli.summary import gather, names
from snoop.control import documents
from snoop.control.client import Client
from snoop.runtime import priority

PRIORITY = -10
_LOOKS = 3
_LOOK_SECONDS = 0.1


@click.command()
@options.as_json
@options.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="MBIT",
    help="Unwanted streams from this many Mbit/s on are a problem.",
)
@click.pass_context
def check(ctx: click.Context, as_json: bool, rate: float) -> int:
    """Look for trouble: exit status 1 if there is any."""
    # Whoever floods this machine is what it looks for, and must not keep it from looking.
    priority.prefer(PRIORITY)
    facts = _facts(options.session(ctx), rate * 1e6)
    findings = _named(look(facts), names(facts.seen))
    problems = [finding for finding in findings if finding.severity == "problem"]
    if as_json:
        options.print_json(msgspec.to_builtins(documents.Findings(findings=findings)))
    else:
        for finding, more in shortened(findings):
            subject = human.called(finding.subject, finding.name)
            click.echo(f"{finding.severity}: {subject}: {finding.finding}")
            if more:
                click.echo(f"    and {more} more like this one: --json lists them")
            click.echo(f"    -> {finding.do}")
        plural = "" if len(problems) == 1 else "s"
        click.echo(f"{len(problems)} problem{plural}" if problems else "no problems found")
    return 1 if problems else 0


def _named(findings: list[Finding], names: dict[str, str]) -> list[Finding]:
    """With what people call the group or the port that each is about."""
    return [
        msgspec.structs.replace(finding, name=called(finding.subject, names))
        for finding in findings
    ]


def called(subject: str, names: dict[str, str]) -> str | None:
    """Of `p1`, of `10.0.0.9 -> 239.1.2.3`; several groups have no name in common."""
    if "," in subject:
        return None
    return next((names[word] for word in reversed(subject.split()) if word in names), None)


def _facts(session: Session, unwanted_bits_per_s: float) -> Facts:
    with Client(session.path) as client:
        show = client.show
        counters, fdb = show(documents.Counters), show(documents.Fdb).fdb
        since = time.monotonic()
        facts = Facts(
            seen=gather(client),
            config=show(documents.Config).with_hosts(),
            fdb_entries=len(fdb),
            stations=Counter(port for port, _ in {(row.port, row.mac) for row in fdb}),
            counters=counters.counters,
            port_counters=counters.ports,
            unbalanced=_unbalanced(client),
            unwanted_bits_per_s=unwanted_bits_per_s,
            disputed=[row for row in fdb if row.rival is not None],
            fdb=fdb,
            witnesses=show(documents.Witnesses),
        )
        rates = _rates(counters.ports, show(documents.Counters).ports, time.monotonic() - since)
        return dataclasses.replace(facts, rates=rates)


def _rates(
    before: dict[str, documents.Counts], after: dict[str, documents.Counts], seconds: float
) -> dict[str, dict[str, float]]:
    """What moved between two looks, a second, by port."""
    return {
        port: {
            name: (counts[name] - before[port][name]) / seconds
            for name in RATED
            if counts[name] > before[port][name]
        }
        for port, counts in after.items()
        if port in before
    }


def _unbalanced(client: Client) -> dict[str, int]:
    """Ports whose frames and verdicts do not add up.

    The two are read while frames go by and may differ by what is on its way; a real loss stays.
    """
    looks = []
    for number in range(_LOOKS):
        if number:
            time.sleep(_LOOK_SECONDS)
        looks.append(client.show(documents.Status).balance)
    found = {}
    for port in looks[0]:
        seen = [look[port] for look in looks if port in look]
        least = min((one.unbalanced for one in seen), key=abs)
        quiet = len({one.rx_frames for one in seen}) == 1
        if least and (quiet or abs(least) > IN_FLIGHT_FRAMES):
            found[port] = least
    return found
