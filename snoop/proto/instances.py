"""Instances that begin and end.

VLAN 0 and those with settings of their own are there from the start; of a switch that filters those
with settings, and all that have a port and a querier of ours (`beginnings`). Any other begins with
the first thing that is to be remembered of it, and ends when nothing is left: no member, tombstone,
static entry or router record, and no other querier. What a frame left nothing of never was one.

A VLAN that a frame made is charged to the port the frame came from. Its querier begins its work in
turn, `_RATE` of them a second: a question goes to every port, and one frame must not become
thousands. Until then the VLAN floods, as it does until its hosts have had time to answer (Q-15).
Where the switch filters, an operator has said which VLANs there are, and nobody is charged.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from snoop.proto import shares
from snoop.proto.beginnings import Beginnings, BeginningsState
from snoop.proto.context import Context
from snoop.proto.dumping import Dump, Timer, require, timer_of
from snoop.proto.effects import By, EventKind, Turn
from snoop.proto.filters import BucketState, TokenBucket
from snoop.proto.instance import Instance, InstanceState
from snoop.proto.loading import Load
from snoop.proto.params import QuerierMode
from snoop.proto.port import Port
from snoop.proto.presence import prunes_always
from snoop.proto.scope import Scope
from snoop.proto.solicitor import Solicitor
from snoop.proto.statics import StaticEntry
from snoop.proto.units import NEVER, SECOND, STOPPED, Duration, Instant, after
from snoop.proto.views import Refusal, Role, VlanView
from snoop.proto.vlans import Vids
from snoop.wire.address import Address, Family, text
from snoop.wire.address import family as family_of

_Key: TypeAlias = tuple[int, Family]

_NEEDED: Final = shares.VLAN + shares.MEMBERSHIP
_RATE: Final = 20  # queriers that begin in a second, and at once


class InstancesState(NamedTuple):
    """The instances that survive, and whose querier waits for its turn."""

    timer: Timer
    bucket: BucketState
    known: tuple[InstanceState, ...]
    waiting: tuple[_Key, ...]
    beginnings: BeginningsState | None = None


class Instances:
    """The instances of a switch."""

    __slots__ = (
        "_beginnings",
        "_bucket",
        "_context",
        "_known",
        "_solicitor",
        "_waiting",
        "armed",
        "armed_as",
    )

    def __init__(self, context: Context, solicitor: Solicitor, now: Instant) -> None:
        """Start with none."""
        self._context = context
        self._solicitor = solicitor
        self._bucket = TokenBucket(_RATE, _RATE, now=now)
        self._beginnings = Beginnings(self, context.deadlines, now)
        self._known: dict[_Key, Instance] = {}
        self._waiting: dict[_Key, None] = {}  # whose querier has not had its turn
        self.armed: Instant = STOPPED
        self.armed_as = 0

    def __iter__(self) -> Iterator[Instance]:
        """Go through those that there are; one that ends meanwhile does no harm."""
        return iter(list(self._known.values()))

    def get(self, vid: int, family: Family) -> Instance | None:
        """An instance, None if nothing is known of it."""
        return self._known.get((vid, family))

    def of(self, vid: int) -> list[Instance]:
        """The instances of a VLAN, IPv4 first."""
        both = (self._known.get((vid, family)) for family in Family)
        return [instance for instance in both if instance is not None]

    def among(self, vids: Vids) -> list[Instance]:
        """The instances of a set of VLANs."""
        return [each for each in self if vids >> each.vid & 1] if vids else []

    def view(self, vid: int, family: Family) -> VlanView:
        """What holds for an instance; one without state is like one without a querier."""
        instance = self._known.get((vid, family))
        if instance is not None:
            return instance.view()
        context = self._context
        own = context.settings.of(vid, family)
        always = context.always_mrouters[family] & context.vlans.ports(vid)
        bridged = family is Family.IPV6 and not own.enabled
        active = prunes_always(own)
        return VlanView(vid, family, active, always, bridged=bridged, ahead=own.ahead)

    def holds(self, instance: Instance) -> bool:
        """Tell whether it has not ended."""
        return self._known.get((instance.vid, instance.family)) is instance

    def is_waiting(self, instance: Instance) -> bool:
        """Tell whether the instance's querier has not had its turn yet."""
        key = instance.vid, instance.family
        return key in self._waiting or key in self._beginnings

    def keys(self) -> list[_Key]:
        """The instances that there are."""
        return list(self._known)

    def vids(self) -> list[int]:
        """The VLANs that have any state, lowest first."""
        return sorted({vid for vid, _ in self._known})

    def clear(
        self,
        turn: Turn,
        *,
        vid: int | None,
        family: Family | None,
        group: Address | None,
        port: int | None,
    ) -> None:
        """Forget the memberships that match all that is not None, and say how many (SAY-20)."""
        said = None if group is None else text(group)
        for instance in self:
            if vid not in (None, instance.vid) or family not in (None, instance.family):
                continue
            count = instance.groups.drop_members(
                turn, group=group, port=port, bury=False, reason="cleared"
            )
            if count:
                instance.scope.tell(
                    EventKind.CLEAR, port, turn, group=said, memberships=count, by=By.COMMAND
                )
        for number, each in self._context.ports.items():
            if port in (None, number):
                each.witnesses.forget(vid, group, family)

    # Beginning and ending ------------------------------------------------------------------------

    def open_configured(self, turn: Turn) -> list[Instance]:
        """Have those that are there from the start: a querier need not wait for a host.

        Return those that were not.
        """
        begun = []
        for vid, family in self._context.settings.configured():
            is_new = (vid, family) not in self._known
            instance = self.open(vid, family, turn)
            if is_new:
                begun.append(instance)
        self.look(turn)
        return begun

    def look(self, turn: Turn) -> None:
        """Have those begin that have a port and a querier of ours, of a switch that filters."""
        if self._context.params.vlan_filtering:
            self._beginnings.look(turn.now)

    def unasked(self) -> Iterator[_Key]:
        """Yield those that are to be there and are not, or wait for their turn."""
        return (key for key in self._context.settings.asked() if key not in self._known)

    def begin(self, vid: int, family: Family, turn: Turn) -> None:
        """Have the querier of an instance begin, if it is wanted still: it is its turn."""
        if (vid, family) in self._known or self._context.settings.is_configured(vid, family):
            self._start(self.open(vid, family, turn), turn)

    def deserted(self) -> Iterator[_Key]:
        """Yield those with settings that are to ask, and have no port."""
        for key, instance in self._known.items():
            asks = instance.params.enabled and instance.params.querier is not QuerierMode.OFF
            if asks and instance.scope.is_deserted and self._context.settings.is_named(key[0]):
                yield key

    def say_deserted(self, vid: int, family: Family, turn: Turn) -> None:
        """Say that of one of them."""
        reason = "a querier in a VLAN that no port has: it waits for one"
        self._known[vid, family].scope.tell(EventKind.WARNING, None, turn, reason=reason)

    def open(self, vid: int, family: Family, turn: Turn) -> Instance:
        """The instance, made at once if it is new: an operator wants it."""
        key = vid, family
        instance = self._known.get(key)
        if instance is None:
            instance = Instance(self._context, vid, family)
            self._register(instance, turn)
            self._start(instance, turn)
        elif self.is_waiting(instance):
            self._waiting.pop(key, None)
            self._start(instance, turn)
        self._beginnings.discard(key)
        return instance

    def draft(self, vid: int, family: Family, port: Port, turn: Turn) -> Instance | Refusal:
        """The instance for a frame of `port`; a new one is kept or forgotten by `keep`.

        A refusal if the port may not open another one: nothing is learned then.
        """
        instance = self._known.get((vid, family))
        if instance is not None:
            return instance
        if self._context.settings.is_sure(vid):
            return Instance(self._context, vid, family)
        if port.holdings.opened_vlans[family] >= shares.VLANS_MAX:
            why = Refusal.VLAN_LIMIT
            reason = f"{shares.VLANS_MAX} VLANs opened by one port: no more taken"
        elif not self._has_room(vid, family, port, turn):
            why = Refusal.STATE_LIMIT
            reason = "max_state reached: VLAN not taken"
        else:
            instance = Instance(self._context, vid, family)
            instance.opened_by(port)  # before it learns: what it costs is not to be had twice
            return instance
        port.counts[why.value] += 1
        Scope(self._context, vid, family).warn(EventKind.LIMIT, port.id, reason, turn)
        return why

    def _has_room(self, vid: int, family: Family, port: Port, turn: Turn) -> bool:
        holdings = shares.InstanceHoldings(self._context.holdings, vid, family)
        stake = shares.Stake(holdings, port.holdings)
        return stake.make_room(_NEEDED, turn) >= _NEEDED

    def keep(self, instance: Instance, turn: Turn) -> None:
        """Take in a draft that something was learned in."""
        key = instance.vid, instance.family
        if key in self._known:
            return
        if instance.is_idle:
            instance.dissolve()
            return
        self._register(instance, turn)
        if key in self._beginnings:
            return
        if self._context.params.vlan_filtering or (
            not self._waiting and self._bucket.take(turn.now)
        ):
            self._start(instance, turn)
        else:
            self._waiting[key] = None
            self._context.deadlines.arm(self, after(turn.now, Duration(SECOND // _RATE)))

    def fire(self, turn: Turn) -> Instant:
        """Let the next querier begin."""
        while self._waiting and self._bucket.take(turn.now):
            key = next(iter(self._waiting))
            del self._waiting[key]
            self._start(self._known[key], turn)
        return after(turn.now, Duration(SECOND // _RATE)) if self._waiting else STOPPED

    def sweep(self, turn: Turn) -> None:
        """End those that have nothing left."""
        emptied = self._context.emptied
        while emptied:
            instance = self._known.get(emptied.popitem()[0])
            if instance is not None and not instance.is_configured and instance.is_idle:
                self._end(instance, turn)

    # Static entries ------------------------------------------------------------------------------

    def require_room(self, entry: StaticEntry) -> None:
        """Hold an entry to the limits of learned ones."""
        known = self._known.get((entry.vid, family_of(entry.group)))
        if known is not None:
            known.groups.require_room(entry.group, entry.source, entry.port)

    def add_static(self, entry: StaticEntry, by: By, turn: Turn) -> None:
        """Add an entry, which makes sense and has room."""
        vid, group, source, port = entry
        instance = self.open(vid, family_of(group), turn)
        instance.groups.open(group, turn.now).add_static(port, source, by, turn)
        instance.scope.group_changed(group, turn)

    def remove_static(self, entry: StaticEntry, by: By, turn: Turn) -> None:
        """Remove an entry; KeyError if it is not there."""
        vid, group, source, port = entry
        instance = self._known[vid, family_of(group)]
        known = instance.groups.get(group)
        if known is None:
            raise KeyError(group)
        known.remove_static(port, source, by, turn)
        instance.scope.group_changed(group, turn)

    # What all of them follow ---------------------------------------------------------------------

    def enabled(self) -> set[_Key]:
        """Those that learn."""
        return {key for key, instance in self._known.items() if instance.params.enabled}

    def configured(
        self, where: Iterable[Instance], were_enabled: Container[_Key], turn: Turn
    ) -> None:
        """Follow the settings of the switch, once those of the ports are followed."""
        for instance in where:
            key = instance.vid, instance.family
            instance.groups.configure()
            enabled = instance.params.enabled
            if key in were_enabled and not enabled:
                instance.disable(turn)
            elif enabled:
                if not self.is_waiting(instance):
                    self._start(instance, turn)
                instance.querier.configure(turn)
            instance.settle_ports(turn)
            instance.scope.emptied()  # it may be that only its settings held it (W-6)

    def settle_ports(self, turn: Turn) -> None:
        """Follow a port that was taken away: where it was the last, nobody is asked."""
        for instance in self:
            if instance.scope.is_deserted:
                instance.settle_ports(turn)
                instance.scope.emptied()
        self.sweep(turn)

    # What survives -------------------------------------------------------------------------------

    def dump(self, out: Dump) -> InstancesState:
        """What survives."""
        return InstancesState(
            timer=timer_of(self),
            bucket=self._bucket.dump(),
            known=tuple(instance.dump(out) for instance in self._known.values()),
            waiting=tuple(self._waiting),
            beginnings=self._beginnings.dump(),
        )

    def load(self, state: InstancesState, into: Load) -> None:
        """Take up what was dumped."""
        self._bucket.load(state.bucket)
        into.require_past(state.bucket.since)
        for each in state.known:
            key = each.vid, each.family
            require(0 <= each.vid < 4095 and key not in self._known, "no VLAN, or one twice")
            instance = self._known[key] = Instance(self._context, each.vid, each.family)
            instance.load(each, into)
        self._waiting = dict.fromkeys(state.waiting)
        require(self._waiting.keys() <= self._known.keys(), "a querier of no VLAN")
        into.timer(self, state.timer, NEVER if self._waiting else STOPPED)
        if state.beginnings is not None:
            self._beginnings.load(state.beginnings, into)

    def _register(self, instance: Instance, turn: Turn) -> None:
        self._known[instance.vid, instance.family] = instance
        instance.scope.vlan_changed(turn)

    def _start(self, instance: Instance, turn: Turn) -> None:
        if instance.scope.up and instance.params.enabled:
            instance.querier.start(turn)

    def _end(self, instance: Instance, turn: Turn) -> None:
        scope = instance.scope
        if instance.querier.is_querier:
            reason = "nothing is left in this VLAN"
            scope.tell(EventKind.QUERIER, None, turn, role=Role.NONE, address=None, reason=reason)
        key = scope.vid, scope.family
        self._solicitor.forget(scope.vid, scope.family)
        self._waiting.pop(key, None)
        self._beginnings.discard(key)
        del self._known[key]
        instance.end(turn)
        scope.vlan_changed(turn)
