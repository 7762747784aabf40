"""Where the sockets of switches are, running or dead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from snoop.control import client

NAMED = Path(client.RUN_DIRECTORY)
"""Where `--name` looks."""


def sockets(directory: Path) -> Iterator[Path]:
    """Those in a directory, by name."""
    try:
        yield from sorted(path for path in directory.glob("*.sock") if path.is_socket())
    except OSError:
        return  # Not ours to read.
