"""`snoop explain`: what would happen to such a frame, and why, port by port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snoop.cli import options
from snoop.cli.options import GROUP, SOURCE, VLAN
from snoop.cli.session import Session
from snoop.control.client import Refused

if TYPE_CHECKING:
    from snoop.control import documents


@click.command()
@options.option("--port", type=options.PORT, metavar="IN", help="The port it comes in at.")
@options.option("--group", type=GROUP, required=True, metavar="G", help="The group it goes to.")
@options.option("--source", type=SOURCE, metavar="S", help="Its sender.  [default: some address]")
@options.option("--vlan", type=VLAN, metavar="V", help="VLAN id; 0: untagged.")
@options.option(
    "--stream", is_flag=True, help="Take what is left out from the busiest live stream."
)
@options.as_json
@click.pass_context
def explain(
    ctx: click.Context,
    port: str | None,
    group: str,
    source: str | None,
    vlan: int | None,
    stream: bool,
    as_json: bool,
) -> None:
    """What happens to a frame of --group that comes in at --port, and why."""
    session = options.session(ctx)
    size = None
    if stream:
        live = _busiest(session, group, port, source, vlan)
        port, source, vlan = live.port, live.source, live.vlan
        size = live.bytes // live.frames if live.frames else None
    if port is None:
        raise click.UsageError("--port IN is needed, or --stream to take it from a live stream")
    asked: dict[str, object] = {"port": port, "group": group, "vlan": 0 if vlan is None else vlan}
    asked["source"] = source
    if size is not None:
        asked["frame_bytes"] = size
    if as_json:
        options.print_json(session.call("explain", **asked))
        return
    from snoop.control.documents import Explained

    _print(session.ask(Explained, "explain", **asked), port, group, source)


def _busiest(
    session: Session, group: str, port: str | None, source: str | None, vlan: int | None
) -> documents.Stream:
    from snoop.control.documents import Streams

    streams = session.show(Streams, group=group, port=port, vlan=vlan).streams
    matching = [one for one in streams if source in (None, one.source)]
    if not matching:
        raise Refused(f"no stream of {group} has been seen; `snoop show streams` lists them", 1)
    return max(matching, key=lambda one: (one.bits_per_s, one.frames))


def _print(answer: documents.Explained, port: str, group: str, source: str | None) -> None:
    from snoop.cli import human, layout

    to = human.ports(answer.ports) or "no port"
    click.echo(f"{source or 'some source'} -> {group}, in at {port}")
    click.echo(f"{answer.action} ({answer.reason}) to {to}\n")
    same: dict[tuple[bool, str], list[str]] = {}
    for why in answer.why:
        same.setdefault((why.forwarded, why.because), []).append(why.port)
    lines = [
        (human.ports(ports), "yes" if forwarded else "no", because)
        for (forwarded, because), ports in same.items()
    ]
    layout.show(
        layout.table(("Port", "Gets it", "Because"), lines, fold=("Port", "Because")),
        *(f"note: {note}" for note in answer.notes),
    )
