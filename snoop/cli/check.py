"""`snoop check`: looks for trouble, says what to do, exits 1 if there is any."""

from __future__ import annotations

import click
import msgspec

from snoop.cli import human, layout, options
from snoop.cli.findings import Facts, gathering, look, looks, shortened
from snoop.cli.session import Session
from snoop.cli.summary import names
from snoop.control import documents
from snoop.control.client import Client, Refused
from snoop.control.privileged import Privileges
from snoop.runtime import priority

PRIORITY = -10


@click.command()
@options.as_json
@options.option(
    "--rate",
    type=options.Number(min=0),
    default=1.0,
    show_default=True,
    metavar="MBIT",
    help="Unwanted streams from this many Mbit/s on are a problem.",
)
@options.option(
    "--verbose", "-v", is_flag=True, help="Also what the switch itself may do, and why it keeps it."
)
@click.pass_context
def check(ctx: click.Context, as_json: bool, rate: float, verbose: bool) -> int:
    """Look for trouble: exit status 1 if there is any."""
    session = options.session(ctx)
    # Whoever floods this machine is what it looks for, and must not keep it from looking.
    with priority.preferred(PRIORITY):
        facts = _facts(session, rate * 1e6)
        held = _privileges(session) if verbose else None
    findings = looks.named(look(facts), names(facts.seen))
    problems = [finding for finding in findings if finding.severity == "problem"]
    if as_json:
        whole = msgspec.to_builtins(documents.Findings(findings=findings))
        if held is not None:
            whole["privileges"] = msgspec.to_builtins(held)
        options.print_json(whole)
    else:
        for finding, more in shortened(findings):
            subject = human.called(finding.subject, finding.name)
            click.echo(f"{finding.severity}: {subject}: {finding.finding}")
            if more:
                click.echo(f"    and {more} more like this one: --json lists them")
            click.echo(f"    -> {finding.do}")
        if held is not None:
            _print_privileges(held)
        elif verbose:
            click.echo("privileges: a switch of this version does not tell")
        plural = "" if len(problems) == 1 else "s"
        click.echo(f"{len(problems)} problem{plural}" if problems else "no problems found")
    return 1 if problems else 0


def _privileges(session: Session) -> Privileges | None:
    """None: the switch is older than the question."""
    with Client(session.path) as client:
        try:
            return client.show(Privileges)
        except Refused:
            return None


def _print_privileges(held: Privileges) -> None:
    whose = f"uid {held.uid}" + (" of a user namespace" if held.user_namespace else "")
    more = "no program that it starts gets more" if held.no_new_privs else "no_new_privs is not set"
    calls = "a filter of system calls" if held.seccomp else "no filter of system calls"
    click.echo(f"privileges: it runs as {whose}; {more}; {calls}; it keeps")
    for kept in held.capabilities:
        why = kept.why or "it has no use for this, and could not give it up"
        for line in layout.paragraph(f"  {kept.name}: {why}", layout.terminal_width(), "      "):
            click.echo(line)
    if held.bounding and not held.no_new_privs:
        click.echo(f"  and in the bounding set {', '.join(held.bounding)}")


def _facts(session: Session, unwanted_bits_per_s: float) -> Facts:
    with Client(session.path) as client:
        return gathering.facts(client, unwanted_bits_per_s)
