"""`snoop show`: the state of a running switch, as JSON or tables; alone, an overview."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from snoop.cli import options
from snoop.cli.session import Session

Shown = TypeVar("Shown")
_NOTHING = "nothing that matches"

_watch = options.option(
    "--watch",
    type=options.Number(0.2, 86400),
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
    if as_json:
        _repeat_json(watch, lambda: _everything(session))
        return
    from snoop.cli import layout, overview, summary

    _repeat(
        watch, lambda: summary.gather(session), lambda seen: layout.show(*overview.render(seen))
    )


def _everything(session: Session) -> dict[str, Any]:
    """What `summary.gather` gathers, as it comes."""
    document: dict[str, Any] = {"status": session.call("show", what="status")}
    for what in ("ports", "querier", "mrouters", "mdb", "streams"):
        document |= session.call("show", what=what)
    return document


def _repeat_json(every: float | None, fetch: Callable[[], Any]) -> None:
    """Print what comes from the switch as it is; again and again, a line each."""
    if every is None:
        options.print_json(fetch())
        return
    import json

    _again(every, lambda: click.echo(json.dumps(fetch())))


def _repeat(every: float | None, fetch: Callable[[], Shown], draw: Callable[[Shown], None]) -> None:
    """Draw once, or again and again on a cleared screen."""
    if every is None:
        draw(fetch())
        return

    def look() -> None:
        document = fetch()
        click.clear()
        click.echo(time.strftime("%H:%M:%S") + f"  every {every:g} s, Ctrl-C ends")
        draw(document)

    _again(every, look)


def _again(every: float, look: Callable[[], None]) -> None:
    """Until interrupted."""
    while True:
        look()
        try:
            time.sleep(every)
        except KeyboardInterrupt:
            return


def _add(what: str, text: str, *takes: Callable[[Any], Any]) -> None:
    def command(
        ctx: click.Context, /, as_json: bool, watch: float | None, **filters: object
    ) -> None:
        _show(options.session(ctx), what, watch, as_json, **filters)

    wrapped: Any = options.as_json(_watch(click.pass_context(command)))
    for option in reversed(takes):
        wrapped = option(wrapped)
    show.command(what, help=text, short_help=text)(wrapped)


def _show(
    session: Session, what: str, every: float | None, as_json: bool, **filters: object
) -> None:
    """What there is of a noun, as JSON or as a table."""
    if as_json:
        _repeat_json(every, lambda: session.call("show", what=what, **filters))
        return
    from snoop.cli import layout, tables, vlans

    if filters.get("count"):
        from snoop.control import documents

        _repeat(
            every,
            lambda: session.ask(documents.Count, "show", what=what, **filters),
            lambda document: click.echo(tables.count_of(document)),
        )
        return
    if what == "config":
        _repeat(
            every,
            lambda: session.ask(dict[str, Any], "show", what=what),
            lambda document: layout.show(tables.config(document)),
        )
        return
    noun = tables.NOUNS[what]

    filtered = any(value is not None for value in filters.values())

    def draw(document: Any) -> None:
        table = noun.table(document)
        if table.lines or not noun.empty:
            table.notes += tables.note(document)
            layout.show(vlans.name(tables.describe(table, document), document))
        else:
            click.echo(_NOTHING if filtered else noun.empty)
        layout.show(*tables.beside(document))

    _repeat(every, lambda: session.show(noun.kind, **filters), draw)


@show.command("mdb")
@options.choice
@options.option(
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
    ctx: click.Context, /, form: str, as_json: bool, watch: float | None, **filters: object
) -> None:
    """The snooping table."""
    session = options.session(ctx)

    if form != "snoop" and filters["count"]:
        raise click.UsageError("--count has no --format", ctx)
    if form == "bridge":
        from snoop.cli.formats import bridge

        _repeat_json(watch, lambda: bridge.gather(session, **filters))
    elif form == "yang":
        from snoop.cli.formats import yang

        _repeat_json(watch, lambda: yang.gather(session, **filters))
    else:
        _show(session, "mdb", watch, as_json, **filters)


@show.command("vlans")
@options.vlan
@options.family
@options.ports
@options.option(
    "--format",
    "form",
    type=click.Choice(["snoop", "bridge"]),
    default="snoop",
    help="As `bridge vlan show` prints it; with --json, as `bridge -j vlan show`.",
)
@options.as_json
@_watch
@click.pass_context
def vlans(
    ctx: click.Context, /, form: str, as_json: bool, watch: float | None, **filters: object
) -> None:
    """VLANs, their ports, and who asks in each."""
    session = options.session(ctx)
    if form == "snoop":
        _show(session, "vlans", watch, as_json, **filters)
        return
    from snoop.cli.formats import bridge

    if as_json:
        _repeat_json(watch, lambda: bridge.vlans(bridge.gather_vlans(session, **filters)))
        return
    _repeat(
        watch,
        lambda: bridge.gather_vlans(session, **filters),
        lambda document: click.echo(bridge.vlan_lines(document)),
    )


@show.command("counters")
@options.family
@options.ports
@options.option("--explain", is_flag=True, help="What each counts; asks no switch.")
@options.as_json
@_watch
@click.pass_context
def counters(
    ctx: click.Context,
    family: str | None,
    port: options.Named,
    explain: bool,
    as_json: bool,
    watch: float | None,
) -> None:
    """Every counter, by port."""
    if explain:
        _explain_counters(as_json)
        return
    _show(options.session(ctx), "counters", watch, as_json, port=port, family=family)


@show.command("events")
@options.told
@options.option(
    "--last", type=click.IntRange(1, 100_000), metavar="N", help="Only the last N of them."
)
@options.count
@options.as_json
@_watch
@click.pass_context
def events(ctx: click.Context, /, as_json: bool, watch: float | None, **wanted: Any) -> None:
    """What has happened of late, oldest first."""
    session = options.session(ctx)
    if as_json:
        _repeat_json(watch, lambda: session.call("events", **wanted))
        return
    from snoop.cli import layout, monitor, tables
    from snoop.control import documents

    if wanted["count"]:
        _repeat(
            watch,
            lambda: session.ask(documents.Count, "events", **wanted),
            lambda document: click.echo(tables.count_of(document)),
        )
        return

    def draw(document: documents.Events) -> None:
        if document.events:
            layout.show(monitor.table(document))
        else:
            click.echo(_NOTHING)

    _repeat(watch, lambda: session.ask(documents.Events, "events", **wanted), draw)


def _explain_counters(as_json: bool) -> None:
    from snoop.control.counters import everything

    if as_json:
        options.print_json(everything())
        return
    from snoop.cli import layout

    layout.show(layout.table(("Counter", "Counts"), everything().items(), fold=("Counts",)))


_add("mrouters", "Router ports, and why.", options.vlan, options.family, options.ports)
_add("querier", "Who asks, and how often.", options.vlan, options.family)
_add("ports", "Ports, their settings and totals.", options.family, options.ports)
_add("fdb", "Unicast addresses learned.", options.vlan, options.family, options.ports)
_add("hosts", "Hosts tracked per group and port; of one: all it has to do with.", options.choice)
_add("streams", "Multicast flows the switch really sees.", options.choice)
_add("witnesses", "Who answers queries, who left, who was refused.", options.seen)
_add("config", "The configuration in effect.", options.family)
