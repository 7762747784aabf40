"""Which switches there are: by their sockets, looked for again and again.

A socket is a file, so a switch in another network namespace is found like any other. Of those in
the runtime directories the one that answers to a name first has it; another of that name, in
another directory, has a few letters of its path behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from snoop.control import sockets

SWITCHES_MAX = 64


def found(given: Sequence[str] = ()) -> dict[str, str]:
    """Name and socket of each; `given`: these sockets, in place of looking for them."""
    return named(given or map(str, sockets.every()))


def named(paths: Iterable[str], most: int = SWITCHES_MAX) -> dict[str, str]:
    """A name for each path, its own where it is the first of that name."""
    known: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name = Path(path).stem
        if name in known:
            name += "~" + hashlib.sha256(path.encode()).hexdigest()[:6]
        known[name] = path
        if len(known) >= most:
            break
    return known


Find = Callable[[], dict[str, str]]
