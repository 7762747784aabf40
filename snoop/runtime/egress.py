"""How frames leave a port: in runs, straight to the neighbour, past its queueing discipline.

What the configuration says, what is known of the neighbour and what the port itself has, together.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from snoop.config import effective
from snoop.config.schema import SwitchTable
from snoop.config.schema_port import Coalesce, PortTable
from snoop.links import direct, runs
from snoop.links.direct import Direct
from snoop.links.filters import FILTERED
from snoop.links.runs import Runs
from snoop.proto.params import MrouterMode

# What the kernel itself gives an interface. Any other was put there to act on what leaves.
_GIVEN_QDISCS = (*runs.PLAIN_QDISCS, "mq", "pfifo_fast", "pfifo", "fq_codel", "fq")


class NeighbourTable(Protocol):
    """Who is behind an interface: `neighbours.Neighbours`, or what a test puts in its place."""

    def knows(self, ifindex: int) -> bool: ...
    def runs(self, ifindex: int) -> Runs: ...
    def direct(self, ifindex: int) -> Direct: ...
    def guests(self, ifindex: int) -> Collection[str]: ...
    def qdisc(self, ifindex: int) -> str: ...
    def follow(self, ifindexes: Collection[int]) -> None: ...


class Egress:
    """Answers for one port at a time; `None` for an interface that is not open."""

    def __init__(self, switch: SwitchTable, neighbours: NeighbourTable) -> None:
        self.switch = switch
        self._neighbours = neighbours

    def knows(self, ifindex: int) -> bool:
        """Has anything been said of the interface? What it is decides how it is opened."""
        return self._neighbours.knows(ifindex)

    def bypasses(self, table: PortTable, ifindex: int) -> bool:
        """Do the rings send past the port's queueing discipline? (N-10)

        Not past one that was put there: what the kernel serves goes through it, and of one stream
        the frames of the rings would overtake those that wait in it.
        """
        bypass = effective.bypass(table, self.switch)
        return bypass and self._neighbours.qdisc(ifindex) in _GIVEN_QDISCS

    def rings_only(self, ifindex: int) -> bool:
        """Is a filter there that does not see what the kernel's program sends? (N-10)"""
        return self._neighbours.qdisc(ifindex) == FILTERED

    def runs(self, table: PortTable, ifindex: int | None, *, router: bool) -> Runs:
        """Known to take them, or none."""
        mode = effective.coalesce(table, self.switch)
        if mode is Coalesce.OFF:
            return runs.OFF
        if ifindex is None:
            return runs.MISSING
        if mode is Coalesce.ALWAYS:
            return runs.ALWAYS
        if table.mrouter is MrouterMode.ALWAYS or router:
            return runs.ROUTER
        qdisc = self._neighbours.qdisc(ifindex)
        if not self.bypasses(table, ifindex) and qdisc not in runs.PLAIN_QDISCS:
            return runs.shaped(qdisc)
        return self._neighbours.runs(ifindex)

    def direct(self, table: PortTable, ifindex: int | None) -> Direct:
        """Known to be one who can be handed frames, or none."""
        if ifindex is None:
            return direct.MISSING
        if not effective.bypass(table, self.switch):
            return direct.TAPPED
        qdisc = self._neighbours.qdisc(ifindex)
        if qdisc not in runs.PLAIN_QDISCS:
            return direct.shaped(qdisc)
        return self._neighbours.direct(ifindex)
