"""Names that a running switch suggests, for the shell to complete."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from snoop.cli.session import Session
from snoop.control import client


def ports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ports of the switch named on the command line."""
    rows = _ask(ctx, "ports").get("ports", [])
    return [
        CompletionItem(row["name"], help=row["state"])
        for row in rows
        if row["name"].startswith(incomplete)
    ]


def groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Groups in its table."""
    found = sorted({row["group"] for row in _ask(ctx, "mdb").get("mdb", [])})
    return [CompletionItem(group) for group in found if group.startswith(incomplete)]


def _ask(ctx: click.Context, what: str) -> dict[str, Any]:
    """State for completion, where any failure means no suggestions."""
    root = ctx.find_root()
    session = Session(name=root.params.get("name"), path=root.params.get("path"))
    try:
        with client.Client(session.path, timeout=1.0) as one:
            found: dict[str, Any] = one.call("show", what=what)
            return found
    except (client.NoDaemon, client.Refused, OSError, ValueError):
        return {}
