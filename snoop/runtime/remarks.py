"""What the runtime itself has to tell of its ports, as events: the words, not when they are due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from snoop.proto.effects import EventKind
from snoop.proto.units import Instant
from snoop.runtime import clock
from snoop.runtime.batch import Refused
from snoop.runtime.outbox import Outbox
from snoop.runtime.port import Port
from snoop.runtime.ports import Ports
from snoop.table.seen import FdbEntry
from snoop.wire.address import mac_text


class Verdicts(Protocol):
    """The part of the fast path that counts what became of frames."""

    def verdicts(self, reason: str) -> Mapping[int, int]: ...


class Remarks:
    """Of these ports, to whoever listens."""

    def __init__(self, ports: Ports, outbox: Outbox) -> None:
        self._ports = ports
        self._outbox = outbox

    def claimed(self, entries: Iterable[FdbEntry], now: Instant) -> None:
        """Addresses that were heard at a second port (F-12)."""
        for entry in entries:
            assert entry.rival is not None
            mac, rival = mac_text(entry.mac), self._ports.name(entry.rival)
            fields: dict[str, object] = {"mac": mac, "held_at": self._ports.name(entry.port)}
            kind = EventKind.MAC_CLAIMED
            self._outbox.say(kind, vlan=entry.vlan, port=rival, fields=fields, now=now)

    def reopened(self, ports: Iterable[tuple[Port, str]], now: Instant) -> None:
        """Ports whose rings had stopped (F-8), or that had lost their program, each with why."""
        for port, why in ports:
            fields: dict[str, object] = {"because": port.problem or why}
            self._outbox.say(EventKind.RING_REOPENED, port=port.name, fields=fields, now=now)

    def full(self, number: int, reason: str) -> None:
        """A static entry of the file for which there is no room."""
        port, fields = self._ports.name(number), {"reason": reason}
        self._outbox.say(EventKind.LIMIT, port=port, fields=fields, now=clock.now())

    def refused(self, refused: Refused, fastpath: Verdicts, now: Instant) -> None:
        """Frames over `igmp_rate`, by port, when it is time to say so."""
        if not refused.due(now):
            return
        for number, dropped in refused.news(fastpath.verdicts("rate_limited"), now).items():
            port = self._ports.get(number)
            if port is not None:
                reason = f"igmp_rate, {port.table.igmp_rate} records a second, reached"
                fields = {"reason": reason, "dropped": dropped}
                self._outbox.say(EventKind.LIMIT, port=port.name, fields=fields, now=now)
