"""`snoop config`: check a configuration file, or print one with every key explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from snoop.cli import options
from snoop.cli.given import Given, configuration
from snoop.printable import printable

if TYPE_CHECKING:
    from snoop.cli.session import Session
    from snoop.config.problems import ConfigError
    from snoop.config.schema import Config


@click.group(no_args_is_help=False)
def config() -> None:
    """Check a configuration file, or print an example."""


@config.command("check")
@click.argument("argument", metavar="[FILE]", required=False, type=options.FILE)
@configuration
@options.as_json
@click.pass_context
def check(
    ctx: click.Context, /, argument: str | None, file: str | None, as_json: bool, **given: Any
) -> int:
    """Check FILE and options; nothing is opened.

    What is wrong is what `run` and `reload` would say. Notes are about what is allowed and seldom
    meant, and about interfaces that are not here.
    """
    from snoop.config import effective, odd
    from snoop.config.problems import ConfigError

    if argument is not None and file is not None:
        raise click.UsageError("FILE and --config are the same: give one", ctx)
    asked = Given(argument or file, **given, name=options.session(ctx).name)
    if asked.file is None and not asked.ports:
        raise click.UsageError("FILE or --port IF says what to check", ctx)
    try:
        loaded = asked.load().config
    except ConfigError as error:
        return refuse(error)
    names = [port.name for port in loaded.tables]
    notes = odd.notes(loaded) + (_of_interfaces(loaded) if names else [])
    if as_json:
        options.print_json({**effective.whole(loaded), "notes": notes})
        return 0
    what = asked.file or "the command line"
    click.echo(f"{what} is good; ports: {', '.join(names) or 'none, give them with --port'}")
    for note in notes:
        click.echo(f"note: {note}")
    return 0


def _of_interfaces(loaded: Config) -> list[str]:
    """What is to be said of the interfaces that ports are."""
    from snoop.config import odd_ports
    from snoop.links.interfaces import Links

    links = Links()
    try:
        links.open()
        return list(odd_ports.interfaces(loaded, links.all()))
    except OSError as error:
        return [f"interfaces cannot be read: {error.strerror or error}"]
    finally:
        links.close()


def refuse(error: ConfigError) -> int:
    """Each problem on a line of its own, as every failure is said; the exit status."""
    for problem in error.problems:
        click.echo("snoop: " + printable(" ".join(problem.split())), err=True)
    return 2


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


def _of_process(ctx: click.Context, pid: int) -> Session:
    """The switch that is this process; UsageError beside a name."""
    from snoop.cli import running
    from snoop.cli.session import Session

    given = options.session(ctx)
    if given.name or given.given_path:
        raise click.UsageError("--pid says which switch, as --name and --socket do", ctx)
    return Session(name=None, path=running.socket_of(pid))


RESTART_SECONDS = 30.0
SERVING_SECONDS = 60.0  # more than the rest of it may take


@click.command()
@options.option(
    "--timeout",
    type=options.Number(0, 600, min_open=True),
    default=RESTART_SECONDS,
    show_default=True,
    metavar="S",
    help="Seconds that the new process may take to begin.",
)
@options.option(
    "--pid", type=click.IntRange(1), metavar="PID",
    help="The switch that is this process, whatever its name.",
)  # fmt: skip
@options.as_json
@click.pass_context
def restart(ctx: click.Context, timeout: float, pid: int | None, as_json: bool) -> None:
    """Hand over to a new process of the same command, with all that this one knows.

    After an upgrade it is of the new version. What came in meanwhile waits in the rings: nothing is
    lost, doubled or out of order, and hosts and routers notice nothing. If the new process cannot
    begin, the old one goes on, and says why.
    """
    session = options.session(ctx) if pid is None else _of_process(ctx, pid)
    wait = timeout + SERVING_SECONDS
    if as_json:
        options.print_json(session.call("restart", wait, timeout=timeout))
        return
    from snoop.control.documents import Restarted

    result = session.ask(Restarted, "restart", wait, timeout=timeout)
    click.echo(
        f"process {result.pid}, version {result.version}, forwards; "
        f"none did for {result.pause * 1000:.1f} ms"
    )
