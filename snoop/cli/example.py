"""The example configuration and the reference of the manual, made from the schema: every key, its
meaning, what it takes.

Generated rather than written, so that it cannot miss a key or show a default that is not one.
Every line of the file is a comment, so that it changes nothing until somebody edits it (SAY-5):
`# ` before prose, and before a key that is no use without another; `#` alone before what can be
uncommented.
"""

from __future__ import annotations

import textwrap
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from snoop.config import effective, loader, schema, toml, words

_WIDTH = 88
_EXAMPLE: dict[str, Any] = {
    "igmp": {"querier": "off", "querier_address": "10.0.0.254"},
    "mld": {"querier_address": "fe80::254"},
    "vlan": [
        {
            "vid": 10,
            "name": "video",
            "querier": "on",
            "querier_address": "10.10.0.254",
            "mld": {"querier": "on"},
        }
    ],
    "port": [
        {
            "name": "p0",
            "description": "Studio A",
            "split_horizon": "fabric",
            "deny_groups": ["239.255.0.0/16"],
            "mld": {"fast_leave": "on"},
        },
        {"name": "p1"},
    ],
    "host": [{"interface": "sw0", "addresses": ["10.0.0.254/24", "2001:db8::fe/64"]}],
    "static": [{"group": "239.1.1.1", "source": "10.0.0.9", "ports": ["p1"], "vlan": 10}],
    "group": [{"group": "239.1.1.1", "name": "BBC One"}],
}
# Of a port, what is allowed with vlan_filtering alone, and not all of it together.
_FILTERING: dict[str, Any] = {"match": "veth*", "access": 10, "trunk": [10, "20-29"], "native": 1}
_LEFT_OUT: dict[str, Any] = {"mtu": 1500, "mac": "02:00:00:00:00:fe"}
REST = {"host": "and the keys of [[port]], but for name, match and isolate, of the port that it is"}
"""Of a table, what it has in common with another, said."""


def text() -> str:
    """The file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Configuration of a snoop switch. As it is, this file changes nothing: take the # away"
    yield "# from a key and from the [table] above it. Every key may be left out; shown are the"
    yield "# defaults, except for addresses, VLANs, names and groups. Times are seconds, fractions"
    yield "# allowed. With `vlan_filtering = true` a port may have access, or trunk and native."
    shown = effective.whole(loader.check(_EXAMPLE, where="example"))
    for name in ("vlan", "port"):  # whose own table for IPv6 is as long as that of all
        shown[name][0]["mld"] = _EXAMPLE[name][0]["mld"]
    for name, table in loader.TABLES.items():
        value = shown[name]
        repeated = isinstance(value, list)
        for number, one in enumerate(value if repeated else [value]):
            yield ""
            yield f"#[[{name}]]" if repeated else f"#[{name}]"
            if number == 0:
                yield from _keys(table, one)
                if name in REST:
                    yield f"# {REST[name]}"
            else:
                yield f"#name = {toml.value(one['name'])}"


@dataclass(frozen=True, slots=True)
class Key:
    """A key for the manual: what it means, what it takes, what holds when it is left out."""

    name: str
    meaning: str
    allowed: str
    default: str
    restart: bool


def reference() -> Iterator[tuple[str, list[Key]]]:
    """The tables in their order, each with its keys: ("[igmp]", …)."""
    shown = effective.whole(loader.check(_EXAMPLE, where="example"))
    for name, table in loader.TABLES.items():
        heading = f"[[{name}]]" if isinstance(shown[name], list) else f"[{name}]"
        keys = []
        for field, hint in _fields(table):
            meaning = _meaning(hint)
            restart = (name, field.name) in schema.RESTART_KEYS and "restart" not in meaning
            keys.append(Key(field.name, meaning, words.allowed(hint), _default(field), restart))
        yield heading, keys


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "Required."
    if field.default is None:
        return "Default: left out."
    made = field.default_factory
    value = field.default if made is msgspec.NODEFAULT else made()
    return f"Default: {toml.value(msgspec.to_builtins(value, enc_hook=str))}."


def _fields(table: type[msgspec.Struct]) -> Iterator[tuple[msgspec.structs.FieldInfo, Any]]:
    """Each key of its own with its annotated type."""
    hints, _ = words.keys(table)
    known = {field.name: field for field in msgspec.structs.fields(table)}
    for name in words.own(table):
        yield known[name], hints[name]


def _meaning(hint: Any) -> str:
    """The key's own line; of a key that takes another table's place, none."""
    for note in typing.get_args(hint):
        if isinstance(note, msgspec.Meta) and note.description:
            return note.description
    return "as in [igmp]"


def _keys(table: type[msgspec.Struct], values: dict[str, Any]) -> Iterator[str]:
    for field, hint in _fields(table):
        comment = f"{_meaning(hint)} [{words.allowed(hint)}]"
        yield from textwrap.wrap(
            comment, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False
        )
        if values.get(field.name) is None:
            yield f"# {field.name} = {toml.value((_FILTERING | _LEFT_OUT)[field.name])}"
            continue
        # A key that means something by being left out is shown with what it then means.
        yield from _folded(f"#{field.name} = {toml.value(values[field.name])}")


def _folded(line: str) -> Iterator[str]:
    """A line, or those of a list that is too long for one."""
    folded = textwrap.wrap(line, _WIDTH, subsequent_indent="#") if '= ["' in line else [line]
    yield from folded
