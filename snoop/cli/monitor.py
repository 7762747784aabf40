"""`snoop monitor`: events as they happen, one line each."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from snoop.cli import options
from snoop.control import documents
from snoop.control.client import Client, NoDaemon, read
from snoop.control.kinds import KINDS


@click.command()
@options.as_json
@options.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(list(KINDS)),
    metavar="TYPE",
    help="Only these; may be repeated: " + ", ".join(KINDS) + ".",
)
@options.group
@options.port
@click.pass_context
def monitor(
    ctx: click.Context, as_json: bool, types: tuple[str, ...], group: str | None, port: str | None
) -> None:
    """Print events as they happen, until interrupted."""
    with Client(options.session(ctx).path) as client:
        events = client.stream("monitor", types=list(types), group=group, port=port)
        try:
            for event in events:
                click.echo(json.dumps(event) if as_json else line(event))
        except KeyboardInterrupt:
            return
    raise NoDaemon("the switch has ended")


def line(event: dict[str, Any]) -> str:
    """An event as one line of text."""
    if event["event"] == "lost":
        lost = read(event, documents.Lost)
        said = f"{lost.count} events lost: this terminal reads too slowly"
        return f"{_start(lost.time, 'lost')} {said}"
    head = read(event, documents.Event)
    words = [head.port or "-"]
    if head.vlan:
        words.append(f"vlan {head.vlan}")
    for key, value in event.items():
        if key in documents.Event.__struct_fields__ or value is None or value == []:
            continue
        shown = "{" + ", ".join(map(str, value)) + "}" if isinstance(value, list) else value
        words.append(str(shown) if key in ("group", "direction") else f"{key} {shown}")
    return f"{_start(head.time, head.event)} {' '.join(words)}"


def _start(seconds: float, event: str) -> str:
    stamp = time.strftime("%H:%M:%S", time.localtime(seconds))
    return f"{stamp}.{int(seconds % 1 * 1000):03} {event:<8}"
