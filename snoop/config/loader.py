"""A configuration from a file and the command line, checked whole before anything opens.

Whatever is wrong becomes one `ConfigError`: a line for each key, with its value, its place and
what is allowed. The checks of a single value come from the types in `schema.py`, those that need
more from `together.py`. It opens no interface: that a port exists is for the daemon to find out.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import structs

from snoop.config import given_ports, schema, schema_port
from snoop.config.given_ports import NOTHING, Commanded
from snoop.config.problems import ConfigError, Problem, Unknown, lines_of
from snoop.config.reading import text_of
from snoop.config.schema import Config
from snoop.config.schema_vlan import VlanTable
from snoop.config.together import of_ports, problems
from snoop.config.words import ADDRESSES, allowed, element, hinted, keys, meant, nearest, shown
from snoop.printable import name_of, printable

Table = TypeVar("Table", bound=msgspec.Struct)

TABLES: dict[str, type[msgspec.Struct]] = {
    "switch": schema.SwitchTable,
    "igmp": schema.IgmpTable,
    "mld": schema.MldTable,
    "vlan": VlanTable,
    "port": schema_port.PortTable,
    "host": schema_port.HostTable,
    "static": schema.StaticTable,
    "group": schema.GroupTable,
    "metrics": schema.MetricsTable,
}
_REPEATED = ("vlan", "port", "host", "static", "group")


class Document(NamedTuple):
    """What was read: the file's text and tables, and those with the command line over them."""

    path: str | None
    text: str
    written: Mapping[str, Any]
    given: Mapping[str, Any]
    mistakes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where each of its keys is from: {"igmp.querier": "file", …}, else
    "command" for the command line and `port set`, "interface" for a port's own alias, or "default".
    """

    config: Config
    origins: Mapping[str, str]
    document: Document = field(compare=False, repr=False)

    @property
    def typed(self) -> list[str]:
        """The ports that the command line alone names: one that is not there is a typo."""
        file = self.document.written.get("port", ())
        return [port.name for port in self.config.port[len(file) :]]


def load(
    path: str | None,
    *,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    ports: Iterable[str] = (),
) -> Loaded:
    """Read `path` (None: all defaults), lay command-line `overrides` ({table: {key: value}}) and
    `--port` arguments over it, and check the whole. Raises ConfigError, also for a file that
    cannot be read.
    """
    text, written = _read(path)
    given = dict(written)
    for table, options in (overrides or {}).items():
        below = given.get(table, {})
        if isinstance(below, dict):
            given[table] = {**below, **options}
    mistakes = tuple(Problem(problem, meant="port") for problem in given_ports.add(given, ports))
    mistakes += tuple(given_ports.shadowed(written.get("port")))
    return settle(Document(path, text, written, given, mistakes))


def settle(
    document: Document, commands: Commanded = NOTHING, *, before: Config | None = None
) -> Loaded:
    """What was read, and what commands have said of ports over it, checked.

    With `before`, which the same document came to with other commands, no more than ports.
    """
    raw = given_ports.commanded(document.given, commands)
    config, found = _checked(raw, document.mistakes, before)
    if found:
        numbers = lines_of(document.text, found)
        said = (
            f"{_where(document, raw, number, problem)}{problem.text}"
            for number, problem in zip(numbers, found, strict=True)
        )
        raise ConfigError(*said, found=tuple(found))
    return Loaded(config, _origins(document.written, raw, commands), document)


def check(raw: Mapping[str, Any], *, where: str) -> Config:
    """The checked `Config` of a parsed TOML document; ConfigError with all that is wrong."""
    config, found = _checked(raw)
    if found:
        raise ConfigError(*(f"{where}: {problem.text}" for problem in found))
    return config


def _read(path: str | None) -> tuple[str, dict[str, Any]]:
    if path is None:
        return "", {}
    try:
        text = text_of(path)
        return text, tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(f"{path}: tables and lists are nested too deeply") from error
    except ValueError as error:  # of tomllib, of UTF-8, and of numbers with thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def _where(document: Document, raw: Mapping[str, Any], number: int | None, problem: Problem) -> str:
    """The file and the line, if what is wrong was written there; of `port set`, nothing."""
    if not problem.table:
        return ""
    given, now = _at(document.given, problem), _at(raw, problem)
    if problem.key is not None and now is not given:
        return ""
    if document.path is None:
        return "command line: "
    ours = _at(document.written, problem)
    if given is not ours and (ours is None or problem.key is not None):
        return "command line: "
    return f"{document.path}: " if number is None else f"{document.path}:{number}: "


def _at(raw: Mapping[str, Any], problem: Problem) -> Any:
    """What a document has at that place, None for nothing."""
    found: Any = raw.get(problem.table)
    if problem.index is not None:
        there = isinstance(found, list) and problem.index < len(found)
        found = found[problem.index] if there else None
    for key in () if problem.key is None else problem.key.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _origins(
    written: Mapping[str, Any], raw: Mapping[str, Any], commands: Commanded
) -> dict[str, str]:
    """Of every key but those by which a table is called; static entries and names of
    groups are the file's.
    """
    origins = {}
    for table, by in (
        ("switch", ""),
        ("igmp", ""),
        ("mld", ""),
        ("vlan", "vid"),
        ("port", "name"),
        ("host", "interface"),
        ("metrics", ""),
    ):
        given, ours = raw.get(table, {}), written.get(table, {})
        pairs = [(table, given, ours)] if not by else [
            (f"{table}.{_spell(key)}", one, _written(written, table, at, one))
            for at, one in enumerate(given)
            for key in [one.get(by, one.get("match"))]
        ]  # fmt: skip
        for name, one, other in pairs:
            for key in keys(TABLES[table])[0]:
                if key not in (by, "match"):
                    origins[f"{name}.{key}"] = _origin(key, one, other)
    for port, options in commands.carried.items():
        said = {option.partition(".")[0] for option in options}
        for key in keys(TABLES["port"])[0].keys() - {"name", "match"}:
            origins[f"port.{port}.{key}"] = "interface" if key in said else "default"
    hosts = {host.get("interface") for host in raw.get("host", ())}
    for port, options in commands.options.items():
        for option in options:
            table = "host" if port in hosts else "port"
            origins[f"{table}.{port}.{option.partition('.')[0]}"] = "command"
    return origins


def _written(
    written: Mapping[str, Any], table: str, at: int, one: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What the file says of a table that there may be several of."""
    if table == "port":
        return given_ports.from_file(written, at, one)
    ours: list[Mapping[str, Any]] = written.get(table, [])
    return ours[at] if at < len(ours) else {}


def _origin(key: str, given: Mapping[str, Any], written: Mapping[str, Any]) -> str:
    if key not in given:
        return "command" if key in written else "default"
    return "file" if key in written and written[key] == given[key] else "command"


def _checked(
    raw: Mapping[str, Any], mistakes: Iterable[Problem] = (), before: Config | None = None
) -> tuple[Config, list[Problem]]:
    """The configuration as far as it is right; `mistakes`, and what is wrong with the rest."""
    if before is not None:
        ports, found = _repeated("port", _spelled({"port": raw.get("port", [])})["port"])
        hosts, wrong = _repeated("host", _spelled({"host": raw.get("host", [])})["host"])
        config = structs.replace(before, port=ports, host=hosts)
        found += wrong
        return config, found + list(of_ports(config, Unknown(found)))
    raw = _spelled(raw)
    found = [*mistakes]
    for key in raw:
        if key not in TABLES:
            text = f"unknown table [{key}]{meant(key, TABLES)}"
            found.append(Problem(text, key, meant=nearest(key, TABLES)))
    made: dict[str, Any] = {}
    for table, kind in TABLES.items():
        given = raw.get(table, [] if table in _REPEATED else {})
        if table not in _REPEATED:
            made[table], wrong = _table(kind, given, f"[{table}]", (table, None), table)
            found += wrong
        elif isinstance(given, list):
            made[table], wrong = _repeated(table, given)
            found += wrong
        else:
            found.append(Problem(f"[[{table}]]: write it with double brackets", table))
    for table in ("igmp", "mld"):
        made[table] = _response(made[table], raw.get(table))
    config = Config(**made)
    return config, found + list(problems(config, Unknown(found)))


def _repeated(table: str, given: list[Any]) -> tuple[tuple[Any, ...], list[Problem]]:
    """The tables of one name, and what is wrong with their keys."""
    pairs = [
        _table(TABLES[table], one, f"[[{table}]] {called}:", (table, at), called)
        for at, one in enumerate(given)
        for called in [_called(one, at + 1)]
    ]
    found = [problem for _, wrong in pairs for problem in wrong]
    for at, one in enumerate(given if table == "port" else ()):
        if isinstance(one, dict) and {"name", "match"} <= one.keys():
            text = f"[[port]] {_called(one, at + 1)}: match stands in place of name: give one"
            found.append(Problem(text, "port", at, "match"))
    return tuple(one for one, _ in pairs), found


def _called(raw: object, number: int) -> object:
    """What a repeated table is called in a message."""
    names = (
        [raw[key] for key in ("group", "name", "match", "interface", "vid") if key in raw]
        if isinstance(raw, dict)
        else []
    )
    return names[0] if names else number


def _spelled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every port's name, and what people call things, in one spelling."""
    made = dict(raw)
    for table, key, spell in (
        ("port", "name", _spell),
        ("static", "ports", _spell),
        ("port", "description", _label),
        ("port", "split_horizon", _label),
        ("host", "description", _label),
        ("host", "split_horizon", _label),
        ("group", "name", _label),
        ("vlan", "name", _label),
    ):
        if isinstance(made.get(table), list):
            made[table] = [
                {**one, key: spell(one[key])} if isinstance(one, dict) and key in one else one
                for one in made[table]
            ]
    switch = raw.get("switch")
    if isinstance(switch, dict) and "report_flood" in switch:
        made["switch"] = {**switch, "report_flood": _spell(switch["report_flood"])}
    return made


def _spell(value: Any) -> Any:
    if isinstance(value, list):
        return [_spell(one) for one in value]
    return name_of(value) if isinstance(value, str) else value


def _label(value: Any) -> Any:
    """What nobody sees is escaped; what would break a line stays, and is refused."""
    if not isinstance(value, str) or any(unicodedata.category(char) == "Cc" for char in value):
        return value
    return printable(value)


def _table(
    kind: type[Table], raw: object, where: str, place: tuple[str, int | None], called: object
) -> tuple[Table, list[Problem]]:
    """One table: each key on its own, so that each error names its own. What is not known has its
    default, or else what the table is called.
    """
    hints, required = keys(kind)
    values: dict[str, Any] = {}
    found = []
    if not isinstance(raw, dict):
        found.append(Problem(f"{where} is {shown(raw)}: allowed is a table", *place))
    given: dict[str, Any] = raw if isinstance(raw, dict) else {}
    for key, value in given.items():
        if key not in hints:
            text = f'{where} unknown key "{key}"{meant(key, hints)}'
            found.append(Problem(text, *place, key, nearest(key, hints.keys() - given.keys())))
            continue
        if (inner := _inner(hints[key])) is not None:
            values[key], wrong = _table(inner, value, f"{where} {key}:", place, called)
            found += [_within(key, one) for one in wrong]
            continue
        try:
            values[key] = msgspec.convert(value, type=hints[key], dec_hook=_address)
        except (msgspec.ValidationError, ValueError):
            elements, right = _elements(hints[key], value)
            if right:
                values[key] = right
            said = dict.fromkeys(
                f"{where} {key} = {shown(one)} is not allowed: {allowed(hint)}{hinted(hint, one)}"
                for hint, one in elements or [(hints[key], value)]
            )
            found += [Problem(text, *place, key) for text in said]
    for key in required:
        if isinstance(raw, dict) and key not in raw and not _is_pattern(kind, raw):
            text = f'{where} the key "{key}" is missing'
            found.append(Problem(text, *place, meant=key))
        values.setdefault(key, [] if element(hints[key]) is not None else str(called) or "-")
    if kind is schema_port.HostTable:
        values["name"] = values["interface"]
    return kind(**values), found


def _is_pattern(kind: type[Table], raw: Mapping[str, Any]) -> bool:
    """Tell whether a port is given by a pattern, which is then its name."""
    return kind is schema_port.PortTable and "match" in raw


def _elements(hint: Any, value: object) -> tuple[list[tuple[Any, object]], list[Any]]:
    """The wrong elements of a list, each with what it should be, and the right ones; of anything
    else, and of a list that is wrong as a whole, none.
    """
    each = element(hint)
    wrong: list[tuple[Any, object]] = []
    right = []
    for one in value if each is not None and isinstance(value, list) else ():
        try:
            right.append(msgspec.convert(one, type=each, dec_hook=_address))
        except (msgspec.ValidationError, ValueError):
            wrong.append((each, one))
    return wrong, right if wrong else []


def _within(table: str, problem: Problem) -> Problem:
    """What is wrong with a key of a table that is the value of another."""
    key, known = (part and f"{table}.{part}" for part in (problem.key, problem.meant))
    return Problem(problem.text, problem.table, problem.index, key or table, known)


def _inner(hint: Any) -> type[msgspec.Struct] | None:
    """The table that is the value of a key, None of one that has no table."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return base if isinstance(base, type) and issubclass(base, msgspec.Struct) else None


def _address(kind: type, value: object) -> object:
    if kind in ADDRESSES and isinstance(value, str):
        return kind(value)
    raise ValueError(f"expected {kind.__name__}")


def _response(table: Any, raw: object) -> Any:
    """Keep a left-out response interval within a short query interval (TM-2)."""
    left_out = not isinstance(raw, dict) or "query_response_interval" not in raw
    if left_out and table.query_response_interval > table.query_interval:
        return structs.replace(table, query_response_interval=table.query_interval)
    return table
