"""`snoop port`: ports, and options of a port, while the switch runs."""

from __future__ import annotations

import click

from snoop.cli import options

_ORIGINS = {
    "file": "as the file says",
    "default": "the default",
    "interface": "as its alias says",
}


@click.group(no_args_is_help=False)
def port() -> None:
    """Add and delete ports, set options of one, while the switch runs."""


@port.command("add")
@click.argument("argument", metavar="IF[,OPTION=VALUE…]", type=options.INTERFACE)
@options.option("--wait", is_flag=True, help="It may be missing, and joins when it appears.")
@options.option(
    "--keep", is_flag=True,
    help="The interface itself says so, in its alias, also to a switch that starts again.",
)  # fmt: skip
@options.as_json
@click.pass_context
def port_add(ctx: click.Context, argument: str, wait: bool, keep: bool, as_json: bool) -> None:
    """Make an interface a port, with options as in [[port]].

    It is one until it is deleted or the switch ends; with --keep as long as the interface is there.
    Nothing is written to the file, and a reload keeps it. A list is given by repeating its option:
    p9,trunk=10,trunk=20-29. What is kept is the interface's alias, snoop:SWITCH,OPTION=VALUE…, and
    who makes interfaces may set that in place of this command.
    """
    if wait and keep:
        raise click.UsageError("--keep takes an interface that is there: leave --wait out")
    session = options.session(ctx)
    # An older switch knows nothing of it, and need not.
    asked = {"port": argument, "wait": wait, "keep": keep or None}
    if as_json:
        options.print_json(session.call("port_add", **asked))
        return
    from snoop.control.documents import PortSettings

    click.echo(f"{session.ask(PortSettings, 'port_add', **asked).port} is a port")


@port.command("del")
@click.argument("interface", metavar="IF", type=options.PORT)
@click.pass_context
def port_del(ctx: click.Context, interface: str) -> None:
    """Delete a port that is not of the file.

    It was made by `port add`, or says in its alias that it is one. What was learned there ends;
    nobody else loses a frame.
    """
    options.session(ctx).call("port_del", port=interface)


@port.command("set")
@click.argument("interface", metavar="IF", type=options.PORT)
@click.argument(
    "words",
    metavar="OPTION=VALUE...",
    nargs=-1,
    required=True,
    type=options.Known("option", "assignments"),
)
@options.as_json
@click.pass_context
def port_set(ctx: click.Context, interface: str, words: tuple[str, ...], as_json: bool) -> None:
    """Set options of a port, those of [[port]].

    They hold until the switch ends or they are put back. A list is written with commas:
    trunk=10,20-29. OPTION= puts an option back to what the file says, OPTION=default to what holds
    where the file says nothing. Of access and trunk either takes the other's place. Nothing is
    written to the file, and a reload keeps what is set.
    """
    session = options.session(ctx)
    if as_json:
        options.print_json(session.call("port_set", port=interface, options=words))
        return
    from snoop.config import toml
    from snoop.control.documents import PortSettings

    result = session.ask(PortSettings, "port_set", port=interface, options=words)
    for key, value in result.options.items():
        shown = f"{key} left out" if value is None else f"{key} = {toml.value(value)}"
        origin = _ORIGINS.get(result.origins[key])
        click.echo(f"{result.port}: {shown}{f' ({origin})' if origin else ''}")
