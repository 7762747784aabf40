"""`snoop monitor`: events as they happen, one line each."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from snoop.cli import options
from snoop.control.client import Client, NoDaemon

TYPES = (
    "join", "leave", "expire", "query", "mrouter", "querier", "port", "limit", "filter",
    "table_full", "ring_reopened", "mac_claimed", "warning", "config", "neighbour",
)  # fmt: skip
_HEAD = ("time", "event", "vlan", "port")


@click.command()
@options.as_json
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(TYPES),
    metavar="TYPE",
    help="Only these; may be repeated: " + ", ".join(TYPES) + ".",
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
    stamp = time.strftime("%H:%M:%S", time.localtime(event["time"]))
    head = f"{stamp}.{int(event['time'] % 1 * 1000):03} {event['event']:<8}"
    if event["event"] == "lost":
        return f"{head} {event['count']} events lost: this terminal reads too slowly"
    words = [event["port"] or "-"]
    if event["vlan"]:
        words.append(f"vlan {event['vlan']}")
    for key, value in event.items():
        if key in _HEAD or value is None or value == []:
            continue
        shown = "{" + ", ".join(map(str, value)) + "}" if isinstance(value, list) else value
        words.append(str(shown) if key in ("group", "direction") else f"{key} {shown}")
    return f"{head} {' '.join(words)}"
