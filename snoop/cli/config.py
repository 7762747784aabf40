"""`snoop config`: check a configuration file, or print one with every key explained."""

from __future__ import annotations

import click

from snoop.cli import options


@click.group(no_args_is_help=False)
def config() -> None:
    """Check a configuration file, or print an example."""


@config.command("check")
@click.argument("file")
@options.as_json
def check(file: str, as_json: bool) -> None:
    """Check FILE as `run` and `reload` would; nothing is opened."""
    from snoop.config import loader

    try:
        loaded = loader.load(file)
    except loader.ConfigError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        options.print_json(loader.effective(loaded))
        return
    names = ", ".join(port.name for port in loaded.port) or "none, give them with --port"
    click.echo(f"{file} is good; ports: {names}")


@config.command("example")
def example() -> None:
    """Print a complete configuration with every key explained."""
    from snoop.cli.example import text

    click.echo(text(), nl=False)


@click.command()
@options.as_json
@click.pass_context
def reload(ctx: click.Context, as_json: bool) -> None:
    """Read the configuration file again; no membership is lost."""
    session = options.session(ctx)
    if as_json:
        options.print_json(session.call("reload"))
        return
    from snoop.control.documents import Reloaded

    result = session.ask(Reloaded, "reload")
    for key in result.needs_restart:
        click.echo(f"{key} takes effect when the switch is started again")
    for name in result.missing_ports:
        click.echo(f"port {name} does not exist yet; it joins when it appears")
    click.echo("reloaded")
