r"""Names and texts as a terminal, a log and a JSON reader can take them (F-13).

Linux takes nearly any bytes for an interface's name: control characters that move a cursor, marks
that turn the line around, bytes that are no UTF-8. `name_of` gives such a name a spelling, once,
where it comes in; that spelling is its name everywhere in here, in files, JSON, metrics and on the
command line: `\x1b` for the byte, `\u202e` for the character. `kernel_name` is the way back.
"""

from __future__ import annotations

import functools
import re
import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_SURROGATE = 0xDC00  # What Python makes of a byte that is no UTF-8, less the byte.
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


def printable(text: str) -> str:
    """The text with everything escaped that cannot be seen, or changes how the rest is seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def name_of(raw: str | bytes) -> str:
    """The one spelling of an interface's name, as the kernel or an operator gave it."""
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "surrogateescape")
    return printable(raw)


@functools.lru_cache(4096)
def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts p1, p2, p10: digits by their number, before other text."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def kernel_name(name: str) -> bytes:
    """The bytes behind a spelling."""

    def character(match: re.Match[str]) -> str:
        if match[1] is not None:
            byte = int(match[1], 16)
            return chr(byte if byte < 0x80 else _SURROGATE + byte)
        return chr(int(match[2] or match[3], 16))

    return _ESCAPE.sub(character, name).encode("utf-8", "surrogateescape")


def _shown(char: str) -> str:
    visible = char == " " or unicodedata.category(char) not in _HIDDEN
    return char if visible else escaped(char)


def escaped(char: str) -> str:
    """One character as an escape, whatever it is."""
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    if _SURROGATE + 0x80 <= code <= _SURROGATE + 0xFF:
        return f"\\x{code - _SURROGATE:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
