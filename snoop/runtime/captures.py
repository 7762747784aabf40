"""Control frames for `snoop capture`, as they were on the wire, with what became of each."""

from __future__ import annotations

from collections.abc import Iterable

from snoop.proto.effects import Effect, Event, Transmit
from snoop.runtime import clock
from snoop.runtime.fanout import Fanout
from snoop.runtime.ports import Ports
from snoop.table.seen import Punted
from snoop.wire.ether import tagged


class Captures:
    """What listeners of a fan-out get of each frame; it costs next to nothing without any."""

    def __init__(self, fanout: Fanout, ports: Ports) -> None:
        self._fanout = fanout
        self._ports = ports

    def __bool__(self) -> bool:
        """Is anybody listening?"""
        return bool(self._fanout)

    def received(self, punted: Punted, effects: Iterable[Effect]) -> None:
        """A frame came in."""
        if not self._fanout:
            return
        notes = []
        for effect in effects:
            if isinstance(effect, Transmit) and effect.frame == punted.frame:
                notes.append(f"forwarded to {self._named(effect)}")
            elif isinstance(effect, Event):
                shown = " ".join(f"{key} {value}" for key, value in effect.fields.items())
                notes.append(f"{effect.kind} {shown}".strip())
        comment = "; ".join(notes) or "nothing learned, not forwarded"
        self._tell(self._ports.name(punted.port), "in", punted, comment)

    def sent(self, transmit: Transmit) -> None:
        """A frame went out: one of ours, or one that was passed on."""
        if not self._fanout:
            return
        names = self._ports.names(transmit.ports)
        self._tell(names[0] if names else None, "out", transmit, f"sent on {self._named(transmit)}")

    def _named(self, transmit: Transmit) -> str:
        return ", ".join(self._ports.names(transmit.ports)) or "none"

    def _tell(
        self, port: str | None, direction: str, what: Punted | Transmit, comment: str
    ) -> None:
        self._fanout.publish(
            {
                "time": clock.wall(),
                "event": "frame",
                "port": port,
                "direction": direction,
                "frame": tagged(what.frame, what.tci).hex(),
                "comment": comment,
            }
        )
