"""Plain tables as TOML writes them: the file a script hands over, and `snoop show config`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def lines(tables: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a file of tables, and of arrays of tables; a key that is None is left out."""
    for name, given in tables.items():
        listed = not isinstance(given, Mapping)
        for table in given if listed else [given]:
            yield f"[[{name}]]" if listed else f"[{name}]"
            yield from (f"{key} = {value(v)}" for key, v in table.items() if v is not None)
            yield ""


def value(plain: object) -> str:
    """A plain value: a number, a text, a list of them, a table on one line."""
    if isinstance(plain, Mapping):
        pairs = [f"{key} = {value(one)}" for key, one in plain.items() if one is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(plain, (list, tuple)):
        return "[" + ", ".join(map(value, plain)) + "]"
    return json.dumps(plain, ensure_ascii=False)
