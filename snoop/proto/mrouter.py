"""Router ports of one VLAN (spec 5.2).

A port is a router port while any record of it lives. A record is one reason: a router's address
and how we know of it (SNOOP-20). Each has its own end; a static one has none and survives the port
going down. A port may also be one by its settings, in every VLAN.
"""

from typing import TYPE_CHECKING

from snoop.proto import shares
from snoop.proto.effects import Effect, Event, VlanChanged
from snoop.proto.params import MrouterMode
from snoop.proto.port import Port
from snoop.proto.units import (
    NEVER,
    STOPPED,
    Duration,
    Instant,
    Ports,
    after,
    left,
    to_seconds,
)
from snoop.proto.views import MrouterRow
from snoop.wire.address import UNSPECIFIED, Address, Family, text

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan

QUERY, PIM, MRD, DVMRP, STATIC = "query", "pim", "mrd", "dvmrp", "static"
_RECORDS_MAX = 64  # per port: a forger of source addresses must not fill the memory

_Key = tuple[int, Address | None, str]


def _is_asker(key: _Key) -> bool:
    """Tell whether the record is of a query from 0.0.0.0."""
    return key[1] == UNSPECIFIED and key[2] == QUERY


class _Record:
    __slots__ = ("created", "until")

    def __init__(self, created: Instant, until: Instant) -> None:
        self.created = created
        self.until = until


class Mrouters:
    """The records of one VLAN and the port set that follows from them."""

    __slots__ = ("_counts", "_records", "_vlan", "armed", "askers", "has_pim", "ports")

    def __init__(self, vlan: "Vlan") -> None:
        """Start with the ports that are router ports by their settings."""
        self._vlan = vlan
        self._records: dict[_Key, _Record] = {}
        self._counts: dict[int, int] = {}
        self.askers: Ports = 0  # where a query from 0.0.0.0 made a router port
        self.has_pim = False  # whether there is a PIM neighbour
        self.armed: Instant = STOPPED
        self.ports: Ports = vlan.switch.always_mrouters

    def hear(
        self,
        port: Port,
        address: Address,
        origin: str,
        lifetime: Duration | None,
        *,
        now: Instant,
        effects: list[Effect],
    ) -> None:
        """Note evidence of a router, good for `lifetime` (None: for good)."""
        if port.params.mrouter is MrouterMode.NEVER:  # SNOOP-26
            port.counts["mrouter_refused"] += 1
            return
        until = NEVER if lifetime is None else after(now, lifetime)
        record = self._records.get((port.id, address, origin))
        if record is not None:
            record.until = until
            self._vlan.switch.deadlines.arm(self, until)
            return
        vlan = self._vlan
        stake = shares.stake_of(vlan, port)
        full = self._counts.get(port.id, 0) >= _RECORDS_MAX
        if full or stake.make_room(shares.ROUTER, effects) < shares.ROUTER:
            shares.release(stake)
            port.counts["mrouter_limit"] += 1
            reason = f"{_RECORDS_MAX} router records on one port: no more taken"
            if not full:
                reason = "max_state reached: router record not taken"
            vlan.switch.warn(
                "limit", vlan.vid, port.id, reason, now, effects, address=text(address)
            )
            return
        shares.stake_of(vlan, port).charge(shares.ROUTER)
        self._records[port.id, address, origin] = _Record(now, until)
        self._tell("added", port.id, address, origin, effects, lifetime=lifetime)
        self._vlan.switch.deadlines.arm(self, until)
        self._changed(now, effects)

    def hear_query(
        self,
        port: Port,
        address: Address,
        lifetime: Duration,
        *,
        now: Instant,
        effects: list[Effect],
    ) -> None:
        """Note that a query came in, be it from 0.0.0.0 (SNOOP-21, Q-19)."""
        self.hear(port, address, QUERY, lifetime, now=now, effects=effects)

    def forget(
        self, port: Port, address: Address, origin: str, now: Instant, effects: list[Effect]
    ) -> None:
        """Drop one record: the router said goodbye."""
        if (port.id, address, origin) in self._records:
            self._remove([(port.id, address, origin)], now, effects)

    def forget_askers(self, now: Instant, effects: list[Effect]) -> None:
        """Drop what queries from 0.0.0.0 have made: somebody with an address asks (Q-19)."""
        self._remove([key for key in self._records if _is_asker(key)], now, effects)

    def forget_queries(self, port: int, now: Instant, effects: list[Effect]) -> None:
        """Drop what queries have made of `port`: they are not believed any more (Q-18)."""
        gone = [key for key in self._records if key[0] == port and key[2] == QUERY]
        self._remove(gone, now, effects)

    def add_static(self, port: int, now: Instant, effects: list[Effect]) -> None:
        """Make `port` a router port for good; no effect if it is."""
        if (port, None, STATIC) not in self._records:
            self._records[port, None, STATIC] = _Record(now, NEVER)
            self._tell("added", port, None, STATIC, effects)
            self.settle(effects)

    def remove_static(self, port: int, effects: list[Effect]) -> None:
        """Undo `add_static`; KeyError if there is nothing to undo."""
        self._drop((port, None, STATIC))
        self._tell("removed", port, None, STATIC, effects)
        self.settle(effects)

    def drop_port(self, port: int, now: Instant, effects: list[Effect], *, static: bool) -> None:
        """Drop what was learned on `port` (SM-67), and static records too if `static`."""
        gone = [k for k in self._records if k[0] == port and (static or k[2] != STATIC)]
        self._remove(gone, now, effects)

    def drop_learned(self, effects: list[Effect]) -> None:
        """Drop all that was learned: snooping was switched off (SM-67)."""
        for key in [key for key in self._records if key[2] != STATIC]:
            self._drop(key)
        self.settle(effects)

    def _drop(self, key: _Key) -> None:
        """Take a record out; KeyError if there is none."""
        del self._records[key]
        port, _, origin = key
        if origin != STATIC:
            shares.stake_of(self._vlan, self._vlan.switch.ports[port]).charge(-shares.ROUTER)
        if not self._records:
            self._vlan.emptied()

    def _remove(self, gone: list[_Key], now: Instant, effects: list[Effect]) -> None:
        for key in gone:
            self._drop(key)
            self._tell("removed", key[0], key[1], key[2], effects)
        if gone:
            self._changed(now, effects)

    def _changed(self, now: Instant, effects: list[Effect]) -> None:
        self.settle(effects)
        self._vlan.presence.settle(now, effects)

    def settle(self, effects: list[Effect]) -> None:
        """Recompute what follows from the records and say so if the ports changed (SNOOP-28)."""
        ports = self._vlan.switch.always_mrouters
        self._counts.clear()
        self.askers, self.has_pim = 0, False
        for key in self._records:
            bit = 1 << key[0]
            ports |= bit
            self._counts[key[0]] = self._counts.get(key[0], 0) + 1
            if _is_asker(key):
                self.askers |= bit
            elif key[2] == PIM:
                self.has_pim = True
        if ports != self.ports:
            self.ports = ports
            effects.append(VlanChanged(self._vlan.vid, Family.IPV4))

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Drop records that have run out."""
        over = [key for key, record in self._records.items() if record.until <= now]
        for key in over:
            self._drop(key)
            self._tell("expired", key[0], key[1], key[2], effects)
        if over:
            self._changed(now, effects)
        nearest = min((record.until for record in self._records.values()), default=NEVER)
        return nearest if nearest < NEVER else STOPPED

    @property
    def is_used(self) -> bool:
        """True while there is a record, learned or an operator's."""
        return bool(self._records)

    def rows(self, now: Instant) -> list[MrouterRow]:
        """Return one row per record, and one per port that is a router port by its settings."""
        vid = self._vlan.vid
        rows = [
            MrouterRow(
                vid=vid,
                family=Family.IPV4,
                port=port,
                origin=origin,
                address=address,
                timer=left(record.until, now),
                uptime=Duration(now - record.created),
            )
            for (port, address, origin), record in self._records.items()
        ]
        for port in self._vlan.switch.ports.values():
            if port.params.mrouter is not MrouterMode.ALWAYS:
                continue
            if (port.id, None, STATIC) in self._records:
                continue
            rows.append(
                MrouterRow(
                    vid=vid,
                    family=Family.IPV4,
                    port=port.id,
                    origin=STATIC,
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
        origin: str,
        effects: list[Effect],
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
        effects.append(Event("mrouter", self._vlan.vid, port, fields))
