"""Events on their way out: to the log, to the history, and to whoever monitors.

The engine names ports by id and has no clock; here an event gets its port's name and the time of
day. What peers can cause is logged with a limit (`log.Limited`) and never at more than debug level
unless an operator has something to do about it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from snoop.config.names import Called
from snoop.proto.effects import Event, EventKind
from snoop.proto.units import Instant
from snoop.runtime import clock
from snoop.runtime.fanout import Fanout, line_of
from snoop.runtime.history import History
from snoop.runtime.log import Limited

_log = logging.getLogger("snoop.event")

# What an operator acts on is a warning; what changes where everything goes is worth a line.
_LEVELS = {
    EventKind.LIMIT: logging.WARNING,
    EventKind.FILTER: logging.INFO,
    EventKind.TABLE_FULL: logging.WARNING,
    EventKind.WARNING: logging.WARNING,
    EventKind.RING_REOPENED: logging.WARNING,
    EventKind.MAC_CLAIMED: logging.WARNING,
    EventKind.RESUMED: logging.DEBUG,
    EventKind.TOPOLOGY: logging.INFO,
    EventKind.QUERIER: logging.INFO,
    EventKind.MROUTER: logging.INFO,
    EventKind.STATIC: logging.INFO,
    EventKind.CLEAR: logging.INFO,
    EventKind.PORT: logging.DEBUG,
    EventKind.CONFIG: logging.DEBUG,
}


class Events:
    """The one place events leave through."""

    def __init__(
        self,
        fanout: Fanout,
        history: History,
        port_name: Callable[[int], str],
        called: Callable[[int, object], Called] = lambda vlan, group: Called(),
        described: Callable[[str], str | None] = lambda port: None,
    ) -> None:
        """Let events out to `fanout` and `history`; `called` names groups, `described` ports."""
        self._fanout = fanout
        self._called = called
        self._described = described
        self._history = history
        self._port_name = port_name
        self._limited = Limited(_log)

    def publish(self, event: Event, now: Instant) -> None:
        """An engine's event."""
        kind, vlan, number, fields = event
        port = None if number is None else self._port_name(number)
        self.say(kind, vlan=vlan, port=port, fields=fields, now=now)

    def say(
        self,
        kind: EventKind,
        *,
        vlan: int,
        port: str | None,
        fields: Mapping[str, object],
        now: Instant,
    ) -> None:
        """An event of the runtime itself."""
        item = {"time": clock.wall(), "event": kind, "vlan": vlan, "port": port, **fields}
        if "group" in fields:
            called = self._called(vlan, fields["group"])
            item["name"] = called.name
            names = {word: name for word, name in called._asdict().items() if name is not None}
            item, fields = {**item, **names}, {**fields, **names}
        description = None if port is None else self._described(port)
        if description is not None:
            item["description"] = description
            fields = {**fields, "description": description}
        level = _LEVELS.get(kind, logging.DEBUG)
        if _log.isEnabledFor(level):
            subject = f"{kind} {port or ''}".strip()
            self._limited.log(level, subject, text(kind, vlan, port, fields), now=now)
        line = line_of(item)
        self._history.append(kind, vlan, port, line)
        if self._fanout:
            self._fanout.tell(line)


_QUOTED = ("name", "announced", "description")


def text(kind: str, vlan: int, port: str | None, fields: Mapping[str, object]) -> str:
    """An event as one line without its time."""
    words = [kind]
    if port is not None:
        words.append(port)
    if vlan:
        words.append(f"vlan {vlan}")
    for key, value in fields.items():
        shown = plain(value)
        if shown is None or shown == []:
            continue
        if isinstance(shown, list):
            shown = "{" + ", ".join(str(one) for one in shown) + "}"
        words.append(f'{key} "{shown}"' if key in _QUOTED else f"{key} {shown}")
    return " ".join(words)


def plain(value: object) -> Any:
    """A field's value as JSON knows it."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return str(value)
