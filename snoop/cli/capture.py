"""`snoop capture`: the switch's own control frames as pcapng, with what was decided."""

from __future__ import annotations

import contextlib
import sys

import click

from snoop.cli import options
from snoop.cli.formats.pcapng import Writer
from snoop.control.client import Client, read
from snoop.control.documents import Frame, Lost


@click.command()
@click.argument("file")
@options.port
@options.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N frames.")
@click.pass_context
def capture(ctx: click.Context, file: str, port: str | None, count: int | None) -> None:
    """Write control frames to FILE (pcapng; - is stdout) until interrupted.

    Each frame carries a comment: what was learned from it, where it was sent. What the switch
    sends is not seen by tcpdump on its ports (qdisc_bypass); here it is.
    """
    path = options.session(ctx).path
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(Client(path))
        frames = client.stream("capture", port=port)
        try:
            out = sys.stdout.buffer if file == "-" else stack.enter_context(open(file, "wb"))
        except OSError as error:
            raise options.failure(f"cannot write {file}: {error.strerror}") from error
        writer = Writer(out)
        seen = 0
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        for line in frames:
            if line["event"] == "lost":
                click.echo(f"snoop: {read(line, Lost).count} frames lost", err=True)
                continue
            if line["event"] == "handover":
                over = (
                    "another process is the switch from here on: frames of that moment are missing"
                )
                click.echo(f"snoop: {over}", err=True)
                continue
            item = read(line, Frame)
            writer.frame(
                port=item.port or "none",
                time=item.time,
                frame=bytes.fromhex(item.frame),
                comment=item.comment,
                direction=item.direction,
            )
            seen += 1
            if seen == count:
                break
    if file != "-":
        click.echo(f"{seen} frames in {file}", err=True)
