"""`snoop monitor`: events as they happen, one line each; `show events` as a table."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from typing import Any

import click

from snoop.cli import human, layout, options
from snoop.cli.human import NONE
from snoop.control import documents
from snoop.control.client import Client, NoDaemon, read

_HEAD = frozenset(documents.Event.__struct_fields__)
_IN_TABLE = _HEAD | {"group", "reporter", "address", "description"}


@click.command()
@options.as_json
@options.told
@options.option(
    "--last",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Begin with the last N that are kept.",
)
@click.pass_context
def monitor(ctx: click.Context, /, as_json: bool, **wanted: Any) -> None:
    """Print events as they happen, until interrupted.

    It goes on with the process that takes a switch's place (`snoop restart`), without a gap.
    """
    with Client(options.session(ctx).path) as client:
        events = client.stream("monitor", **wanted)
        try:
            for event in events:
                click.echo(json.dumps(event) if as_json else line(event))
        except KeyboardInterrupt:
            return
    raise NoDaemon("the switch has ended")


def line(event: dict[str, Any]) -> str:
    """An event as one line of text."""
    if event["event"] == "handover":
        over = read(event, documents.Handover)
        return f"{_clock(over.time)} {'handover':<8} process {over.pid} is the switch from here on"
    if event["event"] == "lost":
        lost = read(event, documents.Lost)
        said = f"{lost.count} events lost: this terminal reads too slowly"
        return f"{_clock(lost.time)} {'lost':<8} {said}"
    head = read(event, documents.Event)
    words = [human.called(head.port or "-", event.get("description"))]
    if head.vlan:
        words.append(f"vlan {head.vlan}")
    words += _words(event, _HEAD | {"description"})
    return f"{_clock(head.time)} {head.event:<8} {' '.join(words)}"


def _words(event: dict[str, Any], but: Collection[str]) -> Iterator[str]:
    """What an event says of itself."""
    for key, value in event.items():
        if key in but or value is None or value == []:
            continue
        shown = "{" + ", ".join(map(str, value)) + "}" if isinstance(value, list) else value
        if key == "name":
            yield f'"{shown}"'
        else:
            yield str(shown) if key in ("group", "direction") else f"{key} {shown}"


def table(document: documents.Events) -> layout.Table:
    """Events as rows, oldest first; with the day, unless all are of today."""
    today = time.localtime()[:3]
    heads = [read(event, documents.Event) for event in document.events]
    dated = any(time.localtime(head.time)[:3] != today for head in heads)
    lines = []
    for event, head in zip(document.events, heads, strict=True):
        day = time.strftime("%Y-%m-%d ", time.localtime(head.time)) if dated else ""
        more = [f"vlan {head.vlan}"] if head.vlan else []
        lines.append(
            (
                day + _clock(head.time),
                head.event,
                human.called(head.port or NONE, event.get("description")),
                event.get("group") or NONE,
                event.get("reporter") or event.get("address") or NONE,
                " ".join([*more, *_words(event, _IN_TABLE)]),
            )
        )
    return layout.table(("Time", "Event", "Port", "Group", "Host", "What"), lines, fold=("What",))


def _clock(seconds: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(seconds % 1 * 1000):03}"
