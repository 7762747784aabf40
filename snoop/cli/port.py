"""`snoop port`: options of a port while the switch runs."""

from __future__ import annotations

import click

from snoop.cli import options

_ORIGINS = {"file": "as the file says", "default": "the default"}


@click.group(no_args_is_help=False)
def port() -> None:
    """Set options of a port while the switch runs."""


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
    """Set options of a port, those of [[port]], until the switch ends or they are put back.

    A list is written with commas: trunk=10,20-29. OPTION= puts an option back to what the file
    says, OPTION=default to what holds where the file says nothing. Of access and trunk either
    takes the other's place. Nothing is written to the file, and a reload keeps what is set.
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
