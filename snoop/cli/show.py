"""`snoop show`: the state of a running switch, as JSON or as tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from snoop.cli import options

_EMPTY = {
    "mdb": "no groups: no host has joined one",
    "mrouters": "no router ports: no querier or router heard, none configured",
    "fdb": "no addresses learned",
    "hosts": "no hosts tracked",
    "streams": "no multicast seen",
}
_KEYS = {"querier": "queriers"}


class _Shows(click.Group):
    """`groups` is `mdb`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, "mdb" if cmd_name == "groups" else cmd_name)


@click.group(cls=_Shows)
def show() -> None:
    """Show the state of a running switch."""


def _add(what: str, text: str, *takes: Callable[[Any], Any]) -> None:
    def command(ctx: click.Context, /, as_json: bool, **filters: object) -> None:
        document = options.session(ctx).call("show", what=what, **filters)
        if as_json:
            options.print_json(document)
        else:
            _print(what, document)

    wrapped: Any = options.as_json(click.pass_context(command))
    for option in reversed(takes):
        wrapped = option(wrapped)
    show.command(what, help=text, short_help=text)(wrapped)


def _print(what: str, document: dict[str, Any]) -> None:
    from snoop.cli import human, tables

    if what in _EMPTY and not document[_KEYS.get(what, what)]:
        click.echo(_EMPTY[what])
        return
    human.show(tables.TABLES[what](document))
    if what == "streams" and not all(row["registered"] for row in document["streams"]):
        click.echo("* nobody has joined this group: it goes where unregistered groups go")


_add("mdb", "The snooping table.", options.filters)
_add("mrouters", "Router ports, and why.", options.vlan, options.port)
_add("querier", "Who asks, and how often.", options.vlan)
_add("ports", "Ports, their settings and totals.", options.port)
_add("counters", "Every counter, by port.", options.port)
_add("fdb", "Unicast addresses learned.", options.vlan, options.port)
_add("hosts", "Hosts tracked per group and port.", options.filters)
_add("streams", "Multicast flows the switch really sees.", options.filters)
_add("config", "The configuration in effect.")
