"""Router ports of one instance (spec 5.2).

A port is a router port while any record of it lives. A record is one reason: a router's address
and how we know of it (SNOOP-20). Each has its own end; a static one has none and survives the port
going down. A port may also be one by its settings, in every VLAN.
"""

from dataclasses import dataclass
from typing import NamedTuple

from snoop.proto.dumping import Timer, require, require_addresses, require_instants, timer_of
from snoop.proto.effects import EventKind, Turn
from snoop.proto.loading import Load
from snoop.proto.params import MrouterMode
from snoop.proto.port import Port
from snoop.proto.scope import Hook, Scope
from snoop.proto.shares import ROUTER
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after, left, to_seconds
from snoop.proto.views import Disbelief, MrouterRow, RouterOrigin
from snoop.wire.address import UNSPECIFIED, Address, text

_RECORDS_MAX = 64  # per port: a forger of source addresses must not fill the memory

_Key = tuple[int, Address | None, RouterOrigin]


def _is_asker(key: _Key) -> bool:
    """Tell whether the record is of a query from 0.0.0.0."""
    return key[1] == UNSPECIFIED and key[2] is RouterOrigin.QUERY


class RecordState(NamedTuple):
    """A record that survives."""

    port: int
    address: Address | None
    origin: RouterOrigin
    created: Instant
    until: Instant


class MroutersState(NamedTuple):
    """The records that survive, in their order; port sets and counts follow from them."""

    timer: Timer
    records: tuple[RecordState, ...]


@dataclass(slots=True)
class _Record:
    created: Instant
    until: Instant


class Mrouters:
    """The records of one instance and the port set that follows from them."""

    __slots__ = (
        "_changed",
        "_counts",
        "_records",
        "_scope",
        "armed",
        "armed_as",
        "askers",
        "has_pim",
        "ports",
    )

    def __init__(self, scope: Scope, changed: Hook) -> None:
        """Start with the ports that are router ports by their settings.

        `changed` is told when a record came or went.
        """
        self._scope = scope
        self._changed = changed
        self._records: dict[_Key, _Record] = {}
        self._counts: dict[int, int] = {}
        self.askers: Ports = 0  # where a query from 0.0.0.0 made a router port
        self.has_pim = False  # whether there is a PIM neighbour
        self.armed: Instant = STOPPED
        self.armed_as = 0
        self.ports: Ports = scope.context.always_mrouters[scope.family] & scope.members

    def hear(
        self,
        port: Port,
        address: Address,
        origin: RouterOrigin,
        lifetime: Duration | None,
        turn: Turn,
    ) -> None:
        """Note evidence of a router, good for `lifetime` (None: for good)."""
        if port.of(self._scope.family).mrouter is MrouterMode.NEVER:  # SNOOP-26
            port.counts["mrouter_refused"] += 1
            port.witnesses.shun(self._scope.vid, address, origin, Disbelief.NEVER, turn.now)
            return
        until = NEVER if lifetime is None else after(turn.now, lifetime)
        record = self._records.get((port.id, address, origin))
        if record is not None:
            record.until = until
            self._scope.arm(self, until)
            return
        stake = self._scope.stake(port)
        full = self._counts.get(port.id, 0) >= _RECORDS_MAX
        if full or stake.make_room(ROUTER, turn) < ROUTER:
            stake.release()
            port.counts["mrouter_limit"] += 1
            port.witnesses.shun(self._scope.vid, address, origin, Disbelief.LIMIT, turn.now)
            reason = f"{_RECORDS_MAX} router records on one port: no more taken"
            if not full:
                reason = "max_state reached: router record not taken"
            self._scope.warn(EventKind.LIMIT, port.id, reason, turn, address=text(address))
            return
        stake.charge(ROUTER)
        self._records[port.id, address, origin] = _Record(turn.now, until)
        port.witnesses.believe(self._scope.vid, address, origin)
        self._tell("added", port.id, address, origin, turn, lifetime=lifetime)
        self._scope.arm(self, until)
        self._settle_all(turn)

    def hear_query(
        self,
        port: Port,
        address: Address,
        lifetime: Duration,
        turn: Turn,
    ) -> None:
        """Note that a query came in, be it from 0.0.0.0 (SNOOP-21, Q-19)."""
        self.hear(port, address, RouterOrigin.QUERY, lifetime, turn)

    def forget(self, port: Port, address: Address, origin: RouterOrigin, turn: Turn) -> None:
        """Drop one record: the router said goodbye."""
        if (port.id, address, origin) in self._records:
            self._remove([(port.id, address, origin)], turn)

    def forget_askers(self, turn: Turn) -> None:
        """Drop what queries from 0.0.0.0 have made: somebody with an address asks (Q-19)."""
        self._remove([key for key in self._records if _is_asker(key)], turn)

    def forget_queries(self, port: int, turn: Turn) -> None:
        """Drop what queries have made of `port`: they are not believed any more (Q-18)."""
        gone = [key for key in self._records if key[0] == port and key[2] is RouterOrigin.QUERY]
        self._remove(gone, turn)

    def add_static(self, port: int, turn: Turn) -> None:
        """Make `port` a router port for good; no effect if it is."""
        if (port, None, RouterOrigin.STATIC) not in self._records:
            self._records[port, None, RouterOrigin.STATIC] = _Record(turn.now, NEVER)
            self._tell("added", port, None, RouterOrigin.STATIC, turn)
            self.settle(turn)

    def remove_static(self, port: int, turn: Turn) -> None:
        """Undo `add_static`; KeyError if there is nothing to undo."""
        self._drop((port, None, RouterOrigin.STATIC))
        self._tell("removed", port, None, RouterOrigin.STATIC, turn)
        self.settle(turn)

    def drop_port(self, port: int, turn: Turn, *, static: bool) -> None:
        """Drop what was learned on `port` (SM-67), and static records too if `static`."""
        gone = [
            k for k in self._records if k[0] == port and (static or k[2] is not RouterOrigin.STATIC)
        ]
        self._remove(gone, turn)

    def drop_learned(self, turn: Turn) -> None:
        """Drop all that was learned: snooping was switched off (SM-67)."""
        for key in [key for key in self._records if key[2] is not RouterOrigin.STATIC]:
            self._drop(key)
        self.settle(turn)

    def _drop(self, key: _Key) -> None:
        """Take a record out; KeyError if there is none."""
        del self._records[key]
        port, _, origin = key
        if origin is not RouterOrigin.STATIC:
            self._scope.stake(self._scope.context.ports[port]).charge(-ROUTER)
        if not self._records:
            self._scope.emptied()

    def _remove(self, gone: list[_Key], turn: Turn) -> None:
        for key in gone:
            self._drop(key)
            self._tell("removed", key[0], key[1], key[2], turn)
        if gone:
            self._settle_all(turn)

    def _settle_all(self, turn: Turn) -> None:
        self.settle(turn)
        self._changed(turn)

    def settle(self, turn: Turn) -> None:
        """Recompute what follows from the records and say so if the ports changed (SNOOP-28)."""
        ports = self._scope.context.always_mrouters[self._scope.family]
        self._counts.clear()
        self.askers, self.has_pim = 0, False
        for key in self._records:
            bit = 1 << key[0]
            ports |= bit
            self._counts[key[0]] = self._counts.get(key[0], 0) + 1
            if _is_asker(key):
                self.askers |= bit
            elif key[2] is RouterOrigin.PIM:
                self.has_pim = True
        ports &= self._scope.members  # an operator's word may be about one that is not
        if ports != self.ports:
            self.ports = ports
            self._scope.vlan_changed(turn)

    def fire(self, turn: Turn) -> Instant:
        """Drop records that have run out."""
        over = [key for key, record in self._records.items() if record.until <= turn.now]
        for key in over:
            self._drop(key)
            self._tell("expired", key[0], key[1], key[2], turn)
        if over:
            self._settle_all(turn)
        nearest = min((record.until for record in self._records.values()), default=NEVER)
        return nearest if nearest < NEVER else STOPPED

    def knows(self, port: int) -> bool:
        """Tell whether there is a record of a port, be it in the VLAN or not."""
        return port in self._counts

    @property
    def is_used(self) -> bool:
        """True while there is a record, learned or an operator's."""
        return bool(self._records)

    def rows(self, now: Instant) -> list[MrouterRow]:
        """One row per record, and one per port that is a router port by its settings."""
        vid = self._scope.vid
        rows = [
            MrouterRow(
                vid=vid,
                family=self._scope.family,
                port=port,
                origin=origin,
                address=address,
                timer=left(record.until, now),
                uptime=Duration(now - record.created),
            )
            for (port, address, origin), record in self._records.items()
        ]
        for port in self._scope.context.ports.values():
            is_always = port.of(self._scope.family).mrouter is MrouterMode.ALWAYS
            if not (is_always and port.bit & self._scope.members):
                continue
            if (port.id, None, RouterOrigin.STATIC) in self._records:
                continue
            rows.append(
                MrouterRow(
                    vid=vid,
                    family=self._scope.family,
                    port=port.id,
                    origin=RouterOrigin.STATIC,
                    address=None,
                    timer=None,
                    uptime=Duration(now - port.added),
                )
            )
        rows.sort(key=lambda row: (row.port, row.origin, row.address or b""))
        return rows

    def _tell(
        self,
        change: str,
        port: int,
        address: Address | None,
        origin: RouterOrigin,
        turn: Turn,
        *,
        lifetime: Duration | None = None,
    ) -> None:
        """`lifetime`: of a record that is added; None: it has no end."""
        fields: dict[str, object] = {
            "change": change,
            "origin": origin,
            "address": None if address is None else text(address),
        }
        if change == "added":
            fields["lifetime"] = None if lifetime is None else to_seconds(lifetime)
        self._scope.tell(EventKind.MROUTER, port, turn, **fields)

    # What survives -------------------------------------------------------------------------------

    def dump(self) -> MroutersState:
        """What survives."""
        records = (
            RecordState(*key, record.created, record.until) for key, record in self._records.items()
        )
        return MroutersState(timer_of(self), tuple(records))

    def load(self, state: MroutersState, into: Load) -> None:
        """Take up what was dumped."""
        for each in state.records:
            port = into.port(each.port)
            key = port.id, each.address, each.origin
            static = each.origin is RouterOrigin.STATIC
            require(key not in self._records, "a router record twice")
            require(static == (each.address is None), "a router without an address")
            require(
                each.until > 0 and (each.until == NEVER or not static), "a router without an end"
            )
            require_addresses(self._scope.family, () if each.address is None else (each.address,))
            require_instants(each.until)
            into.require_past(each.created)
            self._records[key] = _Record(each.created, each.until)
            if not static:
                self._scope.stake(port).charge(ROUTER)
        nearest = min((record.until for record in self._records.values()), default=NEVER)
        into.timer(self, state.timer, nearest if nearest < NEVER else STOPPED)
        self.settle(Turn(into.now))
