"""What was loaded, brought in line with what it was not dumped under: VLANs that a port was in and
is not, limits that are lower (SM-68).

Settings other than limits are followed as after any reload, and a port that is gone is taken away
as any port (`Engine`). A limit that was lowered in a reload stops only what is new; what comes from
elsewhere is not let in above it. What came last goes first, counted under the name the limit has
for refusals and said once; where there is no room, rather than no permission, nobody is cut off.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from snoop.proto.context import Context
from snoop.proto.effects import Event, EventKind, Turn
from snoop.proto.group import Group
from snoop.proto.instance import Instance, InstanceState
from snoop.proto.instances import Instances
from snoop.proto.port import Port, PortState
from snoop.proto.state import EngineState
from snoop.proto.units import after
from snoop.wire.address import Family


class _Held(NamedTuple):
    """One membership."""

    instance: Instance
    group: Group
    port: Port


@dataclass(frozen=True, slots=True)
class Fitting:
    """One state that was loaded, and the limits it was dumped under.

    What is left out is among what `turn` wants done.
    """

    state: EngineState
    context: Context
    instances: Instances
    turn: Turn

    def fit(self) -> None:
        """Leave out what was learned where a port is not any more, or is over a lower limit."""
        context, state, params = self.context, self.state, self.context.params
        for number in context.ports:
            self._fit_vlans(context.ports[number])
        held = self._held()
        of: dict[Instance | Port, list[_Held]] = {}
        for one in held:
            of.setdefault(one.instance, []).append(one)
            of.setdefault(one.port, []).append(one)
        for each in state.instances.known:
            instance = self.instances.get(each.vid, each.family)
            if instance is not None:
                self._fit_instance(instance, each, of.get(instance, []))
        holdings = context.holdings
        total = params.effective_max_groups_total
        if total < state.max_groups_total:
            self._bury_none(self.instances, lambda: holdings.groups > total)
            self._drop(held, lambda: holdings.groups > total, "table_full", "max_groups_total")
        ports = {port.params.name: port for port in context.ports.values()}
        for was in state.ports:
            port = ports.get(was.name)
            if port is not None:
                self._fit_port(port, was, of.get(port, []))
        most = params.max_state
        if most < state.max_state:
            self._bury_none(self.instances, lambda: holdings.state_bytes > most)
            self._drop(held, lambda: holdings.state_bytes > most, "state_limit", "max_state")

    def _fit_vlans(self, port: Port) -> None:
        vids, aside = self.context.vlans.of(port.bit), Turn(self.turn.now)
        count = 0
        for holdings in [*port.holdings.stakes]:
            instance = self.instances.get(holdings.vid, holdings.family)
            if instance is None or vids >> holdings.vid & 1:
                continue
            count += instance.groups.drop_members(
                aside, port=port.id, bury=not instance.scope.is_deserted, reason="left the VLAN"
            )
            instance.mrouters.drop_port(port.id, aside, static=False)
            instance.scope.emptied()
        self.turn.effects += (each for each in aside.effects if not isinstance(each, Event))
        if count:
            name = port.params.name
            reason = f"port {name} is in other VLANs: what was learned where it was is left out"
            self.turn.add(Event(EventKind.WARNING, 0, port.id, {"reason": reason, "count": count}))

    def _fit_instance(self, instance: Instance, was: InstanceState, held: list[_Held]) -> None:
        params, holdings = instance.params, instance.scope.holdings
        most = params.max_groups
        if most < was.max_groups:
            self._bury_none([instance], lambda: holdings.groups > most)
            self._drop(held, lambda: holdings.groups > most, "table_full", "max_groups")
        most = params.port_max_groups
        if most and not 0 < was.port_max_groups <= most:
            for port in self.context.ports.values():
                self._fit_share(instance, port, most, held)
        if params.max_sources < was.max_sources:
            self._widen(instance)

    def _fit_share(self, instance: Instance, port: Port, most: int, held: list[_Held]) -> None:
        holdings, its = instance.scope.holdings, port.holdings
        mine = [one for one in held if one.port is port]
        self._drop(mine, lambda: holdings.members_of(its) > most, "port_limit", "port_max_groups")

    def _fit_port(self, port: Port, was: PortState, held: list[_Held]) -> None:
        holdings = port.holdings
        room = port.params.max_state
        self._fit_groups(port, Family.IPV4, was.max_groups, held)
        self._fit_groups(port, Family.IPV6, was.max_groups6, held)
        if room < was.max_state:
            for stake in list(holdings.stakes.values()):
                while holdings.state_bytes > room and stake.tombstones:
                    stake.evict_oldest(self.turn)
            self._drop(held, lambda: holdings.state_bytes > room, "state_limit", "max_state")
        if self.context.params.max_hosts < self.state.max_hosts:
            self._untrack(port, held)

    def _fit_groups(self, port: Port, family: Family, before: int, held: list[_Held]) -> None:
        most, holdings = port.of(family).max_groups, port.holdings
        if most and not 0 < before <= most:
            its = [one for one in held if one.instance.family is family]
            self._drop(its, lambda: holdings.members_of(family) > most, "port_limit", "max_groups")

    def _held(self) -> list[_Held]:
        """List all memberships, the youngest last."""
        ports = self.context.ports
        held = [
            (member.created, _Held(instance, group, ports[port]))
            for instance in self.instances
            for group in instance.groups
            for port, member in group.members.items()
        ]
        held.sort(key=lambda each: each[0])
        return [each for _, each in held]

    def _drop(self, held: list[_Held], over: Callable[[], bool], counter: str, limit: str) -> None:
        """Drop the youngest of `held`, as far as they are there still, while it is too much."""
        dropped: dict[Port, int] = {}
        for instance, group, port in reversed(held):
            if not over():
                break
            if port.id not in group.members:
                continue
            prunes = counter == "port_limit"  # the operator's word
            group.drop_member(port.id, self.turn, bury=prunes, reason=limit)
            if not prunes:
                instance.groups.refuse(port, group.address, self.turn)
            dropped[port] = dropped.get(port, 0) + 1
        for port, count in dropped.items():
            self._say(port, counter, count, f"{limit} is lower than it was: memberships left out")

    def _bury_none(self, instances: Iterable[Instance], over: Callable[[], bool]) -> None:
        """Give up tombstones while it is too much: they go first."""
        for instance in instances:
            for group in list(instance.groups):
                if not over():
                    return
                if group.mourner is not None:
                    group.evict(self.turn)

    def _widen(self, instance: Instance) -> None:
        """Have entries with too many sources want any source, as if they came in now."""
        now, most = self.turn.now, instance.params.max_sources
        until = after(now, instance.slow_hosts.membership_interval(now))
        widened: dict[Port, int] = {}
        for group in list(instance.groups):
            for number, member in group.members.items():
                if len(member.sources) <= most:
                    continue
                port = self.context.ports[number]
                member.degrade(until)
                member.settle()
                group.account(port, member)
                group.settle(member, now)
                instance.scope.group_changed(group.address, self.turn)
                widened[port] = widened.get(port, 0) + 1
        for port, count in widened.items():
            reason = "max_sources is lower than it was: any source wanted"
            self._say(port, "source_limit", count, reason)

    def _untrack(self, port: Port, held: list[_Held]) -> None:
        """Forget whom the youngest memberships track; others may want them then (SM-65)."""
        forgotten = 0
        for _, group, _ in reversed(held):
            member = group.members.get(port.id)
            if port.holdings.vacancy >= 0:
                break
            if member is not None and member.hosts is not None:
                forgotten += len(member.hosts)
                member.untrack()
                group.account(port, member)
        if forgotten:
            reason = "max_hosts is lower than it was: hosts not tracked any more"
            self._say(port, "host_limit", forgotten, reason)

    def _say(self, port: Port, counter: str, count: int, reason: str) -> None:
        port.counts[counter] += count
        self.context.warn(EventKind.LIMIT, 0, port.id, reason, self.turn, count=count)
