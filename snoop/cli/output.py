"""The streams that results and failures leave by, whatever their encoding.

A terminal or a file may lack the characters we draw with (`PYTHONIOENCODING=ascii`, ISO-8859-1): it
gets plain ones in their place, and an escape for any other. Click writes UTF-8 to a stream that
says it is ASCII, so such a stream gets the same encoding by another name.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import TextIO

from snoop.printable import escaped

_PLAIN = {
    "–": "-", "—": "-", "…": "...", "·": ".", "●": "*", "○": "o", "→": "->", "↑": "^", "↓": "v",
    "≤": "<=", "≥": ">=", "×": "x", "µ": "u", "“": '"', "”": '"', "’": "'",
}  # fmt: skip
_ERRORS = _ASCII = "snoop_plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that cannot be written."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or escaped(char) for char in lacking), error.end


def _ascii(name: str) -> codecs.CodecInfo | None:
    known = codecs.lookup("ascii")
    if name != _ASCII:
        return None
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        name=_ASCII,
    )


codecs.register_error(_ERRORS, _plain)
codecs.register(_ascii)


def settle() -> None:
    """Make stdout and stderr take any text; one that is closed takes it and forgets it."""
    sys.stdout, sys.stderr = (
        _nowhere() if stream is None else stream for stream in (sys.stdout, sys.stderr)
    )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            plain = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_ASCII if plain else None, errors=_ERRORS)


def finish() -> None:
    """Have everything written; OSError if it cannot be."""
    sys.stdout.flush()


def abandon() -> None:
    """Nothing more is said on stdout, at the end of the process either: it cannot be written."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.stdout = _nowhere()


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
