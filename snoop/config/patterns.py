"""`[[port]] match`: the interfaces that become ports by a shell pattern, while they are there.

The first `[[port]]` that names or matches an interface holds. What a pattern matches and cannot be
a port is left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol

from msgspec import structs

from snoop.config.bounds import PORTS_MAX
from snoop.config.schema import Config
from snoop.config.schema_port import PortTable
from snoop.printable import natural


class Interface(Protocol):
    """What the kernel says of one."""

    @property
    def name(self) -> str: ...
    @property
    def loopback(self) -> bool: ...
    @property
    def ethernet(self) -> bool: ...


class Matched(NamedTuple):
    """`ports`: by interface, the table that makes it one; `refused`: why others are none."""

    ports: dict[str, PortTable]
    refused: dict[str, str]


NOTHING = Matched({}, {})


def of(config: Config, name: str) -> PortTable | None:
    """The first pattern that matches a name."""
    return next((one for one in config.patterns if matches(one.match, name)), None)


def matches(pattern: str | None, name: str) -> bool:
    """Tell whether a name is one of a pattern's."""
    return pattern is not None and fnmatchcase(name, pattern)


def match(config: Config, found: Collection[Interface], before: Collection[str] = ()) -> Matched:
    """What the patterns make of the interfaces that there are; ports `before` come first where
    there are more than there may be.
    """
    if not config.patterns:
        return NOTHING
    made = Matched({}, {})
    named = {port.name for port in config.named}
    taken = named | {port.device for port in config.named}
    room = PORTS_MAX - len(named)
    for one in sorted(found, key=lambda one: (one.name not in before, natural(one.name))):
        if one.name in taken or (table := of(config, one.name)) is None:
            continue
        why = _refusal(one)
        if why is None and len(made.ports) >= room:
            why = f"{PORTS_MAX} ports are the most"
        if why is None:
            made.ports[one.name] = structs.replace(table, name=one.name, match=None)
        else:
            made.refused[one.name] = why
    return made


def _refusal(one: Interface) -> str | None:
    """Why an interface cannot be a port."""
    if one.loopback:
        return "a loopback is no Ethernet interface"
    return None if one.ethernet else "it is no Ethernet interface"


def laid_out(config: Config, matched: Matched) -> Config:
    """The configuration with a table for every port that a pattern made, before the patterns."""
    named = (one for one in config.port if one.match is None)
    return structs.replace(config, port=(*named, *matched.ports.values(), *config.patterns))
