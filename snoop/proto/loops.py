"""The loop guard: which of the switch's ports are one too many, by its own probes that come back.

Once a second each port sends a probe in its VLANs (`beat`). One that comes in again, in the VLAN
that it left in, has found a loop: what this switch sends by one port comes back by another, or by
the same. Of the two the port with the higher id is held (LOOP-2): it forwards nothing, but still
sends and takes probes, so the loop is seen for as long as it is there; when nothing of it was seen
for some beats, or the other port is down, the port is let go (LOOP-4).

Nobody can forge a probe: its key is chance, of one port and one beat, and known to whoever was sent
it. Sent back by him it holds his own port, which is what he asked for. Nothing else is believed:
the names and numbers in a probe are for people.

Other switches of this kind pass a probe on, each once and with its id (LOOP-5): so a loop through
them is found, and a host behind them cannot send it back. They see the loop, too: of those who are
in it the one with the lowest id holds its port, the others wait whether that was it (LOOP-6), or
each would cut another cable. An id is not believed for long: who waits for one that does not come
acts after all. A probe also says how often its switch has held a port or let one go: where that is
another number, the network is another for those who hear it as well (LOOP-8).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from snoop.proto.units import SECOND, Duration, Instant, Ports
from snoop.wire import probe
from snoop.wire.probe import KEY_BYTES, Probe

BEAT: Final = SECOND
# A probe that is older has gone round a loop of others, or is somebody's who kept it.
KEPT: Final = Duration(4 * SECOND)
# A loop of which nothing was seen for three beats is gone.
GONE: Final = Duration(7 * SECOND // 2)
# How long each switch with a lower id has, in evidence that goes on.
PATIENCE: Final = Duration(12 * SECOND // 5)
# What others can make this grow.
PASSED_MAX: Final = 4096
SWITCHES_MAX: Final = 256


class Heard(NamedTuple):
    """What becomes of a probe: what of it is passed on, if anything; whether it was refused;
    whether its switch says that it has held a port, or let one go.
    """

    passed: bytes | None = None
    refused: bool = False
    changed: bool = False


class Held(NamedTuple):
    """A port that is held: the port that its loop goes by, maybe the same, the VLAN, since when."""

    by: int
    vid: int
    since: Instant


class Change(NamedTuple):
    """A port is held from now on, or let go (`held` None)."""

    port: int
    held: Held | None


class _Sent(NamedTuple):
    port: int
    vid: int
    at: Instant


@dataclass(slots=True)
class _Loop:
    """Between two ports: when its first and last probe was sent that came back; who goes first."""

    vid: int
    first: Instant
    last: Instant
    ahead: int


class LoopGuard:
    """The guard of one switch; `switch` is its id, of eight bytes."""

    def __init__(self, switch: bytes) -> None:
        """Start without a loop."""
        self.switch = switch
        self._sent: dict[bytes, _Sent] = {}
        self._loops: dict[tuple[int, int], _Loop] = {}
        self._held: dict[int, Held] = {}
        self._passed: dict[tuple[bytes, bytes, int], Instant] = {}
        self._changes = 0
        self._others: dict[bytes, int] = {}

    @property
    def held(self) -> Mapping[int, Held]:
        """The ports that are held."""
        return self._held

    def beat(
        self,
        ports: Iterable[tuple[int, Iterable[int]]],
        chance: Callable[[int], bytes],
        now: Instant,
    ) -> list[Probe]:
        """A probe for each port and VLAN, without its label; `chance` gives bytes nobody knows."""
        self._sent = {key: sent for key, sent in self._sent.items() if now - sent.at < KEPT}
        self._passed = {key: at for key, at in self._passed.items() if now - at < KEPT}
        probes = []
        for port, vids in ports:
            for vid in vids:
                key = chance(KEY_BYTES)
                self._sent[key] = _Sent(port, vid, now)
                probes.append(Probe(self.switch, port, vid, key, "", (), self._changes))
        return probes

    def receive(self, port: int, vid: int, frame: bytes, now: Instant) -> Heard:
        """Take a probe that came in; `settle` says what follows from it."""
        heard = probe.parse(frame)
        if heard is None:
            return Heard(refused=True)
        if heard.switch != self.switch:
            passed = self._passed_on(frame, heard, vid, now)
            return Heard(passed, changed=self._is_news(heard))
        sent = self._sent.get(heard.key)
        if sent is None or now - sent.at >= KEPT:
            return Heard(refused=True)
        if sent.vid != vid:
            # Two of our VLANs are one network out there: a loop if it comes back to where it began.
            return Heard(self._passed_on(frame, heard, vid, now))
        pair = (min(port, sent.port), max(port, sent.port))
        loop = self._loops.setdefault(pair, _Loop(vid, sent.at, sent.at, 0))
        if sent.at >= loop.last:
            loop.last, loop.ahead = sent.at, self._ahead(heard, *pair)
        return Heard()

    def vlans(self, port: int) -> set[int]:
        """The VLANs in which loops of the port were seen: probed without them, it would be let go
        while the loop is there.
        """
        return {loop.vid for pair, loop in self._loops.items() if port in pair}

    def settle(self, up: Ports, now: Instant) -> list[Change]:
        """What follows from what was seen; `up`: the ports that have a link, held or not."""
        for pair, loop in list(self._loops.items()):
            low, high = pair
            if now - loop.last >= GONE or not (up >> low & 1 and up >> high & 1):
                del self._loops[pair]
        changes = []
        for port in sorted(self._held):
            if self._reason(port) is None:
                del self._held[port]
                changes.append(Change(port, None))
        for (low, high), loop in sorted(self._loops.items()):
            if low in self._held or high in self._held:
                continue
            if loop.last - loop.first < loop.ahead * PATIENCE:
                continue
            self._held[high] = Held(low, loop.vid, now)
            changes.append(Change(high, self._held[high]))
        self._changes = (self._changes + len(changes)) % (1 << 32)
        return changes

    def resume(self, held: Mapping[int, Held], now: Instant) -> None:
        """Hold what another process has held: its loops count as seen now."""
        for port, one in held.items():
            self._held[port] = one
            pair = (min(port, one.by), max(port, one.by))
            self._loops[pair] = _Loop(one.vid, now, now, 0)

    def forget(self, port: int) -> None:
        """Forget a port that is none any more; its number may be another's."""
        self._held.pop(port, None)
        self._loops = {pair: loop for pair, loop in self._loops.items() if port not in pair}
        self._sent = {key: sent for key, sent in self._sent.items() if sent.port != port}

    def _reason(self, port: int) -> _Loop | None:
        """A loop that a held port would close: with itself, or with one that forwards."""
        for (low, high), loop in self._loops.items():
            other = high if low == port else low
            if port in (low, high) and (other == port or other not in self._held):
                return loop
        return None

    def _ahead(self, heard: Probe, low: int, high: int) -> int:
        """How many others of the loop go first. One that comes back to its port by others of this
        kind has gone round a loop of theirs, which they see as well.
        """
        others = set(heard.path) - {self.switch}
        return len(others) if low == high else sum(other < self.switch for other in others)

    def _is_news(self, heard: Probe) -> bool:
        """Of a switch that is heard for the first time nothing has changed."""
        known = self._others.pop(heard.switch, heard.changes)
        self._others[heard.switch] = heard.changes
        if len(self._others) > SWITCHES_MAX:
            del self._others[next(iter(self._others))]
        return heard.changes != known

    def _passed_on(self, frame: bytes, heard: Probe, vid: int, now: Instant) -> bytes | None:
        key = (heard.switch, heard.key, vid)
        if key in self._passed:
            return None
        if len(self._passed) >= PASSED_MAX:
            del self._passed[next(iter(self._passed))]
        self._passed[key] = now
        return probe.passed_on(frame, heard, self.switch)
