"""The protocol engine: inputs and `now` in, a list of effects out.

    effects = engine.receive(port=3, vid=0, frame=data, now=clock.now())
    deadline = engine.next_deadline()          # None: nothing to wait for
    effects = engine.advance(clock.now())      # when it has come

The engine does nothing by itself: it reads no clock, sends nothing, publishes nothing. The caller
carries the effects out and asks for the views that they name. `now` never goes back. Nothing a peer
sends makes it raise; a port or an entry that does not exist does (KeyError), and so does a value of
an operator that makes no sense (ValueError).

Timers that are due are dealt with before anything else an input brings, so a membership that ends
at an instant is gone for a frame of that instant; none ends earlier (TM-40). Where thousands are
due at once they are dealt with a part at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from snoop.proto import configuring, receiving, snapshot
from snoop.proto.carrier import Carrier
from snoop.proto.context import Context
from snoop.proto.counters import Counts, total
from snoop.proto.deadlines import ALL
from snoop.proto.effects import By, Effect, Event, EventKind, Frame, Turn
from snoop.proto.fitting import Fitting
from snoop.proto.instance import Instance
from snoop.proto.instances import Instances
from snoop.proto.layer2 import Layer2
from snoop.proto.params import Params, PortParams
from snoop.proto.port import Port
from snoop.proto.solicitor import Solicitor
from snoop.proto.state import EngineState, Parts, dump_all, load_all
from snoop.proto.statics import StaticEntry, require_group
from snoop.proto.testimony import Testimony
from snoop.proto.units import Duration, Instant
from snoop.proto.views import (
    GroupView,
    HostRow,
    MdbRow,
    MrouterRow,
    QuerierRow,
    VlanView,
)
from snoop.proto.vlans import Moved
from snoop.wire.address import ANY, Address, Family, mac_of
from snoop.wire.address import family as family_of

# A port's whole table may be due at one instant; a frame waits for no more than this.
_DUE_PER_FRAME: Final = 16
# The schedule asks the others: a query takes some 0.1 ms.
_ASKED_AT_ONCE: Final = 128


class Engine:
    """One switch. Port ids 0 to 255 are given by the caller."""

    def __init__(self, *, params: Params, now: Instant) -> None:
        """Start without ports; VLAN 0 and those with settings are there from the start."""
        self._make(params, now)
        self._instances.open_configured(Turn(now))

    def _make(self, params: Params, now: Instant) -> None:
        self._context = Context(params)
        self._solicitor = Solicitor(self._context)
        self._instances = Instances(self._context, self._solicitor, now)
        self._carrier = Carrier(self._context, self._instances, self._solicitor)
        self._layer2 = Layer2(self._context)

    # What survives -------------------------------------------------------------------------------

    def dump(self, now: Instant) -> EngineState:
        """All that survives the engine: plain values, which nothing changes any more."""
        return dump_all(self._parts, now)

    @classmethod
    def load(
        cls, dumped: EngineState, *, params: Params, ports: Mapping[int, PortParams], now: Instant
    ) -> tuple["Engine", list[Effect]]:
        """The engine that was dumped, and what it wants done: all of it looked at first.

        It goes on as the one that was dumped would have; timers that have run out since are due,
        and ports are up that were: `port_down` says what has changed since.
        What these settings and ports, known by their names, do not allow is left out, and said.
        BadState: it is not a state of an engine, or is dumped later than `now`.
        """
        engine = cls.__new__(cls)
        engine._make(params, now)
        turn = Turn(now)
        gone, changed = load_all(dumped, engine._parts, ports, turn)
        if gone or changed:
            engine._fit(dumped, gone, turn)
        return engine, turn.effects

    @property
    def _parts(self) -> Parts:
        return Parts(self._context, self._solicitor, self._instances, self._carrier, self._layer2)

    def _fit(self, dumped: EngineState, gone: list[Port], turn: Turn) -> None:
        """Follow settings that are not those of what was loaded."""
        for port in gone:
            aside = Turn(turn.now)
            count = port.holdings.members
            self._remove(port.id, aside)
            turn.effects += (each for each in aside.effects if not isinstance(each, Event))
            reason = f"port {port.params.name} is gone: what was learned on it is left out"
            turn.add(Event(EventKind.WARNING, 0, None, {"reason": reason, "count": count}))
        enabled = {Family.IPV4: dumped.enabled, Family.IPV6: dumped.mld_enabled}
        keys = self._instances.keys()
        were = {key for key in keys if enabled[key[1]]}
        configuring.follow(self._parts, self._instances, were, turn)
        Fitting(dumped, self._context, self._instances, turn).fit()
        marks = {each.name: each.mark for each in dumped.ports}
        for port in self._context.ports.values():
            if port.params.vlans is not None and marks.get(port.params.name) not in (
                None,
                port.mark,
            ):
                joined = self._context.vlans.of(port.bit)  # some, which are not known
                self._carrier.move(port, Moved(0, joined), turn)
        self._instances.sweep(turn)

    # Ports ---------------------------------------------------------------------------------------

    def port_add(self, port: int, params: PortParams, *, now: Instant) -> list[Effect]:
        """Add a port, which starts down. ValueError if the id is taken or out of range."""
        if port in self._context.ports or not 0 <= port < 256:
            raise ValueError(f"port id {port} is taken, or not in 0..255")
        turn = self._turn(now)
        self._context.add_port(port, params, now)
        self._instances.look(turn)
        its = self._context.ports[port]
        is_first = len(self._context.ports) == 1  # what was there before it is said with it
        vids = self._context.vlans.of(its.bit) if its.shapes_vlans or is_first else 0
        configuring.ports_changed(self._parts, self._instances.among(vids), turn)
        return turn.effects

    def port_up(self, port: int, *, now: Instant) -> list[Effect]:
        """Take note that a port came up; no effect if it was."""
        turn = self._turn(now)
        self._carrier.up(self._context.ports[port], turn)
        return turn.effects

    def port_down(self, port: int, *, now: Instant) -> list[Effect]:
        """Take note that a port went down: what was learned on it goes (SM-67).

        Of thousands of memberships a part goes at once and the rest in `advance`; the port comes up
        again when all have gone.
        """
        turn = self._turn(now)
        self._carrier.down(self._context.ports[port], turn)
        self._instances.sweep(turn)
        return turn.effects

    def port_remove(self, port: int, *, now: Instant) -> list[Effect]:
        """Forget a port with all that hangs on it, static entries included."""
        turn = self._turn(now)
        self._remove(port, turn)
        return turn.effects

    def _remove(self, port: int, turn: Turn) -> None:
        self._carrier.forget(self._context.ports[port], turn)
        self._instances.sweep(turn)
        self._layer2.drop_port(port, By.FILE, turn)
        for instance in self._instances:
            instance.port_removed(port, turn)
        self._instances.sweep(turn)
        self._context.remove_port(port)
        self._instances.settle_ports(turn)
        configuring.ports_changed(self._parts, self._instances, turn)

    # Time and frames -----------------------------------------------------------------------------

    def receive(
        self, *, port: int, vid: int, frame: bytes, now: Instant, tci: int | None = None
    ) -> list[Effect]:
        """Take a control frame that the fast path handed up: its VLAN, and the tag it had."""
        context = self._context
        turn = Turn(now)
        if context.deadlines.is_due(now):
            context.deadlines.advance(turn, _DUE_PER_FRAME)
            self._instances.sweep(turn)
        its = context.ports.get(port)
        if its is None:
            return turn.effects  # handed up before the port was removed
        if its.bit & context.up_in[vid]:
            heard = Frame(frame, vid, tci)
            receiving.receive(context, self._instances, its, heard, turn)
            if context.emptied:
                self._instances.sweep(turn)
        else:  # handed up before it went down, or left the VLAN (VLAN-3)
            its.counts["vlan_filtered" if its.up else "port_down"] += 1
        return turn.effects

    def advance(self, now: Instant, most: int = ALL) -> list[Effect]:
        """Do what is due at `now`: all, or the first `most` timers, which is then said again."""
        if not (self._context.deadlines.is_due(now) or self._context.emptied):
            return []
        return self._turn(now, most).effects

    def next_deadline(self) -> Instant | None:
        """When `advance` should be called next.

        It may then have nothing to do: a timer that was put off is looked at, and armed again.
        """
        return self._context.deadlines.next()

    def topology_changed(self, *, now: Instant) -> list[Effect]:
        """Ask all hosts again, also in the place of a querier elsewhere, who may not know of it
        (SNOOP-12, Q-14).
        """
        turn = self._turn(now)
        for number, instance in enumerate(self._instances):
            if number < _ASKED_AT_ONCE and instance.querier.is_known:
                instance.querier.ask(self._context.up, ANY, turn)
        return turn.effects

    def note(self, port: int, counter: str) -> None:
        """Count for a port what is not the engine's to read."""
        if port in self._context.ports:
            self._context.ports[port].counts[counter] += 1

    # Settings ------------------------------------------------------------------------------------

    def configure(
        self, params: Params, ports: Mapping[int, PortParams], *, now: Instant
    ) -> list[Effect]:
        """Take new settings; of `ports` those that exist. What was learned stays learned."""
        turn = self._turn(now)
        configuring.configure(self._parts, params, ports, turn)
        return turn.effects

    # Operator ------------------------------------------------------------------------------------

    def static_add(self, entry: StaticEntry, *, now: Instant, by: By = By.COMMAND) -> list[Effect]:
        """Add a static entry. KeyError: no such port; Full: no room."""
        self._require_port(entry.port)
        entry.require_sense()
        home = self._home(entry)
        home.require_room(entry)
        turn = self._turn(now)
        home.add_static(entry, by, turn)
        return turn.effects

    def static_del(self, entry: StaticEntry, *, now: Instant, by: By = By.COMMAND) -> list[Effect]:
        """Remove a static entry; KeyError if it is not there."""
        turn = self._turn(now)
        self._home(entry).remove_static(entry, by, turn)
        self._instances.sweep(turn)
        return turn.effects

    def _home(self, entry: StaticEntry) -> Layer2 | Instances:
        return self._instances if mac_of(entry.group) is None else self._layer2

    def mrouter_add(
        self, *, vid: int, port: int, now: Instant, family: Family = Family.IPV4
    ) -> list[Effect]:
        """Add a static router port. KeyError: no such port."""
        turn = self._turn(now)
        self._require_port(port)
        self._open(vid, family, turn).mrouters.add_static(port, turn)
        return turn.effects

    def mrouter_del(
        self, *, vid: int, port: int, now: Instant, family: Family = Family.IPV4
    ) -> list[Effect]:
        """Remove a static router port; KeyError if it is none."""
        turn = self._turn(now)
        self._instance(vid, family).mrouters.remove_static(port, turn)
        self._instances.sweep(turn)
        return turn.effects

    def clear(
        self,
        *,
        vid: int | None,
        group: Address | None,
        port: int | None,
        now: Instant,
        family: Family | None = None,
    ) -> list[Effect]:
        """Forget memberships, those that match all that is not None; static entries stay."""
        turn = self._turn(now)
        self._instances.clear(turn, vid=vid, family=family, group=group, port=port)
        self._instances.sweep(turn)
        return turn.effects

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._context.clear_counters()

    def query(
        self,
        *,
        vid: int,
        group: Address | None,
        port: int | None,
        now: Instant,
        family: Family = Family.IPV4,
        within: Duration | None = None,
    ) -> list[Effect]:
        """Send a General Query, to be answered `within` that at most, or one about `group`, on
        `port` or on all. Cuts nobody off.

        `family` is that of `group`, if there is one. While another querier is known the query comes
        from 0.0.0.0, like all that we send in its place, and over IPv6, where there is no such
        sender, does not go to routers. KeyError: no such port or instance.
        """
        turn = self._turn(now)
        if port is not None:
            self._require_port(port)
        ports = self._context.up if port is None else 1 << port
        if group is not None:
            require_group(group)
            family = family_of(group)
        instance = self._instance(vid, family)
        instance.querier.ask(ports, ANY if group is None else group, turn, within=within)
        return turn.effects

    # State for the table compiler ----------------------------------------------------------------

    def groups(self) -> Iterator[tuple[int, Address]]:
        """Yield every (vid, group) known: members, static entries, tombstones."""
        for instance in self._instances:
            for group in instance.groups:
                yield instance.vid, group.address
        yield from self._layer2.groups()

    def group_view(self, vid: int, group: Address) -> GroupView | None:
        """One group, None if it is unregistered."""
        if mac_of(group) is not None:
            return self._layer2.view(vid, group)
        instance = self._instances.get(vid, family_of(group))
        state = None if instance is None else instance.groups.get(group)
        return None if state is None else state.view()

    def instances(self) -> list[tuple[int, Family]]:
        """The (VLAN, family) that have any state."""
        return self._instances.keys()

    def vids(self) -> list[int]:
        """The VLANs that have any state, lowest first."""
        return self._instances.vids()

    def has_vlan(self, vid: int, family: Family = Family.IPV4) -> bool:
        """Tell whether anything is known of an instance; its row may go if not."""
        return self._instances.get(vid, family) is not None

    def vlan_view(self, vid: int, family: Family) -> VlanView:
        """What holds for an instance; one without state is like one without a querier."""
        return self._instances.view(vid, family)

    # State for people ----------------------------------------------------------------------------

    def keys(
        self, *, vid: int | None = None, group: Address | None = None
    ) -> Iterator[tuple[int, Address]]:
        """Yield (vid, group) of the groups that match, those of IP first, each sorted.

        So rows can be asked for in parts.
        """
        yield from snapshot.keys(self._instances, vid, group)
        yield from self._layer2.groups(vid, group)

    def mdb(self, now: Instant, wanted: snapshot.Keys | None = None) -> list[MdbRow]:
        """The entries of groups (None: all), by VLAN, group, port; dynamic before static."""
        keys = list(self.keys() if wanted is None else wanted)
        return snapshot.mdb(self._instances, keys, now) + self._layer2.rows(keys, now)

    def mrouters(self, now: Instant, vids: Iterable[int] | None = None) -> list[MrouterRow]:
        """Every reason for a router port of VLANs (None: all), by VLAN and port."""
        return [row for each in self._sorted(vids) for row in each.mrouters.rows(now)]

    def queriers(self, now: Instant, vids: Iterable[int] | None = None) -> list[QuerierRow]:
        """One row per instance that is known (Q-17), of VLANs (None: all)."""
        return [each.querier.row(now) for each in self._sorted(vids)]

    def hosts(self, now: Instant, wanted: snapshot.Keys | None = None) -> list[HostRow]:
        """The tracked hosts of groups (None: all), by VLAN, group, port, address."""
        return snapshot.hosts(self._instances, self.keys() if wanted is None else wanted, now)

    @property
    def witnesses(self) -> Testimony:
        """What was seen of hosts: who answers, who was refused, who has gone."""
        return Testimony(self._context, self._instances)

    def group_counts(self) -> tuple[snapshot.Tally, snapshot.Tally]:
        """How many groups have members or static entries: by VLAN and by port, of each family."""
        return snapshot.group_counts(self._instances, self._context.ports)

    def counters(self) -> Counts:
        """The counters of the switch: all ports and what belongs to none."""
        context = self._context
        return total([context.counts, *(port.counts for port in context.ports.values())])

    def port_counters(self, port: int) -> Counts:
        """The counters of one port."""
        return dict(self._context.ports[port].counts)

    def port_groups(self, port: int) -> int:
        """How many memberships one port has, of both families."""
        return self._context.ports[port].holdings.members

    def port_state_bytes(self, port: int) -> int:
        """What one port's hosts have made the switch remember, as `shares` counts it."""
        return self._context.ports[port].holdings.state_bytes

    # Turns ---------------------------------------------------------------------------------------

    def _turn(self, now: Instant, most: int = ALL) -> Turn:
        """Begin a turn with the timers that are due."""
        turn = Turn(now)
        self._context.deadlines.advance(turn, most)
        self._instances.sweep(turn)
        return turn

    def _sorted(self, vids: Iterable[int] | None) -> Iterator[Instance]:
        for vid in self._instances.vids() if vids is None else sorted(vids):
            yield from self._instances.of(vid)

    def _open(self, vid: int, family: Family, turn: Turn) -> Instance:
        if not 0 <= vid <= 4094:
            raise ValueError(f"vlan {vid} is not allowed: 0 to 4094")
        return self._instances.open(vid, family, turn)

    def _instance(self, vid: int, family: Family) -> Instance:
        instance = self._instances.get(vid, family)
        if instance is None:
            raise KeyError(vid)
        return instance

    def _require_port(self, port: int) -> None:
        if port not in self._context.ports:
            raise KeyError(port)
