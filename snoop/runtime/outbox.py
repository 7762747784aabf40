"""What a batch has sent and said, kept until its rows are published.

A host that joins waits for the publish: so frames leave after it, and events are made into lines
and told after those. Nothing waits longer than to the end of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from snoop.proto.effects import Effect, Event, EventKind, Transmit
from snoop.proto.units import Instant, Ports
from snoop.runtime.captures import Captures
from snoop.runtime.events import Events
from snoop.table.seen import Punted


class Injector(Protocol):
    """The part of the fast path that sends."""

    def inject(
        self,
        vid: int,
        ports: Ports,
        frame: bytes,
        tci: int | None = ...,
        came_from: int | None = ...,
    ) -> Ports: ...


class Outbox:
    """Frames, events and what capturing clients get of them, each in its order."""

    def __init__(self, fastpath: Injector, events: Events, captures: Captures) -> None:
        self._fastpath = fastpath
        self._events = events
        self._captures = captures
        self._heard: list[tuple[Punted, list[Effect]]] = []
        self._transmits: list[Transmit] = []
        self._news: list[tuple[Event, Instant]] = []

    def hear(self, punted: Punted, effects: list[Effect]) -> None:
        """A frame came in, with what became of it."""
        if self._captures:
            self._heard.append((punted, effects))

    def send(self, transmit: Transmit) -> None:
        """Send a frame."""
        self._transmits.append(transmit)

    def send_now(self, transmit: Transmit) -> None:
        """Send a frame that follows from nothing that waits to be published."""
        self._fastpath.inject(*transmit)

    def tell(self, event: Event, now: Instant) -> None:
        """Tell an event of the engine."""
        self._news.append((event, now))

    def say(
        self, kind: EventKind, *, port: str | None, fields: Mapping[str, object], vlan: int = 0,
        now: Instant,
    ) -> None:  # fmt: skip
        """Tell an event of the runtime itself, at once, and all that happened before it."""
        self.tell_all()
        self._events.say(kind, vlan=vlan, port=port, fields=fields, now=now)

    def flush(self) -> None:
        """The rows are published: send, then tell."""
        for punted, effects in self._heard:
            self._captures.received(punted, effects)
        self._heard.clear()
        for transmit in self._transmits:
            self._fastpath.inject(*transmit)
            self._captures.sent(transmit)
        self._transmits.clear()
        self.tell_all()

    def tell_all(self) -> None:
        """Tell what has happened, rows or no rows."""
        for event, now in self._news:
            self._events.publish(event, now)
        self._news.clear()
