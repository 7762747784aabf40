"""`snoop run`: options to a checked configuration, and the daemon in the foreground."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snoop.cli import options
from snoop.cli.config import refuse
from snoop.cli.options import session

if TYPE_CHECKING:
    from snoop.config.loader import Loaded


@click.command()
@options.option("--config", "file", metavar="FILE", help="Configuration (TOML).")
@options.option(
    "--port",
    "ports",
    multiple=True,
    metavar="IF[,OPTION=VALUE…]",
    help="A port, with options as in [[port]]. May be repeated.",
)
@options.option("--querier/--no-querier", default=None, help='[igmp] querier = "on" or "off".')
@options.option("--querier-address", metavar="A", help="Source address of our own queries.")
@options.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.pass_context
def run(
    ctx: click.Context,
    file: str | None,
    ports: tuple[str, ...],
    querier: bool | None,
    querier_address: str | None,
    log_level: str,
) -> int:
    """Run the switch in the foreground, in this network namespace.

    Logs go to stderr; the line `ready` on stdout says that it forwards. SIGTERM and SIGINT end
    it, SIGHUP reads the configuration again.
    """
    import asyncio

    from snoop.config import loader
    from snoop.config.problems import ConfigError
    from snoop.control.client import socket_path
    from snoop.runtime import log

    try:
        from snoop.daemon import Daemon, StartError
    except ImportError as error:
        raise options.failure(
            f"the fast path is not built ({error}); pip install it again"
        ) from error

    chosen = session(ctx)
    overrides = _overrides(chosen.name, querier, querier_address)

    def load() -> Loaded:
        loaded = loader.load(file, overrides=overrides, ports=ports)
        if not loaded.config.port:
            raise ConfigError("no ports: give --port IF for each, or [[port]] in a --config file")
        return loaded

    log.setup(log_level)
    try:
        loaded = load()
        path = socket_path(
            name=chosen.name, path=chosen.given_path, fallback=loaded.config.switch.name
        )
        daemon = Daemon(loaded, load=load, path=Path(path))
        return asyncio.run(daemon.run())
    except ConfigError as error:
        return refuse(error)
    except StartError as error:
        raise options.failure(str(error)) from error


def _overrides(
    name: str | None, querier: bool | None, address: str | None
) -> dict[str, dict[str, Any]]:
    """What the command line says, as tables of the configuration."""
    tables: dict[str, dict[str, Any]] = {"switch": {}, "igmp": {}}
    if name is not None:
        tables["switch"]["name"] = name
    if querier is not None:
        tables["igmp"]["querier"] = "on" if querier else "off"
    if address is not None:
        try:
            ipaddress.IPv4Address(address)
        except ValueError:
            raise click.BadParameter(
                f'"{address}" is not an IPv4 address', param_hint="--querier-address"
            ) from None
        tables["igmp"]["querier_address"] = address
    return tables
