"""Multicast router solicitations of our own (SNOOP-23, TM-18, RFC 4286 3.3).

A port that comes up is solicited three times, each after a wait below one second that hosts on the
same segment are unlikely to share. The waits are a sequence computed from the switch's MAC address:
spread out, and the same in every test. All ports that wait share one timer, one message per VLAN
and turn, which keeps the rate below ten a second however many ports and VLANs there are.
"""

from typing import TYPE_CHECKING, Final

from snoop.proto import originate
from snoop.proto.effects import Effect
from snoop.proto.units import MILLISECOND, STOPPED, Duration, Instant, after

if TYPE_CHECKING:
    from snoop.proto.switch import Switch

MAX_SOLICITATIONS: Final = 3
_SHORTEST_MS: Final = 100  # ten messages a second
_SPREAD_MS: Final = 900  # MAX_SOLICITATION_DELAY is 1 s
_STEP: Final = 6364136223846793005  # Knuth's MMIX generator
_OFFSET: Final = 1442695040888963407
_MASK: Final = (1 << 64) - 1


class Solicitor:
    """Which ports are still to be solicited, and when."""

    __slots__ = ("_left", "_state", "_switch", "armed")

    def __init__(self, switch: "Switch") -> None:
        """Start with nothing to do."""
        self._switch = switch
        self._state = int.from_bytes(switch.params.switch_mac)
        self._left: dict[int, dict[int, int]] = {}  # vid: port: messages left
        self.armed: Instant = STOPPED

    def port_up(self, port: int, now: Instant) -> None:
        """Solicit behind `port`, in every VLAN."""
        if not self._switch.params.mrd or not self._switch.params.enabled:
            return
        for vid in self._switch.vlans:
            self._left.setdefault(vid, {})[port] = MAX_SOLICITATIONS
        if not self.armed:
            self._switch.deadlines.arm(self, after(now, self._wait()))

    def port_down(self, port: int) -> None:
        """Stop soliciting behind `port`."""
        for ports in self._left.values():
            ports.pop(port, None)

    def forget(self, vid: int) -> None:
        """Stop soliciting in a VLAN that ends."""
        self._left.pop(vid, None)

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Send the next message, and have its VLAN wait for its next turn."""
        params = self._switch.params
        if not params.mrd or not params.enabled:
            self._left.clear()
        for vid in list(self._left):
            ports = self._left.pop(vid)
            if not ports:
                continue
            frame = originate.solicitation(self._switch.vlan_params.get(vid, params), vid)
            mask = sum(1 << port for port in ports)
            self._switch.send(mask, frame, "tx_mrd_solicitation", effects)
            remaining = {port: left - 1 for port, left in ports.items() if left > 1}
            if remaining:
                self._left[vid] = remaining
            break
        return after(now, self._wait()) if self._left else STOPPED

    def _wait(self) -> Duration:
        self._state = (self._state * _STEP + _OFFSET) & _MASK
        return Duration((_SHORTEST_MS + (self._state >> 33) % _SPREAD_MS) * MILLISECOND)
