"""The bytes of a frame as people have them: plain hex, with blanks or colons, or a dump's lines."""

from __future__ import annotations

import re

TEXT_MAX = 1 << 16  # characters that are read

# "0x0010:  0a00 0001 …  ....": an offset, bytes, and with -X the same as text.
_LINE = re.compile(r"^\s*(?:0x)?([0-9a-f]{4,8})(?::[ \t]+|[ \t]{2,})(.*)$", re.IGNORECASE)
_GAPS = re.compile(r"[\s:.,-]|\\x|0x", re.IGNORECASE)


def digits(text: str) -> str:
    """The hexadecimal digits of one frame; ValueError that says what is wrong."""
    dumped = [match for line in text.splitlines() if (match := _LINE.match(line))]
    if dumped:
        starts = [at for at, match in enumerate(dumped) if int(match[1], 16) == 0]
        if len(starts) > 1:
            raise ValueError(f"these are {len(starts)} frames; give one")
        text = "".join(match[2].split("  ")[0] for match in dumped)
    found = _GAPS.sub("", text)
    if not found:
        raise ValueError("there is no frame")
    bad = re.search(r"[^0-9a-f]", found, re.IGNORECASE)
    if bad is not None:
        raise ValueError(f'"{bad[0]}" is not a hexadecimal digit')
    if len(found) % 2:
        raise ValueError(f"{len(found)} hexadecimal digits make no whole bytes")
    return found.lower()
