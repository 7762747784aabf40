"""`snoop run`: options to a checked configuration, and the daemon in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snoop.cli import options
from snoop.cli.config import refuse
from snoop.cli.given import Given, configuration
from snoop.cli.options import session

if TYPE_CHECKING:
    from snoop.cli.session import Session
    from snoop.config.loader import Loaded


@click.command()
@configuration
@options.option(
    "--wait",
    is_flag=True,
    help="Start although a --port, or any at all, is missing: it joins when it appears.",
)
@options.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.pass_context
def run(ctx: click.Context, /, log_level: str, wait: bool, **given: Any) -> int:
    """Run the switch in the foreground, in this network namespace.

    A port of the file that is not there is `missing`, and joins when it appears. One on the
    command line is an error, unless --wait. Logs go to stderr; the line `ready` on stdout says
    that it forwards. SIGTERM and SIGINT end it, SIGHUP reads the configuration again.
    """
    from snoop.runtime import priority

    with priority.hurried():
        return _run(session(ctx), Given(**given, name=session(ctx).name), log_level, wait)


def _run(chosen: Session, asked: Given, log_level: str, wait: bool) -> int:
    import asyncio

    from snoop.config.problems import ConfigError
    from snoop.control.client import socket_path
    from snoop.daemon import messages
    from snoop.runtime import log

    try:
        from snoop.daemon.process import Daemon
        from snoop.daemon.restarting import StartError
    except ImportError as error:
        why = f"the fast path is not built ({error}); pip install it again"
        messages.refuse(why)
        raise options.failure(why) from error

    def load() -> Loaded:
        loaded = asked.load()
        if not loaded.config.tables and not wait:
            raise ConfigError("no ports: give --port IF for each, or [[port]] in a --config file")
        return loaded

    log.setup(log_level)
    try:
        loaded = load()
        path = socket_path(
            name=chosen.name,
            path=chosen.given_path,
            fallback=loaded.config.switch.name,
            begins=True,
        )
        daemon = Daemon(loaded, load=load, path=Path(path), wait=wait)
        return asyncio.run(daemon.run())
    except ConfigError as error:
        messages.refuse(str(error))
        return refuse(error)
    except StartError as error:
        raise options.failure(str(error)) from error
