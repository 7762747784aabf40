"""Names that a running switch suggests, for the shell to complete."""

from __future__ import annotations

from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from snoop.cli.session import Session
from snoop.control import client, documents

Document = TypeVar("Document", bound=documents.Document)


def ports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ports of the switch named on the command line."""
    answer = _ask(ctx, documents.Ports)
    return [
        CompletionItem(row.name, help=row.state)
        for row in (answer.ports if answer is not None else ())
        if row.name.startswith(incomplete)
    ]


def groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Groups in its table."""
    answer = _ask(ctx, documents.Mdb)
    found = sorted({row.group for row in (answer.mdb if answer is not None else ())})
    return [CompletionItem(group) for group in found if group.startswith(incomplete)]


def hosts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Hosts it knows, by their addresses or, once that is begun, by their MACs."""
    answer = _ask(ctx, documents.Hosts)
    rows = answer.hosts if answer is not None else []
    found = {row.address: f"{row.port}, {row.mac}" for row in rows}
    if incomplete:
        found |= {row.mac: f"{row.port}, {row.address}" for row in rows}
    return [
        CompletionItem(name, help=found[name])
        for name in sorted(found)
        if name.startswith(incomplete)
    ]


def sources(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Where the streams that it sees come from."""
    answer = _ask(ctx, documents.Streams)
    found = {row.source: row.port for row in (answer.streams if answer is not None else ())}
    return [
        CompletionItem(source, help=found[source])
        for source in sorted(found)
        if source.startswith(incomplete)
    ]


def _ask(ctx: click.Context, kind: type[Document]) -> Document | None:
    """State for completion, where any failure means no suggestions."""
    root = ctx.find_root()
    session = Session(name=root.params.get("name"), path=root.params.get("path"))
    try:
        with client.Client(session.path, timeout=1.0) as one:
            return one.show(kind)
    except (client.NoDaemon, client.Refused, OSError, ValueError):
        return None
