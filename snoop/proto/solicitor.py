"""Multicast router solicitations of our own (SNOOP-23, TM-18, RFC 4286 3.3).

A port that comes up is solicited three times, each after a wait below one second that hosts on the
same segment are unlikely to share. The waits are a sequence computed from the switch's MAC address:
spread out, and the same in every test. All ports that wait share one timer, one message per VLAN
and turn, which keeps the rate below ten a second however many ports and VLANs there are.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from snoop.proto.context import Context
from snoop.proto.dumping import Timer, require, timer_of
from snoop.proto.effects import Turn, own_frame
from snoop.proto.loading import Load
from snoop.proto.units import MILLISECOND, NEVER, STOPPED, Duration, Instant, after
from snoop.wire import compose_mld
from snoop.wire.address import ALL_ROUTERS, ALL_ROUTERS6, Family
from snoop.wire.compose import build_mrd_solicitation
from snoop.wire.control import build_frame
from snoop.wire.messages import MrdSolicitation

MAX_SOLICITATIONS: Final = 3
_SHORTEST_MS: Final = 100  # ten messages a second
_SPREAD_MS: Final = 900  # MAX_SOLICITATION_DELAY is 1 s
_STEP: Final = 6364136223846793005  # Knuth's MMIX generator
_OFFSET: Final = 1442695040888963407
_MASK: Final = (1 << 64) - 1


class WaitingState(NamedTuple):
    """How many messages each port is to get in an instance."""

    vid: int
    ports: tuple[tuple[int, int], ...]
    family: Family = Family.IPV4


class SolicitorState(NamedTuple):
    """What is still to be solicited, and what the next waits follow from, as it survives."""

    timer: Timer
    state: int
    left: tuple[WaitingState, ...]


class Solicitor:
    """Which ports are still to be solicited, and when."""

    __slots__ = ("_context", "_left", "_state", "armed", "armed_as")

    def __init__(self, context: Context) -> None:
        """Start with nothing to do."""
        self._context = context
        self._state = int.from_bytes(context.params.switch_mac)
        self._left: dict[tuple[int, Family], dict[int, int]] = {}  # instance: port: messages left
        self.armed: Instant = STOPPED
        self.armed_as = 0

    def port_up(self, port: int, keys: Iterable[tuple[int, Family]], now: Instant) -> None:
        """Solicit behind `port`, in every instance of `keys`."""
        for key in keys:
            if self._solicits(key):
                self._left.setdefault(key, {})[port] = MAX_SOLICITATIONS
        if self._left and not self.armed:
            self._context.deadlines.arm(self, after(now, self._wait()))

    def port_down(self, port: int) -> None:
        """Stop soliciting behind `port`."""
        for ports in self._left.values():
            ports.pop(port, None)

    def forget(self, vid: int, family: Family) -> None:
        """Stop soliciting in an instance that ends."""
        self._left.pop((vid, family), None)

    def fire(self, turn: Turn) -> Instant:
        """Send the next message, and have its VLAN wait for its next turn."""
        for key in list(self._left):
            ports = self._left.pop(key)
            if not ports or not self._solicits(key):
                continue
            vid, family = key
            own = self._context.settings.of(vid, family)
            is_ipv4 = family is Family.IPV4
            frame = build_frame(  # RFC 4286 3.3
                src_mac=own.switch_mac,
                src=own.own_address,
                dst=ALL_ROUTERS if is_ipv4 else ALL_ROUTERS6,
                payload=build_mrd_solicitation()
                if is_ipv4
                else compose_mld.write(MrdSolicitation()),
            )
            mask = sum(1 << port for port in ports)
            self._context.send(mask, own_frame(vid, frame), "tx_mrd_solicitation", turn)
            remaining = {port: left - 1 for port, left in ports.items() if left > 1}
            if remaining:
                self._left[key] = remaining
            break
        return after(turn.now, self._wait()) if self._left else STOPPED

    def dump(self) -> SolicitorState:
        """What survives."""
        left = (
            WaitingState(vid, tuple(ports.items()), family)
            for (vid, family), ports in self._left.items()
        )
        return SolicitorState(timer_of(self), self._state, tuple(left))

    def load(self, state: SolicitorState, into: Load) -> None:
        """Take up what was dumped."""
        require(0 <= state.state <= _MASK, "no state of the generator")
        self._state = state.state
        for vid, ports, family in state.left:
            key = vid, Family(family)
            require(0 <= vid < 4095 and key not in self._left, "no VLAN to solicit, or twice")
            require(
                all(1 <= count <= MAX_SOLICITATIONS for _, count in ports), "too many solicitations"
            )
            self._left[key] = {into.port_id(number): count for number, count in ports}
        into.timer(self, state.timer, NEVER if self._left else STOPPED)

    def _solicits(self, key: tuple[int, Family]) -> bool:
        own = self._context.settings.of(*key)
        return own.mrd and own.enabled

    def _wait(self) -> Duration:
        self._state = (self._state * _STEP + _OFFSET) & _MASK
        return Duration((_SHORTEST_MS + (self._state >> 33) % _SPREAD_MS) * MILLISECOND)
