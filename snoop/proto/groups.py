"""The groups of one instance: which are known, and what happens to many of them.

A group comes with its first member or static entry and goes when nothing is left of it (`group`).
"""

from collections.abc import Iterator
from typing import NamedTuple

from snoop.proto.dumping import Dump, require, require_addresses, require_instants
from snoop.proto.effects import By, Turn
from snoop.proto.group import Group, GroupState
from snoop.proto.last_word import LastWord
from snoop.proto.loading import Load
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.shares import StakeState
from snoop.proto.units import Instant, after
from snoop.wire.address import Address, is_multicast, is_never_learned, text


class Full(Exception):
    """What an operator wants is over a limit; the text names it."""


class GroupsState(NamedTuple):
    """The groups of an instance that survive, and what the ports hold of them."""

    known: tuple[GroupState, ...]
    refused: tuple[tuple[int, Instant], ...]
    stakes: tuple[StakeState, ...]


class Groups:
    """The groups of one instance, by address."""

    __slots__ = ("_known", "_refused", "last_word", "scope")

    def __init__(self, scope: Scope, last_word: LastWord) -> None:
        """Start with none."""
        self.scope = scope
        self.last_word = last_word
        self._known: dict[Address, Group] = {}
        self._refused: dict[int, Instant] = {}  # ports that asked in vain, until when that counts

    def __len__(self) -> int:
        """How many are known, tombstones included."""
        return len(self._known)

    def __iter__(self) -> Iterator[Group]:
        """Go through those that are known; none may come or go meanwhile."""
        return iter(self._known.values())

    def __contains__(self, address: Address) -> bool:
        """Tell whether a group is known."""
        return address in self._known

    def get(self, address: Address) -> Group | None:
        """A group, None if it is not known."""
        return self._known.get(address)

    def addresses(self) -> list[Address]:
        """What is known, sorted."""
        return sorted(self._known)

    # Coming and going ----------------------------------------------------------------------------

    def open(self, address: Address, now: Instant) -> Group:
        """The group, made if it is not known. The caller puts something into it."""
        group = self._known.get(address)
        if group is None:
            group = self._known[address] = Group(self, address)
            self.scope.holdings.count_group(1)
            for port, until in list(self._refused.items()):
                if until > now:
                    group.spare(1 << port, until)  # it may be what that port asked for
                else:
                    del self._refused[port]
        return group

    def forget(self, group: Group) -> None:
        """Drop a group that nothing is left of."""
        if self._known.pop(group.address, None) is not None:
            self.scope.holdings.count_group(-1)
        group.unbury()
        self.scope.disarm(group)
        if not self._known:
            self.scope.emptied()

    def refuse(self, port: Port, address: Address, turn: Turn) -> None:
        """Remember that there was no room for what `port` asked: nothing may cut it off (SM-68).

        For a membership interval it gets that group, and those that others open, as far as it gets
        unregistered ones.
        """
        until = self._refused[port.id] = after(turn.now, self.scope.timings.gmi)
        group = self._known.get(address)
        if group is not None and group.spare(port.bit, until):
            self.scope.group_changed(address, turn)

    def drop_members(
        self,
        turn: Turn,
        *,
        group: Address | None = None,
        port: int | None = None,
        bury: bool,
        reason: str,
    ) -> int:
        """Drop memberships at once: of one group or all, of one port or all; return how many.

        `bury`: a group that loses its last member keeps a tombstone. Without, tombstones go too.
        """
        if group is None:
            groups = list(self._known.values())
        else:
            groups = [self._known[group]] if group in self._known else []
        if port is not None:
            self.pardon(port)
        had = left = 0
        for each in groups:
            had += len(each.members)
            if port is not None:
                each.drop_member(port, turn, bury=bury, reason=reason)
            else:
                each.drop_members(turn, bury=bury, reason=reason)
            left += len(each.members)
        return had - left

    def pardon(self, port: int) -> None:
        """Forget that `port` was refused something."""
        self._refused.pop(port, None)

    def drop_hosts(self, port: Port) -> None:
        """Forget the hosts tracked on `port`: explicit tracking was switched off."""
        for group in self._known.values():
            member = group.members.get(port.id)
            if member is not None and member.hosts is not None:
                member.untrack()
                group.account(port, member)

    def drop_statics(self, port: int, by: By, turn: Turn) -> None:
        """Drop the static entries of a port that goes away."""
        for group in list(self._known.values()):
            if group.drop_static(port, by, turn):
                self.scope.group_changed(group.address, turn)

    def put_off(self, floor: Instant) -> None:
        """Let no timer of a membership end before `floor`."""
        for group in self._known.values():
            for member in group.members.values():
                member.put_off(floor)

    def configure(self) -> None:
        """Follow changed settings."""
        for group in self._known.values():
            group.is_ssm = self.scope.is_ssm(group.address)

    def respare(self, turn: Turn) -> None:
        """Say which groups' views follow from ports' settings, which changed."""
        for group in self._known.values():
            if group.spared:
                self.scope.group_changed(group.address, turn)

    def require_room(self, address: Address, source: Address | None, port: int) -> None:
        """Hold static entries to the limits of learned ones, each on its own (N-8, SM-68)."""
        known = self._known.get(address)
        statics = None if known is None else known.statics
        params = self.scope.params
        if statics is None and self.scope.holdings.static_groups >= params.max_groups:
            raise Full(f"max_groups, {params.max_groups}, static groups are there: no more taken")
        static = None if statics is None else statics.on(port)
        if source is None or static is None or source in static.sources:
            return
        if len(static.sources) >= params.max_sources:
            raise Full(
                f"max_sources, {params.max_sources}, static sources of {text(address)} are there: "
                "no more taken"
            )

    # What survives -------------------------------------------------------------------------------

    def dump(self, out: Dump) -> GroupsState:
        """What survives."""
        return GroupsState(
            known=tuple([group.dump(out) for group in self._known.values()]),
            refused=tuple(self._refused.items()),
            stakes=self.scope.holdings.dump(out),
        )

    def load(self, state: GroupsState, into: Load) -> None:
        """Take up what was dumped, stakes first, so that they stand in the order they did."""
        holdings = self.scope.holdings
        stakes = list(holdings.load(state.stakes, into.holdings))
        for each in state.known:
            address = each.address
            require_addresses(self.scope.family, (address,))
            require(is_multicast(address) and not is_never_learned(address), "not a group")
            require(address not in self._known, "a group twice")
            group = self._known[address] = Group(self, address)
            holdings.count_group(1)
            group.load(each, into)
        for said, stake in stakes:
            into.ranks[stake] = said.rank
            for address in said.tombstones:
                require(address in self._known, "a tombstone of no group")
                self._known[address].bury_again(stake)
        for group in self:
            buried = group.mourner is not None
            require(buried == bool(group.tombstone_until), "a tombstone of nobody")
            require(buried or group.is_held, "a group of nothing")
        for number, until in state.refused:
            require_instants(until)
            self._refused[into.port_id(number)] = until
