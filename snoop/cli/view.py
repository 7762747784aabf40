"""What `snoop watch` looks at, and what each key does to that; no terminal, no switch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Page = Literal["groups", "ports", "hosts"]
Typed = Literal["filter", "search", "vlan"]
SORTS = ("rate", "group", "members")
_TEXT_MAX = 64


@dataclass(slots=True)
class View:
    """What the keys change. `typing`: for what, and the text so far; None when nothing is typed.

    `at` is the chosen row, `top` the first that is drawn, `left` the first port. `room`, `columns`
    and `labels` are what the last drawing had: its rows, its ports, and what each row is called.
    """

    page: Page = "groups"
    port: str = ""
    sort: str = "rate"
    filter: str = ""
    search: str = ""
    vlan: str = ""
    typing: tuple[Typed, str] | None = None
    members_only: bool = False
    unwanted_only: bool = False
    at: int = 0
    top: int = 0
    left: int = 0
    room: int = 1
    legend: bool = False
    labels: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> tuple[object, ...]:
        """What decides which rows there are."""
        what = self.filter, self.vlan, self.members_only, self.unwanted_only
        return self.page, self.port, self.sort, *what

    def settle(self, labels: list[str], columns: list[str], room: int) -> None:
        """Take the rows and ports there are: what is chosen stays among them, and on the screen."""
        self.labels, self.columns, self.room = labels, columns, room
        self.at = max(0, min(self.at, len(labels) - 1))
        self.left = max(0, min(self.left, len(columns) - 1))
        self.top = max(0, min(self.top, self.at, len(labels) - room))
        self.top = max(self.top, self.at - room + 1)


def press(view: View, key: str) -> bool:
    """Apply a key to the view; False to leave."""
    if view.typing is not None:
        _type(view, *view.typing, key)
    elif view.legend:
        view.legend = False
    elif key == "q":
        return False
    elif not _move(view, key):
        _change(view, key)
    return True


def _type(view: View, what: Typed, text: str, key: str) -> None:
    if key == "escape":
        view.typing = None
    elif key == "enter":
        view.typing = None
        if what == "filter":
            view.filter, view.at = text, 0
        elif what == "vlan":
            view.vlan, view.at = text.strip(), 0
        else:
            view.search = text
            _find(view, 0)
    elif key == "backspace":
        view.typing = what, text[:-1]
    elif len(key) == 1 and len(text) < _TEXT_MAX:
        view.typing = what, text + key


def _move(view: View, key: str) -> bool:
    """Move over rows and ports; False for a key that does not."""
    last = len(view.labels) - 1
    page = max(1, view.room - 1)
    match key:
        case "up" | "k":
            view.at -= 1
        case "down" | "j":
            view.at += 1
        case "pageup" | "b":
            view.at -= page
        case "pagedown" | " ":
            view.at += page
        case "home" | "g":
            view.at = 0
        case "end" | "G":
            view.at = last
        case "left" | "h":
            view.left -= 1
        case "right" | "l":
            view.left += 1
        case "<":
            view.left = 0
        case ">":
            view.left = len(view.columns) - 1
        case _:
            return False
    view.at = max(0, min(view.at, last))
    view.left = max(0, min(view.left, len(view.columns) - 1))
    return True


def _change(view: View, key: str) -> None:
    match key:
        case "?":
            view.legend = True
        case "s":
            view.sort = SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)]
        case "m":
            view.members_only, view.unwanted_only = not view.members_only, False
        case "u":
            view.unwanted_only, view.members_only = not view.unwanted_only, False
        case "f":
            view.typing = "filter", view.filter
        case "v":
            view.typing = "vlan", view.vlan
        case "/":
            view.typing = "search", ""
        case "n":
            _find(view, 1)
        case "N":
            _find(view, -1)
        case "p" | "tab":
            _turn(view, "groups" if view.page != "groups" else "ports")
        case "enter" if view.page == "ports" and view.labels:
            view.port = view.labels[view.at]
            _turn(view, "hosts")
        case "escape" | "backspace" if view.page != "groups":
            back = view.port
            _turn(view, "ports" if view.page == "hosts" else "groups")
            view.search = ""
            view.port = back
        case _:
            pass


def _turn(view: View, page: Page) -> None:
    view.page, view.at, view.top = page, 0, 0


def _find(view: View, step: int) -> None:
    """Choose the next row that has the text, from the chosen one on; else the port of that name."""
    text, count = view.search.lower(), len(view.labels)
    if not text:
        return
    start = view.at + step
    for at in range(count):
        row = (start + at * (step or 1)) % count
        if text in view.labels[row].lower():
            view.at = row
            return
    for at, name in enumerate(view.columns):
        if text in name.lower():
            view.left = at
            return
