"""Ports that the configuration makes and takes away, of many at once a part at a time.

One that is taken away is gone at once for who asks for it by its name; what hangs on it is
forgotten, and it is closed, when it is its turn. New ones come when all of those have gone, whose
numbers and interfaces they may take. Between two parts there is as much time for others as a part
takes.
"""

from __future__ import annotations

from snoop.config.schema import Config
from snoop.config.schema_port import PortTable
from snoop.proto.units import NEVER, Instant
from snoop.runtime.port import Port
from snoop.runtime.ports import Ports

AT_ONCE = 32
"""Some 20 ms of them."""


class Turnover:
    """Of these ports; `follow` a configuration, then take `going` and `coming` until none wait."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._coming: dict[str, PortTable] = {}
        self._next = Instant(0)

    def follow(self, config: Config) -> None:
        """There are to be those of `config`."""
        wanted = {table.name: table for table in config.named}
        for port in self._ports:
            if port.name not in wanted:
                self._ports.dismiss(port)
            wanted.pop(port.name, None)
        self._coming = wanted

    @property
    def waits(self) -> bool:
        """Are there some left, to go or to come?"""
        return bool(self._coming or self._ports.dismissed)

    @property
    def due(self) -> Instant:
        """When the next part is; NEVER: none waits."""
        return self._next if self.waits else NEVER

    def rest(self, begun: Instant, ended: Instant) -> None:
        """A part took that long."""
        self._next = Instant(ended + (ended - begun))

    @property
    def coming(self) -> list[str]:
        """Those that are to be ports, and are none yet."""
        return list(self._coming)

    def take(self) -> tuple[list[Port], list[PortTable]]:
        """Those that go now, and those that come then."""
        going = self._ports.dismissed[:AT_ONCE]
        names = list(self._coming)[: AT_ONCE - len(going)]
        return going, [self._coming.pop(name) for name in names]
