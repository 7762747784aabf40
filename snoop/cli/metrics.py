"""`snoop metrics`: the Prometheus exposition on stdout, for whoever has no endpoint scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snoop.cli import options
from snoop.control import client

if TYPE_CHECKING:
    from snoop.control.sample import Sample

ANSWER_SECONDS = 15.0


@click.command()
@options.option(
    "--all", "everybody", is_flag=True,
    help="Of all switches of this machine, each sample with a label `switch`.",
)  # fmt: skip
@options.option("--zeros", is_flag=True, help="Also counters of ports that have never moved.")
@click.pass_context
def metrics(ctx: click.Context, everybody: bool, zeros: bool) -> None:
    """Print the metrics of a switch in the text format of Prometheus.

    The same as its [metrics] listen answers, also where there is none: for the textfile collector
    of a node_exporter, or to look at. With --all, switches that do not answer within 5 s are named
    on stderr, and have snoop_up 0.
    """
    session = options.session(ctx)
    if everybody and (session.name or session.given_path):
        raise click.UsageError("--all is of all switches, --name and --socket of one", ctx)
    if everybody:
        import asyncio

        from snoop.web import metrics as asked
        from snoop.web import switches

        samples, silent = asyncio.run(asked.sampled(switches.found()))
        if not samples:
            raise options.failure("no switch on this machine; start one with `snoop run`")
        for name, why in silent.items():
            click.echo(f"snoop: {name}: {why}", err=True)
    else:
        sample = _sample(session.path)
    # Imported here: it takes longer than to be told that there is no switch.
    from snoop.control import exposition

    if everybody:
        text = exposition.of_all(samples, {}, everything=zeros)
    else:
        text = exposition.of_one(sample, everything=zeros)
    click.echo(text, nl=False)


def _sample(path: str) -> Sample:
    from snoop.control.sample import Told, of

    with client.Client(path, timeout=ANSWER_SECONDS) as one:
        return of(one.ask(Told, "sample"))
