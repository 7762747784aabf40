"""One instance, a (VLAN, family): its groups, its querier, its router ports and what joins them.

Independent of every other (VLAN-1). Each part writes its own state and knows those below it; what
concerns parts above goes through here. When an instance begins and ends is in `instances`.
"""

from typing import NamedTuple

from snoop.proto import shares
from snoop.proto.context import Context
from snoop.proto.dumping import Dump
from snoop.proto.effects import By, EventKind, Turn
from snoop.proto.groups import Groups, GroupsState
from snoop.proto.last_member import CaseState, LastMember
from snoop.proto.last_word import LastWord, ReminderState
from snoop.proto.loading import Load
from snoop.proto.mrouter import Mrouters, MroutersState
from snoop.proto.params import MrouterMode, Params
from snoop.proto.port import Port
from snoop.proto.presence import Presence, PresenceState
from snoop.proto.querier import Querier, QuerierState
from snoop.proto.scope import Scope
from snoop.proto.slow_hosts import SlowHosts, SlowHostsState
from snoop.proto.views import Role, VlanView
from snoop.wire.address import IPV6, Family


class InstanceState(NamedTuple):
    """The parts as they survive; the limits are those of the settings they had."""

    vid: int
    family: Family
    opener: int | None
    slow_hosts: SlowHostsState
    mrouters: MroutersState
    querier: QuerierState
    presence: PresenceState
    reminded: tuple[ReminderState, ...]
    groups: GroupsState
    last_member: tuple[CaseState, ...]
    max_groups: int
    max_sources: int
    port_max_groups: int = 0


class Instance:
    """The parts, and what happens to all of them."""

    __slots__ = (
        "_opener",
        "groups",
        "last_member",
        "last_word",
        "mrouters",
        "presence",
        "querier",
        "scope",
        "slow_hosts",
    )

    def __init__(self, context: Context, vid: int, family: Family) -> None:
        """Start empty."""
        scope = self.scope = Scope(context, vid, family)
        self._opener: shares.PortHoldings | None = None
        self.slow_hosts = SlowHosts(scope)
        self.mrouters = Mrouters(scope, self._settle)
        self.querier = Querier(scope, self.mrouters, self._settle)
        self.presence = Presence(scope, self.querier, self.mrouters)
        self.last_word = LastWord(
            scope, self.querier, self.mrouters, self.presence, self.slow_hosts
        )
        self.groups = Groups(scope, self.last_word)
        self.last_member = LastMember(scope, self.querier, self.mrouters, self.slow_hosts)

    @property
    def vid(self) -> int:
        """The VLAN; 0 is untagged."""
        return self.scope.vid

    @property
    def family(self) -> Family:
        """The address family."""
        return self.scope.family

    @property
    def params(self) -> Params:
        """The settings in force."""
        return self.scope.params

    @property
    def is_configured(self) -> bool:
        """True if it is there whatever anybody sends."""
        return self.scope.holdings.is_configured

    @property
    def is_idle(self) -> bool:
        """True if nothing is left that its frames depend on, or that anybody waits for."""
        if self.mrouters.is_used or self.querier.follows:
            return False
        if self.scope.is_deserted:  # where nobody is, tombstones mark nothing
            return not any(group.is_held for group in self.groups)
        return not self.groups

    def _settle(self, turn: Turn) -> None:
        """Who is there has changed, which pruning depends on."""
        self.presence.settle(turn)

    # Ports and settings --------------------------------------------------------------------------

    def port_up(self, port: Port, turn: Turn) -> None:
        """Have the hosts behind a new port asked, or else given what they may want (Q-14)."""
        if self.params.enabled and not self.querier.port_up(port, turn):
            self.presence.flood_unregistered(turn)

    def port_removed(self, port: int, turn: Turn) -> None:
        """Drop what an operator said of a port that goes away."""
        self.groups.drop_statics(port, By.FILE, turn)
        self.mrouters.drop_port(port, turn, static=True)
        self.last_word.forget(port)
        self.querier.forget(port)

    def port_configured(self, port: Port, turn: Turn) -> None:
        """Follow the settings of a port."""
        params = port.of(self.family)
        if params.mrouter is MrouterMode.NEVER:
            self.mrouters.drop_port(port.id, turn, static=False)
        if params.querier_guard:
            self.mrouters.forget_queries(port.id, turn)
        if not params.explicit_tracking:
            self.groups.drop_hosts(port)

    def ports_changed(self, turn: Turn) -> None:
        """Follow what the ports' settings say of this instance, and have all of it looked at."""
        self.mrouters.settle(Turn(turn.now))
        self.scope.vlan_changed(turn)
        self.groups.respare(turn)

    def settle_ports(self, turn: Turn) -> None:
        """Have nobody asked in a VLAN that has no port any more; its querier waits for one."""
        if self.scope.is_deserted and self.querier.is_started:
            if self.querier.is_known:
                reason = "no port is in this VLAN"
                self.scope.tell(
                    EventKind.QUERIER, None, turn, role=Role.NONE, address=None, reason=reason
                )
            self.stop()
            self.scope.vlan_changed(turn)

    def disable(self, turn: Turn) -> None:
        """Forget all that was learned, because snooping was switched off (VLAN-8, SM-67)."""
        self.groups.drop_members(turn, bury=False, reason="disabled")
        self.mrouters.drop_learned(turn)
        for port in self.scope.context.ports.values():
            port.witnesses.excuse(self.vid, self.family)
        self.stop()
        self.scope.vlan_changed(turn)

    def stop(self) -> None:
        """Ask nothing any more."""
        self.querier.stop()
        self.presence.stop()
        self.last_word.reset()

    def opened_by(self, port: Port) -> None:
        """Charge the instance to the port whose frame made it."""
        self._charge(port.holdings)

    def end(self, turn: Turn) -> None:
        """Leave nothing armed behind, and nobody charged."""
        self.groups.drop_members(turn, bury=False, reason="")
        self.stop()
        self.last_member.stop()
        self.dissolve()

    def dissolve(self) -> None:
        """Give back what it costs and let go of the parts: it has ended, or never began.

        Their hooks hold the instance: else only the garbage collector could free it, and that
        looks at everything there is.
        """
        if self._opener is not None:
            self._opener.opened_vlans[self.family] -= 1
            self.scope.holdings.stake(self._opener).charge(-shares.VLAN)
            self._opener = None
        for part in (self.mrouters, self.querier, self.presence):
            self.scope.disarm(part)
        del self.mrouters, self.querier, self.presence, self.last_word, self.groups
        del self.last_member

    def _charge(self, opener: shares.PortHoldings) -> None:
        self._opener = opener
        opener.opened_vlans[self.family] += 1
        self.scope.holdings.stake(opener).charge(shares.VLAN)

    # What survives -------------------------------------------------------------------------------

    def dump(self, out: Dump) -> InstanceState:
        """What survives."""
        return InstanceState(
            vid=self.vid,
            family=self.family,
            opener=None if self._opener is None else out.number(self._opener),
            slow_hosts=self.slow_hosts.dump(),
            mrouters=self.mrouters.dump(),
            querier=self.querier.dump(),
            presence=self.presence.dump(),
            reminded=self.last_word.dump(),
            groups=self.groups.dump(out),
            last_member=self.last_member.dump(self.groups),
            max_groups=self.params.max_groups,
            max_sources=self.params.max_sources,
            port_max_groups=self.params.port_max_groups,
        )

    def load(self, state: InstanceState, into: Load) -> None:
        """Take up what was dumped: groups first, whose stakes say in which order to charge."""
        self.groups.load(state.groups, into)
        if state.opener is not None:
            self._charge(into.holdings(state.opener))
        self.slow_hosts.load(state.slow_hosts)
        self.mrouters.load(state.mrouters, into)
        self.querier.load(state.querier, into)
        self.presence.load(state.presence, into)
        self.last_word.load(state.reminded, into)
        self.last_member.load(state.last_member, self.groups, into)

    # What others see -----------------------------------------------------------------------------

    def view(self) -> VlanView:
        """What holds for all groups."""
        presence = self.presence
        return VlanView(
            self.vid,
            self.family,
            presence.active,
            self.mrouters.ports,
            bridged=self.family is IPV6 and not self.params.enabled,
            floods=presence.floods,
            ahead=self.params.ahead,
        )
