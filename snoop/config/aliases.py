"""Ports that say so themselves: interfaces whose alias is `snoop:SWITCH[,OPTION=VALUE…]`.

Whoever makes an interface for a container or a guest says with it whose port it is, and a switch
that starts again finds it. Only who may configure interfaces of this namespace can set an alias
here, or bring in an interface that has one; but hardware comes back from a container that had it,
with the alias that it got there, so hardware is no port by this.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Protocol

from snoop.config import port_options
from snoop.config.patterns import Interface
from snoop.config.port_options import Options
from snoop.config.problems import ConfigError
from snoop.printable import printable

PREFIX = "snoop:"
BYTES_MAX = 255
_SAID = re.compile(r"snoop:([A-Za-z0-9_.-]+)(.*)\Z", re.DOTALL)


class Told(Interface, Protocol):
    """What the kernel says of one."""

    @property
    def alias(self) -> str: ...
    @property
    def kind(self) -> str: ...


def of(switch: str, found: Collection[Told]) -> dict[str, tuple[str, str]]:
    """Alias and kind of the interfaces that say they are ports of that switch, by name."""
    said = [one for one in found if one.alias.startswith(PREFIX)]
    return {one.name: (one.alias, one.kind) for one in said if names(one.alias, switch)}


def names(alias: str, switch: str) -> bool:
    """Tell whether an alias speaks of that switch."""
    match = _SAID.match(alias)
    return match is not None and match[1] == switch


def options(alias: str, kind: str) -> Options:
    """The options that it gives; ConfigError if it makes no port."""
    match = _SAID.match(alias)
    assert match is not None
    if match[2] and match[2][0] != ",":
        raise ConfigError(f'alias "{printable(alias)}": allowed is {PREFIX}SWITCH[,OPTION=VALUE…]')
    if not kind:
        raise ConfigError("hardware is a port by the file or by a command, not by its alias")
    return port_options.argument("alias", printable(alias))[1]


def spelled(switch: str, words: str) -> str:
    """The alias that says it: `words` as they stand behind the interface in `port add`."""
    alias = f"{PREFIX}{switch}{words}"
    if len(alias.encode()) > BYTES_MAX:
        raise ConfigError(
            f"what an interface can keep ends at {BYTES_MAX} bytes, and this takes "
            f"{len(alias.encode())}: say less, such as a shorter description"
        )
    return alias
