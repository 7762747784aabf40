"""`snoop show`: the state of a running switch, as JSON or tables; alone, an overview."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import click

from snoop.cli import options, summary

_EMPTY = {
    "mdb": "no groups: no host has joined one",
    "mrouters": "no router ports: no querier or router heard, none configured",
    "querier": "no vlan has any state yet",
    "fdb": "no addresses learned",
    "hosts": "no hosts tracked",
    "streams": "no multicast seen",
}
_KEYS = {"querier": "queriers"}
_watch = click.option(
    "--watch",
    type=click.FloatRange(min=0.2),
    metavar="N",
    help="Again every N seconds; with --json, one line each.",
)


class _Shows(click.Group):
    """`groups` is `mdb`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, "mdb" if cmd_name == "groups" else cmd_name)


@click.group(cls=_Shows, invoke_without_command=True)
@options.as_json
@_watch
@click.pass_context
def show(ctx: click.Context, as_json: bool, watch: float | None) -> None:
    """Show the state of a running switch; without a noun, an overview."""
    if ctx.invoked_subcommand is not None:
        return
    session = options.session(ctx)
    _repeat(watch, as_json, lambda: summary.gather(session.call), _print_overview)


def _print_overview(document: dict[str, Any]) -> None:
    from snoop.cli import human, overview

    human.show(overview.render(document))


def _repeat(
    every: float | None,
    as_json: bool,
    fetch: Callable[[], dict[str, Any]],
    shown: Callable[[dict[str, Any]], None],
) -> None:
    """Print once, or again and again until interrupted."""
    while True:
        document = fetch()
        if every is not None and not as_json:
            click.clear()
            click.echo(time.strftime("%H:%M:%S") + f"  every {every:g} s, Ctrl-C ends")
        if as_json and every is not None:
            click.echo(json.dumps(document))
        elif as_json:
            options.print_json(document)
        else:
            shown(document)
        if every is None:
            return
        try:
            time.sleep(every)
        except KeyboardInterrupt:
            return


def _add(what: str, text: str, *takes: Callable[[Any], Any]) -> None:
    def command(
        ctx: click.Context, /, as_json: bool, watch: float | None, **filters: object
    ) -> None:
        session = options.session(ctx)
        _repeat(
            watch,
            as_json,
            lambda: session.call("show", what=what, **filters),
            lambda document: _print(what, document),
        )

    wrapped: Any = options.as_json(_watch(click.pass_context(command)))
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


@show.command("mdb")
@options.filters
@click.option(
    "--format",
    "form",
    type=click.Choice(["snoop", "bridge", "yang"]),
    default="snoop",
    help="JSON as `bridge -j -d -s mdb show`, or by RFC 9166.",
)
@options.as_json
@_watch
@click.pass_context
def mdb(
    ctx: click.Context,
    vlan: int | None,
    group: str | None,
    port: str | None,
    form: str,
    as_json: bool,
    watch: float | None,
) -> None:
    """The snooping table."""
    session = options.session(ctx)

    def fetch() -> Any:
        table = session.call("show", what="mdb", vlan=vlan, group=group, port=port)
        if form == "bridge":
            from snoop.cli.formats import bridge

            return bridge.mdb(table, session.call("show", what="mrouters"))
        if form == "yang":
            from snoop.cli.formats import yang

            return yang.gather(session, table)
        return table

    _repeat(watch, as_json or form != "snoop", fetch, lambda document: _print("mdb", document))


@show.command("counters")
@options.port
@click.option("--explain", is_flag=True, help="What each counts; asks no switch.")
@options.as_json
@_watch
@click.pass_context
def counters(
    ctx: click.Context, port: str | None, explain: bool, as_json: bool, watch: float | None
) -> None:
    """Every counter, by port."""
    if explain:
        _explain_counters(as_json)
        return
    session = options.session(ctx)
    _repeat(
        watch,
        as_json,
        lambda: session.call("show", what="counters", port=port),
        lambda document: _print("counters", document),
    )


def _explain_counters(as_json: bool) -> None:
    from snoop.control.counters import everything

    if as_json:
        options.print_json(everything())
        return
    from snoop.cli import human

    human.show(human.table(("Counter", "Counts"), everything().items()))


_add("mrouters", "Router ports, and why.", options.vlan, options.port)
_add("querier", "Who asks, and how often.", options.vlan)
_add("ports", "Ports, their settings and totals.", options.port)
_add("fdb", "Unicast addresses learned.", options.vlan, options.port)
_add("hosts", "Hosts tracked per group and port.", options.filters)
_add("streams", "Multicast flows the switch really sees.", options.filters)
_add("config", "The configuration in effect.")
