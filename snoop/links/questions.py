"""What the kernel is asked about a port's neighbour, and what it makes of the answer.

The kernel is asked about the port's interface and, if it is one end of a veth pair, about the other
end, in whatever namespace that lives. Nothing is remembered here but the connection, so that a
thread may ask (`asking.py`); what an answer changes is for `peers.py` to say.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace

from snoop.links import direct, ethtool, runs
from snoop.links.direct import Direct
from snoop.links.filters import FILTERED, EgressFilters
from snoop.links.listing import Listing
from snoop.links.rtnetlink import Asker, Facts
from snoop.links.runs import PAIRS, Runs

Place = tuple[int | None, int]
"""Where an interface is: this namespace's number of its namespace (None: ours), ifindex."""
Dumps = dict[int | None, Listing]
"""Namespaces listed in this round of questions: 200 ports are asked about in two of them."""


@dataclass(frozen=True, slots=True)
class Question:
    """About one port's interface. `serial`: of who asks; `asked`: when, in time.monotonic().

    `whole`: also what sits on it, and on its peer; otherwise only what can make it take less.
    `kind`: what it was until now; `moved`: guests that were seen to leave for other namespaces.
    """

    ifindex: int
    serial: int
    asked: float
    whole: bool
    kind: str
    moved: frozenset[Place]


@dataclass(frozen=True, slots=True)
class Answer:
    """`own`: the interface, None: there is no saying. `self_nsid`: its peer's number of our own
    namespace, if it told one. `guests`, `moved`: what sits on the port, if that was asked.
    """

    question: Question
    own: Facts | None
    runs: Runs
    direct: Direct
    self_nsid: int | None
    guests: frozenset[str] = frozenset()
    moved: frozenset[Place] = frozenset()


class Questions:
    """`deaf`: why events of other namespaces do not reach us, None if they do."""

    def __init__(self) -> None:
        self.deaf: str | None = None
        self._asker: Asker | None = None
        self._filters = EgressFilters()

    def open(self) -> None:
        """OSError if the kernel cannot be asked."""
        self._asker = Asker()

    def close(self) -> None:
        if self._asker is not None:
            self._asker.close()
            self._asker = None

    def answer(self, questions: Sequence[Question], dumps: Dumps) -> list[Answer]:
        """Ask; `dumps`: namespaces listed in this round."""
        return [self._answer(each, dumps) for each in questions]

    def _answer(self, question: Question, dumps: Dumps) -> Answer:
        made = self._verdict(question, dumps if question.whole else None)
        if not question.whole or self._asker is None:
            return made
        try:
            guests, moved = self._guests(question, made.own, dumps)
        except OSError:
            guests, moved = frozenset(), frozenset()  # It is going; `links` says so.
        return replace(made, guests=guests, moved=moved)

    def _verdict(self, question: Question, dumps: Dumps | None) -> Answer:
        """What holds now; without `dumps` what sits on the peer is not looked for."""
        if self._asker is None:
            return Answer(question, None, *neither(self.deaf or "nothing can be asked"), None)
        own = None
        try:
            own = self._facts((None, question.ifindex), dumps)
            if own.name in self._filters.names():
                own = replace(own, qdisc=FILTERED)
            if own.kind in PAIRS:
                return self._verdict_of_pair(question, own, dumps)
        except OSError as error:
            kind = question.kind if own is None else own.kind
            if kind in PAIRS and error.errno != errno.ENODEV:
                why = f"its peer cannot be asked: {error.strerror}"
                return Answer(question, own, *neither(why), None)
            return Answer(question, own, runs.MISSING, direct.MISSING, None)
        return Answer(question, own, _alone(own), direct.of_kind(own.kind), None)

    def _verdict_of_pair(self, question: Question, own: Facts, dumps: Dumps | None) -> Answer:
        nsid, self_nsid, why = own.link_nsid, None, None
        if nsid is not None and self.deaf is not None:
            why = self.deaf
        elif not own.link:
            why = "its peer cannot be asked: it is in a namespace without an id here"
        else:
            try:
                peer = self._facts((nsid, own.link), dumps)
            except OSError as error:
                why = f"its peer cannot be asked: {error.strerror}"
                if error.errno == errno.ENODEV:
                    why = "its peer is moving or gone"
        if why is not None:
            return Answer(question, own, *neither(why), None)
        if nsid is not None and peer.link_nsid is not None:
            self_nsid = peer.link_nsid
        found = runs.of_pair(own, peer, ())
        if found.takes and dumps is not None:
            found = runs.of_pair(own, peer, self._listed(nsid, dumps).on(peer.ifindex))
        return Answer(question, own, found, direct.of_pair(own, peer), self_nsid)

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

    def _guests(
        self, question: Question, own: Facts | None, dumps: Dumps
    ) -> tuple[frozenset[str], frozenset[Place]]:
        """What sits on the port: here, where it moved to, or known by its address only."""
        assert self._asker is not None
        found = set(self._listed(None, dumps).on(question.ifindex))
        moved = set()
        for place in question.moved:
            facts = self._at(place)
            if facts is not None and facts.link == question.ifindex:
                found.add(f"{facts.name} (elsewhere)")
                moved.add(place)
        kind = question.kind if own is None else own.kind
        if not found and kind not in (*runs.TUNNELS, "bridge"):  # they have an fdb
            found = {each.hex(":") for each in self._asker.guest_addresses(question.ifindex)}
        return frozenset(found), frozenset(moved)

    def _at(self, place: Place) -> Facts | None:
        assert self._asker is not None
        try:
            return self._asker.link(place[1], place[0])
        except OSError:
            return None


def neither(because: str) -> tuple[Runs, Direct]:
    """No runs, and nothing handed over, for one reason."""
    return Runs(False, because), Direct(None, because)


def _alone(own: Facts) -> Runs:
    """Of an interface that is no end of a pair."""
    if own.kind == "tun":
        return runs.of_tap(segments=ethtool.segments_udp(own.name))
    if own.kind:
        return runs.of_kind(own.kind)
    segments = ethtool.segments_udp(own.name)
    return runs.of_device(ethtool.driver(own.name), segments=segments)
