"""What is known of the neighbour behind each port: questions to the kernel and what they say.

A port is followed from the first question about its interface. The kernel is asked about the
interface and, if it is one end of a veth pair, about the other end, in whatever namespace that
lives. "Takes no runs" and "cannot be handed frames" hold at once; the contrary waits, so that
somebody who toggles costs one publish a while. What no event tells is asked for every few seconds.
Events come in through `neighbours.py`, which alone has a loop.
"""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from snoop.links import direct, ethtool, runs
from snoop.links.direct import Direct
from snoop.links.filters import FILTERED, EgressFilters
from snoop.links.listing import Listing
from snoop.links.rtnetlink import ALL_INTERFACES, Asker, Facts, LinkEvent, RoutingEvent
from snoop.links.runs import PAIRS, Runs

ASK_SECONDS = 5.0
ASKED_AT_ONCE = 64  # Some 10 ms, the most of it for the list that one asks for as well.
SOON_SECONDS = 0.25  # Who is due so soon is asked with those who are.
CALM_SECONDS = 1.0
CALM_SECONDS_MAX = 60.0

Place = tuple[int | None, int]
"""Where an interface is: this namespace's number of its namespace (None: ours), ifindex."""
Dumps = dict[int | None, Listing]
"""Namespaces listed in this round of questions: 200 ports are asked about in two of them."""


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


@dataclass(slots=True)
class _Followed:
    """One port's interface, what was said of it last, and when to ask again."""

    ifindex: int
    own: Facts
    runs: Runs = runs.UNKNOWN
    direct: Direct = direct.UNKNOWN
    guests: frozenset[str] = frozenset()
    moved: set[Place] = field(default_factory=set)  # Guests in other namespaces.
    ask_at: float = 0.0
    doubt: _Doubt = field(default_factory=_Doubt)  # That it takes runs.
    direct_doubt: _Doubt = field(default_factory=_Doubt)

    @property
    def peer(self) -> Place | None:
        """Where the other end is."""
        return (self.own.link_nsid, self.own.link) if self.own.kind in PAIRS else None


class Peers:
    """`deaf`: why events of other namespaces do not reach us, None if they do."""

    def __init__(self) -> None:
        self.deaf: str | None = None
        self._asker: Asker | None = None
        self._filters = EgressFilters()
        self._followed: dict[int, _Followed] = {}
        self._by_peer: dict[Place, list[_Followed]] | None = None
        self._self_nsid: int | None = None

    def open(self) -> None:
        """OSError if the kernel cannot be asked."""
        self._asker = Asker()

    def close(self) -> None:
        if self._asker is not None:
            self._asker.close()
            self._asker = None

    # Answers -------------------------------------------------------------------------------------

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
        dumps: Dumps = {}
        for ifindex in ifindexes:
            self._follow(ifindex, dumps)

    def _follow(self, ifindex: int, dumps: Dumps | None = None) -> _Followed:
        one = self._followed.get(ifindex)
        if one is None:
            one = self._followed[ifindex] = _Followed(ifindex, Facts(ifindex, ""))
            self._ask_whole(one, {} if dumps is None else dumps)
        return one

    def next_due(self) -> float | None:
        """When somebody is to be asked again, in time.monotonic()."""
        return min((one.ask_at for one in self._followed.values()), default=None)

    def ask_due(self) -> bool:
        """Ask who is due; True if an answer changed."""
        now = time.monotonic()
        due = sorted((one.ask_at, one.ifindex) for one in self._followed.values())
        dumps: Dumps = {}
        changed = False
        for _, ifindex in [each for each in due if each[0] <= now + SOON_SECONDS][:ASKED_AT_ONCE]:
            changed |= self._ask_whole(self._followed[ifindex], dumps)
        return changed

    def ask_all(self) -> bool:
        """Events were lost: everybody, at once if it may cost somebody his runs."""
        return self.ask(self._followed)

    def ask(self, suspects: Iterable[int]) -> bool:
        """After an event; True if an answer changed."""
        changed = False
        for ifindex in list(suspects):
            changed |= self._ask_again(self._followed[ifindex])
        return changed

    def forget(self) -> None:
        """Nobody takes anything but single frames until he is asked again, which is soon."""
        for one in self._followed.values():
            one.runs, one.direct = runs.UNKNOWN, direct.UNKNOWN
            one.ask_at = time.monotonic() + CALM_SECONDS

    # Asking --------------------------------------------------------------------------------------

    def _ask_whole(self, one: _Followed, dumps: Dumps) -> bool:
        """Everything anew; True if an answer changed. `dumps`: namespaces listed in this round."""
        before = (one.runs, one.direct, one.guests, one.own.qdisc)
        now = time.monotonic()
        one.ask_at = now + ASK_SECONDS
        found, way = self._verdict(one, dumps)
        if found.takes and now < one.doubt.until:
            found, one.ask_at = one.runs, min(one.ask_at, one.doubt.until)
        if way.mac is not None and now < one.direct_doubt.until:
            way, one.ask_at = one.direct, min(one.ask_at, one.direct_doubt.until)
        try:
            one.guests = self._guests(one, dumps)
        except OSError:
            one.guests = frozenset()  # It is going; `links` says so.
        one.runs, one.direct = found, way
        return before != (one.runs, one.direct, one.guests, one.own.qdisc)

    def _ask_again(self, one: _Followed) -> bool:
        """After an event, at once: only what can make it take less."""
        now = time.monotonic()
        if not (one.runs.takes and one.direct.mac):
            one.ask_at = min(one.ask_at, now + one.doubt.calm)
        if not (one.runs.takes or one.direct.mac):
            return False
        peer, qdisc = one.peer, one.own.qdisc
        found, way = self._verdict(one, None)
        if one.peer != peer and (found.takes or way.mac):
            found, way = _neither("its peer has moved")
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
        return no_runs or no_way or one.own.qdisc != qdisc

    def _refuse(self, one: _Followed, because: Runs, now: float) -> None:
        one.runs = because
        one.doubt.begin(now)
        one.ask_at = min(one.ask_at, one.doubt.until)

    def _verdict(self, one: _Followed, dumps: Dumps | None) -> tuple[Runs, Direct]:
        """What holds now; without `dumps` what sits on the peer is not looked for."""
        if self._asker is None:
            return _neither(self.deaf or "nothing can be asked")
        try:
            own = self._facts((None, one.ifindex), dumps)
            if own.name in self._filters.names():
                own = replace(own, qdisc=FILTERED)
            one.own = own
            self._by_peer = None
            if own.kind in PAIRS:
                return self._verdict_of_pair(own, dumps)
        except OSError as error:
            if one.own.kind in PAIRS and error.errno != errno.ENODEV:
                return _neither(f"its peer cannot be asked: {error.strerror}")
            return runs.MISSING, direct.MISSING
        return _alone(own), direct.of_kind(own.kind)

    def _verdict_of_pair(self, own: Facts, dumps: Dumps | None) -> tuple[Runs, Direct]:
        nsid = own.link_nsid
        if nsid is not None and self.deaf is not None:
            return _neither(self.deaf)
        if not own.link:
            return _neither("its peer cannot be asked: it is in a namespace without an id here")
        try:
            peer = self._facts((nsid, own.link), dumps)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return _neither("its peer is moving or gone")
            return _neither(f"its peer cannot be asked: {error.strerror}")
        if nsid is not None and peer.link_nsid is not None:
            self._self_nsid = peer.link_nsid  # Events of our own namespace may carry it.
        found = runs.of_pair(own, peer, ())
        if found.takes and dumps is not None:
            found = runs.of_pair(own, peer, self._listed(nsid, dumps).on(peer.ifindex))
        return found, direct.of_pair(own, peer)

    def _facts(self, place: Place, dumps: Dumps | None) -> Facts:
        """What the list says, or what the kernel does: a list may miss who came meanwhile."""
        assert self._asker is not None
        nsid, ifindex = place
        listed = None if dumps is None else self._listed(nsid, dumps).get(ifindex)
        return listed or self._asker.link(ifindex, nsid)

    def _listed(self, nsid: int | None, dumps: Dumps) -> Listing:
        assert self._asker is not None
        if nsid not in dumps:
            dumps[nsid] = Listing(self._asker.links(nsid))
        return dumps[nsid]

    def _guests(self, one: _Followed, dumps: Dumps) -> frozenset[str]:
        """What sits on the port: here, where it moved to, or known by its address only."""
        if self._asker is None:
            return frozenset()
        found = set(self._listed(None, dumps).on(one.ifindex))
        for place in list(one.moved):
            facts = self._at(place)
            if facts is not None and facts.link == one.ifindex:
                found.add(f"{facts.name} (elsewhere)")
            else:
                one.moved.discard(place)
        if not found and one.own.kind not in (*runs.TUNNELS, "bridge"):  # they have an fdb
            found = {each.hex(":") for each in self._asker.guest_addresses(one.ifindex)}
        return frozenset(found)

    def _at(self, place: Place) -> Facts | None:
        assert self._asker is not None
        try:
            return self._asker.link(place[1], place[0])
        except OSError:
            return None

    # Events --------------------------------------------------------------------------------------

    def take(self, event: LinkEvent | RoutingEvent, suspects: set[int]) -> bool:
        """One event: adds whom to `ask`; True if an answer changed by the event alone."""
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
        if event.moved_to is not None:
            one.moved.add(event.moved_to)
            one.guests = before - {name} | {f"{name} (elsewhere)"}
        elif event.gone:
            one.guests = before - {name}
        else:
            one.guests = before | {name}
        return before != one.guests

    def _on_peer_event(self, one: _Followed, event: LinkEvent) -> bool:
        now = time.monotonic()
        if event.gone or not one.runs.takes:
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
            elif one.runs.takes:
                because = Runs(False, "a multicast router is starting behind it")
                self._refuse(one, because, time.monotonic())
                changed = True
        return changed

    def _namespace(self, nsid: int | None) -> int | None:
        return None if nsid == self._self_nsid else nsid


def _neither(because: str) -> tuple[Runs, Direct]:
    return Runs(False, because), Direct(None, because)


def _alone(own: Facts) -> Runs:
    """Of an interface that is no end of a pair."""
    if own.kind == "tun":
        return runs.of_tap(segments=ethtool.segments_udp(own.name))
    if own.kind:
        return runs.of_kind(own.kind)
    segments = ethtool.segments_udp(own.name)
    return runs.of_device(ethtool.driver(own.name), segments=segments)
