"""A configuration from a file and the command line, checked whole before anything opens.

Whatever is wrong becomes one `ConfigError` of one line that names the key, the value and what is
allowed. The checks of a single value come from the types in `schema.py`; this file adds those that
need two values (an interval longer than another, a port named twice). It opens no interface: that a
port exists is for the daemon to find out.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from snoop.config import resolve, schema
from snoop.config.schema import Config, Group, GroupPrefix, PortTable, Source
from snoop.printable import name_of

Table = TypeVar("Table", bound=msgspec.Struct)

_ADDRESSES = {
    Group: "an IPv4 multicast group such as 239.1.1.1",
    GroupPrefix: "a prefix of IPv4 multicast groups such as 239.255.0.0/16",
    Source: "a unicast IPv4 address",
    IPv4Address: "an IPv4 address such as 10.0.0.254",
    IPv4Network: "an IPv4 prefix",
}


class ConfigError(Exception):
    """One line for the operator: which key, which value, what is allowed."""


def load(
    path: str | None,
    *,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    ports: Iterable[str] = (),
) -> Config:
    """Read `path` (None: all defaults), lay command-line `overrides` ({table: {key: value}}) and
    `--port` arguments over it, and check the whole. Raises ConfigError, also for a file that
    cannot be read.
    """
    raw: dict[str, Any] = {}
    where = "command line"
    if path is not None:
        where = path
        try:
            raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for table, keys in (overrides or {}).items():
        below = raw.setdefault(table, {})
        if isinstance(below, dict):
            below.update(keys)
    _add_ports(raw, ports)
    return check(raw, where=where)


def check(raw: Mapping[str, Any], *, where: str) -> Config:
    """The checked `Config` of a parsed TOML document; ConfigError otherwise."""
    raw = _spelled(raw)
    known = {"switch", "igmp", "vlan", "port", "static", "metrics"}
    for key in raw:
        if key not in known:
            raise ConfigError(f"{where}: unknown table [{key}]{_meant(key, known)}")
    config = Config(
        switch=_table(schema.SwitchTable, raw.get("switch", {}), f"{where}: [switch]"),
        igmp=_table(schema.IgmpTable, _response(raw.get("igmp", {})), f"{where}: [igmp]"),
        vlan=tuple(_tables(schema.VlanTable, raw.get("vlan", []), f"{where}: [[vlan]]")),
        port=tuple(_tables(PortTable, raw.get("port", []), f"{where}: [[port]]")),
        static=tuple(_tables(schema.StaticTable, raw.get("static", []), f"{where}: [[static]]")),
        metrics=_table(schema.MetricsTable, raw.get("metrics", {}), f"{where}: [metrics]"),
    )
    _check_together(config, where)
    try:
        resolve.trial(config)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
    return config


def _spelled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every port's name in its one spelling."""
    made = dict(raw)
    for table, key in (("port", "name"), ("static", "ports")):
        if isinstance(raw.get(table), list):
            made[table] = [
                {**one, key: _spell(one[key])} if isinstance(one, dict) and key in one else one
                for one in raw[table]
            ]
    switch = raw.get("switch")
    if isinstance(switch, dict) and "report_flood" in switch:
        made["switch"] = {**switch, "report_flood": _spell(switch["report_flood"])}
    return made


def _spell(value: Any) -> Any:
    if isinstance(value, list):
        return [_spell(one) for one in value]
    return name_of(value) if isinstance(value, str) else value


def port_argument(text: str) -> dict[str, Any]:
    """`IF[,option=value…]` as the keys of a `[[port]]`; a list is one option given repeatedly."""
    name, *options = text.split(",")
    if not name:
        raise ConfigError(
            f'--port {text}: allowed is IF[,option=value…], such as "p0,mrouter=never"'
        )
    keys: dict[str, Any] = {"name": name}
    hints = typing.get_type_hints(PortTable, include_extras=True)
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key == "name":
            raise ConfigError(f'--port {text}: "{option}" is not option=value')
        if key not in hints:
            raise ConfigError(f'--port {text}: unknown option "{key}"{_meant(key, hints)}')
        if _is_list(hints[key]):
            keys.setdefault(key, []).append(value)
        else:
            keys[key] = _word(value)
    return keys


def effective(config: Config) -> dict[str, Any]:
    """The configuration as TOML-shaped plain data with every default filled in."""
    plain: dict[str, Any] = msgspec.to_builtins(config, enc_hook=str)
    plain["port"], plain["static"] = list(plain["port"]), list(plain["static"])
    _fill(plain["igmp"])
    plain["vlan"] = []
    for table in config.vlan:
        whole = msgspec.to_builtins(resolve.igmp_of(config, table), enc_hook=str)
        _fill(whole)
        keys = typing.get_type_hints(schema.VlanTable)
        plain["vlan"].append({key: whole.get(key, table.vid) for key in keys})
    for port in plain["port"]:
        for key in ("coalesce", "isolate", "qdisc_bypass"):
            if port[key] is None:
                port[key] = plain["switch"][key]
        if port["flood_unregistered"] is None:
            port["flood_unregistered"] = plain["switch"]["unregistered"] == "flood"
    return plain


def _fill(igmp: dict[str, Any]) -> None:
    """The defaults that follow from other keys."""
    for key, value in (
        ("startup_query_interval", igmp["query_interval"] / 4),  # TM-6
        ("startup_query_count", igmp["robustness"]),  # TM-7
        ("last_member_query_count", igmp["robustness"]),  # TM-9
        ("qqi_ceiling", 2 * igmp["query_interval"]),
        ("max_groups_total", 16 * igmp["max_groups"]),
    ):
        if igmp[key] is None:
            igmp[key] = value


def allowed(hint: Any) -> str:
    """What a field of this type takes, in words."""
    if get_origin(hint) is Annotated:
        base, *notes = get_args(hint)
        metas = [note for note in notes if isinstance(note, msgspec.Meta)]
        for meta in metas:
            if meta.extra and "allowed" in meta.extra:
                return str(meta.extra["allowed"])
        bounds = next((meta for meta in metas if meta.ge is not None), None)
        if bounds is None:
            return allowed(base)
        number = "a whole number" if base is int else "a number"
        return f"{number} from {bounds.ge:g} to {bounds.le:.10g}"
    if get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(allowed(arm) for arm in get_args(hint) if arm is not type(None))
    if get_origin(hint) is typing.Literal:
        return " or ".join(_shown(word) for word in get_args(hint))
    if get_origin(hint) is list:
        return f"a list, each {allowed(get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f'"{word.value}"' for word in hint)
    if hint in _ADDRESSES:
        return _ADDRESSES[hint]
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[hint]


def _tables(kind: type[Table], raw: object, where: str) -> list[Table]:
    if not isinstance(raw, list):
        raise ConfigError(f"{where}: write it with double brackets")
    tables = []
    for number, one in enumerate(raw, 1):
        name = one.get("name", one.get("group", one.get("vid"))) if isinstance(one, dict) else None
        tables.append(_table(kind, one, f"{where} {number if name is None else name}:"))
    return tables


def _table(kind: type[Table], raw: object, where: str) -> Table:
    """One table: each key on its own, so that the error can name it."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is {_shown(raw)}: allowed is a table")
    hints = typing.get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in hints:
            raise ConfigError(f'{where} unknown key "{key}"{_meant(key, hints)}')
        try:
            values[key] = msgspec.convert(value, type=hints[key], dec_hook=_address)
        except (msgspec.ValidationError, ValueError) as error:
            raise ConfigError(
                f"{where} {key} = {_shown(value)} is not allowed: {allowed(hints[key])}"
            ) from error
    for known in msgspec.structs.fields(kind):
        if known.required and known.name not in values:
            raise ConfigError(f'{where} the key "{known.name}" is missing')
    return kind(**values)


def _address(kind: type, value: object) -> object:
    if kind in _ADDRESSES and isinstance(value, str):
        return kind(value)
    raise ValueError(f"expected {kind.__name__}")


def _response(igmp: object) -> object:
    """Keep a left-out response interval within a short query interval (TM-2)."""
    if not isinstance(igmp, dict) or "query_response_interval" in igmp:
        return igmp
    interval = igmp.get("query_interval")
    if isinstance(interval, int | float) and not isinstance(interval, bool) and interval < 10.0:
        return {**igmp, "query_response_interval": float(interval)}
    return igmp


def _check_together(config: Config, where: str) -> None:
    igmp = config.igmp
    if igmp.query_response_interval > igmp.query_interval:
        raise ConfigError(
            f"{where}: [igmp] query_response_interval = {igmp.query_response_interval:g} is not "
            f"allowed: at most query_interval, {igmp.query_interval:g}"
        )
    vids = [vlan.vid for vlan in config.vlan]
    for vlan in config.vlan:
        if vids.count(vlan.vid) > 1:
            raise ConfigError(f"{where}: [[vlan]] vid = {vlan.vid} is given twice: allowed is once")
        own = resolve.igmp_of(config, vlan)
        if own.query_response_interval > own.query_interval:
            raise ConfigError(
                f"{where}: [[vlan]] {vlan.vid}: query_response_interval = "
                f"{own.query_response_interval:g} is not allowed: at most query_interval, "
                f"{own.query_interval:g}"
            )
    names = [port.name for port in config.port]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'{where}: [[port]] name = "{name}" is given twice: allowed is once')
    listed = [("[switch] report_flood", name) for name in _list(config.switch.report_flood)]
    for static in config.static:
        listed += [(f"[[static]] {static.group} ports", name) for name in static.ports]
    for key, name in listed:
        if name not in names:
            raise ConfigError(
                f'{where}: {key} = "{name}" is not allowed: a port of this switch'
                f"{_meant(name, names)}"
            )
    _check_statics(config, where)
    if len(names) > 256:
        raise ConfigError(f"{where}: {len(names)} [[port]] tables: allowed are at most 256")


def _check_statics(config: Config, where: str) -> None:
    """Static entries are held to the limits of learned ones (N-8)."""
    groups: dict[int, set[str]] = {}
    sources: dict[tuple[int, str, str], set[str]] = {}
    tables = {vlan.vid: resolve.igmp_of(config, vlan) for vlan in config.vlan}
    for static in config.static:
        igmp = tables.get(static.vlan, config.igmp)
        held = groups.setdefault(static.vlan, set())
        held.add(str(static.group))
        if len(held) > igmp.max_groups:
            raise ConfigError(
                f"{where}: [[static]] names more than {igmp.max_groups} groups of VLAN "
                f"{static.vlan}: allowed are as many as [igmp] max_groups"
            )
        for port in static.ports if static.source is not None else ():
            listed = sources.setdefault((static.vlan, str(static.group), port), set())
            listed.add(str(static.source))
            if len(listed) > igmp.max_sources:
                raise ConfigError(
                    f"{where}: [[static]] {static.group} names more than {igmp.max_sources} "
                    f"sources for {port}: allowed are as many as [igmp] max_sources"
                )


def _add_ports(raw: dict[str, Any], arguments: Iterable[str]) -> None:
    """`--port` arguments add to the file's ports; options for a port of the file win over it."""
    given = raw.get("port", [])
    ports = list(given) if isinstance(given, list) else given
    for argument in arguments:
        keys = port_argument(argument)
        if not isinstance(ports, list):
            break
        for at, port in enumerate(ports):
            if isinstance(port, dict) and port.get("name") == keys["name"]:
                ports[at] = {**port, **keys}
                break
        else:
            ports.append(keys)
    raw["port"] = ports


def _list(value: bool | list[str]) -> list[str]:
    return [] if isinstance(value, bool) else value


def _is_list(hint: Any) -> bool:
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return get_origin(base) is list


def _word(text: str) -> object:
    """A command-line value as the TOML value of the same spelling; anything else is text."""
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _meant(word: object, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(str(word), names, n=1)
    if near:
        return f' (did you mean "{near[0]}"?)'
    return f" (known: {', '.join(sorted(names))})" if names else ""


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else f"{text[:57]}…"
