"""What groups are called: by the operator (`config/names.py`), and by who sends to them, whose
announcements the fast path hands up (`proto/announced.py`).

Only what is shown asks for either, so neither changes a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from snoop.config.names import Called, Names
from snoop.config.schema import Config
from snoop.proto.announced import Announced, SessionState
from snoop.proto.units import Instant
from snoop.runtime.guard import Counts
from snoop.table.seen import Punted
from snoop.wire import address, sap
from snoop.wire.address import Address


class Calling:
    """Of the groups of one switch."""

    def __init__(self, config: Config) -> None:
        self._names = Names(config.group)
        self._reads = config.switch.announced_names
        self.announced = Announced()

    def become(self, config: Config) -> None:
        """What a changed file says; what is not to be read any more is forgotten."""
        self._names = Names(config.group)
        self._reads = config.switch.announced_names
        if not self._reads:
            self.announced.forget()

    def go_on(self, announced: Iterable[SessionState], ports: Mapping[str, int]) -> None:
        """With what another process was told, at these ports."""
        if self._reads:
            self.announced.load(announced, ports)

    def of(
        self, vid: int, group: Address, source: Address | None = None, port: int | None = None
    ) -> Called:
        """Of a group in a VLAN, or of one stream of it, which comes in at `port`."""
        return Called(self._names.of(group), self.announced.name(vid, group, source, port))

    def of_text(self, vid: int, group: object) -> Called:
        """The same, of a group as events write it: None has no name."""
        if not isinstance(group, str):
            return Called()
        return self.of(vid, address.parse_group(group))

    def takes(self, punted: Punted, counts: Counts, now: Instant) -> bool:
        """Take a frame that is none of the engine's: an announcement."""
        if not sap.may_be(punted.frame):
            return False
        port, vid, frame = punted.port, punted.vid, punted.frame
        counter = self.announced.receive(port=port, vid=vid, frame=frame, now=now)
        if counter == "not_control":  # an MLD report for a group of theirs
            return False
        if not self._reads:  # handed up before the loops were told
            self.announced.forget()
        counts.note(port, counter)
        return True
