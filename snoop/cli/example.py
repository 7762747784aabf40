"""The example configuration, made from the schema: every key, its meaning, what it takes.

Generated rather than written, so that it cannot miss a key or show a default that is not one.
"""

from __future__ import annotations

import textwrap
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from snoop.cli.tables import toml
from snoop.runtime import config, schema

_WIDTH = 88
_TABLES: dict[str, type[msgspec.Struct]] = {
    "switch": schema.SwitchTable,
    "igmp": schema.IgmpTable,
    "port": schema.PortTable,
    "static": schema.StaticTable,
    "metrics": schema.MetricsTable,
}
_EXAMPLE: dict[str, Any] = {
    "igmp": {"querier": "off", "querier_address": "10.0.0.254"},
    "port": [{"name": "p0", "deny_groups": ["239.255.0.0/16"]}, {"name": "p1"}],
    "static": [{"group": "239.1.1.1", "source": "10.0.0.9", "ports": ["p1"]}],
}


def text() -> str:
    """The file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Configuration of a snoop switch. Every key may be left out; shown are the defaults,"
    yield "# except for addresses, port names and groups. Times are seconds, fractions allowed."
    shown = config.effective(config.check(_EXAMPLE, where="example"))
    for name, table in _TABLES.items():
        value = shown[name]
        repeated = isinstance(value, list)
        for number, one in enumerate(value if repeated else [value]):
            yield ""
            yield f"[[{name}]]" if repeated else f"[{name}]"
            if number == 0:
                yield from _keys(table, one)
            else:
                yield f"name = {toml(one['name'])}"


def _keys(table: type[msgspec.Struct], values: dict[str, Any]) -> Iterator[str]:
    hints = typing.get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        hint = hints[field.name]
        meanings = [
            note.description
            for note in typing.get_args(hint)
            if isinstance(note, msgspec.Meta) and note.description
        ]
        comment = f"{meanings[0]} [{config.allowed(hint)}]"
        yield from textwrap.wrap(
            comment, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False
        )
        # A key that means something by being left out is shown with what it then means.
        optional = field.default is None and field.name in values
        off = optional and field.name != "source"
        yield f"{'# ' if off else ''}{field.name} = {toml(values[field.name])}"
