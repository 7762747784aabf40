"""What is believed of a neighbour when an answer of the kernel comes after the news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.links.direct import Direct
from snoop.links.peers import Peers
from snoop.links.questions import Answer, Question
from snoop.links.rtnetlink import Facts, LinkEvent, RoutingEvent
from snoop.links.runs import Runs

PORT, PEER, NSID = 7, 2, 3
OWN = Facts(PORT, "p0", "veth", link=PEER, link_nsid=NSID, mtu=1500)
MAC = b"\2\0\0\0\0\1"


def yes(question: Question, own: Facts = OWN, *guests: str) -> Answer:
    """A plain host is behind it."""
    return Answer(question, own, Runs(True, "a host"), Direct(MAC, "a host"), None,
                  frozenset(guests))  # fmt: skip


def no(question: Question) -> Answer:
    return Answer(question, OWN, Runs(False, "a bridge"), Direct(None, "a bridge"), None)


def known() -> Peers:
    peers = Peers()
    peers.follow([PORT])
    (question,) = peers.new()
    assert peers.hear(yes(question))
    assert takes(peers) == (True, MAC)
    return peers


class Clock:
    """Of what is tried, put on by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("snoop.links.peers.time.monotonic", made)
    return made


def asked(peers: Peers, clock: Clock) -> Question:
    """It is time to ask again, and the kernel takes its time to answer."""
    clock.now += 5
    (question,) = peers.due()
    clock.now += 1
    return question


def takes(peers: Peers) -> tuple[bool, bytes | None]:
    return peers.runs(PORT).takes, peers.direct(PORT).mac


def changed(ifindex: int, nsid: int | None, link: int = 0, kind: str = "veth") -> LinkEvent:
    return LinkEvent(nsid, Facts(ifindex, "x", kind, link=link), gone=False, moved_to=None)


def test_nothing_is_known_until_the_kernel_has_answered() -> None:
    peers = Peers()
    peers.follow([PORT])
    assert not peers.knows(PORT)
    (question,) = peers.new()
    assert peers.new() == []
    assert takes(peers) == (False, None)
    peers.hear(yes(question))
    assert peers.knows(PORT)


def test_an_answer_about_who_is_followed_no_more_is_nothing() -> None:
    peers = Peers()
    peers.follow([PORT])
    (question,) = peers.new()
    peers.follow([])
    assert not peers.hear(yes(question))
    peers.follow([PORT])
    assert not peers.hear(yes(question)), "it is another one's"
    assert not peers.knows(PORT)


def test_a_first_answer_older_than_any_event_is_not_believed_and_asked_for_again() -> None:
    """The event may have been its peer's, whom nobody knew yet."""
    peers = Peers()
    peers.follow([PORT])
    (question,) = peers.new()
    peers.take(changed(PEER, NSID), suspects := set())
    assert suspects == set()
    peers.hear(yes(question))
    assert peers.knows(PORT)
    assert takes(peers) == (False, None)
    (question,) = peers.due()
    peers.hear(yes(question))
    assert takes(peers) == (True, MAC)


def test_a_suspect_that_is_being_asked_about_is_asked_about_again() -> None:
    """What the first question finds may be older than the event, what the second finds is not."""
    peers = Peers()
    peers.follow([PORT])
    (question,) = peers.new()
    peers.hear(no(question))
    peers._followed[PORT].ask_at = 0
    (whole,) = peers.due()
    peers.take(changed(PEER, NSID), suspects := set())
    (again,) = peers.again(suspects)
    assert not again.whole
    peers.hear(yes(whole))
    assert peers.hear(no(again))
    assert takes(peers) == (False, None)


@pytest.mark.parametrize(
    "event",
    [RoutingEvent(NSID, -1, on=True), changed(9, NSID, PEER, "macvlan")],
    ids=["a router starts", "something sits on its peer"],
)
def test_what_an_event_took_away_an_older_answer_does_not_bring_back(
    event: LinkEvent | RoutingEvent, clock: Clock
) -> None:
    """However long the kernel took: longer than the time in which nobody is believed anyway."""
    peers = known()
    question = asked(peers, clock)
    assert peers.take(event, set())
    assert not takes(peers)[0]
    clock.now += 100
    peers.hear(yes(question))
    assert not takes(peers)[0]
    (question,) = peers.due()
    peers.hear(yes(question))
    assert takes(peers)[0]


@pytest.mark.parametrize(
    "event",
    [RoutingEvent(NSID, -1, on=True), changed(9, NSID, PEER, "macvlan")],
    ids=["a router starts", "something sits on its peer"],
)
def test_who_took_nothing_does_not_begin_to_by_an_answer_older_than_an_event(
    event: LinkEvent | RoutingEvent, clock: Clock
) -> None:
    peers = Peers()
    peers.follow([PORT])
    (question,) = peers.new()
    peers.hear(no(question))
    question = asked(peers, clock)
    peers.take(event, set())
    peers.hear(yes(question))
    assert not takes(peers)[0]


def test_an_address_that_changed_is_not_brought_back_by_an_answer_of_before(clock: Clock) -> None:
    peers = known()
    question = asked(peers, clock)
    (again,) = peers.again([PORT])
    other = Direct(b"\2\0\0\0\0\2", "a host")
    assert peers.hear(Answer(again, OWN, Runs(True, "a host"), other, None))
    assert takes(peers) == (True, None), "frames for the one would be handed to the other"
    clock.now += 100
    peers.hear(yes(question))
    assert takes(peers) == (True, None)


def test_our_own_namespace_is_known_by_the_number_that_a_peer_s_has_for_it() -> None:
    """Events of it come with that number where they are heard of all namespaces."""
    peers = known()
    for number, suspects in ((None, set()), (5, {PORT})):
        (again,) = peers.again([PORT])
        peers.hear(Answer(again, OWN, Runs(True, "a host"), Direct(MAC, "a host"), number))
        peers.take(changed(PORT, 5), found := set())
        assert found == suspects


def test_a_guest_that_came_after_the_question_is_not_forgotten(clock: Clock) -> None:
    peers = known()
    question = asked(peers, clock)
    assert peers.take(changed(9, None, PORT, "macvlan"), set())
    peers.hear(yes(question))
    assert peers.guests(PORT) == {"x"}
    (question,) = peers.due()
    clock.now += 0.1
    peers.hear(yes(question, OWN, "x", "y"))
    assert peers.guests(PORT) == {"x", "y"}


def test_a_peer_that_has_moved_is_believed_only_when_all_is_asked() -> None:
    peers = known()
    (again,) = peers.again([PORT])
    assert peers.hear(yes(again, replace(OWN, link=PEER + 1)))
    assert takes(peers) == (False, None)
