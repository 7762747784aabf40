"""The `[[port]]` tables of a document: the file's, those of `--port`, those of interfaces that say
themselves that they are ports, and what commands say of any, of a `[[host]]`, too.

What is added comes behind the file's, so that a table keeps its number, by which its line is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from snoop.config import port_options
from snoop.config.patterns import matches
from snoop.config.port_options import Options
from snoop.config.problems import ConfigError, Problem
from snoop.printable import name_of


@dataclass(frozen=True, slots=True)
class Commanded:
    """What commands said: `options` over those of a port, `added`: the ports of `port add`;
    `carried`: what interfaces say of themselves, by their aliases.
    """

    options: Mapping[str, Options] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    carried: Mapping[str, Options] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.options or self.added or self.carried)


NOTHING = Commanded()


def add(raw: dict[str, Any], arguments: Iterable[str]) -> Iterator[str]:
    """`--port` arguments add to the file's ports; options for a port of the file win over it.

    Tells what is wrong with the arguments alone.
    """
    given = raw.get("port", [])
    if not isinstance(given, list):
        return
    ports = raw["port"] = list(given)
    for argument in arguments:
        try:
            name, options = port_options.argument(f"--port {argument}", argument)
        except ConfigError as error:
            yield str(error)
            continue
        for at, port in enumerate(ports):
            if isinstance(port, dict) and port.get("name") == name:
                ports[at] = port_options.laid(port, options)
                break
        else:
            ports.append(port_options.laid(_basis(given, name), options))


def commanded(given: Mapping[str, Any], commands: Commanded) -> Mapping[str, Any]:
    """A document with what commands say over it."""
    ports = given.get("port", [])
    if not commands or not isinstance(ports, list):
        return given
    laid = [_laid(port, commands.options) for port in ports]
    hosts = given.get("host")
    if isinstance(hosts, list):
        given = {**given, "host": [_laid(host, commands.options) for host in hosts]}
    for name in appended(given, commands):
        own = name in commands.added or name in commands.carried
        table = {"name": name} if own else _basis(ports, name)
        table = port_options.laid(table, commands.carried.get(name, {}))
        laid.append(port_options.laid(table, commands.options.get(name, {})))
    return {**given, "port": laid}


def appended(given: Mapping[str, Any], commands: Commanded) -> list[str]:
    """The ports that have a table by commands alone: those added, those that say so themselves,
    those that a pattern made.
    """
    there = names(given)
    return [
        name
        for name in dict.fromkeys((*commands.added, *commands.carried, *commands.options))
        if name not in there
    ]


def names(given: Mapping[str, Any]) -> set[str]:
    """The ports that a document names, the host's own among them."""
    tables = (table for of in ("port", "host") for table in given.get(of, []))
    return {name for table in tables if (name := _name(table)) is not None}


def from_file(written: Mapping[str, Any], at: int, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the file says of the port of that number and table, by name or by pattern."""
    ports = written.get("port", [])
    return ports[at] if at < len(ports) else _basis(ports, table.get("name", ""))


def shadowed(ports: object) -> Iterator[Problem]:
    """Tables of a file that never hold, as a pattern above them has what they name."""
    above: list[str] = []
    for at, one in enumerate(ports if isinstance(ports, list) else ()):
        name, pattern = _name(one), one.get("match") if isinstance(one, Mapping) else None
        if name is not None:
            by = next((each for each in above if matches(each, name)), None)
            if by is not None:
                text = f'[[port]] {name}: match = "{by}" above it has it: put it before that'
                yield Problem(text, "port", at, "name")
        elif isinstance(pattern, str):
            if pattern in above:
                text = f'[[port]] match = "{pattern}" is given twice: allowed is once'
                yield Problem(text, "port", at, "match")
            above.append(pattern)


def _basis(ports: Iterable[Any], name: str) -> dict[str, Any]:
    """A table for a port of that name, with what the first pattern that matches it says."""
    for one in ports:
        pattern = one.get("match") if isinstance(one, Mapping) else None
        if isinstance(pattern, str) and matches(pattern, name):
            return {"name": name} | {key: one[key] for key in one if key != "match"}
    return {"name": name}


def _laid(port: Any, commands: Mapping[str, Options]) -> Any:
    options = commands.get(_name(port) or "")
    return port if options is None else port_options.laid(port, options)


def _name(port: Any) -> str | None:
    """What a port is called, or the host's own."""
    name = port.get("name", port.get("interface")) if isinstance(port, Mapping) else None
    return name_of(name) if isinstance(name, str) else None
