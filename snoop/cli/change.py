"""Commands that change a running switch: mdb, mrouter, clear, query."""

from __future__ import annotations

import click

from snoop.cli import options
from snoop.cli.options import ANY_GROUP, SOURCE, Named, session

_port = options.option(
    "--port", "port", type=options.PORT, required=True, multiple=True,
    callback=lambda ctx, param, given: options.named(given),
    metavar="P", help="Port name; may be repeated.",
)  # fmt: skip
_vlan = options.option(
    "--vlan",
    type=options.VLAN,
    metavar="V",
    help="VLAN id; left out: that of the port's frames without a tag.",
)
_source = options.option("--source", type=SOURCE, metavar="S", help="Only this source.")
_family = options.option(
    "--family",
    type=options.FAMILY,
    default="ipv4",
    show_default=True,
    help="Whose groups it gets.",
)


@click.group(no_args_is_help=False)
def mdb() -> None:
    """Add or delete static groups."""


def _static(name: str, *, add: bool, help: str) -> None:
    @mdb.command(name, help=help)
    @click.argument("group", type=ANY_GROUP)
    @_port
    @_source
    @_vlan
    @click.pass_context
    def command(
        ctx: click.Context, group: str, port: Named, source: str | None, vlan: int | None
    ) -> None:
        session(ctx).call("static", add=add, group=group, port=port, source=source, vlan=vlan)


_static("add", add=True, help="Always send GROUP, an address or a MAC address, to a port.")
_static("del", add=False, help="Take back `mdb add`.")


@click.group(no_args_is_help=False)
def mrouter() -> None:
    """Add or delete static router ports."""


def _mrouter(name: str, *, add: bool, help: str) -> None:
    @mrouter.command(name, help=help)
    @_port
    @_vlan
    @_family
    @click.pass_context
    def command(ctx: click.Context, port: Named, vlan: int | None, family: str) -> None:
        session(ctx).call("mrouter", add=add, port=port, vlan=vlan, family=family)


_mrouter("add", add=True, help="Take a port for one that leads to a multicast router.")
_mrouter("del", add=False, help="Take back `mrouter add`.")


@click.group(no_args_is_help=False)
def clear() -> None:
    """Forget dynamic state."""


@clear.command("mdb")
@options.option("--family", type=options.FAMILY, help="Of this family; left out: of both.")
@options.filters
@click.pass_context
def clear_mdb(
    ctx: click.Context, family: str | None, vlan: int | None, group: str | None, port: Named
) -> None:
    """Forget learned memberships; static entries stay."""
    session(ctx).call("clear", what="mdb", family=family, vlan=vlan, group=group, port=port)


@clear.command("fdb")
@options.vlan
@options.ports
@click.pass_context
def clear_fdb(ctx: click.Context, vlan: int | None, port: Named) -> None:
    """Forget unicast addresses."""
    session(ctx).call("clear", what="fdb", vlan=vlan, port=port)


@clear.command("counters")
@options.ports
@click.pass_context
def clear_counters(ctx: click.Context, port: Named) -> None:
    """Show counters from zero again; metrics keep counting."""
    session(ctx).call("clear", what="counters", port=port)


@click.command()
@options.group
@options.ports
@options.option(
    "--vlan", type=options.VLAN, metavar="V", help="VLAN id; left out: the only one there is."
)
@options.option(
    "--family",
    type=options.FAMILY,
    help="Of a general query; left out: ipv4. A group has its own.",
)
@click.pass_context
def query(
    ctx: click.Context, group: str | None, port: Named, vlan: int | None, family: str | None
) -> None:
    """Send a query now: general, or about one group."""
    session(ctx).call("query", group=group, port=port, vlan=vlan, family=family)
