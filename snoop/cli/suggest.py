"""Names for the shell to complete: of a running switch, or of what is there without one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from snoop.cli.human import PROTOCOLS
from snoop.cli.session import Session
from snoop.control import client, documents, sockets
from snoop.printable import name_of, natural

Document = TypeVar("Document", bound=documents.Document)


def ports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ports of the switch named on the command line."""
    answer = _ask(ctx, documents.Ports)
    return [
        CompletionItem(row.name, help=row.description or row.state)
        for row in (answer.ports if answer is not None else ())
        if row.name.startswith(incomplete)
    ]


def groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Groups in its table."""
    answer = _ask(ctx, documents.Mdb)
    found = {row.group: row.name for row in (answer.mdb if answer is not None else ())}
    return _items(found, incomplete)


def hosts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Hosts it knows, by their addresses or, once that is begun, by their MACs."""
    answer = _ask(ctx, documents.Hosts)
    rows = answer.hosts if answer is not None else []
    found = {row.address: f"{row.port}, {row.mac}" for row in rows}
    if incomplete:
        found |= {row.mac: f"{row.port}, {row.address}" for row in rows}
    return _items(found, incomplete)


def vlans(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """VLANs of which it knows anything."""
    answer = _ask(ctx, documents.Queriers)
    found: dict[str, str | None] = {}
    for row in answer.queriers if answer is not None else ():
        role, before = f"{PROTOCOLS[row.family]} {row.role}", found.get(str(row.vlan))
        found[str(row.vlan)] = f"{before}, {role}" if before else role
    return _items(found, incomplete)


def assignments(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Options of a port, and once that is clear what one of them may be."""
    from snoop.config import port_options

    option, equals, given = incomplete.partition("=")
    if not equals:
        return _items(
            {f"{key}=": port_options.meaning(key) for key in port_options.hints()}, option
        )
    if option not in port_options.hints():
        return []
    *had, last = given.split(",") if port_options.is_list(option) else [given]
    known = dict.fromkeys(port_options.words(option))
    if option in ("access", "trunk", "native"):
        known |= {str(item.value): item.help for item in vlans(ctx, param, last)}
    if not had:
        known["default"] = "as if the file did not have it"
    head = f"{option}={''.join(f'{one},' for one in had)}"
    return [CompletionItem(head + str(item.value), help=item.help) for item in _items(known, last)]


def switches(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Switches whose sockets are where a name is looked for; nobody is asked."""
    return _items({path.stem: None for path in sockets.every()}, incomplete)


def interfaces(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Interfaces of this network namespace; behind one, options of the port it is to be."""
    port, comma, option = incomplete.rpartition(",")
    if comma:
        found = assignments(ctx, param, option)
        return [CompletionItem(f"{port},{item.value}", help=item.help) for item in found]
    names = (name_of(name) for _, name in socket.if_nameindex())
    return _items({name: None for name in names if name != "lo"}, incomplete)


def _items(found: Mapping[str, str | None], incomplete: str) -> list[CompletionItem]:
    """Those that go on from what is typed, each with its help."""
    return [
        CompletionItem(name, help=found[name])
        for name in sorted(found, key=natural)
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
