"""One VLAN: its groups, its querier, its router ports. Independent of every other (VLAN-1)."""

from snoop.proto.effects import Effect, Event, GroupChanged, VlanChanged
from snoop.proto.group import Group
from snoop.proto.mrouter import Mrouters
from snoop.proto.params import Params
from snoop.proto.querier import Querier
from snoop.proto.switch import Switch
from snoop.proto.timings import Timings
from snoop.proto.units import Instant
from snoop.proto.views import VlanView
from snoop.wire.address import Address, Family, text


class Vlan:
    """State of one VLAN (and, with one family so far, of that)."""

    __slots__ = ("groups", "mrouters", "querier", "switch", "timings", "tombstones", "vid")

    def __init__(self, switch: Switch, vid: int) -> None:
        """Start empty."""
        self.switch = switch
        self.vid = vid
        self.groups: dict[Address, Group] = {}
        self.tombstones: dict[Address, None] = {}  # oldest first
        self.timings: Timings = self.params.timings  # in force: ours, or adopted by the querier
        self.mrouters = Mrouters(self)
        self.querier = Querier(self)

    @property
    def params(self) -> Params:
        """The settings of this VLAN, as far as they may be its own."""
        return self.switch.vlan_params.get(self.vid, self.switch.params)

    # -- groups --------------------------------------------------------------------------------

    def open(self, address: Address) -> Group:
        """Return the group, made if it is not known. The caller puts something into it."""
        group = self.groups.get(address)
        if group is None:
            group = self.groups[address] = Group(self, address)
            self.switch.group_count += 1
        return group

    def forget(self, group: Group) -> None:
        """Drop a group that nothing is left of."""
        if self.groups.pop(group.address, None) is not None:
            self.switch.group_count -= 1
        self.tombstones.pop(group.address, None)
        self.switch.deadlines.disarm(group)

    def has_room(self, effects: list[Effect]) -> bool:
        """Tell whether one more group may be learned; the oldest tombstone gives way for it."""
        while (
            len(self.groups) >= self.params.max_groups
            or self.switch.group_count >= self.switch.params.effective_max_groups_total
        ):
            oldest = next(iter(self.tombstones), None)
            if oldest is None:
                return False
            self.forget(self.groups[oldest])
            self.switch.counts["tombstone_evicted"] += 1
            effects.append(self.group_changed(oldest))
        return True

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
        for each in groups:
            held = list(each.members) if port is None else [p for p in each.members if p == port]
            for port_id in held:
                each.part(self.switch.ports[port_id], now, bury=bury)
                fields: dict[str, object] = {"group": text(each.address), "reason": reason}
                effects.append(Event("leave", self.vid, port_id, fields))
            buried = not bury and port is None and each.tombstone_until != 0
            if buried:
                self.forget(each)
            if held or buried:
                effects.append(self.group_changed(each.address))

    def drop_hosts(self, port: int) -> None:
        """Forget the hosts tracked on `port`: explicit tracking was switched off."""
        for group in self.groups.values():
            member = group.members.get(port)
            if member is not None and member.hosts is not None:
                self.switch.ports[port].host_count -= len(member.hosts)
                member.hosts = None

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
        return VlanView(self.vid, Family.IPV4, self.querier.active, self.mrouters.ports)

    def changed(self) -> VlanChanged:
        """Return the effect that says the view changed."""
        return VlanChanged(self.vid, Family.IPV4)

    def group_changed(self, group: Address) -> GroupChanged:
        """Return the effect that says the view of `group` changed."""
        return GroupChanged(self.vid, group)
