"""One VLAN: its groups, its querier, its router ports. Independent of every other (VLAN-1).

When and why one begins and ends is in `instances`, who may fill it in `shares`.
"""

from typing import TYPE_CHECKING

from snoop.proto.effects import Effect, Event, GroupChanged, VlanChanged
from snoop.proto.group import Group
from snoop.proto.mrouter import Mrouters
from snoop.proto.params import Params
from snoop.proto.presence import Presence
from snoop.proto.querier import Querier
from snoop.proto.slowhosts import SlowHosts
from snoop.proto.switch import Switch
from snoop.proto.timings import Timings
from snoop.proto.units import Instant, after
from snoop.proto.views import VlanView
from snoop.wire.address import Address, Family, text

if TYPE_CHECKING:
    from snoop.proto.port import Port
    from snoop.proto.shares import Stake


class Vlan:
    """State of one VLAN (and, with one family so far, of that)."""

    __slots__ = (
        "_refused",
        "groups",
        "mrouters",
        "opener",
        "presence",
        "querier",
        "slow_hosts",
        "stakes",
        "state_bytes",
        "static_groups",
        "switch",
        "timings",
        "vid",
    )

    def __init__(self, switch: Switch, vid: int) -> None:
        """Start empty."""
        self.switch = switch
        self.vid = vid
        self.groups: dict[Address, Group] = {}
        self.stakes: dict[Port, Stake] = {}
        self.state_bytes = 0
        self.static_groups = 0
        self.opener: Port | None = None  # whose frame made it, and who is charged for it
        self._refused: dict[int, Instant] = {}  # ports that asked in vain, until when that counts
        self.timings: Timings = self.params.timings  # in force: ours, or adopted by the querier
        self.mrouters = Mrouters(self)
        self.querier = Querier(self)
        self.presence = Presence(self)
        self.slow_hosts = SlowHosts(self)

    @property
    def params(self) -> Params:
        """The settings of this VLAN, as far as they may be its own."""
        return self.switch.vlan_params.get(self.vid, self.switch.params)

    @property
    def is_configured(self) -> bool:
        """True if it is there whatever anybody sends: VLAN 0, and those with settings."""
        return self.vid == 0 or self.vid in self.switch.vlan_params

    @property
    def is_idle(self) -> bool:
        """True if nothing is left that its frames depend on, or that anybody waits for."""
        return not (self.groups or self.mrouters.is_used or self.querier.follows)

    def dissolve(self) -> None:
        """Let go of the parts, each of which knows the VLAN: it has ended, or never began.

        Else only the garbage collector could free it, and that looks at everything there is.
        """
        for part in (self.mrouters, self.querier, self.presence):
            self.switch.deadlines.disarm(part)
        del self.mrouters, self.querier, self.presence, self.slow_hosts

    # -- groups --------------------------------------------------------------------------------

    def open(self, address: Address, now: Instant) -> Group:
        """Return the group, made if it is not known. The caller puts something into it."""
        group = self.groups.get(address)
        if group is None:
            group = self.groups[address] = Group(self, address)
            self.switch.group_count += 1
            for port, until in list(self._refused.items()):
                if until > now:
                    group.spare(1 << port, until)  # it may be what that port asked for
                else:
                    del self._refused[port]
        return group

    def refuse(self, port: "Port", address: Address, now: Instant, effects: list[Effect]) -> None:
        """Remember that there was no room for what `port` asked: nothing may cut it off (SM-68).

        For a membership interval it gets that group, and those that others open, as far as it gets
        unregistered ones.
        """
        until = self._refused[port.id] = after(now, self.timings.gmi)
        group = self.groups.get(address)
        if group is not None and group.spare(port.bit, until):
            effects.append(self.group_changed(address))

    def forget(self, group: Group) -> None:
        """Drop a group that nothing is left of."""
        if self.groups.pop(group.address, None) is not None:
            self.switch.group_count -= 1
        group.unbury()
        self.switch.deadlines.disarm(group)
        if not self.groups:
            self.emptied()

    def emptied(self) -> None:
        """Have somebody look whether anything is left."""
        self.switch.emptied.add(self.vid)

    def drop_members(
        self,
        now: Instant,
        effects: list[Effect],
        *,
        group: Address | None = None,
        port: int | None = None,
        bury: bool,
        reason: str,
    ) -> None:
        """Drop memberships at once: of one group or all, of one port or all.

        `bury`: a group that loses its last member keeps a tombstone. Without, tombstones go too.
        """
        if group is None:
            groups = list(self.groups.values())
        else:
            groups = [self.groups[group]] if group in self.groups else []
        if port is not None:
            self.pardon(port)
        for each in groups:
            if port is not None:
                self.drop_member(each, port, now, effects, bury=bury, reason=reason)
                continue
            held = list(each.members)
            for port_id in held:
                self._part(each, port_id, now, effects, bury=bury, reason=reason)
            buried = not bury and each.tombstone_until != 0
            if buried:
                self.forget(each)
            if held or buried:
                effects.append(self.group_changed(each.address))

    def pardon(self, port: int) -> None:
        """Forget that `port` was refused something."""
        self._refused.pop(port, None)

    def drop_member(
        self,
        group: Group,
        port: int,
        now: Instant,
        effects: list[Effect],
        *,
        bury: bool,
        reason: str,
    ) -> bool:
        """Drop what one port has of one group, at once; tell whether that was anything."""
        spared = bool(group.spared >> port & 1)
        if spared:
            group.spared &= ~(1 << port)
        held = port in group.members
        if held:
            self._part(group, port, now, effects, bury=bury, reason=reason)
        if held or spared:
            effects.append(self.group_changed(group.address))
        return held or spared

    def _part(
        self,
        group: Group,
        port: int,
        now: Instant,
        effects: list[Effect],
        *,
        bury: bool,
        reason: str,
    ) -> None:
        group.part(self.switch.ports[port], now, bury=bury)
        fields: dict[str, object] = {"group": text(group.address), "reason": reason}
        effects.append(Event("leave", self.vid, port, fields))

    def drop_hosts(self, port: int) -> None:
        """Forget the hosts tracked on `port`: explicit tracking was switched off."""
        for group in self.groups.values():
            member = group.members.get(port)
            if member is not None and member.hosts is not None:
                member.hosts = None
                group.account(self.switch.ports[port], member)

    def drop_statics(self, port: int, effects: list[Effect]) -> None:
        """Drop the static entries of a port that goes away."""
        for group in list(self.groups.values()):
            if group.statics is not None and port in group.statics:
                group.drop_static(port)
                effects.append(self.group_changed(group.address))

    def disable(self, now: Instant, effects: list[Effect]) -> None:
        """Forget all that was learned, because snooping was switched off (VLAN-8, SM-67)."""
        self.drop_members(now, effects, bury=False, reason="disabled")
        self.mrouters.drop_learned(effects)
        self.querier.stop()
        effects.append(self.changed())

    # -- what others see -----------------------------------------------------------------------

    def view(self) -> VlanView:
        """Return what holds for all groups."""
        return VlanView(self.vid, Family.IPV4, self.presence.active, self.mrouters.ports)

    def changed(self) -> VlanChanged:
        """Return the effect that says the view changed."""
        return VlanChanged(self.vid, Family.IPV4)

    def group_changed(self, group: Address) -> GroupChanged:
        """Return the effect that says the view of `group` changed."""
        return GroupChanged(self.vid, group)
