"""Keys out of what a terminal sends: an arrow is some bytes, and a read may end within them.

A key is the character it types, or a word: `up`, `down`, `left`, `right`, `pageup`, `pagedown`,
`home`, `end`, `enter`, `backspace`, `tab`, `escape`. What is none of these is passed over.
"""

from __future__ import annotations

import re

_WORDS = {
    b"\r": "enter", b"\n": "enter", b"\x7f": "backspace", b"\b": "backspace", b"\t": "tab",
}  # fmt: skip
_FINAL = {
    b"A": "up", b"B": "down", b"C": "right", b"D": "left", b"H": "home", b"F": "end",
}  # fmt: skip
_NUMBERED = {1: "home", 7: "home", 4: "end", 8: "end", 5: "pageup", 6: "pagedown"}
_WHOLE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])")
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
_HELD_MAX = 32


class Keys:
    """Reads bytes as they come."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def waiting(self) -> bool:
        """Is a key begun? If nothing follows, `settle`."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[str]:
        """The keys that are whole with these bytes."""
        data, self._held = self._held + data, b""
        keys = []
        while data:
            taken, key = _first(data)
            if not taken:
                self._held = data
                break
            data = data[taken:]
            keys.append(key)
        return [key for key in keys if key]

    def settle(self) -> list[str]:
        """Take it that no more comes: an escape was the key of that name."""
        held, self._held = self._held, b""
        return ["escape"] if held == b"\x1b" else []


def _first(data: bytes) -> tuple[int, str]:
    """How many bytes the first key takes, 0 if more must come, and its name, "" if it has none."""
    first = data[:1]
    if first == b"\x1b":
        if match := _WHOLE.match(data):
            return match.end(), _sequence(match[0])
        if _BEGUN.match(data):
            return (0, "") if len(data) < _HELD_MAX else (len(data), "")
        return 1, "escape"
    if first in _WORDS:
        return 1, _WORDS[first]
    if first < b" ":
        return 1, ""
    length = _length(first[0])
    text = data[:length]
    if len(text) < length and all(0x80 <= byte < 0xC0 for byte in text[1:]):
        return 0, ""
    try:
        typed = text.decode()
    except UnicodeDecodeError:
        return 1, ""
    return length, typed if typed.isprintable() else ""


def _length(first: int) -> int:
    """How many bytes a character has that begins so; 1 for what begins none."""
    if not 0xC2 <= first <= 0xF4:
        return 1
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _sequence(data: bytes) -> str:
    """The key of a whole sequence; the modifiers after a semicolon make no difference."""
    if data.endswith(b"~"):
        number = data[2:-1].split(b";")[0]
        return _NUMBERED.get(int(number), "") if number.isdigit() else ""
    return _FINAL.get(data[-1:], "")
