"""What is known of the neighbour behind each port, and when to ask the kernel again.

A port is followed from the first question about its interface. "Takes no runs" and "cannot be
handed frames" hold at once; the contrary waits, so that somebody who toggles costs one publish a
while. What no event tells is asked for every few seconds. Events and answers come in through
`neighbours.py`, which alone has a loop, and by the time an answer comes an event may have told
more: what was asked before it may only make somebody take less.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import count

from snoop.links import direct, runs
from snoop.links.direct import Direct
from snoop.links.questions import Answer, Place, Question, neither
from snoop.links.rtnetlink import ALL_INTERFACES, Facts, LinkEvent, RoutingEvent
from snoop.links.runs import PAIRS, Runs

ASK_SECONDS = 5.0
ASKED_AT_ONCE = 64  # Some 10 ms, the most of it for the list that one asks for as well.
SOON_SECONDS = 0.25  # Who is due so soon is asked with those who are.
CALM_SECONDS = 1.0
CALM_SECONDS_MAX = 60.0


@dataclass(slots=True)
class _Doubt:
    """Who takes less than before is not believed again at once; who does so often, for longer."""

    calm: float = CALM_SECONDS
    begun: float = -math.inf
    until: float = -math.inf

    def begin(self, now: float) -> None:
        """From now on."""
        often = now - self.begun < 10 * self.calm
        self.calm = min(2 * self.calm, CALM_SECONDS_MAX) if often else CALM_SECONDS
        self.begun, self.until = now, now + self.calm

    def holds(self, now: float, asked: float) -> bool:
        """Of what was asked then, and is known now."""
        return now < self.until or asked <= self.begun


@dataclass(slots=True)
class _Followed:
    """One port's interface, what was said of it last, and when to ask again.

    `known`: something was said; `asked`: so many questions are under way; `told`: when an event
    last told of guests.
    """

    ifindex: int
    serial: int
    own: Facts
    known: bool = False
    asked: int = 0
    runs: Runs = runs.UNKNOWN
    direct: Direct = direct.UNKNOWN
    guests: frozenset[str] = frozenset()
    moved: frozenset[Place] = frozenset()  # Guests in other namespaces.
    told: float = -math.inf
    ask_at: float = -math.inf
    doubt: _Doubt = field(default_factory=_Doubt)  # That it takes runs.
    direct_doubt: _Doubt = field(default_factory=_Doubt)

    @property
    def peer(self) -> Place | None:
        """Where the other end is."""
        return (self.own.link_nsid, self.own.link) if self.own.kind in PAIRS else None


class Peers:
    """Of the ports that are followed."""

    def __init__(self) -> None:
        self._followed: dict[int, _Followed] = {}
        self._serials = count()
        self._by_peer: dict[Place, list[_Followed]] | None = None
        self._self_nsid: int | None = None
        self._told = -math.inf  # when an event was last taken

    # What is known -------------------------------------------------------------------------------

    def knows(self, ifindex: int) -> bool:
        """Has the kernel said anything of it?"""
        return ifindex in self._followed and self._followed[ifindex].known

    def runs(self, ifindex: int) -> Runs:
        """Does what is behind this interface take runs?"""
        return self._follow(ifindex).runs

    def direct(self, ifindex: int) -> Direct:
        """Can who is behind this interface be handed frames directly?"""
        return self._follow(ifindex).direct

    def guests(self, ifindex: int) -> frozenset[str]:
        """What else sits on this interface: macvlan, VLAN and the like, by name."""
        return self._follow(ifindex).guests

    def qdisc(self, ifindex: int) -> str:
        """The interface's own queueing discipline; FILTERED, if a filter is on what leaves."""
        return self._follow(ifindex).own.qdisc

    def follow(self, ifindexes: Collection[int]) -> None:
        """These interfaces and no others."""
        for ifindex in [each for each in self._followed if each not in ifindexes]:
            del self._followed[ifindex]
            self._by_peer = None
        for ifindex in ifindexes:
            self._follow(ifindex)

    def _follow(self, ifindex: int) -> _Followed:
        one = self._followed.get(ifindex)
        if one is None:
            facts = Facts(ifindex, "")
            one = self._followed[ifindex] = _Followed(ifindex, next(self._serials), facts)
        return one

    # Questions -----------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When somebody is to be asked again, in time.monotonic()."""
        return min((one.ask_at for one in self._followed.values()), default=None)

    def new(self) -> list[Question]:
        """About those of whom nothing was asked yet."""
        new = [one for one in self._followed.values() if one.ask_at == -math.inf]
        return [self._question(one, whole=True) for one in new]

    def due(self) -> list[Question]:
        """About those who are due, so many at once."""
        soon = time.monotonic() + SOON_SECONDS
        due = sorted((one.ask_at, one.ifindex) for one in self._followed.values())
        some = [ifindex for at, ifindex in due if at <= soon][:ASKED_AT_ONCE]
        return [self._question(self._followed[ifindex], whole=True) for ifindex in some]

    def again(self, suspects: Iterable[int] | None = None) -> list[Question]:
        """After an event, about these or everybody: only what can make them take less."""
        now = time.monotonic()
        asked = []
        for ifindex in list(self._followed if suspects is None else suspects):
            one = self._followed[ifindex]
            if not (one.runs.takes and one.direct.mac):
                one.ask_at = min(one.ask_at, now + one.doubt.calm)
            # Whoever is being asked about may be said to take what he did before the event.
            if one.runs.takes or one.direct.mac or one.asked:
                asked.append(self._question(one, whole=False))
        return asked

    def forget(self) -> None:
        """Nobody takes anything but single frames until he is asked again, which is soon."""
        for one in self._followed.values():
            one.runs, one.direct = runs.UNKNOWN, direct.UNKNOWN
            one.ask_at = time.monotonic() + CALM_SECONDS

    def _question(self, one: _Followed, *, whole: bool) -> Question:
        now = time.monotonic()
        one.asked += 1
        if whole:
            one.ask_at = now + ASK_SECONDS
        return Question(one.ifindex, one.serial, now, whole, one.own.kind, one.moved)

    # Answers -------------------------------------------------------------------------------------

    def hear(self, answer: Answer) -> bool:
        """True if it changed anything."""
        one = self._followed.get(answer.question.ifindex)
        if one is None or one.serial != answer.question.serial:
            return False
        one.asked -= 1
        if answer.self_nsid is not None:
            self._self_nsid = answer.self_nsid  # Events of our own namespace may carry it.
        before = one.own
        if answer.own is not None:
            one.own = answer.own
            self._by_peer = None
        if answer.question.whole:
            return self._hear_whole(one, answer, before)
        return self._hear_less(one, answer, before)

    def _hear_whole(self, one: _Followed, answer: Answer, own: Facts) -> bool:
        """Everything anew."""
        before = (one.known, one.runs, one.direct, one.guests, own.qdisc)
        now, asked = time.monotonic(), answer.question.asked
        found, way = answer.runs, answer.direct
        if asked < self._told and (one.own.link_nsid, one.own.link) != (own.link_nsid, own.link):
            # What was told of its peer meanwhile nobody took for its own.
            found, way, one.ask_at = *neither("its peer is changing"), now
        if found.takes and one.doubt.holds(now, asked):
            found, one.ask_at = one.runs, min(one.ask_at, one.doubt.until)
        if way.mac is not None and one.direct_doubt.holds(now, asked):
            way, one.ask_at = one.direct, min(one.ask_at, one.direct_doubt.until)
        if one.told <= asked:
            one.guests, one.moved = answer.guests, answer.moved
        else:
            one.ask_at = now
            one.guests |= frozenset() if one.known else answer.guests
        one.known, one.runs, one.direct = True, found, way
        return before != (one.known, one.runs, one.direct, one.guests, one.own.qdisc)

    def _hear_less(self, one: _Followed, answer: Answer, own: Facts) -> bool:
        """After an event, at once: only what makes it take less."""
        now = time.monotonic()
        found, way = answer.runs, answer.direct
        moved = (own.kind, own.link_nsid, own.link) != (
            one.own.kind, one.own.link_nsid, one.own.link,
        )  # fmt: skip
        if moved and one.known and (found.takes or way.mac):
            found, way = neither("its peer has moved")
        elif way.mac not in (None, one.direct.mac):
            way = Direct(None, "its peer changes its address")
        no_runs = one.runs.takes and not found.takes
        no_way = one.direct.mac is not None and way.mac is None
        if no_runs:
            self._refuse(one, found, now)
        if no_way:
            one.direct = way
            one.direct_doubt.begin(now)
            one.ask_at = min(one.ask_at, one.direct_doubt.until)
        return no_runs or no_way or one.own.qdisc != own.qdisc

    def _refuse(self, one: _Followed, because: Runs, now: float) -> None:
        one.runs = because
        one.doubt.begin(now)
        one.ask_at = min(one.ask_at, one.doubt.until)

    # Events --------------------------------------------------------------------------------------

    def take(self, event: LinkEvent | RoutingEvent, suspects: set[int]) -> bool:
        """One event: adds whom to ask `again`; True if an answer changed by the event alone."""
        self._told = time.monotonic()
        if isinstance(event, RoutingEvent):
            return self._routing_event(event, suspects)
        return self._link_event(event, suspects)

    def _link_event(self, event: LinkEvent, suspects: set[int]) -> bool:
        nsid = self._namespace(event.nsid)
        facts = event.facts
        here = (nsid, facts.ifindex)
        for one in self._with_peer(here):
            suspects.add(one.ifindex)
        if nsid is None and facts.ifindex in self._followed:
            suspects.add(facts.ifindex)
        for one in self._followed.values():
            if here in one.moved:
                one.ask_at = time.monotonic()
        changed = False
        if runs.sits_on(facts, facts.link):
            for one in self._with_peer((nsid, facts.link)):
                changed |= self._on_peer_event(one, event)
            if nsid is None and facts.link in self._followed:
                changed |= self._guest_event(self._followed[facts.link], event)
        return changed

    def _with_peer(self, place: Place) -> list[_Followed]:
        """The ports whose other end is there."""
        if self._by_peer is None:
            self._by_peer = {}
            for one in self._followed.values():
                if one.peer is not None:
                    self._by_peer.setdefault(one.peer, []).append(one)
        return self._by_peer.get(place, [])

    def _guest_event(self, one: _Followed, event: LinkEvent) -> bool:
        """Something sits on the port, or no longer."""
        name, before = event.facts.name, one.guests
        one.told = time.monotonic()
        if event.moved_to is not None:
            one.moved |= {event.moved_to}
            one.guests = before - {name} | {f"{name} (elsewhere)"}
        elif event.gone:
            one.guests = before - {name}
        else:
            one.guests = before | {name}
        return before != one.guests

    def _on_peer_event(self, one: _Followed, event: LinkEvent) -> bool:
        now = time.monotonic()
        if event.gone or not (one.runs.takes or one.asked):
            one.ask_at = min(one.ask_at, now + one.doubt.calm)
            return False
        self._refuse(one, Runs(False, f"{event.facts.name} sits on its peer"), now)
        return True

    def _routing_event(self, event: RoutingEvent, suspects: set[int]) -> bool:
        """A router starts: MRT_INIT says so for the whole namespace before it has an interface.

        One on an interface that sits on a peer from a third namespace shows only in the peer's
        all-multicast count, which changes without an event: then everybody is asked.
        """
        if not event.on:
            return False
        nsid = self._namespace(event.nsid)
        changed = False
        for one in self._followed.values():
            if event.ifindex != ALL_INTERFACES or one.peer is None or one.peer[0] != nsid:
                suspects.add(one.ifindex)
            elif one.runs.takes or one.asked:
                because = Runs(False, "a multicast router is starting behind it")
                self._refuse(one, because, time.monotonic())
                changed = True
        return changed

    def _namespace(self, nsid: int | None) -> int | None:
        return None if nsid == self._self_nsid else nsid
