"""The control plane at work: moves frames in, effects out, and tables to the fast path.

Owns the engine, the multicast database and the ports. Everything here runs in the one control
thread and returns without waiting; sockets, timers and signals are the daemon's. The order of a
batch is always the same: decide all, publish once, send all, tell all.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from snoop.config import resolve
from snoop.config.schema import Config
from snoop.config.schema_port import PortTable
from snoop.links.asking import Asking
from snoop.links.claims import ClaimTable
from snoop.links.neighbours import Neighbours
from snoop.proto.dumping import BadState
from snoop.proto.effects import (
    Effect,
    Event,
    EventKind,
    GroupChanged,
    Transmit,
    VlanChanged,
)
from snoop.proto.engine import Engine
from snoop.proto.params import Params, PortParams
from snoop.proto.units import NEVER, Instant
from snoop.runtime import clock, surviving
from snoop.runtime.batch import BATCH_MAX_NS, Budget, Refused
from snoop.runtime.called import Calling
from snoop.runtime.captures import Captures
from snoop.runtime.disputes import Disputes
from snoop.runtime.egress import NeighbourTable
from snoop.runtime.events import Events
from snoop.runtime.fanout import Fanout
from snoop.runtime.guard import Guard
from snoop.runtime.history import History
from snoop.runtime.kernel import KernelPath
from snoop.runtime.log import Limited
from snoop.runtime.openings import Openings
from snoop.runtime.outbox import Outbox
from snoop.runtime.port import LinkTable, Port, State
from snoop.runtime.ports import Ports
from snoop.runtime.published import Published
from snoop.runtime.publishing import NOW, Publishing
from snoop.runtime.remarks import Remarks
from snoop.runtime.rings import RingWatch
from snoop.runtime.statics import FileStatics
from snoop.runtime.surviving import OwnState, PlaneState
from snoop.runtime.turnover import Turnover
from snoop.runtime.undecided import Undecided
from snoop.table.seen import Punted

if TYPE_CHECKING:
    from snoop.fastpath import FastPath

_log = logging.getLogger("snoop.plane")


# Timers dealt with in one go; thousands may run out at the same instant.
DUE_MAX = 32
_SWITCH_WIDE = ("switch", "igmp", "mld", "vlan")


class Plane(Undecided, Published):
    """The switch without its process; it works as soon as it is made."""

    def __init__(
        self,
        config: Config,
        *,
        fastpath: FastPath,
        links: LinkTable,
        events: Fanout,
        captures: Fanout,
        neighbours: NeighbourTable | None = None,
        claims: ClaimTable | None = None,
        openings: Openings | None = None,
        asking: Asking | None = None,
        state: PlaneState | None = None,
    ) -> None:
        """Open every port and publish the first table; ports that fail to open stay down.

        Without `neighbours` nothing is known of them, and nobody gets runs unasked. `state`: what
        another process knew, and this one goes on with; if it cannot, it begins anew, and
        `refused` says why.
        """
        self.config = config
        self.fastpath = fastpath
        self.ports = Ports(fastpath, config.switch, neighbours or Neighbours(), claims, openings)
        self.kernel = KernelPath(fastpath)
        self.kernel.configure(config.switch)
        self.internal_errors = 0
        self.unkept: str | None = None  # why the last snapshot was not written
        self.started = clock.now()
        self.turnover = Turnover(self.ports)
        self._links = links
        self.asking = asking or Asking()
        self._rings = RingWatch(fastpath, self.ports, self.asking)
        self._disputes = Disputes(fastpath)
        self.history = History()
        self.names = Calling(config)
        called = self.names.of_text
        told = Events(events, self.history, self.ports.name, called, self.ports.description)
        self._outbox = Outbox(fastpath, told, Captures(captures, self.ports))
        self._remarks = Remarks(self.ports, self._outbox)
        self._guard = Guard(fastpath, self.ports, self._outbox)
        self._limited = Limited(_log)
        self._publishing = Publishing(fastpath, self.ports.staging, self._limited)
        self._budget = Budget()
        self._refused = Refused()
        self.is_quiet = True  # no frame was handed up between the last two looks
        self._taken = 0
        self.changes = 0  # grows with whatever happens to what survives
        self._unread: deque[Punted] = deque()  # of the last batch: it took longer than expected
        self._undecided = False  # something that was taken, or its rows are not published
        self._resume = NOW  # when to go on with it
        self._statics = FileStatics()
        for table in config.named:
            self.ports.add(table)
        self.refused: BadState | None = None
        if state is not None:
            try:
                self._go_on(state)
            except BadState as error:
                self.refused = error
        if state is None or self.refused is not None:
            self._begin()

    def _begin(self) -> None:
        self.ports.reconcile(self._links, wait=True)
        # Our queries come from the lowest address of the first ports that are there, and stay so.
        self.params = self._resolved(min(self.ports.macs(), default=resolve.NO_MAC))
        now = clock.now()
        self.engine = Engine(params=self.params, now=now)
        for port in self.ports:
            params = self._port_params(port.table)
            self._apply(self.engine.port_add(port.id, params, now=now), now)
        self._tell([(port, State.UP) for port in self.ports if port.told_up], now)
        self._become(now)

    # What survives -------------------------------------------------------------------------------

    def gather(self) -> Callable[[], PlaneState]:
        """What makes a state of it; what the fast path knows is read at once."""
        while self.turnover.waits:
            self._turn_over()
        now = clock.now()
        own = OwnState(self.started, self.params.switch_mac, self.internal_errors)
        ports, statics = surviving.ports_now(self.ports, self._guard.held), self._statics.held
        fdb = self.fastpath.fdb()
        told = self.engine, self.history, self.names.announced
        return lambda: surviving.dump(*told, own, ports, statics, fdb, now)

    def _go_on(self, state: PlaneState) -> None:
        """Be what another process was, before the first frame; BadState: nothing is changed."""
        surviving.require_sense(state, clock.now())
        self.params, now = self._resolved(state.own.mac), clock.now()
        self.engine, effects = Engine.load(
            state.engine, params=self.params, ports=self._all_params(), now=now
        )
        self._guard.resume(surviving.held(state, self.ports, now), now)
        self.ports.reconcile(self._links, wait=True)
        self.started, _, self.internal_errors = state.own
        self.history.load(state.history)
        self._statics.take_up(surviving.file_entries(state, self.ports))
        surviving.count_on(state, self.ports)
        self._apply(effects, now)
        same = surviving.same(state, self.ports)
        self.names.go_on(state.announced, {port.name: port.id for port in same})
        for port in self.ports:
            if port not in same:
                self._apply(self.engine.port_down(port.id, now=now), now)
        self._tell([(port, State.UP) for port in self.ports if port.told_up], now)
        if self.params.switch_mac == resolve.NO_MAC and self.ports.macs():
            self._readdress(now)
        self._become(now)
        while self._publishing.due == NOW:  # nothing is flooded that was pruned
            self.flush()
        # A table that says for the first time who is in which VLAN forgets who is in none yet.
        self.fastpath.fdb_load(surviving.learned(state, self.ports, same, now))

    # Inputs --------------------------------------------------------------------------------------

    def punted(self) -> int:
        """Take a batch of what the fast path handed up; its descriptor says if there is more.

        Nanoseconds to rest before the next one, while somebody floods or what he sent still waits:
        ahead of all other processes is no place to stay.
        """
        now = clock.now()
        engine = self.engine
        self._apply(engine.advance(now, DUE_MAX), now)
        cost = 0
        if not self._unread:
            self._unread.extend(self.fastpath.drain(self._budget.cost))
            self._undecided = True
        while self._unread and (not cost or clock.now() - now < BATCH_MAX_NS):
            punted = self._unread.popleft()
            cost += punted.cost
            self._taken += 1
            self.changes += 1
            if any(each.takes(punted, self.engine, now) for each in (self._guard, self.names)):
                continue
            try:
                effects = engine.receive(
                    port=punted.port, vid=punted.vid, frame=punted.frame, tci=punted.tci, now=now
                )
            except Exception as error:
                # Our own bug, met by a frame from outside: this frame is lost, the switch is not.
                self.internal_errors += 1
                self._limited.log(
                    logging.ERROR, "engine", f"internal error on a frame: {error!r}", now=now
                )
                continue
            self._outbox.hear(punted, effects)
            self._apply(effects, now)
        self._follow_guard(now)
        self.flush()
        self._remarks.refused(self._refused, self.fastpath, now)
        ended = clock.now()
        rest_ns = self._budget.spent(cost, ended - now)
        if not self._refused.flooding:
            rest_ns = 0
        self._resume = Instant(ended + rest_ns)
        return rest_ns

    def advance(self) -> None:
        """The time has come."""
        if self.turnover.due <= clock.now():
            self._turn_over()
        if self._unread:
            self.punted()
            return
        now = clock.now()
        self._apply(self.engine.advance(now, DUE_MAX), now)
        self.flush()

    def next_deadline(self) -> Instant | None:
        """When `advance` should be called next: at once, if something was left over."""
        due = min(self.engine.next_deadline() or NEVER, self._publishing.due, self.turnover.due)
        if self._unread:
            due = min(due, self._resume)
        return due if due < NEVER else None

    def links_changed(self) -> None:
        """Interfaces changed, a port can be taken, or one that failed may be tried again."""
        now = clock.now()
        changes = self.ports.reconcile(self._links)
        if self.params.switch_mac == resolve.NO_MAC and self.ports.macs():
            self._readdress(now)
        self._tell(changes, now)
        self._follow_guard(now)
        self._settle_runs()
        self.flush()

    def look(self) -> None:
        """Every LOOK_SECONDS: rings that stopped (F-8), addresses claimed at two ports (F-12).

        A port that was closed holds its interface until the loops have moved on, which is known
        only when somebody asks.
        """
        self.is_quiet, self._taken = not self._taken, 0
        self.fastpath.reap()
        self.ports.look()
        now = clock.now()
        self.names.announced.expire(now)
        self.kernel.look(now, self.config.switch)
        self._guard.beat(now, self.params.switch_mac, self.engine.vids())
        if self._follow_guard(now):
            self.flush()
        self._remarks.claimed(self._disputes.look(now), now)
        reopened = self._rings.look(now)
        self._remarks.reopened(reopened, now)
        if any(not port.opened for port, _ in reopened):
            self.links_changed()

    def neighbours_changed(self) -> None:
        """Somebody takes runs no longer, or again: that at once and alone, then all it entails."""
        self._settle_runs()
        self._publishing.publish_ports()
        self.links_changed()

    def do(self, effects: list[Effect]) -> None:
        """Carry out what an operator's command to the engine returned."""
        self._apply(effects, clock.now())
        self.flush()

    def configure(self, config: Config) -> None:
        """Become what `config` says, keeping every membership that it still allows."""
        now = clock.now()
        old = self.config
        self.turnover.follow(config)
        self.kernel.configure(config.switch)
        stay = [table for table in config.named if self.ports.find(table.name) is not None]
        self.ports.configure(config.switch, stay)
        self.config = config
        self.names.become(config)
        self._part_and_admit(now)
        # Thousands of VLANs with settings of their own take long, and `port set` changes none.
        if any(getattr(old, table) != getattr(config, table) for table in _SWITCH_WIDE):
            self.params = self._resolved(self.params.switch_mac)
        self._apply(self.engine.configure(self.params, self._all_params(), now=now), now)
        self._tell(self.ports.reconcile(self._links), now)
        self._become(now)

    def ports_changed(self, config: Config) -> None:
        """Ports came or went; nothing else in `config` is new, and what stays is not touched."""
        self.turnover.follow(config)
        self.config = config
        self._turn_over()

    def _turn_over(self) -> None:
        """A part of the ports that go and come."""
        now = clock.now()
        self._part_and_admit(now)
        changes = self.ports.reconcile(self._links)
        nameless = self.params.switch_mac == resolve.NO_MAC and self.ports.macs()
        if nameless or not isinstance(self.config.switch.report_flood, bool):
            self._readdress(now)
        self._tell(changes, now)
        self._become(now)

    def _part_and_admit(self, now: Instant) -> None:
        going, coming = self.turnover.take()
        for port in going:
            self._apply(self.engine.port_remove(port.id, now=now), now)
            self._outbox.tell_all()  # while it has its name
            self.ports.remove(port)
            self.fastpath.fdb_flush(port=port.id)
            self._statics.forget(port.id)
            self._guard.forget(port.id)
            self.names.announced.forget(port.id)
            # Its number is free for another, whom these frames are not of.
            self._unread = deque(one for one in self._unread if one.port != port.id)
        for table in coming:
            added = self.ports.add(table)
            params = self._port_params(table)
            self._apply(self.engine.port_add(added.id, params, now=now), now)

    def _readdress(self, now: Instant) -> None:
        """Follow what the switch as a whole owes to its ports: its own address, their numbers."""
        mac = self.params.switch_mac
        if mac == resolve.NO_MAC:
            mac = min(self.ports.macs(), default=mac)
        self.params = self._resolved(mac)
        self._apply(self.engine.configure(self.params, self._all_params(), now=now), now)

    def say(self, kind: EventKind, fields: dict[str, object], *, port: str | None = None) -> None:
        """An event of the runtime itself."""
        self.changes += 1
        self._outbox.say(kind, port=port, fields=fields, now=clock.now())

    # Effects -------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Compile what changed, publish once, then send what is to be sent and tell who listens.

        Who joins waits for the publish, and for nothing that may come after it.
        """
        if self._publishing.compile(self.engine, self.params, self._all_params):
            self._settle_runs()
        self._publishing.publish()
        if self._undecided and not (self._unread or self._publishing.lags):
            self.fastpath.decided()
            self._undecided = False
        self._outbox.flush()

    def _settle_runs(self) -> None:
        """Who gets runs, as routers and neighbours are now; staged for the next publish."""
        routers = 0
        for ports in self._publishing.routers.values():
            routers |= ports
        for port in self.ports.staging.settle_runs(routers):
            fields = {"takes_runs": port.runs.takes, "because": port.runs.because}
            self.say(EventKind.NEIGHBOUR, fields, port=port.name)

    def _apply(self, effects: Iterable[Effect], now: Instant) -> None:
        for effect in effects:
            self.changes += 1
            match effect:
                case Transmit():
                    self._outbox.send(effect)
                case GroupChanged(vid=vid, group=group):
                    self._publishing.group_changed(vid, group)
                case VlanChanged(vid=vid, family=family):
                    self._publishing.vlan_changed(vid, family)
                case Event():
                    self._outbox.tell(effect, now)

    def _tell(self, changes: list[tuple[Port, State]], now: Instant) -> None:
        for port, state in changes:
            if state is State.UP:
                self._apply(self.engine.port_up(port.id, now=now), now)
            else:
                self._apply(self.engine.port_down(port.id, now=now), now)
                self.fastpath.fdb_flush(port=port.id)
        self._guard.probe([port for port, state in changes if state is State.UP], now)

    def _follow_guard(self, now: Instant) -> bool:
        """What probes and BPDUs have told of: hosts to ask anew, ports held or let go."""
        asks, changed = self._guard.asks(now), self._guard.settle(now)
        if asks:
            self._apply(self.engine.topology_changed(now=now), now)
        if changed:
            self.changes += 1
            self._tell(self.ports.reconcile(self._links), now)
        return asks or changed

    def _port_params(self, table: PortTable) -> PortParams:
        return resolve.port_params(self.config.switch, table)

    def _all_params(self) -> dict[int, PortParams]:
        return {port.id: self._port_params(port.table) for port in self.ports}

    def _become(self, now: Instant) -> None:
        """Follow what the configuration says beside the ports, and publish all that it entails."""
        self._configure_statics(now)
        self._publishing.mdb.set_floods(resolve.always_flood(self.config))
        self._publishing.mdb.set_members(self.ports.members())
        # First of all: queries that wait leave with the tag that each port has there (VLAN-5).
        self._publishing.publish()
        if not self.turnover.waits:  # once, with the last of them
            self._publishing.all_vlans_changed(self.engine)
        self.flush()
        self.turnover.rest(now, clock.now())

    def _port_id(self, name: str) -> int | None:
        """None of a port that a pattern may make some day."""
        port = self.ports.find(name)
        return None if port is None else port.id

    def _resolved(self, switch_mac: bytes) -> Params:
        return resolve.params(self.config, port_id=self._port_id, switch_mac=switch_mac)

    def _configure_statics(self, now: Instant) -> None:
        """Make the configured static entries so; those of `snoop mdb add` stay."""
        wanted = resolve.statics(self.config, port_id=self._port_id)
        self._apply(
            self._statics.become(self.engine, wanted, now=now, full=self._remarks.full), now
        )
