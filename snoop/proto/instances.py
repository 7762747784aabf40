"""VLANs that begin and end.

VLAN 0 and those with settings of their own are there from the start. Any other begins with the
first thing that is to be remembered of it, and ends when nothing is left: no member, tombstone,
static entry or router record, and no other querier. What a frame left nothing of never was one.

A VLAN that a frame made is charged to the port the frame came from. Its querier begins its work in
turn, `_RATE` of them a second: a question goes to every port, and one frame must not become
thousands. Until then the VLAN floods, as it does until its hosts have had time to answer (Q-15).
"""

from typing import Final

from snoop.proto import shares
from snoop.proto.effects import Effect, Event
from snoop.proto.filters import TokenBucket
from snoop.proto.port import Port
from snoop.proto.solicitor import Solicitor
from snoop.proto.switch import Switch
from snoop.proto.units import SECOND, STOPPED, Duration, Instant, after
from snoop.proto.vlan import Vlan

_NEEDED: Final = shares.VLAN + shares.MEMBERSHIP
_RATE: Final = 20  # queriers that begin in a second, and at once


class Instances:
    """The VLANs of a switch."""

    __slots__ = ("_bucket", "_solicitor", "_switch", "_waiting", "armed")

    def __init__(self, switch: Switch, solicitor: Solicitor, now: Instant) -> None:
        """Begin with VLAN 0."""
        self._switch = switch
        self._solicitor = solicitor
        self._bucket = TokenBucket(_RATE, _RATE, now=now)
        self._waiting: dict[int, None] = {}  # whose querier has not had its turn
        self.armed: Instant = STOPPED
        self.open(0, now, [])

    def open(self, vid: int, now: Instant, effects: list[Effect]) -> Vlan:
        """Return the VLAN, made at once if it is new: an operator wants it."""
        vlan = self._switch.vlans.get(vid)
        if vlan is None:
            vlan = self._register(Vlan(self._switch, vid), effects)
            self._start(vlan, now, effects)
        elif vid in self._waiting:
            del self._waiting[vid]
            self._start(vlan, now, effects)
        return vlan

    def draft(self, vid: int, port: Port, now: Instant, effects: list[Effect]) -> Vlan | None:
        """Return the VLAN for a frame of `port`; a new one is to be kept or forgotten by `keep`.

        None if the port may not open another one: nothing is learned then.
        """
        vlan = self._switch.vlans.get(vid)
        if vlan is not None:
            return vlan
        if port.opened_vlans >= shares.VLANS_MAX:
            counter = "vlan_limit"
            reason = f"{shares.VLANS_MAX} VLANs opened by one port: no more taken"
        else:
            vlan = Vlan(self._switch, vid)
            if shares.Stake(vlan, port).make_room(_NEEDED, effects) >= _NEEDED:
                return vlan
            vlan.dissolve()
            counter = "state_limit"
            reason = "max_state reached: VLAN not taken"
        port.counts[counter] += 1
        self._switch.warn("limit", vid, port.id, reason, now, effects)
        return None

    def keep(self, vlan: Vlan, port: Port, now: Instant, effects: list[Effect]) -> None:
        """Take in a draft that something was learned in."""
        if vlan.vid in self._switch.vlans:
            return
        if vlan.is_idle:
            vlan.dissolve()
            return
        self._register(vlan, effects)
        vlan.opener = port
        port.opened_vlans += 1
        shares.stake_of(vlan, port).charge(shares.VLAN)
        if not self._waiting and self._bucket.take(now):
            self._start(vlan, now, effects)
        else:
            self._waiting[vlan.vid] = None
            self._switch.deadlines.arm(self, after(now, Duration(SECOND // _RATE)))

    def is_waiting(self, vid: int) -> bool:
        """Tell whether the VLAN's querier has not had its turn yet."""
        return vid in self._waiting

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Let the next querier begin."""
        while self._waiting and self._bucket.take(now):
            vid = next(iter(self._waiting))
            del self._waiting[vid]
            self._start(self._switch.vlans[vid], now, effects)
        return after(now, Duration(SECOND // _RATE)) if self._waiting else STOPPED

    def sweep(self, effects: list[Effect]) -> None:
        """End the VLANs that have nothing left."""
        emptied = self._switch.emptied
        while emptied:
            vlan = self._switch.vlans.get(emptied.pop())
            if vlan is not None and not vlan.is_configured and vlan.is_idle:
                self._end(vlan, effects)

    def _register(self, vlan: Vlan, effects: list[Effect]) -> Vlan:
        self._switch.vlans[vlan.vid] = vlan
        effects.append(vlan.changed())
        return vlan

    def _start(self, vlan: Vlan, now: Instant, effects: list[Effect]) -> None:
        if self._switch.up and self._switch.params.enabled:
            vlan.querier.start(now, effects)

    def _end(self, vlan: Vlan, effects: list[Effect]) -> None:
        if vlan.querier.is_querier:
            fields = {"role": "none", "address": None, "reason": "nothing is left in this VLAN"}
            effects.append(Event("querier", vlan.vid, None, fields))
        self._solicitor.forget(vlan.vid)
        self._waiting.pop(vlan.vid, None)
        del self._switch.vlans[vlan.vid]
        if vlan.opener is not None:
            vlan.opener.opened_vlans -= 1
            shares.stake_of(vlan, vlan.opener).charge(-shares.VLAN)
            vlan.opener = None
        effects.append(vlan.changed())
        vlan.dissolve()
