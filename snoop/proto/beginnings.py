"""Queriers of a switch that filters by VLAN, which begin in turn.

An operator who gives a trunk 4094 VLANs has that many queriers begin, of both families: each asks
on every port that its VLAN has, so `_RATE` of them a second do. Until its turn a VLAN has no
querier and floods (Q-15). VLANs with settings of their own need not wait.

What such an operator asks for in a VLAN that no port has, waits for a port; that is said once.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from snoop.proto.deadlines import Deadlines
from snoop.proto.dumping import Timer, require, timer_of
from snoop.proto.effects import Turn
from snoop.proto.filters import BucketState, TokenBucket
from snoop.proto.loading import Load
from snoop.proto.units import MILLISECOND, NEVER, STOPPED, Duration, Instant, after
from snoop.wire.address import Family

_RATE: Final = 200
_BURST: Final = 20
_PAUSE: Final = Duration(50 * MILLISECOND)

Key = tuple[int, Family]


class BeginningsState(NamedTuple):
    """Who waits for its turn, and which VLANs without a port were spoken of."""

    timer: Timer
    bucket: BucketState
    waiting: tuple[Key, ...]
    said: tuple[Key, ...]
    looks: bool = False


class Home(Protocol):
    """Where instances are."""

    def begin(self, vid: int, family: Family, turn: Turn) -> None:
        """Have the querier of an instance begin, if it is wanted still."""
        ...

    def unasked(self) -> Iterator[Key]:
        """Yield those that are to be there, and are not."""
        ...

    def deserted(self) -> Iterator[Key]:
        """Yield those that are to ask, and have no port."""
        ...

    def say_deserted(self, vid: int, family: Family, turn: Turn) -> None:
        """Say that of one of them."""
        ...


class Beginnings:
    """Who waits for its turn."""

    __slots__ = (
        "_bucket",
        "_deadlines",
        "_home",
        "_looks",
        "_said",
        "_waiting",
        "armed",
        "armed_as",
    )

    def __init__(self, home: Home, deadlines: Deadlines, now: Instant) -> None:
        """Start with nobody."""
        self._home = home
        self._deadlines = deadlines
        self._bucket = TokenBucket(_RATE, _BURST, now=now)
        self._waiting: dict[Key, None] = {}
        self._said: dict[Key, None] = {}
        self._looks = False  # whether there may be others
        self.armed: Instant = STOPPED
        self.armed_as = 0

    def __contains__(self, key: Key) -> bool:
        """Tell whether an instance waits for its turn."""
        return key in self._waiting

    def look(self, now: Instant) -> None:
        """Have those begin that there may be now: once all that is under way is done."""
        self._looks = True
        self._deadlines.arm(self, Instant(now + 1))

    def discard(self, key: Key) -> None:
        """Have one wait no longer."""
        self._waiting.pop(key, None)

    def fire(self, turn: Turn) -> Instant:
        """Let the next ones begin."""
        if self._looks:
            self._looks = False
            self._waiting.update((key, None) for key in self._home.unasked())
        deserted = dict.fromkeys(self._home.deserted())
        for key in deserted:
            if key not in self._said:
                self._home.say_deserted(*key, turn)
        self._said = deserted
        while self._waiting and self._bucket.take(turn.now):
            key = next(iter(self._waiting))
            del self._waiting[key]
            self._home.begin(*key, turn)
        return after(turn.now, _PAUSE) if self._waiting else STOPPED

    def dump(self) -> BeginningsState:
        """What survives."""
        waiting, said = tuple(self._waiting), tuple(self._said)
        return BeginningsState(timer_of(self), self._bucket.dump(), waiting, said, self._looks)

    def load(self, state: BeginningsState, into: Load) -> None:
        """Take up what was dumped."""
        self._bucket.load(state.bucket)
        into.require_past(state.bucket.since)
        for keys, its in ((state.waiting, self._waiting), (state.said, self._said)):
            for vid, family in keys:
                require(0 <= vid < 4095, "no VLAN to ask in")
                its[vid, Family(family)] = None
        self._looks = state.looks
        into.timer(self, state.timer, NEVER if self._waiting or self._looks else STOPPED)
