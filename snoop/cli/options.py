"""Options that several commands share, and how results and failures leave."""

from __future__ import annotations

import functools
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from snoop.control.kinds import KINDS
from snoop.printable import name_of

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from click.shell_completion import CompletionItem

    from snoop.cli.session import Session

    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # Generic only in newer versions of click.

Command = TypeVar("Command", bound=Callable[..., Any])
Named = str | tuple[str, ...] | None

_MAC = re.compile("([0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE)


class Once(click.Option):
    """Given twice it is an error, and not the last one that counts (SAY-9).

    `multiple` options take all. This is the class of every option: `option` makes them.
    """

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        if self.multiple or self.is_flag:
            super().add_to_parser(parser, ctx)
            return
        parser.add_option(
            obj=self, opts=self.opts, dest=self.name, action="append", nargs=self.nargs
        )

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> Any:
        given = opts.get(self.name or "")
        if isinstance(given, list) and not self.multiple:
            if len(given) > 1 and not ctx.resilient_parsing:
                raise click.UsageError(f"{self.opts[0]} is given twice", ctx)
            opts = {**opts, self.name or "": given[0]}
        return super().consume_value(ctx, opts)


option = functools.partial(click.option, cls=Once)


class _Suggested(_Text):
    """What a running switch knows some of, by the name that `suggest` has for them."""

    known: str

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from snoop.cli import suggest

        found: list[CompletionItem] = getattr(suggest, self.known)(ctx, param, incomplete)
        return found


class Known(_Suggested):
    """Any text, and what is there is offered."""

    def __init__(self, name: str, known: str) -> None:
        self.name = name
        self.known = known


class VlanId(click.IntRange):
    """A VLAN id."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from snoop.cli import suggest

        return suggest.vlans(ctx, param, incomplete)


class Number(click.FloatRange):
    """A number within bounds; `nan`, which no bound keeps out, is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number that can be meant", param, ctx)
        return number


class GroupAddress(_Suggested):
    """A multicast group, IPv4 or IPv6."""

    name = "group"
    known = "groups"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        address = _address(value)
        if address is None or not address.is_multicast:
            self.fail(
                f'"{value}" is not a multicast group, such as 239.1.1.1 or ff0e::1', param, ctx
            )
        return str(address)


class AnyGroup(GroupAddress):
    """A multicast group, or one by its MAC address."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if _MAC.fullmatch(str(value)):
            return str(value).replace("-", ":").lower()
        return super().convert(value, param, ctx)


class GroupPrefix(AnyGroup):
    """The same, or all groups of a prefix."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        import ipaddress

        if "/" not in str(value):
            return super().convert(value, param, ctx)
        try:
            prefix = ipaddress.ip_network(str(value))
        except ValueError as error:
            self.fail(f"{error}; a prefix is written 239.1.0.0/16 or ff3e::/32", param, ctx)
        if not prefix.is_multicast:
            self.fail(f'"{value}" is not a prefix of multicast groups', param, ctx)
        return str(prefix)


class HostName(_Suggested):
    """A host by its address or its MAC address, which the switch reads."""

    name = "host"
    known = "hosts"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)


class PortName(_Suggested):
    """A port of the running switch, which alone can say whether it is one."""

    name = "port"
    known = "ports"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return name_of(str(value))


class SourceAddress(_Suggested):
    """A unicast address."""

    name = "source"
    known = "sources"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        address = _address(value)
        if address is None or address.is_multicast or address.is_unspecified:
            self.fail(f'"{value}" is not the address of a source, such as 10.0.0.9', param, ctx)
        return str(address)


class Failure(click.ClickException):
    """A failure that is neither usage nor the daemon's: exit status 1."""


def failure(text: str) -> Failure:
    """One line on stderr, exit status 1."""
    return Failure(text)


def _address(value: object) -> IPv4Address | IPv6Address | None:
    import ipaddress

    try:
        return ipaddress.ip_address(str(value))
    except ValueError:
        return None


VLAN = VlanId(0, 4094)
SWITCH = Known("switch", "switches")
INTERFACE = Known("interface", "interfaces")
FILE = click.Path()
GROUP = GroupAddress()
ANY_GROUP = AnyGroup()
PORT = PortName()
SOURCE = SourceAddress()

vlan = option("--vlan", type=VLAN, metavar="V", help="VLAN id; 0: untagged.")
group = option("--group", type=GROUP, metavar="G", help="Multicast group.")
groups = option(
    "--group", type=GroupPrefix(), metavar="G", help="Multicast group, or a prefix of them."
)
source = option("--source", type=SOURCE, metavar="S", help="Source of a stream.")
count = option(
    "--count",
    is_flag=True,
    callback=lambda ctx, param, given: given or None,
    help="The numbers only.",
)
host = option("--host", type=HostName(), metavar="A", help="Host, by its address or its MAC.")
port = option("--port", type=PORT, metavar="P", help="Port name.")
ports = option(
    "--port",
    "port",
    type=PORT,
    multiple=True,
    callback=lambda ctx, param, given: named(given),
    metavar="P",
    help="Port name; may be repeated.",
)
types = option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(list(KINDS)),
    metavar="TYPE",
    help="Only these; may be repeated: " + ", ".join(KINDS) + ".",
)
FAMILY = click.Choice(["ipv4", "ipv6"])
family = option("--family", type=FAMILY, help="Rows of this family; what has none is shown whole.")
as_json = option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def filters(command: Command) -> Command:
    """--vlan, --group and --port."""
    return vlan(group(ports(command)))


def told(command: Command) -> Command:
    """Which events: --type, --vlan, --family, --group, --port, --host."""
    return types(seen(command))


def choice(command: Command) -> Command:
    """Which rows: --vlan, --family, --group, --port, --host, --source; --count: their numbers."""
    return vlan(family(groups(ports(host(source(count(command)))))))


def seen(command: Command) -> Command:
    """Whom it is about: --vlan, --family, --group, --port, --host."""
    return vlan(family(groups(ports(host(command)))))


def named(given: tuple[str, ...]) -> Named:
    """Ports as a request has them: one, several, or None for any."""
    return None if not given else given[0] if len(given) == 1 else given


def session(ctx: click.Context) -> Session:
    """The global options."""
    found: Session = ctx.obj
    return found


def print_json(document: object) -> None:
    """One JSON document on stdout: indented for eyes, on one line for programs."""
    import json

    click.echo(json.dumps(document, indent=2 if sys.stdout.isatty() else None))
