"""The loop guard at work: probes sent, those that come in taken, ports held and let go.

`proto/loops.py` says what follows from what; here are the ports it is about, and the frames. Beside
it the topology changes that BPDUs tell of, which come up the same way: hosts are asked anew, and of
the unicast addresses those that are silent are forgotten, but at the port that the change was told
by (IEEE 802.1D-2004, 17.11: what is behind it is known to be there). Who speaks stays known, so a
host that makes up changes has nothing flooded to it that is under way.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Protocol

from snoop.config import resolve
from snoop.config.schema import SwitchTable
from snoop.proto.effects import EventKind, Transmit, own_frame
from snoop.proto.loops import BEAT, Held, LoopGuard
from snoop.proto.topology import Topology
from snoop.proto.units import SECOND, Duration, Instant
from snoop.proto.units import Ports as PortSet
from snoop.runtime.outbox import Outbox
from snoop.runtime.port import Port, State
from snoop.runtime.ports import Ports
from snoop.table.seen import FdbEntry, Punted
from snoop.wire import probe
from snoop.wire.probe import SWITCH_BYTES

_log = logging.getLogger("snoop.loop")

# VLANs of a port that are probed in one beat; a trunk of more takes several beats for a round. What
# goes round in one of them is heard at two ports before: where addresses are claimed comes first.
VLANS_MAX = 16
CLAIMS_MAX = 64
SILENT = Duration(SECOND)
"""Who has not been heard for so long may be elsewhere, after a change."""
_BRIDGES = (bytes.fromhex("0180c2000000"), bytes.fromhex("01000ccccccd"))


class Counts(Protocol):
    """The part of the engine that counts."""

    def note(self, port: int, counter: str) -> None: ...


class Addresses(Protocol):
    """The part of the fast path that knows unicast addresses."""

    @property
    def fdb_disputes(self) -> int: ...
    def fdb_disputed(self, within_ns: int, *, most: int) -> Sequence[FdbEntry]: ...
    def fdb_age(self, silent_ns: int, *, but_port: int) -> int: ...


class Guard:
    """Of the ports of one switch."""

    def __init__(self, fastpath: Addresses, ports: Ports, outbox: Outbox) -> None:
        self._fastpath = fastpath
        self._ports = ports
        self._outbox = outbox
        self._mac: bytes | None = None
        self._loops = LoopGuard(os.urandom(SWITCH_BYTES))
        self._by_bpdus = Topology()
        self._by_probes = Topology(SECOND)
        self._changed_at = 0  # the port
        self._asks = False
        self._beaten = Instant(0)
        self._turns: dict[int, Iterator[int]] = {}
        self._disputes = 0
        self._claimed: dict[int, set[int]] = {}  # VLANs, by port

    @property
    def _switch(self) -> SwitchTable:
        return self._ports.staging.switch

    def beat(self, now: Instant, mac: bytes, vids: Iterable[int]) -> None:
        """Send probes from `mac`, if a second has passed; `vids`: the VLANs that are known."""
        if self._mac is None:
            # Its address first: after a restart it is the same switch of several that goes first.
            self._loops.switch = mac + os.urandom(SWITCH_BYTES - len(mac))
        self._mac = mac
        if now - self._beaten >= BEAT:
            self._beaten = now
            known = list(vids)
            self._look_for_claims()
            up = [port for port in self._ports if port.state is State.UP]
            for transmit in self._probes(up, now, known):
                self._outbox.send_now(transmit)

    def probe(self, ports: Iterable[Port], now: Instant) -> None:
        """Send probes by ports that have just come up, once that is published: a loop may have come
        with them, and what another switch answers to news of it is not to find the port held.
        """
        for transmit in self._probes(ports, now, ()):
            self._outbox.send(transmit)

    def takes(self, punted: Punted, counts: Counts, now: Instant) -> bool:
        """Take a frame that is none of the engine's: a probe, or a BPDU that tells of a change."""
        if punted.frame[:6] in _BRIDGES:
            self._hear_change(punted.port, self._by_bpdus, now)
            return True
        if not probe.is_one(punted.frame):
            return False
        heard = self._loops.receive(punted.port, punted.vid, punted.frame, now)
        forwarding = self._forwarding()
        if heard.passed is not None and forwarding >> punted.port & 1:
            others = forwarding & ~(1 << punted.port)
            self._outbox.send(
                Transmit(punted.vid, others, heard.passed, punted.tci, came_from=punted.port)
            )
        if heard.changed:
            self._hear_change(punted.port, self._by_probes, now)
        if heard.refused:
            counts.note(punted.port, "probe_refused")
        return True

    def _hear_change(self, port: int, topology: Topology, now: Instant) -> None:
        self._changed_at = port
        self._asks = topology.hear(now) or self._asks

    def asks(self, now: Instant) -> bool:
        """Tell, once, whether hosts are to be asked anew, the network being another; who is silent
        is forgotten.
        """
        due = [one.due(now) for one in (self._by_bpdus, self._by_probes)]
        asks = any(due) or self._asks
        self._asks = False
        if asks:
            forgotten = self._fastpath.fdb_age(SILENT, but_port=self._changed_at)
            name, fields = self._ports.name(self._changed_at), {"forgotten": forgotten}
            self._outbox.say(EventKind.TOPOLOGY, port=name, fields=fields, now=now)
        return asks

    def settle(self, now: Instant) -> bool:
        """Hold ports, or let them go, from the next publish on; True if any has changed."""
        up = sum(1 << port.id for port in self._ports if port.state is State.UP)
        changes = self._loops.settle(up if self._switch.loop_guard else 0, now)
        for number, held in changes:
            port = self._ports.get(number)
            if port is not None:
                self._become(port, held, now)
        return bool(changes)

    @property
    def held(self) -> Mapping[int, Held]:
        """The ports that are held, by number."""
        return self._loops.held

    def resume(self, held: Mapping[int, Held], now: Instant) -> None:
        """Hold what another process has held, before any port is opened."""
        self._loops.resume(held, now)
        for port in self._ports:
            if port.id in held:
                self._mark(port, held[port.id])

    def forget(self, port: int) -> None:
        """A port is none any more."""
        self._loops.forget(port)
        self._turns.pop(port, None)

    def _mark(self, port: Port, held: Held | None) -> None:
        port.held = None if held is None else self._sentence(port, held)
        port.held_with = None if held is None else self._ports.name(held.by)
        if held is not None:
            _log.warning("%s: %s", port.name, port.held)
        else:
            _log.info("%s: its loop is gone; it forwards again", port.name)

    def _become(self, port: Port, held: Held | None, now: Instant) -> None:
        self._mark(port, held)
        self._beaten = Instant(0)  # the others are to know
        fields: dict[str, object] = {"change": "released", "by": None, "reason": "the loop is gone"}
        if held is not None:
            by = self._ports.name(held.by)
            fields = {"change": "held", "by": by, "reason": port.held}
        vlan = 0 if held is None else held.vid
        self._outbox.say(EventKind.LOOP, vlan=vlan, port=port.name, fields=fields, now=now)
        if port.link is not None:
            self._ports.staging.set(port)

    def _sentence(self, port: Port, held: Held) -> str:
        where = f" in VLAN {held.vid}" if held.vid else ""
        if held.by == port.id:
            return f"held, forwards nothing: what it sends comes back to it{where}, a loop"
        by = self._ports.name(held.by)
        return f"held, forwards nothing: a loop, it and {by} reach each other outside{where}"

    def _forwarding(self) -> PortSet:
        return sum(
            1 << port.id for port in self._ports if port.state is State.UP and port.held is None
        )

    def _probes(
        self, ports: Iterable[Port], now: Instant, vids: Iterable[int]
    ) -> Iterator[Transmit]:
        if self._mac is None or not self._switch.loop_guard:
            return
        wanted = [(port.id, self._vids(port, vids)) for port in ports]
        for made in self._loops.beat(wanted, os.urandom, now):
            label = f"{self._switch.name} {self._ports.name(made.port)}"
            frame = probe.build(made._replace(label=label), self._mac)
            tci = own_frame(made.vid, frame).tci
            yield Transmit(made.vid, 1 << made.port, frame, tci)

    def _look_for_claims(self) -> None:
        grown, self._claimed = self._fastpath.fdb_disputes, defaultdict(set)
        if grown == self._disputes:
            return
        self._disputes = grown
        for entry in self._fastpath.fdb_disputed(2 * BEAT, most=CLAIMS_MAX):
            for port in (entry.port, entry.rival):
                if port is not None:
                    self._claimed[port].add(entry.vlan)

    def _vids(self, port: Port, known: Iterable[int]) -> list[int]:
        """Where it is probed now: without a tag, where there is a loop or may be one, and in its
        tagged VLANs by turns.
        """
        vlans = resolve.port_vlans(self._switch, port.table)
        own = [0] if vlans is None else [vlans.pvid] if vlans.pvid else []
        first = self._loops.vlans(port.id) | self._claimed.get(port.id, set())
        if vlans is None:
            tagged = sorted({vid for vid in (*known, *first) if vid})
        else:
            tagged = [vid for vid in vlans.vids() if vid not in own]
        if len(tagged) <= VLANS_MAX:
            return own + tagged
        turn = self._turns.setdefault(port.id, cycle(range(0, 1 << 16, VLANS_MAX)))
        start = next(turn) % len(tagged)
        by_turns = islice(cycle(tagged), start, start + VLANS_MAX)
        return list(dict.fromkeys([*own, *sorted(first.intersection(tagged)), *by_turns]))
