"""The text of a configuration file, whatever is at its path.

A switch reads it again while it runs, and must not wait for ever, nor read for ever, because the
path leads to a pipe that nobody writes to or a device that never ends. A pipe is good, too:
`--config <(make-config)`.
"""

from __future__ import annotations

import os
import select

from snoop.config.problems import ConfigError

BYTES_MAX = 16 << 20
"""256 ports with all that can be said of each are a hundredth of it."""
PATIENCE_SECONDS = 5.0
_PIECE_BYTES = 1 << 16


def text_of(path: str) -> str:
    """The text, without the mark that some editors begin a file with; ConfigError for what cannot
    be read, UnicodeDecodeError for what is not UTF-8.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = _all_of(fd, path)
        finally:
            os.close(fd)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def _all_of(fd: int, path: str) -> bytes:
    """Until its end; of a pipe that is still written to a piece at a time."""
    data = bytearray()
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    while len(data) <= BYTES_MAX:
        if not waiting.poll(PATIENCE_SECONDS * 1000):
            raise ConfigError(f"cannot read {path}: nothing comes for {PATIENCE_SECONDS:g} s")
        piece = os.read(fd, _PIECE_BYTES)
        if not piece:
            return bytes(data)
        data += piece
    raise ConfigError(f"cannot read {path}: more than {BYTES_MAX >> 20} MiB")
