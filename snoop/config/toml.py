"""Plain tables as TOML writes them: the file a script hands over, and `snoop show config`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 80


def lines(tables: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a file of tables, and of arrays of tables; a key that is None is left out."""
    for name, given in tables.items():
        listed = not isinstance(given, Mapping)
        for table in given if listed else [given]:
            yield f"[[{name}]]" if listed else f"[{name}]"
            yield from _keys(table)
            for key, inner in table.items():
                if isinstance(inner, Mapping) and inner:
                    yield f"[{name}.{key}]"
                    yield from _keys(inner)
            yield ""


def _keys(table: Mapping[str, Any]) -> Iterator[str]:
    """A line a key; of a list that is too long for one, several."""
    for key, given in table.items():
        if given is None or isinstance(given, Mapping):
            continue
        line = f"{key} = {value(given)}"
        if isinstance(given, (list, tuple)) and len(line) > _WIDTH:
            yield f"{key} = ["
            for one in textwrap.wrap(value(given)[1:-1], _WIDTH - 4, break_on_hyphens=False):
                yield f"    {one}"
            line = "]"
        yield line


def value(plain: object) -> str:
    """A plain value: a number, a text, a list of them, a table on one line."""
    if isinstance(plain, Mapping):
        pairs = [f"{key} = {value(one)}" for key, one in plain.items() if one is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(plain, (list, tuple)):
        return "[" + ", ".join(map(value, plain)) + "]"
    return json.dumps(plain, ensure_ascii=False)
