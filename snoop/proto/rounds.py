"""What a port that comes up or goes down has done in every instance, a step at a time (`chores`).

A round goes through the instances there were when it began, as far as they have not ended; that of
a port that joins or leaves VLANs through those of them. Where it stands is in its fields, so that
it can be dumped in the middle and goes on from there.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from snoop.proto.dumping import require
from snoop.proto.effects import Turn
from snoop.proto.group import Group
from snoop.proto.instance import Instance
from snoop.proto.instances import Instances
from snoop.proto.loading import Load
from snoop.proto.port import Port
from snoop.wire.address import Address, Family

_ASKED: Final = 2  # a question is made and sent
_LOOKED_AT: Final = 32  # groups without a membership of the port cost together as much as one
_VLAN: Final = 4  # as much as so many of those
_ROUTERS: Final = 8  # up to 64 records


class RoundState(NamedTuple):
    """A round that survives. None in `left`: not begun; in `groups`: the next instance is whole."""

    port: int
    empties: bool
    time: int
    left: tuple[tuple[int, Family], ...] | None
    groups: tuple[Address, ...] | None
    looked_at: int
    is_partial: bool = False


class Round:
    """The way of one port through the instances, or, `is_partial`, those of some VLANs."""

    __slots__ = ("_groups", "_left", "_looked_at", "empties", "is_partial", "port", "time")

    def __init__(
        self,
        port: Port,
        *,
        empties: bool,
        time: int = 0,
        within: Iterable[Instance] | None = None,
    ) -> None:
        """Take it up for `port`: it is emptied, or, having come up the time'th time, asked.

        `within`: where it left or joined; None: everywhere.
        """
        self.port = port
        self.empties = empties
        self.time = time
        self.is_partial = within is not None
        self._left: deque[Instance] | None = None if within is None else deque(within)
        self._groups: deque[Group] | None = None
        self._looked_at = 0

    def step(self, instances: Instances, turn: Turn) -> int | None:
        """Do a bit; return what it cost, None when nothing is left to do."""
        if self._left is None:
            self._left = deque(instances)
        while self._left:
            instance = self._left[0]
            cost = 0
            if not instances.holds(instance):
                self._next()
            elif self.empties:
                cost = self._empty(instance, turn)
            else:
                cost = _ASKED
                self._next()
                if self._asks(instance) and not instances.is_waiting(instance):
                    instance.port_up(self.port, turn)
                else:
                    cost = self._glance()
            if cost:
                return cost
        return None

    def _asks(self, instance: Instance) -> bool:
        """Tell whether hosts behind the port are to be asked there: all ports may have been."""
        if not self.port.bit & instance.scope.members:
            return False
        return self.is_partial or not instance.querier.has_asked(self.port)

    def _glance(self) -> int:
        """Count something that was only looked at; return what that cost, 0 for too little."""
        self._looked_at += 1
        if self._looked_at < _LOOKED_AT:
            return 0
        self._looked_at = 0
        return 1

    def _empty(self, instance: Instance, turn: Turn) -> int:
        """Take back some of what was learned (SM-67); return what that cost, 0 for too little."""
        port = self.port
        if self._groups is None:
            self._looked_at += _VLAN
            self._groups = deque(instance.groups)
            instance.groups.pardon(port.id)
            if instance.mrouters.knows(port.id):
                instance.mrouters.drop_port(port.id, turn, static=False)
                return _ROUTERS
        while self._groups:
            group = self._groups.popleft()
            if instance.groups.get(group.address) is not group:
                continue  # it has gone meanwhile
            self._looked_at += 1
            if group.drop_member(
                port.id,
                turn,
                bury=not instance.scope.is_deserted,
                reason="left the VLAN" if self.is_partial else "port down",
            ):
                return 1
            if self._looked_at >= _LOOKED_AT:
                self._looked_at = 0
                return 1
        self._next()
        instance.scope.emptied()
        if self._looked_at >= _LOOKED_AT:
            self._looked_at = 0
            return 1
        return 0

    def _next(self) -> None:
        assert self._left is not None
        self._left.popleft()
        self._groups = None

    # What survives -------------------------------------------------------------------------------

    def dump(self, instances: Instances) -> RoundState:
        """What survives."""
        left = None
        groups = None
        if self._left is not None:
            there = [each for each in self._left if instances.holds(each)]
            left = tuple((each.vid, each.family) for each in there)
            if self._groups is not None and there[:1] == [self._left[0]]:
                known = there[0].groups
                groups = tuple(g.address for g in self._groups if known.get(g.address) is g)
        return RoundState(
            self.port.id, self.empties, self.time, left, groups, self._looked_at, self.is_partial
        )

    @classmethod
    def load(cls, state: RoundState, instances: Instances, into: Load) -> "Round":
        """The round that was dumped."""
        its = cls(into.port(state.port), empties=state.empties, time=state.time)
        its._looked_at = state.looked_at
        its.is_partial = state.is_partial
        if state.left is None:
            require(state.groups is None, "a round that has begun and has not")
            return its
        its._left = deque()
        for vid, family in state.left:
            instance = instances.get(vid, family)
            require(instance is not None, "a round through an instance that is not there")
            assert instance is not None
            its._left.append(instance)
        if state.groups is not None:
            require(bool(its._left), "a round at no instance")
            its._groups = deque()
            for address in state.groups:
                group = its._left[0].groups.get(address)
                require(group is not None, "a round to a group that is not there")
                assert group is not None
                its._groups.append(group)
        return its
